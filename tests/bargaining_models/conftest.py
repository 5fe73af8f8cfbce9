"""What takes seconds to make, once for all tests of the models."""

import pytest

from bargaining_models.paper.study import Study
from bargaining_models.us_canada.baseline import Baseline


@pytest.fixture(scope="session")
def study() -> Study:
    return Study()


@pytest.fixture(scope="session")
def baseline() -> Baseline:
    return Baseline.from_parameters()

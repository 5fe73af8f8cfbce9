"""Data of published papers that may not be shipped: read from the folder that `BARGAINING_REPLICATION_DATA` names."""

import os
from pathlib import Path

import numpy as np
import pytest


def replication_data(name):
    """Return the arrays of a file of that folder, or skip the test."""
    folder = os.environ.get("BARGAINING_REPLICATION_DATA")
    if not folder:
        pytest.skip("BARGAINING_REPLICATION_DATA names no folder")
    path = Path(folder) / f"{name}.npz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    with np.load(path) as file:
        return {key: file[key] for key in file.files}

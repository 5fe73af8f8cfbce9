"""The figure of timing draws all paths."""

import numpy as np

from bargaining_models.paper.figures import FIGURES
from bargaining_models.paper.study import Study
from bargaining_models.paper.timing import PivotStudy


def test_the_figure_draws_every_path(study: Study) -> None:
    for ax in FIGURES["F2"](study).axes:
        assert len(ax.lines) == len(study.once(PivotStudy).paths)
        assert ax.get_xlabel()
        for line in ax.lines:
            assert np.isfinite(np.asarray(line.get_ydata(), dtype=float)).all()

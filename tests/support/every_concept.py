"""The concepts by name, each with what it must be told, for tests that ask the same of all."""

from collections.abc import Callable
from functools import partial

import numpy as np

from bargaining import (
    Division,
    Problem,
    conley_wilkie,
    continuous_raiffa,
    dictatorial,
    egalitarian,
    equal_loss,
    gupta_livne,
    kalai_smorodinsky,
    lexicographic_egalitarian,
    lexicographic_kalai_smorodinsky,
    nash,
    perles_maschler,
    raiffa,
    utilitarian,
    yu,
)

Method = Callable[[Problem], Division]


def livne_from_disagreement(problem: Problem) -> Division:
    return gupta_livne(problem, reference=problem.disagreement)


CONCEPTS: dict[str, Method] = {
    "nash": nash,
    "kalai_smorodinsky": kalai_smorodinsky,
    "egalitarian": egalitarian,
    "utilitarian": utilitarian,
    "equal_loss": equal_loss,
    "raiffa": raiffa,
    "continuous_raiffa": continuous_raiffa,
    "perles_maschler": perles_maschler,
    "lexicographic_kalai_smorodinsky": lexicographic_kalai_smorodinsky,
    "lexicographic_egalitarian": lexicographic_egalitarian,
    "gupta_livne": livne_from_disagreement,
    "conley_wilkie": conley_wilkie,
    "dictatorial": partial(dictatorial, player=0),
    "yu 1": partial(yu, p=1),
    "yu 2": partial(yu, p=2),
    "yu inf": partial(yu, p=np.inf),
}


def but(*names: str) -> list[Method]:
    """Return all concepts but some."""
    assert set(names) <= set(CONCEPTS)
    return [method for name, method in CONCEPTS.items() if name not in names]


def only(*names: str) -> dict[str, Method]:
    """Return some concepts by name."""
    return {name: CONCEPTS[name] for name in names}

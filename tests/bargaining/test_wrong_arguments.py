"""Arguments of the wrong type are refused by name, before anything is computed with them."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bargaining import (
    AlternatingOffers,
    CoalitionalGame,
    Game,
    InvalidInput,
    OutsideOptionScreening,
    Polytope,
    Problem,
    ReputationalDemands,
    StochasticBargaining,
    StochasticGame,
    Table,
    TransferableSurplus,
    WarOfAttrition,
    certify,
    compare,
    credibility,
    kambe_limit,
    nash,
    plot,
    read_description,
    save_figure,
    sweep,
)
from bargaining.axioms import weak_pareto
from bargaining.testing import check_axioms, find_violation, verdict

PIE = Problem(TransferableSurplus(1.0), [0.0, 0.0])
TRIANGLE = Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])
STAGE = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
EVEN = [np.full((2, 2, 1), 1.0)]

LISTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "names of players": ("players", lambda x: CoalitionalGame(x, {})),
    "demands": ("demands", lambda x: ReputationalDemands(x, [0.1, 0.1], [[0.1], [0.1]])),
    "priors": ("priors", lambda x: ReputationalDemands([[0.6], [0.6]], [0.1, 0.1], x)),
    "exits": ("exit", lambda x: StochasticGame([STAGE], EVEN, 0.5, exit=x)),
    "states": ("states", lambda x: StochasticGame([STAGE], EVEN, 0.5, states=x)),
    "players of a stochastic game": ("players", lambda x: StochasticGame([STAGE], EVEN, 0.5, players=x)),
    "actions": ("actions", lambda x: Game([[1, 2]], [[1, 2]], actions=x)),
    "actions of a player": ("actions[1]", lambda x: Game([[1, 2]], [[1, 2]], actions=[["a"], x])),
    "columns": ("columns", lambda x: Table([{"a": 1}], columns=x)),
    "a row": ("rows", lambda x: Table([x])),
    "methods": ("methods", lambda x: compare(x, PIE)),
    "endings": ("endings", lambda x: Table([{"a": 1}]).save(".", "a", endings=x)),
    "axioms": ("axioms", lambda x: check_axioms(nash, TRIANGLE, axioms=x)),
}
FUNCTIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "worth": ("worth", lambda x: CoalitionalGame(["a", "b"], x)),
    "survival": ("survival", lambda x: OutsideOptionScreening(x, 0.0, 1.0)),
    "one of the methods": ("methods", lambda x: compare([nash, x], PIE)),
    "method of a check": ("method", lambda x: check_axioms(x, TRIANGLE)),
    "method of an axiom": ("method", lambda x: weak_pareto(x, TRIANGLE)),
    "method of a search": ("method", lambda x: find_violation(x, "symmetry")),
    "a named method": ("methods", lambda x: compare({"mine": x}, PIE)),
}
OTHERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "a step": ("game", lambda x: credibility(x, [0.5])),
    "tolerance": ("tolerance", lambda x: certify(nash(PIE), tolerance=x)),
    "cell": ("cell", lambda x: certify(nash(PIE), cell=x)),
    "axes": ("ax", lambda x: plot(nash(PIE), ax=x)),
    "figure": ("figure", lambda x: save_figure(x, "split.svg")),
    "leaver": ("leaver", lambda x: AlternatingOffers(0.9, leaver=x)),
    "problem of a check": ("problem", lambda x: check_axioms(nash, x)),
    "problem of an axiom": ("problem", lambda x: weak_pareto(nash, x)),
    "axiom of a search": ("axioms", lambda x: find_violation(nash, x)),
    "concept of a verdict": ("concept", lambda x: verdict(x, "symmetry")),
    "order": ("order", PIE.relabel),
    "weak": ("weak", lambda x: WarOfAttrition((0.6, 0.7), (0.3, 0.4), rates=0.1)(weak=x)),
}
PATHS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "file": ("path", read_description),
    "picture": ("path", lambda x: save_figure(plot(nash(PIE)), x)),
    "checkpoint": ("checkpoint", lambda x: sweep(lambda a: PIE, {"a": [1.0, 2.0]}, nash, checkpoint=x)),
    "folder": ("folder", lambda x: Table([{"a": 1}]).save(x, "a")),
}
REFUSED = [
    *(
        (case, value)
        for case in (LISTS | OTHERS).values()
        for value in (3, 0.5, object())
        if case[0] != "tolerance"
    ),
    *((case, value) for case in FUNCTIONS.values() for value in (3, "abc", [0.5], object())),
    *((case, value) for case in PATHS.values() for value in (3, b"x", object())),
    *((OTHERS["tolerance"], value) for value in ("abc", object(), float("nan"))),
    *((OTHERS["order"], value) for value in ([[1, 0], [0]], "ab")),
    *((OTHERS["concept of a verdict"], value) for value in (["nash"], {"nash": 1})),
    *((OTHERS["leaver"], value) for value in (["both"], np.array(["both", "proposer"]))),
    *((OTHERS["axes"], value) for value in (np.zeros(2), "abc")),
]


@pytest.mark.parametrize(
    ("case", "value"), REFUSED, ids=lambda part: part[0] if isinstance(part, tuple) else None
)
def test_the_message_names_the_argument(case: tuple[str, Callable[[Any], Any]], value: Any) -> None:
    name, call = case
    with pytest.raises(InvalidInput, match=re.escape(f"`{name}` must")):
        call(value)


def test_names_of_a_game_can_be_looked_up() -> None:
    with pytest.raises(InvalidInput, match="`players` must be hashable"):
        CoalitionalGame([["a"], ["b"]], {})


def test_an_exponent_for_each_player() -> None:
    with pytest.raises(InvalidInput, match="`exponents` must have one entry per player"):
        kambe_limit([0.1, 0.2], exponents=[1, 2, 3])


def test_ragged_profiles_and_options() -> None:
    with pytest.raises(InvalidInput, match="`profile` must hold one action index per player"):
        STAGE.profile([[1, 2], [0]])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="`outside` must be real numbers"):
        StochasticBargaining([1, 3], [[0.5, 0.5], [0.5, 0.5]], 0.9, [0, 1], outside=[[1, 2], [3]])


def test_a_label_is_a_text() -> None:
    with pytest.raises(InvalidInput, match="`label` must be letters"):
        Table([{"a": 1}], label=3)  # type: ignore[arg-type]


def test_notes_are_texts() -> None:
    with pytest.raises(InvalidInput, match="`notes` must be a mapping or a list of texts"):
        Table([{"a": 1}], notes=3)  # type: ignore[arg-type]

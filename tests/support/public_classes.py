"""One object of every class that users meet: of what the calls in `public_calls` return and hold, and of `FURTHER`.

A new public class costs nothing here if a call returns it, else a row in `FURTHER`. The players of the games and
problems that calls are about are Ann and Bob, and so are those of calls that take `players`.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import util
from inspect import isclass
from pathlib import Path
from typing import Any

import numpy as np

import bargaining as b
from bargaining import Exit, Problem, RepeatedGame, Status
from bargaining.axioms import strong_pareto
from bargaining.descriptions import MethodCall
from bargaining.equilibria.payoff_polygon import PayoffPolygon
from bargaining.testing.matrix import Verdict
from public_calls import CALLS, PAIR, PEOPLE, PUBLIC, STAGE, stochastic

REPEATED = RepeatedGame(STAGE, 0.5, exit=Exit([3, 5], players=PEOPLE))
STATE = b.payoff_set(stochastic())["0"]

FURTHER: dict[str, Callable[[], Any]] = {
    "Allocation": PAIR.shapley,
    "CoalitionalGame": lambda: PAIR,
    "Comparison": lambda: b.WeightedNashModel([3, 2, 4], total=10).fit().wald_test([1]),
    "Game": lambda: STAGE,
    "MethodCall": lambda: MethodCall(name="nash"),
    "PayoffCertificate": lambda: b.certify(b.payoff_set(REPEATED)),
    "PayoffPolygon": lambda: PayoffPolygon(
        vertices=np.eye(2), threat=np.zeros(2), status=Status.OK, reason="", scale=1.0
    ),
    "PublicCertificate": lambda: b.certify(PUBLIC, tolerance=1e-2),
    "PublicPayoffSet": lambda: PUBLIC,
    "ReputationalOutcome": lambda: b.ReputationalBargaining([0.6, 0.6], 0.1, [0.05, 0.05], players=PEOPLE)(),
    "StochasticAutomaton": lambda: STATE.strategy(STATE.vertices[0]),
    "StochasticCertificate": lambda: b.certify(b.payoff_set(stochastic())),
    "StochasticPayoffBounds": lambda: b.payoff_bounds(stochastic()),
    "ThreatDivision": lambda: b.variable_threats(STAGE),
    "TwoSidedCertificate": lambda: b.certify(b.payoff_set(REPEATED)),
    "Verdict": lambda: Verdict(answer="yes", source="<Nash 1950>"),
    "Violation": lambda: strong_pareto(
        b.egalitarian, Problem(b.Polytope([[1, 2]], free_disposal=True), [0, 0], players=PEOPLE)
    ),
}


def results() -> dict[str, type]:
    """Return the classes by name, as the reference pages list them."""
    path = Path(__file__).parents[2] / "docs" / "_extensions" / "reference_pages.py"
    found = util.spec_from_file_location("reference_pages", path)
    module = util.module_from_spec(found)
    found.loader.exec_module(module)
    exported = {name: getattr(b, name) for name in b.__all__}
    classes = {
        name: item
        for name, item in exported.items()
        if isclass(item) and not issubclass(item, Exception | Status)
    }
    given = {name: item for name, item in module.results().items() if name not in ("FeasibleSet", "Kind")}
    # Named tuples print as tuples.
    return {name: item for name, item in (classes | given).items() if not issubclass(item, tuple)}


def made(name: str) -> Any:
    """Return an object of a class."""
    assert name in objects(), (
        f"Nothing is known to return a {name}: add a call to tests/support/public_calls.py, or a row to FURTHER in "
        "tests/support/public_classes.py."
    )
    return objects()[name]


@cache
def objects() -> dict[str, Any]:
    """Return an object of each class that calls return, by the name of the class."""
    met: dict[str, Any] = {name: make() for name, make in FURTHER.items()}
    for call in CALLS.values():
        arguments = call.arguments()
        if "players" in inspect.signature(call.function).parameters:
            arguments.setdefault("players", PEOPLE)
        collect(call.function(**arguments), met)
    return {name: met[name] for name in sorted(met) if name in results()}


def collect(value: Any, met: dict[str, Any]) -> None:
    """Remember a value and what it holds, if nothing of its class is known yet."""
    name = type(value).__name__
    if isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            collect(part, met)
    if is_dataclass(value) and not isclass(value) and name not in met:
        met[name] = value
        for field in fields(value):
            collect(getattr(value, field.name, None), met)

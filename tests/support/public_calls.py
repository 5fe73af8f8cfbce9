"""One call of every public name that can be called, and of every public method that takes arguments.

What must hold of all of them is tested over this list: that answers do not change when the caller's arrays do, that
masked, complex and other wrong values are refused by name, and that no value whatever leads to a raw error.
"""

import inspect
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import bargaining as b
from bargaining import Exit, Game, Polytope, Problem, RepeatedGame, StochasticGame, Table, TransferableSurplus


@dataclass(frozen=True)
class Call:
    """A function, arguments for it made anew each time, and what the result says when it is used."""

    function: Callable[..., Any]
    arguments: Callable[[], dict[str, Any]]
    answers: Callable[[Any], Any] = lambda result: None


def array(*entries: Any) -> np.ndarray:
    return np.array(entries[0] if len(entries) == 1 else entries, dtype=float)


def falling(x: Any) -> Any:
    return 4 - x**2


def slope(x: Any) -> Any:
    return -2 * x


def itself(x: Any) -> Any:
    return x


TRIANGLE = Polytope([[0, 0], [4, 0], [0, 1]])
PEOPLE = ("Ann", "Bob")
PIE = Problem(TransferableSurplus(1.0), [0.0, 0.2], players=PEOPLE)
PLANE = Problem(TRIANGLE, [0.0, 0.0], players=PEOPLE)
STAGE = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], players=PEOPLE)
REPORT = b.Monitoring([[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.2, 0.8]]])
REPEATED = RepeatedGame(STAGE, 0.6)
PUBLIC = b.payoff_set(RepeatedGame(STAGE, 0.6, monitoring=REPORT), tolerance=1e-3)
JOINT = b.joint_payoffs(STAGE, monitoring=REPORT)
CLIFFS = b.FreeDisposalHull([[4, 1], [1, 3]])
ARC = b.Frontier(falling, 0, 2, derivative=slope)
SURPLUS = TransferableSurplus(1.0)
UNION = b.Union([TRIANGLE, CLIFFS])
A, B = [[2.0, 0.0], [4.0, 1.0]], [[1.0, 3.0], [0.0, 1.0]]
PAIR = b.CoalitionalGame(["a", "b"], {"a": 1, "b": 2, ("a", "b"): 5})
EVEN = [[0.5, 0.5], [0.5, 0.5]]


def stochastic(discount: float = 0.3) -> StochasticGame:
    return StochasticGame.from_chain(
        [STAGE, Game([[4, 0], [5, 1]], [[4, 5], [0, 1]], players=PEOPLE)], EVEN, discount
    )


def screening() -> Any:
    return b.OutsideOptionScreening(lambda u: 1 - u, 0.0, 1.0)


def chain() -> Any:
    return b.StochasticBargaining([1, 3], EVEN, 0.9, [0, 1], players=PEOPLE)


@cache
def swept() -> Path:
    place = folder()
    b.sweep(pie_at, {"a": [0.1, 0.2]}, halfway, checkpoint=place)
    return place


def step() -> Any:
    return b.CostlyStep(0.3, (0.05, 0.2), owner=[[0.6, 0.4], [0.6, 0.2]], receiver=[[0.4, 0.1], [0.4, 0.8]])


def program(**more: Any) -> Any:
    bounds = {"lower": array(0, 0), "upper": array(1, 1)}
    return b.ConvexProgram(itself, lambda z: np.eye(2), **(bounds | more))


def trade() -> Any:
    return b.BayesianProblem.trade(array(1, 3), array(0, 2))


def image() -> Any:
    return b.LinearImage(np.eye(2), np.ones((1, 2)), [1.0])


def halfway(problem: Problem) -> Any:
    return b.nash(problem)


def deal(**more: Any) -> Any:
    return b.BilateralDeal(gains=lambda x, others: (x, 1 - x), lower=0.0, upper=1.0, **more)


def folder() -> Path:
    return Path(tempfile.mkdtemp())


def described() -> Path:
    path = folder() / "pie.toml"
    path.write_text("[problem]\ntotal = 1\ndisagreement = [0, 0]\n", encoding="utf-8")
    return path


def scenario() -> Path:
    place = folder()
    for name, high in (("buyer", 1), ("seller", 4)):
        items = f'<item value="low" evaluation="{5 - high}"/><item value="high" evaluation="{high}"/>'
        issue = f'<issue index="1" name="price" type="discrete">{items}</issue><weight index="1" value="1"/>'
        (place / f"{name}.xml").write_text(f"<utility_space>{issue}</utility_space>", encoding="utf-8")
    return place


def pie_at(a: Any) -> Problem:
    return Problem(SURPLUS, [0.0, a])


def of_plane(concept: Callable[..., Any], **more: Any) -> Call:
    return Call(concept, lambda: {"problem": PLANE} | {name: make() for name, make in more.items()})


WEIGHTS = {"weights": lambda: array(0.25, 0.75)}


def of_problem(protocol: Any) -> Any:
    return protocol(PIE).payoffs


def questions(feasible: Any) -> Any:
    """Ask a set what every set answers."""
    return (
        feasible.support(array(0.5, 0.5)),
        feasible.ray(array(0.1, 0.1), array(1, 1)),
        feasible.ideal(array(0.1, 0.1)),
        feasible.contains(array(0.2, 0.2)),
    )


def asked(name: str, feasible: Any) -> dict[str, Call]:
    """The questions of one set, with the arrays that are asked about."""
    calls = {
        "support": Call(feasible.support, lambda: {"weights": array(0.4, 0.6)}),
        "ray": Call(feasible.ray, lambda: {"origin": array(0.1, 0.1), "direction": array(1, 2)}),
        "ideal": Call(feasible.ideal, lambda: {"floor": array(0.1, 0.1)}),
        "contains": Call(feasible.contains, lambda: {"x": array(0.1, 0.1), "tol": 1e-9}),
    }
    if hasattr(feasible, "support_above"):
        calls["support_above"] = Call(
            feasible.support_above, lambda: {"weights": array(0.4, 0.6), "floor": array(0.1, 0.1)}
        )
    if hasattr(feasible, "product"):
        calls["product"] = Call(
            feasible.product, lambda: {"origin": array(0.1, 0.1), "weights": array(0.4, 0.6)}
        )
    return {f"{name}.{question}": call for question, call in calls.items()}


def bluff() -> Any:
    return b.Bluff(0.2, owner=[[0.6, 0.4], [0.6, 0.1]], receiver=[[0.4, 0.1], [0.4, 0.9]], silence=(0.2, 0.8))


def war() -> Any:
    return b.WarOfAttrition([2, 2], [1, 1], rates=0.1, players=PEOPLE)


CHECKED: dict[str, tuple[Callable[[], Any], str, Callable[[Any], Any]]] = {
    "AlternatingOffers": (lambda: b.AlternatingOffers(0.9), "division", lambda p: p(PIE)),
    "Bluff": (bluff, "outcome", lambda p: p()),
    "ContinuousOffers": (lambda: b.ContinuousOffers([0.1, 0.2]), "division", lambda p: p(PIE)),
    "CostlyStep": (lambda: step(), "equilibrium", lambda p: p()[0]),
    "HoldUp": (lambda: b.HoldUp(np.sqrt, b.split_the_difference(0.5), 0.5), "outcome", lambda p: p()),
    "NashDemandGame": (lambda: b.NashDemandGame(noise=0.1), "division", lambda p: p(PIE)),
    "NonstationaryOffers": (
        lambda: b.NonstationaryOffers([0.1, 0.2], surplus=1.0, players=PEOPLE),
        "path",
        lambda p: p(),
    ),
    "OutsideOptionScreening": (lambda: screening(), "outcome", lambda p: p()),
    "RandomProposer": (lambda: b.RandomProposer(None, 0.9), "division", lambda p: p(PIE)),
    "ReputationalDemands": (
        lambda: b.ReputationalDemands([[0.6], [0.7]], [0.1, 0.1], [[0.1], [0.2]], players=PEOPLE),
        "outcome",
        lambda p: p(),
    ),
    "StochasticBargaining": (lambda: chain(), "division", lambda p: p()),
    "TwoTypeScreening": (lambda: b.TwoTypeScreening([1, 2], 0.6, 0.9), "path", lambda p: p()),
    "WarOfAttrition": (war, "outcome", lambda p: p()),
}
"""Protocols, the argument of their `check`, and an answer of theirs."""


def check(protocol: Any, argument: str, answer: Callable[[Any], Any]) -> Call:
    return Call(protocol.check, lambda: {argument: answer(protocol)})


WORKERS = {
    f"Frontier.{name}" for name in ("balance", "off_balance", "short_of_product", "slope", "slopes", "values")
}
"""What the solvers ask of a frontier, in arrays that they made."""

CALLS: dict[str, Call] = {
    **{f"{name}.check": check(make(), *rest) for name, (make, *rest) in CHECKED.items()},
    "AlternatingOffers": Call(
        b.AlternatingOffers,
        lambda: {
            "discounts": array(0.9, 0.8),
            "outside": array(0.1, 0.2),
            "leaver": "responder",
            "breakdown": array(0.1),
            "breakdown_payoffs": array(0.0, 0.1),
            "horizon": 3,
            "proposer": 1,
        },
        of_problem,
    ),
    "AlternatingOffers.__call__": Call(b.AlternatingOffers(0.9), lambda: {"problem": PIE}),
    "AlternatingOffers.equilibria": Call(b.AlternatingOffers(0.9).equilibria, lambda: {"problem": PIE}),
    "AlternatingOffers.supporting": Call(b.AlternatingOffers(0.9).supporting, lambda: {"problem": PIE}),
    "BayesianProblem": Call(
        b.BayesianProblem,
        lambda: {
            "payoffs": np.ones((1, 2, 2, 2)),
            "prior": array([0.1, 0.2], [0.3, 0.4]),
            "transfers": True,
            "disagreement": np.zeros((2, 2, 2)),
            "players": ["Ann", "Bob"],
        },
        lambda made: b.second_best(made),
    ),
    "BayesianProblem.ex_ante": Call(trade().ex_ante, lambda: {"subsidy": 0.1}),
    "BayesianProblem.interim": Call(trade().interim, lambda: {"subsidy": 0.1}),
    "BayesianProblem.trade": Call(
        b.BayesianProblem.trade,
        lambda: {
            "values": array(1, 3),
            "costs": array(0, 2),
            "prior": array([0.1, 0.2], [0.3, 0.4]),
            "options": (array(0.1, 0.2), array(0.0, 0.1)),
        },
        lambda made: b.second_best(made),
    ),
    "BilateralDeal": Call(
        b.BilateralDeal,
        lambda: {
            "gains": lambda x, others: (x, 1 - x),
            "lower": array(0.0),
            "upper": array(1.0),
            "weight": 0.4,
        },
        lambda one: b.nash_in_nash([one]).contracts,
    ),
    "Bluff": Call(
        b.Bluff,
        lambda: {
            "prior": array(0.2),
            "owner": array([[0.6, 0.4], [0.6, 0.1]]),
            "receiver": array([[0.4, 0.1], [0.4, 0.9]]),
            "silence": array(0.2, 0.8),
        },
        lambda game: game(),
    ),
    "Certificate": Call(
        b.Certificate, lambda: {"exact": (Fraction(1),), "bound": 0.0, "tolerance": 1e-12, "statement": "so"}
    ),
    "CoalitionalGame": Call(
        b.CoalitionalGame,
        lambda: {"players": ["a", "b"], "worth": {"a": 1, "b": 2, ("a", "b"): array(5)}},
        lambda game: game.shapley().payoffs,
    ),
    "CoalitionalGame.worth": Call(PAIR.worth, lambda: {"coalition": ["a", "b"]}),
    "CoalitionalGame.excess": Call(PAIR.excess, lambda: {"payoffs": array(2, 3)}),
    "CoalitionalGame.in_core": Call(PAIR.in_core, lambda: {"payoffs": array(2, 3)}),
    "Column": Call(b.Column, lambda: {"name": "a", "title": "A", "unit": "m", "group": "g", "digits": 3}),
    "ContinuousOffers": Call(
        b.ContinuousOffers,
        lambda: {
            "rates": array(0.1, 0.2),
            "inside": array(0.01, 0.0),
            "breakdown": array(0.1),
            "breakdown_payoffs": array(0.0, 0.1),
            "outside": array(0.1, 0.2),
        },
        of_problem,
    ),
    "ContinuousOffers.__call__": Call(b.ContinuousOffers([0.1, 0.2]), lambda: {"problem": PIE}),
    "ContinuousOffers.threat": Call(b.ContinuousOffers([0.1, 0.2]).threat, lambda: {"problem": PIE}),
    "ConvexProgram": Call(
        program,
        lambda: {
            "lower": array(0, 0),
            "upper": array(1, 1),
            "matrix": array([[1, 1]]),
            "limits": array([1.5]),
            "start": array(0.4, 0.4),
        },
        questions,
    ),
    "ConvexProgram.decision": Call(program().decision, lambda: {"payoffs": array(0.5, 0.5)}),
    "ConvexProgram.least_powers": Call(
        program().least_powers,
        lambda: {"ideal": array(1, 1), "weights": array(0.5, 0.5), "floor": array(0, 0), "power": 2.0},
    ),
    **asked("ConvexProgram", program()),
    "CostlyStep": Call(
        b.CostlyStep,
        lambda: {
            "prior": array(0.3),
            "costs": array(0.05, 0.2),
            "owner": array([[0.6, 0.4], [0.6, 0.2]]),
            "receiver": array([[0.4, 0.1], [0.4, 0.8]]),
        },
        lambda game: game(),
    ),
    "Description": Call(b.Description, lambda: {"title": "a", "subject": PIE, "calls": ()}),
    "Division": Call(
        b.Division,
        lambda: {
            "payoffs": array([[0.4, 0.6], [0.5, 0.5]]),
            "status": np.zeros(2, dtype=np.int8),
            "method": "mine",
            "residual": array(0.0, 0.0),
            "problem": PIE,
            "parameters": {"weights": array(0.5, 0.5)},
        },
        lambda one: (one.problem and (one.gains, one.shares), one.ok, one.to_dict()),
    ),
    "Exit": Call(
        b.Exit, lambda: {"payoffs": array(2, 1), "who": [0, 1]}, lambda leave: (leave.own, leave.exact)
    ),
    "Exit.by_leaver": Call(
        Exit.by_leaver,
        lambda: {"payoffs": array([[4, 2], [1, 3]]), "who": [0]},
        lambda leave: (leave.own, leave.exact),
    ),
    "Exit.at": Call(Exit([[2, 1], [3, 1]]).at, lambda: {"index": (1,)}, lambda leave: leave.own),
    "FreeDisposalHull": Call(b.FreeDisposalHull, lambda: {"points": array([[4, 1], [1, 3]])}, questions),
    **asked("FreeDisposalHull", CLIFFS),
    "Frontier": Call(
        b.Frontier,
        lambda: {"function": falling, "lower": array(0.0), "upper": array(2.0), "derivative": slope},
        questions,
    ),
    **asked("Frontier", ARC),
    "Game": Call(
        lambda first, second, actions: Game(first, second, actions=actions),
        lambda: {"first": array(A), "second": array(B), "actions": [["up", "down"], ["left", "right"]]},
        lambda game: (game.exact, game.minmax(), game.pure_equilibria(), game.equilibria().payoffs),
    ),
    "FreeDisposalHull.decision": Call(CLIFFS.decision, lambda: {"payoffs": array(1, 1)}),
    "Game.of": Call(Game.of, lambda: {"game": STAGE}),
    "Game.from_nfg": Call(Game.from_nfg, lambda: {"source": STAGE.to_nfg()}),
    "Game.to_nfg": Call(STAGE.to_nfg, lambda: {"title": "stage"}),
    "LinearImage": Call(
        b.LinearImage,
        lambda: {
            "image": np.eye(2),
            "matrix": np.ones((1, 2)),
            "limits": np.ones(1),
            "lower": array(0, 0),
            "upper": array(1, 1),
        },
        lambda made: b.nash(b.Problem(made, array(0, 0))),
    ),
    "LinearImage.optimum": Call(image().optimum, lambda: {"weights": array(0.4, 0.6)}),
    "LinearImage.decision": Call(image().decision, lambda: {"payoffs": array(0.5, 0.5)}),
    **asked("LinearImage", image()),
    "correlated_payoffs": Call(
        b.correlated_payoffs, lambda: {"game": STAGE, "coarse": True}, lambda s: s.vertices
    ),
    "double_auction": Call(
        b.double_auction, lambda: {"problem": trade(), "k": 0.5, "bids": array(1, 2), "asks": array(1, 2)}
    ),
    "harsanyi_selten": Call(b.harsanyi_selten, lambda: {"problem": trade()}),
    "outcome_problem": Call(
        b.outcome_problem,
        lambda: {
            "utilities": [lambda price: price - 40, lambda price: 90 - price],
            "outcomes": [50, 70],
            "disagreement": array(0, 0),
            "players": ["seller", "buyer"],
        },
        lambda problem: b.nash(problem).payoffs,
    ),
    "posted_price": Call(b.posted_price, lambda: {"problem": trade(), "price": 2.0}),
    "random_offerer": Call(b.random_offerer, lambda: {"problem": trade(), "chances": array(0.4, 0.6)}),
    "read_scenario": Call(lambda profiles: b.read_scenario(profiles), lambda: {"profiles": scenario()}),
    "Division.payoff": Call(b.nash(PIE).payoff, lambda: {"player": 1}),
    "Game.exact_payoff": Call(STAGE.exact_payoff, lambda: {"profile": (0, 1), "player": 0}),
    "Game.exact_best": Call(STAGE.exact_best, lambda: {"profile": (0, 1), "player": 0}),
    "Game.minmax": Call(STAGE.minmax, lambda: {"mixed": True}),
    "Game.problem": Call(
        STAGE.problem, lambda: {"disagreement": array(3, 3)}, lambda made: b.nash(made).payoffs
    ),
    "Game.profile": Call(STAGE.profile, lambda: {"value": np.array([0, 1]), "name": "profile"}),
    "HoldUp": Call(
        b.HoldUp,
        lambda: {
            "outside": np.sqrt,
            "rule": b.split_the_difference(0.5),
            "upper": array(0.5),
            "cost": itself,
        },
        lambda game: game().payoffs,
    ),
    "HoldUp.net": Call(
        b.HoldUp(np.sqrt, b.split_the_difference(0.5), 0.5).net, lambda: {"investment": array(0.1, 0.2)}
    ),
    "NashDemandGame": Call(b.NashDemandGame, lambda: {"noise": array(0.1)}, of_problem),
    "NashDemandGame.__call__": Call(b.NashDemandGame(noise=0.1), lambda: {"problem": PIE}),
    "NashDemandGame.equilibria": Call(b.NashDemandGame(noise=0.1).equilibria, lambda: {"problem": PIE}),
    "NonstationaryOffers": Call(
        b.NonstationaryOffers,
        lambda: {
            "rates": array(0.1, 0.2),
            "surplus": lambda t: 1.0 + 0.0 * t,
            "inside": [array(0.01), array(0.02)],
            "breakdown": array(0.1),
            "breakdown_payoffs": [array(0.1), array(0.0)],
            "outside": [array(0.1), None],
            "kinks": array(1.0, 2.0),
            "until": array(3.0),
        },
        lambda game: game().payoffs,
    ),
    "OutsideOptionScreening": Call(
        b.OutsideOptionScreening,
        lambda: {"survival": lambda u: 1 - u, "lower": array(0.0), "upper": array(1.0), "cost": array(0.1)},
        lambda game: game(),
    ),
    "OutsideOptionScreening.profit": Call(
        b.OutsideOptionScreening(lambda u: 1 - u, 0.0, 1.0).profit, lambda: {"price": array(0.4, 0.5)}
    ),
    "PayoffSet": Call(
        lambda vertices, threat: b.PayoffSet(
            vertices=vertices,
            threat=threat,
            status=b.Status.OK,
            reason="",
            scale=1.0,
            game=REPEATED,
            stats=sets().stats,
        ),
        lambda: {"vertices": array([[3, 3], [9, 9], [3, 9]]), "threat": array(3, 3)},
        lambda found: (found.contains([4, 4]), found.excess([1, 1])),
    ),
    "PayoffSet.strategy": Call(lambda payoffs: sets().strategy(payoffs), lambda: {"payoffs": array(3, 3)}),
    "Automaton.simulate": Call(
        lambda periods, rng, deviations: (
            sets().strategy([9, 9]).simulate(periods, rng, deviations=deviations)
        ),
        lambda: {"periods": 3, "rng": 1, "deviations": {1: (0, 1)}},
        lambda history: history.payoffs,
    ),
    "PayoffSet.contains": Call(
        lambda payoffs, tol: sets().contains(payoffs, tol=tol), lambda: {"payoffs": array(3, 3), "tol": 1e-9}
    ),
    "PayoffSet.excess": Call(lambda payoffs: sets().excess(payoffs), lambda: {"payoffs": array(3, 3)}),
    "Polytope": Call(
        b.Polytope, lambda: {"points": array([[0, 0], [4, 0], [0, 1]]), "free_disposal": False}, questions
    ),
    **asked("Polytope", TRIANGLE),
    "Monitoring.of": Call(
        b.Monitoring.of,
        lambda: {
            "game": STAGE,
            "chances": {(i, j): {"good": 0.5, "bad": 0.5} for i in range(2) for j in range(2)},
        },
    ),
    "Polytope.at": Call(
        Polytope([[[4, 0], [0, 1]], [[2, 0], [0, 1]]]).at, lambda: {"index": (1,)}, questions
    ),
    "Polytope.from_inequalities": Call(
        Polytope.from_inequalities,
        lambda: {"A": array([[-1, 0], [0, -1], [1, 1]]), "b": array(0, 0, 1)},
        questions,
    ),
    "Polytope.least_powers": Call(
        b.Polytope(np.eye(3)).least_powers,
        lambda: {"ideal": np.ones(3), "weights": np.ones(3), "floor": np.zeros(3), "power": 2.0},
    ),
    "Polytope.mapped": Call(
        TRIANGLE.mapped,
        lambda: {"function": lambda x: 2 * x, "exactly": lambda x: [2 * y for y in x]},
        questions,
    ),
    "Problem": Call(
        b.Problem,
        lambda: {"feasible": TRIANGLE, "disagreement": array(0.1, 0.1)},
        lambda problem: (problem.ideal, b.nash(problem).payoffs),
    ),
    "Problem.gains_status": Call(PLANE.gains_status, lambda: {"ideal": array(4, 1)}),
    "Problem.rescale": Call(
        PLANE.rescale, lambda: {"scale": array(2, 3), "shift": array(1, 0)}, lambda made: b.nash(made).payoffs
    ),
    "Problem.relabel": Call(
        PLANE.relabel, lambda: {"order": np.array([1, 0])}, lambda made: b.nash(made).payoffs
    ),
    "RandomProposer": Call(
        b.RandomProposer,
        lambda: {
            "probabilities": array(0.4, 0.6),
            "discounts": array(0.9, 0.8),
            "outside": array(0.1, 0.2),
            "quota": 2,
        },
        of_problem,
    ),
    "RandomProposer.__call__": Call(b.RandomProposer(None, 0.9), lambda: {"problem": PIE}),
    "RepeatedGame": Call(
        b.RepeatedGame,
        lambda: {"game": STAGE, "discounts": array(0.6, 0.6), "exit": Exit([2, 1])},
        lambda game: (game.exact_discounts, b.payoff_set(game).vertices),
    ),
    "RepeatedGame.at": Call(
        RepeatedGame(STAGE, [[0.5, 0.5], [0.6, 0.6]]).at, lambda: {"index": (1,)}, lambda one: one.discounts
    ),
    "ReputationalBargaining": Call(
        b.ReputationalBargaining,
        lambda: {
            "demands": array(0.6, 0.7),
            "rates": array(0.1, 0.1),
            "priors": array(0.1, 0.2),
            "outside": array(0.1, 0.1),
        },
        lambda game: game(),
    ),
    "ReputationalDemands": Call(
        b.ReputationalDemands,
        lambda: {
            "demands": [array(0.6, 0.7), array([0.7])],
            "rates": array(0.1, 0.1),
            "priors": [array(0.1, 0.1), array([0.2])],
            "first": 0,
        },
        lambda game: game(),
    ),
    "StochasticBargaining": Call(
        b.StochasticBargaining,
        lambda: {
            "surplus": array(1, 3),
            "transition": array(EVEN),
            "discounts": array(0.9, 0.9),
            "proposer": np.array([0, 1]),
            "outside": array([[0.1, 0.1], [0.2, 0.1]]),
            "players": 2,
        },
        lambda game: game(),
    ),
    "StochasticGame": Call(
        b.StochasticGame,
        lambda: {
            "payoffs": [array([[[1, 1], [3, 0]], [[0, 3], [2, 2]]]), STAGE],
            "transitions": [array(0.5, 0.5), array(0.25, 0.75)],
            "discounts": array(0.3, 0.3),
            "exit": [Exit([2, 1]), None],
            "states": ["good", "bad"],
            "actions": [[["u", "d"], ["l", "r"]], [["u", "d"], ["l", "r"]]],
            "players": ["one", "two"],
        },
        lambda game: (game.transition(0), game.exact_discounts, game.games[0].exact, game.exit_own),
    ),
    "StochasticGame.from_chain": Call(
        StochasticGame.from_chain,
        lambda: {
            "game": [STAGE, STAGE],
            "transition": array(EVEN),
            "discounts": array(0.3, 0.3),
            "exit": None,
            "states": ["good", "bad"],
            "players": ["one", "two"],
        },
        lambda game: (game.transition(0), game.exact_discounts),
    ),
    "StochasticGame.from_functions": Call(
        StochasticGame.from_functions,
        lambda: {
            "states": [0, 1],
            "actions": [[0, 1], [0, 1]],
            "payoff": lambda state, taken: taken,
            "transition": lambda state, taken: {state: 1},
            "discounts": array(0.3, 0.3),
            "exit": None,
            "players": ["one", "two"],
        },
        lambda game: (game.transition(0), game.games[1].payoffs),
    ),
    "StochasticGame.from_repeated": Call(
        StochasticGame.from_repeated, lambda: {"game": REPEATED}, lambda game: game.discounts
    ),
    "StochasticGame.shape": Call(stochastic().shape, lambda: {"state": 1}),
    "StochasticGame.transition": Call(stochastic().transition, lambda: {"state": 1}),
    "StochasticGame.exact_transition": Call(stochastic().exact_transition, lambda: {"state": 1}),
    "StochasticGame.with_discounts": Call(
        stochastic().with_discounts,
        lambda: {"discounts": array(0.5, 0.6)},
        lambda game: (game.discounts, game.exact_discounts),
    ),
    "StochasticGame.profile_name": Call(stochastic().profile_name, lambda: {"state": 1, "profile": [0, 1]}),
    "Table": Call(
        Table,
        lambda: {
            "rows": [[1.0, "x"], [2.0, "y"]],
            "columns": ["a", "b"],
            "caption": "Two",
            "label": "two",
            "notes": {"Source": "here"},
            "digits": 3,
            "missing": "none",
        },
        lambda table: table.to_csv(),
    ),
    "Table.to_text": Call(Table([{"a": 1.0}]).to_text, lambda: {"width": 40}),
    "Table.save": Call(
        Table([{"a": 1.0}]).save,
        lambda: {"folder": folder(), "name": "a", "endings": ["csv"]},
        lambda paths: None,
    ),
    "TransferableSurplus": Call(
        b.TransferableSurplus,
        lambda: {"total": array(2.0, 3.0), "players": 2},
        lambda made: (b.nash(Problem(made, [0, 0])).payoffs, questions(made)),
    ),
    "TransferableSurplus.among": Call(SURPLUS.among, lambda: {"players": 3}),
    **asked("TransferableSurplus", SURPLUS),
    "TwoTypeScreening": Call(
        b.TwoTypeScreening,
        lambda: {"values": array(1, 2), "prior": array(0.6), "discounts": array(0.9)},
        lambda game: game(),
    ),
    "Union": Call(b.Union, lambda: {"sets": [TRIANGLE, CLIFFS]}, questions),
    **asked("Union", UNION),
    "WarOfAttrition": Call(
        b.WarOfAttrition,
        lambda: {
            "win": array(2, 2),
            "lose": array(1, 1),
            "rates": array(0.1, 0.1),
            "costs": array(0.1, 0.1),
            "exits": array([[0.5, 1.5], [1.5, 0.5]]),
        },
        lambda war: (war.equilibria(), war().payoffs, war.win),
    ),
    "WarOfAttrition.__call__": Call(
        b.WarOfAttrition([2, 2], [1, 1], rates=0.1), lambda: {"mass": array(0.2), "weak": 1}
    ),
    "certify": Call(b.certify, lambda: {"result": b.nash(PLANE), "tolerance": 1e-12, "cell": ()}),
    "coco_value": Call(b.coco_value, lambda: {"A": array(A), "B": array(B)}),
    "compare": Call(
        b.compare,
        lambda: {"methods": [b.nash, b.raiffa], "problem": PLANE, "digits": 4},
        lambda table: table.to_csv(),
    ),
    "conley_wilkie": of_plane(b.conley_wilkie),
    "continuous_raiffa": of_plane(b.continuous_raiffa),
    "credibility": Call(b.credibility, lambda: {"game": step(), "sizes": array(0.5, 1)}),
    "critical_discount": Call(
        b.critical_discount,
        lambda: {"game": STAGE, "profile": np.array([0, 0]), "exit": Exit([2, 1]), "punishment": "optimal"},
    ),
    "critical_discounts": Call(
        b.critical_discounts,
        lambda: {"game": STAGE, "profiles": np.array([[0, 0], [1, 1]]), "exit": Exit([2, 1])},
    ),
    "critical_exit": Call(
        b.critical_exit, lambda: {"game": STAGE, "profile": np.array([0, 0]), "discounts": array(0.6, 0.6)}
    ),
    "deal_me_out": Call(b.deal_me_out, lambda: {"share": array(0.5)}, lambda rule: rule(array(0.1, 0.6))),
    "dictatorial": of_plane(b.dictatorial, player=lambda: 1),
    "egalitarian": of_plane(b.egalitarian, **WEIGHTS),
    "equal_loss": of_plane(b.equal_loss),
    "gupta_livne": of_plane(b.gupta_livne, reference=lambda: array(0.5, 0.25)),
    "joint_payoffs": Call(
        b.joint_payoffs,
        lambda: {"game": STAGE, "monitoring": REPORT, "exit": Exit([2.0, 1.0])},
        lambda found: found.steps,
    ),
    "JointPayoffs.at": Call(JOINT.at, lambda: {"discount": 0.9}),
    "JointPayoffs.claims": Call(JOINT.claims, lambda: {"discount": 0.9}),
    "second_best": Call(
        b.second_best, lambda: {"problem": trade(), "weights": (array(1, 1), array(1, 2)), "subsidy": 0.1}
    ),
    "symmetric_payoffs": Call(
        b.symmetric_payoffs,
        lambda: {"game": STAGE, "monitoring": REPORT, "exit": Exit([2.0, 2.0])},
        lambda found: found.steps,
    ),
    "SymmetricPayoffs.at": Call(b.symmetric_payoffs(STAGE, monitoring=REPORT).at, lambda: {"discount": 0.9}),
    "trigger_strategy": Call(
        b.trigger_strategy,
        lambda: {
            "game": STAGE,
            "profile": [0, 0],
            "war": [1, 1],
            "discounts": 0.9,
            "monitoring": REPORT,
            "signals": [1],
            "periods": 3,
        },
    ),
    "kalai_smorodinsky": of_plane(b.kalai_smorodinsky),
    "kambe_limit": Call(b.kambe_limit, lambda: {"rates": array(0.1, 0.2), "exponents": array(1, 2)}),
    "lexicographic_egalitarian": of_plane(b.lexicographic_egalitarian, **WEIGHTS),
    "lexicographic_kalai_smorodinsky": of_plane(b.lexicographic_kalai_smorodinsky),
    "lump_sum_nash_in_nash": Call(
        b.lump_sum_nash_in_nash,
        lambda: {
            "payoffs": lambda pairs: [len(pairs), 2 * len(pairs)],
            "pairs": [(0, 1)],
            "weights": array([0.5]),
        },
    ),
    "directional_equilibria": Call(
        b.directional_equilibria,
        lambda: {"game": StochasticGame.from_chain([STAGE, STAGE], [[0.5, 0.5], [0, 1]], 0.3), "limit": 10},
        lambda found: [one.strategies for one in found.profiles],
    ),
    "markov_equilibria": Call(
        b.markov_equilibria,
        lambda: {"game": stochastic(), "starts": [[[array(0.5, 0.5)] * 2] * 2], "rng": 1},
        lambda found: [one.strategies for one in found.profiles],
    ),
    "nash": of_plane(b.nash, **WEIGHTS),
    "nash_in_nash": Call(b.nash_in_nash, lambda: {"deals": [deal()], "starts": array([[0.5]]), "sweeps": 50}),
    "Monitoring": Call(
        b.Monitoring,
        lambda: {
            "probabilities": array([[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.2, 0.8]]]),
            "signals": ["+", "-"],
        },
        lambda seen: (seen.exact, seen.signals),
    ),
    "Monitoring.perfect": Call(b.Monitoring.perfect, lambda: {"game": STAGE}, lambda seen: seen.signals),
    "Monitoring.none": Call(b.Monitoring.none, lambda: {"game": STAGE}, lambda seen: seen.signals),
    "Monitoring.product": Call(
        b.Monitoring.product,
        lambda: {"own": [array([[0.9, 0.1], [0.3, 0.7]])] * 2, "signals": [["+", "-"], ["+", "-"]]},
        lambda seen: (seen.exact, seen.signals),
    ),
    "Monitoring.noisy": Call(
        b.Monitoring.noisy, lambda: {"game": STAGE, "correct": 0.9}, lambda seen: seen.exact
    ),
    "Monitoring.garbled": Call(
        REPORT.garbled,
        lambda: {"noise": array([[0.9, 0.1], [0.2, 0.8]]), "signals": ["a", "b"]},
        lambda seen: seen.exact,
    ),
    "Monitoring.expected": Call(
        lambda first, second, actions: REPORT.expected(first, second, actions=actions),
        lambda: {
            "first": array([[3, -7], [5, 1]]),
            "second": array([[3, -7], [5, 1]]),
            "actions": [["C", "D"], ["C", "D"]],
        },
        lambda game: (game.payoffs, game.actions),
    ),
    "Monitoring.full_rank": Call(REPORT.full_rank, lambda: {"profile": [0, 0], "player": 0}),
    "Monitoring.pairwise_full_rank": Call(
        REPORT.pairwise_full_rank, lambda: {"profile": [0, 0], "players": [0, 1]}
    ),
    "RepeatedGame.require_seen": Call(REPEATED.require_seen, lambda: {"function": "payoff_set"}),
    "nash_set": of_plane(b.nash_set, **WEIGHTS),
    "neutral": Call(b.neutral, lambda: {"problem": trade()}),
    "open_sweep": Call(b.open_sweep, lambda: {"path": swept()}, lambda found: found["payoffs"].values),
    "optimal_face": of_plane(b.optimal_face, **WEIGHTS),
    "full_rank": Call(b.full_rank, lambda: {"game": STAGE, "monitoring": REPORT}),
    "patient_payoffs": Call(
        b.patient_payoffs, lambda: {"game": STAGE, "monitoring": REPORT}, lambda found: found.exact
    ),
    "patient_score": Call(
        b.patient_score, lambda: {"game": STAGE, "direction": array(1, 1), "monitoring": REPORT}
    ),
    "payoff_bounds": Call(
        b.payoff_bounds,
        lambda: {
            "game": REPEATED,
            "directions": array([[1, 0], [0, 1], [1, 1], [-1, -1]]),
            "refinements": 1,
            "tolerance": 1e-6,
        },
    ),
    "payoff_set": Call(b.payoff_set, lambda: {"game": REPEATED, "tolerance": 1e-6, "budget": 10**6}),
    "payoff_sets": Call(b.payoff_sets, lambda: {"game": REPEATED, "tolerance": 1e-6, "budget": 10**6}),
    "bonus_spread": Call(
        b.bonus_spread, lambda: {"probabilities": array([[0.8, 0.2], [0.3, 0.7]]), "costs": array(0, 1)}
    ),
    "patient_renegotiation_proof": Call(b.patient_renegotiation_proof, lambda: {"game": STAGE}),
    "perles_maschler": of_plane(b.perles_maschler),
    "plot": Call(b.plot, lambda: {"result": b.nash(PLANE), "ax": None}, lambda axes: None),
    "PublicPayoffSet.strategy": Call(
        PUBLIC.strategy, lambda: {"payoffs": PUBLIC.vertices.mean(axis=0), "tolerance": 1e-6}
    ),
    "PublicAutomaton.simulate": Call(
        PUBLIC.strategy(PUBLIC.vertices[0]).simulate,
        lambda: {"periods": 3, "rng": 1, "deviations": {1: (0, 1)}},
        lambda history: history.payoffs,
    ),
    "PublicAutomaton.expected_length": Call(
        PUBLIC.strategy(PUBLIC.vertices[0]).expected_length, lambda: {"states": [0]}
    ),
    "raiffa": of_plane(b.raiffa),
    "read_description": Call(b.read_description, lambda: {"path": described()}, lambda found: None),
    "relational_contract": Call(
        b.relational_contract,
        lambda: {
            "surplus": lambda e: e - e**2,
            "temptation": lambda e: e**2,
            "discounts": array(0.8),
            "lower": array(0.0),
            "upper": array(1.0),
            "outside": array(0.0),
        },
    ),
    "renegotiation_proof": Call(
        b.renegotiation_proof, lambda: {"game": REPEATED, "profile": np.array([0, 0])}
    ),
    "risk_of_breakdown": Call(
        b.risk_of_breakdown,
        lambda: {"rates": array(0.1, 0.2), "breakdown": array(0.1)},
        lambda rule: rule(array(0.1, 0.6)),
    ),
    "save_figure": Call(
        b.save_figure,
        lambda: {"figure": b.plot(b.nash(PLANE)), "path": folder() / "a.svg"},
        lambda path: None,
    ),
    "screen_types": Call(
        b.screen_types,
        lambda: {
            "values": array(1, 1),
            "outside": array(0.5, 0.1),
            "probabilities": array(0.7, 0.3),
            "cost": array(0.1),
        },
    ),
    "VerticalChain": Call(
        b.VerticalChain,
        lambda: {
            "values": array(2, 2),
            "slope": 1.0,
            "retail_costs": array(1, 1),
            "wholesale_costs": array(0, 0.5),
            "retailers": ["a", "b"],
            "wholesalers": ["c", "c"],
            "weights": array(0.4, 0.5),
            "consumers": array(0, 0.1),
            "products": ["x", "y"],
        },
        lambda chain: chain.solve().prices,
    ),
    "VerticalChain.calibrated": Call(
        b.VerticalChain.calibrated,
        lambda: {
            "shares": array(0.3, 0.4),
            "prices": array(3, 4),
            "retail_margins": array(1, 1),
            "wholesale": array(1, 2),
            "wholesale_margins": array(0.5, 0.5),
            "retailers": ["a", "b"],
            "wholesalers": ["c", "c"],
            "consumers": array(0, 0.1),
            "products": ["x", "y"],
        },
        lambda chain: chain.solve().prices,
    ),
    "VerticalChain.solve": Call(
        b.VerticalChain(
            [2, 2], slope=1, retail_costs=1, wholesale_costs=0, retailers="ab", wholesalers="cc"
        ).solve,
        lambda: {
            "retailers": ["a", "a"],
            "wholesalers": ["c", "d"],
            "retail_costs": array(1, 1),
            "wholesale_costs": array(0.1, 0),
        },
        lambda found: found.prices,
    ),
    "EfficientDelayModel": Call(
        b.EfficientDelayModel,
        lambda: {
            "delays": array(0, 2, 1, 0, 3, 1, 0, 5),
            "total": array(3.1, 2.4, 2.2, 4.0, 2.9, 3.3, 2.3, 2.6),
        },
        lambda model: model.fit().values,
    ),
    "DelayModel": Call(
        b.DelayModel,
        lambda: {
            "dates": array(0.5, 0, 2, 1, 4, 9),
            "who": array(0, 1, 1, 0, 1, -1),
            "demands": array(0.6, 0.6),
        },
        lambda model: model.fit().values,
    ),
    "NashInNashModel": Call(
        b.NashInNashModel,
        lambda: {
            "prices": array(2, 3, 4),
            "gains": array(1, 2, 1),
            "slopes": array(-0.1, -0.2, -0.3),
            "covariates": array([[1], [2], [4]]),
            "names": ("size",),
        },
        lambda model: model.parameters,
    ),
    "OffersModel": Call(
        b.OffersModel,
        lambda: {
            "payoffs": array(0.5, 0.4, 0.45),
            "total": array(1, 1, 1),
            "proposer": array(0, 1, 1),
            "outside": array(0.1, 0.1),
            "common": True,
            "option": False,
            "noise": "ability",
        },
        lambda model: model.fit().values,
    ),
    "WageModel": Call(
        b.WageModel,
        lambda: {
            "wages": array(8, 7, 9),
            "productivity": array(10, 9, 12),
            "reference": array(7, 6, 7),
            "saved": array(0.5),
            "replacement": 0.8,
        },
        lambda model: model.fit().values,
    ),
    "WeightedNashModel": Call(
        b.WeightedNashModel,
        lambda: {
            "payoffs": array(3, 2, 4),
            "total": array(10, 8, 9),
            "disagreement": array(0.1, 0.2),
            "covariates": array([[1], [2], [4]]),
            "noise": "payoffs",
            "names": ("size",),
        },
        lambda model: model.fit().values,
    ),
    "WeightedNashModel.fit": Call(
        b.WeightedNashModel([3, 2, 4], total=10).fit,
        lambda: {"method": "ml", "clusters": array(0, 1, 1), "instruments": None},
        lambda found: found.values,
    ),
    "sensitivity": Call(
        b.sensitivity,
        lambda: {
            "result": b.nash(pie_at(0.3)),
            "wrt": {"a": array(0.3)},
            "order": 1,
            "method": lambda a: b.nash(pie_at(a)),
        },
        lambda found: found.values,
    ),
    "show_config": Call(b.show_config, lambda: {"mode": "dicts"}),
    "split_the_difference": Call(
        b.split_the_difference, lambda: {"weight": array(0.5)}, lambda rule: rule(array(0.1, 0.6))
    ),
    "stage_equilibria": Call(b.stage_equilibria, lambda: {"game": STAGE, "method": "auto"}),
    "stationary_profile": Call(
        b.stationary_profile,
        lambda: {
            "game": stochastic(),
            "strategies": [[array(0.5, 0.5), array(0.5, 0.5)], [array(0, 1), array(0, 1)]],
            "leave": np.zeros((2, 2)),
        },
        lambda profile: (profile.strategies, profile.values, profile.regret),
    ),
    "stochastic_payoff_sets": Call(
        b.stochastic_payoff_sets, lambda: {"game": stochastic(), "tolerance": 1e-6, "budget": 10**6}
    ),
    "stochastic_transfer_equilibrium": Call(
        b.stochastic_transfer_equilibrium, lambda: {"game": stochastic()}
    ),
    "sweep": Call(
        b.sweep,
        lambda: {
            "model": pie_at,
            "grid": {"a": array(0.1, 0.2)},
            "method": halfway,
            "workers": 1,
            "checkpoint": None,
            "version": None,
            "progress": False,
        },
        lambda found: (found.get("payoffs"), found["a"].values),
    ),
    "transfer_equilibrium": Call(b.transfer_equilibrium, lambda: {"game": REPEATED}),
    "utilitarian": of_plane(b.utilitarian, **WEIGHTS),
    "variable_threats": Call(b.variable_threats, lambda: {"A": array(A), "B": array(B)}),
    "vectorized": Call(b.vectorized, lambda: {"model": pie_at}, lambda made: made(0.1)),
    "yu": of_plane(b.yu, p=lambda: array(2.0)),
}


@cache
def sets() -> Any:
    return b.payoff_set(REPEATED)


def missing() -> list[str]:
    """Return the public names, and methods with arguments, that are not called here."""
    wanted = []
    for name in b.__all__:
        item = getattr(b, name)
        label = inspect.isclass(item) and issubclass(item, Exception | Enum)
        if label or not callable(item) or name == "Method":
            continue
        wanted.append(name)
        for method, part in vars(item).items() if inspect.isclass(item) else ():
            routine = getattr(part, "__func__", part)
            public = method == "__call__" or not method.startswith("_")
            if public and inspect.isfunction(routine) and len(inspect.signature(routine).parameters) > 1:
                wanted.append(f"{name}.{method}")
    return [name for name in wanted if name not in CALLS and name not in WORKERS]

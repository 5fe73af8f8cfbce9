"""Common mistakes are answered with a cure that works: what the message says to write is written, and runs."""

import re

import numpy as np
import pytest

import bargaining
from bargaining import *  # noqa: F403 (what a session at a prompt has)
from bargaining._calls import suggesting
from bargaining.descriptions import parse_description
from bargaining.testing import find_violation, verdict

A, B = np.array([[9, 1], [10, 3]]), np.array([[9, 10], [1, 3]])


def session() -> dict[str, object]:
    """The names of a session in which the words of messages are variables, so that advice runs as it is printed."""
    names = {name: getattr(bargaining, name) for name in bargaining.__all__}
    game = bargaining.Game(A, B, actions=[["work", "shirk"]] * 2, players=["Ann", "Bob"])
    pie = bargaining.TransferableSurplus(1.0)
    repeated = bargaining.RepeatedGame(game, 0.9)
    return names | {
        "np": np,
        "parse_description": parse_description,
        "find_violation": find_violation,
        "verdict": verdict,
        "A": A,
        "B": B,
        "tall": np.array([[9, 1], [10, 3], [0, 0]]),
        "wide": np.array([[9, 10, 0], [1, 3, 0]]),
        "payoffs": np.stack([A, B, A, B])[:2],
        "last": np.stack([np.ones((2, 3)), np.zeros((2, 3))], axis=-1),
        "cube": np.zeros((3, 2, 2, 2)),
        "game": game,
        "repeated": repeated,
        "found": bargaining.payoff_set(repeated),
        "feasible": pie,
        "disagreement": [0, 0.2],
        "discounts": 0.9,
        "problem": bargaining.Problem(pie, [0, 0.2]),
        "named": bargaining.Problem(pie, {"Canada": 0, "US": 0.2}),
        "answer": bargaining.nash(bargaining.Problem(pie, [0, 0.2])),
        "model": lambda r: bargaining.Problem(pie, [0, r]),
        "grid": {"r": [0, 0.1]},
        "method": bargaining.nash,
    }


CURES = [
    # what was written; what the message says to write; how it then goes, if not just so
    ("nash(found)", ".problem()", "nash(found.problem())"),
    ("nash(game)", ".problem()", "nash(game.problem())"),
    ("nash(game.feasible())", "Problem(feasible, disagreement)", "nash(Problem(feasible, disagreement))"),
    ("nash(repeated)", "payoff_set(game).problem()", "game = repeated; nash(payoff_set(game).problem())"),
    ("nash(feasible, [0, 0.2])", "Problem(feasible, disagreement)", "nash(Problem(feasible, disagreement))"),
    ("nash(problem, [0.3, 0.7])", "nash(problem, weights=", "nash(problem, weights=[0.3, 0.7])"),
    ("nash(problem, weight=[0.3, 0.7])", "`weights`", "nash(problem, weights=[0.3, 0.7])"),
    ("nash(problem, alpha=[0.3, 0.7])", "`weights`", "nash(problem, weights=[0.3, 0.7])"),
    ("egalitarian(problem, power=[1, 2])", "`weights`", "egalitarian(problem, weights=[1, 2])"),
    ("nash(problem, weights=0.3)", "weights=[0.3, 0.7]", "nash(problem, weights=[0.3, 0.7])"),
    (
        "nash(named, weights={'Canada': 1, 'USA': 2})",
        "Did you mean US?",
        "nash(named, weights={'Canada': 1, 'US': 2})",
    ),
    (
        "nash(problem, weights={'a': 1, 'b': 2})",
        "players=('a', 'b')",
        "nash(Problem(feasible, [0, 0], players=('a', 'b')), weights={'a': 1, 'b': 2})",
    ),
    ("dictatorial(problem)", "dictatorial(problem, player=", "dictatorial(problem, player=0)"),
    (
        "answer.payoff('US')",
        "players=[",
        "nash(Problem(feasible, [0, 0], players=['Canada', 'US'])).payoff('US')",
    ),
    ("Problem([0, 0.2], feasible)", "Problem(feasible, disagreement)"),
    ("Problem(1.0, [0, 0])", "TransferableSurplus(1.0)", "Problem(TransferableSurplus(1.0), [0, 0])"),
    ("Problem(feasible)", "Problem(feasible, [0, 0])"),
    ("Problem(feasible, threat_point=[0, 0])", "`disagreement`", "Problem(feasible, disagreement=[0, 0])"),
    (
        "nash(Problem(feasible, [0.7, 0.7])).raise_if_failed()",
        "lower the disagreement point",
        "nash(Problem(feasible, [0.2, 0.2])).raise_if_failed()",
    ),
    ("Polytope([4, 1])", "Polytope([[4.0, 1.0]])"),
    ("payoff_set(game, 0.9)", "payoff_set(RepeatedGame(game, discounts))"),
    ("payoff_set(game, delta=0.9)", "payoff_set(RepeatedGame(game, discounts))"),
    ("payoff_set(game)", "RepeatedGame(game, discounts)", "payoff_set(RepeatedGame(game, discounts))"),
    (
        "payoff_set(RepeatedGame(game, [[0.8, 0.8], [0.9, 0.9]]))",
        "`payoff_sets`",
        "payoff_sets(RepeatedGame(game, [[0.8, 0.8], [0.9, 0.9]]))",
    ),
    ("payoff_bounds(game)", "RepeatedGame(game, discounts)", "payoff_bounds(RepeatedGame(game, discounts))"),
    (
        "transfer_equilibrium(game)",
        "RepeatedGame(game, discounts)",
        "transfer_equilibrium(RepeatedGame(game, discounts))",
    ),
    ("critical_discount(repeated, (0, 0))", ".game", "critical_discount(repeated.game, (0, 0))"),
    (
        "markov_equilibria(repeated)",
        "StochasticGame.from_repeated(game)",
        "game = repeated; markov_equilibria(StochasticGame.from_repeated(game))",
    ),
    ("stage_equilibria(A, B)", "stage_equilibria(Game(A, B))"),
    ("RepeatedGame(game, delta=0.9)", "`discounts`", "RepeatedGame(game, discounts=0.9)"),
    ("RepeatedGame(game, beta=0.9)", "`discounts`", "RepeatedGame(game, discounts=0.9)"),
    ("RepeatedGame(game, discount=0.9)", "`discounts`", "RepeatedGame(game, discounts=0.9)"),
    ("RepeatedGame(game)", "RepeatedGame(game, discounts", "RepeatedGame(game, discounts)"),
    ("RepeatedGame(game, 90)", "0.9", "RepeatedGame(game, 0.9)"),
    (
        "transfer_equilibrium(game, 0.9)",
        "RepeatedGame(game, discounts)",
        "transfer_equilibrium(RepeatedGame(game, discounts))",
    ),
    (
        "payoff_bounds(game, 0.9)",
        "RepeatedGame(game, discounts)",
        "payoff_bounds(RepeatedGame(game, discounts))",
    ),
    ("verdict('Nash', 'symmetry')", "Did you mean nash?", "verdict('nash', 'symmetry')"),
    (
        "find_violation(nash, 'simmetry', examples=3)",
        "Did you mean symmetry?",
        "find_violation(nash, 'symmetry', examples=3)",
    ),
    (
        "Division(payoffs=[1, 2], status='OK', method='mine', residual=0)",
        "Status.OK",
        "Division(payoffs=[1, 2], status=Status.OK, method='mine', residual=0)",
    ),
    ("RepeatedGame(game, 1)", "0.999", "RepeatedGame(game, 0.999)"),
    ("RepeatedGame(game, 1.05)", "1 / 1.05", "RepeatedGame(game, 1 / 1.05)"),
    (
        "compare([nash], [problem, named])",
        '{"low": low, "high": high}',
        'low, high = problem, named; compare([nash], {"low": low, "high": high})',
    ),
    ("sensitivity(answer, wrt='disagrement')", "disagreement", "sensitivity(answer, wrt='disagreement')"),
    (
        "HoldUp(np.sqrt, 'split', 1.0)",
        "split_the_difference",
        "HoldUp(np.sqrt, split_the_difference(0.5), 1.0)",
    ),
    (
        "outcome_problem([{'a': 1}, {}], disagreement=[0, 0])",
        "'a'",
        "outcome_problem([{'a': 1}, {'a': 2}], disagreement=[0, 0])",
    ),
    ("raiffa(problem, weights=[1, 2])", "raiffa(problem)", "raiffa(problem)"),
    ("RepeatedGame(A, 0.9)", "Game(A, B)", "RepeatedGame(Game(A, B), 0.9)"),
    (
        "RepeatedGame(game, 0.9, exit=[2, 1])",
        "Exit(payoffs)",
        "payoffs = [2, 1]; RepeatedGame(game, 0.9, exit=Exit(payoffs))",
    ),
    (
        "RepeatedGame(game, 0.9, outside_option=Exit([2, 1]))",
        "`exit`",
        "RepeatedGame(game, 0.9, exit=Exit([2, 1]))",
    ),
    ("Exit(5)", "Exit([5, 5])"),
    ("Exit([2, 1], who=0)", "[player]", "player = 0; Exit([2, 1], who=[player])"),
    ("Exit([2, 1], who=['Bob'])", "players=[", "Exit([2, 1], who=['Bob'], players=['Ann', 'Bob'])"),
    ("AlternatingOffers(delta=0.9)", "`discounts`", "AlternatingOffers(discounts=0.9)"),
    (
        "AlternatingOffers(0.9, outside_option=[0, 0.3])",
        "`outside`",
        "AlternatingOffers(0.9, outside=[0, 0.3])",
    ),
    (
        "AlternatingOffers(0.9)(feasible)",
        "Problem(feasible, disagreement)",
        "AlternatingOffers(0.9)(Problem(feasible, disagreement))",
    ),
    ("Game(tall, wide)", "Game(A, B.T)", "A, B = tall, wide; Game(A, B.T)"),
    ("Game(payoffs)", "Game(*payoffs)"),
    (
        "Game(last)",
        "Game(*np.moveaxis(payoffs, -1, 0))",
        "payoffs = last; Game(*np.moveaxis(payoffs, -1, 0))",
    ),
    ("Game(cube)", "Game(*payoffs)", "payoffs = cube; Game(*payoffs)"),
    ("Game(A)", "Game(A, -A)"),
    (
        "Game(A, B, actions=['work', 'shirk'])",
        'actions=[["up", "down"], ["left", "right"]]',
        'Game(A, B, actions=[["up", "down"], ["left", "right"]])',
    ),
    ("Game(A, B, players='Ann, Bob')", "each a string of its own", "Game(A, B, players=['Ann', 'Bob'])"),
    (
        "critical_discount(game, ('wrok', 'work'))",
        "Did you mean work?",
        "critical_discount(game, ('work', 'work'))",
    ),
    ("critical_discount(game, (0, 2))", "0 to 1: work, shirk", "critical_discount(game, (0, 0))"),
    ("compare(problem, [nash, egalitarian])", "compare([nash], problem)"),
    ("compare(nash, problem)", "compare([nash], problem)"),
    ("compare(['nash'], problem)", "compare([nash], problem)"),
    ("certify([0.5, 0.5])", "certify(nash(problem))"),
    ("found.strategy([20, 20])", "`vertices`", "found.strategy(found.vertices.mean(axis=0))"),
    ("sweep(model, nash, grid)", "sweep(model, grid, method)"),
    ("sweep(model, grid, method, n_jobs=1)", "`workers`", "sweep(model, grid, method, workers=1)"),
    ("Table(answer)", "Table(answer.to_frame())"),
    (
        "CoalitionalGame(['Canada', 'US'], {('Canada', 'USA'): 10})",
        "Did you mean US?",
        "CoalitionalGame(['Canada', 'US'], {('Canada', 'US'): 10})",
    ),
    (
        "parse_description(b'[problem]\\ntotal = 1\\ndisagreement = [0, 1/5]')",
        '"1/5"',
        "parse_description(b'[problem]\\ntotal = 1\\ndisagreement = [0, \"1/5\"]')",
    ),
    (
        "parse_description(b'[problem]\\ntotal = 1\\ndisagrement = [0, 0]')",
        "Did you mean disagreement?",
        "parse_description(b'[problem]\\ntotal = 1\\ndisagreement = [0, 0]')",
    ),
    (
        "parse_description(b'[game]\\npayoff = 1')",
        "Did you mean payoffs?",
        "parse_description(b'[game]\\npayoffs = [[[1, 0]], [[0, 1]]]')",
    ),
]


@pytest.mark.parametrize(
    ("mistake", "advice", "cure"), [(*row, row[-1])[:3] for row in CURES], ids=[row[0] for row in CURES]
)
def test_a_common_mistake_is_answered_with_a_cure_that_works(mistake: str, advice: str, cure: str) -> None:
    names = session()
    with pytest.raises((bargaining.BargainingError, TypeError)) as caught:
        exec(mistake, names)
    assert advice in str(caught.value)
    meant = re.sub(r"Did you mean (\w+)\?|`(\w+)`", r"\1\2", advice)
    words = {"lower the disagreement point", "each a string of its own", "0 to 1: work, shirk"}
    assert meant in cure or meant in words  # advice in words, which the last column follows
    exec(cure, session())


def test_an_error_from_within_a_function_stays_as_it_is() -> None:
    @suggesting
    def outer(problem: object) -> None:
        raise TypeError("outer() got an unexpected keyword argument 'x'")

    with pytest.raises(TypeError, match=r"^outer\(\) got an unexpected keyword argument 'x'$"):
        outer(1)


def test_what_fits_nothing_is_told_how_the_call_is_written() -> None:
    with pytest.raises(
        TypeError, match=r"^nash\(\) has no argument `colour`. Write nash\(problem, weights=...\)\."
    ):
        nash(1, colour="red")  # noqa: F405
    with pytest.raises(
        TypeError, match=r"^Game\(\) has no argument `colour`. Write Game\(\*payoffs, actions=..., players"
    ):
        Game(A, B, colour="red")  # noqa: F405

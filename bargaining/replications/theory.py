"""The functions that compute the published numbers of theory, which are in the files next to this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction as F
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np

from bargaining._arrays import Floats
from bargaining.concepts.nash import nash
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.equilibria.repeated.critical_discount import critical_discount
from bargaining.equilibria.repeated.joint import joint_payoffs, transfer_equilibrium
from bargaining.equilibria.stage.equilibria import stage_equilibria
from bargaining.equilibria.stochastic.payoff_sets import stochastic_payoff_sets
from bargaining.equilibria.stochastic.transfers import stochastic_transfer_equilibrium
from bargaining.estimation.chains import VerticalChain
from bargaining.feasible.points import FreeDisposalHull
from bargaining.feasible.polytope import Polytope
from bargaining.games.coalitional import CoalitionalGame
from bargaining.games.monitoring import Monitoring
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame
from bargaining.games.stochastic import StochasticGame
from bargaining.problem import Problem
from bargaining.protocols.reputation import ReputationalBargaining, kambe_limit
from bargaining.replications.museum import Computed, Replication, read

DILEMMA = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])


def nash_1950(_: Path | None) -> list[float]:
    """Bill's five goods and Jack's four, with what each is worth to Bill and to Jack."""
    bill = [(2, 4), (2, 2), (2, 1), (2, 2), (4, 1)]
    jack = [(10, 1), (4, 1), (6, 2), (2, 2)]
    gains = []
    for moved in product((0, 1), repeat=9):
        gives = [g for g, m in zip(bill, moved[:5], strict=True) if m]
        gets = [g for g, m in zip(jack, moved[5:], strict=True) if m]
        gains.append(
            (
                sum(b for b, _ in gets) - sum(b for b, _ in gives),
                sum(j for _, j in gives) - sum(j for _, j in gets),
            )
        )
    barters = FreeDisposalHull(gains)
    most = [float(barters.ideal(np.array([u, 0.0]))[1]) for u in (0, 6, 8, 12, 14, 16, 18)]
    x = nash(Problem(Polytope(gains), [0, 0])).payoffs
    return [*most, *x.tolist(), float(x.prod())]


def abreu_sannikov(_: Path | None) -> list[float]:
    """Their 3 x 3 game."""
    game = Game([[16, 3, 0], [21, 10, -1], [9, 5, -5]], [[9, 13, 3], [1, 4, 0], [0, -4, -15]])
    return list(payoff_set(RepeatedGame(game, 0.3)).vertices.ravel())


def quantecon_dilemma(_: Path | None) -> list[float]:
    """The prisoners' dilemma of QuantEcon's tests."""
    return list(payoff_set(RepeatedGame(DILEMMA, 0.9)).vertices.ravel())


def _two_states(cooperate: float, defect: float, discount: float) -> StochasticGame:
    """In the rich state every payoff is higher by 2; the state changes more often if both chose the same action."""
    same, other, coin = [1 / 3, 2 / 3], [2 / 3, 1 / 3], [1 / 2, 1 / 2]
    law = [[[same, coin], [coin, same]], [[other, coin], [coin, other]]]
    rows = [[[cooperate + more, -1 + more], [defect + more, more]] for more in (0, 2)]
    return StochasticGame(
        [Game(row, np.transpose(row)) for row in rows], law, discount, states=["poor", "rich"]
    )


def two_state_dilemma(_: Path | None) -> list[float]:
    """Three pairs of payoffs and discount factors."""
    numbers: list[float] = []
    for cooperate, defect, discount in ((1, 2, 2 / 3), (2, 3, 2 / 3), (2, 3, 0.357)):
        found = stochastic_payoff_sets(_two_states(cooperate, defect, discount))
        for state in ("poor", "rich"):
            corners = found[state].vertices
            numbers += corners[corners[:, 0] >= corners[:, 1] - 1e-9].ravel().tolist()
    return numbers


def risk_sharing(_: Path | None) -> list[float]:
    """Harvests in quarters, gifts in steps of 1/32, square root utility, discount factor 0.7."""
    games = []
    for own in range(0, 33, 8):
        eaten = (own - np.arange(own + 1)[:, None] + np.arange(33 - own)) / 32
        games.append(Game(np.sqrt(eaten), np.sqrt(1 - eaten)))
    found = stochastic_payoff_sets(StochasticGame.from_chain(games, np.full((5, 5), 0.2), 0.7))
    pairs = [(one.threat[0], one.vertices.sum(axis=1).max()) for one in found.values()]
    return [float(x) for pair in pairs for x in pair]


def simple_cournot(_: Path | None) -> list[Any]:
    """Low, middle and high quantities, with voluntary payments and without."""
    profit = [[10, 3, 0], [15, 7, -4], [7, 5, -15]]
    game = Game(profit, np.transpose(profit))
    rows = [[s.discount, s.liquidity, s.joint, *s.threat] for s in joint_payoffs(game).steps]
    return [*(x for row in rows for x in row), critical_discount(game, (0, 0), punishment="stage").exact]


def vertical_merger(_: Path | None) -> list[float]:
    """A chain calibrated to printed prices and shares; the weight is found by the price change of product 2."""
    from scipy.optimize import brentq

    shops, makers = ["R1", "R1", "R2", "R2", "R3", "R3"], ["W1", "W2"] * 3
    s = np.array([0.04798858, 0.05155402, 0.08643620, 0.09306666, 0.07977231, 0.08586495])
    p = np.array([2.942863, 2.974344, 3.066814, 3.095804, 3.044848, 3.074182])
    w = np.array([1.609646, 1.640788, 1.612805, 1.641989, 1.613095, 1.642563])
    slope = 0.9001873
    values = np.log(s / (1 - s.sum())) + slope * p
    merged = ["W1", "W1", *shops[2:]]

    def chain(weight: float) -> VerticalChain:
        costs: dict[str, Any] = {"retail_costs": 0.0, "wholesale_costs": 0.0}
        made = VerticalChain(
            values, slope=slope, retailers=shops, wholesalers=makers, weights=weight, **costs
        )
        retail, wholesale = np.split(made._margins(s), 2)
        return replace(made, retail_costs=p - w - retail, wholesale_costs=w - wholesale)

    def change(weight: float) -> Floats:
        return np.asarray(chain(weight).solve(retailers=merged).prices / p - 1)

    weight = brentq(lambda one: change(one)[1] - 0.10537542, 0.49, 0.51, xtol=1e-13)
    alone = replace(
        chain(0.0),
        values=np.array([0.2, 0.3, 0.9, 1.0, 0.8, 0.9]),
        slope=0.9,
        retail_costs=0.1,
        wholesale_costs=0.25,
    )
    margins = np.concatenate([p - 0.1 - w, w - 0.2])
    makers_gain, shops_gain = (s * gain for gain in chain(weight)._gains(s, margins))
    columns = [alone.solve().prices, shops_gain, makers_gain, values, change(weight)]
    return [float(x) for row in zip(*columns, strict=True) for x in row]


def public_goods(_: Path | None) -> list[Any]:
    """Contributions of 0 to 10 at a cost of 3/4 a unit."""
    x = np.arange(11)
    payoff = (x[:, None] + x) / 2 - 0.75 * x[:, None]
    first, last = joint_payoffs(Game(payoff, payoff.T)).steps
    return [first.joint, last.discount, last.liquidity, last.joint, *last.threat]


def noisy_dilemma(_: Path | None) -> list[Any]:
    """Four signals: cooperation, defection, and that one of the two defected."""
    lam, mu, alpha, beta = F(1, 10), F(2, 10), F(1, 10), F(2, 10)
    one = [1 - 2 * alpha - lam - mu - beta, lam + mu]
    chances: Any = [
        [[1 - 2 * alpha - lam, lam, alpha, alpha], [*one, alpha, alpha + beta]],
        [[*one, alpha + beta, alpha], [0, 1, 0, 0]],
    ]
    game = Game([[1, -1.5], [2, 0]], [[1, 2], [-1.5, 0]])
    steps = joint_payoffs(game, monitoring=Monitoring(chances)).steps
    return [x for s in steps for x in (s.liquidity, s.discount, s.joint)]


def vulnerability(_: Path | None) -> list[Any]:
    """Efforts, joint payoffs and punishments in three repeated games of gifts; the first is on a knife edge."""
    numbers: list[Any] = []
    cases: Any = ((10, (0, 0), F("0.3")), (10, (0, 1), F("0.3")), (20, (F(1, 2), F(1, 2)), F("0.25")))
    for step, hurts, discount in cases:
        grid = [F(k, step) for k in range(step + 1)]
        own = [[-hurt, *grid] if hurt else grid for hurt in hurts]
        first = [[y - max(x, 0) ** 2 / 2 for y in own[1]] for x in own[0]]
        second = [[x - max(y, 0) ** 2 / 2 for y in own[1]] for x in own[0]]
        found = transfer_equilibrium(RepeatedGame(Game(first, second), discount))
        numbers += [own[0][int(found.profile[0])], found.joint, *found.threat]
    return numbers


def _joint_and_threats(found: Any) -> list[float]:
    """Return the joint payoff and the punishments in each state, one after the other."""
    return np.column_stack([found.joint, found.threat]).astype(float).ravel().tolist()


def hold_up_contract(_: Path | None) -> list[float]:
    """Invest 0, 1 or 2; then trade or wait; then nothing. Averages over one less the discount factor are sums."""
    states = ["invest", "0", "1", "2", "end"]
    nothing, discount = [[0.0]], 0.9
    games = [Game([[0.0], [-0.7], [-1.4]], [[0.0]] * 3)]
    games += [Game([[0, 0], [0, s / 2]], [[0, 0], [0, s / 2]]) for s in (0, 1, 2)] + [Game(nothing, nothing)]
    to = np.eye(5)
    law: list[Any] = [[[to[1]], [to[2]], [to[3]]]]
    law += [[[to[k], to[k]], [to[k], to[4]]] for k in (1, 2, 3)] + [[[to[4]]]]
    found = stochastic_transfer_equilibrium(StochasticGame(games, law, discount, states=states))
    return [x / (1 - discount) for x in _joint_and_threats(found)]


def collusion_thresholds(_: Path | None) -> list[Any]:
    """Quantities among which the papers' strategies are found."""

    def cournot(*quantities: F) -> Game:
        price = [[max(1 - a - b, F(0)) for b in quantities] for a in quantities]
        first = [[p * a for p in row] for a, row in zip(quantities, price, strict=True)]
        return Game(first, list(zip(*first, strict=True)))

    friedman = cournot(F(1, 4), F(1, 3), F(3, 8))
    abreu = cournot(F(1, 4), F(7, 24), F(1, 3), F(3, 8), F(5, 12))
    return [
        critical_discount(friedman, (0, 0), punishment="stage").exact,
        critical_discount(abreu, (0, 0)).exact,
    ]


def abreu_gul(_: Path | None) -> list[float]:
    """The war of attrition of two obstinate types, and its limit."""
    talks = ReputationalBargaining(demands=(0.6, 0.6), rates=(0.1, 0.2), priors=(0.05, 0.05))()
    return [
        float(talks.horizon),
        float(talks.initial_concession[1]),
        *talks.payoffs,
        *kambe_limit((0.1, 0.2)),
    ]


def talmud(_: Path | None) -> list[F]:
    """Claims of 100, 200 and 300."""
    claims, numbers = {"100": 100, "200": 200, "300": 300}, []
    for estate in (100, 200, 300, 400, 500):

        def worth(coalition: Any, estate: int = estate) -> int:
            return max(0, estate - sum(c for name, c in claims.items() if name not in coalition))

        numbers += list(CoalitionalGame(list(claims), worth).nucleolus().exact)
    return numbers


def _by_size(values: list[Any]) -> CoalitionalGame:
    """Return the game of the worths of all coalitions, smaller ones first, each size in order of its players."""
    names = [str(k) for k in range((len(values) + 1).bit_length() - 1)]
    coalitions = [c for size in range(1, len(names) + 1) for c in combinations(names, size)]
    return CoalitionalGame(names, dict(zip(coalitions, values, strict=True)))


def ibn_ezra(_: Path | None) -> list[F]:
    """The largest claim of a coalition, on 120."""
    claims = (120, 60, 40, 30)
    game = CoalitionalGame(["0", "1", "2", "3"], lambda c: max((claims[int(k)] for k in c), default=0))
    return list(game.shapley().exact)


def glove_games(_: Path | None) -> list[F]:
    """The number of pairs in a coalition."""
    numbers: list[F] = []
    for left, players in ((1, 3), (2, 3), (3, 4), (4, 5), (1, 10)):

        def pairs(coalition: Any, left: int = left) -> int:
            lefts = sum(int(k) < left for k in coalition)
            return min(lefts, len(coalition) - lefts)

        numbers += CoalitionalGame([str(k) for k in range(players)], pairs).shapley().exact
    return numbers


def voting_power(_: Path | None) -> list[F]:
    """One for coalitions that reach the quota."""
    numbers: list[F] = []
    for votes, quota in (
        ((50, 49, 1), 1),
        ((50, 49, 1), 51),
        ((50, 49, 1), 52),
        ((50, 49, 1), 100),
        ((4, 2, 1), 5),
        ((10, 10, 20, 30), 50),
        ((3, 2, 1, 1), 4),
    ):

        def wins(coalition: Any, votes: Any = votes, quota: int = quota) -> int:
            return int(sum(votes[int(k)] for k in coalition) >= quota)

        numbers += CoalitionalGame([str(k) for k in range(len(votes))], wins).shapley().exact
    return numbers


def nucleolus_examples(_: Path | None) -> list[F]:
    """Worths as they are listed."""
    games = (
        [-1, 0, 1, 3, 4, 2, 5],
        [2, 6, 5, 15, 1, 18, 14],
        [0, 0, 0, 0, 5, 5, 8, 9, 10, 8, 13, 15, 16, 17, 21],
    )
    return [x for worths in games for x in _by_size(worths).nucleolus().exact]


def _equilibria(game: Game, used: str) -> list[float]:
    """Return the probabilities in the equilibria with these supports, one string per equilibrium."""
    found = {}
    for pair in stage_equilibria(game).profiles:
        key = " ".join("".join(str(k) for k, chance in enumerate(x) if chance) for x in pair)
        found[key] = [float(chance) for x in pair for chance in x]
    return [chance for key in used.split(", ") for chance in found[key]]


def von_stengel(_: Path | None) -> list[float]:
    """The second game has a row of the second player's payoffs without a strict best reply."""
    first, second = [[3, 3], [2, 5], [0, 6]], [[3, 2], [2, 6], [3, 1]]
    game, degenerate = Game(first, second), Game(first, [[3, 3], *second[1:]])
    x, y = np.reshape(_equilibria(game, "01 01, 12 01"), (2, 5))
    payoffs = [x[:3] @ first @ x[3:], y[:3] @ first @ y[3:], y[:3] @ second @ y[3:]]
    return _equilibria(game, "0 0, 01 01, 12 01") + _equilibria(degenerate, "0 0, 0 01, 12 01") + payoffs


def equilibria(games: Sequence[Mapping[str, Any]]) -> Computed:
    """Return the function that computes the equilibria of games as files list them."""

    def computed(_: Path | None) -> list[float]:
        numbers = list[float]()
        for given in games:
            game = Game(*np.vectorize(F, otypes=[object])(given["payoffs"]))
            numbers += _equilibria(game, given["supports"]) if "supports" in given else []
            profiles = stage_equilibria(game).profiles
            mixed = [x for x in profiles if min(float(chance) for own in x for chance in own) > 0]
            numbers += [len({"all": profiles, "mixed": mixed}[which]) for which in given.get("counts", ())]
        return numbers

    return computed


def water_reserves(_: Path | None) -> list[float]:
    """The remaining reserves and the inflow are kept, up to a capacity of 5 units."""
    most, inflows = 5, (0, 1, 2)
    games, law = [], []
    for own, other in product(range(most + 1), repeat=2):
        q, r = np.arange(own + 1)[:, None], np.arange(other + 1)
        price = np.maximum(most - q - r, 0)
        games.append(Game(price * q, price * r))
        chances = np.zeros((own + 1, other + 1, most + 1, most + 1))
        for i, j, a, b in product(range(own + 1), range(other + 1), inflows, inflows):
            chances[i, j, min(own - i + a, most), min(other - j + b, most)] += 1 / 9
        law.append(chances.reshape(own + 1, other + 1, -1).tolist())
    found = stochastic_transfer_equilibrium(StochasticGame(games, law, 0.7))
    return _joint_and_threats(found)


def two_state_transfers(_: Path | None) -> list[float]:
    """The dilemma of the dynamic game, with payoffs 2 and 3."""
    numbers, slack = list[float](), list[float]()
    for discount in (0.7, 0.357, 0.356):
        found = stochastic_transfer_equilibrium(_two_states(2, 3, discount))
        numbers += _joint_and_threats(found)
        slack += [float(joint - v.sum()) for joint, v in zip(found.joint, found.threat, strict=True)]
    return numbers + slack


def gangstas_paradise(_: Path | None) -> list[float]:
    """To negotiate anew is to move to a state that pays r for ever."""
    dilemma, numbers = Game([[2, -10], [3, 0]], [[2, 3], [-10, 0]]), []
    for discount, rho, worths in (
        (0.5, 0.1, [2]),
        (0.2, 0.1, [0]),
        (0.5, 0.5, [0]),
        (0.5, 0.5, [2]),
        (0.5, 0.5, [2, 1]),
        (0.6, 0.5, [2, 2, 1.2]),
        (0.3334, 0.5, [2, *(2 * 0.3334**k for k in range(8, 0, -1))]),
    ):
        count = len(worths)
        games = [dilemma] * count + [Game([[r]], [[r]]) for r in (*worths, 2)]
        to = np.eye(2 * count + 1)
        law: list[Any] = []
        for k in range(count):
            later = (k + 1) % count
            on = (1 - rho) * to[later] + rho * to[count + later]
            law.append([[to[-1], on], [on, on]])
        law += [[[to[k]]] for k in range(count, 2 * count + 1)]
        found = stochastic_transfer_equilibrium(StochasticGame(games, law, discount))
        numbers += [float(x) for k in range(count) for x in (found.joint[k], found.threat[k][0])]
    return [*numbers, (numbers[0] / 2 - 0.5 * 2) / (1 - 0.5)]


def bankruptcy_game(_: Path | None) -> list[Any]:
    """A coalition gets the rest after the others are paid in full; with links, the sum over connected parts."""
    claims = dict(zip("012345", map(F, ("40", "32", "11", "73.3", "54.95", "81.1")), strict=True))
    links = ("01", "02", "03", "12", "13", "23", "34", "35", "45")

    def worth(coalition: Any) -> F:
        return max(F(0), 176 - sum((claim for name, claim in claims.items() if name not in coalition), F(0)))

    def linked(coalition: Any) -> F:
        parts: list[set[str]] = []
        for name in coalition:
            near = [part for part in parts if any(name in pair and part & set(pair) for pair in links)]
            parts = [part for part in parts if part not in near] + [{name}.union(*near)]
        return sum(map(worth, parts), F(0))

    game = CoalitionalGame(list(claims), worth)
    nucleolus = game.nucleolus()
    values = [*nucleolus.exact, *game.shapley().exact, *CoalitionalGame(list(claims), linked).shapley().exact]
    return [*values, float(game.in_core(nucleolus.payoffs))]


def museum() -> dict[str, Replication]:
    """Return the replications of the theory, by name."""
    return read(Path(__file__).parent, globals())

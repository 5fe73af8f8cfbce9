"""How each published number of the theory is computed; what is published is in the files beside this one."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np

from bargaining.concepts.nash import nash
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.equilibria.repeated.critical_discount import critical_discount
from bargaining.equilibria.repeated.joint import joint_payoffs
from bargaining.equilibria.repeated.transfers import transfer_equilibrium
from bargaining.equilibria.stage.equilibria import stage_equilibria
from bargaining.equilibria.stochastic.payoff_sets import stochastic_payoff_sets
from bargaining.equilibria.stochastic.transfers import stochastic_transfer_equilibrium
from bargaining.feasible.points import FreeDisposalHull
from bargaining.feasible.polytope import Polytope
from bargaining.games.coalitional import CoalitionalGame
from bargaining.games.monitoring import Monitoring
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame
from bargaining.games.stochastic import StochasticGame
from bargaining.problem import Problem
from bargaining.protocols.kambe import kambe_limit
from bargaining.protocols.reputation import ReputationalBargaining
from bargaining.replications.museum import Computed, Replication, read

DILEMMA = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])


def _game(first: Any, second: Any) -> Game:
    return Game(first, second)


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


def two_state_dilemma(_: Path | None) -> list[float]:
    """In the rich state every payoff is higher by 2; it changes more often after the players did the same."""
    numbers: list[float] = []
    same, other, coin = [1 / 3, 2 / 3], [2 / 3, 1 / 3], [1 / 2, 1 / 2]
    law = [[[same, coin], [coin, same]], [[other, coin], [coin, other]]]
    for cooperate, defect, discount in ((1, 2, 2 / 3), (2, 3, 2 / 3), (2, 3, 0.357)):
        rows = [[[cooperate + more, -1 + more], [defect + more, more]] for more in (0, 2)]
        stages = [Game(row, np.transpose(row)) for row in rows]
        found = stochastic_payoff_sets(StochasticGame(stages, law, discount, states=["poor", "rich"]))
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
    game = _game([[1, -1.5], [2, 0]], [[1, 2], [-1.5, 0]])
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
        found = transfer_equilibrium(RepeatedGame(_game(first, second), discount))
        numbers += [own[0][int(found.profile[0])], found.joint, *found.threat]
    return numbers


def hold_up_contract(_: Path | None) -> list[float]:
    """Invest 0, 1 or 2; then trade or wait; then nothing. Averages over one less the discount factor are sums."""
    states = ["invest", "0", "1", "2", "end"]
    nothing, discount = [[0.0]], 0.9
    games = [_game([[0.0], [-0.7], [-1.4]], [[0.0]] * 3)]
    games += [_game([[0, 0], [0, s / 2]], [[0, 0], [0, s / 2]]) for s in (0, 1, 2)] + [Game(nothing, nothing)]
    to = np.eye(5)
    law: list[Any] = [[[to[1]], [to[2]], [to[3]]]]
    law += [[[to[k], to[k]], [to[k], to[4]]] for k in (1, 2, 3)] + [[[to[4]]]]
    found = stochastic_transfer_equilibrium(StochasticGame(games, law, discount, states=states))
    return [
        float(x) / (1 - discount)
        for joint, v in zip(found.joint, found.threat, strict=True)
        for x in (joint, *v)
    ]


def collusion_thresholds(_: Path | None) -> list[Any]:
    """Quantities among which the papers' strategies are found."""

    def cournot(*quantities: F) -> Game:
        price = [[max(1 - a - b, F(0)) for b in quantities] for a in quantities]
        first = [[p * a for p in row] for a, row in zip(quantities, price, strict=True)]
        return _game(first, list(zip(*first, strict=True)))

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
    """Claims of 100, 200 and 300 on estates of 100, 200 and 300."""
    claims, numbers = {"100": 100, "200": 200, "300": 300}, []
    for estate in (100, 200, 300):

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
    ):

        def wins(coalition: Any, votes: Any = votes, quota: int = quota) -> int:
            return int(sum(votes[int(k)] for k in coalition) >= quota)

        numbers += CoalitionalGame(["0", "1", "2"], wins).shapley().exact
    return numbers


def nucleolus_examples(_: Path | None) -> list[F]:
    """Worths as they are listed."""
    games = (
        [-1, 0, 1, 3, 4, 2, 5],
        [2, 6, 5, 15, 1, 18, 14],
        [0, 0, 0, 0, 5, 5, 8, 9, 10, 8, 13, 15, 16, 17, 21],
    )
    return [x for worths in games for x in _by_size(worths).nucleolus().exact]


def von_stengel(_: Path | None) -> list[float]:
    """All equilibria, those that start with higher chances of the first actions first."""
    numbers: list[float] = []
    for second in ([[3, 2], [2, 6], [3, 1]], [[3, 3], [2, 6], [3, 1]]):
        found = stage_equilibria(Game([[3, 3], [2, 5], [0, 6]], second))
        pairs = [[*map(float, one[0]), *map(float, one[1])] for one in found.profiles]
        numbers += [x for pair in sorted(pairs, key=lambda p: (-p[0], -p[3])) for x in pair]
    return numbers


COMPUTED: dict[str, Computed] = {
    made.__name__.replace("_", "-"): made
    for made in (
        abreu_gul,
        abreu_sannikov,
        collusion_thresholds,
        glove_games,
        hold_up_contract,
        ibn_ezra,
        nash_1950,
        noisy_dilemma,
        nucleolus_examples,
        public_goods,
        quantecon_dilemma,
        risk_sharing,
        simple_cournot,
        talmud,
        two_state_dilemma,
        von_stengel,
        voting_power,
        vulnerability,
    )
}


def museum() -> dict[str, Replication]:
    """Return the replications of the theory, by name."""
    return read(Path(__file__).parent, COMPUTED)

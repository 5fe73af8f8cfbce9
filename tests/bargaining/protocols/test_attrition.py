"""The war of attrition: best replies by quadrature and by short periods, exit, and bad input."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from bargaining.errors import InvalidInput, NotApplicable
from bargaining.protocols.attrition import WarOfAttrition
from bargaining.protocols.reputation import ReputationalBargaining

WARS = [
    WarOfAttrition((10, 10), (0, 0), costs=(1, 2)),
    WarOfAttrition((0.6, 0.7), (0.3, 0.4), rates=(0.1, 0.2)),
    WarOfAttrition((5, 2), (1, -1), rates=(0.05, 0.1), costs=(0.3, 0.5)),
    WarOfAttrition((5, 4), (0.5, 0.5), rates=(0.1, 0.1), exits=((1, 3), (2, -1))),
]


def payoff(war, talks, player, time):
    """Integrate over the moments at which the other may give up; payoffs read off the arguments."""
    i, j = player, 1 - player
    win, lose = np.asarray(war.win, float), np.asarray(war.lose, float)
    r, c = (np.broadcast_to(np.asarray(x, float), 2)[i] for x in (war.rates, war.costs))
    floor, prize = lose[i], win[i]
    if war.exits is not None:
        floor = max(floor, war.exits[i][i])
        prize = war.exits[j][i] if war.exits[j][j] > lose[j] else prize
    spent = lambda t: c * (-math.expm1(-r * t) / r if r else t)  # noqa: E731
    h, m = talks.hazards[j], talks.initial[j]
    won = quad(lambda t: h * math.exp(-h * t) * (math.exp(-r * t) * prize - spent(t)), 0, time, epsabs=1e-12)[
        0
    ]
    yielded = math.exp(-h * time) * (math.exp(-r * time) * floor - spent(time))
    return m * prize + (1 - m) * (won + yielded)


@pytest.mark.parametrize("war", WARS)
@pytest.mark.parametrize(("mass", "weak"), [(0.0, 0), (0.4, 0), (0.7, 1)])
def test_every_moment_pays_the_same(war, mass, weak):
    talks = war(mass=mass, weak=weak)
    for player in (0, 1):
        for time in (1e-3, 0.5, 2.0, 8.0):
            assert payoff(war, talks, player, time) == pytest.approx(talks.payoffs[player], abs=1e-9)
    assert talks.residual < 1e-14
    assert talks.raise_if_failed().ok


def test_short_periods_have_these_hazards_in_the_limit():
    war = WARS[2]
    win, lose, rates, costs = (np.asarray(x, float) for x in (war.win, war.lose, war.rates, war.costs))
    period = 1e-5
    # i yields now for lose, or pays for a period, and then wins with probability p or yields.
    discount = np.exp(-rates * period)
    paid = costs * period
    p = (lose * (1 - discount) + paid) / (discount * (win - lose))
    assert war().hazards[::-1] == pytest.approx(p / period, rel=1e-4)


def test_the_family_runs_from_one_pure_equilibrium_to_the_other():
    war = WARS[1]
    ends = war.equilibria()
    assert ends.tolist() == [[0.3, 0.6], [0.4, 0.7]]
    assert war().payoffs.tolist() == [0.3, 0.4]
    assert war(mass=1 - 1e-12, weak=1).payoffs == pytest.approx([0.6, 0.4])
    assert war(mass=0.5).delay == pytest.approx(war().delay / 2)


def test_two_demands_give_the_rates_of_reputational_bargaining():
    a, r = (0.6, 0.7), (0.1, 0.2)
    war = WarOfAttrition(a, (1 - a[1], 1 - a[0]), rates=r)()
    talks = ReputationalBargaining(a, r, 0.01)()
    assert war.hazards == pytest.approx(talks.concession_rates, rel=1e-14)


def test_exit_that_leaves_the_other_nothing_to_wait_for():
    """Player 0 would leave, which pays player 1 less than yielding: player 1 yields at once."""
    war = WarOfAttrition((5, 4), (1, 1), rates=(0.1, 0.1), exits=((2, 0.5), (0, 0)))
    assert war.leaves.tolist() == [True, False]
    assert war.yields_at_once.tolist() == [False, True]
    assert war.equilibria().tolist() == [[5, 5], [1, 1]]
    with pytest.raises(NotApplicable, match="equilibria"):
        war()


def test_who_neither_gains_nor_loses_by_waiting_may_let_the_other_give_up():
    """Player 0 gets .5 by leaving and when player 1 leaves, for .2, who would get .6 if 0 left."""
    war = WarOfAttrition((1, 1), (0, 0), costs=(1, 1), exits=((0.5, 0.6), (0.5, 0.2)))
    assert war.yields_at_once.tolist() == [True, False]
    assert war.equilibria().tolist() == [[0.5, 0.5], [0.2, 0.6]]


def test_exit_on_both_sides_ends_the_war_at_once():
    war = WarOfAttrition((5, 4), (1, 1), rates=(0.1, 0.1), exits=((2, 0.5), (0.5, 2)))
    assert war.equilibria().tolist() == [[0.5, 2], [0.5, 2]]


BAD = [
    ({"lose": (0, 11)}, "`win` must be above `lose`.*player 1"),
    ({"costs": (-1, 1)}, "`costs` must lie in"),
    ({"rates": (-1, 1)}, "`rates` must lie in"),
    ({"costs": 0.0}, "`rates` and `costs` must make waiting costly"),
    ({"win": (1, 2, 3)}, "`win` must have one entry per player"),
    ({"win": np.ones((2, 2))}, "`win` must have one entry per player"),
    ({"exits": (1, 2)}, "`exits` must have shape"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input(change, message):
    with pytest.raises(InvalidInput, match=message):
        WarOfAttrition(**({"win": (10, 10), "lose": (0, 0), "costs": (1, 1)} | change))


def test_bad_choice_of_equilibrium():
    with pytest.raises(InvalidInput, match="`mass` must lie in"):
        WARS[0](mass=1.0)
    with pytest.raises(InvalidInput, match="`weak` must be a player"):
        WARS[0](weak=2)

"""Bluffing: indifference by hand, deviations by enumeration, and the price of credibility."""

import numpy as np
import pytest

from bargaining.errors import InvalidInput
from bargaining.protocols.signalling import Bluff, CostlyStep, Kind, credibility

PAYOFFS = {"owner": [[0.6, 0.4], [0.6, 0.1]], "receiver": [[0.4, 0.1], [0.4, 0.9]], "silence": (0.2, 0.8)}


def best_deviation(talks, prior, owner, receiver, silence):
    """Return the most that any type or the receiver gains by a pure deviation, from the table alone."""
    p = talks.concede
    gains = []
    for t in (0, 1):
        claimed = p * owner[t][0] + (1 - p) * owner[t][1]
        played = talks.claim[t] * claimed + (1 - talks.claim[t]) * silence[0]
        gains.append(max(claimed, silence[0]) - played)
    weight = np.array([prior * talks.claim[0], (1 - prior) * talks.claim[1]])
    answers = weight / weight.sum() @ np.array(receiver)
    gains.append(answers.max() - (p * answers[0] + (1 - p) * answers[1]))
    return max(gains)


@pytest.mark.parametrize("prior", [0.01, 0.2, 0.6, 0.63, 0.99])
def test_nobody_gains_by_deviating(prior):
    talks = Bluff(prior, **PAYOFFS)()
    assert best_deviation(talks, prior, PAYOFFS["owner"], PAYOFFS["receiver"], PAYOFFS["silence"]) < 1e-15
    assert talks.residual < 1e-15


def test_the_threshold_separates_bluffing_from_belief():
    # Calling the weak gains .5, calling the strong loses .3.
    game = Bluff(0.2, **PAYOFFS)
    assert game.threshold == pytest.approx(0.5 / 0.8)
    assert game().belief == pytest.approx(game.threshold)
    sure = Bluff(0.7, **PAYOFFS)()
    assert (sure.claim.tolist(), sure.concede, sure.belief) == ([1, 1], 1, pytest.approx(0.7))


def test_credibility_bought_is_what_the_equilibria_say():
    owner, receiver = PAYOFFS["owner"], PAYOFFS["receiver"]
    game = CostlyStep(0.3, (0.05, 0.25), owner=owner, receiver=receiver)
    sizes = np.array([0.1, 1.0, 1.9, 2.5, 3.9, 5.0])
    bought = credibility(game, sizes)
    for size, concession in zip(sizes, bought, strict=True):
        listed = CostlyStep(0.3, (0.05 * size, 0.25 * size), owner=owner, receiver=receiver)()
        steps = [e for e in listed if e.kind in (Kind.BLUFF, Kind.SEPARATE)]
        if np.isnan(concession):
            assert not steps
        else:
            assert [e.concede[0, 0] for e in steps] == pytest.approx([concession])


BAD = [
    ({"silence": (0.1, 0.8)}, "`silence` must be a pair"),
    ({"silence": (0.6, 0.8)}, "`silence` must be a pair"),
    ({"silence": (0.2,)}, "`silence` must be a pair"),
    ({"silence": (0.45, 0.8)}, "`silence` must not be worth more"),
    ({"prior": 0.0}, "`prior` must lie in"),
    ({"owner": [[0.6, 0.4]]}, "`owner` must have shape"),
    ({"prior": 0.5, "receiver": [[1, 0], [0, 1]]}, "`prior` must differ from the belief threshold"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input(change, message):
    with pytest.raises(InvalidInput, match=message):
        Bluff(**({"prior": 0.2} | PAYOFFS | change))


def test_credibility_needs_something_to_buy():
    trusted = CostlyStep(0.9, (0.05, 0.25), owner=PAYOFFS["owner"], receiver=PAYOFFS["receiver"])
    with pytest.raises(InvalidInput, match="`game` must have a prior below"):
        credibility(trusted, 1.0)
    with pytest.raises(InvalidInput, match="`sizes` must lie in"):
        credibility(CostlyStep(0.3, (0.05, 0.25), owner=PAYOFFS["owner"], receiver=PAYOFFS["receiver"]), 0.0)

"""Derivatives of talks on a Markov chain and of contracts of many pairs, against fifty digits."""

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from bargaining import (
    BilateralDeal,
    Frontier,
    InvalidInput,
    Polytope,
    StochasticBargaining,
    nash_in_nash,
    sensitivity,
)

LAW = [[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.25, 0.25, 0.5]]

SURPLUS, OUTSIDE = [1.0, 0.4, 2.0], [[0.0, 0.0], [0.0, 0.0], [0.9, 0.0]]

DELTA, PROPOSER = [0.6, 0.55], [0, 1, 1]

ARC = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)


@pytest.fixture(autouse=True)
def fifty() -> Any:
    with mp.workdps(50):
        yield


def value_iteration(t: dict[str, Any], best: Callable[[int, int, Any], Any]) -> list[Any]:
    """Return payoffs of two, state by state, by going back from the end of time; best(s, k, w) is the proposer's."""
    states = range(len(PROPOSER))
    f = [[mp.mpf(0), mp.mpf(0)] for _ in states]
    for _ in range(230):
        x = [
            [t["discounts"][j] * sum(t["transition"][s][u] * f[u][j] for u in states) for j in (0, 1)]
            for s in states
        ]
        new = []
        for s in states:
            k, o = PROPOSER[s], t["outside"][s]
            w = max(x[s][1 - k], o[1 - k]) if o[1 - k] > 0 else x[s][1 - k]
            rest = best(s, k, w)
            leave = o[1 - k] > 0 and o[1 - k] > x[s][1 - k]
            refused = o if leave else x[s]
            agreed = [rest, w] if k == 0 else [w, rest]
            new.append(agreed if rest >= refused[k] else list(refused))
        f = new
    return [v for row in f for v in row]


def slopes(of: Callable[[dict[str, Any]], list[Any]], name: str) -> Any:
    at = {"surplus": SURPLUS, "discounts": DELTA, "outside": OUTSIDE, "transition": LAW}
    h, columns = mp.mpf("1e-18"), []
    for place in np.ndindex(*np.shape(at[name])):
        ends = []
        for sign in (1, -1):
            exact = {key: _exact(value) for key, value in at.items()}
            row = exact[name]
            for k in place[:-1]:
                row = row[k]
            row[place[-1]] += sign * h
            ends.append(of(exact))
        columns.append([float((a - b) / (2 * h)) for a, b in zip(*ends, strict=True)])
    return np.array(columns).T


def _exact(value: Any) -> Any:
    return [_exact(one) for one in value] if isinstance(value, list) else mp.mpf(value)


def talks(sets: Any = SURPLUS) -> Any:
    return StochasticBargaining(sets, LAW, DELTA, PROPOSER, outside=OUTSIDE)()


@pytest.mark.parametrize("name", ["surplus", "outside"])
def test_talks_on_a_chain_have_the_derivatives_of_value_iteration(name: str) -> None:
    """They wait in one state, and an option binds in another."""
    found = talks()
    assert found.delay.any()
    assert found.agree.any()
    ours = sensitivity(found, wrt=name)
    exact = slopes(lambda t: value_iteration(t, lambda s, k, w: t["surplus"][s] - w), name)
    np.testing.assert_allclose(ours.values.reshape(exact.shape), exact, rtol=0, atol=1e-8)
    assert float(ours.error.max()) < 1e-8
    if name == "outside":
        assert np.abs(exact).max() > 0.3


def test_sets_count_by_the_piece_that_an_agreement_lies_on() -> None:
    """An arc, a triangle and a pie; the boundary of each by hand."""
    sets = [ARC, Polytope([[0, 2], [3, 0], [0, 0]]), ARC]

    def best(s: int, k: int, w: Any) -> Any:
        if s == 1:
            return 3 - 3 * w / 2 if k == 0 else 2 - 2 * w / 3
        return mp.sqrt(4 - w) if k == 0 else 4 - w**2

    ours = sensitivity(talks(sets), wrt="discounts")
    exact = slopes(lambda t: value_iteration(t, best), "discounts")
    np.testing.assert_allclose(ours.values.reshape(exact.shape), exact, rtol=0, atol=1e-8)


def test_an_option_counts_from_where_it_binds() -> None:
    """Offers in turn: waiting is worth .9 / 1.9 to who answers, and so is her option here."""
    option = 0.9 / 1.9
    tied = StochasticBargaining([1, 1], [[0, 1], [1, 0]], 0.9, [0, 1], outside=[[0, option], [0, 0]])()
    found = sensitivity(tied, wrt="outside").sel(state=0, player="1", in_state=0, outside="1")
    assert np.isnan(found)
    np.testing.assert_allclose([found.from_below, found.from_above], [0, 1], atol=1e-8)


def supplied(own: int, cost: Any, w: Any, prices: Any) -> Any:
    """Two makers who each sell to one of two shops that compete in quantities; inverse demand 1 - q1 - q2."""
    quantity = (1 - 2 * w + prices[1 - own]) / 3
    return (w - cost) * quantity, quantity**2


def chain(weights: Any = (0.5, 0.35), cost: Any = 0.1, **more: Any) -> Any:
    return nash_in_nash(
        {
            name: BilateralDeal(gains=partial(supplied, k, cost), lower=0.0, upper=0.5, weight=weights[k])
            for k, name in enumerate(("left", "right"))
        },
        **more,
    )


def exact_chain(weights: Any, cost: Any) -> list[Any]:
    def off(*x: Any) -> list[Any]:
        out = []
        for k in (0, 1):
            quantity = (1 - 2 * x[k] + x[1 - k]) / 3
            out.append(
                weights[k] * (1 / (x[k] - cost) - mp.mpf(2) / 3 / quantity)
                - (1 - weights[k]) * mp.mpf(4) / 3 / quantity
            )
        return out

    return list(mp.findroot(off, (mp.mpf("0.3"), mp.mpf("0.3")), tol=1e-80))


def test_contracts_of_pairs_answer_weights_and_costs() -> None:
    found, h = chain(), mp.mpf("1e-18")
    ours = sensitivity(found, wrt="weights")
    assert ours.dims == ("deal", "weights")
    for k in (0, 1):
        ends = []
        for sign in (1, -1):
            w = [mp.mpf(0.5), mp.mpf(0.35)]
            w[k] += sign * h
            ends.append(exact_chain(w, mp.mpf(0.1)))
        exact = [float((a - b) / (2 * h)) for a, b in zip(*ends, strict=True)]
        np.testing.assert_allclose(ours[:, k], exact, rtol=0, atol=1e-8)
        assert (np.abs(ours[:, k] - exact) <= ours.error[:, k] + 1e-12).all()
    ends = [exact_chain([mp.mpf(0.5), mp.mpf(0.35)], mp.mpf(0.1) + sign * h) for sign in (1, -1)]
    exact = [float((a - b) / (2 * h)) for a, b in zip(*ends, strict=True)]
    costs = sensitivity(found, wrt={"cost": 0.1}, method=lambda cost: chain(cost=cost))
    np.testing.assert_allclose(costs[:, 0], exact, rtol=0, atol=1e-8)
    np.testing.assert_array_equal(sensitivity(pickle.loads(pickle.dumps(found)), wrt="weights"), ours)
    # A lambda cannot travel, and stays behind.
    alone = nash_in_nash([BilateralDeal(gains=lambda x, _: (x, 1 - x), lower=0.0, upper=1.0)])
    sent = pickle.loads(pickle.dumps(alone))
    assert sent.contracts == alone.contracts
    with pytest.raises(InvalidInput, match="`method`"):
        sensitivity(sent, wrt="weights")

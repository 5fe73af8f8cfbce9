"""Lump sums in a network of agreements against hand-made divisions."""

from fractions import Fraction

import numpy as np
import pytest

from bargaining.equilibria.pairs.lump_sums import lump_sum_nash_in_nash
from bargaining.errors import InvalidInput, Status


def triangle(worth_china, worth_all):
    def payoffs(agreed):
        us, china = (0, 1) in agreed, (0, 2) in agreed
        return [worth_all if us and china else 10 * us + worth_china * china, 0, 0]

    return payoffs


@pytest.mark.parametrize(("china", "everything", "expected"), [(6, 12, (8, 3, 1)), (3, 11, (6.5, 4, 0.5))])
def test_the_triangle_of_countries(china, everything, expected):
    found = lump_sum_nash_in_nash(triangle(china, everything), [(0, 1), (0, 2)])
    np.testing.assert_array_equal(found.payoffs, expected)
    np.testing.assert_array_equal(found.surplus, [everything - china, everything - 10])
    assert found.status == Status.OK


def test_each_side_keeps_its_weight_of_its_pair():
    def payoffs(agreed):
        size = len(agreed)
        return [Fraction(size, 3), 2 * size, size * size]

    pairs = [(0, 1), (1, 2), (0, 2)]
    found = lump_sum_nash_in_nash(payoffs, pairs, weights=[0.25, 0.5, 1.0])
    for (i, j), transfer, weight in zip(pairs, found.exact, (Fraction(1, 4), Fraction(1, 2), 1), strict=True):
        gain = [a - b for a, b in zip(payoffs(range(3)), payoffs(range(2)), strict=True)]
        assert gain[i] - transfer == weight * (gain[i] + gain[j])
    assert found.payoffs.sum() == pytest.approx(1 + 6 + 9)


def test_a_harmful_agreement_is_reported():
    found = lump_sum_nash_in_nash(lambda agreed: [-len(agreed), 0], [(0, 1)])
    assert found.status == Status.EMPTY
    worth = {(): 0, ((0, 1),): 3, ((0, 2),): 1, ((0, 1), (0, 2)): 2}  # the second is worth less than nothing
    found = lump_sum_nash_in_nash(lambda agreed: [worth[tuple(sorted(agreed))], 0, 0], [(0, 1), (0, 2)])
    assert found.surplus.tolist() == [1, -1]
    assert found.status == Status.EMPTY


def test_weights_are_taken_as_given():
    third = Fraction(1, 3)
    found = lump_sum_nash_in_nash(lambda agreed: [len(agreed), 0], [(0, 1)], weights=third)
    assert found.exact == (1 - third,)
    assert (
        found.exact == lump_sum_nash_in_nash(lambda agreed: [len(agreed), 0], [(0, 1)], weights=[third]).exact
    )


def test_bad_weights_and_payoffs():
    with pytest.raises(
        InvalidInput, match=r"`weights` must be one number, or one a pair \(1\); got shape \(2,\)"
    ):
        lump_sum_nash_in_nash(triangle(3, 11), [(0, 1)], weights=[0.5, 0.5])
    with pytest.raises(InvalidInput, match="`payoffs` must be a function of the agreements in force; got 5"):
        lump_sum_nash_in_nash(5, [(0, 1)])
    for without in ([1], [1, 1, 1]):
        with pytest.raises(
            InvalidInput, match=r"`payoffs` must have an entry for each of 2 players.*; got \d without"
        ):
            lump_sum_nash_in_nash(lambda agreed, w=without: [2, 2] if agreed else w, [(0, 1)])


def test_bad_pairs():
    for pairs in (5, [0, 1], [(0, 1, 2)], [(0.5, 1)], "ab"):
        with pytest.raises(InvalidInput, match="`pairs` must"):
            lump_sum_nash_in_nash(triangle(3, 11), pairs)
    with pytest.raises(InvalidInput, match="`pairs`"):
        lump_sum_nash_in_nash(triangle(3, 11), [])
    with pytest.raises(InvalidInput, match="`pairs`"):
        lump_sum_nash_in_nash(triangle(3, 11), [(0, 5)])

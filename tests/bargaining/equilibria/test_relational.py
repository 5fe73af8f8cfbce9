"""Relational contracts against closed forms."""

import numpy as np
import pytest

from bargaining.equilibria.repeated.relational import bonus_spread, relational_contract
from bargaining.errors import InvalidInput, Status


def quadratic(discount, outside, *, scale=1.0):
    return relational_contract(
        lambda e: scale * (e - e**2 / 2),
        lambda e: scale * e**2 / 2,
        discount,
        lower=0.0,
        upper=2.0,
        outside=scale * outside,
    )


def closed_form(discount, outside):
    k = discount / (1 - discount)
    root = k**2 - 2 * (1 + k) * k * outside
    return min(1.0, (k + np.sqrt(root)) / (1 + k)) if root >= 0 else None


@pytest.mark.parametrize(
    ("discount", "outside", "effort"), [(0.4, 0.0, 0.8), (0.4, 0.05, 0.7464102), (0.5, 0.0, 1.0)]
)
def test_published_numbers(discount, outside, effort):
    assert round(quadratic(discount, outside).effort, 7) == effort


@pytest.mark.parametrize("discount", [0.1, 0.3, 0.45, 0.6, 0.9])
@pytest.mark.parametrize("outside", [0.0, 0.02, 0.2250002, 0.49])  # up to .225 some effort is possible at .45
def test_closed_form(discount, outside):
    found, expected = quadratic(discount, outside), closed_form(discount, outside)
    if expected is None:
        assert found.status == Status.EMPTY
        assert found.surplus == outside
        assert np.isnan(found.effort)
        return
    assert found.effort == pytest.approx(expected, rel=1e-12 if expected < 1 else 1e-7)
    assert found.first_best == (expected == 1)
    assert found.slack >= -1e-14
    assert found.bonus == pytest.approx(found.effort**2 / 2)


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e12])
def test_the_unit_of_payoffs_does_not_matter(scale):
    assert quadratic(0.4, 0.05, scale=scale).effort == pytest.approx(quadratic(0.4, 0.05).effort, rel=1e-12)
    assert quadratic(0.1, 0.49, scale=scale).status == Status.EMPTY


def test_an_efficient_effort_at_the_end_of_the_range():
    found = relational_contract(lambda e: e, lambda e: 0.0, 0.5, lower=0, upper=3)
    assert found.effort == 3
    assert found.first_best


@pytest.mark.parametrize("best", [1e-3, 5e-3, 2 - 1e-3])
def test_an_efficient_effort_close_to_the_end_of_the_range(best):
    found = relational_contract(lambda e: best * e - e**2 / 2, lambda e: 0.0, 0.5, lower=0, upper=2)
    assert found.effort == pytest.approx(best, rel=1e-4, abs=1e-7)


def test_spreads_of_noisy_output():
    """Two outputs: the spread is the cost over the difference in likelihood (binding against the neighbour)."""
    good = np.array([0.2, 0.5, 0.7])
    costs = np.array([0.0, 0.3, 0.9])
    table = np.column_stack([1 - good, good])
    slopes = [0.0, 0.3 / 0.3, 0.6 / 0.2]
    np.testing.assert_allclose(bonus_spread(table, costs), slopes, atol=1e-9)
    np.testing.assert_allclose(bonus_spread(table, 1e9 * costs), np.multiply(1e9, slopes), rtol=1e-9)


def test_an_effort_that_cannot_be_induced():
    # Effort 1 is a mixture of 0 and 2 in output and dearer than the mixture in cost.
    table = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    assert bonus_spread(table, [0, 3, 1])[1] == np.inf


def test_noise_ties_into_the_contract():
    spread = bonus_spread([[0.7, 0.3], [0.3, 0.7]], [0, 1])
    found = relational_contract(
        lambda e: 2 * e, lambda e: float(np.interp(e, [0, 1], spread)), 0.6, lower=0.0, upper=1.0, outside=0.3
    )
    # (0.4)(2.5) e <= 0.6 (2 e - 0.3)  <=>  e >= 0.9: the efficient effort can be sustained
    assert found.effort == pytest.approx(1.0)


@pytest.mark.parametrize("best", [0.05, 0.5])
def test_what_tempts_nobody_needs_no_future(best):
    """Efforts from 0.1 to 0.2 are enforced in court: without patience the one nearest the best is sustained."""
    found = relational_contract(
        lambda e: -((e - best) ** 2), lambda e: max(0.1 - e, 0, e - 0.2) ** 2, 0.0, lower=0, upper=1
    )
    assert found.effort == pytest.approx(min(max(best, 0.1), 0.2), abs=1e-7)
    assert found.slack == 0.0


def test_bad_arguments():
    with pytest.raises(InvalidInput, match="`lower`"):
        relational_contract(lambda e: e, lambda e: e, 0.5, lower=1, upper=1)
    with pytest.raises(InvalidInput, match="`surplus`"):
        relational_contract(lambda e: float("nan"), lambda e: e, 0.5, lower=0, upper=1)
    with pytest.raises(InvalidInput, match="`temptation` must be a function of effort; got 0"):
        relational_contract(lambda e: e, 0.5, 0.5, lower=0, upper=1)
    with pytest.raises(InvalidInput, match="`probabilities`"):
        bonus_spread([[0.5, 0.4]], [0])
    with pytest.raises(InvalidInput, match="`costs`"):
        bonus_spread([[0.5, 0.5]], [0, 1])

"""What a change of real income is made of: it adds up along any path, and in one part where only one is at work."""

import numpy as np
import pytest

from bargaining.errors import InvalidInput
from plain_economy import PlainEconomy, drawn, model_of, rates


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("deficits", ["balanced", "fixed", "share"])
def test_the_path_adds_up(links, deficits):
    model = model_of(drawn(1, links=links), deficits=deficits)
    rng = np.random.default_rng(2)
    tariffs, costs = rates(rng, (4, 3, 3, 2)), rng.uniform(0.8, 1.2, (4, 3, 3, 2))
    paid = rng.uniform(-1, 1, 3)
    parts = model.decomposition(tariffs=tariffs, costs=costs, transfers=paid - paid.mean(), unit="r2")
    np.testing.assert_allclose(parts.total, 100 * np.log1p(parts.exact / 100), rtol=0, atol=1e-9)
    np.testing.assert_allclose(parts.residual, 0, atol=1e-9)
    assert parts.terms_of_trade.shape == (4, 3, 2)
    np.testing.assert_array_equal(
        parts.exact,
        model.solve(tariffs=tariffs, costs=costs, transfers=paid - paid.mean(), unit="r2").welfare,
    )


def test_the_sum_does_not_depend_on_the_path_and_the_split_does():
    """There and on in two legs, against one."""
    flows, tariffs, inputs, theta = drawn(3)
    model = model_of((flows, tariffs, inputs, theta))
    middle, end = rates(np.random.default_rng(4), (2, 3, 3, 2))
    first = model.decomposition(tariffs=middle)
    at = model.solve(tariffs=middle)
    second = model_of((at.flows, middle, inputs, theta)).decomposition(tariffs=end)
    whole = model.decomposition(tariffs=end)
    np.testing.assert_allclose(first.total + second.total, whole.total, rtol=0, atol=1e-8)
    assert np.abs((first.volume + second.volume - whole.volume).sum(axis=1)).max() > 1e-3


def plain_discrete(plain, tariffs):
    """Terms of trade and volume of trade with the weights of the base, written out."""
    after, base = plain.solve(tariffs), plain.flows
    n, j = plain.n, plain.j
    cost = plain.va * np.log(after["wage"])[:, None] + np.einsum("ijk,ik->ij", plain.io, after["price"])
    change = np.exp(cost) - 1
    terms, volume = np.zeros(n), np.zeros(n)
    for home in range(n):
        for other in range(n):
            for s in range(j):
                terms[home] += (
                    base[other, home, s] * change[home, s] - base[home, other, s] * change[other, s]
                )
                growth = after["flows"][home, other, s] / base[home, other, s] - 1
                volume[home] += (
                    plain.tariff[home, other, s] * base[home, other, s] * (growth - change[other, s])
                )
    return 100 * terms / plain.income, 100 * volume / plain.income


def test_the_published_form():
    data = drawn(5)
    model, plain = model_of(data), PlainEconomy(*data)
    tariffs = rates(np.random.default_rng(6), (3, 3, 2))
    parts = model.decomposition(tariffs=tariffs, method="discrete")
    terms, volume = plain_discrete(plain, tariffs)
    np.testing.assert_allclose(parts.terms_of_trade.sum(axis=1), terms, rtol=1e-8)
    np.testing.assert_allclose(parts.volume.sum(axis=1), volume, rtol=1e-8)


def test_what_is_paid_counts_against_base_income_beside_deficits():
    """Deficits are fixed and not zero, so what is paid is all that changes."""
    model, paid = model_of(drawn(5), deficits="fixed"), np.array([1.0, -0.75, -0.25])
    assert np.abs(model.economy.deficits).min() > 0.1
    parts = model.decomposition(transfers=paid, method="discrete")
    np.testing.assert_allclose(parts.payment, 100 * paid / model.economy.income, rtol=1e-10)


def test_all_forms_agree_on_a_small_change():
    """Deficits move with wages, so that there is a part of payments too."""
    model, rng = model_of(drawn(7), deficits="share"), np.random.default_rng(8)
    tariffs = model.economy.tariffs + 1e-6 * (rates(rng, (3, 3, 2)) - 0.3 * (1 - np.eye(3))[..., None])
    costs = 1 + 1e-6 * rng.uniform(-1, 1, (3, 3, 2))
    exact, form = (
        model.decomposition(tariffs=tariffs, costs=costs, method=name) for name in ("path", "discrete")
    )
    for part in ("terms_of_trade", "volume", "cost", "payment"):
        assert np.abs(getattr(exact, part)).min() > 1e-8
        np.testing.assert_allclose(getattr(form, part), getattr(exact, part), rtol=1e-3, atol=1e-10)


def test_parts_that_are_not_at_work_are_zero():
    flows, _, inputs, theta = drawn(9)
    model = model_of((flows, np.zeros_like(flows), inputs, theta))
    paid = model.decomposition(transfers=[1.0, -1.0, 0.0])
    assert not paid.volume.any()
    assert not paid.cost.any()
    assert paid.payment[0] > 0 > paid.payment[1]
    cheap = model.decomposition(costs=np.full((3, 3, 2), 0.9))
    assert not cheap.volume.any()
    assert (cheap.cost > 0).all()
    assert not cheap.payment.any()


def test_an_iceberg_cut_on_all_sales_is_worth_itself():
    """Without tariffs and inputs all prices fall alike, and nothing else happens."""
    flows, _, inputs, theta = drawn(10, links=False)
    model = model_of((flows, np.zeros_like(flows), inputs, theta))
    parts = model.decomposition(costs=np.full((3, 3, 2), 0.9))
    np.testing.assert_allclose(parts.cost.sum(axis=1), -100 * np.log(0.9), rtol=1e-12)
    np.testing.assert_allclose(parts.terms_of_trade.sum(axis=1), 0, atol=1e-9)


def test_labels():
    model = model_of(drawn(1))
    data = model.decomposition(tariffs=np.stack([model.economy.tariffs] * 2)).to_xarray()
    assert data.total.dims == ("scenario_0", "region")
    assert data.volume_by_sector.sel(region="r1", sector="s0").shape == (2,)
    assert data.attrs["method"] == "path"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "exact"}, "`method` must be one of 'path', 'discrete'; got 'exact'"),
        ({"costs": np.full((3, 3, 2), np.inf)}, "`costs` must be finite in a decomposition"),
        ({"steps": 1}, "`steps` must be a whole number, at least 2"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(InvalidInput, match=message):
        model_of(drawn(1)).decomposition(**options)

"""How published numbers about trade are computed, tried on small made-up worlds in files of the same form.

What is published needs data that may not be shipped (`tests/bargaining/replications`). Here a plain program, which
shares no code with the laboratory, says what the numbers must be.
"""

from pathlib import Path

import numpy as np
import pytest

from bargaining_models.replications.trade import _UNION, museum
from plain_economy import PlainEconomy, drawn


def test_nafta_reads_accounts_in_values_and_lists_three_countries(tmp_path: Path) -> None:
    flows, before, inputs, theta = drawn(1, regions=4)
    names = ["Rest", "Canada", "USA", "Mexico"]
    # Small changes, of another size in each country:
    after = before * (1 - 0.002 * np.arange(1, 5)[:, None, None])
    output, spending = flows.sum(0), (flows * (1 + before)).sum(1)
    np.savez(
        tmp_path / "cp2015_nafta.npz",
        F=flows, T0=before, T1=after, theta=theta, R=names, S=["cars", "services"],
        IO=inputs * output[..., None],
        VA=(1 - inputs.sum(2)) * output,
        FC=spending - np.einsum("nkj,nk->nj", inputs, output),
    )  # fmt: skip
    replication = museum()["nafta"]
    numbers = replication.computed(tmp_path)
    assert len(numbers) == len(replication.numbers)
    parts, exact = np.reshape(numbers[:24], (2, 3, 4)), np.reshape(numbers[24:], (2, 3))
    for k, deficits in enumerate(("balanced", "fixed")):
        plain = PlainEconomy(flows, before, inputs, theta, deficits=deficits)
        then = plain.solve(after)
        prices = np.exp((plain.alpha * then["price"]).sum(1))
        for row, country in enumerate(("Mexico", "Canada", "USA")):
            n = names.index(country)
            total, terms, volume, wage = parts[k, row]
            assert exact[k, row] == pytest.approx(plain.welfare(after)[n], rel=1e-7)
            assert wage == pytest.approx(100 * (then["wage"][n] / prices[n] - 1), rel=1e-7)
            assert terms + volume == pytest.approx(total, rel=1e-12)
            assert total == pytest.approx(exact[k, row], rel=0.015)  # to first order


def store(folder: Path, flows: np.ndarray, tariffs: np.ndarray, names: list[str], theta: float) -> None:
    """Write a world of sixteen sectors that are alike: values with tariffs, the exporter first."""
    value = (flows * (1 + tariffs)).T[..., None].repeat(16, axis=2) / 16
    np.savez(
        folder / "wiod2014.npz",
        X=value,
        T=tariffs.T[..., None].repeat(16, 2),
        C=names,
        eps=np.full(16, theta),
    )


def one_sector(flows: np.ndarray, tariffs: np.ndarray, theta: float) -> PlainEconomy:
    n = len(flows)
    return PlainEconomy(flows[..., None], tariffs[..., None], np.zeros((n, 1, 1)), [theta])


def at(rates: np.ndarray) -> np.ndarray:
    """Tariffs of each importer on everybody but itself."""
    return (rates[:, None] * (1 - np.eye(len(rates))))[..., None]


def test_the_war_of_the_listed_countries_is_one_in_which_nobody_would_change(tmp_path: Path) -> None:
    """One rate a country: averages leave out the rest of the world, and neither a higher nor a lower rate is better."""
    names, theta = ["BRA", "CAN", "CHN", "USA", "ROW"], 4.0
    flows = np.random.default_rng(3).uniform(1, 4, (5, 5)) + np.diag([30.0, 20.0, 80.0, 90.0, 60.0])
    tariffs = 0.08 * (1 - np.eye(5))
    store(tmp_path, flows, tariffs, names, theta)
    replication = museum()["tariff-war"]
    numbers = replication.computed(tmp_path)
    assert len(numbers) == len(replication.numbers)
    listed = dict(zip(["USA", "CHN", "CAN", "BRA"], np.reshape(numbers[2:], (4, 2)), strict=True))
    rates = np.array([listed[name][0] / 100 for name in names[:4]])
    assert numbers[0] == pytest.approx(100 * rates.mean(), rel=1e-12)
    assert numbers[1] == pytest.approx(np.mean([percent for _, percent in listed.values()]), rel=1e-12)
    assert np.ptp(rates) > 0.001

    plain = one_sector(flows, tariffs, theta)

    def loss(n: int, rates: np.ndarray) -> float:
        return -float(plain.welfare(at(rates))[n])

    # The rest's rate is not listed: it is the best answer to the others'.
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda t: loss(4, np.append(rates, t)), bounds=(0.1, 0.6), method="bounded", options={"xatol": 1e-6}
    )
    war = np.append(rates, found.x)
    np.testing.assert_allclose(plain.welfare(at(war))[:4], [listed[name][1] for name in names[:4]], atol=1e-5)
    for n in range(4):
        own = loss(n, war)
        assert all(loss(n, war + step * np.eye(5)[n]) > own for step in (-0.01, 0.01))


def test_seven_regions_join_the_union_and_the_rest(tmp_path: Path) -> None:
    """Seven that come out alike: the union of its members, the rest of two; averages are what each has."""
    union = _UNION.split()
    blocs = [[one] for one in ("BRA", "CHN", "IND", "JPN", "USA")] + [union, ["AUS", "ROW"]]
    names = [name for bloc in blocs for name in bloc]
    of = np.array([k for k, bloc in enumerate(blocs) for _ in bloc])
    share = np.array([1 / len(blocs[k]) for k in of])
    seven, theta, tariff = np.full((7, 7), 2.0) + np.diag(np.full(7, 40.0)), 4.0, 0.1
    flows = seven[of[:, None], of] * share[:, None] * share
    store(tmp_path, flows, tariff * (of[:, None] != of), names, theta)
    replication = museum()["seven-regions"]
    alone, war, lost, gained = replication.computed(tmp_path)

    plain = one_sector(seven, tariff * (1 - np.eye(7)), theta)
    first = np.eye(7)[0]

    def best(rates: np.ndarray, rate: float) -> bool:
        """Whether the first country loses by a little more and by a little less than this rate."""
        by = [plain.welfare(at(rates + (rate + step - rates[0]) * first))[0] for step in (-0.005, 0.0, 0.005)]
        return bool(by[1] > max(by[0], by[2]))

    assert best(np.full(7, tariff), alone / 100)
    assert best(np.full(7, war / 100), war / 100)
    assert lost == pytest.approx(plain.welfare(at(np.full(7, war / 100)))[0], abs=1e-5)
    assert gained == pytest.approx(plain.welfare(at(np.zeros(7)))[0], abs=1e-6)

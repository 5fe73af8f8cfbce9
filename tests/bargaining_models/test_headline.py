"""What happens without an agreement, what r means, and the table of them all."""

import re
from collections.abc import Callable
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from bargaining import InvalidInput, nash
from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.roles import Diversion
from former_figures import copied, former
from plain_trade import PlainTrade

ROLES: dict[str, Any] = {"home": "Canada", "partner": "US", "alternative": "China", "money": "gdp"}
UNION = {"EU3": ["DEU", "FRA", "ITA"]}


def plain_trade() -> Any:
    with TemporaryDirectory() as folder:
        return PlainTrade(copied(folder), 5.0)


@pytest.fixture(scope="module")
def talks() -> Negotiation:
    return Negotiation(data=former(), **ROLES)


@cache
def deal_of(talks: Negotiation, r: tuple[float, ...]) -> Deal:
    return talks.deal(list(r) if r else 0.0)


def split(talks: Negotiation, threat: Any, r: Any = ()) -> np.ndarray:
    deal = deal_of(talks, tuple(r))
    return np.asarray(deal.transfer(nash(deal.problem(threat))))


# By a program that shares no code with this project, to the digits it printed; USD bn.
@pytest.mark.parametrize(
    ("threat", "transfer"),
    [("war", 8.023), (("unanswered", 0.25), 21.465), ("unanswered", 18.293), ("exit", 5.999)],
)
def test_what_happens_without_an_agreement_moves_the_transfer(
    talks: Negotiation, threat: Any, transfer: float
) -> None:
    assert split(talks, threat) == pytest.approx(transfer, abs=5.1e-4)


def test_leverage_lost_depends_on_the_disagreement(talks: Negotiation) -> None:
    lost = {}
    for threat in ("war", ("unanswered", 0.25)):
        found = split(talks, threat, r=[0.0, 0.15])
        lost[threat] = round(100 * (1 - found[1] / found[0]))
    assert list(lost.values()) == [23, 8]


def test_the_best_tariff_that_is_not_answered(talks: Negotiation) -> None:
    best = talks.unanswered(r=[0.0, 0.15])
    for rate, r in zip(best.rates[:, 1], (0.0, 0.15), strict=True):
        tried = minimize_scalar(
            lambda t, r=r: -talks.payoffs(t, r=r).percent[1], bounds=(0.0, 0.5), method="bounded"
        )
        assert rate == pytest.approx(tried.x, abs=1e-5)
    assert (best.rates[:, 0] == 0.0).all()
    assert round(float(best.rates[0, 1]), 6) == 0.1291  # the same program
    kind = talks.in_kind()
    np.testing.assert_array_equal(kind.rates, [best.rates[0, 1]] * 2)
    np.testing.assert_array_equal(kind.money, talks.payoffs(best.rates[0, 1], best.rates[0, 1]).money)


def test_a_disagreement_may_be_anything_that_has_a_money(talks: Negotiation) -> None:
    model = talks.model
    tariffs = model.tariffs({("USA", "CAN"): 0.25})
    expected = split(talks, ("unanswered", 0.25))
    for given in (
        tariffs,
        talks.payoffs(0.25),
        model.solve(tariffs=tariffs),
        talks.payoffs(0.25).money,
        talks.unanswered(0.25),
    ):
        np.testing.assert_allclose(split(talks, given), expected, rtol=1e-12)
    other = Negotiation(data=former(), **ROLES, disagreement=("unanswered", 0.25))
    np.testing.assert_array_equal(split(other, None), expected)
    assert other.without_agreement().money == pytest.approx(talks.payoffs(0.25).money)


def test_the_status_quo_of_another_day(talks: Negotiation) -> None:
    """The two charge each other the rates of that day, third countries those of the negotiation."""
    day = Negotiation(data=former(), **ROLES, tariffs="2026-08-19")
    tariffs = talks.model.economy.tariffs.copy()
    for link in ((0, 1), (1, 0)):
        tariffs[link] = day.standing[link]
    expected = talks.model.solve(tariffs=tariffs).welfare[[1, 0]]
    np.testing.assert_array_equal(talks.status_quo("2026-08-19").percent, expected)
    merged = Negotiation(data="icio2019", home="Mexico", partner="US", tariffs="2026-08-19")
    np.testing.assert_array_equal(merged.status_quo("2026-08-19").money, merged.status_quo().money)
    assert (merged.status_quo("2025-03-04").money != merged.status_quo().money).all()


def test_what_r_means(talks: Negotiation) -> None:
    """Capacities and splits of a program that shares no code; then what each meaning says, in another program."""
    diverted = Negotiation(data=former(), **ROLES, meaning="diverted")
    r = np.array([0.0, 0.10, 0.15])
    capacity = Diversion(diverted.model, diverted.roles, diverted.free).capacity(r)
    np.testing.assert_allclose(capacity, [0.0, 0.475921, 0.799058], atol=5.1e-7)
    np.testing.assert_allclose(split(talks, "war", r), [8.0233, 6.7718, 6.2093], atol=5.1e-5)
    np.testing.assert_allclose(split(diverted, "war", r), [8.0233, 3.2554, 1.1011], atol=5.1e-5)
    sold = talks.exports(talks.payoffs(r=r))
    np.testing.assert_allclose(sold[2] / sold[0], [1 - 0.0360, 2.496], atol=5.1e-4)
    plain = plain_trade()
    before = plain.flows[0, 1, :9].sum()
    for share in (0.1, 0.15):
        trade = plain.solve(plain.tariff, diverted.route(share))["flows"]
        assert trade[0, 1, :9].sum() / before == pytest.approx(1.0 - share, abs=1e-9)


def test_the_headline_fits_a_screen_and_explains_itself(talks: Negotiation) -> None:
    table = talks.headline([0.0, 0.15])
    text = str(table).splitlines()
    table_lines = text[: next(k for k, line in enumerate(text) if line.startswith("Rows:"))]
    assert len(table_lines) < 15
    assert max(map(len, table_lines)) <= 100
    rows = {row[0]: row[1:] for row in table.rows}
    war = rows["tariff war"]
    assert war[2] == pytest.approx(8.0233195, abs=1e-6)
    assert war[4] == pytest.approx(100 * (6.2093478 - 8.0233195) / 8.0233195, abs=1e-5)
    np.testing.assert_allclose(war[:2], talks.war().money - talks.payoffs().money)
    assert rows["Exports to the US"][4] == pytest.approx(-3.60, abs=5.1e-3)
    assert rows["Exports to China"][2] == pytest.approx(35.63, abs=5.1e-3)
    assert "fixed prices" in str(table)
    assert "dollar paid costs one" in str(table)


PAIRS: dict[str, dict[str, Any]] = {
    "US-Mexico": {"home": "Mexico", "partner": "US", "alternative": "China"},
    "US-EU3": {"home": UNION, "partner": "US", "alternative": "China"},
    "Canada-EU3": {"home": "Canada", "partner": UNION, "alternative": "US"},
    "UK-EU3": {"home": "UK", "partner": UNION, "alternative": "US"},
    "China-Japan": {"home": "Japan", "partner": "China", "alternative": "US"},
}


def check_pair(roles: dict[str, Any], r: list[float]) -> None:
    talks = Negotiation(data="icio2019", **roles)
    table = talks.headline(r)
    text = str(table)
    home, partner, other = talks.roles.said
    assert f"What {home} pays {partner} a year" in text
    assert f"Exports to {other}" in text
    assert {"USD bn, 2019" in text, "OECD ICIO 2023" in text} == {True}
    named = {"Canada", "Mexico", "China", "US", "EU3", "UK", "Germany", "Japan"} - set(talks.roles.names)
    assert not [name for name in named if re.search(rf"\b{name}\b", text)]
    rows = {row[0]: row[1:] for row in table.rows}
    assert all(isinstance(value, float) for value in rows["tariff war"])
    assert np.isfinite(np.array(rows["tariff war"], dtype=float)).all()


def test_a_new_pair_has_its_headline() -> None:
    check_pair(PAIRS["US-Mexico"], [0.0])


@pytest.mark.slow
@pytest.mark.parametrize("roles", PAIRS.values(), ids=PAIRS)
def test_five_pairs_have_their_headline(roles: dict[str, Any]) -> None:
    check_pair(roles, [0.0, 0.05, 0.15])


BAD: dict[str, Callable[[Negotiation], Any]] = {
    "`disagreement` must be one of 'war'": lambda t: t.without_agreement("peace"),
    "`disagreement` must be one of 'war', .* got \\('war', 0.25\\)": lambda t: t.without_agreement(
        ("war", 0.25)
    ),
    "`disagreement` must be one of .* tariffs of shape": lambda t: t.without_agreement(np.zeros((2, 2))),
    "`disagreement` must be one of 'war'.*got 'wars'": lambda t: Negotiation(
        data=former(), **ROLES, disagreement="wars"
    ),
    "`tariffs` must not be before the first rate": lambda t: t.status_quo("2020-01-01"),
    "`partner_tariff`, of the US on Canada, must be above -1": lambda t: t.unanswered(-1.5),
    "`r` must be a list of shares that increase": lambda t: t.headline([0.1, 0.0]),
    "`disagreements` must be a list": lambda t: t.headline(disagreements="war"),
    "`alternative` must be named": lambda t: Negotiation(data=former(), home="Canada", partner="US").headline(
        [0.1]
    ),
    "`r` must be one share for all goods": lambda t: Negotiation(
        data=former(), **ROLES, meaning="diverted"
    ).payoffs(r={"MIN": 0.1}),
    "`r` must be a share of exports to the US that a cheaper route to China can divert": lambda t: (
        Negotiation(data=former(), **ROLES, meaning="diverted").payoffs(r=0.9)
    ),
}


@pytest.mark.parametrize(("message", "call"), BAD.items(), ids=BAD)
def test_bad_input_is_named(talks: Negotiation, message: str, call: Callable[[Negotiation], Any]) -> None:
    with pytest.raises(InvalidInput, match=message):
        call(talks)

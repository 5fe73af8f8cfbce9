"""The deal: the divisions are those of the formulas, and r acts where each reading says."""

import numpy as np
import pytest

from bargaining import Status, nash
from bargaining_models.negotiation.deal import DISCOUNT_RATE, Deal, readings
from bargaining_models.us_canada.baseline import ROLES, Baseline

SHARES = np.array([0.0, 0.10, 0.20])


@pytest.fixture(scope="module")
def deal() -> Deal:
    return Deal.at(Baseline.from_parameters(), r=SHARES)


def test_nash_transfer_is_half_the_difference_of_what_the_war_costs(deal: Deal) -> None:
    loss = deal.agreement.money - deal.war.money
    transfer = deal.transfer(nash(deal.problem()))
    np.testing.assert_allclose(transfer, (loss[:, 0] - loss[:, 1]) / 2, rtol=1e-12)


def test_with_transfers_three_concepts_agree(deal: Deal) -> None:
    divisions = {reading.name: reading.divide(deal) for reading in readings(ROLES)}
    for name in ("Kalai-Smorodinsky", "Egalitarian"):
        np.testing.assert_allclose(divisions[name].payoffs, divisions["Nash"].payoffs, rtol=1e-12)


@pytest.mark.parametrize("reading", readings(ROLES), ids=lambda reading: reading.name)
def test_every_division_exhausts_the_agreement_and_beats_its_threat(deal: Deal, reading) -> None:  # type: ignore[no-untyped-def]
    division = reading.divide(deal)
    assert (np.asarray(division.status) == Status.OK).all()
    np.testing.assert_allclose(division.payoffs.sum(axis=1), deal.total, atol=1e-11)
    assert (division.gains > 0).all()


def test_closed_forms_of_the_offers(deal: Deal) -> None:
    found = {reading.name: reading.divide(deal).payoffs for reading in readings(ROLES)}

    def split(threat: np.ndarray) -> np.ndarray:
        return threat + (deal.total - threat.sum(axis=1))[:, None] / 2

    np.testing.assert_allclose(found["Offers, inside option"], split(deal.status_quo.money), rtol=1e-12)
    for hazard in (0.5, 0.05):
        weight = hazard / (hazard + DISCOUNT_RATE)
        threat = weight * deal.war.money + (1 - weight) * deal.status_quo.money
        np.testing.assert_allclose(found[f"Offers, breakdown {hazard:g} a year"], split(threat), rtol=1e-12)

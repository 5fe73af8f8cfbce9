"""Priors, draws from them, and the bands of what a model says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bargaining import InvalidInput, Status, nash
from bargaining.errors import Unsolved
from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.draws import HeadlineDraw, headline_draws
from bargaining_models.parameters import load
from bargaining_models.trade import TradeModel
from bargaining_models.uncertainty import (
    ElasticityPrior,
    Prior,
    bands,
    elasticity_priors,
    priors,
    uncertainty,
)

SHARE = Prior(name="share", distribution="uniform", parameters=[0.0, 1.0])
RATE = Prior(name="rate", distribution="gamma", parameters=[2.5, 10.0])
NEGOTIATION = {"home": "Canada", "partner": "US", "alternative": "China"}

# Means by their formulas; SciPy's conventions are not these.
MEANS: dict[str, Callable[..., float]] = {
    "gamma": lambda shape, rate: shape / rate,
    "beta": lambda a, b: a / (a + b),
    "triangular": lambda low, mode, high: (low + mode + high) / 3,
    "uniform": lambda low, high: (low + high) / 2,
    "lognormal": lambda mean, spread: float(np.exp(mean + spread**2 / 2)),
    "point": lambda value: value,
    "discrete": lambda *values: float(np.mean(values)),
}


@pytest.mark.parametrize("name", list(priors()))
def test_priors_have_the_mean_of_their_formula(name: str) -> None:
    prior = priors()[name]
    middle = (np.arange(20_000) + 0.5) / 20_000
    mean = MEANS[prior.distribution](*prior.parameters)
    assert prior.quantile(middle).mean() == pytest.approx(mean, rel=5e-3, abs=1e-9)
    assert prior.unit
    assert prior.year
    assert prior.status
    assert prior.source
    assert (np.diff(prior.quantile(middle)) >= 0).all()


def test_elasticities_have_their_median_spread_and_correlation() -> None:
    prior = elasticity_priors()
    rng = np.random.default_rng(1)
    drawn = np.log([prior.draw(rng.random(prior.size)) for _ in range(4000)])
    np.testing.assert_allclose(np.median(drawn, axis=0), np.log(prior.median), atol=0.05)
    np.testing.assert_allclose(drawn.std(axis=0), prior.spread, rtol=0.06)
    between = np.corrcoef(drawn.T)[np.triu_indices(len(prior.sectors), 1)]
    assert between.mean() == pytest.approx(0.2, abs=0.02)
    assert elasticity_priors("icio2019").sectors[:3] == ("A", "B", "C")


def shares(share: float, rate: float = 0.0) -> dict[str, Any]:
    if share > 0.8:
        raise ArithmeticError("too much")
    return {"twice": 2 * share, "both": np.array([share, rate])}


def test_a_draw_does_not_depend_on_what_else_is_drawn() -> None:
    one = uncertainty(shares, {"share": SHARE}, draws=5)
    more = uncertainty(shares, {"rate": RATE, "share": SHARE}, draws=9)
    np.testing.assert_array_equal(one.input_share, more.input_share[:5])
    assert (uncertainty(shares, {"share": SHARE}, draws=5, seed=1).input_share != one.input_share).any()
    np.testing.assert_array_equal(more.twice, 2 * more.input_share)
    assert more.both.dims == ("draw", "both_0")


def test_failed_draws_are_counted_and_shown() -> None:
    found = uncertainty(shares, {"share": SHARE}, draws=60)
    drawn = uncertainty(lambda share: {"share": share}, {"share": SHARE}, draws=60).share.values
    bad = drawn > 0.8
    assert 0 < bad.sum() < 60
    assert found.attrs["failed"] == bad.sum()
    np.testing.assert_array_equal(found.status.values == Status.FAILED, bad)
    assert all("too much" in text for text in found.message.values[bad])
    assert np.isnan(found.twice.values[bad]).all()
    banded = bands(found)
    np.testing.assert_allclose(banded.twice, np.quantile(2 * drawn[~bad], [0.05, 0.5, 0.95]))
    assert banded.attrs["failed"] == bad.sum()


CALLS = []


def counted(share: float) -> dict[str, float]:
    CALLS.append(share)
    return {"twice": 2 * share}


def test_draws_resume_where_they_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "draws"
    first = uncertainty(counted, {"share": SHARE}, draws=12, checkpoint=folder, version="1").load()
    made = len(CALLS)
    again = uncertainty(counted, {"share": SHARE}, draws=12, checkpoint=folder, version="1").load()
    assert len(CALLS) == made
    assert again.equals(first)
    with pytest.raises(InvalidInput, match="checkpoint"):
        uncertainty(counted, {"share": SHARE}, draws=12, seed=2, checkpoint=folder, version="2")


@pytest.fixture(scope="module")
def talks() -> Negotiation:
    return Negotiation(data=load(), tariffs="2026-08-19", **NEGOTIATION)


def test_a_draw_of_the_headline_is_the_headline(talks: Negotiation) -> None:
    """By the concept of the library and the full search for rates, at elasticities other than those of the model."""
    theta = elasticity_priors().median
    disagreements = ("war", "unanswered", ("in kind", 0.25), "status quo", "exit")
    found = HeadlineDraw(negotiation=talks, disagreements=disagreements)(elasticities=theta, r=0.02)
    again = HeadlineDraw(negotiation=talks).at(theta)
    np.testing.assert_allclose(again.model.economy.elasticities, theta)
    for route in (0, 1):
        deal = again.deal([0.0, 0.02, 0.10, 0.15], route_survives=not route)
        for k, one in enumerate(disagreements):
            expected = deal.transfer(nash(deal.problem(np.broadcast_to(deal.threat(one), (4, 2)))))
            np.testing.assert_allclose(found["transfer"][k, route], expected, rtol=1e-7)
    lost = found["lost"]
    np.testing.assert_allclose(lost, 100 * (1 - found["transfer"] / found["transfer"][..., :1]), atol=1e-9)


def test_draws_of_the_headline_have_names(talks: Negotiation) -> None:
    given = {"elasticities": elasticity_priors(), "r": priors()["r_january_arrangement"]}
    found = headline_draws(talks, given, draws=2, disagreements=("exit",), shares=[0.15])
    assert found.transfer.dims == ("draw", "disagreement", "route", "share")
    assert found.share.values.tolist() == ["0", "r", "0.15"]
    assert found.input_elasticities.sel(sector="MIN").shape == (2,)
    assert ((found.input_r > 0.01) & (found.input_r < 0.04)).all()
    assert found.attrs["failed"] == 0


BAD: dict[str, Callable[[], Any]] = {
    "`parameters` of 'x' must be a lognormal distribution.*positive spread": lambda: Prior(
        name="x", distribution="lognormal", parameters=[0.0, -0.1]
    ),
    "`parameters` of 'x' must be a triangular": lambda: Prior(
        name="x", distribution="triangular", parameters=[0.0, 2.0, 1.0]
    ),
    "`parameters` of 'x' must be shape, rate": lambda: Prior(
        name="x", distribution="gamma", parameters=[1.0]
    ),
    "`distribution` must be one of": lambda: Prior(name="x", distribution="normal", parameters=[0.0, 1.0]),
    "`spread` must lie.*for AGR": lambda: ElasticityPrior(
        sectors=("AGR",), median=np.array([5.0]), spread=np.array([-0.1])
    ),
    "`median` must have one entry a sector": lambda: ElasticityPrior(
        sectors=("a",), median=np.array([5.0, 4.0]), spread=np.array([0.1])
    ),
    "`priors` must map": lambda: uncertainty(shares, {}, draws=1),
    "`priors` must hold a Prior for 'share'": lambda: uncertainty(shares, {"share": 1.0}, draws=1),  # type: ignore[dict-item]
    "`draws` must": lambda: uncertainty(shares, {"share": SHARE}, draws=0),
    "`found` must have a draw that was solved; all 2 failed": lambda: bands(
        uncertainty(lambda share: 1 / 0, {"share": SHARE}, draws=2)
    ),
    "`structure` must be one of": lambda: elasticity_priors("wiod2013"),
}


@pytest.mark.parametrize(("message", "call"), BAD.items(), ids=BAD)
def test_bad_priors_are_named(message: str, call: Callable[[], Any]) -> None:
    with pytest.raises(InvalidInput, match=message):
        call()


def test_bad_draws_of_the_headline_are_named(talks: Negotiation) -> None:
    with pytest.raises(InvalidInput, match="`priors` must be of elasticities, r and deficits here; got rate"):
        headline_draws(talks, {"rate": RATE}, draws=1)
    with pytest.raises(InvalidInput, match="`elasticities` must have one entry a sector"):
        HeadlineDraw(negotiation=talks)(elasticities=[5.0])
    with pytest.raises(InvalidInput, match="`alternative` must be named"):
        HeadlineDraw(negotiation=Negotiation(data=load(), home="Canada", partner="US"))
    other = Negotiation(data="icio2019", **NEGOTIATION)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="`model` must have the regions USA, CAN, CHN, ROW"):
        talks.on(other.model)


def test_draws_without_a_certified_war_fail_by_name() -> None:
    flows = [
        [[3.2, 4.8], [2.5, 22.4], [0.4, 0.8]],
        [[0.6, 2.2], [3.8, 1.2], [0.4, 0.9]],
        [[0.5, 3.5], [0.5, 0.6], [0.9, 2.5]],
    ]
    model = TradeModel.from_arrays(
        flows, elasticities=[0.3, 14.0], regions=["A", "B", "C"], sectors=["x", "y"], deficits="share"
    )
    talks = Negotiation(model, home="A", partner="B", alternative="C")
    assert talks.war().status == Status.FAILED
    given = {"r": Prior(name="r", distribution="uniform", parameters=[0.01, 0.02])}
    with pytest.raises(
        Unsolved, match=r"None of the 2 draws could be solved.*No Nash tariffs were certified"
    ):
        headline_draws(talks, given, draws=2, disagreements=("war",), shares=[0.05])
    other = headline_draws(talks, given, draws=2, disagreements=(("unanswered", 0.1),), shares=[0.05])
    assert other.attrs["failed"] == 0

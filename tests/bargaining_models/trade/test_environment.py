"""Dated tariffs of everybody on everybody."""

import datetime

import numpy as np
import pytest

from bargaining.errors import InvalidInput
from bargaining_models.trade import Environment
from six_blocs import project

HEADER = "date,importer,exporter,sector,value,unit,source\n"
ROWS = [
    "2026-08-19,USA,CHN,goods,22.8,percent,made up",
    "2025-02-04,USA,CHN,goods,10,percent,made up",
    "2025-02-04,USA,CHN,METAL,25,percent,made up",
    "2025-03-04,USA,CAN,goods,25,percent,made up",
]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "rates.csv"
    file.write_text(HEADER + "\n".join(ROWS) + "\n", encoding="utf-8")
    return file


def test_the_latest_rate_of_a_link_is_in_force(path):
    model, env = project(), Environment.from_csv(path)
    assert env.dates[0] == datetime.date(2025, 2, 4)
    metal = model.sectors.index("METAL")
    early, later = (env.at(day).tariffs(model) for day in ("2025-02-10", datetime.date(2025, 3, 4)))
    last = env.at("2027-01-01", latest=True).tariffs(model)
    np.testing.assert_array_equal(env.tariffs(model), last)  # by default the last known day
    np.testing.assert_array_equal(env.at().tariffs(model), last)
    assert early[0, 2, 0] == 0.1
    assert early[0, 2, metal] == 0.25  # a row on a sector beats one on all goods of that day
    assert early[0, 1, 0] == 0.0
    assert later[0, 1, 0] == 0.25
    assert last[0, 2, 0] == last[0, 2, metal] == 0.228  # and a later one on all goods beats both
    # Links without a row, and services, are those of the base.
    np.testing.assert_array_equal(last[0, 3], model.economy.tariffs[0, 3])
    np.testing.assert_array_equal(last[:, :, ~model.goods], model.economy.tariffs[:, :, ~model.goods])


def test_the_war_within_an_environment():
    """An independent program: with the US rates on China and others of August 2026 the US gains from the war."""
    model = project()
    env = Environment.from_rates({("USA", "CHN"): 0.228, ("USA", "ROW"): 0.1035}, date="2026-08-19")
    war = model.nash_tariffs(["USA", "CAN"], against="players", given=env)
    np.testing.assert_allclose(war.rates, [0.165118, 0.099367], rtol=0, atol=5.1e-7)
    peace = model.solve(tariffs=env.tariffs(model))
    np.testing.assert_allclose((war.percent - peace.welfare)[:2], [0.01443, -1.18011], rtol=0, atol=5.1e-6)


WRONG = [
    (
        lambda e, m: e.at("2027-01-01"),
        "`date` must not be after 2026-08-19, the last day for which rates are",
    ),
    (lambda e, m: e.at("2025-01-01"), "`date` must not be before the first rate, 2025-02-04; got 2025-01-01"),
    (lambda e, m: e.at("yesterday"), "`date` must be a date such as '2026-08-19'; got 'yesterday'"),
    (
        lambda e, m: Environment.from_rates({("USA", "MEX"): 0.1}, date="2025-01-01").tariffs(m),
        "`region` must be one of .* It is in the rate of USA on MEX, goods, of 2025-01-01",
    ),
    (lambda e, m: Environment.from_rates({"USA": 0.1}, date="2025-01-01"), "`rates` must be keyed by"),
    (
        lambda e, m: Environment.from_rates({("USA", "CAN"): -1.0}, date="2025-01-01").tariffs(m),
        "must be above -1",
    ),
    (
        lambda e, m: e.at("2025-03-01").at("2026-09-01"),  # it would keep the rates of March
        "`date` must not be after 2025-03-01, .* got 2026-09-01",
    ),
    (
        lambda e, m: Environment.from_rates({("USA", "CAN"): np.nan}, date="2025-01-01"),
        r"`rates\[\('USA', 'CAN'\)\]` must be finite; got nan",
    ),
    (lambda e, m: Environment.from_rates({}, date="2025-01-01"), "`rates` must hold at least one rate"),
    (lambda e, m: Environment.from_rates(None, date="2025-01-01"), "`rates` must be a mapping"),
    (
        lambda e, m: Environment.from_rates(
            {("USA", "CAN"): 0.1, ("USA", "CAN", "goods"): 0.2}, date="2025-01-01"
        ),
        "`rates` must hold one of each day and link; got that of USA on CAN, goods, of 2025-01-01 twice",
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_arguments_are_named(path, call, message):
    with pytest.raises(InvalidInput, match=message):
        call(Environment.from_csv(path), project())
    with pytest.raises(InvalidInput, match="`path` must be the path of a CSV file; got 3"):
        Environment.from_csv(3)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("soon,USA,CHN,goods,10,percent,x", "row 2, column `date`: must be a date"),
        ("2025-02-04,USA,CHN,goods,ten,percent,x", "column `value`: must be a plain decimal number"),
        ("2025-02-04,USA,CHN,goods,0.1,fraction,x", "column `unit`: must be 'percent'"),
        ("2025-02-04,USA,CHN,goods,10,percent,", "column `source`: must not be empty"),
    ],
)
def test_wrong_rows_are_named(tmp_path, row, message):
    (tmp_path / "rates.csv").write_text(HEADER + row + "\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=message):
        Environment.from_csv(tmp_path / "rates.csv")

"""Figures in every form they may come in, every balance, and every way in which they may be wrong."""

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bargaining_models
from bargaining.errors import InvalidInput
from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.page import page
from bargaining_models.parameters import load
from bargaining_models.trade import Environment, TradeData, TradeModel
from bargaining_models.trade.folders import structure
from plain_economy import PlainEconomy, drawn, rates

NAMES = {"regions": ["r0", "r1", "r2"], "sectors": ["s0", "s1"]}
LINK = ("importer", "exporter", "sector")
USE = ("region", "using_sector", "input_sector")


def world(**changes):
    flows, tariffs, inputs, theta = drawn(1)
    figures = {"flows": flows, "tariffs": tariffs, "inputs": inputs, "elasticities": theta, **NAMES}
    return figures | changes


def made(**changes):
    return TradeData.from_arrays(**world(**changes))


def same(one, other):
    for name in ("flows", "tariffs", "inputs", "elasticities"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-14)
    assert (one.regions, one.sectors) == (other.regions, other.sectors)


def labelled(array, dims):
    labels = {"importer": "regions", "exporter": "regions", "region": "regions"}
    coords = {dim: NAMES[labels.get(dim, "sectors")] for dim in dims}
    return xr.DataArray(array, dims=dims, coords=coords)


def test_arrays_xarray_and_pandas_give_the_same():
    plain, figures = made(), world()
    frame = {
        name: labelled(figures[name], dims).to_series().rename("value")
        for name, dims in (("flows", LINK), ("tariffs", LINK), ("inputs", USE))
    }
    same(made(**frame), plain)
    same(
        made(**{name: series.reset_index().sample(frac=1, random_state=0) for name, series in frame.items()}),
        plain,
    )
    by_name = {
        "flows": labelled(figures["flows"], LINK).transpose("sector", "exporter", "importer"),
        "tariffs": labelled(figures["tariffs"], LINK).sel(importer=["r2", "r0", "r1"]),
        "inputs": labelled(figures["inputs"], USE).sel(input_sector=["s1", "s0"]),
        "elasticities": {"s1": figures["elasticities"][1], "s0": figures["elasticities"][0]},
    }
    same(made(**by_name, regions=None, sectors=None), plain)
    by_name["elasticities"] = pd.Series(by_name["elasticities"])
    same(made(**by_name), plain)


def test_tariffs_need_not_name_own_sales():
    rates = labelled(world()["tariffs"], LINK).to_series().rename("value").reset_index()
    abroad = rates[rates["importer"] != rates["exporter"]]
    same(made(tariffs=abroad), made())
    same(made(tariffs=abroad.set_index(list(LINK))["value"].to_xarray()), made())
    with pytest.raises(InvalidInput, match="`tariffs` must have a row for every cell"):
        made(tariffs=abroad.iloc[1:])


def test_names_order_and_attributes_come_with_the_flows():
    flows = labelled(world()["flows"], LINK).assign_attrs(unit="USD bn", year=2020, source="made up")
    data = made(flows=flows, regions=["r2", "r0", "r1"], sectors=None, tariffs=0.1)
    assert data.regions == ("r2", "r0", "r1")
    assert (data.unit, data.year, data.source) == ("USD bn", 2020, "made up")
    np.testing.assert_array_equal(data.flows[0, 1], world()["flows"][2, 0])
    assert data.tariffs[0, 1, 0] == 0.1
    assert data.tariffs[0, 0, 0] == 0.0
    assert TradeModel.from_data(data).solve().unit == "USD bn"


def test_a_model_owns_its_figures():
    flows = world()["flows"].copy()
    data = made(flows=flows)
    flows[:] = 0.0
    assert data.flows.min() > 0.0
    with pytest.raises(ValueError, match="read-only"):
        data.flows[0] = 1.0


def test_values_of_inputs_with_value_added():
    data, output = made(), world()["flows"].sum(axis=0)
    values = data.inputs * output[:, :, None]
    added = (1 - data.inputs.sum(axis=2)) * output
    same(made(inputs=values, value_added=added), data)
    table = pd.DataFrame(added, index=NAMES["regions"], columns=NAMES["sectors"])
    same(made(inputs=values, value_added=table[["s1", "s0"]]), data)


def unbalanced():
    data, output = made(), world()["flows"].sum(axis=0)
    added = (1 - data.inputs.sum(axis=2)) * output
    added[1, 0] *= 1.1
    return {"inputs": data.inputs * output[:, :, None], "value_added": added}


def test_costs_that_do_not_add_up_are_named_with_the_cures():
    figures = unbalanced()
    with pytest.raises(InvalidInput) as error:
        made(**figures)
    message = str(error.value)
    assert "region r1, sector s0" in message
    assert "(1 cells in all)" in message
    value, factor, sales = (
        float(re.search(pattern, message)[1])
        for pattern in (r"less inputs, ([\d.]+)", r"inputs by ([\d.]+)", r"or add ([\d.]+)")
    )
    added, inputs, flows = figures["value_added"].copy(), figures["inputs"].copy(), world()["flows"].copy()
    added[1, 0], inputs[1, 0], flows[1, 1, 0] = value, factor * inputs[1, 0], flows[1, 1, 0] + sales
    for cure in ({"value_added": added}, {"inputs": inputs}, {"flows": flows}):
        data = made(**{**figures, **cure})
        assert abs(TradeModel.from_data(data).solve().welfare).max() < 1e-8


def test_final_demand_that_does_not_come_to_income():
    data = made()
    total = data.value_added + data.revenue + data.deficits
    final = total[:, None] * np.array([[0.5, 0.5], [0.4, 0.6], [0.3, 0.7]])
    made(final=final)
    off = final * np.array([[1.0], [1.02], [1.0]])
    with pytest.raises(
        InvalidInput, match=r"`final` must come to income.* for r1 .*2% apart .1 regions in all.*0.98"
    ):
        made(final=off)
    shares = off / off.sum(axis=1, keepdims=True)
    cured = TradeModel.from_data(made(final=shares))
    np.testing.assert_allclose(cured.economy.final, shares, rtol=1e-12)
    np.testing.assert_allclose(
        TradeModel.from_data(made(final=final)).economy.final, cured.economy.final, rtol=1e-12
    )


def changed(name, index, value):
    array = world()[name].copy()
    array[index] = value
    return {name: array}


LONG = labelled(drawn(1)[0], LINK).to_series().rename("value").reset_index()
WRONG = [
    ({"unit": np.ones(3)}, "`unit` must be a string; got ndarray"),
    (
        changed("flows", (0, 1, 1), -1.0),
        "`flows` must not be negative; got -1 for importer r0, exporter r1, sector s1",
    ),
    (
        changed("flows", (0, 1, 1), np.nan),
        "`flows` must be finite; got nan for importer r0, exporter r1, sector s1",
    ),
    (changed("tariffs", (0, 1, 1), -1.0), "`tariffs` must be above -1.* got -1 of r0 on r1 s1"),
    (
        changed("tariffs", (0, 1, 1), 25.0),
        "`tariffs` must be at most 3, 300 percent; got 25 of r0 on r1 s1.* 100: 0.25",
    ),
    (changed("tariffs", (0, 0, 1), 0.1), "`tariffs` must be 0 on a region's own sales; got .* in r0 s1"),
    (changed("flows", (slice(None), slice(None), 1), 0.0), "some trade in every sector; got none in s1"),
    (changed("flows", (slice(None), 2), 0.0), "every region sell something; got nothing for r2"),
    (changed("flows", ([0, 1], 2), 0.0), "exports for every region; r2 has none"),
    (changed("flows", (2, [0, 1]), 0.0), "imports for every region; r2 has none"),
    (changed("inputs", (1, 0), 0.6), "`inputs` must be shares of output.*region r1, sector s0 sum to 1.2"),
    ({"flows": np.ones((3, 3))}, r"`flows` must have the axes importer \(3\), exporter \(3\), sector \(2\)"),
    ({"flows": LONG.iloc[1:]}, r"`flows` must have a row for every cell; .*r0.*s0 is missing \(1 in all\)"),
    (
        {"flows": pd.concat([LONG, LONG[:1]])},
        "`flows` must have one row a cell; importer r0, exporter r0, sector s0",
    ),
    (
        {"flows": LONG.rename(columns={"value": "sales"})},
        "`flows` must have the columns .* value; value missing",
    ),
    ({"flows": LONG.replace("r1", "r9")}, "`flows` has the importer 'r9', which the rest does not"),
    (
        {"flows": labelled(drawn(1)[0], LINK), "regions": ["r0", "r1", "r9"]},
        r"missing \['r9'\], unknown \['r2'\]",
    ),
    ({"flows": xr.DataArray(drawn(1)[0])}, "`flows` must have the dimensions importer, exporter, sector"),
    ({"regions": None}, "`regions` must be given"),
    ({"regions": ["r0", "r1", "r1"]}, "`regions` must be unique; got 'r1' twice"),
    ({"regions": ["r0", "r1", "world"]}, "must not use 'world'"),
    ({"sectors": ["s0", "goods"]}, "must not use 'goods'"),
    ({"regions": [0, 1, 2]}, "`regions` must be a list of strings"),
    ({"elasticities": [5.0, -1.0]}, "`elasticities` must be positive.*got -1 for s1"),
    (
        {"elasticities": {"s0": 5.0}},
        r"`elasticities` must name the same sectors as the rest; missing \['s1'\]",
    ),
    ({"goods": [1, 0]}, "`goods` must be names of sectors, or True or False"),
    ({"value_added": np.ones((3, 2))}, "If `inputs` are shares, leave `value_added` out"),
    ({"value_added": -np.ones((3, 2))}, "`value_added` must not be negative"),
    ({"final": np.zeros((3, 2))}, "`final` must be positive somewhere in every region; got none for r0"),
    ({"flows": [[1.0, 2.0], [3.0]]}, "`flows` must be an array of numbers"),
    ({"gdp": [1.0, 2.0]}, r"`gdp` must have the axes region \(3\)"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_wrong_figures_are_named(changes, message):
    with pytest.raises(InvalidInput, match=message):
        made(**changes)


OPTIONS = [
    ({"deficits": "none"}, "`deficits` must be one of 'balanced', 'fixed', 'share'; got 'none'"),
    ({"deficits": [1.0, 1.0, 1.0]}, "`deficits` must sum to zero over regions.*got a sum of 3"),
    ({"deficits": [1.0, -1.0]}, "`deficits` must be one of .* or have one entry per region"),
    ({"limit": 0.9}, "`absorb` must name the sector"),
    ({"limit": 1.5, "absorb": "s0"}, r"`limit` must lie in \(0, 1\)"),
    ({"limit": 0.9, "absorb": 5}, "`absorb` must be a whole number, at least 0 and at most 1; got 5"),
    ({"limit": 0.9, "absorb": "s9"}, "`absorb` must be one of 's0', 's1'; got 's9'"),
]


@pytest.mark.parametrize(("options", "message"), OPTIONS)
def test_wrong_options_are_named(options, message):
    with pytest.raises(InvalidInput, match=message):
        TradeModel.from_data(made(), **options)


def test_inputs_that_leave_no_final_demand_say_which_and_what_to_do():
    inputs = world()["inputs"].copy()
    inputs[2] = [[0.9, 0.02], [0.9, 0.02]]
    with pytest.raises(
        InvalidInput, match=r"r2 uses more s0 as an input than it buys, .*give `final`.*set `limit`"
    ):
        TradeModel.from_data(made(inputs=inputs))
    model = TradeModel.from_data(made(inputs=inputs), limit=0.9, absorb="s1")
    assert abs(model.solve().welfare).max() < 1e-9


def test_merging_keeps_sums_and_revenue():
    data = made()
    merged = data.aggregate({"union": ["r0", "r2"]}, {"all": ["s0", "s1"]})
    assert merged.regions == ("union", "r1")
    assert merged.flows.sum() == pytest.approx(data.flows.sum(), rel=1e-13)
    assert merged.value_added.sum() == pytest.approx(data.value_added.sum(), rel=1e-13)
    abroad = data.flows * data.tariffs
    np.testing.assert_allclose(merged.revenue, [abroad[[0, 2]][:, [1]].sum(), abroad[1].sum()], rtol=1e-12)
    theta, weight = (
        data.elasticities,
        [data.flows[..., j].sum() - np.trace(data.flows[..., j]) for j in (0, 1)],
    )
    assert merged.elasticities[0] == pytest.approx((theta * weight).sum() / np.sum(weight), rel=1e-12)


def test_merging_what_is_alike_changes_nothing():
    """Two halves of a sector, merged, are the sector; names not mentioned stay."""
    flows, tariffs, inputs, theta = drawn(2)
    halves = TradeData.from_arrays(
        np.concatenate([flows / 2, flows / 2], axis=2),
        np.tile(tariffs, 2),
        np.tile(inputs, (1, 2, 2)) / 2,
        elasticities=np.tile(theta, 2),
        regions=NAMES["regions"],
        sectors=["s0", "s1", "t0", "t1"],
    )
    merged = halves.aggregate(sectors={"s0": ["s0", "t0"], "s1": ["s1", "t1"]})
    same(merged, TradeData.from_arrays(flows, tariffs, inputs, elasticities=theta, **NAMES))


def test_a_model_merges_with_its_options():
    model = TradeModel.from_data(made(), deficits=[1.0, -3.0, 2.0], limit=0.9, absorb="s1")
    merged = model.aggregate({"union": ["r0", "r2"]}, {"all": ["s0", "s1"]})
    assert list(merged.deficits) == [3.0, -3.0]
    assert merged.absorb == "all"
    rest = model.aggregate({"one": ["r1"]}, rest="others")
    assert rest.regions == ("one", "others")
    assert list(rest.deficits) == [-3.0, 3.0]


MERGES = [
    (({"a": ["r0", "r9"]},), "`regions` must be one of 'r0'"),
    (({"a": ["r0"], "b": ["r0"]},), "`regions` must use each name once; 'r0' is in two"),
    (({"a": "r0"},), "`regions` must map 'a' to a list of names"),
    (({"r1": ["r0"]},), "'r1' names two"),
    ((["r0"],), r"`regions` must map new names to lists of old ones; got \['r0'\]"),
    ((None, {"all": ["s0", "s1"]}), "`sectors` must not merge goods with others; all would"),
]


@pytest.mark.parametrize(("groups", "message"), MERGES)
def test_wrong_merges_are_named(groups, message):
    with pytest.raises(InvalidInput, match=message):
        made(goods=["s0"]).aggregate(*groups)


@pytest.mark.parametrize("rest", ["a", 5, ["r1"]])
def test_the_rest_needs_a_name_of_its_own(rest):
    with pytest.raises(InvalidInput, match="`rest` must be a name that no group"):
        made().aggregate({"a": ["r0"], "b": ["r1"]}, rest=rest)


@pytest.mark.parametrize("folder", [None, 5, ["data"]])
def test_a_folder_is_a_path(folder):
    with pytest.raises(InvalidInput, match="`folder` must be a folder of CSV files"):
        TradeModel.from_folder(folder)


def test_links_are_lists_and_mappings_of_tuples():
    model = TradeModel.from_data(made())
    for call, message in (
        (lambda: model.tariffs(5), "`rates` must map links to rates"),
        (lambda: model.tariffs({5: 0.1}), "A link must be"),
        (lambda: model.closed(5), "`links` must be a list of links; got 5"),
        (lambda: model.closed([5]), "A link must be"),
        (lambda: model.solve(transfers={5: 1.0}), "`transfers` must be keyed by two regions"),
    ):
        with pytest.raises(InvalidInput, match=message):
            call()


def write(folder, file, columns, rows):
    with open(folder / file, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(columns)
        writer.writerows(rows)


@pytest.fixture
def folder(tmp_path):
    """The drawn world as files, with values of inputs."""
    data, tail = made(), ("value", "unit", "year", "source")
    output = data.flows.sum(axis=0)
    about = ("USD bn", 2020, "made up")
    write(tmp_path, "sectors.csv", ("sector", "goods", "source"), [("s0", "yes", "x"), ("s1", "no", "x")])
    flows = labelled(data.flows, LINK).to_series()
    write(
        tmp_path, "trade_flows.csv", (*LINK, *tail), [(*key, value, *about) for key, value in flows.items()]
    )
    use = labelled(data.inputs * output[:, :, None], USE).to_series()
    write(tmp_path, "input_shares.csv", (*USE, *tail), [(*key, value, *about) for key, value in use.items()])
    added = labelled((1 - data.inputs.sum(axis=2)) * output, ("region", "sector")).to_series()
    write(
        tmp_path,
        "value_added.csv",
        ("region", "sector", *tail),
        [(*key, value, *about) for key, value in added.items()],
    )
    percent = ("percent", 2020, "made up")
    write(
        tmp_path,
        "tariffs.csv",
        (*LINK, *tail),
        [("r0", "r1", "goods", 10, *percent), ("r1", "r0", "s1", 5, *percent)],
    )
    return tmp_path


def test_a_folder(folder):
    model = TradeModel.from_folder(folder, elasticities=4, deficits="fixed")
    np.testing.assert_allclose(model.economy.flows, made().flows, rtol=1e-12)
    np.testing.assert_allclose(model.data.inputs, made().inputs, rtol=1e-12)
    assert model.economy.tariffs[0, 1].tolist() == [0.1, 0.0]
    assert model.economy.tariffs[1, 0].tolist() == [0.0, 0.05]
    assert model.economy.tariffs.sum() == pytest.approx(0.15)
    assert (model.data.unit, model.data.year, model.data.source) == ("USD bn", 2020, "made up")
    assert model.goods.tolist() == [True, False]


BROKEN = [
    ("trade_flows.csv", lambda rows: rows[:-1], "row for importer r2, exporter r2, sector s1 is missing"),
    ("tariffs.csv", lambda rows: [*rows, rows[1]], "row 4, column `sector`: r0 on r1 goods is there already"),
    ("tariffs.csv", lambda rows: [rows[0], ["r0", "r0", *rows[1][2:]]], "column `exporter`: must differ"),
    ("tariffs.csv", lambda rows: [rows[0], [*rows[1][:3], "-100", *rows[1][4:]]], r"must lie in \[-99"),
    ("tariffs.csv", lambda rows: [rows[0], [*rows[1][:4], "fraction", *rows[1][5:]]], "must be 'percent'"),
    (
        "value_added.csv",
        lambda rows: [rows[0], [*rows[1][:2], "9", *rows[1][3:]], *rows[2:]],
        "`trade_flows.csv`, `input_shares.csv`, `value_added.csv`: `value_added` and `inputs` must add up to output",
    ),
]


@pytest.mark.parametrize(("file", "change", "message"), BROKEN)
def test_broken_files_are_named(folder, file, change, message):
    with open(folder / file, newline="", encoding="utf-8") as handle:
        rows = list(csv.reader(handle))
    rows = change(rows)
    write(folder, file, rows[0], rows[1:])
    with pytest.raises(InvalidInput, match=message):
        TradeModel.from_folder(folder, elasticities=4)


def test_elasticities_of_a_folder(folder):
    with pytest.raises(InvalidInput, match=r"the folder has no `elasticities\.csv`"):
        TradeModel.from_folder(folder)
    with pytest.raises(InvalidInput, match="`folder` must be a folder"):
        TradeModel.from_folder(folder / "nowhere")
    package = Path(bargaining_models.__file__).parent / "data"
    with pytest.raises(InvalidInput, match="`elasticities` must name one of the sets 'uniform5'"):
        TradeModel.from_folder(package)
    assert (Negotiation(data=folder, home="r0", partner="r1").model.economy.elasticities == 5.0).all()
    few = [("few", sector, 3, "elasticity", 2020, "made up") for sector in NAMES["sectors"]]
    write(folder, "elasticities.csv", ("set", "sector", "value", "unit", "year", "source"), few)
    assert (Negotiation(data=folder, home="r0", partner="r1").model.economy.elasticities == 3.0).all()
    ours = TradeModel.from_folder(package, elasticities="cp", limit=0.9, absorb="SERV")
    old = TradeModel.from_parameters(load(), elasticities="cp")
    np.testing.assert_array_equal(ours.economy.flows, old.economy.flows)


def test_icio_tables():
    flows, _, inputs, theta = drawn(3)
    output = flows.sum(axis=0)
    regions, sectors = NAMES["regions"], NAMES["sectors"]
    sellers = pd.MultiIndex.from_product([regions, sectors])
    buyers = pd.MultiIndex.from_product([regions, [*sectors, "final"]])
    frame = pd.DataFrame(0.0, sellers, buyers)
    for n, buyer in enumerate(regions):
        for i, seller in enumerate(regions):
            for j, sector in enumerate(sectors):
                part = flows[n, i, j] / flows[n, :, j].sum()
                for k, user in enumerate(sectors):
                    frame.loc[(seller, sector), (buyer, user)] = part * inputs[n, k, j] * output[n, k]
                rest = flows[n, i, j] - part * (inputs[n, :, j] * output[n]).sum()
                frame.loc[(seller, sector), (buyer, "final")] = rest
    model = TradeModel.from_icio(frame, elasticities=theta, deficits="fixed", unit="EUR")
    np.testing.assert_allclose(model.economy.flows, flows, rtol=1e-12)
    np.testing.assert_allclose(model.data.inputs, inputs, rtol=1e-12)
    assert model.data.unit == "EUR"
    with pytest.raises(InvalidInput, match="one row for each of 3 regions and 2 sectors; got 5 rows"):
        TradeModel.from_icio(frame.iloc[:-1], elasticities=theta)
    totals = frame.copy()
    totals[("total", "total")] = frame.sum(axis=1)
    with pytest.raises(InvalidInput, match=r"columns of \['total'\]"):
        TradeModel.from_icio(totals, elasticities=theta)
    with pytest.raises(InvalidInput, match="`frame` must be a pandas table"):
        TradeModel.from_icio(flows, elasticities=theta)


def test_a_surplus_that_leaves_no_income_is_refused():
    flows = np.array([[[90.0], [15.0], [12.0]], [[14.0], [120.0], [20.0]], [[13.0], [22.0], [80.0]]])
    with pytest.raises(InvalidInput, match="must leave every region an income; got a surplus of 300 of B"):
        TradeModel.from_arrays(
            flows, elasticities=5, regions=list("ABC"), sectors=["all"], deficits=[300, -300, 0]
        )


def test_structures_of_the_package():
    icio = structure("icio2019")
    assert icio.flows.shape == (20, 20, 20)
    assert (icio.unit, icio.year) == ("USD bn", 2019)
    assert "OECD" in icio.source
    # What the table says of itself: gross output, and value added with net taxes on inputs.
    assert icio.flows.sum() == pytest.approx(170_744.7, abs=0.1)
    assert icio.value_added.sum() == pytest.approx(83_994, abs=1)
    np.testing.assert_allclose(icio.value_added, icio.gdp, rtol=1e-5)
    model = TradeModel.from_structure("icio2019", tariffs=0.05)
    answer = model.solve(tariffs=rates(np.random.default_rng(0), (20, 20, 20), high=0.3)).raise_if_failed()
    assert answer.residual < 1e-12
    with pytest.raises(
        InvalidInput, match="`name` must be one of 'wiod2011', 'icio2019', 'wiod2014'; got 'gtap'"
    ):
        TradeModel.from_structure("gtap")
    wiod = TradeModel.from_structure(
        "wiod2011", tariffs=load().tariffs.values / 100, limit=0.9, absorb="SERV"
    )
    np.testing.assert_array_equal(wiod.economy.flows, TradeModel.from_parameters(load()).economy.flows)


def test_the_european_union_is_a_region():
    """Totals of the table; a tariff in a plain program; rates of its largest member, as on all of it."""
    data = structure("wiod2014")
    assert data.flows.sum() == pytest.approx(161_786.4, abs=0.1)  # gross output of the world in 2014
    model = TradeModel.from_structure("wiod2014")
    us, union = (model.regions.index(name) for name in ("USA", "EU"))
    raised = np.zeros_like(data.flows)
    raised[us, union, :3] = 0.1
    plain = PlainEconomy(data.flows, 0 * data.flows, 0 * data.inputs, np.full(4, 5.0))
    np.testing.assert_allclose(model.solve(tariffs=raised).welfare, plain.welfare(raised), rtol=0, atol=1e-8)
    whole = structure("icio2019")
    rates, member = (
        Environment.shipped(one).at().tariffs(structure(one)) for one in ("wiod2014", "icio2019")
    )
    germany = member[whole.regions.index("USA"), whole.regions.index("DEU"), :3]
    np.testing.assert_array_equal(rates[us, union, :3], germany)
    talks = Negotiation(data="wiod2014", home="European Union", partner="US", tariffs="2026-08-19")
    assert talks.roles.names == ("EU", "US")
    assert [table.caption.partition(" pays")[0] for table in page("the EU", "US", r=[0])[:1]] == [
        "What the EU"
    ]

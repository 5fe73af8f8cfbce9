import csv
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bargaining_models
from bargaining.errors import InvalidInput
from bargaining_models import _figures
from bargaining_models.paper.study import Study
from bargaining_models.parameters import load
from bargaining_models.trade import TradeModel
from bargaining_models.us_canada.baseline import projects
from bargaining_models.us_canada.events import Scorer

DATA = Path(bargaining_models.__file__).parent / "data"
OPTIONAL = ("tariff_schedules.csv", "facts.csv")
REQUIRED = (
    "regions.csv",
    "sectors.csv",
    "trade_flows.csv",
    "input_shares.csv",
    "tariffs.csv",
    "elasticities.csv",
    "redirect_caps.csv",
)


@pytest.fixture(scope="module")
def parameters():
    return load()


@pytest.fixture
def folder(tmp_path):
    for path in DATA.glob("*.csv"):
        shutil.copy(path, tmp_path)
    return tmp_path


def edit(folder, file, change):
    """Rewrite a file from its list of rows (dicts) after `change` has changed it."""
    with open(folder / file, newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    rows = change(rows) or rows
    with open(folder / file, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_every_figure_knows_its_unit_year_and_source(parameters):
    arrays = [parameters.gdp, parameters.flows, parameters.input_shares, parameters.tariffs, parameters.caps]
    arrays += [*parameters.elasticities.values(), *parameters.schedules.values()]
    for figure in (*arrays, *parameters.facts.values()):
        assert figure.unit
        assert figure.source
        assert 2000 <= figure.year <= 2030
    assert parameters.flows.axes == ("importer", "exporter", "sector")
    assert parameters.flows.unit == parameters.gdp.unit == "USD bn"
    assert "BACI" in parameters.flows.source
    assert "WIOD" in parameters.input_shares.source
    assert parameters.caps.source.startswith("assumption")
    assert parameters.tariffs.source.startswith("assumption")


def test_every_row_of_every_file_has_value_unit_year_and_source():
    for path in DATA.glob("*.csv"):
        with open(path, newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                assert row["source"]
                if path.name not in ("sectors.csv", "events.csv"):  # talks need not have a number
                    assert row["parameter_1" if path.name == "priors.csv" else "value"]
                    assert row["unit"]
                    assert row["year"]


def test_sources_are_attributed():
    text = (DATA / "SOURCES.md").read_text(encoding="utf-8")
    for name in (
        "BACI",
        "Etalab",
        "Timmer",
        "World Development Indicators",
        "Caliendo and Parro (2015)",
        "assumption",
    ):
        assert name in text


def test_dimensions_and_order(parameters):
    assert parameters.regions == ("USA", "CAN", "CHN", "ROW")
    assert parameters.sectors[:3] == ("AGR", "MIN", "FOOD")
    assert list(parameters.goods) == [True] * 9 + [False] * 2
    assert parameters.sectors[parameters.absorbing] == "SERV"
    assert parameters.flows.values[0, 1, 1] == 110.107  # US purchases of Canadian crude, gas and ores
    assert parameters.input_shares.values[0, 0, 1] == 0.00534  # mining in the costs of US agriculture
    assert parameters.tariffs.values[2, 0, 0] == 12  # China on US goods
    assert not parameters.tariffs.values[:, :, 9:].any()


def test_arrays_and_mappings_are_read_only(parameters):
    with pytest.raises(ValueError, match="read-only"):
        parameters.flows.values[0, 0, 0] = 1.0
    with pytest.raises(TypeError):
        parameters.elasticities["mine"] = parameters.caps
    with pytest.raises(AttributeError):
        parameters.regions = ()


def test_parameters_can_be_pickled(parameters):
    copy = pickle.loads(pickle.dumps(parameters))
    np.testing.assert_array_equal(copy.elasticities["cp"].values, parameters.elasticities["cp"].values)
    assert copy.facts["tmx_capacity"] == parameters.facts["tmx_capacity"]
    assert dict(copy.facts) == dict(parameters.facts)
    assert repr(copy.facts) == repr(parameters.facts)


def test_canada_sells_three_quarters_of_its_exports_to_the_us(parameters):
    """74.2 percent in the goods totals of BACI 2023: 416.97 of 561.6 bn."""
    us, canada = (parameters.regions.index(name) for name in ("USA", "CAN"))
    sold = parameters.flows.values[:, canada, parameters.goods].sum(axis=1)
    assert sold[us] / (sold.sum() - sold[canada]) == pytest.approx(0.742, abs=1e-3)
    assert parameters.fact("canada_us_export_share_2024").value == 0.759
    assert parameters.fact("canada_us_export_share_2025").value == 0.717


def test_facts_derived_from_facts(parameters):
    value = {name: fact.value for name, fact in parameters.facts.items()}
    spare = (
        (value["tmx_capacity"] - value["crude_to_us_pipeline"]) * value["tmx_use_2025"] / value["crude_to_us"]
    )
    assert value["tmx_redirectable_low"] == pytest.approx(spare, abs=0.005)
    assert value["tmx_redirectable_high"] == pytest.approx(
        value["tmx_capacity"] / value["crude_to_us"], abs=0.005
    )
    gas = value["lng_canada_capacity_gas"] / value["gas_exports_to_us"]
    assert value["lng_redirectable"] == pytest.approx(gas, abs=0.005)


def test_schedules_name_the_links_they_tax(parameters):
    us, canada = (parameters.schedules[name].values for name in ("us_2025_26", "canada_2025_26"))
    rates = dict(zip(parameters.sectors, us[0, 1], strict=True))
    assert (rates["METAL"], rates["AUTO"], rates["MIN"], rates["WOOD"]) == (32.36, 12.1, 0.6763, 2.803)
    flows = parameters.flows.values[0, 1]
    # 6.9 at weights of 2024:
    assert us[0, 1] @ flows / flows[parameters.goods].sum() == pytest.approx(7.3, abs=0.01)
    vehicles = (
        100 * 0.25 * 0.6 * 35.6 / 1.37 / parameters.flows.values[1, 0, parameters.sectors.index("AUTO")]
    )
    assert canada[1, 0, parameters.sectors.index("AUTO")] == pytest.approx(vehicles, abs=0.05)
    metals = 100 * 0.25 * 15.6 / 1.37 / parameters.flows.values[1, 0, parameters.sectors.index("METAL")]
    assert canada[1, 0, parameters.sectors.index("METAL")] == pytest.approx(metals, abs=0.05)
    assert us.sum() == pytest.approx(us[0, 1].sum(), rel=1e-12)
    assert canada.sum() == pytest.approx(canada[1, 0].sum(), rel=1e-12)


def test_money_has_one_unit_and_the_tables_name_it(folder):
    for file in ("regions.csv", "trade_flows.csv"):
        text = (folder / file).read_text(encoding="utf-8")
        (folder / file).write_text(text.replace("USD bn", "USD mn"), encoding="utf-8")
        if file == "regions.csv":
            for call in (load, lambda at: TradeModel.from_folder(at, elasticities=5.0)):
                with pytest.raises(
                    InvalidInput, match=r"`regions.csv`, row 2, column `unit`: must be 'USD bn'"
                ):
                    call(folder)
    for reader in (Study, projects, Scorer):
        with pytest.raises(InvalidInput, match="`parameters` must be in USD bn; got flows in USD mn"):
            reader(load(folder))


def test_tables_say_which_figures_are_not_those_of_the_package(folder):
    for file, was, now in (
        ("redirect_caps.csv", "MIN,0.15,", "MIN,0.24,"),
        ("facts.csv", "crude_price,", "oil_price,"),
        ("elasticities.csv", "uniform5,AGR,5,", "uniform5,AGR,3,"),
    ):
        text = (folder / file).read_text(encoding="utf-8")
        assert was in text
        (folder / file).write_text(text.replace(was, now), encoding="utf-8")
    notes, shipped = Study(load(folder)).notes(), Study().notes()
    assert str(notes["Data"]) == f"{shipped['Data']}, but some figures of your own"
    assert notes["Elasticities"] == "uniform5"
    assert str(shipped["Elasticities"]).startswith("uniform5: 5 in every sector")


def test_a_folder_may_leave_out_what_no_model_needs(folder):
    for file in OPTIONAL:
        (folder / file).unlink()
    parameters = load(folder)
    assert not parameters.facts
    assert not parameters.schedules
    with pytest.raises(InvalidInput, match=r"figure of `facts.csv`; got 'tmx_capacity'"):
        parameters.fact("tmx_capacity")


def test_a_folder_of_other_regions_sectors_and_year(tmp_path):
    regions, sectors = ("NORTH", "SOUTH", "EAST"), ("GOODS1", "GOODS2", "REST")
    tail = {"unit": "EUR m", "year": "2030", "source": "own"}
    files = {
        "regions.csv": [{"region": n, "value": "100", **tail} for n in regions],
        "sectors.csv": [
            {
                "sector": j,
                "goods": "no" if j == "REST" else "yes",
                "absorbing": "yes" if j == "REST" else "no",
                "source": "own",
            }
            for j in sectors
        ],
        "trade_flows.csv": [
            {"exporter": i, "sector": j, "importer": n, "value": "40" if i == n else "5.5", **tail}
            for i in regions
            for j in sectors
            for n in regions
        ],
        "input_shares.csv": [
            {
                "region": i,
                "using_sector": k,
                "input_sector": j,
                "value": "0.1",
                **tail,
                "unit": "share of gross output",
            }
            for i in regions
            for k in sectors
            for j in sectors
        ],
        "tariffs.csv": [
            {"importer": n, "exporter": i, "sector": "goods", "value": "1e1", **tail, "unit": "percent"}
            for n in regions
            for i in regions
            if i != n
        ],
        "elasticities.csv": [
            {"set": "mine", "sector": j, "value": "4", **tail, "unit": "elasticity"} for j in sectors
        ],
        "redirect_caps.csv": [{"sector": j, "value": "0", **tail, "unit": "share"} for j in sectors],
    }
    for file, rows in files.items():
        with open(tmp_path / file, "w", newline="", encoding="utf-8-sig") as handle:
            writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\r\n")
            writer.writeheader()
            writer.writerows(rows)
    parameters = load(str(tmp_path))
    assert (parameters.flows.unit, parameters.flows.year, parameters.flows.source) == ("EUR m", 2030, "own")
    assert parameters.flows.values.shape == (3, 3, 3)
    model = TradeModel.from_parameters(parameters, elasticities="mine")
    answer = model.solve(tariffs=model.tariffs({("NORTH", "SOUTH"): 0.2})).raise_if_failed()
    assert answer.of("SOUTH") < 0 < answer.of("EAST")  # trade is diverted to the third


@pytest.mark.parametrize("file", REQUIRED)
def test_a_missing_file_is_named(folder, file):
    (folder / file).unlink()
    with pytest.raises(InvalidInput, match=f"`{file}` is missing from .*; add it with the columns"):
        load(folder)


@pytest.mark.parametrize("file", REQUIRED + OPTIONAL)
@pytest.mark.parametrize("column", ["value", "unit", "year", "source"])
def test_a_missing_column_is_named(folder, file, column):
    if file == "sectors.csv" and column != "source":
        return
    edit(folder, file, lambda rows: [{k: v for k, v in row.items() if k != column} for row in rows])
    with pytest.raises(
        InvalidInput, match=f"`{file}`, row 1, column `{column}`: the header must name it once"
    ):
        load(folder)


@pytest.mark.parametrize("file", REQUIRED + OPTIONAL)
@pytest.mark.parametrize("column", ["value", "unit", "year", "source"])
def test_an_empty_cell_is_named(folder, file, column):
    if file == "sectors.csv" and column != "source":
        return

    def empty(rows):
        rows[3][column] = " "

    edit(folder, file, empty)
    with pytest.raises(InvalidInput, match=f"`{file}`, row 5, column `{column}`: must not be empty"):
        load(folder)


@pytest.mark.parametrize("file", ["regions.csv", "trade_flows.csv", "input_shares.csv", "redirect_caps.csv"])
def test_a_missing_row_is_named(folder, file):
    edit(folder, file, lambda rows: rows[:-1])
    with pytest.raises(
        InvalidInput, match=r"row \d+, column `\w+`: (a row for .* is missing|must be one of)"
    ):
        load(folder)


# File, row, column, what it says, and what the message must say.
BAD_CELLS = r"""
trade_flows.csv | 7 | value | abc | `trade_flows.csv`, row 7, column `value`: .* number; got 'abc'
trade_flows.csv | 7 | value | nan | row 7, column `value`: .* number; got 'nan'
trade_flows.csv | 7 | value | 1_000 | row 7, column `value`: .* number
trade_flows.csv | 7 | value | __import__('os') | row 7, column `value`: .* number
trade_flows.csv | 7 | value | 1e999 | row 7, column `value`: must lie in \[0, 1e\+15\]
trade_flows.csv | 7 | value | -1 | row 7, column `value`: must lie in \[0, 1e\+15\]; got -1
trade_flows.csv | 7 | importer | MEX | row 7, column `importer`: must be one of 'USA', .* 'MEX'
trade_flows.csv | 7 | importer | USA | row 7, column `importer`: .* is there already
trade_flows.csv | 7 | unit | CAD bn | row 7, column `unit`: must be 'USD bn' as in row 2
trade_flows.csv | 7 | year | 23 | row 7, column `year`: must lie in \[1900, 2100\]
regions.csv | 3 | region | USA | `regions.csv`, row 3, column `region`: 'USA' is there already
regions.csv | 3 | value | 0 | row 3, column `value`: must lie in
sectors.csv | 4 | goods | maybe | `sectors.csv`, row 4, column `goods`: must be one of 'yes', 'no'
sectors.csv | 4 | sector | goods | row 4, column `sector`: 'goods' stands for all
sectors.csv | 4 | absorbing | yes | column `absorbing`: exactly one sector must say 'yes'; got 2
input_shares.csv | 2 | unit | percent | column `unit`
tariffs.csv | 2 | exporter | USA | row 2, column `exporter`: must differ from the importer
tariffs.csv | 2 | unit | fraction | row 2, column `unit`: must be 'percent'
tariffs.csv | 3 | exporter | CAN | row 3, column `sector`: USA on CAN goods is there already
tariffs.csv | 2 | value | -100 | row 2, column `value`: must lie in
elasticities.csv | 2 | value | 0 | `elasticities.csv`, row 2, column `value`: must lie in
elasticities.csv | 2 | set | other | `elasticities.csv`, row 3, column `sector`: a row for
redirect_caps.csv | 2 | value | 1.5 | row 2, column `value`: must lie in \[0, 1\]; got 1.5
tariff_schedules.csv | 2 | sector | STEEL | row 2, column `sector`: must be one of
facts.csv | 3 | name | canada_us_export_share_2024 | row 3, column `name`: .* is there already
"""


@pytest.mark.parametrize("case", BAD_CELLS.strip().splitlines())
def test_a_bad_cell_is_named(folder, case):
    file, row, column, value, message = case.split(" | ")

    def change(rows):
        rows[int(row) - 2][column] = value

    edit(folder, file, change)
    with pytest.raises(InvalidInput, match=message):
        load(folder)


BAD_FILES = [
    (b"\xff\xfe\x00", "must be UTF-8 text; byte 0"),
    (b"", "row 1, column `sector`: the header must name it once"),
    (b"sector,value,unit,year,source\n", "row 2: the file has a header and no rows"),
    (b"sector,value,unit,year,source\nAGR,0.1\n", "row 2, column `unit`: the row must have 5 cells; got 2"),
    (
        b"sector,value,unit,year,source\nAGR,0,share,2023,own,x\n",
        "row 2, column `source`: the row must have 5",
    ),
    (b"sector,value,value,unit,year,source\n", "column `value`: the header must name it once"),
    (b'sector,value,unit,year,source\n"AGR"x,0\n', "must be comma-separated values"),
]


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_a_bad_file_is_named(folder, content, message):
    (folder / "redirect_caps.csv").write_bytes(content)
    with pytest.raises(InvalidInput, match=f"`redirect_caps.csv`.*{message}"):
        load(folder)


def test_sizes_are_capped(folder, monkeypatch):
    monkeypatch.setattr(_figures, "MAX_BYTES", 100)
    with pytest.raises(InvalidInput, match=r"`sectors.csv` must be at most 100 bytes"):
        load(folder)
    monkeypatch.undo()
    monkeypatch.setattr(_figures, "MAX_LINES", 3)
    with pytest.raises(InvalidInput, match=r"`sectors.csv` must have at most 3 lines; got \d+"):
        load(folder)
    monkeypatch.undo()
    rows = "".join(f"R{k},1,USD bn,2023,own\n" for k in range(501))
    (folder / "regions.csv").write_text("region,value,unit,year,source\n" + rows)
    with pytest.raises(InvalidInput, match=r"`regions.csv`, row 502, column `region`: at most 500"):
        load(folder)


# Each file is as large as one may be, and costly in another way.
SIZE = 3_900_000
MALICIOUS = {
    "many lines": b"\n" * SIZE,
    "many returns": b"\r" * SIZE,
    "many commas": b"," * SIZE,
    "many words": b"ab," * (SIZE // 3),
    "many quotes": b'"' * SIZE,
    "one word": b"a" * SIZE,
    "zeros": b"\0" * SIZE,
    "many rows": b"MIN,0.5,share,2023,mine\n" * (49_000),
    "many digits": b"MIN," + b"9" * 100_000 + b",share,2023,mine\n",
    "formula": b"MIN,=1+1,share,2023,mine\n",
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_malicious_files_cost_little(folder, tmp_path_factory):
    """Each is refused or read within a second, and all together fit into 256 megabytes."""
    folders = tmp_path_factory.mktemp("malicious")
    for name, content in MALICIOUS.items():
        file = shutil.copytree(folder, folders / name) / "redirect_caps.csv"
        file.write_bytes(file.read_bytes() + content)
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from bargaining import BargainingError\nfrom bargaining_models.parameters import load\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    start = time.process_time()\n    try:\n        load(path)\n    except BargainingError as error:\n"
        "        assert len(str(error)) < 400, path.name\n"
        "    seconds = time.process_time() - start\n    assert seconds < 1.0, (path.name, seconds)\n"
        # The peak of this program alone: getrusage would still count the process that started it.
        "print(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folders)], stdout=subprocess.PIPE, text=True, check=True
    )
    assert int(done.stdout) < 256 * 1024


def test_an_unknown_folder_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="`folder` must be a folder of CSV files"):
        load(tmp_path / "absent")
    with pytest.raises(InvalidInput, match="`folder` must be a folder of CSV files; got '3'"):
        load(3)

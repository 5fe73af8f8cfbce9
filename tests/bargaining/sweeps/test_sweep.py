"""Sweeps: the same numbers however they are cut, shared out, interrupted or resumed."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from bargaining.concepts.nash import nash
from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.problem import Problem
from bargaining.sweeps.sweep import Folder, Task, _sweep, read_grid, sweep, vectorized

GRID = {"r": ([0.0, 0.1, 0.15, 0.3], "share"), "h": [0.7, 0.9, 1.1]}


def pie(r, h):
    """A pie of 1 with an option worth h r to player 0."""
    return Problem(TransferableSurplus(1.0), [h * r, 0.0])


@vectorized
def pies(r, h):
    return Problem(TransferableSurplus(1.0), np.stack([h * r, 0.0 * r], axis=-1))


def picky(r, h):
    if r == 0.15:
        raise ZeroDivisionError("no option of this size")
    return pie(r, h)


class Offers:
    def model(self, r):
        return r


def same(one, other):
    xr.testing.assert_identical(one, other)
    for name in one.data_vars:
        assert one[name].dtype == other[name].dtype
        if one[name].dtype != object:
            assert one[name].values.tobytes() == other[name].values.tobytes()


def cut(model, method, size, **options):
    """Sweep in chunks of a given size."""
    grid = read_grid(GRID)
    task = Task(model=model, method=method, grid=grid, vectorized=getattr(model, "vectorized", False))
    return _sweep(task, size, **{"workers": 1, "checkpoint": None, "progress": False} | options)


def test_a_sweep_has_names_units_and_a_status_per_cell():
    data = sweep(pie, GRID, nash)
    assert dict(data.sizes) == {"r": 4, "h": 3, "player": 2}
    assert data["r"].attrs == {"units": "share"}
    assert data["payoffs"].dims == ("r", "h", "player")
    np.testing.assert_allclose(
        data["payoffs"].sel(player=0), 0.5 + np.outer([0, 0.1, 0.15, 0.3], [0.7, 0.9, 1.1]) / 2
    )
    assert (data["status"] == Status.OK).all()
    assert data["status"].attrs["flag_meanings"].split()[5] == "FAILED"
    assert data["residual"].max() < 1e-15
    assert data.attrs["method"].endswith("nash")


@pytest.mark.parametrize("model", [pie, pies, picky], ids=["scalar", "vectorized", "failing"])
@pytest.mark.parametrize("size", [1, 5, 7, 100])
def test_chunks_of_any_size_give_the_same_bits(model, size, tmp_path):
    whole = sweep(model, GRID, nash)
    same(cut(model, nash, size), whole)
    same(cut(model, nash, size, checkpoint=tmp_path), whole)
    same(cut(model, nash, size, checkpoint=tmp_path), whole)


def test_vectorized_and_scalar_models_agree_to_the_bit():
    one, other = sweep(pie, GRID, nash), sweep(pies, GRID, nash)
    del one.attrs["model"], other.attrs["model"]
    same(one, other)


@pytest.mark.parametrize(
    "workers",
    [2, map, lambda f, tasks: reversed([f(task) for task in tasks])],
    ids=["loky", "map", "backwards"],
)
def test_workers_give_the_same_bits(workers, tmp_path):
    same(cut(picky, nash, 5, workers=workers, checkpoint=tmp_path), sweep(picky, GRID, nash))


def test_an_executor_is_a_worker():
    with ThreadPoolExecutor(2) as pool:
        same(sweep(pie, GRID, nash, workers=pool.map), sweep(pie, GRID, nash))


@pytest.mark.parametrize("batched", [False, True])
def test_a_failing_cell_keeps_its_message_and_stops_no_other(batched):
    def model(r):
        if np.any(np.asarray(r) == 2.0):
            raise ValueError("two is too many")
        return np.asarray(r)

    model = vectorized(model) if batched else model
    data = sweep(model, {"r": [1.0, 2.0, 3.0]}, lambda r: {"twice": 2 * r})
    assert data["status"].values.tolist() == [Status.OK, Status.FAILED, Status.OK]
    assert data["message"].values.tolist() == ["", "ValueError: two is too many", ""]
    np.testing.assert_array_equal(data["twice"], [2.0, np.nan, 6.0])


def test_a_sweep_in_which_everything_fails_still_says_why():
    def broken(r):
        raise RuntimeError("never")

    data = sweep(broken, {"r": [1, 2]}, nash)
    assert (data["status"] == Status.FAILED).all()
    assert set(data.data_vars) == {"status", "message"}
    assert data["message"].values.tolist() == ["RuntimeError: never"] * 2


def test_the_status_of_a_division_is_kept():
    data = sweep(lambda d: Problem(TransferableSurplus(1.0), [d, 0.5]), {"d": [0.0, 0.5, 0.6]}, nash)
    assert data["status"].values.tolist() == [Status.OK, Status.DEGENERATE, Status.EMPTY]
    assert np.isnan(data["payoffs"][2]).all()


def test_arrays_of_different_length_are_padded():
    data = sweep(lambda n: n, {"n": [1, 3]}, lambda n: {"x": np.ones(n), "none": None})
    np.testing.assert_array_equal(data["x"], [[1, np.nan, np.nan], [1, 1, 1]])
    assert np.isnan(data["none"]).all()
    same(sweep(lambda n: n, {"n": [1, 3]}, lambda n: {"x": np.ones(n), "none": None}, workers=map), data)


def test_other_results_give_their_numbers():
    @dataclass(frozen=True)
    class Found:
        low: float
        name: str
        status: Status = Status.INACCURATE
        _kept: float = 0.0

    data = sweep(lambda r: r, {"r": [1.5]}, lambda r: Found(low=r, name="a"))
    assert data["low"].item() == 1.5
    assert set(data.data_vars) == {"low", "status", "message"}
    assert data["status"].item() == Status.INACCURATE
    assert (
        sweep(lambda r: r, {"r": [1.5]}, lambda r: SimpleNamespace(to_dict=lambda: {"a": r}))["a"].item()
        == 1.5
    )


def test_axes_may_be_text_whole_numbers_and_labelled_arrays():
    labelled = xr.DataArray([0.5], dims="d", attrs={"units": "1"})
    data = sweep(
        lambda who, n, d: {"x": len(who) * n + d}, {"who": ["US", "Canada"], "n": [1], "d": labelled}, dict
    )
    assert data["x"].values.ravel().tolist() == [2.5, 6.5]
    assert data["d"].attrs == {"units": "1"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sweep(pie, {}, nash), "`grid` must map"),
        (
            lambda: sweep(pie, {"r": [1.0]}, nash),
            "`grid` must name the parameters of the model .*pie; missing.*'h'",
        ),
        (lambda: sweep(pie, GRID | {"x": [1]}, nash), "unexpected keyword argument 'x'"),
        (lambda: sweep(pie, {"r": [], "h": [1]}, nash), r"`grid\['r'\]` must be 1-d and not empty"),
        (lambda: sweep(pie, {"r": [np.nan], "h": [1]}, nash), r"`grid\['r'\]` must be finite; got nan"),
        (lambda: sweep(pie, {"r": [None], "h": [1]}, nash), r"`grid\['r'\]` must be real numbers or text"),
        (lambda: sweep(lambda status: 1, {"status": [1]}, nash), "none of player, status"),
        (lambda: sweep(pie, GRID, nash, workers=0), "`workers` must be positive"),
        (lambda: sweep(pie, GRID, nash, workers=True), "`workers` must be positive"),
        (
            lambda: sweep(pie, GRID, nash, workers=lambda f, x: None),
            "one by one, like `map`; .* returned None",
        ),
        (lambda: sweep(pie, GRID, nash, workers=lambda f, x: x), r"like `map`; .* returned \(0, 1\)"),
        (lambda: sweep(pie, GRID, nash, workers=lambda f, x: [(-1, f(x[0])[1])]), r"returned \(-1, {"),
        (lambda: sweep(pie, GRID, nash, workers=lambda f, x: [f(x[0])]), "for every argument.* left out"),
        (lambda: sweep(pie, GRID, nash, checkpoint=""), "`checkpoint` must be a path, neither empty"),
        (lambda: sweep(pie, GRID, nash, checkpoint="a\0b"), "`checkpoint` must be a path.* null characters"),
        (
            lambda: sweep(pie, {"r": [1, "a"], "h": [1]}, nash),
            r"of one kind; got numbers and text: \[1, 'a'\]",
        ),
        (lambda: sweep(pie, {"r": [1, True], "h": [1]}, nash), "of one kind; got numbers and truth values"),
        (
            lambda: sweep(pie, {"r": [10**400, 0.5], "h": [1]}, nash),
            "must be of one kind|must be real numbers",
        ),
        (lambda: sweep(pie, {"r": [[1], [1, 2]], "h": [1]}, nash), "must be 1-d values"),
        (
            lambda: sweep(pie, {"r": [1j], "h": [1]}, nash),
            "must be real numbers or text; got type complex128",
        ),
        (
            lambda: sweep(pie, {"r": np.ma.masked_array([1.0, 2.0], [0, 1]), "h": [1]}, nash),
            r"`grid\['r'\]` must not have masked entries",
        ),
        (lambda: sweep(pie, GRID, nash, checkpoint="never-made", version=""), "`version` must be a string"),
        (lambda: vectorized(Offers().model), "`model` must take attributes"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (lambda r: {"x": "text"}, "`method` must return real numbers; got 'text' for 'x'"),
        (lambda r: {"x": 1j}, "`method` must return real numbers; got 1j for 'x'"),
        (lambda r: {"x": [[1.0], [1.0, 2.0]]}, "`method` must return real numbers; got"),
        (
            lambda r: {"r": r},
            "`method` must not name a number like a parameter, `message` or `player`; got 'r'",
        ),
        (lambda r: {}, "`method` must return numbers; got \\{\\}, which has none"),
        (
            lambda r: {"x": r, "status": 300},
            "`method` must return a status from 0 to 7, as in `Status`; got 300",
        ),
        (lambda r: {"x": r, "status": -1}, "as in `Status`; got -1"),
        (lambda r: {"x": r, "status": 10**30}, "as in `Status`; got 1000"),
        (lambda r: {"x": r, "status": True}, "as in `Status`; got True"),
        (lambda r: {"x": r, "status": "OK"}, "as in `Status`; got 'OK'"),
        (lambda r: {"x": r, "status": [0, 0]}, r"`method` must return one status; got \[0, 0\]"),
    ],
)
def test_what_is_no_result_fails_in_its_cell_alone(method, message):
    data = sweep(lambda r: r, {"r": [1, 2]}, lambda r: method(r) if r == 1 else {"x": r})
    assert data["status"].values.tolist() == [Status.FAILED, Status.OK]
    assert np.isnan(data["x"].values[0])
    assert re.search(message, data["message"].values[0])


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (np.nan, Status.FAILED),
        (-np.inf, Status.UNBOUNDED),
        (np.inf, Status.UNBOUNDED),
        (None, Status.OK),
        (Fraction(1, 2), Status.OK),
        (Decimal("0.5"), Status.OK),
        ([0.5, None], Status.OK),
        ([np.nan, None], Status.FAILED),
        (np.ma.masked_array([0.5, 7.0], [False, True]), Status.OK),
        (np.ma.masked_array([np.nan, 7.0], [False, True]), Status.FAILED),
    ],
)
@pytest.mark.parametrize(
    "claim", [{}, {"status": 0}, {"status": Status.INACCURATE}], ids=["bare", "ok", "inaccurate"]
)
def test_a_number_that_is_none_does_not_count_as_ok(value, status, claim):
    data = sweep(lambda r: r, {"r": [1, 2]}, lambda r: {"x": value, **claim} if r == 1 else {"x": 0.5})
    expected = status if claim.get("status", 0) == 0 else Status.INACCURATE
    assert data["status"].values.tolist() == [expected, Status.OK]
    assert bool(data["message"].values[0]) == (expected in (Status.FAILED, Status.UNBOUNDED))
    if isinstance(value, np.ma.MaskedArray):
        assert np.isnan(data["x"].values[0, 1])


def test_a_batch_judges_each_cell_by_its_own_numbers():
    def method(r):
        return {
            "x": np.array([1.0, np.nan, -np.inf, 1.0]),
            "y": np.ma.masked_array(r, r == 1),
            "status": r % 2,
        }

    data = sweep(vectorized(lambda r: r), {"r": [0, 2, 4, 1]}, method)
    assert data["status"].values.tolist() == [Status.OK, Status.FAILED, Status.UNBOUNDED, Status.EMPTY]
    assert data["message"].values[1] == "`x` is nan; return None for a number that does not exist."
    np.testing.assert_array_equal(data["y"], [0, 2, 4, np.nan])


def test_a_cell_of_another_shape_locks_nothing_in(tmp_path):
    def method(r):
        return {"x": np.ones((2,) * r), "y": r}

    whole = sweep(lambda r: r, {"r": [1, 2, 0]}, method)
    np.testing.assert_array_equal(whole["x"][0], [[1, 1], [np.nan, np.nan]])
    np.testing.assert_array_equal(whole["x"][1], np.ones((2, 2)))
    np.testing.assert_array_equal(whole["x"][2], [[1, np.nan], [np.nan, np.nan]])
    assert (whole["status"] == Status.OK).all()
    same(sweep(lambda r: r, {"r": [1, 2, 0]}, method, checkpoint=tmp_path), whole)


def count(task, tasks, done):
    for stretch in tasks:
        done.append(stretch[0])
        yield task(stretch)


def test_resuming_computes_only_what_is_missing(tmp_path):
    whole = cut(pie, nash, 2, checkpoint=tmp_path)
    files = sorted(tmp_path.glob("*.npz"))
    before = {path: path.read_bytes() for path in files}
    assert len(files) == 6
    files[1].unlink()
    files[4].write_bytes(before[files[4]][:-40])
    files[5].write_bytes(b"")
    done = []
    same(cut(pie, nash, 2, checkpoint=tmp_path, workers=partial(count, done=done)), whole)
    assert done == [2, 8, 10]
    assert {path: path.read_bytes() for path in sorted(tmp_path.glob("*.npz"))} == before


def test_a_chunk_damaged_anywhere_counts_as_absent(tmp_path):
    cut(picky, nash, 12, checkpoint=tmp_path)
    (path,) = tmp_path.glob("*.npz")
    folder = Folder(path=tmp_path, key=path.name.split("-")[0])
    good = path.read_bytes()
    assert folder.load(0)["status"].size == 12
    for k in range(0, len(good), 31):
        path.write_bytes(good[:k])
        assert folder.load(0) is None
        path.write_bytes(good[:k] + bytes([good[k] ^ 0x11]) + good[k + 1 :])
        assert folder.load(0) is None


def test_players_keep_their_names_if_these_are_the_same_in_all_cells():
    def named(k, who):
        return Problem(TransferableSurplus(1.0), [0, 0], players=["Ann", who])

    same = sweep(named, {"k": [0, 1], "who": ["Bob"]}, nash)
    assert same["player"].values.tolist() == ["Ann", "Bob"]
    assert sweep(named, {"k": [0], "who": ["Bob", "Eve"]}, nash)["player"].values.tolist() == [0, 1]


def other_pie(r, h):
    return Problem(TransferableSurplus(1.0), [h * r, 0.01])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grid": {**GRID, "h": [0.7, 0.9]}}, r"grid h values was \[0.7, 0.9, 1.1\] and is now \[0.7, 0.9\]"),
        ({"grid": {**GRID, "r": ([0.0, 0.1, 0.15, 0.3], "%")}}, 'grid r unit was "share" and is now "%"'),
        ({"model": other_pie}, r'model was ".*\.pie" and is now ".*\.other_pie"; model source'),
        ({"method": partial(nash, weights=[0.4, 0.6])}, "method was .*nash.*partial"),
        ({"version": "9.9"}, 'versions bargaining was ".*" and is now "9.9"'),
    ],
)
def test_a_changed_sweep_is_refused_with_the_difference(change, message, tmp_path, monkeypatch):
    sweep(pie, GRID, nash, checkpoint=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    if "version" in change:
        monkeypatch.setattr("bargaining.sweeps.sweep.library_version", lambda: change["version"])
    with pytest.raises(InvalidInput, match="`checkpoint` holds another sweep") as caught:
        sweep(
            change.get("model", pie),
            change.get("grid", GRID),
            change.get("method", nash),
            checkpoint=tmp_path,
        )
    assert caught.match(message)
    assert caught.match("Use another folder, or delete")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="`checkpoint` must be a folder"):
        sweep(pie, GRID, nash, checkpoint=tmp_path / "file")


def test_progress_counts_chunks(tmp_path, capsys):
    cut(pie, nash, 3, checkpoint=tmp_path, progress=True)
    assert "4/4" in capsys.readouterr().err
    cut(pie, nash, 3, checkpoint=tmp_path)
    assert capsys.readouterr().err == ""


def suicide(r):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_process_is_reported():
    with pytest.raises(Unsolved, match="a worker process was killed"):
        sweep(suicide, {"r": [1, 2, 3]}, lambda r: r, workers=2)


# A sweep that takes about a second, run in a process of its own so that it can be killed.
SLOW = """
import sys, time
from bargaining.concepts.nash import nash
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.problem import Problem
from bargaining.sweeps.sweep import sweep

def model(d):
    time.sleep(0.005)
    return Problem(TransferableSurplus(1.0), [d, 0.1])

print("ready", flush=True)
data = sweep(model, {"d": [k / 300 for k in range(100)]}, nash, workers=int(sys.argv[2]), checkpoint=sys.argv[1],
             version="1")
sys.stdout.write(data["payoffs"].values.tobytes().hex())
"""


def run_slow(folder: Path, workers: int, kill_after: int | None) -> str:
    """Return the payoffs as text; a run that is killed after so many new chunks returns nothing."""
    command = [sys.executable, "-c", SLOW, str(folder), str(workers)]
    before = len(list(folder.glob("*.npz")))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout.readline() == "ready\n"
        if kill_after is None:
            return process.stdout.read()
        while process.poll() is None and len(list(folder.glob("*.npz"))) < before + kill_after:
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGKILL)
        return ""


def kill_and_resume(folder, workers, kills, seed):
    rng = random.Random(seed)
    for _ in range(kills):
        run_slow(folder, workers, rng.randint(1, max(1, 60 // kills)))
    before = len(list(folder.glob("*.npz")))
    resumed = run_slow(folder, workers, None)
    files = {path.name: path.read_bytes() for path in folder.glob("*.npz")}
    return before, resumed, files


def test_a_killed_sweep_resumes_to_the_same_bytes(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        whole = pool.submit(run_slow, tmp_path / "whole", 1, None)
        before, resumed, files = kill_and_resume(tmp_path / "killed", 1, 1, seed=1)
    assert 0 < before < len(files) == 100
    assert resumed == whole.result()
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "whole").glob("*.npz")}


def slow_pie(r, h):
    time.sleep(0.1)
    return pie(r, h)


def kill_one_worker(client, folder):
    """Kill the process of one worker once a chunk is finished; return how many were by then."""
    victim = next(iter(client.run(os.getpid).values()))
    while not (done := len(list(folder.glob("*.npz")))):
        time.sleep(0.01)
    os.kill(victim, signal.SIGKILL)
    return done


@pytest.mark.slow
@pytest.mark.parametrize("way", ["joblib", "executor"])
@pytest.mark.filterwarnings("default")
def test_a_cluster_that_loses_a_worker_gives_the_same_bits(way, tmp_path):
    distributed = pytest.importorskip("distributed")
    import joblib

    whole = sweep(pie, GRID, nash)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        ThreadPoolExecutor(1) as aside,
    ):
        killed = aside.submit(kill_one_worker, client, tmp_path)
        if way == "joblib":
            with joblib.parallel_config("dask"):
                data = sweep(slow_pie, GRID, nash, workers=-1, checkpoint=tmp_path)
        else:
            data = sweep(slow_pie, GRID, nash, workers=client.get_executor().map, checkpoint=tmp_path)
        assert killed.result(timeout=60) < 12
    data.attrs = whole.attrs
    same(data, whole)

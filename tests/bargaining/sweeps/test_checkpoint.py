"""What a checkpoint keeps can always be opened, in little memory, and no finished chunk is lost."""

import io
import json
import linecache
import os
import shutil
import sys
from functools import partial
from multiprocessing import get_context
from threading import Lock
from types import ModuleType

import numpy as np
import pytest
import xarray as xr

from bargaining import InvalidInput, Status, open_sweep, sweep
from bargaining.sweeps.sweep import Task, _digest, _sweep, read_grid

GRID = {"r": ([0.0, 0.1, 0.15, 0.3], "share"), "who": ["US", "Canada", "China"], "k": [True, False]}


def model(r, who, k):
    if (r, who) == (0.1, "US"):
        raise ValueError("not here")
    return r, len(who), k


def numbers(point):
    r, length, k = point
    return {"payoffs": [r, -r], "rows": np.full((length % 3 + 1, 2), r) if k else [r], "none": None}


def cut(size, checkpoint, method=numbers, **options):
    task = Task(model=model, method=method, grid=read_grid(GRID), vectorized=False)
    return _sweep(task, size, **{"workers": 1, "checkpoint": checkpoint, "progress": False} | options)


def test_a_checkpoint_opens_as_the_dataset_that_the_sweep_gave(tmp_path):
    whole = cut(5, tmp_path)
    assert (whole["status"] == Status.FAILED).sum() == 2
    xr.testing.assert_identical(open_sweep(tmp_path), whole)
    xr.testing.assert_identical(cut(7, None), whole)


def test_a_half_finished_checkpoint_opens_with_cells_that_are_pending(tmp_path):
    whole = cut(5, tmp_path)
    for path in sorted(tmp_path.glob("*.npz"))[1:3]:
        path.unlink()
    half = open_sweep(tmp_path)
    pending = (half["status"] == Status.PENDING).values
    assert np.flatnonzero(pending).tolist() == list(range(5, 15))
    assert half["status"].attrs["flag_meanings"].split()[Status.PENDING] == "PENDING"
    for name in ("payoffs", "rows", "none", "message", "status"):
        np.testing.assert_array_equal(half[name].values[~pending], whole[name].values[~pending])
    assert np.isnan(half["payoffs"].values[pending]).all()
    assert (half["message"].values[pending] == "").all()
    xr.testing.assert_identical(cut(5, tmp_path), whole)


class Command:
    """What is pickled as a call."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_chunk_with_an_object_in_it_is_a_damaged_one(tmp_path):
    folder, planted = tmp_path / "kept", tmp_path / "planted"
    whole = cut(5, folder)
    victim = sorted(folder.glob("*.npz"))[1]
    with np.load(victim) as stored:
        entries = {name: stored[name] for name in stored.files}
    entries[".status"] = np.array([Command(planted)] * len(entries[".status"]), dtype=object)
    buffer = io.BytesIO()
    np.savez(buffer, **entries)
    archive = buffer.getvalue()
    victim.write_bytes(archive + _digest(archive))
    assert (open_sweep(folder)["status"] == Status.PENDING).sum() == 5
    xr.testing.assert_identical(cut(5, folder), whole)
    assert not planted.exists()


def test_a_checkpoint_opens_whatever_has_changed_since(tmp_path):
    whole = cut(5, tmp_path)
    with pytest.raises(InvalidInput, match="`open_sweep` reads what it holds"):
        cut(5, tmp_path, method=lambda point: point[0])
    xr.testing.assert_identical(open_sweep(str(tmp_path)), whole)


def planted(path, source, name="model"):
    """Return what a file with this source calls `name`."""
    path.write_text(source)
    linecache.checkcache(str(path))
    space = {"__name__": "planted", "partial": partial}
    exec(compile(source, str(path), "exec"), space)
    sys.modules["planted"] = ModuleType("planted")
    sys.modules["planted"].__file__ = str(path)
    vars(sys.modules["planted"]).update(space)
    return space[name]


SOURCES = {
    "function": "def model(r):\n    return X * r\n",
    "lambda": "model = lambda r: X * r\n",
    "partial": "def f(r, s):\n    return s * r\nmodel = partial(f, s=X)\n",
    "object": "class M(dict):\n    def __call__(self, r): return self['s'] * r\nmodel = M(s=X)\n",
    "class": "class M:\n    def __call__(self, r): return X * r\nmodel = M()\n",
    "method": "class M:\n    def f(self, r): return X * r\nmodel = M().f\n",
    "partial of a function": "model = partial(lambda f, r: f(r), lambda r: X * r)\n",
}


@pytest.mark.parametrize("kind", SOURCES)
def test_another_source_is_another_sweep(kind, tmp_path):
    grid, path = {"r": [0.0, 1.0]}, tmp_path / "planted.py"

    def run(x, folder, **options):
        made = planted(path, SOURCES[kind].replace("X", x))
        return sweep(made, grid, float, checkpoint=tmp_path / folder, **options)["value"].values

    for option in ({}, {"version": "1"}):
        folder = "seen" if not option else "named"
        assert run("2", folder, **option)[1] == run("2", folder, **option)[1] == 2
    with pytest.raises(InvalidInput, match="holds another sweep: model source was"):
        run("3", "seen")
    assert run("3", "named", version="1")[1] == 2
    with pytest.raises(InvalidInput, match='holds another sweep: version was "1" and is now "2"'):
        run("3", "named", version="2")


def test_without_a_source_a_version_is_asked_for_by_name(tmp_path):
    space = {}
    exec("def model(r):\n    return r", space)
    locked = partial(max, key=Lock())
    for model in (space["model"], locked):
        with pytest.raises(
            InvalidInput, match=r"`version` must be given .* the model .* Write version=\"1\""
        ):
            sweep(model, {"r": [1.0]}, float, checkpoint=tmp_path)
    sweep(space["model"], {"r": [1.0]}, float, checkpoint=tmp_path, version="1")


@pytest.mark.parametrize(
    "damage", ["absent", "file", "no manifest", "no json", "other json", "no cells", "no model"]
)
def test_what_is_no_checkpoint_is_named(tmp_path, damage):
    folder = tmp_path / "sweep"
    cut(5, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    if damage in ("absent", "file"):
        shutil.rmtree(folder)
    if damage == "file":
        folder.write_text("")
    if damage == "no manifest":
        (folder / "manifest.json").unlink()
    if damage == "no json":
        (folder / "manifest.json").write_text("{")
    if damage == "other json":
        (folder / "manifest.json").write_text(json.dumps({"grid": list(manifest["grid"])}))
    if damage == "no cells":
        (folder / "manifest.json").write_text(json.dumps(manifest | {"cells per chunk": 0}))
    if damage == "no model":
        (folder / "manifest.json").write_text(json.dumps({k: v for k, v in manifest.items() if k != "model"}))
    with pytest.raises(InvalidInput, match=r"`path` must be a folder that `sweep` made .*; got '.*sweep'"):
        open_sweep(folder)


def test_a_pool_that_cannot_take_the_model_says_so():
    with (
        get_context("fork").Pool(1) as pool,
        pytest.raises(InvalidInput, match="`workers` cannot send the model"),
    ):
        sweep(lambda r: r, {"r": [1, 2]}, lambda r: r, workers=pool.map)

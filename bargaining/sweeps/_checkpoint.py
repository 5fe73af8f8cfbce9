"""Finished chunks in a folder: one file each, written aside and renamed, and a manifest.

The name of a chunk's file holds the hash of what identifies the sweep, so two sweeps that share a folder by mistake
never read each other's numbers; two runs of one sweep on one machine write the same bytes.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._files import path_of, write_whole
from bargaining._platform import made_on
from bargaining.errors import InvalidInput
from bargaining.sweeps._grid import Axis, Grid

Chunk = dict[str, NDArray[Any]]
"""`status` (cells,), every number (cells, ...), the platform, and, if cells have messages, those and their places."""

_MANIFEST = "manifest.json"
_BEGUN = "begun"  # what no sweep needs to agree on
_DIGEST = 16  # bytes: no two different parts share one by chance
_STALE = 3600.0  # seconds: a part written to for so long ago was left by a process that ended
_LISTED = 1000  # values of an axis: longer ones are named by their ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The finished chunks of one sweep; `chunks` is how many there will be."""

    path: Path
    key: str
    chunks: int
    name: str = ""
    """A random name in the manifest, by which a worker elsewhere knows that it sees the same folder."""

    def is_here(self) -> bool:
        """Whether this process sees the folder: a path may lead elsewhere on another machine."""
        return (
            bool(self.name)
            and (_stored(self.path / _MANIFEST) or {}).get(_BEGUN, {}).get("name") == self.name
        )

    def load(self, start: int) -> Chunk | None:
        """Return the chunk that begins at cell `start`, or None where it is absent or damaged."""
        try:
            content = self._file(start).read_bytes()
        except FileNotFoundError:
            return None
        archive, digest = content[:-_DIGEST], content[-_DIGEST:]
        if digest != _digest(archive):
            return None
        try:
            with np.load(io.BytesIO(archive), allow_pickle=False) as stored:
                return {name[1:]: stored[name] for name in stored.files}
        except Exception:  # Whoever wrote it, it was not `store`: a pickle, say, which is not opened.
            return None

    def read(self, start: int, names: Iterable[str]) -> Chunk | None:
        """Return some entries of a chunk that was whole, without reading the others; None where it is damaged now."""
        try:
            with self._file(start).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return {name: stored[f".{name}"] for name in names if f".{name}" in stored.files}
        except Exception:  # Each entry has a checksum; what a damaged archive raises depends on the place.
            return None

    def store(self, start: int, chunk: Chunk) -> None:
        """Write a finished chunk."""
        # The dot keeps any name apart from the arguments of savez.
        named: dict[str, Any] = {f".{name}": np.ascontiguousarray(array) for name, array in chunk.items()}
        buffer = io.BytesIO()
        np.savez(buffer, **named)
        archive = buffer.getvalue()
        try:
            write_whole(self._file(start), archive + _digest(archive), durable=False)
        except OSError as error:
            raise self._refused(error) from None

    def _file(self, start: int) -> Path:
        return self.path / f"{self.key}-{start:012d}.npz"

    def _refused(self, error: OSError) -> OSError:
        kept = len(list(self.path.glob(f"{self.key}-*.npz"))) if self.path.is_dir() else 0
        reason = error.strerror if self.path.is_dir() else "the folder has vanished"
        return OSError(
            error.errno,
            f"`checkpoint` cannot be written ({reason}); {kept} of {self.chunks} chunks are safe. "
            "Make room or bring the folder back, then call again to go on from there",
            str(self.path),
        )


def _digest(archive: bytes) -> bytes:
    """Return what follows the archive in its file, to tell whole files from damaged ones."""
    return blake2b(archive, digest_size=_DIGEST).digest()


def open_folder(path: str | Path, grid: Grid, about: Mapping[str, Any], size: int) -> Folder:
    """Make the folder, or check that it holds the sweep of `grid` that `about` describes, in chunks of `size` cells.

    Raises
    ------
    InvalidInput
        If the folder holds another sweep; the message shows what differs.
    OSError
        If the folder cannot be made or written.
    """
    path = path_of(path, "checkpoint").absolute()
    wanted = json.loads(
        json.dumps(
            {"grid": {axis.name: _entry(axis) for axis in grid.axes}, **about, "cells per chunk": size}
        )
    )
    folder = Folder(path=path, key=_key(wanted), chunks=-(-grid.cells // size))
    try:
        path.mkdir(parents=True, exist_ok=True)
        if _stored(path / _MANIFEST) is None:
            for k, axis in enumerate(grid.axes):
                write_whole(path / f"axis-{k}.npy", _npy(axis.values))
            begun = {_BEGUN: {"on": made_on(), "name": token_hex(8)}}
            write_whole(path / _MANIFEST, json.dumps(wanted | begun, indent=1, ensure_ascii=False).encode())
        stored = _stored(path / _MANIFEST) or {}
        _sweep_up(path)
    except FileExistsError:
        raise InvalidInput(f"`checkpoint` must be a folder; {str(path)!r} is a file.") from None
    except OSError as error:
        raise folder._refused(error) from None
    begun = stored.pop(_BEGUN, {})
    if stored != wanted:
        raise InvalidInput(
            f"`checkpoint` holds another sweep: {'; '.join(_differences(stored, wanted))}. "
            f"Use another folder, or delete {str(path)!r}; `open_sweep` reads what it holds."
        )
    return Folder(path=path, key=folder.key, chunks=folder.chunks, name=str(begun.get("name", "")))


def read_folder(path: str | Path) -> tuple[Folder, Grid, dict[str, Any]]:
    """Return a folder that holds a sweep, its grid and its manifest, whatever this library's version now is.

    Raises
    ------
    InvalidInput
        If `path` holds no checkpoint that can be read.
    """
    path = path_of(path, "path").absolute()
    manifest = _stored(path / _MANIFEST)
    try:
        begun = manifest.pop(_BEGUN)
        axes = [
            Axis(name=name, values=np.load(path / f"axis-{k}.npy", allow_pickle=False), unit=entry["unit"])
            for k, (name, entry) in enumerate(manifest["grid"].items())
        ]
        whole = all(_entry(axis) == manifest["grid"][axis.name] for axis in axes)
        grid, size = Grid(axes=tuple(axes)), int(manifest["cells per chunk"])
        folder = Folder(path=path, key=_key(manifest), chunks=-(-grid.cells // size), name=begun["name"])
    except (AttributeError, KeyError, TypeError, ValueError, OSError):
        whole = False
    if not whole:
        raise InvalidInput(f"`path` must be a folder that `sweep` made as a checkpoint; got {str(path)!r}.")
    return folder, grid, manifest


def _key(identity: Mapping[str, Any]) -> str:
    return sha256(
        json.dumps(identity, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass")
    ).hexdigest()[:12]


def _entry(axis: Axis) -> dict[str, Any]:
    listed = axis.values[[0, -1]] if axis.values.size > _LISTED else axis.values
    digest = sha256(f"{axis.values.dtype}".encode() + axis.values.tobytes()).hexdigest()[:16]
    return {"values": listed.tolist(), "size": axis.values.size, "hash": digest, "unit": axis.unit}


def _npy(values: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _stored(path: Path) -> Any:
    """Return the manifest, or None where there is none that can be read."""
    try:
        stored = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return stored if isinstance(stored, dict) else None


def _sweep_up(path: Path) -> None:
    """Remove files that a killed run left unfinished an hour ago or earlier."""
    for part in path.glob(".*.part"):
        with suppress(FileNotFoundError):  # Another run may be renaming it right now.
            if time.time() - part.stat().st_mtime > _STALE:
                part.unlink()


def _differences(old: Any, new: Any, name: str = "") -> list[str]:
    """Say what differs, one clause for each entry."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = dict.fromkeys([*old, *new])
        return [
            clause
            for key in keys
            for clause in _differences(old.get(key), new.get(key), f"{name} {key}".strip())
        ]
    return [] if old == new else [f"{name} was {_short(old)} and is now {_short(new)}"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return "absent" if value is None else text if len(text) <= 120 else f"{text[:80]}...{text[-30:]}"

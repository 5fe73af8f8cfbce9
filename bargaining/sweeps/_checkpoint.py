"""Finished chunks in a folder: one file each, written aside and renamed, and a manifest.

The name of a chunk's file holds the hash of the manifest, so two sweeps that share a folder by
mistake never read each other's numbers; two runs of one sweep write the same bytes.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy as np

from bargaining._files import path_of, write_whole
from bargaining.errors import InvalidInput
from bargaining.sweeps._cells import Chunk

_MANIFEST = "manifest.json"
_DIGEST = 16
_STALE = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The finished chunks of one sweep; `chunks` is how many there will be."""

    path: Path
    key: str
    chunks: int

    def load(self, start: int) -> Chunk | None:
        """Return the chunk that begins at cell `start`, or None where it is absent or damaged."""
        try:
            content = self._file(start).read_bytes()
        except FileNotFoundError:
            return None
        archive, digest = content[:-_DIGEST], content[-_DIGEST:]
        if digest != _digest(archive):
            return None
        with np.load(io.BytesIO(archive), allow_pickle=False) as stored:
            return {name[1:]: stored[name] for name in stored.files}

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


def open_folder(path: str | Path, manifest: Mapping[str, Any], chunks: int) -> Folder:
    """Make the folder, or check that it holds the sweep that `manifest` describes.

    Raises
    ------
    InvalidInput
        If the folder holds another sweep; the message shows what differs.
    OSError
        If the folder cannot be made or written.
    """
    path = path_of(path, "checkpoint")
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    folder = Folder(path=path, key=sha256(text.encode()).hexdigest()[:12], chunks=chunks)
    try:
        path.mkdir(parents=True, exist_ok=True)
        if (stored := _stored(path / _MANIFEST)) is None:
            write_whole(path / _MANIFEST, text.encode())
            stored = _stored(path / _MANIFEST)
        _sweep_up(path)
    except FileExistsError:
        raise InvalidInput(f"`checkpoint` must be a folder; {str(path)!r} is a file.") from None
    except OSError as error:
        raise folder._refused(error) from None
    if stored != json.loads(text):
        raise InvalidInput(
            f"`checkpoint` holds another sweep: {'; '.join(_differences(stored or {}, json.loads(text)))}. "
            f"Use another folder, or delete {str(path)!r}."
        )
    return folder


def _stored(path: Path) -> Any:
    """Return the manifest, or None where there is none that can be read."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


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

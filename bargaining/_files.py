"""Files that are either whole or absent: written aside, flushed, then renamed."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex

from bargaining.errors import InvalidInput, short


def write_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Put `content` at `path` in one step; a reader sees the old file or the new one, never a part.

    Several processes may write the same path at once: the last rename wins. On any error the
    unfinished file is removed and what stood at `path` is left as it was. A `durable` file outlives
    a power cut too; without it only the death of the process.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}-{token_hex(4)}.part")
    try:
        with aside.open("xb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def put(path: Path, content: bytes, argument: str, *, make: bool = False) -> None:
    """Write a file that a user named, making its folder if asked to; if that fails, the error says why.

    What stands there already is replaced if it is a file, also behind a link; into a device or a pipe it is written.
    """
    if not make and not path.parent.is_dir():
        raise InvalidInput(
            f"`{argument}` must lie in a folder that exists; got {str(path)!r}. Make it first: "
            f"pathlib.Path({str(path.parent)!r}).mkdir(parents=True)."
        )
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(content)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(Path(os.path.realpath(path)), content)
    except OSError as error:
        raise InvalidInput(
            f"`{argument}` must be where a file can be written; got {str(path)!r}: {error.strerror}. Name another."
        ) from None


def content_of(path: Path, argument: str, what: str, most: int) -> bytes:
    """Return what a file that a user named begins with, up to `most` bytes; if that fails, the error says why."""
    try:
        if path.is_file():  # a pipe or a device could be read for ever
            with path.open("rb") as file:
                return file.read(most)
    except OSError as error:
        raise InvalidInput(
            f"`{argument}` {what} that can be read; got {short(str(path))}: {error.strerror}."
        ) from None
    raise InvalidInput(f"`{argument}` {what} that exists; got {short(str(path))}.")


def path_of(value: object, argument: str) -> Path:
    """Return a path from a string or a path-like object."""
    if not isinstance(value, str | os.PathLike):
        raise InvalidInput(f"`{argument}` must be a path; got {value!r}. Give a string or a pathlib.Path.")
    if not (name := os.fspath(value)) or "\0" in os.fsdecode(name):
        raise InvalidInput(
            f"`{argument}` must be a path, neither empty nor with null characters; got {name!r}. "
            'The current folder is ".".'
        )
    return Path(value)


def file_name(name: str, argument: str) -> str:
    """Return `name` if it names a file inside a folder: no separator, no leading dot."""
    if (
        not isinstance(name, str)
        or not name
        or name.startswith(".")
        or any(sign in name for sign in "/\\\0:")
    ):
        raise InvalidInput(
            f"`{argument}` must be a plain file name without folders or an ending; got {name!r}."
        )
    return name

"""A line that says what is being computed and for how long, on a terminal only; it is gone when the work is done."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_FIRST = 1.0  # seconds before anything is said: what is quick needs no word
_EVERY = 1.0  # second


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say on standard error, if it is a terminal, that this is being worked on."""
    if not sys.stderr.isatty():
        yield
        return
    done, start = threading.Event(), time.monotonic()

    def tell() -> None:
        pause = _FIRST
        while not done.wait(pause):
            seconds, pause = int(time.monotonic() - start), _EVERY
            print(f"\r{what}: {seconds} s", end="\x1b[K", file=sys.stderr, flush=True)
        if time.monotonic() - start > _FIRST:
            print("\r", end="\x1b[K", file=sys.stderr, flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()

"""A limit of time on work that may be hopeless, such as solving a file from anybody."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 0.1  # seconds between tries: an exception in a callback of a weak reference is lost as well


@contextmanager
def at_most(seconds: float, advice: str) -> Iterator[None]:
    """Raise TimeoutError with `advice` if the work takes longer; without effect on Windows and in a thread."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(number: int, frame: FrameType | None) -> None:
        if not _cleaning(frame):
            raise TimeoutError(f"no answer within {seconds:g} seconds. {advice}")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _cleaning(frame: FrameType | None) -> bool:
    """Say whether garbage is being collected, where an exception is reported and lost."""
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        if frame.f_code in callbacks or frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False

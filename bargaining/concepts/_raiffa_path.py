r"""The path x' = a(x) - x of the continuous Raiffa solution: below a chain, below facets, and for any convex set.

*Below a chain* of vertices it has a closed form between edges. Suppose that player 1's best payoff lies on an edge of
slope -b and player 0's on an edge of slope -1/a. Then the ideal payoffs are linear, and the differences u = v - x from
the point v where the two lines meet obey u0' = -u0 - a u1, u1' = -u1 - b u0. With r = sqrt(a b)

.. math:: u_0(t) = e^{-t} (u_0 \cosh rt - a u_1 \sinh(rt)/r), \qquad
          u_1(t) = e^{-t} (u_1 \cosh rt - b u_0 \sinh(rt)/r),

until x0 or x1 passes a vertex, at the root of a decreasing function. Once a single vertex lies between the two edges,
the time to it is known in closed form; once both best payoffs lie on the same edge, the path ends half way to the ideal
point.

*Below the facets* of a polytope it is linear from event to event, in any dimension. Below the facets {y : N y = c}, N
>= 0, player i's distance to the ideal payoff is the least of :math:`(c_k - N_k x)/N_{ki}` over the facets k. While the
same facet k(i) is nearest for each i, the distances g = a(x) - x obey g' = -G g with rows :math:`G_i = N_{k(i)}/N_{k(i)
i}`, so x(t) is an integral of a matrix exponential. An event is the first time at which another facet becomes the
nearest for somebody.

For a hull of many points with free disposal the facets are found when they are needed. Player i's best payoff given a
point x of the hull is the value of a dual linear program,

.. math:: \min_{p \ge 0,\ p_i = 1}\ \max_k\ p \cdot (v_k - x),

whose solution p is the normal of a facet above x. Listing all facets takes a time exponential in the number of players.

*For any convex set* the path starts at the origin in gains over ideal gains. `end_of_flow` takes extrapolated midpoint
steps. Every cell has its own step, so no cell's path depends on another's. An error is judged by two orders of
extrapolation (Gragg 1965; Bulirsch and Stoer 1966); at a kink of the set steps shrink until they no longer feel it. The
path never reaches the frontier in finite time. But where x + (a(x) - x)/n is on the frontier, the frontier between the
players' best points is straight by concavity, and the path ends at that point.

`end_of_smooth_flow` is for sets that know the derivatives of a(x). The remaining gains shrink as exp(-n t) at the end,
so that in s = 1 - exp(-n t) the path is smooth up to its end at s = 1: x' = (a(x) - x)/(n (1 - s)). It is approximated
by polynomials with this derivative at Gauss nodes, which Newton's method finds at all nodes at once. About a dozen
nodes are enough; if more nodes change the end of an interval, the interval is cut in two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.errors import Status
from bargaining.feasible._linear import LinearProgram, optimise
from bargaining.feasible._root import decreasing_root

EPS = float(np.finfo(float).eps)
TOUCH = 8 * EPS  # distance of two vertices, in gains over ideal gains, below which they are one

Cells = NDArray[np.bool_]


def end_of_path(corners: Floats) -> tuple[Floats, Floats]:
    r"""Return where the path from (0, 0) ends, and how the end answers a start from which player 0 is ahead.

    Of two paths the area between x' and the difference of their points shrinks as :math:`e^{-2t}`, since neither best
    payoff depends on the player's own payoff. So starts on one path have one end, and off it the end moves along its
    edge: by :math:`e^{-2T} / 2 g_1` times (1, -b), if :math:`g_1` is left to player 1 at the time T from which both
    best payoffs lie on this edge.

    Parameters
    ----------
    corners : ndarray, shape (..., k, 2)
        From (left, 1) to (1, low), both in [0, 1]; vertices may repeat.

    Returns
    -------
    end, slope : ndarray, shape (..., 2)
        `slope` times the difference between player 0's and player 1's moves of the start is the move of the end.
    """
    shape = (*corners.shape[:-2], 1, 2)
    start, stop = np.broadcast_to([0.0, 1.0], shape), np.broadcast_to([1.0, 0.0], shape)
    chain = np.concatenate((start, corners, stop), axis=-2).reshape(-1, corners.shape[-2] + 2, 2)
    x, end = np.zeros((len(chain), 2)), np.full((len(chain), 2), np.nan)
    slope, time = np.zeros((len(chain), 2)), np.zeros(len(chain))
    live = np.arange(len(chain))
    for _ in range(2 * chain.shape[1]):
        pair = _edges(chain[live], x[live])
        found, answer = _arrive(pair, x[live])
        done = ~np.isnan(found).any(axis=1)
        end[live[done]] = found[done]
        slope[live[done]] = answer[done] * np.exp(-2 * time[live[done], None])
        live = live[~done]
        if not live.size:
            break
        x[live], spent = _advance(tuple(a[~done] for a in pair), x[live])
        time[live] += spent
    return end.reshape(*corners.shape[:-2], 2), slope.reshape(*corners.shape[:-2], 2)


# right end of the edge above x0, top of the edge beside x1, slopes b and a, 1 where one edge
Pair = tuple[Floats, ...]


def _edges(chain: Floats, x: Floats) -> Pair:
    """Return the edge above x0 and the edge beside x1."""
    rows = np.arange(len(chain))
    above = np.minimum((chain[..., 0] <= x[:, :1]).sum(axis=1) - 1, chain.shape[1] - 2)
    beside = np.maximum((chain[..., 1] > x[:, 1:]).sum(axis=1) - 1, 0)
    left, right = chain[rows, above], chain[rows, above + 1]
    top, bottom = chain[rows, beside], chain[rows, beside + 1]
    with np.errstate(all="ignore"):
        b = (left[:, 1] - right[:, 1]) / (right[:, 0] - left[:, 0])
        a = (bottom[:, 0] - top[:, 0]) / (top[:, 1] - bottom[:, 1])
    straight = (above >= beside) | (a * b >= 1 - 4 * EPS)
    return right, top, b, a, straight.astype(float)


def _arrive(pair: Pair, x: Floats) -> tuple[Floats, Floats]:
    """Return where the path ends, and its slope, if at most one vertex lies between the edges; NaN elsewhere."""
    right, top, b, a, straight = pair
    best = np.stack(
        (top[:, 0] + a * (top[:, 1] - x[:, 1]), right[:, 1] + b * (right[:, 0] - x[:, 0])), axis=1
    )
    end = np.where(straight[:, None] > 0, x + (best - x) / 2, np.nan)
    with np.errstate(all="ignore"):
        slope = np.stack((np.ones(len(x)), -b), axis=1) / (2 * (best - x)[:, 1:])
    one = (straight == 0) & ((top[:, 0] - right[:, 0] <= TOUCH) & (right[:, 1] - top[:, 1] <= TOUCH))
    if one.any():
        end[one], slope[one] = _past_one_vertex(right[one], x[one], b[one], a[one])
    return end, slope


def _past_one_vertex(vertex: Floats, x: Floats, b: Floats, a: Floats) -> tuple[Floats, Floats]:
    """Return where the path ends, and its slope, if one vertex lies between the edges: on one of them, or there."""
    u = np.maximum(vertex - x, 0.0)
    r = np.sqrt(a * b)
    with np.errstate(all="ignore"):
        over, along = _left_at_crossing(u[:, 0] / (a * u[:, 1]), r)
        up, back = _left_at_crossing(u[:, 1] / (b * u[:, 0]), r)
        over, along, up, back = over * u[:, 1], along / u[:, 1], up * u[:, 0], back / u[:, 0]
        turned = (
            np.stack((along / 2, -along / (2 * a)), axis=1),
            np.stack((back / (2 * b), -back / 2), axis=1),
        )
    over, up = np.nan_to_num(over), np.nan_to_num(up)
    sides = b * u[:, 0] ** 2, a * u[:, 1] ** 2
    first, second = ((p + TOUCH * (p + q) < q)[:, None] for p, q in (sides, sides[::-1]))
    right = np.stack((vertex[:, 0] + a * over / 2, vertex[:, 1] - over / 2), axis=1)
    left = np.stack((vertex[:, 0] - up / 2, vertex[:, 1] + b * up / 2), axis=1)
    end = np.where(first, right, np.where(second, left, vertex))
    return end, np.nan_to_num(np.where(first, turned[0], np.where(second, turned[1], 0.0)))


def _left_at_crossing(time: Floats, r: Floats) -> tuple[Floats, Floats]:
    """Return what is left to the other per unit when the first is used up at tanh(r t) / r = time; exp(-2 t) by it."""
    wave = r * time
    ratio = np.where(wave > 0, np.arctanh(np.minimum(wave, 1.0)) / np.where(wave > 0, wave, 1.0), 1.0)
    root, fade = np.sqrt(np.maximum(1 - wave**2, 0.0)), np.exp(-time * ratio)
    return root * fade, fade / root


def _advance(pair: Pair, x: Floats) -> tuple[Floats, Floats]:
    """Return x when the first of x0 and x1 passes the end of its edge, if several edges lie between them, and when."""
    right, top, b, a, _ = pair
    across, down = top[:, 0] - right[:, 0], right[:, 1] - top[:, 1]
    beyond0 = (across - a * down) / (1 - a * b)
    beyond1 = down - b * beyond0
    u0, u1 = beyond0 + right[:, 0] - x[:, 0], beyond1 + top[:, 1] - x[:, 1]
    r = np.sqrt(a * b)

    def moved(t: Floats) -> tuple[Floats, Floats]:
        # cosh(r t) and sinh(r t) / r, times exp(-t): each alone leaves the floats where the edges are short.
        wave, slow = r * t, np.exp(-(1 - a * b) / (1 + r) * t)
        cosine = slow * (1 + np.exp(-2 * wave)) / 2
        sine = np.where(wave > 0, -slow * np.expm1(-2 * wave) / np.where(r > 0, 2 * r, 1.0), t * slow)
        return u0 * cosine - a * u1 * sine, u1 * cosine - b * u0 * sine

    def short(t: Floats) -> Floats:
        v0, v1 = moved(t)
        return np.minimum(v0 - beyond0, v1 - beyond1)

    with np.errstate(all="ignore"):
        # Player 0's best payoff is top[0] at least, so that what is left to it falls at least as exp(-t).
        latest = np.log1p(np.minimum((right[:, 0] - x[:, 0]) / across, (top[:, 1] - x[:, 1]) / down))
        t, _ = decreasing_root(short, np.zeros(len(x)), latest)
        v0, v1 = moved(t)
        rest0, rest1 = v0 - beyond0, v1 - beyond1
    crossed = rest0 <= rest1
    new0 = np.where(crossed, right[:, 0], np.clip(right[:, 0] - rest0, x[:, 0], right[:, 0]))
    new1 = np.where(crossed, np.clip(top[:, 1] - rest1, x[:, 1], top[:, 1]), top[:, 1])
    return np.stack((new0, new1), axis=1), t


Places = NDArray[np.intp]

NOISE = 8 * float(np.finfo(float).eps)  # of a slack, in gains over ideal gains
ARRIVED = 1e-13  # of the ideal gains: remaining gains below this are rounding
EVENTS = 5000  # facets passed: a limit for a path that rounding keeps from arriving
LONGEST = 1.0  # of time: gains shrink by a factor e at most in a step
CHECKS = 8  # of a step: between two of them a distance has one lowest point at most


class PathSides(Protocol):
    """The facets of a set with free disposal, in gains over ideal gains; all of them, or those found so far.

    Attributes
    ----------
    normals : ndarray, shape (m, n)
        Non-negative outward normals N, of largest entry one.
    limits : ndarray, shape (m,)
        The right-hand sides c, positive.
    """

    @property
    def normals(self) -> Floats: ...
    @property
    def limits(self) -> Floats: ...

    def add(self, x: Floats) -> bool:
        """Find the facets above x that are not known; say whether there were any."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """All the facets of a set."""

    normals: Floats
    limits: Floats

    def add(self, x: Floats) -> bool:
        """Find nothing."""
        return False


def end_of_facet_path(
    sides: PathSides,
    *,
    first: float,
    carry: Callable[[_Piece | None, float, Floats, Places], None] | None = None,
) -> tuple[Floats, float]:
    """Return where the path from 0 ends, in gains over ideal gains, and the remaining gains there.

    If an unknown facet lies above the end of a step, the facet is added and the step repeated. Between the ends
    the facets are concave: one that is the nearest at both is the nearest on the line between them.

    Parameters
    ----------
    sides : PathSides
    first : float
        The step after an event; two integrations that differ in it have different errors.
    carry : callable, optional
        Told of every piece, how long it is followed, where to, and each player's nearest facet; of None at the end.
    """
    n = sides.normals.shape[1]
    x, step = np.zeros(n), first
    sides.add(x)
    for _ in range(EVENTS):
        normals, limits = sides.normals, sides.limits
        distances = distances_to(normals, limits, x)
        gain = distances.min(axis=0)
        jump = x + gain / n
        left = np.abs(distances_to(normals, limits, jump).min(axis=0)).max()
        if left <= ARRIVED / 50 or gain.max() <= ARRIVED:
            if carry is not None:
                carry(None, 0.0, jump, np.argmin(distances, axis=0))
            return jump, float(left)
        piece = _Piece(normals, limits, x, gain, _nearest(normals, distances, gain))
        ahead, met, length = piece.follow(step)
        if sides.add(ahead):
            continue
        if carry is not None:
            carry(piece, length, ahead, piece.nearest)
        x = ahead
        step = first if met else min(2 * step, LONGEST)
    return np.full(n, np.nan), np.nan


def distances_to(normals: Floats, limits: Floats, x: Floats) -> Floats:
    """Return how far each player can go up to each facet."""
    slack = limits - normals @ x
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(normals > 0, slack[:, None] / normals, np.inf)


def _noise(normals: Floats, nearest: Places) -> Floats:
    """Return the differences of distances that rounding can make."""
    with np.errstate(divide="ignore"):
        each = NOISE / normals
    noise: Floats = np.where(normals > 0, each + each[nearest, np.arange(len(nearest))], 0.0)
    return noise


def _nearest(normals: Floats, distances: Floats, gain: Floats) -> Places:
    """Return each player's nearest facet; if several tie, the one that approaches fastest."""
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = np.where(normals > 0, (normals @ gain)[:, None] / normals, 0.0)
    tied = distances <= gain + 2 * _noise(normals, np.argmin(distances, axis=0))
    nearest: Places = np.argmax(np.where(tied, speed, -np.inf), axis=0)
    return nearest


class _Piece:
    """The path while the nearest facets stay the same: (x(t) - x, 1) = exp(system t) (0, 1)."""

    def __init__(self, normals: Floats, limits: Floats, x: Floats, gain: Floats, nearest: Places) -> None:
        self.normals, self.limits, self.x = normals, limits, x
        self.nearest, self.own, self.noise = nearest, np.arange(len(x)), _noise(normals, nearest)
        self.system = np.zeros((len(x) + 1, len(x) + 1))
        self.system[:-1, :-1] = -normals[nearest] / normals[nearest, self.own][:, None]
        self.system[:-1, -1] = gain

    def follow(self, step: float) -> tuple[Floats, bool, float]:
        """Return x after a step, or at the first event within it; whether there was one, and when."""
        from scipy.linalg import expm

        jump, state, early = expm(self.system * (step / CHECKS)), np.append(0 * self.x, 1.0), 0.0
        lead, speed = self.lead(self.x)
        self.noise -= np.minimum(lead, 0.0)  # of facets that tie at the start none is passed there
        for late in step * np.arange(1, CHECKS + 1) / CHECKS:
            state, before = jump @ state, speed
            lead, speed = self.lead(self.x + state[:-1])
            last = late if lead.min() < 0 else self.dip(before, speed, early, late)
            if last is not None:
                crossed = self.crossing(early, last)
                return self.at(crossed), True, crossed
            early = late
        return self.x + state[:-1], False, step

    def at(self, t: float) -> Floats:
        """Return x(t)."""
        from scipy.linalg import expm

        moved: Floats = self.x + expm(self.system * t)[:-1, -1]
        return moved

    def lead(self, x: Floats) -> tuple[Floats, Floats]:
        """Return how much farther other facets are than the nearest, up to rounding, and the rate of change."""
        distances = distances_to(self.normals, self.limits, x)
        gain = distances[self.nearest, self.own]
        with np.errstate(divide="ignore", invalid="ignore"):
            pace = np.where(self.normals > 0, -(self.normals @ gain)[:, None] / self.normals, 0.0)
            lead, speed = distances - gain + self.noise, pace - pace[self.nearest, self.own]
        lead[self.nearest, self.own] = np.inf
        return lead, speed

    def crossing(self, early: float, late: float) -> float:
        """Return when another facet becomes the nearest for somebody, after `early` and no later than `late`."""
        return _zero(lambda t: float(self.lead(self.at(t))[0].min()), early, late)

    def dip(self, before: Floats, after: Floats, early: float, late: float) -> float | None:
        """Return a time between two checks at which another facet is nearest; None if there is none."""
        for place in map(tuple, np.argwhere((before < 0) & (after > 0))):

            def speed(t: float, place: tuple[int, ...] = place) -> float:
                return float(self.lead(self.at(t))[1][place])

            lowest = _zero(speed, early, late)
            if self.lead(self.at(lowest))[0][place] < 0:
                return lowest
        return None


def _zero(function: Callable[[float], float], early: float, late: float) -> float:
    """Return where a function changes its sign; if by rounding it does not, the end where it is closer to zero."""
    from scipy.optimize import brentq

    first, last = function(early), function(late)
    if (first > 0) == (last > 0):
        return early if abs(first) < abs(last) else late
    return float(brentq(function, early, late, xtol=1e-15, rtol=1e-14))


NONE = 1e-14  # entries of a normal below this are rounding
CLOSE = 1e-13  # facets that differ by less from what was found are the same


class FacetSearch:
    """The facets {y : normals y = limits} found so far of the hull of points of size one, shape (m, n)."""

    def __init__(self, points: Floats) -> None:
        self.points = points
        self.normals, self.limits = np.empty((0, points.shape[1])), np.empty(0)

    def add(self, x: Floats) -> bool:
        """Find the facets above x that are not known, one for each player at most; say whether there were any."""
        before = len(self.limits)
        for i in range(len(x)):
            far = distances_to(self.normals, self.limits, x)[:, i]
            least = float(far.min(initial=np.inf))
            if np.isfinite(least) and self._reached(x, i, int(np.argmin(far)), least):
                continue
            normal = self._above(x, i)
            if normal is None:
                continue
            limit = float((self.points @ normal).max())
            if limit - normal @ x < normal[i] * (least - CLOSE):
                self.normals = np.concatenate((self.normals, normal[None]))
                self.limits = np.append(self.limits, limit)
        return len(self.limits) > before

    def _reached(self, x: Floats, i: int, known: int, far: float) -> bool:
        """Say whether a mixture of the points of a facet gives everyone x, and player i `far` more."""
        from scipy.optimize import nnls

        normal = self.normals[known]
        tight = self.points[self.limits[known] - self.points @ normal <= CLOSE]
        wasted = np.eye(len(x))[normal == 0]
        columns = np.concatenate(
            (np.column_stack((tight, np.ones(len(tight)))), np.pad(-wasted, ((0, 0), (0, 1))))
        )
        try:
            return bool(nnls(columns.T, np.append(x + far * np.eye(len(x))[i], 1.0))[1] <= CLOSE)
        except RuntimeError:
            return False

    def _above(self, x: Floats, i: int) -> Floats | None:
        """Return the normal of a facet at player i's best beside x, of largest entry one; None if x is outside."""
        gains = self.points - x
        free = np.append(np.delete(gains, i, axis=1).T, -np.ones((1, len(gains))), axis=0).T
        found = optimise(
            LinearProgram(
                objective=np.append(np.zeros(len(x) - 1), -1.0),
                matrix=free,
                limits=-gains[:, i],
                lower=np.append(np.zeros(len(x) - 1), -np.inf),
            )
        )
        if found.status != Status.OK:
            return None
        normal = np.insert(found.point[:-1], i, 1.0)
        normal = normal / normal.max()
        return np.where(normal > NONE, normal, 0.0)


Rate = Callable[[Floats], Floats]
"""Takes and returns gains of shape (..., n)."""

SUBSTEPS = (2, 4, 6, 8, 10, 12)  # even numbers, as the error of midpoints is even in the step
ORDER = 2 * len(SUBSTEPS) - 1  # of the error in the step
TOLERANCE = 1e-14  # a step: some hundred steps stay below 1e-12
ROUNDS = 600  # steps: a limit where rounding keeps a path from arriving
SHORTEST = 1e-15  # of a step: at a kink no shorter one is more exact
NODES = (6, 10, 16)  # of an interval: each half as many again, so that two equal ends are no coincidence
SETTLED = 1e-12  # of an end, between two numbers of nodes
DIGITS = 1e-2  # factor by which more nodes must reduce the error; otherwise there is a kink, which is found by cutting
NEWTON_STEPS = 12  # from a straight guess, or from fewer nodes
KINK = 2.0**-20  # of an interval: a kink within moves the end by the square of its length


def end_of_flow(
    rate: Rate, start: Floats, *, first: Floats, longest: Floats, noise: Floats
) -> tuple[Floats, Floats]:
    """Return where the path ends, and the remaining gains there; NaN where the end was not reached.

    Parameters
    ----------
    rate : callable
        a(x) - x; arguments may have one more axis before.
    start : ndarray, shape (..., n)
    first, longest : ndarray, shape (...)
        The first and the longest step of each cell.
    noise : ndarray, shape (...)
        Rounding errors of the rate.
    """
    n, allowed = start.shape[-1], TOLERANCE + 8 * noise
    x, step = np.array(start), first
    now = rate(x)
    end, left = np.full(x.shape, np.nan), np.full(step.shape, np.nan)
    live = np.asarray(np.isfinite(now).all(axis=-1))
    for _ in range(ROUNDS):
        jump = np.where(live[..., None], x + now / n, start)
        rest = np.abs(rate(jump)).max(axis=-1)
        arrived = live & (rest <= 4 * allowed)
        end, left = np.where(arrived[..., None], jump, end), np.where(arrived, rest, left)
        live = live & ~arrived
        if not live.any():
            break
        new, error = _extrapolate(rate, x, now, step)
        good = live & ((error <= allowed) | (step <= SHORTEST))
        x = np.where(good[..., None], new, x)
        now = np.where(good[..., None], rate(x), now)
        with np.errstate(divide="ignore", invalid="ignore"):
            seen = np.maximum(error - 4 * EPS, 0.0)  # rounding of x says nothing about the step
            factor = np.clip(0.9 * (allowed / seen) ** (1 / ORDER), 0.2, 3.0)
        step = np.where(live, np.minimum(step * np.where(np.isfinite(factor), factor, 0.2), longest), step)
    return end, left


def _extrapolate(rate: Rate, x: Floats, now: Floats, step: Floats) -> tuple[Floats, Floats]:
    """Return x after one step, and how much the last order and the last substeps changed it."""
    older: list[Floats] = []
    rows: list[Floats] = []
    for k, end in enumerate(_midpoints(rate, x, now, step)):
        row = [end]
        for j in range(1, k + 1):
            ratio = (SUBSTEPS[k] / SUBSTEPS[k - j]) ** 2 - 1
            row.append(row[j - 1] + (row[j - 1] - rows[j - 1]) / ratio)
        older, rows = rows, row
    # One of the two alone can be small by chance when a kink falls within the step.
    change = np.maximum(np.abs(rows[-1] - rows[-2]), np.abs(rows[-1] - older[-1])).max(axis=-1)
    return rows[-1], change


def _midpoints(rate: Rate, x: Floats, now: Floats, step: Floats) -> Floats:
    """Return x after one step by the midpoint rule, for each number of substeps; all move together."""
    h = step[..., None] / np.reshape(SUBSTEPS, (-1, *(1,) * x.ndim))
    before, here = np.broadcast_to(x, np.broadcast_shapes(h.shape, x.shape)), x + h * now
    ends = np.empty(here.shape)
    for count in range(1, SUBSTEPS[-1] + 1):
        move = h * rate(here)
        if count == SUBSTEPS[-len(here)]:
            ends[-len(here)] = (before[0] + here[0] + move[0]) / 2
            before, here, move, h = before[1:], here[1:], move[1:], h[1:]
        before, here = here, before + 2 * move
    return ends


Asked = Callable[[Floats], tuple[Floats, Floats]]
"""Takes gains (m, n); returns a(x) - x and its derivatives in x, (m, n, n)."""


def end_of_smooth_flow(ask: Asked, rate: Rate, players: int) -> tuple[Floats, float]:
    """Return where the path from the origin ends, and its error; NaN where the conditions could not be solved.

    The error is the sum of three parts: by how much the ends of intervals change with the number of nodes, by how much
    `ask` differs from `rate` at some nodes, and the remaining gains at the end.
    """
    x, begin, length, error = np.zeros(players), 0.0, 1.0, 0.0
    while 1.0 - begin > KINK:
        length = min(length, 1.0 - begin)
        found = _interval(ask, x, begin, length)
        if length > KINK and (found is None or found[3] > SETTLED):
            length /= 2.0
            continue
        if found is None:
            return np.full(players, np.nan), np.nan
        x, at, gain, moved = found
        some = [0, len(at) // 2, -1]
        error += moved + float(np.abs(rate(at[some]) - gain[some]).max())
        begin, length = begin + length, 2.0 * length
    return x, error + float(np.abs(rate(x)).max())


def _interval(
    ask: Asked, x: Floats, begin: float, length: float
) -> tuple[Floats, Floats, Floats, float] | None:
    """Return the end of the path over an interval of s, the nodes, the remaining gains there, and the error."""
    first = ask(x[None])[0][0]
    slopes = first[None] / (len(x) * (1.0 - begin))  # in Legendre polynomials
    end, moved = x + length * slopes[0], np.inf
    for count in NODES:
        nodes, weights = legendre.leggauss(count)
        inverse = np.linalg.inv(legendre.legvander(nodes, count - 1))
        # from derivatives at nodes to displacements
        onwards = length / 2.0 * _integrals(nodes, count) @ inverse
        at = x + length / 2.0 * _integrals(nodes, len(slopes)) @ slopes
        left = len(x) * (1.0 - begin - length * (nodes + 1.0) / 2.0)
        solved = _at_nodes(ask, x, at, onwards, left)
        if solved is None:
            return None
        at, gain = solved
        slopes, before, earlier = inverse @ (gain / left[:, None]), end, moved
        end = x + length / 2.0 * weights @ (gain / left[:, None])
        moved = float(np.abs(end - before).max())
        if moved <= SETTLED or moved > DIGITS * earlier:
            break
    return end, at, gain, moved


def _at_nodes(
    ask: Asked, x: Floats, at: Floats, onwards: Floats, left: Floats
) -> tuple[Floats, Floats] | None:
    """Solve at = x + onwards @ derivative(at) by Newton's method; return the nodes and the remaining gains there."""
    count, n = at.shape
    least = np.inf
    for _ in range(NEWTON_STEPS):
        gain, answer = ask(at)
        if not (np.isfinite(gain).all() and np.isfinite(answer).all()):
            return None
        gap = at - x - onwards @ (gain / left[:, None])
        size = float(np.abs(gap).max())
        if size <= 4 * EPS or (size <= SETTLED and size >= least / 2.0):
            return at, gain
        least = min(least, size)
        change = np.einsum("ij,jkl->ikjl", onwards, answer / left[:, None, None])
        matrix = np.eye(count * n) - change.reshape(count * n, -1)
        at = at - np.linalg.solve(matrix, gap.ravel()).reshape(at.shape)
    return None


def _integrals(places: Floats, count: int) -> Floats:
    """Return the integrals of the first Legendre polynomials from -1 to some places, (p, count)."""
    values = legendre.legvander(places, count)
    degrees = np.arange(1, count)
    rest = (values[:, 2:] - values[:, :-2]) / (2.0 * degrees + 1.0)
    return np.concatenate([(places + 1.0)[:, None], rest], axis=1)

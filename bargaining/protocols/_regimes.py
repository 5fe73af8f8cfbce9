"""Continuous offers backwards in time: agreement, a binding outside option, delay, and the switches between.

On a piece of time every primitive is a polynomial through Gauss-Legendre nodes, so under a fixed
regime the payoffs are integrals known to rounding, a regime ends at a root of a polynomial, and
no step size enters. `defect` says how far a path is from the defining equations, evaluated afresh.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.protocols._time_functions import FLOW, HAZARD, OUTSIDE, PIE, Block, Terms, rule, sample, times

TOLERANCE = 1e-11  # of the pie and the payoffs: ten times what integrals of a piece lose to rounding
_SHORTEST = 1e-9  # of time, relative: a regime that ends sooner begins and ends at one moment
_WINDOW = 16  # pieces followed back at a time: switches are rare, and each ends a window


class Regime(IntEnum):
    """What happens at a moment."""

    AGREE = 0
    FIRST_BOUND = 1
    SECOND_BOUND = 2
    DELAY = 3


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Regimes, (m,), on adjacent pieces [a, b]; payoffs at the nodes, (m, 16, 2), and at each a, (m, 2)."""

    a: Floats
    b: Floats
    regimes: NDArray[np.int8]
    payoffs: Floats
    starts: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A regime tried on a block: payoffs, and tests, (k, m, 16), not negative where it holds."""

    regime: Regime
    payoffs: Floats
    starts: Floats
    tests: Floats


def walk(terms: Terms, block: Block, last: Floats) -> Trajectory:
    """Follow payoffs back from `last` at the end of the block."""
    stretches: list[Trajectory] = []
    payoffs = last
    while len(block.a):
        stretch = _step(terms, block.part(-_WINDOW, None), payoffs)
        stretches.append(stretch)
        payoffs, since = stretch.starts[0], stretch.a[0]
        keep = int(np.searchsorted(block.b, since, side="right"))
        rest = block.part(0, keep)
        if keep < len(block.a) and block.a[keep] < since:
            part = sample(terms, np.array([block.a[keep], since]))
            rest = Block(*(np.concatenate(both) for both in zip(_arrays(rest), _arrays(part), strict=True)))
        block = rest
    return Trajectory(
        *(
            np.concatenate([getattr(s, name) for s in stretches[::-1]])
            for name in Trajectory.__dataclass_fields__
        )
    )


def _arrays(block: Block) -> tuple[Floats, Floats, Floats, Floats]:
    return block.a, block.b, block.values, block.slopes


def _step(terms: Terms, block: Block, after: Floats) -> Trajectory:
    """Return the regime that holds just before the end of a block, as far back as it holds."""
    end = rule().ends[1] @ block.values[-1]
    tolerance = TOLERANCE * float(end[PIE] + np.abs(after).sum())
    payoffs = cross(terms, after, end, tolerance)
    since = _continuous_since(terms, block)
    tried: Candidate | None = None
    for candidate in _candidates(terms, block, payoffs, end, tolerance):
        held = _holds_since(candidate, since)
        if held is not None:
            return _cut(block, candidate, *held)
        tried = tried or candidate
    last = block.part(-1, None)
    if last.b[0] - last.a[0] > _SHORTEST * last.b[0]:  # the regime switches again almost at once: look closer
        near = np.array([last.b[0] - (last.b[0] - last.a[0]) / 64, last.b[0]])
        return _step(terms, sample(terms, near), after)
    assert tried is not None
    return _cut(block, tried, len(block.a) - 1, -1.0)


def cross(terms: Terms, after: Floats, end: Floats, tolerance: float) -> Floats:
    """Return payoffs just before a moment from those just after it, where the primitives may jump.

    If the pie drops, an agreement just before saves the drop: with either player as likely to
    propose, each expects half of being held to the reservation and half of holding the other to it.
    """
    payoffs = after.copy()
    options = {i: float(end[OUTSIDE][i]) for i in terms.may_leave}
    if payoffs.sum() < end[PIE] - tolerance:
        held = np.array([max(options.get(i, -np.inf), payoffs[i]) for i in range(2)])
        if held.sum() <= end[PIE]:
            payoffs = (held + end[PIE] - held[::-1]) / 2
    for i in [i for i in options if payoffs[i] < options[i] - tolerance]:
        payoffs[i], payoffs[1 - i] = options[i], end[PIE] - options[i]
    return payoffs


def _continuous_since(terms: Terms, block: Block) -> int:
    """Return the first piece from which on pie and options do not jump."""
    used = [PIE, *(4 + i for i in terms.may_leave)]
    ends = np.einsum("en,mnk->mek", rule().ends, block.values[..., used])
    jump = np.abs(ends[1:, 0] - ends[:-1, 1]) > 1e-9 * ends[1:, 0, :1]
    where = np.flatnonzero(jump.any(axis=1))
    return int(where[-1]) + 1 if len(where) else 0


def _candidates(
    terms: Terms, block: Block, payoffs: Floats, end: Floats, tolerance: float
) -> Iterator[Candidate]:
    """Yield the regimes that can hold before the end of the block, the binding ones first."""
    for i in terms.may_leave:
        if payoffs[i] <= end[OUTSIDE][i] + tolerance:
            yield _bound(terms, block, i)
    if payoffs.sum() <= end[PIE] + tolerance:
        yield _agree(terms, block, payoffs)
    yield _delay(terms, block, payoffs)


def _candidate(block: Block, regime: Regime, payoffs: Floats, starts: Floats, tests: Floats) -> Candidate:
    """Put the tests of each piece in units of the payoffs there."""
    size = np.abs(payoffs).sum(axis=-1).max(axis=-1) + block.values[..., PIE].max(axis=-1)
    return Candidate(regime, payoffs, starts, tests / size[:, None])


def _loss(terms: Terms, block: Block, payoffs: Floats) -> Floats:
    """Return sum_i (rho_i x_i - flow_i) - pie', what both lose by waiting a moment, at the nodes."""
    rho = terms.rates + block.values[..., [HAZARD]]
    loss: Floats = (rho * payoffs - block.values[..., FLOW]).sum(axis=-1) - block.slopes[..., PIE]
    return loss


def _agree(terms: Terms, block: Block, end: Floats) -> Candidate:
    """Solve for y = x_0 - x_1: y' = R y - (r_1 - r_0) pie / 2 - flow_0 + flow_1, R the mean of r + hazard."""
    r, v = terms.rates, block.values
    push = (r[1] - r[0]) / 2 * v[..., PIE] + v[..., 2] - v[..., 3]
    nodes, starts = _back(block, r.mean() + v[..., HAZARD], push, float(end[0] - end[1]))
    payoffs = np.stack([v[..., PIE] + nodes, v[..., PIE] - nodes], axis=-1) / 2
    pie = v[..., PIE] @ rule().ends[0]
    tests = [_loss(terms, block, payoffs) * _while(terms, block)]
    tests += [payoffs[..., i] - v[..., OUTSIDE][..., i] for i in terms.may_leave]
    return _candidate(
        block, Regime.AGREE, payoffs, np.stack([pie + starts, pie - starts], axis=-1) / 2, np.stack(tests)
    )


def _bound(terms: Terms, block: Block, i: int) -> Candidate:
    """Player i gets the outside option: waiting must cost i, and no less than it costs the other."""
    v = block.values
    own = v[..., OUTSIDE][..., i]
    payoffs = np.empty((*own.shape, 2))
    payoffs[..., i], payoffs[..., 1 - i] = own, v[..., PIE] - own
    cost = (terms.rates[i] + v[..., HAZARD]) * own - block.slopes[..., OUTSIDE][..., i] - v[..., FLOW][..., i]
    tests = np.stack([cost, cost - _loss(terms, block, payoffs) / 2]) * _while(terms, block)
    regime = Regime.FIRST_BOUND if i == 0 else Regime.SECOND_BOUND
    return _candidate(block, regime, payoffs, np.einsum("n,mnk->mk", rule().ends[0], payoffs), tests)


def _delay(terms: Terms, block: Block, end: Floats) -> Candidate:
    """Nobody can offer enough: x_i' = rho_i x_i - flow_i, worth no less than the pie and the options."""
    v = block.values
    both = [
        _back(block, terms.rates[i] + v[..., HAZARD], v[..., FLOW][..., i], float(end[i])) for i in range(2)
    ]
    payoffs = np.stack([nodes for nodes, _ in both], axis=-1)
    tests = [payoffs.sum(axis=-1) - v[..., PIE]]
    tests += [payoffs[..., i] - v[..., OUTSIDE][..., i] for i in terms.may_leave]
    return _candidate(
        block, Regime.DELAY, payoffs, np.stack([first for _, first in both], axis=-1), np.stack(tests)
    )


def _while(terms: Terms, block: Block) -> Floats:
    """Return the times, (m, 1), that turn a flow into what it comes to on the piece."""
    speed = (terms.rates.mean() + block.values[..., HAZARD]).max(axis=-1, keepdims=True)
    length: Floats = np.minimum(1 / speed, block.half)
    return length


def _back(block: Block, rate: Floats, push: Floats, end: float) -> tuple[Floats, Floats]:
    """Solve z' = rate z - push backwards through the pieces from z = end; return z at the nodes and starts."""
    points, half = rule(), block.half
    growth = np.exp(half * (rate @ points.remaining.T))
    fed = growth * push
    whole = np.exp(half[:, 0] * (rate @ points.weights)).tolist()
    gained = (half[:, 0] * (fed @ points.weights)).tolist()
    ends = [end]
    for factor, gain in zip(whole[::-1], gained[::-1], strict=True):
        ends.append((ends[-1] + gain) / factor)
    z = np.array(ends[::-1])
    return (z[1:, None] + half * (fed @ points.remaining.T)) / growth, z[:-1]


def _holds_since(candidate: Candidate, since: int) -> tuple[int, float] | None:
    """Return the piece, and the place in it in [-1, 1], back to which every test is passed.

    None if a test fails at the very end. Pieces before `since` are not looked at.
    """
    points = rule()
    tests = candidate.tests
    if (tests[:, -1, -1] < -TOLERANCE).any():
        return None
    fails = (tests.min(axis=-1) < -TOLERANCE) | (tests @ points.ends[0] < -TOLERANCE)
    bad = np.flatnonzero(fails.any(axis=0)[since:])
    if not len(bad):
        return since, -1.0
    k = since + int(bad[-1])
    last = points.nodes[-1] if k == tests.shape[1] - 1 else 1.0
    roots = [_last_failure(points.coefficients @ test, last) for test in tests[fails[:, k], k]]
    if max(roots) < 1.0 - 1e-9:  # not at the very end of the piece
        return k, max(roots)
    return (k + 1, -1.0) if k + 1 < tests.shape[1] else None


def _last_failure(coefficients: Floats, before: float) -> float:
    """Return the last root, up to `before`, left of which the polynomial is negative; 1 if there is none."""
    keep = np.abs(coefficients) > 1e-16 * np.abs(coefficients).max()  # leading ones that are rounding
    roots = legendre.legroots(coefficients[: int(np.flatnonzero(keep)[-1]) + 1])
    real = np.sort(roots.real[np.abs(roots.imag) < 1e-9])  # double roots split by rounding
    real = real[(real > -1) & (real <= before)]
    stops = np.concatenate([[-1.0], real])
    for left, root in zip(stops[-2::-1], stops[:0:-1], strict=True):
        if legendre.legval((left + root) / 2, coefficients) < 0:
            return float(root)
    return 1.0


def _cut(block: Block, candidate: Candidate, k: int, since: float) -> Trajectory:
    """Return the candidate on the pieces from k on, of piece k only what lies after `since`, in [-1, 1]."""
    a, payoffs, starts = block.a[k:].copy(), candidate.payoffs[k:].copy(), candidate.starts[k:].copy()
    if since > -1.0:
        points = rule()
        nodes = np.append(since + (points.nodes + 1) / 2 * (1 - since), since)
        here = legendre.legvander(nodes, len(nodes) - 2) @ (points.coefficients @ payoffs[0])
        payoffs[0], starts[0] = here[:-1], here[-1]
        a[0] += (since + 1) * (block.b[k] - block.a[k]) / 2
    regimes = np.full(len(a), candidate.regime, dtype=np.int8)
    return Trajectory(a, block.b[k:], regimes, payoffs, starts)


_NODES = 24  # of a piece, other than the 16 that the answer was computed at


def defect(terms: Terms, path: Trajectory) -> float:
    """Return the defects of all pieces, discounted to t = 0 and added up, over the pie at 0.

    The functions are evaluated at 24 new nodes a piece, and everything is computed from these.
    """
    fresh, half = rule(_NODES), (path.b - path.a)[:, None] / 2
    values = terms(times(path.a, path.b, fresh.nodes))
    coefficients = rule().coefficients @ path.payoffs
    x = legendre.legvander(fresh.nodes, coefficients.shape[1] - 1) @ coefficients
    end = coefficients.sum(axis=1)
    inside = _inside(terms, path, values, half, x, end)
    slowest = np.where(path.regimes[:, None] == Regime.DELAY, terms.rates.min(), terms.rates.mean())
    passed = half[:, 0] * ((slowest + values[..., HAZARD]) @ fresh.weights)
    weights = np.exp(-np.concatenate([[0.0], np.cumsum(passed)[:-1]]))
    passing = np.append(_passing(terms, path, end), 0.0)
    return float(weights @ (inside + passing)) / float(values[0, 0, PIE])


def _passing(terms: Terms, path: Trajectory, end: Floats) -> Floats:
    """Return how far payoffs at the end of each piece are from what those just after imply."""
    limits = terms(np.nextafter(path.b[:-1], path.a[:-1]))
    return np.array(
        [
            np.abs(_before(terms, path.starts[k + 1], limits[k], path.regimes[k]) - end[k]).max()
            for k in range(len(limits))
        ]
    )


def _before(terms: Terms, after: Floats, end: Floats, regime: int) -> Floats:
    """Return payoffs just before a moment; an option that just binds ends a wait the other would prefer."""
    payoffs = cross(terms, after, end, 1e-11 * float(end[PIE]))
    if regime in (Regime.FIRST_BOUND, Regime.SECOND_BOUND) and payoffs.sum() > end[PIE]:
        i = int(regime) - int(Regime.FIRST_BOUND)
        payoffs[1 - i] = end[PIE] - payoffs[i]
    return payoffs


def _inside(terms: Terms, path: Trajectory, v: Floats, half: Floats, x: Floats, end: Floats) -> Floats:
    """Return the worst defect inside each piece, by regime."""
    rho = terms.rates + v[..., [HAZARD]]
    slope = (rule(_NODES).derivative @ v[..., [PIE, 4, 5]]) / half[..., None]
    lost = (rho * x - v[..., 2:4]).sum(axis=-1) - slope[..., 0]
    cost = rho * v[..., OUTSIDE] - slope[..., 1:] - v[..., 2:4]
    gap = x.sum(axis=-1) - v[..., PIE]
    delayed = [
        _miss(rho[..., i], v[..., 2 + i], x[..., i], path.starts[:, i], end[:, i], half) for i in range(2)
    ]
    push = (terms.rates[1] - terms.rates[0]) / 2 * v[..., PIE] + v[..., 2] - v[..., 3]
    y, first, last = (z[..., 0] - z[..., 1] for z in (x, path.starts, end))
    agreed = _miss(rho.mean(axis=-1), push, y, first, last, half)
    by_regime = {
        Regime.DELAY: [*delayed, (-gap).max(axis=-1)],
        Regime.AGREE: [agreed / 2, np.abs(gap).max(axis=-1), (-lost * half).max(axis=-1)],
    }
    for i, regime in enumerate((Regime.FIRST_BOUND, Regime.SECOND_BOUND)):
        holds = np.maximum(-cost[..., i], lost / 2 - cost[..., i]) * half
        off = np.abs(x[..., i] - v[..., OUTSIDE][..., i]) + np.abs(gap)
        by_regime[regime] = [np.maximum(holds, off).max(axis=-1)]
    short = [(v[..., OUTSIDE][..., i] - x[..., i]).max(axis=-1) for i in terms.may_leave]
    worst = np.zeros(len(path.regimes))
    for regime, gaps in by_regime.items():
        here = path.regimes == regime
        worst[here] = np.maximum(0.0, np.max([*gaps, *short], axis=0))[here]
    return worst


def _miss(rate: Floats, push: Floats, z: Floats, first: Floats, last: Floats, half: Floats) -> Floats:
    """Return the worst of |z(t) - (z(b) + int_t^b exp(..) push) exp(-..)| at the nodes and at a."""
    fresh = rule(_NODES)
    growth = np.exp(half * (rate @ fresh.remaining.T))
    fed = growth * push
    nodes = (last[:, None] + half * (fed @ fresh.remaining.T)) / growth
    whole = np.exp(half[:, 0] * (rate @ fresh.weights))
    start = (last + half[:, 0] * (fed @ fresh.weights)) / whole
    miss: Floats = np.maximum(np.abs(z - nodes).max(axis=-1), np.abs(first - start))
    return miss

r"""The largest self-generating set between two players, by its distances from a centre along rays: Newton's method.

The hull Z of the points at distances r along given rays generates a set T(Z), which the rays leave at distances R(r). A
fixed point of R generates its corners. If z is a corner of Z and the ray in direction :math:`u_k` leaves T(Z) through a
side with normal n, the envelope theorem gives the derivative: with :math:`t_y` as in `programs` and the chance
:math:`\lambda(y, z)` with which z, on the ray in direction :math:`u`, follows signal y,

.. math:: \frac{\partial R_k}{\partial r_z} = \sum_y \lambda(y, z) \frac{t_y \cdot u}{n \cdot u_k} \ge 0.

However patient the players are, a handful of steps is enough. Then the rays are aimed at the vertices of T(Z), which
need not lie on the old ones, and the steps are repeated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.repeated._monitored.inner import apart, between, extreme, sides
from bargaining.equilibria.repeated._monitored.programs import (
    NOBODY,
    Indices,
    Known,
    Plans,
    Programs,
    Promises,
    plans,
    winners,
)

_SAME = 1e-13  # the least distance of vertices from the segment between their neighbours
_PASSES = 12  # in which the sides that rays cross are found
_STEPS = 8  # of Newton's method; five are enough as a rule
_AIMS = 3  # times that rays are aimed


class _Image(NamedTuple):
    """Points that a set generates, each the farthest in a direction.

    Attributes
    ----------
    points : (F, 2) array
    owners : (F,) array of int
        As for `Touching`.
    found : Plans
        The solutions of their programs; meaningless where nobody plays.
    known : Known
        The directions, and multipliers of all profiles.
    """

    points: Floats
    owners: Indices
    found: Plans
    known: Known

    def joined(self, more: _Image) -> _Image:
        """Return these points and more."""
        return _Image(
            np.vstack([self.points, more.points]),
            np.append(self.owners, more.owners),
            Plans(*(np.concatenate(pair) for pair in zip(self.found, more.found, strict=True))),
            Known(
                np.vstack([self.known.directions, more.known.directions]),
                np.concatenate([self.known.multipliers, more.known.multipliers], axis=1),
            ),
        )


class _Crossing(NamedTuple):
    """Where rays leave a set: the distances, the normals of the sides there, and the sides' ends.

    The crossing divides its side: `share` is the weight of the second end. `solved` says which multipliers are those of
    the side's normal.
    """

    image: _Image
    distances: Floats
    normals: Floats
    ends: tuple[Indices, Indices]
    share: Floats
    solved: Indices


def radial(
    programs: Programs, ends: Floats, corners: Floats, known: Known, merge: float, enough: float, near: float
) -> tuple[Promises | None, int]:
    """Return the corners of a self-generating set with what generates them, and how many programs were solved.

    None if the rays miss what they aim at, as where the set is a segment.

    Parameters
    ----------
    programs : Programs
        With the slack required at the corners.
    ends : (L, 2) array
        Outcomes of leaving.
    corners : (m, 2) array
        Corners of a set near the one that is sought.
    known : Known
        Multipliers of a similar set.
    merge : float
        No ray is aimed at corners that lie this near to the segment between their neighbours.
    enough : float
        The error of the distances along the rays at which to stop.
    near : float
        Rays are not aimed again if what is generated reaches beyond them by less.
    """
    solved, found = 0, None
    crossed: _Crossing | None
    for _ in range(_AIMS):
        corners = corners[extreme(corners, merge)]
        if len(corners) < 3:
            break
        centre = corners.mean(axis=0)
        distances = np.linalg.norm(corners - centre, axis=1)
        rays = (corners - centre) / distances[:, None]
        normals = sides(corners)
        for _ in range(_STEPS):
            if not (distances > 0.0).all():
                return found, solved
            points = centre + distances[:, None] * rays
            index = extreme(points, _SAME)
            crossed, more = _crossed(programs, ends, points[index], centre, rays, normals, known)
            solved += more
            if crossed is None:
                return found, solved
            normals, known = crossed.normals, crossed.image.known
            off = crossed.distances - distances
            if np.abs(off).max() <= enough:
                break
            distances = distances + _newton(programs, rays, index, crossed, off)
        assert crossed is not None
        found = _promises(programs, points[index], centre + crossed.distances[:, None] * rays, crossed)
        corners = crossed.image.points[extreme(crossed.image.points, _SAME)]
        if apart(corners, points[index]) <= near:
            break
    return found, solved


def _crossed(
    programs: Programs,
    ends: Floats,
    corners: Floats,
    centre: Floats,
    rays: Floats,
    normals: Floats,
    known: Known,
) -> tuple[_Crossing | None, int]:
    """Return where rays from the centre leave the set that is generated, and how many programs were solved.

    The hull of points that are generated grows where rays cross it, until no point lies beyond these sides.
    """
    feasible, solved = plans(programs, corners), 0
    directions = np.vstack([normals, between(normals)])
    image: _Image | None = None
    tried: dict[tuple[int, int], int] = {}
    for _ in range(_PASSES):
        more, count = _image(programs, ends, corners, directions, feasible, known)
        solved += count
        image = more if image is None else image.joined(more)
        around = extreme(image.points, _SAME)
        to = image.points[around] - centre
        angles = np.arctan2(to[:, 1], to[:, 0])
        start = int(angles.argmin())
        around, angles = np.roll(around, -start), np.roll(angles, -start)
        if len(around) < 3 or (np.diff(angles) <= 0.0).any():
            return None, solved  # the centre lies outside
        at = np.searchsorted(angles, np.arctan2(rays[:, 1], rays[:, 0]), side="right")
        first, second = around[at - 1], around[at % len(around)]
        along = image.points[second] - image.points[first]
        normals = np.column_stack([along[:, 1], -along[:, 0]])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        pairs = list(zip(first.tolist(), second.tolist(), strict=True))
        new = {pair: k for k, pair in enumerate(pairs) if pair not in tried}
        if not new:
            break
        tried |= {pair: len(image.points) + place for place, pair in enumerate(new)}
        directions = normals[list(new.values())]
    assert image is not None
    ahead = (normals * rays).sum(axis=1)
    if not (ahead > 0.0).all():
        return None, solved
    distances = (normals * (image.points[first] - centre)).sum(axis=1) / ahead
    past = centre + distances[:, None] * rays - image.points[first]
    share = np.clip((past * along).sum(axis=1) / (along**2).sum(axis=1), 0.0, 1.0)
    at = np.array([tried.get(pair, pair[0]) for pair in pairs])
    at = np.where(at < len(image.points), at, first)  # if the last pass was not enough
    return _Crossing(image, distances, normals, (first, second), share, at), solved


def _image(
    programs: Programs, ends: Floats, corners: Floats, directions: Floats, feasible: Plans, known: Known
) -> tuple[_Image, int]:
    """Return the points generated that lie farthest in the directions, and how many programs were solved."""
    floor, owners = np.full(len(directions), -np.inf), np.full(len(directions), NOBODY)
    points = np.zeros_like(directions)
    if len(ends):
        worth = ends @ directions.T
        floor, owners = worth.max(axis=0), -1 - worth.argmax(axis=0)
        points = ends[worth.argmax(axis=0)]
    known = Known(directions, known.near(directions))
    best = winners(programs, corners, directions, feasible, known.multipliers, floor)
    won = np.flatnonzero(best.owners != NOBODY)
    owners[won] = best.owners[won]
    later = best.plans.take(won).continuations(programs.chances.shape[1], corners)
    points[won] = programs.payoffs(owners[won], later)
    return _Image(points, owners, best.plans, known), best.solved


def _newton(programs: Programs, rays: Floats, index: Indices, crossed: _Crossing, off: Floats) -> Floats:
    """Return by how much the distances have to change so that they are a fixed point, to first order."""
    image, signals = crossed.image, programs.chances.shape[1]
    ahead = (crossed.normals * rays).sum(axis=1)
    matrix = np.eye(len(rays))
    for end, share in zip(crossed.ends, (1.0 - crossed.share, crossed.share), strict=True):
        k = np.flatnonzero(image.owners[end] >= 0)
        at = end[k]
        owners = image.owners[at]
        multipliers = image.known.multipliers[owners, crossed.solved[k]]
        pulls = programs.pulls(owners, crossed.normals[k], multipliers)
        signal, corner = np.divmod(image.found.columns[at], len(index))
        chances = np.where(signal < signals, np.maximum(image.found.levels[at], 0.0), 0.0)
        pull = np.take_along_axis(pulls, np.minimum(signal, signals - 1)[:, :, None], axis=1)
        ray = index[corner]
        slope = chances * (pull * rays[ray]).sum(axis=2) * (share / ahead)[k, None]
        np.subtract.at(matrix, (np.broadcast_to(k[:, None], ray.shape), ray), slope)
    try:
        return np.asarray(np.linalg.solve(matrix, off))
    except np.linalg.LinAlgError:
        return off


def _promises(programs: Programs, corners: Floats, reached: Floats, crossed: _Crossing) -> Promises:
    """Return the points that the rays reach, and both ends of the side where these are not of one profile."""
    image, signals = crossed.image, programs.chances.shape[1]
    first, second = crossed.ends
    later = np.zeros((len(image.points), signals, 2))
    played = np.flatnonzero(image.owners >= 0)
    later[played] = image.found.take(played).continuations(signals, corners)
    same = image.owners[first] == image.owners[second]
    share = crossed.share[:, None, None]
    mixed = Promises(reached, image.owners[first], (1.0 - share) * later[first] + share * later[second]).take(
        np.flatnonzero(same & (image.owners[first] >= 0))
    )
    pure = np.unique(np.append(first[~same], second[~same]))
    return mixed.joined(Promises(image.points[pure], image.owners[pure], later[pure]))

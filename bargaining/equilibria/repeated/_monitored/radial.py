r"""The largest self-generating set, by its distances from a centre along rays: Newton's method.

The hull Z of the points at distances r along given rays generates a set T(Z), which the rays leave at distances R(r). A
fixed point of R generates its corners. If z is a corner of Z and the ray in direction :math:`u_k` leaves T(Z) through a
face with normal n, the envelope theorem gives the derivative: with :math:`t_y` as in `programs` and the chance
:math:`\lambda(y, z)` with which z, on the ray in direction :math:`u`, follows signal y,

.. math:: \frac{\partial R_k}{\partial r_z} = \sum_y \lambda(y, z) \frac{t_y \cdot u}{n \cdot u_k} \ge 0.

However patient the players are, a handful of steps is enough. Then the rays are aimed at the vertices of T(Z), which
need not lie on the old ones, and the steps are repeated; of three and more players, few rays are aimed first, and more
at the points of T(Z) that would add most. With symmetries, rays of one orbit have one distance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._symmetries import Orbits
from bargaining.equilibria.repeated._hyperplanes.inner import sturdy
from bargaining.equilibria.repeated._monitored.cloud import Cloud
from bargaining.equilibria.repeated._monitored.inner import apart, around, extreme
from bargaining.equilibria.repeated._monitored.programs import (
    NOBODY,
    STILL,
    Indices,
    Known,
    Plans,
    Programs,
    Promises,
    plans,
    winners,
)
from bargaining.equilibria.repeated._monitored.renamings import Renamings

_SAME = 1e-13  # the least distance of vertices from the segment between their neighbours
_PASSES = 12  # in which the faces that rays cross are found
_STEPS = 8  # of Newton's method; five are enough as a rule
_ROUGH = 0.1  # of a step: the error that the next one may leave in distances of three and more players
_AIMS, _MORE_AIMS = 3, 8  # times that rays are aimed, of two and of more players
_CLOSER = 10.0  # a face is final if nothing lies beyond it by the accuracy over this
_INWARDS = 0.5  # of a distance, at most, in a step: far from a fixed point, steps lead past the centre
_COARSE = 7  # digits to which directions that count as one agree
_FINE = 11  # digits to which points that count as one agree
_PARALLEL = 1e-8  # the distance of normals within which they are the same up to rounding
_MOST = 400  # distances above which no more rays are added: each step takes some ten programs for each
_FIRST = 120  # distances to begin with: fewer miss sides of the set, more are not where they are needed
_NEARLY = 0.5  # of the loss that is small enough: when steps are no longer, rays are aimed again
_PULLS = 100  # rays added at a time, without their images
_WORST = 0.5  # distances that lose at least this share of the largest loss are to be improved
_LITTLE = 0.01  # points that add less than this share of what the best one does are not aimed at
_ALIKE = 9  # digits to which images of one point agree, as rounding moves them apart
_SLIVER = 1e-9  # of the speed: the weights of faces with hardly any area are off by more
_TIED = 64  # faces tried for a ray: rounding may take it through a neighbour in the same plane


class _Image(NamedTuple):
    """Points that a set generates, each the farthest in a direction.

    Attributes
    ----------
    points : (F, n) array
    owners : (F,) array of int
        As for `Touching`; NOBODY if no point lies beyond the floor.
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
    """Where rays leave a set: the distances, the normals of the faces there, and the faces' corners.

    The crossing is a mixture of these with the weights `shares`. `solved` says which multipliers are those of
    the face's normal.
    """

    image: _Image
    distances: Floats
    normals: Floats
    ends: Indices  # (k, n)
    shares: Floats
    solved: Indices  # (k, n)


def radial(
    programs: Programs,
    ends: Floats,
    corners: Floats,
    known: Known,
    merge: float,
    enough: float,
    near: float,
    renamings: Renamings | None = None,
) -> tuple[Promises | None, int]:
    """Return the corners of a self-generating set with what generates them, and how many programs were solved.

    None if the rays miss what they aim at, as where the set is flat.

    Parameters
    ----------
    programs : Programs
        With the slack required at the corners.
    ends : (L, n) array
        Outcomes of leaving.
    corners : (m, n) array
        Corners of a set near the one that is sought.
    known : Known
        Multipliers of a similar set.
    merge : float
        No ray is aimed at corners that lie this near to the hull of the others.
    enough : float
        The error of the distances along the rays at which to stop.
    near : float
        Rays are not aimed again if what is generated reaches beyond them by less; of more than two players, if the
        distances lose less by this. Points that reach farther beyond the corners of more players join them in the end.
    renamings : Renamings, optional
        Symmetries, which map the corners to themselves.
    """
    solved, found, plane = 0, None, corners.shape[1] == 2
    crossed: _Crossing | None
    apart_by = merge
    while not plane and len(_targets(corners, apart_by, renamings).chosen) > _FIRST:
        apart_by *= 2.0
    orbits = _targets(corners, apart_by, renamings)
    centre = orbits.rows.mean(axis=0)
    directions = around(corners if plane else orbits.rows)
    for aim in range(_AIMS if plane else _MORE_AIMS):
        chosen, slots = orbits.chosen, orbits.slots
        if len(slots) <= corners.shape[1] or (plane and aim and len(chosen) > _MOST):
            break
        distances = np.linalg.norm(orbits.rows - centre, axis=1)
        rays = (orbits.rows - centre) / distances[:, None]
        rough = 0.0 if plane else _ROUGH  # in the plane, faces cost little
        within = max(enough, rough * near)
        settling = plane or aim == _MORE_AIMS - 1  # other rays are aimed again once they have nearly settled
        for step in range(_STEPS if plane else 2 * _STEPS):
            if not (distances > 0.0).all():
                return found, solved
            points = centre + distances[:, None] * rays
            crossed, more = _crossed(
                programs, ends, points, centre, rays[chosen], directions, known, within, renamings
            )
            solved += more
            if crossed is None:
                return found, solved
            known = crossed.image.known
            # The ends' own directions keep the centre within what is generated next.
            directions = np.vstack([crossed.normals, known.directions[np.unique(crossed.ends)]])
            off = crossed.distances - distances[chosen]
            slopes, pulls = _slopes(programs, rays, chosen, slots, crossed)
            largest = float(np.abs(off).max())
            if settling and max(largest, within) <= enough:
                break
            within = max(enough, rough * largest)
            move = _solution(np.eye(len(chosen)) - slopes, off)[slots]
            if not plane:  # in the plane, other methods follow
                move *= min(1.0, _INWARDS / max(float((-move / distances).max()), _INWARDS))
            distances = distances + move
            if not settling and (largest <= _NEARLY * near or step == _STEPS - 1):
                wanted, lost = _wanted(points, crossed.image, slopes, pulls, near)
                settling = lost <= near or len(chosen) > _MOST
                if not settling:
                    corners = np.vstack([centre + distances[:, None] * rays, crossed.image.points[wanted]])
                    directions = np.vstack([directions, known.directions[wanted]])
                    orbits = _targets(corners, merge, renamings)
                    break
        if not settling:
            continue
        assert crossed is not None
        there = np.flatnonzero(crossed.image.owners != NOBODY)
        far = there[:0] if plane else there[_beyond(points, crossed.image.points[there], near)]
        found = _promises(programs, points, centre + crossed.distances[:, None] * rays[chosen], crossed, far)
        if renamings is not None:
            found = renamings.completed(found)
        if not plane:
            break
        image = crossed.image.points[there]
        corners = image[extreme(image, _SAME)]
        if apart(corners, points) <= near:
            break
        orbits, directions = _targets(corners, merge, renamings), around(corners)
        centre = orbits.rows.mean(axis=0)
    return found, solved


def _targets(corners: Floats, merge: float, renamings: Renamings | None) -> Orbits:
    """Return the orbits of those that are vertices up to `merge`."""
    kept = extreme(corners, merge)
    if renamings is None:
        return Orbits(corners[kept], np.arange(kept.size), np.zeros(kept.size, np.intp))
    return renamings.group.orbits(corners[renamings.closed(corners, kept)], _ALIKE)


def _crossed(
    programs: Programs,
    ends: Floats,
    corners: Floats,
    centre: Floats,
    rays: Floats,
    directions: Floats,
    known: Known,
    enough: float,
    renamings: Renamings | None,
) -> tuple[_Crossing | None, int]:
    """Return where rays from the centre leave the set that is generated, and how many programs were solved.

    The hull of points that are generated grows where rays cross it, until no point lies beyond these faces.
    """
    from scipy.spatial import ConvexHull, KDTree, QhullError

    feasible, solved = plans(programs, corners), 0
    image: _Image | None = None
    there = np.zeros(0, np.intp)
    floor = np.full(len(directions), -np.inf)
    for _ in range(_PASSES):
        more, count = _image(programs, ends, corners, directions, floor, feasible, known, renamings)
        solved += count
        before = 0 if image is None else len(image.points)
        image = more if image is None else image.joined(more)
        there = np.append(there, before + np.flatnonzero(more.owners != NOBODY))
        there = there[np.sort(np.unique(image.points[there].round(_FINE), axis=0, return_index=True)[1])]
        try:
            solid = ConvexHull(image.points[there])
        except (QhullError, ValueError):
            return None, solved
        depth = -(solid.equations[:, :-1] @ centre + solid.equations[:, -1])
        if not depth.min() > 0.0:
            return None, solved  # the centre lies outside
        polar = Cloud(solid.equations[:, :-1] / depth[:, None])
        at, speed = polar.farthest(rays)
        normals = solid.equations[at, :-1]
        off, nearest = KDTree(image.known.directions).query(normals)
        new = np.unique(at[off > _PARALLEL])
        if not new.size:
            break
        there = there[np.sort(solid.vertices)]
        directions, floor = solid.equations[new, :-1], -solid.equations[new, -1] + enough / _CLOSER
    assert image is not None
    faces = image.points[there][solid.simplices] - centre
    weights = _weights(faces[at][:, None], rays, speed)[:, 0]
    lost = np.flatnonzero(weights.min(axis=1) < 0.0)
    if lost.size:
        speeds = rays[lost] @ polar.points.T
        best = np.argpartition(-speeds, min(_TIED, speeds.shape[1]) - 1, axis=1)[:, :_TIED]
        tried = _weights(faces[best], rays[lost], speed[lost])
        rows, good = np.arange(lost.size), tried.min(axis=2).argmax(axis=1)
        at[lost], weights[lost] = best[rows, good], tried[rows, good]
    corner, shares = there[solid.simplices[at]], np.maximum(weights, 0.0)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), STILL)
    own = np.where((off <= _PARALLEL)[:, None], nearest[:, None], corner)
    return _Crossing(image, 1.0 / speed, normals, corner, shares, own), solved


def _weights(faces: Floats, rays: Floats, speed: Floats) -> Floats:
    """Write each ray as a sum of the corners of faces, (k, t, n, n), that it reaches at this speed.

    A ray goes through the face if no weight, (k, t, n), is negative. Of a face without area none is finite, nor if
    their sum is not the speed: then the face has hardly any area, or lies in another plane.
    """
    ends = np.ascontiguousarray(faces.swapaxes(2, 3))
    none = np.linalg.det(ends) == 0.0
    ends[none] = np.eye(faces.shape[-1])
    weights = np.linalg.solve(ends, rays[:, None, :, None])[..., 0]
    none |= np.abs(weights.sum(axis=2) - speed[:, None]) > _SLIVER * speed[:, None]
    return np.where(none[..., None], -np.inf, weights)


def _image(
    programs: Programs,
    ends: Floats,
    corners: Floats,
    directions: Floats,
    floor: Floats,
    feasible: Plans,
    known: Known,
    renamings: Renamings | None,
) -> tuple[_Image, int]:
    """Return the points generated that lie farthest in the directions, beyond the floor, and the programs solved.

    With symmetries, one direction of each orbit is tried and the images are returned, too.
    """
    once = np.sort(np.unique(directions.round(_COARSE) + 0.0, axis=0, return_index=True)[1])
    directions, floor = directions[once], floor[once]
    if renamings is not None:
        orbits = renamings.group.orbits(directions, _COARSE)
        directions, floor = orbits.rows[orbits.chosen], floor[orbits.chosen]  # those given come first
    floor, owners = floor.copy(), np.full(len(directions), NOBODY)
    points = np.zeros_like(directions)
    if len(ends):
        worth = ends @ directions.T
        higher = worth.max(axis=0) > floor
        owners[higher] = -1 - worth.argmax(axis=0)[higher]
        points = ends[worth.argmax(axis=0)]
        floor = np.maximum(worth.max(axis=0), floor)
    known = Known(directions, known.near(directions))
    signals = programs.chances.shape[1]
    best = winners(programs, corners, directions, feasible, known.multipliers, floor)
    won = np.flatnonzero(best.owners != NOBODY)
    owners[won] = best.owners[won]
    points[won] = programs.payoffs(owners[won], best.plans.take(won).continuations(signals, corners))
    image = _Image(points, owners, best.plans, known)
    if renamings is not None:
        image = _spread(image, corners, orbits, renamings, signals)
    return image, best.solved


def _spread(image: _Image, corners: Floats, orbits: Orbits, renamings: Renamings, signals: int) -> _Image:
    """Return points, their programs' solutions and multipliers, with their images under symmetries."""
    from scipy.spatial import KDTree

    group, tree, m = renamings.group, KDTree(corners), len(corners)
    to = np.array([tree.query(group.moved(corners, np.full(m, g)))[1] for g in range(len(group.players))])
    slots, by = orbits.slots, orbits.by
    owners = image.owners[slots]
    played = owners >= 0
    owners[played] = group.profiles[by[played], owners[played]]
    columns = image.found.columns[slots]
    real = columns < signals * m
    signal, corner = np.divmod(np.where(real, columns, 0), m)
    moved = renamings.signals[by[:, None], signal] * m + to[by[:, None], corner]
    found = image.found.take(slots)._replace(columns=np.where(real, moved, columns))
    multipliers = np.zeros((image.known.multipliers.shape[0], len(slots), image.known.multipliers.shape[2]))
    multipliers[:, orbits.chosen] = image.known.multipliers
    known = Known(orbits.rows, renamings.spread(multipliers, orbits))
    return _Image(group.moved(image.points[slots], by), owners, found, known)


def _slopes(
    programs: Programs, rays: Floats, chosen: Indices, slots: Indices, crossed: _Crossing
) -> tuple[Floats, Floats]:
    """Return the derivatives R' of the chosen rays' distances, and the pulls (k, n, S, n) at the ends of their faces.

    The pulls are weighted by the ends' shares, in units of the rays' distances.
    """
    image, signals = crossed.image, programs.chances.shape[1]
    ahead = (crossed.normals * rays[chosen]).sum(axis=1)
    matrix = np.zeros((len(chosen), len(chosen)))
    every = np.zeros((*crossed.ends.shape, signals, rays.shape[1]))
    for j, (end, share, solved) in enumerate(
        zip(crossed.ends.T, crossed.shares.T, crossed.solved.T, strict=True)
    ):
        k = np.flatnonzero(image.owners[end] >= 0)
        at = end[k]
        owners = image.owners[at]
        multipliers = image.known.multipliers[owners, solved[k]]
        pulls = programs.pulls(owners, image.known.directions[solved[k]], multipliers)
        signal, corner = np.divmod(image.found.columns[at], len(rays))
        chances = np.where(signal < signals, np.maximum(image.found.levels[at], 0.0), 0.0)
        pull = np.take_along_axis(pulls, np.minimum(signal, signals - 1)[:, :, None], axis=1)
        ray = np.minimum(corner, len(rays) - 1)
        slope = chances * (pull * rays[ray]).sum(axis=2) * (share / ahead)[k, None]
        np.add.at(matrix, (np.broadcast_to(k[:, None], ray.shape), slots[ray]), slope)
        every[k, j] = pulls * (share / ahead)[k, None, None]
    return matrix, every


def _wanted(
    corners: Floats, image: _Image, slopes: Floats, pulls: Floats, near: float
) -> tuple[Indices, float]:
    """Return which generated points would add most as corners, and the largest loss of a distance without them.

    Where continuations are pulled, the generated points reach beyond the corners. Losses are passed on to the distances
    that depend on them. Points that reach far beyond the corners are wanted, too: no ray shows what is lost there.
    """
    there = np.flatnonzero(image.owners != NOBODY)
    points, flat = image.points[there], pulls.reshape(-1, pulls.shape[-1])
    best, reached = Cloud(points).farthest(flat)
    local = np.maximum(reached - Cloud(corners).farthest(flat)[1], 0.0).reshape(len(pulls), -1)
    matrix = np.eye(len(pulls)) - slopes
    error = _solution(matrix, local.sum(axis=1))
    weights = _solution(matrix.T, (error > error.max() * _WORST).astype(float))
    gain = np.zeros(len(points))
    np.add.at(gain, best, (weights[:, None] * local).ravel())
    order = np.argsort(-gain, kind="stable")
    most = order[gain[order] > gain.max() * _LITTLE][:_PULLS]
    return there[np.union1d(most, _beyond(corners, points, near)[:_PULLS])], float(error.max())


def _beyond(corners: Floats, points: Floats, near: float) -> Indices:
    """Return which points lie farther than this beyond the hull of the corners, the farthest first."""
    hull = sturdy(corners)
    off = np.zeros(len(points)) if hull is None else hull.outside(points)
    order = np.argsort(-off, kind="stable")
    return np.asarray(order[off[order] > near])


def _solution(matrix: Floats, right: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.solve(matrix, right))
    except np.linalg.LinAlgError:
        return right


def _promises(
    programs: Programs, corners: Floats, reached: Floats, crossed: _Crossing, more: Indices
) -> Promises:
    """Return the points that the rays reach, the corners of the face where these are not of one profile, and more."""
    image, signals = crossed.image, programs.chances.shape[1]
    later = np.zeros((len(image.points), signals, corners.shape[1]))
    played = np.flatnonzero(image.owners >= 0)
    later[played] = image.found.take(played).continuations(signals, corners)
    owners = image.owners[crossed.ends]
    same = (owners == owners[:, :1]).all(axis=1)
    mixed = Promises(
        reached, owners[:, 0], np.einsum("kj,kjsn->ksn", crossed.shares, later[crossed.ends])
    ).take(np.flatnonzero(same & (owners[:, 0] >= 0)))
    pure = np.union1d(crossed.ends[~same], more)
    return mixed.joined(Promises(image.points[pure], image.owners[pure], later[pure]))

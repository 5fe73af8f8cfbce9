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

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import ROUGHLY, Sparse, largest, passed_on, solution
from bargaining.equilibria._rows import once
from bargaining.equilibria._symmetries import Orbits
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud, walked
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
_AIMS = 3  # times that rays are aimed, of two players
_CLOSER = 10.0  # a face is final if nothing lies beyond it by the accuracy over this
_INWARDS = 0.5  # of a distance, at most, in a step: far from a fixed point, steps lead past the centre
_COARSE = 7  # digits to which directions that count as one agree
_FINE = 11  # digits to which points that count as one agree
_PARALLEL = 1e-8  # the distance of normals within which they are the same up to rounding
_MOST = 400  # distances of two players above which rays are not aimed again
FIRST = 120  # distances to begin with: fewer miss sides of the set, more are not where they are needed
_NEARLY = 0.5  # of the loss that is small enough: once steps lose less, rays are aimed again
_SETTLED = 0.5  # of the last loss: the same
_WORSE = 1.5  # times as far to go as before: such a step of three and more players leads astray
_SHORTER = (0.5, 0.25, 0.125)  # shares of such a step, tried before a plain one
_STALLED = 5  # aims without a smaller loss than ever before are the last: new rays are too near to others
_ADDED = 100  # rays added at a time, without their images; half of those there are, if these are more
_LITTLE = 0.1  # of all that points would add: no rays are aimed at those that add the last of it
_MORE = 0.1  # of the rays there are, at least so many are added
_BEYOND = 0.3  # of the loss: points generated so far beyond the corners are aimed at, whoever needs them
_FOCUS = 0.1  # of the last loss: what loses less is left for later
_MOVES = 20  # times that points lead on to others
_UNSEEN = 0.5  # of the loss that is small enough: how far points beyond what is found may lie
_SOON = 0.025  # of the last loss: the same
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

    @property
    def there(self) -> Indices:
        """Which points lie beyond the floor."""
        return np.flatnonzero(self.owners != NOBODY)

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
) -> tuple[Promises | None, int]:
    """Return the corners of a polygon that generates itself, what generates them, and how many programs were solved.

    None if the rays miss what they aim at, as where the set is flat.

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
        No ray is aimed at corners that lie this near to the hull of the others.
    enough : float
        The error of the distances along the rays at which to stop.
    near : float
        Rays are not aimed again if what is generated reaches beyond them by less.
    """
    solved, found = 0, None
    targets, directions = corners[extreme(corners, merge)], around(corners)
    for aim in range(_AIMS):
        if len(targets) <= 2 or (aim and len(targets) > _MOST):
            break
        rays = _Rays(programs, ends, Orbits.single(targets), directions, known, None)
        step = rays.settled(enough, _STEPS)
        solved += rays.solved
        if step is None:
            break
        found, known = step.promises(programs, np.zeros(0, np.intp)), rays.known
        image = step.crossed.image.points[step.crossed.image.there]
        corners = image[extreme(image, _SAME)]
        if apart(corners, step.points) <= near:
            break
        targets, directions = corners[extreme(corners, merge)], around(corners)
    return found, solved


def radial_solid(
    programs: Programs,
    ends: Floats,
    corners: Floats,
    known: Known,
    merge: float,
    enough: float,
    near: float,
    budget: int,
    renamings: Renamings | None = None,
    first: int = FIRST,
) -> tuple[Promises | None, int]:
    """Return the same of three and more players: few rays are aimed first, and more where distances lose most.

    The other parameters are those of `radial`.

    Parameters
    ----------
    near : float
        No rays are added if the distances lose less by this. Points that reach beyond the corners by a share of it join
        them in the end.
    budget : int
        No rays are added once so many programs are solved.
    renamings : Renamings, optional
        Symmetries, which map the corners to themselves.
    first : int
        The number of rays to begin with.
    """
    coarse, solved, lost, least, stalled = merge, 0, 0.0, np.inf, 0
    while len(_targets(corners, coarse, renamings).chosen) > first:
        coarse *= 2.0
    orbits = _targets(corners, coarse, renamings)
    directions, found = around(orbits.rows), None
    before: tuple[_Rays, _Step] | None = None
    while len(orbits.slots) > corners.shape[1]:
        rays = _Rays(programs, ends, orbits, directions, known, renamings)
        still = max(_NEARLY * near, _SETTLED * lost) * (1.0 - float(programs.discounts.max()))
        step = rays.settled(max(enough, _ROUGH * near), _STEPS, nearly=still)
        if step is not None:
            step = rays.everywhere(step, max(_UNSEEN * near, _SOON * lost))
            wanted, targets, lost = rays.wanted(step, max(near, _FOCUS * lost))
            stalled, least = 0 if lost < least else stalled + 1, min(lost, least)
            before, known = (rays, step), rays.known
        solved += rays.solved
        if step is None or solved > budget or stalled == _STALLED or lost <= near:
            break
        rays.move(step)
        image = step.crossed.image
        orbits = _targets(np.vstack([rays.points, image.points[wanted], targets]), merge, renamings)
        directions = np.vstack([rays.directions, image.known.directions[wanted]])
    if before is None:
        return None, solved
    rays, reached = before  # where the last rays miss, those before are final
    rays.solved, rays.distances = 0, np.linalg.norm(reached.points - rays.centre, axis=1)
    step = rays.settled(enough, 2 * _STEPS, reached)
    if step is not None:
        step = rays.everywhere(step, near / _CLOSER)
        found = step.promises(programs, rays.wanted(step, near)[0])
    solved += rays.solved
    return found if found is None or renamings is None else renamings.completed(found), solved


class _Step(NamedTuple):
    """A step of Newton's method: what the hull of some points generates, and how far rays reach there.

    Attributes
    ----------
    cloud : Cloud
        The points, (m, n).
    crossed : _Crossing
        Where the rays leave what is generated, one of each orbit.
    reached : (k, n) array
        The points there.
    off : (k,) array
        How much farther these are.
    slopes : sparse (k, k) matrix
        The derivatives R'.
    """

    cloud: Cloud
    crossed: _Crossing
    reached: Floats
    off: Floats
    slopes: Sparse

    @property
    def points(self) -> Floats:
        """The points."""
        return self.cloud.points

    @property
    def largest(self) -> float:
        """The largest distance by which the rays reach farther."""
        return float(np.abs(self.off).max())

    def alone(self, programs: Programs) -> Floats:
        """Return how far generated points would lie beyond the corners if they were their own continuations."""
        image, there = self.crossed.image, self.crossed.image.there
        normals = image.known.directions[there]
        alone = (image.points[there] * normals).sum(axis=1) - self.cloud.farthest(normals)[1]
        played = np.flatnonzero((image.owners[there] >= 0) & (alone > STILL))
        at = there[played]
        owners = image.owners[at]
        pulls = programs.pulls(owners, normals[played], image.known.multipliers[owners, at])
        more = (pulls * image.points[at][:, None]).sum(axis=2) - self.cloud.farthest(pulls)[1]
        share = np.maximum(more, 0.0).sum(axis=1) / alone[played]
        alone[played] /= 1.0 - np.minimum(share, programs.discounts.max())
        return np.asarray(alone)

    def promises(self, programs: Programs, more: Indices) -> Promises:
        """Return the points that the rays reach, the corners of faces where these are not of one profile, and more."""
        crossed, image, signals = self.crossed, self.crossed.image, programs.chances.shape[1]
        later = np.zeros((len(image.points), signals, self.points.shape[1]))
        played = np.flatnonzero(image.owners >= 0)
        later[played] = image.found.take(played).continuations(signals, self.points)
        owners = image.owners[crossed.ends]
        same = (owners == owners[:, :1]).all(axis=1)
        mixed = Promises(
            self.reached, owners[:, 0], np.einsum("kj,kjsn->ksn", crossed.shares, later[crossed.ends])
        ).take(np.flatnonzero(same & (owners[:, 0] >= 0)))
        pure = np.union1d(crossed.ends[~same], more)
        return mixed.joined(Promises(image.points[pure], image.owners[pure], later[pure]))


@dataclass(slots=True, eq=False)
class _Rays:
    """Rays from the centre of some points through each, and distances along them.

    Attributes
    ----------
    orbits : Orbits
        The points through which the rays are aimed.
    directions : (D, n) array
        In which what is generated is looked for first.
    known : Known
    solved : int
        How many programs were solved.
    centre, rays, distances : (n,), (m, n) and (m,) arrays
    """

    programs: Programs
    ends: Floats
    orbits: Orbits
    directions: Floats
    known: Known
    renamings: Renamings | None
    solved: int = 0
    centre: Floats = field(init=False)
    rays: Floats = field(init=False)
    distances: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.centre = self.orbits.rows.mean(axis=0)
        self.distances = np.linalg.norm(self.orbits.rows - self.centre, axis=1)
        self.rays = (self.orbits.rows - self.centre) / self.distances[:, None]

    @property
    def points(self) -> Floats:
        """The points at these distances."""
        return self.centre + self.distances[:, None] * self.rays

    def settled(
        self, enough: float, steps: int, step: _Step | None = None, *, nearly: float = 0.0
    ) -> _Step | None:
        """Move until the rays reach no farther, or by no more than `nearly`; None if they miss what they aim at."""
        rough = _ROUGH if self.centre.size > 2 else 0.0  # in the plane, faces cost little
        for _ in range(steps):
            within = enough if step is None else max(enough, rough * step.largest)
            step = self.step(within) if step is None else self._after(step, within)
            if step is None or max(step.largest, within) <= max(enough, nearly):
                break
        return step

    def _after(self, last: _Step, within: float) -> _Step | None:
        """Return the next step; of three and more players a shorter or plain one where Newton's leads astray."""
        before = self.distances
        self.move(last)
        step, moved = self.step(within), self.distances - before
        if self.centre.size == 2:
            return step
        for other in (*(share * moved for share in _SHORTER), last.off[self.orbits.slots]):
            if step is not None and step.largest <= _WORSE * last.largest:
                break
            self.distances = before + other
            step = self.step(within)
        return step

    def move(self, step: _Step) -> None:
        """Move the distances as Newton's method does."""
        move = solution(step.slopes, step.off, ROUGHLY)[self.orbits.slots]
        if self.centre.size > 2:  # in the plane, other methods follow
            move *= min(1.0, _INWARDS / max(float((-move / self.distances).max()), _INWARDS))
        self.distances = self.distances + move

    def step(self, enough: float) -> _Step | None:
        """Return where the rays leave what the hull of the points generates; None if they miss it."""
        if not (self.distances > 0.0).all():
            return None
        cloud, chosen = Cloud(self.points), self.orbits.chosen
        crossed = self._crossed(cloud, enough)
        if crossed is None:
            return None
        self.known = crossed.image.known
        # The ends' own directions keep the centre within what is generated next.
        self.directions = np.vstack([crossed.normals, self.known.directions[np.unique(crossed.ends)]])
        reached = self.centre + crossed.distances[:, None] * self.rays[chosen]
        return _Step(
            cloud, crossed, reached, crossed.distances - self.distances[chosen], self._slopes(crossed)
        )

    def _crossed(self, cloud: Cloud, enough: float) -> _Crossing | None:
        """Return where the rays leave the set that is generated, up to `enough`.

        The hull of points that are generated grows where rays cross it, until no point lies beyond these faces.
        """
        from scipy.spatial import ConvexHull, KDTree, QhullError

        feasible, rays = plans(self.programs, cloud), self.rays[self.orbits.chosen]
        image: _Image | None = None
        directions, there = self.directions, np.zeros(0, np.intp)
        floor = np.full(len(directions), -np.inf)
        for _ in range(_PASSES):
            more = self._look(cloud, directions, floor, feasible, self.known)
            before = 0 if image is None else len(image.points)
            image = more if image is None else image.joined(more)
            there = np.append(there, before + more.there)
            there = there[once(image.points[there], _FINE)[0]]
            try:
                solid = ConvexHull(image.points[there])
            except (QhullError, ValueError):
                return None
            depth = -(solid.equations[:, :-1] @ self.centre + solid.equations[:, -1])
            if not depth.min() > 0.0:
                return None  # the centre lies outside
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
        faces = image.points[there][solid.simplices] - self.centre
        at, weights = walked(
            at,
            solid.neighbors,
            lambda some, cones: _weights(faces[cones][:, None], rays[some], speed[some])[:, 0],
            0.0,
        )
        lost = np.flatnonzero(weights.min(axis=1) < 0.0)
        if lost.size:  # faces without area bar the way
            speeds = rays[lost] @ polar.points.T
            best = np.argpartition(-speeds, min(_TIED, speeds.shape[1]) - 1, axis=1)[:, :_TIED]
            tried = _weights(faces[best], rays[lost], speed[lost])
            rows, good = np.arange(lost.size), tried.min(axis=2).argmax(axis=1)
            at[lost], weights[lost] = best[rows, good], tried[rows, good]
        corner, shares = there[solid.simplices[at]], np.maximum(weights, 0.0)
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), STILL)
        own = np.where((off <= _PARALLEL)[:, None], nearest[:, None], corner)
        return _Crossing(image, 1.0 / speed, normals, corner, shares, own)

    def everywhere(self, step: _Step, enough: float) -> _Step:
        """Look for points generated beyond all faces, those that no ray crosses too, until none is beyond `enough`.

        Then look in the normals of the corners' own faces beyond which points lie: corners that move a little are near
        to where they would rest only in directions between those in which they were found.
        """
        from scipy.spatial import KDTree

        image, feasible = step.crossed.image, plans(self.programs, step.cloud)
        for _ in range(_PASSES):
            faces = _faces(image.points[image.there])
            faces = faces[KDTree(image.known.directions).query(faces[:, :-1])[0] > _PARALLEL]
            found = self._look(step.cloud, faces[:, :-1], -faces[:, -1] + enough, feasible, image.known)
            image = image.joined(found)
            if not found.there.size:
                break
        faces = _faces(step.points)
        far, beyond = _beyond(image.points[image.there], faces)
        best = largest(far, beyond)
        best = best[beyond[best] > enough * (1.0 - float(self.programs.discounts.max()))]
        floor = np.full(len(best), -np.inf)
        image = image.joined(self._look(step.cloud, faces[best, :-1], floor, feasible, image.known))
        return step._replace(crossed=step.crossed._replace(image=image))

    def wanted(self, step: _Step, near: float) -> tuple[Indices, Floats, float]:
        """Return which generated points would add most as corners, where they lead, and the largest loss.

        With all of them as corners the rays would reach farther; those that are used for it are wanted. What a ray
        gains is passed on to those that depend on it. Points that reach far beyond the corners are wanted, too: no ray
        shows what is lost there. So are those that miss most of what they would be as their own continuations.
        """
        there, m = step.crossed.image.there, len(step.points)
        points = step.crossed.image.points[there]
        ahead = self._crossed(Cloud(np.vstack([step.points, points])), _ROUGH * near)
        if ahead is None:
            return np.zeros(0, np.intp), points[:0], np.inf
        gain = np.maximum(ahead.distances - step.crossed.distances, 0.0)
        error, weights = passed_on(step.slopes, gain, near)
        worth, signals = np.zeros(len(points)), self.programs.chances.shape[1]
        for end, share in zip(ahead.ends.T, ahead.shares.T, strict=True):
            played = np.flatnonzero(ahead.image.owners[end] >= 0)
            found = ahead.image.found.take(end[played])
            signal, corner = np.divmod(found.columns, m + len(points))
            used = np.where((signal < signals) & (corner >= m), np.maximum(found.levels, 0.0), 0.0)
            np.add.at(worth, np.maximum(corner - m, 0), used * (weights * gain * share)[played, None])
        most, order = max(_ADDED, m // 2), np.argsort(-worth, kind="stable")
        needed = np.searchsorted(worth[order].cumsum(), (1.0 - _LITTLE) * worth.sum()) + 1
        order = order[: min(max(needed, int(_MORE * m)), most)]
        far, beyond = _beyond(points, _faces(step.points))
        missing = np.argsort(-beyond, kind="stable")[:most]
        missing = far[missing[beyond[missing] > _BEYOND * max(near, error.max())]]
        alone = step.alone(self.programs)
        creeping = np.argsort(-alone, kind="stable")[:most]
        creeping = creeping[alone[creeping] > max(near, error.max())]
        every = np.unique(np.concatenate([order[worth[order] > 0.0], missing, creeping]))
        targets, farther = self._ahead(
            step, there[every], near * (1.0 - float(self.programs.discounts.max()))
        )
        return there[every], targets, float(max(error.max(), farther, beyond.max(initial=0.0)))

    def _ahead(self, step: _Step, chosen: Indices, off: float) -> tuple[Floats, float]:
        """Return where points lead that are corners from now on, and how far beyond the corners that is.

        What is generated in their directions joins the corners, again and again, as long as it moves by more than
        `off`. Of those that still move in the end, it is also foreseen where they come to rest; they are placed in that
        direction, a little outside all the others.
        """
        image, known = step.crossed.image, step.crossed.image.known
        points, normals = image.points[chosen], known.directions[chosen]
        floor, still = (points * normals).sum(axis=1) + off, False
        clouds = [step.cloud, Cloud(np.vstack([step.points, points]))]
        for _ in range(_MOVES):
            more = self._look(clouds[-1], normals, floor, plans(self.programs, clouds[-1]), known)
            still = more.there.size > 0
            if not still:
                break
            points, normals, known = more.points[more.there], more.known.directions[more.there], more.known
            floor = (points * normals).sum(axis=1) + off
            clouds.append(Cloud(np.vstack([clouds[-1].points, points])))
        targets = clouds[-1].points[len(clouds[1].points) :]
        looked = image.known.directions[chosen]
        farther = clouds[-1].farthest(looked)[1] - step.cloud.farthest(looked)[1]
        faces = _faces(clouds[-1].points if still else points[:0])
        depth = -(faces[:, :-1] @ self.centre + faces[:, -1])
        if len(faces) and depth.min() > 0.0:
            (_, first), (at, second), (_, third) = (cloud.farthest(normals) for cloud in clouds[-3:])
            last = third - second
            rate = np.clip(last / np.maximum(second - first, last), 0.0, self.programs.discounts.max())
            times = rate / (1.0 - rate)
            farther = np.append(farther, third - step.cloud.farthest(normals)[1] + times * last)
            resting = points + times[:, None] * (points - clouds[-2].points[at]) - self.centre
            reach = 1.0 / Cloud(faces[:, :-1] / depth[:, None]).farthest(resting)[1]
            resting *= (reach + off / np.linalg.norm(resting, axis=1))[:, None]
            targets = np.vstack([targets, self.centre + resting])
        return targets, float(farther.max(initial=0.0))

    def _look(self, cloud: Cloud, directions: Floats, floor: Floats, feasible: Plans, known: Known) -> _Image:
        """Return what `_image` does, and count the programs."""
        image, count = _image(
            self.programs, self.ends, cloud, directions, floor, feasible, known, self.renamings
        )
        self.solved += count
        return image

    def _slopes(self, crossed: _Crossing) -> Sparse:
        """Return the derivatives R' of the chosen rays' distances."""
        from scipy.sparse import csc_matrix

        image, signals = crossed.image, self.programs.chances.shape[1]
        chosen, slots = self.orbits.chosen, self.orbits.slots
        ahead = (crossed.normals * self.rays[chosen]).sum(axis=1)
        entries: list[tuple[Floats, Indices, Indices]] = []
        for end, share, solved in zip(crossed.ends.T, crossed.shares.T, crossed.solved.T, strict=True):
            k = np.flatnonzero(image.owners[end] >= 0)
            at = end[k]
            owners = image.owners[at]
            multipliers = image.known.multipliers[owners, solved[k]]
            pulls = self.programs.pulls(owners, image.known.directions[solved[k]], multipliers)
            signal, corner = np.divmod(image.found.columns[at], len(self.rays))
            chances = np.where(signal < signals, np.maximum(image.found.levels[at], 0.0), 0.0)
            pull = np.take_along_axis(pulls, np.minimum(signal, signals - 1)[:, :, None], axis=1)
            ray = np.minimum(corner, len(self.rays) - 1)
            slope = chances * (pull * self.rays[ray]).sum(axis=2) * (share / ahead)[k, None]
            entries.append((slope.ravel(), np.repeat(k, ray.shape[1]), slots[ray].ravel()))
        values, rows, columns = (np.concatenate(each) for each in zip(*entries, strict=True))
        return csc_matrix((values, (rows, columns)), shape=(len(chosen),) * 2)


def _faces(points: Floats) -> Floats:
    """Return the normals and offsets of the faces of a hull, none if floats find no hull."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        return np.asarray(ConvexHull(points).equations)
    except (QhullError, ValueError):
        return np.empty((0, points.shape[1] + 1))


def _beyond(points: Floats, faces: Floats) -> tuple[Indices, Floats]:
    """Return which point lies farthest beyond each face, and how far."""
    far, reached = Cloud(points).farthest(faces[:, :-1])
    return far, reached + faces[:, -1]


def _targets(corners: Floats, merge: float, renamings: Renamings | None) -> Orbits:
    """Return the orbits of those that are vertices up to `merge`."""
    kept = extreme(corners, merge)
    if renamings is None:
        return Orbits.single(corners[kept])
    return renamings.group.orbits(corners[renamings.closed(corners, kept)], _ALIKE)


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
    cloud: Cloud,
    directions: Floats,
    floor: Floats,
    feasible: Plans,
    known: Known,
    renamings: Renamings | None,
) -> tuple[_Image, int]:
    """Return the points generated that lie farthest in the directions, beyond the floor, and the programs solved.

    With symmetries, one direction of each orbit is tried and the images are returned, too.
    """
    kept = once(directions, _COARSE)[0]
    directions, floor = directions[kept], floor[kept]
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
    best = winners(programs, cloud, directions, feasible, known.multipliers, floor)
    won = np.flatnonzero(best.owners != NOBODY)
    owners[won] = best.owners[won]
    points[won] = programs.payoffs(owners[won], best.plans.take(won).continuations(signals, cloud.points))
    image = _Image(points, owners, best.plans, known)
    if renamings is not None:
        image = _spread(image, cloud.points, orbits, renamings, signals)
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

r"""The supports of rows over polygons of payoffs, as functions of the polygons' levels, and the payoffs they generate.

A continuation of a row lies in :math:`C = \sum_{s'} P(s') X_{s'}` and above thresholds b, which fall no faster than the
payoffs of the best deviations. The support of the row in a direction q is a linear program. It has four candidates for
dual solutions: no constraint binds, and C is bounded in the direction q; one player's constraint binds with a weight z,
and C is bounded in the direction m = q + z e, the normal of the edge that crosses her threshold; or both constraints
bind, and m = 0. Each successor bounds m by the two of its own faces around m, with non-negative weights. So each of the
four gives a bound that is affine in the levels and valid at all levels, and the least of the four is the value of the
program.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Affine, Indices
from bargaining.equilibria._plane.kinds import SLACK
from bargaining.equilibria._plane.model import Mask, Model
from bargaining.equilibria._plane.polygon import Polygon, outline
from bargaining.equilibria.stochastic._bounds.faces import Faces

_MISSED = 1e-12  # of the unit box: a row that misses its thresholds by this much cannot be played
_STEEP = 1e5  # weights up to which rounding does not matter
_ROUNDING = 1e-15  # of a weight: large terms nearly cancel along a steep edge
_MET = 1e-13  # thresholds missed by less count as met when sets are shown to be self-generating


class Ahead(NamedTuple):
    """The states that may follow each row and their probabilities, padded with zeros, each of shape (N, K)."""

    states: Indices
    chances: Floats

    @classmethod
    def of(cls, model: Model) -> Ahead:
        """Read the transitions."""
        some = model.transitions > 0.0
        width = int(some.sum(axis=1).max())
        states = np.argsort(~some, axis=1, kind="stable")[:, :width]
        chances = np.take_along_axis(model.transitions, states, axis=1)
        return cls(np.where(chances > 0.0, states, states[:, :1]), chances)

    def take(self, rows: Indices) -> Ahead:
        """Return the data of some rows."""
        return Ahead(self.states[rows], self.chances[rows])


class Edges(NamedTuple):
    """The boundaries of the continuations of all rows: row by row, edges in the order of angles."""

    row: Indices  # (E,) the place of the row
    face: Indices  # (E,)
    start: Floats  # (E, 2)
    end: Floats  # (E, 2)

    @classmethod
    def of(cls, faces: Faces, ahead: Ahead) -> Edges:
        """Merge the edges of all successors."""
        count = np.where(ahead.chances > 0.0, np.diff(faces.first)[ahead.states], 0).ravel()
        begin = np.repeat(faces.first[ahead.states].ravel() - (np.cumsum(count) - count), count)
        face = begin + np.arange(begin.size)
        row = np.repeat(np.repeat(np.arange(len(ahead.states)), ahead.states.shape[1]), count)
        chance = np.repeat(ahead.chances.ravel(), count)
        order = np.lexsort((faces.keys[face] - 8.0 * faces.state[face], row))
        row, face, chance = row[order], face[order], chance[order]
        steps = chance[:, None] * (faces.corners - faces.before)[face]
        last = faces.corners[faces.first[1:][ahead.states] - 1]
        origin = (ahead.chances[:, :, None] * last).sum(axis=1)
        total = np.cumsum(steps, axis=0)
        sizes = np.bincount(row, minlength=len(origin))
        past = np.vstack([np.zeros(2), total])[np.cumsum(sizes) - sizes]
        end = total + (origin - past)[row]
        return cls(row, face, end - steps, end)

    def crossing(self, needed: Floats) -> tuple[Indices, Floats]:
        """Return the edge that crosses each threshold, above and below (-1 if there is none), and where it does.

        Shape (2, 2, R) and (2, 2, R): the player whose threshold it is, the side, the row; the place is the other
        player's continuation.
        """
        edges, where = np.full((2, 2, needed.shape[1]), -1), np.zeros((2, 2, needed.shape[1]))
        for i in (0, 1):
            bar = needed[i, self.row]
            one, two = self.start[:, i], self.end[:, i]
            # Counter-clockwise the first player's payoff falls along the top, the second one's rises at the right.
            for side, (low, high) in enumerate(
                ((two, one), (one, two)) if i == 0 else ((one, two), (two, one))
            ):
                here = np.flatnonzero((low <= bar) & (bar < high))
                row = self.row[here]
                edges[i, side, row] = here
                share = (bar[here] - one[here]) / (two[here] - one[here])
                other = self.start[here, 1 - i], self.end[here, 1 - i]
                where[i, side, row] = other[0] + share * (other[1] - other[0])
        return edges, where


class Held(NamedTuple):
    """Thresholds of rows, and how they depend on the levels; the first axis is the player."""

    needed: Floats  # (2, R)
    constant: Floats  # (2, R)
    replies: Indices  # (2, R): the best deviation
    falls: Mask  # (2, R): whether the threshold moves with the levels

    @classmethod
    def of(cls, model: Model, rows: Indices, threat: Floats, eased: float) -> Held:
        """Punish by the lowest payoffs, shape (S, 2), infinite in a state without any; lower thresholds by `eased`."""
        worth = model.values(threat)
        groups = [model.replies[i].argbest(worth[i])[model.replies[i].group[rows]] for i in (0, 1)]
        replies, now = np.stack(groups), model.now[:, rows]
        best = np.take_along_axis(worth, replies, axis=1)
        own = model.own[model.state[rows]].T
        gives = np.where(own >= best, own, np.take_along_axis(model.now, replies, axis=1))
        with np.errstate(divide="ignore", invalid="ignore"):
            impatient = np.where(np.maximum(best, own) > now + SLACK, np.inf, -np.inf)
            needed, constant = ((part - now) / model.discounts for part in (np.maximum(best, own), gives))
        patient = model.discounts > 0.0
        needed, constant = np.where(patient, needed, impatient) - eased, constant - eased
        return cls(needed, np.where(patient, constant, 0.0), replies, patient & (own < best))


class Duals(NamedTuple):
    """Bounds of rows at faces of their states: faces of successors with weights, and weights of the thresholds."""

    numbers: Indices  # (P,) the row of the game
    faces: Indices  # (P,)
    constant: Floats  # (P,)
    weights: Floats  # (P, 2 K)
    columns: Indices  # (P, 2 K)
    cuts: Floats  # (2, P)
    replies: Indices  # (2, P): the best deviation that sets the threshold
    falls: Mask  # (2, P): whether the threshold moves with the levels


class Operator:
    """The operator on polygons of all states, each bounded by its own faces."""

    def __init__(self, model: Model, eased: float = 0.0) -> None:
        self.model, self.ahead, self.eased = model, Ahead.of(model), eased
        self.leaves = [np.array([leave.payoffs for leave in some]).reshape(-1, 2) for some in model.leaves]

    def playable(self, faces: Faces, alive: Mask) -> Indices:
        """Return the live rows that lead to no state without payoffs."""
        empty = np.diff(faces.first) == 0
        dead = (empty[self.ahead.states] & (self.ahead.chances > 0.0)).any(axis=1)
        return np.flatnonzero(alive & ~dead)

    def generated(
        self, faces: Faces, threat: Floats, alive: Mask, polygons: list[Polygon]
    ) -> tuple[list[Polygon], Mask]:
        """Return the hull of what live rows generate with continuations in the sets, and which rows generate any."""
        rows = self.playable(faces, alive)
        edges, held = Edges.of(faces, self.ahead.take(rows)), Held.of(self.model, rows, threat, self.eased)
        needed, (found, other) = held.needed, edges.crossing(held.needed)
        free = (edges.end >= needed.T[edges.row] - _MET).all(axis=1)
        points, owners = [edges.end[free]], [edges.row[free]]
        for i in (0, 1):
            for side in (0, 1):
                here = np.flatnonzero((found[i, side] >= 0) & (other[i, side] >= needed[1 - i] - _MET))
                place = np.empty((here.size, 2))
                place[:, i], place[:, 1 - i] = needed[i, here], other[i, side, here]
                points.append(place)
                owners.append(here)
        # Both bind, if that point lies between the two sides.
        both = (found[0] >= 0).all(axis=0) & (other[0, 1] <= needed[1]) & (needed[1] <= other[0, 0])
        points.append(needed.T[both])
        owners.append(np.flatnonzero(both))
        owner, after = np.concatenate(owners), np.concatenate(points)
        lives = np.zeros_like(alive)
        lives[rows[owner]] = True
        payoffs = (self.model.now[:, rows[owner]] + self.model.discounts * after.T).T
        state = self.model.state[rows[owner]]
        order = np.argsort(state, kind="stable")
        bounds = np.searchsorted(state[order], np.arange(len(self.leaves) + 1))
        out = []
        for s, leaves in enumerate(self.leaves):
            every = np.vstack([payoffs[order[bounds[s] : bounds[s + 1]]], leaves]).T
            corners = outline(every, polygons[s]) if every.shape[1] else []
            out.append(list(zip(*every[:, corners].tolist(), strict=True)))
        return out, lives

    def functions(self, faces: Faces, alive: Mask) -> tuple[Affine, Mask]:
        """Return the least bound of each row in each direction of its state, and which rows can still be played."""
        duals, lives = self.duals(faces, alive)
        weights, columns = [duals.weights], [duals.columns]
        for i in (0, 1):
            reply = duals.replies[i]
            weights.append((duals.cuts[i] * duals.falls[i])[:, None] * self.ahead.chances[reply])
            columns.append(faces.lower[self.ahead.states[reply], i])
        functions = Affine(duals.faces, duals.constant, np.hstack(weights), np.hstack(columns))
        return functions.and_at_least(self._left(faces)), lives

    def duals(self, faces: Faces, alive: Mask) -> tuple[Duals, Mask]:
        """Return the duals of the functions, except for those of leaving, and which rows can still be played."""
        model, rows = self.model, self.playable(faces, alive)
        ahead, held = self.ahead.take(rows), Held.of(model, rows, faces.lowest(), self.eased)
        edges = Edges.of(faces, ahead)
        found, _ = edges.crossing(held.needed)
        cross = np.zeros((2, 2, len(rows), 2))
        cross[found >= 0] = faces.normals[edges.face[found[found >= 0]]]
        sides = [self._supports(faces, ahead, cross[i, side]) for i in (0, 1) for side in (0, 1)]
        lives = np.zeros_like(alive)
        lives[rows] = ~self._missed(held, cross, sides, faces, ahead)
        # Pairs of a row and a face of its state.
        count = np.diff(faces.first)[model.state[rows]]
        row = np.repeat(np.arange(len(rows)), count)
        begin = np.repeat(faces.first[model.state[rows]] - (np.cumsum(count) - count), count)
        face = begin + np.arange(begin.size)
        kept = lives[rows[row]]
        row, face = row[kept], face[kept]
        normal = faces.normals[face]
        pull = normal * model.discounts[:, 0]
        start = (normal * model.now[:, rows[row]].T).sum(axis=1)
        needed = held.needed[:, row]
        free = self._supports(faces, Ahead(ahead.states[row], ahead.chances[row]), pull)
        values = [start + free.value]
        kinds = [(np.ones(len(row)), np.zeros((2, len(row))))]
        for i in (0, 1):
            side = np.where(pull[:, 1 - i] >= 0.0, 0, 1)
            m = cross[i, side, row]
            with np.errstate(divide="ignore", invalid="ignore"):
                mu = np.where(m[:, 1 - i] != 0.0, pull[:, 1 - i] / m[:, 1 - i], 0.0)
                z = mu * m[:, i] - pull[:, i]
            good = (mu > 0.0) & (mu < _STEEP) & (z >= 0.0) & (z < _STEEP) & (found[i, side, row] >= 0)
            reach = np.where(side == 0, sides[2 * i].value[row], sides[2 * i + 1].value[row])
            value = start + mu * reach - z * np.where(good, needed[i], 0.0) + _ROUNDING * (mu + z)
            values.append(np.where(good, value, np.inf))
            cut = np.zeros((2, len(row)))
            cut[i] = np.where(good, z, 0.0)
            kinds.append((np.where(good, mu, 0.0), cut))
        both = (pull <= 0.0).all(axis=1) & ((np.isfinite(needed)) | (pull.T == 0.0)).all(axis=0)
        floor = np.where(np.isfinite(needed), needed, 0.0)
        values.append(np.where(both, start + (pull * floor.T).sum(axis=1), np.inf))
        kinds.append((np.zeros(len(row)), np.where(both, -pull.T, 0.0)))
        best = np.argmin(values, axis=0)
        each = np.arange(len(row))
        scale = np.stack([kind[0] for kind in kinds])[best, each]
        cuts = np.stack([kind[1] for kind in kinds])[best, :, each].T
        one, other, before, after, rest = (part.copy() for part in free[:5])
        for i in (0, 1):
            for k in (0, 1):
                here = np.flatnonzero((best == 1 + i) & (np.where(pull[:, 1 - i] >= 0.0, 0, 1) == k))
                crossed, at = sides[2 * i + k], row[here]
                one[here], other[here], rest[here] = crossed.one[at], crossed.other[at], crossed.rest[at]
                before[here], after[here] = crossed.before[at], crossed.after[at]
        constant = (
            start
            + scale * rest
            + _ROUNDING * (scale + cuts.sum(axis=0))
            - (cuts * np.where(cuts > 0.0, held.constant[:, row], 0.0)).sum(axis=0)
        )
        duals = Duals(
            rows[row],
            face,
            constant,
            scale[:, None] * np.hstack([one, other]),
            np.hstack([before, after]),
            cuts,
            held.replies[:, row],
            held.falls[:, row],
        )
        return duals, lives

    def _left(self, faces: Faces) -> Floats:
        """Return the support of the outcomes of leaving at each face."""
        out = np.full(len(faces.state), -np.inf)
        for s, leaves in enumerate(self.leaves):
            here = slice(faces.first[s], faces.first[s + 1])
            out[here] = (faces.normals[here] @ leaves.T).max(axis=1, initial=-np.inf)
        return out

    def _supports(self, faces: Faces, ahead: Ahead, pulls: Floats) -> _Supports:
        """Bound continuations in directions, one for each row."""
        each = np.broadcast_to(pulls[:, None], (*ahead.states.shape, 2))
        before, after = faces.around(ahead.states, each)
        one, other, rest = faces.weights(before, after, each)
        one, other = ahead.chances * one, ahead.chances * other
        rest = (ahead.chances * rest).sum(axis=1)
        value = (one * faces.levels[before] + other * faces.levels[after]).sum(axis=1) + rest
        return _Supports(one, other, before, after, rest, value)

    def _missed(self, held: Held, cross: Floats, sides: list[_Supports], faces: Faces, ahead: Ahead) -> Mask:
        """Say which rows cannot be played because their thresholds lie beyond a face of the continuations."""
        needed = held.needed
        out: Mask = np.any(needed == np.inf, axis=0)
        floor = np.where(np.isfinite(needed), needed, -1e9).T
        for axis in (0, 1):
            e = np.zeros((len(out), 2))
            e[:, axis] = 1.0
            out |= floor[:, axis] > self._supports(faces, ahead, e).value + _MISSED
        for i, side in ((0, 0), (1, 0)):
            normal = cross[i, side]
            counts = (normal >= 0.0).all(axis=1) & normal.any(axis=1) & np.isfinite(needed).all(axis=0)
            out |= counts & ((normal * floor).sum(axis=1) > sides[2 * i + side].value + _MISSED)
        return out


class _Supports(NamedTuple):
    """The support of continuations, with the weights of two faces of each successor."""

    one: Floats  # (R, K)
    other: Floats  # (R, K)
    before: Indices  # (R, K)
    after: Indices  # (R, K)
    rest: Floats  # (R,)
    value: Floats  # (R,)

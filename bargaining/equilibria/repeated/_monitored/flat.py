"""Sets that lie in a plane or on a line: the programs of three and more players in fewer coordinates.

With equal patience, every payoff of an equilibrium lies in the affine hull of the stage payoffs of the profiles that
are played, and of what players get who leave. Where few profiles can be played, this hull is flat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import Leave
from bargaining.equilibria._plane.polygon import Point
from bargaining.equilibria.repeated._monitored.data import Data
from bargaining.equilibria.repeated._monitored.programs import Programs

_THIN = 1e-12  # of the unit box: points this near to a plane lie in it


@dataclass(frozen=True, slots=True, eq=False)
class Flat:
    """Coordinates x of a flat set, in the unit box: the payoffs are ``base + size * x @ axes``.

    Attributes
    ----------
    base : (n,) array
    axes : (m, n) array
        Orthonormal. A line is a part of a plane: m is at least 2.
    size : float
    """

    base: Floats
    axes: Floats
    size: float

    @classmethod
    def of(cls, points: Floats) -> Flat | None:
        """Return coordinates of the affine hull of some points; None if it is the whole space."""
        n = points.shape[1]
        centre = points.mean(axis=0)
        spread = points - centre
        _, widths, axes = np.linalg.svd(np.vstack([spread, np.zeros((n, n))]), full_matrices=False)
        m = max(int((widths > _THIN).sum()), 2)
        if m >= n:
            return None
        local = spread @ axes[:m].T
        size = float(np.ptp(local, axis=0).max())
        return cls(centre + local.min(axis=0) @ axes[:m], axes[:m], size if size > 0.0 else 1.0)

    def inside(self, points: Floats) -> Floats:
        """Return the coordinates of points of the hull."""
        return np.asarray((points - self.base) @ self.axes.T / self.size)

    def outside(self, points: Floats) -> Floats:
        """Return the points with some coordinates."""
        return np.asarray(self.base + self.size * points @ self.axes)

    def data(self, programs: Programs, ends: Floats) -> Data:
        """Return the programs of profiles in these coordinates, and outcomes of leaving."""
        m, patience = len(self.axes), 1.0 - programs.discounts[0]
        payoffs = self.inside(programs.now / patience)
        within = Programs(
            patience * payoffs,
            programs.discounts[:m],
            programs.chances,
            self.size * programs.views @ self.axes.T,
            programs.weights,
            programs.limits - programs.weights.sum(axis=2) * (programs.views @ self.base),
        )
        leaves = [Leave(cast("Point", tuple(end.tolist()))) for end in self.inside(ends)]
        return Data(within, payoffs, leaves, np.zeros(m), np.ones(m))

    def normals(self, directions: Floats) -> Floats:
        """Return directions (F, m) in the space of payoffs, and both ways off the hull."""
        off = np.linalg.qr(self.axes.T, mode="complete")[0][:, len(self.axes) :].T
        return np.vstack([directions @ self.axes, off, -off])

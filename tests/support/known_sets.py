"""Concave programs that many tests solve."""

import numpy as np

from bargaining import ConvexProgram

VALUES = np.array([[3.0, 1.0], [1.0, 3.0]])


def two_issues(scale=1.0, offset=0.0) -> ConvexProgram:
    """Return two issues to divide, of which each player prefers another: scale (sum_j v_ij sqrt(share_ij) + offset)."""
    size = np.broadcast_to(scale, 2)[:, None]
    return ConvexProgram(
        lambda z: scale * (np.array([VALUES[0] @ np.sqrt(z), VALUES[1] @ np.sqrt(1 - z)]) + offset),
        lambda z: size * np.array([VALUES[0] / 2 / np.sqrt(z), -VALUES[1] / 2 / np.sqrt(1 - z)]),
        lower=[0, 0],
        upper=[1, 1],
    )


def disc(square: float = 1.0, lower: float = 0.0, **start) -> ConvexProgram:
    """Return all payoffs from `lower` to 2 whose squares sum to no more than `square`."""
    return ConvexProgram(
        lambda z: z,
        lambda z: np.eye(2),
        lower=[lower] * 2,
        upper=[2, 2],
        constraints=lambda z: np.array([z @ z - square]),
        constraint_jacobian=lambda z: 2 * z[None],
        **start,
    )

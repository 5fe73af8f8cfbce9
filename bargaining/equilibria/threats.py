"""Bargaining when the players choose the threats themselves: Nash's variable threats and the coco value."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats, record
from bargaining._calls import suggesting
from bargaining._rational import Rationals, floats, product, rational
from bargaining.division import Division
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.feasible._polygon import pareto, ring
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.games.normal_form import Game, MatrixGame, matrix_game
from bargaining.problem import Problem

Point = tuple[Fraction, Fraction]

_SIMPLE = 1000  # the largest denominator of a weight that is tried as the exact one


@record
class ThreatDivision(Division):
    """A division between two players, with the threats that support it.

    The disagreement point of `problem` has the payoffs of these threats.

    Attributes
    ----------
    threats : tuple of two ndarrays
        The mixed action that each player would carry out without an agreement. If several are
        optimal one of them is given; the payoffs are the same for all.
    weights : ndarray of shape (2,)
        The rates at which utility is compared at the solution, positive in general and summing to one: the
        normal of the frontier there that equates the weighted gains.
    exact : tuple of Fraction
        The payoffs in exact arithmetic.
    """

    threats: tuple[Floats, Floats]
    weights: Floats
    exact: Point


@suggesting
def coco_value(A: ArrayLike | Game, B: ArrayLike | None = None) -> ThreatDivision:
    r"""Divide by variable threats with transferable utility: the cooperative-competitive value.

    The players together get the largest sum, and split it in favour of whoever has the advantage:

    .. math:: s = \max_{ij} (A + B)_{ij}, \quad v = \operatorname{val}(A - B), \quad
              u = \left(\tfrac{s + v}{2}, \tfrac{s - v}{2}\right).

    Parameters
    ----------
    A, B : array_like of shape (m, n)
        Payoffs of players 0 and 1 in one unit of transferable utility. Player 0 chooses the row. A `Game` alone gives
        both.

    Returns
    -------
    ThreatDivision
        `problem` has all payoffs with a sum of at most s as feasible set.

    Notes
    -----
    Computed in exact arithmetic. The game is the sum of a game of common interest, (A + B)/2, and a zero-sum game,
    (A - B)/2 (Kalai & Kalai 2013). The value equals the equal split of the surplus with the threats
    of the zero-sum game A - B as disagreement point.

    References
    ----------
    Kalai, A. and Kalai, E. (2013). Cooperation in strategic games revisited. *Quarterly Journal of Economics* 128(2),
    917-966. doi:10.1093/qje/qjs074

    Examples
    --------
    >>> from bargaining import coco_value
    >>> coco_value([[1, 2, 0], [4, 1, 2], [5, 2, 0]], [[5, 2, 1], [2, 0, 1], [0, 3, 0]]).payoffs
    array([3.5, 2.5])
    """
    first, second, names = _pair(A, B)
    total = max((first + second).ravel())
    advantage = matrix_game(first - second)
    exact = ((total + advantage.value) / 2, (total - advantage.value) / 2)
    half = (Fraction(1, 2), Fraction(1, 2))
    feasible = TransferableSurplus(float(total))
    return _division("coco_value", feasible, first, second, advantage, half, exact, names)


@suggesting
def variable_threats(A: ArrayLike | Game, B: ArrayLike | None = None) -> ThreatDivision:
    r"""Return the Nash solution with disagreement payoffs from threats that the two players choose.

    First each player commits to a mixed action, the threat. Then they agree on the Nash solution over the hull of the
    payoffs, with the payoffs of the threats as the disagreement point. In the equilibrium of the first stage there
    are weights :math:`\lambda \ge 0` with

    .. math:: u = \left(\frac{s + v}{2\lambda_0}, \frac{s - v}{2\lambda_1}\right) \in S, \quad
              s = \max_{x \in S} \lambda \cdot x, \quad
              v = \operatorname{val}(\lambda_0 A - \lambda_1 B).

    Parameters
    ----------
    A, B : array_like of shape (m, n)
        Payoffs of players 0 and 1, each in its own utility. Player 0 chooses the row. A `Game` alone gives both.

    Returns
    -------
    ThreatDivision
        `problem` has the hull of the payoffs, without disposal or transfers, as feasible set. The status is
        DEGENERATE if the threats leave somebody nothing to gain.

    Notes
    -----
    Payoffs of the solution are unique (proposition `threats-unique`). On an edge of the frontier the weights are
    known, so one matrix game says whether the solution lies on it or on which side of it; bisection finds the edge or
    the vertex. All of this is exact. At a vertex only the weights, and with them the threats, remain to be found: a
    root of :math:`\operatorname{val}(\lambda_0 (A - u_0) - \lambda_1 (B - u_1))`, which is in general not rational.

    References
    ----------
    Nash, J. F. (1953). Two-person cooperative games. *Econometrica* 21(1), 128-140. doi:10.2307/1906951

    Examples
    --------
    >>> from bargaining import variable_threats
    >>> division = variable_threats([[2, 0], [4, 1]], [[1, 3], [0, 1]])
    >>> division.exact
    (Fraction(11, 6), Fraction(13, 8))
    >>> division.threats  # the second row against the second column, which pays (1, 1)
    (array([0., 1.]), array([0., 1.]))
    """
    first, second, names = _pair(A, B)
    chain: list[Point] = pareto(ring(zip(first.ravel(), second.ravel(), strict=True)))
    exact, weights = _locate(chain, first, second)
    threats = matrix_game(weights[0] * first - weights[1] * second)
    feasible = Polytope(np.stack([floats(first).ravel(), floats(second).ravel()], axis=-1))
    return _division("variable_threats", feasible, first, second, threats, weights, exact, names)


def _pair(A: Any, B: Any) -> tuple[Rationals, Rationals, tuple[str, ...] | None]:
    if isinstance(A, Game) and B is None:
        if A.players != 2:
            raise NotApplicable(f"Threats are for two players; the game has {A.players}.")
        return A.exact[..., 0], A.exact[..., 1], A.player_names if A.has_names else None
    if B is None:
        raise InvalidInput("`B` must be given with `A`; got `A` alone. For zero-sum payoffs write B=-A.")
    first, second = rational(A, "A", ndim=2), rational(B, "B", ndim=2)
    if first.shape != second.shape:
        raise InvalidInput(f"`A` and `B` must have one shape; got {first.shape} and {second.shape}.")
    return first, second, None


def _locate(chain: list[Point], first: Rationals, second: Rationals) -> tuple[Point, Point]:
    """Return the solution's payoffs and its weights."""
    low, high = 0, len(chain) - 1
    bounds = [Fraction(0), Fraction(1)]
    while low < high:
        edge = (low + high) // 2
        left, right = chain[edge : edge + 2]
        weights = _normal(left, right)
        total = weights[0] * left[0] + weights[1] * left[1]
        advantage = matrix_game(weights[0] * first - weights[1] * second).value
        if advantage < weights[0] * left[0] - weights[1] * left[1]:
            high, bounds[1] = edge, weights[0]
        elif advantage > weights[0] * right[0] - weights[1] * right[1]:
            low, bounds[0] = edge + 1, weights[0]
        else:
            return ((total + advantage) / (2 * weights[0]), (total - advantage) / (2 * weights[1])), weights
    weight = _weight(chain[low], bounds, first, second)
    return chain[low], (weight, 1 - weight)


def _normal(left: Point, right: Point) -> Point:
    rise, run = left[1] - right[1], right[0] - left[0]
    return rise / (rise + run), run / (rise + run)


def _weight(point: Point, bounds: list[Fraction], first: Rationals, second: Rationals) -> Fraction:
    """Find player 0's weight at which the threats equate the weighted gains at a vertex.

    The advantage over the vertex falls from positive to negative between the bounds. Each utility is put on
    its own range, so that the float root is as good as it can be whatever the units.
    """
    from scipy.optimize import brentq

    spans = [max(array.ravel()) - min(array.ravel()) or Fraction(1) for array in (first, second)]
    ahead, behind = (first - point[0]) / spans[0], (second - point[1]) / spans[1]

    def advantage(share: Fraction) -> Fraction:
        return matrix_game(share * ahead - (1 - share) * behind).value

    ends = [float(w * spans[0] / (w * spans[0] + (1 - w) * spans[1])) for w in bounds]
    values = [advantage(Fraction(t)) for t in ends]
    if values[0] <= 0 or values[1] >= 0:
        root = ends[int(values[0] > 0)]
    else:
        # The advantage may be flat on one side of its root, where only halving comes closer.
        exactness = {"xtol": 1e-300, "rtol": 4 * np.finfo(float).eps, "maxiter": 1000}
        root = float(brentq(lambda t: float(advantage(Fraction(t))), *ends, **exactness))
    simple = Fraction(root).limit_denominator(_SIMPLE)
    share = Fraction(root) if advantage(simple) else simple
    return share * spans[1] / (share * spans[1] + (1 - share) * spans[0])


def _division(
    method: str,
    feasible: Polytope | TransferableSurplus,
    first: Rationals,
    second: Rationals,
    threats: MatrixGame,
    weights: Point,
    exact: Point,
    names: tuple[str, ...] | None,
) -> ThreatDivision:
    pays = _expected(first, threats), _expected(second, threats)
    gains = exact[0] - pays[0], exact[1] - pays[1]
    residual = _residual(first, second, threats, weights, gains)
    payoffs = floats(exact)
    payoffs.flags.writeable = False
    status = Status.DEGENERATE if min(gains) <= 0 else Status.OK
    return ThreatDivision(
        payoffs=payoffs,
        status=status if residual <= 1e-12 else Status.INACCURATE,
        method=method,
        residual=residual,
        problem=Problem(feasible, floats(pays), players=names),
        parameters={"A": floats(first), "B": floats(second)},
        threats=(floats(threats.row), floats(threats.column)),
        weights=floats(weights),
        exact=exact,
    )


def _expected(payoffs: Rationals, threats: MatrixGame) -> Fraction:
    row, column = np.array(threats.row, dtype=object), np.array(threats.column, dtype=object)
    expected: Fraction = product(row, payoffs, column)
    return expected


def _residual(
    first: Rationals, second: Rationals, threats: MatrixGame, weights: Point, gains: Point
) -> float:
    """Return the larger of the inequality of weighted gains and the gains from another threat."""
    matrix = weights[0] * first - weights[1] * second
    row, column = np.array(threats.row, dtype=object), np.array(threats.column, dtype=object)
    spread = max(max(x.ravel()) - min(x.ravel()) for x in (weights[0] * first, weights[1] * second))
    unequal = abs(weights[0] * gains[0] - weights[1] * gains[1])
    better = max(product(matrix, column)) - min(product(row, matrix))
    return float(max(unequal, better) / spread) if spread else 0.0

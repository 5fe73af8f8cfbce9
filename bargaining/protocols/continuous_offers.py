"""Continuous offers: the limit of alternating offers as the period between them shrinks."""

from __future__ import annotations

from dataclasses import KW_ONLY, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import answer_of
from bargaining._arrays import Floats, fill, per_player, real, record, within
from bargaining._names import Names
from bargaining._rich import Shown
from bargaining.division import Division, describe, divide
from bargaining.errors import InvalidInput, Status
from bargaining.feasible.base import FeasibleSet, best_product
from bargaining.feasible.transform import convex_only
from bargaining.problem import Problem, require_problem
from bargaining.protocols._offers import best_response, require_two
from bargaining.protocols._seats import UNLABELLED, batch_of, pie, seated, take_seats

_BY_PLAYER = ("rates", "inside", "breakdown_payoffs", "outside")


@record(kw_only=False)
class ContinuousOffers(Shown):
    r"""Two players make alternating offers with a vanishing period between them.

    Timing: the limit of `AlternatingOffers` with :math:`\delta_i = e^{-r_i \Delta}` and breakdown probability
    :math:`1 - e^{-\lambda \Delta}` as the period :math:`\Delta \to 0`. While talks last player i receives the flow
    :math:`g_i` (an *inside option*); they break down at rate :math:`\lambda` and then pay :math:`b_i`
    (a *breakdown payoff*); the responder may leave after rejecting and take :math:`o_i` (an *outside
    option*). The payoff of talking for ever is

    .. math:: t_i = \frac{g_i + \lambda b_i}{r_i + \lambda},

    and the division is the Nash solution with disagreement point t and weights proportional to :math:`r_j + \lambda`
    for player i, adjusted if it would give a player less than the outside option.

    Parameters
    ----------
    rates : array_like, shape (2,) or (..., 2)
        Discount rates per unit of time, not negative.
    inside : array_like, shape (2,) or (..., 2), optional
        Flows per unit of time while talks last; by default :math:`r_i d_i`, which is worth the disagreement point.
    breakdown : array_like, default 0
        Rate of breakdown per unit of time.
    breakdown_payoffs : array_like, shape (2,) or (..., 2), optional
        Payoffs after a breakdown, in present value; the disagreement point by default.
    outside : array_like, shape (2,) or (..., 2), optional
        Payoffs to a responder who leaves, in present value; by default nobody leaves.

    players : sequence of str, optional
        Names of the players, in the order of parameters with an entry per player; by default those of parameters given
        by name. A problem between them may have them in another order.

    Raises
    ------
    InvalidInput
        If a rate is negative, or a player has neither a positive rate nor a risk of breakdown.
    NotApplicable
        When called on a problem with other than two players, or a set that is not convex: without lotteries equilibria
        with short periods can have several limits (Herrero 1989, "The Nash program: non-convex bargaining problems",
        J. of Economic Theory 49).

    Notes
    -----
    The three alternatives are separate arguments because their effects differ. A flow g changes t by
    :math:`g/(r+\lambda)` and a breakdown payoff by :math:`\lambda b/(r+\lambda)`, however small they are. An outside
    option has no effect until it exceeds its owner's payoff without it; from then on the payoff equals the option.
    Where no agreement gives both their options the status is EMPTY.

    References
    ----------
    Binmore, K., Rubinstein, A. and Wolinsky, A. (1986). The Nash bargaining solution in economic modelling. *RAND
    Journal of Economics* 17(2), 176-188. doi:10.2307/2555382

    Muthoo, A. (1999). *Bargaining Theory with Applications*. Cambridge University Press. doi:10.1017/CBO9780511751691
    Chapters 3 to 6.

    Examples
    --------
    >>> from bargaining import ContinuousOffers, Problem, TransferableSurplus
    >>> pie = Problem(TransferableSurplus(1.0), [0.0, 0.0])
    >>> ContinuousOffers([0.1, 0.05])(pie).payoffs
    array([0.33333333, 0.66666667])
    >>> ContinuousOffers([0.1, 0.05], outside=[0.4, 0.0])(pie).payoffs
    array([0.4, 0.6])
    """

    rates: ArrayLike
    _: KW_ONLY
    inside: ArrayLike | None = None
    breakdown: ArrayLike = 0.0
    breakdown_payoffs: ArrayLike | None = None
    outside: ArrayLike | None = None
    players: Names | None = field(default=None, metadata=UNLABELLED)

    def __post_init__(self) -> None:
        take_seats(self, *_BY_PLAYER)
        rates = within(per_player(self.rates, "rates", 2), "rates", 0.0, np.inf)
        hazard = within(real(self.breakdown, "breakdown"), "breakdown", 0.0, np.inf)
        if ((rates + hazard[..., None]) == 0).any():
            raise InvalidInput(
                "`rates` must be positive, or `breakdown` be: a player who loses nothing by waiting never "
                f"agrees; got rates {rates.tolist()} and breakdown {hazard.tolist()}."
            )
        fill(self, rates=rates, breakdown=hazard)
        for name in ("inside", "breakdown_payoffs", "outside"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, per_player(value, name, 2, payoffs=True))

    def threat(self, problem: Problem) -> Floats:
        """Return the payoffs of talking for ever, from which gains are measured; shape (..., 2)."""
        require_problem(problem)
        if (other := seated(self, problem, *_BY_PLAYER)) is not self:
            return other.threat(problem)
        d, rates, hazard = problem.disagreement, np.asarray(self.rates), np.asarray(self.breakdown)[..., None]
        flow = rates * d if self.inside is None else np.asarray(self.inside)
        ruin = d if self.breakdown_payoffs is None else np.asarray(self.breakdown_payoffs)
        outside = d if self.outside is None else np.asarray(self.outside)
        batch_of(problem, rates=rates, inside=flow, breakdown=hazard, breakdown_payoffs=ruin, outside=outside)
        threat: Floats = (flow + hazard * ruin) / (rates + hazard)
        return threat

    @property
    def weights(self) -> Floats:
        """The bargaining weights implied by impatience, shape (..., 2)."""
        speed = np.asarray(self.rates) + np.asarray(self.breakdown)[..., None]
        weights: Floats = speed[..., ::-1] / speed.sum(axis=-1, keepdims=True)
        return weights

    def __call__(self, problem: Problem | None = None) -> Division:
        """Return the limit division; by default of a pie of 1."""
        problem = pie(problem, self.players)
        require_problem(problem)
        if (other := seated(self, problem, *_BY_PLAYER)) is not self:
            return other(problem)
        payoffs, residual, status, floor, ideal = self._limit(problem)
        return divide(problem, describe(self), payoffs, residual, status, ideal=ideal, floor=floor)

    def check(self, division: Division) -> Division:
        """Return a division with `residual` and `status` computed anew from its payoffs.

        The residual is the distance of the payoffs from the weighted Nash solution, adjusted for the options, over the
        range of gains, or the residual of that solution if it is larger.
        """
        problem = answer_of(division, "division", Division, problem=True).problem
        assert problem is not None
        if (other := seated(self, problem, *_BY_PLAYER)) is not self:
            return other.check(division)
        payoffs, residual, status, floor, ideal = self._limit(problem)
        with np.errstate(all="ignore"):
            apart = np.abs(division.payoffs - payoffs) / (ideal - floor)
        worst = np.maximum(residual, apart.max(axis=-1))
        return divide(problem, describe(self), division.payoffs, worst, status, ideal=ideal, floor=floor)

    def _limit(self, problem: Problem) -> tuple[Floats, Floats, NDArray[np.int8], Floats, Floats]:
        """Return payoffs, residual and status, and the ends of the range of gains."""
        require_two(problem, "ContinuousOffers")
        convex_only(problem.feasible, "ContinuousOffers")
        threat, feasible = self.threat(problem), problem.feasible
        floor = threat
        with np.errstate(all="ignore"):
            ideal = feasible.ideal(threat)
            status = Problem(feasible, threat).gains_status(ideal)
            payoffs, residual = best_product(feasible, threat, self.weights)
            payoffs = np.where((status == Status.OK)[..., None], payoffs, ideal)
            residual = np.where(status == Status.OK, residual, 0.0)
            if self.outside is not None:
                payoffs, status = _cut(feasible, threat, np.asarray(self.outside), payoffs, status)
                floor = np.minimum(threat, self.outside)
                ideal = feasible.ideal(floor)
        return payoffs, residual, status, floor, ideal


def _cut(
    feasible: FeasibleSet, threat: Floats, outside: Floats, payoffs: Floats, status: NDArray[np.int8]
) -> tuple[Floats, NDArray[np.int8]]:
    """Give a player who prefers leaving to the division, and to talking for ever, the outside option.

    The other gets the rest, even if talking for ever were worth more, since refusing would only make the first leave.
    """
    acceptable = np.isfinite(feasible.ideal(outside)).all(axis=-1)
    shape = np.broadcast_shapes(payoffs.shape[:-1], outside.shape[:-1])
    payoffs, status = np.broadcast_to(payoffs, (*shape, 2)), np.broadcast_to(status, shape)
    for i in (0, 1):
        least = np.broadcast_to(outside[..., i], shape)
        binds = (least >= threat[..., i]) & ~(payoffs[..., i] >= least)
        held = np.stack([least, best_response(feasible, 1 - i, least)][:: 1 - 2 * i], axis=-1)
        payoffs = np.where(binds[..., None], held, payoffs)
        status = np.where(binds & (status == Status.EMPTY), Status.OK, status)
    return payoffs, np.where(acceptable, status, Status.EMPTY).astype(np.int8)

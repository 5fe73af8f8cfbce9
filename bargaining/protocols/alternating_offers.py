"""Alternating offers: Rubinstein's game with breakdown, outside options and a horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import choice, player_index
from bargaining._arrays import Floats, per_player, real, within
from bargaining.division import Division, describe, divide, extended
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.problem import Problem, require_problem
from bargaining.protocols._offer_pair import offer_pair
from bargaining.protocols._offers import Mask, Talks, finite_offers, settle
from bargaining.protocols._rotation import finite_rotation, rotation
from bargaining.protocols._support import phases
from bargaining.protocols._two_players import require_two
from bargaining.protocols.phase import Phase

LEAVERS = ("responder", "proposer", "both")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OffersDivision(Division):
    """A division with the offers behind it.

    Attributes
    ----------
    offers : ndarray, shape (n, ..., n)
        ``offers[k]`` are the payoffs when player k makes the first offer, and k's offer in every period.
    """

    offers: Floats

    @property
    def average(self) -> Floats:
        """Payoffs averaged over who makes the first offer: free of the first mover's rent."""
        average: Floats = self.offers.mean(axis=0)
        return average


@dataclass(frozen=True, slots=True, eq=False)
class AlternatingOffers:
    r"""Players take turns to propose until the others accept, talks break down, or one leaves.

    Timing, in every period:

    1. The proposer (`proposer` in the first period, then the next in order, and so on) offers a feasible x.
    2. The responder accepts, and the payoffs are x for good; or rejects. Several responders answer in
       turn, and all must accept.
    3. After a rejection those whom `leaver` names may leave, the responder first: both then get `outside`.
    4. Otherwise talks break down with probability `breakdown` and pay `breakdown_payoffs`; or the next period
       begins. Until they agree the players get the flow of their disagreement payoffs, so that agreeing to x after t
       periods is worth :math:`d_i + \delta_i^t (x_i - d_i)`.

    Unless leaving bites, the unique subgame-perfect equilibrium has each player offer the other the value
    of rejecting (Rubinstein 1982): the offers x and y satisfy :math:`x_1 = w_1(y_1)`, :math:`y_0 = w_0(x_0)`.

    Parameters
    ----------
    discounts : array_like, shape (n,) or (..., n), or scalar
        Discount factors per period, in [0, 1); 1 is allowed with a positive `breakdown` or a `horizon`.
    outside : array_like or sequence with None, shape (n,) or (..., n), optional
        Payoffs when someone leaves. An entry None: that player may not leave, and gets 0 if the other does.
    leaver : {"responder", "proposer", "both"}, default "responder"
        Who may leave after a rejection. With "proposer" or "both" equilibrium payoffs can be an interval: the
        status then is MULTIPLE, and `equilibria` returns the interval.
    breakdown : array_like, default 0
        Probability of breakdown after a rejection, in [0, 1].
    breakdown_payoffs : array_like, shape (n,) or (..., n), optional
        Payoffs after a breakdown; the disagreement point by default.
    horizon : int, optional
        Number of offers; infinite by default. After the last rejection the disagreement payoffs are final.
    proposer : int, default 0
        Who makes the first offer.

    Raises
    ------
    InvalidInput
        If a discount factor, a probability or another argument is outside its domain.
    NotApplicable
        If more than two players have a `leaver` other than "responder".

    Notes
    -----
    With three and more players many divisions are subgame perfect; the answer is the stationary equilibrium.

    An outside option is not a disagreement payoff: with ``leaver="responder"`` it changes nothing until
    it is worth more than waiting (Binmore, Shaked and Sutton 1989).

    References
    ----------
    A. Rubinstein (1982), "Perfect equilibrium in a bargaining model", Econometrica 50.

    K. Binmore, A. Rubinstein and A. Wolinsky (1986), "The Nash bargaining solution in economic modelling", RAND J. of
    Economics 17.

    K. Binmore, A. Shaked and J. Sutton (1989), "An outside option experiment", Quarterly J. of Economics 104.

    A. Shaked (1994), "Opting out: bazaars versus 'hi tech' markets", Investigaciones Económicas 18.

    C. Ponsatí and J. Sákovics (1998), "Rubinstein bargaining with two-sided outside options", Economic Theory 11.

    I. Ståhl (1972), Bargaining Theory.

    Examples
    --------
    >>> from bargaining import AlternatingOffers, Problem, TransferableSurplus
    >>> pie = Problem(TransferableSurplus(1.0), [0.0, 0.0])
    >>> AlternatingOffers([0.9, 0.8])(pie).payoffs
    array([0.71428571, 0.28571429])
    >>> AlternatingOffers(0.9, outside=[0.0, 0.45])(pie).payoffs  # too weak to matter
    array([0.52631579, 0.47368421])
    >>> AlternatingOffers(0.9, outside=[None, 0.6], leaver="proposer").equilibria(pie)
    array([[0.1 , 0.37],
           [0.63, 0.9 ]])
    """

    discounts: ArrayLike
    _: KW_ONLY
    outside: ArrayLike | Sequence[float | None] | None = None
    leaver: str = "responder"
    breakdown: ArrayLike = 0.0
    breakdown_payoffs: ArrayLike | None = None
    horizon: int | None = None
    proposer: int = 0

    def __post_init__(self) -> None:
        choice(self.leaver, "leaver", LEAVERS)
        if self.horizon is not None and (
            isinstance(self.horizon, bool)
            or not isinstance(self.horizon, int | np.integer)
            or self.horizon < 1
        ):
            raise InvalidInput(
                f"`horizon` must be a positive number of offers, or None; got {self.horizon!r}."
            )
        breakdown = within(real(self.breakdown, "breakdown"), "breakdown", 0.0, 1.0)
        patient = self.horizon is not None or bool((breakdown > 0).all())
        delta = within(
            real(self.discounts, "discounts"), "discounts", 0.0, 1.0, ends="[]" if patient else "[)"
        )
        object.__setattr__(self, "discounts", delta)
        object.__setattr__(self, "breakdown", breakdown)
        if delta.ndim:  # a scalar is for any number of players: the rest is checked against the problem
            self._check(delta.shape[-1])

    def _check(self, players: int) -> None:
        """Check the arguments that have an entry per player."""
        per_player(self.discounts, "discounts", players)
        player_index(self.proposer, "proposer", players)
        if self.breakdown_payoffs is not None:
            per_player(self.breakdown_payoffs, "breakdown_payoffs", players)
        _exits(self.outside, players)

    def __call__(self, problem: Problem) -> OffersDivision:
        """Return the equilibrium division when `proposer` makes the first offer."""
        talks, status = self._talks(problem)
        with np.errstate(all="ignore"):
            if problem.players > 2:
                rounds = self.horizon
                offers, residual = rotation(talks) if rounds is None else finite_rotation(talks, rounds)
            elif self.horizon is not None:
                offers = finite_offers(talks, self.leaver, self.horizon)
                residual = np.zeros(status.shape)
            else:
                offers, residual, many, idle = offer_pair(talks, self.leaver)
                status = np.where(many & (status == Status.OK), Status.MULTIPLE, status)
                status = np.where(idle & (status == Status.OK), Status.EMPTY, status).astype(np.int8)
        first = divide(problem, describe(self), offers[self.proposer], residual, status, ideal=talks.ideal)
        answered = np.asarray(np.isfinite(first.payoffs).all(axis=-1))[..., None]
        return extended(first, OffersDivision, offers=np.where(answered, offers, np.nan))

    def equilibria(self, problem: Problem) -> Floats:
        """Return each player's lowest and highest equilibrium payoff when `proposer` makes the first offer.

        Parameters
        ----------
        problem : Problem
            Two players; a batch is solved cell by cell.

        Returns
        -------
        ndarray, shape (..., 2, 2)
            ``[..., i, 0]`` is player i's lowest payoff and ``[..., i, 1]`` the highest; equal where equilibrium
            is unique, NaN where no agreement is acceptable to both.
        """
        require_two(problem, "AlternatingOffers.equilibria")
        talks, status = self._talks(problem)
        k, other = self.proposer, 1 - self.proposer
        with np.errstate(all="ignore"):
            if self.horizon is not None:
                payoffs = finite_offers(talks, self.leaver, self.horizon)[k]
                ends = np.stack((payoffs, payoffs), axis=-1)
            else:
                low, high, _ = settle(talks, self.leaver)
                own = np.stack((low[..., k], high[..., k]), axis=-1)
                others = np.stack((talks.best(other, high[..., k]), talks.best(other, low[..., k])), axis=-1)
                ends = np.stack((own, others) if k == 0 else (others, own), axis=-2)
        answered = (status == Status.OK) | (status == Status.DEGENERATE)
        return np.where(answered[..., None, None], ends, np.nan)

    def supporting(self, problem: Problem) -> tuple[Phase, ...]:
        """Return the play behind the ends of `equilibria`: four phases, by proposer and end.

        Parameters
        ----------
        problem : Problem
            One problem of two players; the horizon must be infinite.

        Returns
        -------
        tuple of Phase
            In each the proposer makes an offer, the responder accepts it or anything better, and a refusal is
            followed by one of the players leaving or by an offer of the other.

        Raises
        ------
        InvalidInput
            If the problem or the protocol is a batch.
        NotApplicable
            If the horizon is finite, where equilibrium is by backward induction, or nothing is acceptable to both.

        Examples
        --------
        >>> from bargaining import AlternatingOffers, Problem, TransferableSurplus
        >>> quits = AlternatingOffers(0.9, outside=[None, 0.6], leaver="proposer")
        >>> for phase in quits.supporting(Problem(TransferableSurplus(1.0), [0.0, 0.0])):
        ...     print(phase.proposer, phase.end, phase.offer.round(3), phase.refusal)
        0 highest [0.37 0.63] talks go on
        0 lowest [0.1 0.9] talks go on
        1 highest [0. 1.] proposer leaves
        1 lowest [0.3 0.7] talks go on
        """
        require_two(problem, "AlternatingOffers.supporting")
        if self.horizon is not None:
            raise NotApplicable("A finite `horizon` is played by backward induction; use horizon=None.")
        talks, status = self._talks(problem)
        if status.shape:
            raise InvalidInput(f"`problem` must be one problem; got a batch of shape {status.shape}.")
        if status != Status.OK:
            raise NotApplicable(f"There is no play to show: {Status(int(status)).advice}")
        return phases(talks, self.leaver)

    def _talks(self, problem: Problem) -> tuple[Talks, NDArray[np.int8]]:
        """Return the primitives with defaults filled in, and the status of each cell."""
        require_problem(problem)
        n, d = problem.players, problem.disagreement
        self._check(n)
        if n > 2 and self.leaver != "responder":
            raise NotApplicable(
                f"`leaver` must be 'responder' with more than 2 players; got {self.leaver!r}."
            )
        ruin = d if self.breakdown_payoffs is None else np.asarray(self.breakdown_payoffs)
        outside, may_leave = _exits(self.outside, n)
        delta = per_player(self.discounts, "discounts", n)
        floor = np.where(np.asarray(self.breakdown)[..., None] > 0, np.minimum(d, ruin), d)
        with np.errstate(invalid="ignore"):
            ideal = problem.feasible.ideal(floor)
            wanted = np.where(may_leave & (self.leaver != "proposer"), np.maximum(floor, outside), floor)
            status = Problem(problem.feasible, floor).gains_status(problem.feasible.ideal(wanted))
        shape = np.broadcast_shapes(ideal.shape[:-1], delta.shape[:-1], outside.shape[:-1], floor.shape[:-1])
        spread = (np.broadcast_to(a, (*shape, n)) for a in (d, delta, ruin, outside, may_leave, floor, ideal))
        d, delta, ruin, outside, may_leave, floor, ideal = spread
        talks = Talks(
            feasible=problem.feasible,
            disagreement=d,
            discounts=delta,
            breakdown=np.broadcast_to(np.asarray(self.breakdown), shape),
            breakdown_payoffs=ruin,
            outside=outside,
            may_leave=may_leave,
            floor=floor,
            ideal=ideal,
        )
        return talks, np.broadcast_to(status, shape)


def _exits(outside: ArrayLike | Sequence[float | None] | None, players: int) -> tuple[Floats, Mask]:
    """Return outside payoffs and who may leave."""
    if outside is None:
        outside = (None,) * players
    if isinstance(outside, list | tuple) and any(entry is None for entry in outside):
        if len(outside) != players:
            raise InvalidInput(f"`outside` must have one entry per player ({players}); got {outside!r}.")
        given = [0.0 if entry is None else entry for entry in outside]
        return per_player(given, "outside", players), np.array([entry is not None for entry in outside])
    payoffs = per_player(cast("ArrayLike", outside), "outside", players)
    return payoffs, np.ones(payoffs.shape, dtype=bool)

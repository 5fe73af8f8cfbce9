"""Alternating offers: Rubinstein's game with breakdown, outside options and a horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, field
from itertools import product
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import answer_of, choice, player_index, whole
from bargaining._arrays import Floats, fill, per_player, real, record, within
from bargaining._names import Names
from bargaining._rich import Shown
from bargaining.division import ACCURACY, Division, describe, divide, extended
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.feasible.base import is_convex
from bargaining.problem import Problem, require_problem
from bargaining.protocols._chain import finite_rotation, rotation, separable, turns_miss
from bargaining.protocols._offers import (
    ROUNDING,
    Mask,
    Talks,
    Turns,
    after_refusal,
    differ,
    finite_offers,
    offer_pair,
    on_frontier,
    pair_miss,
    repeated,
    require_two,
    settle,
    several,
    spared,
)
from bargaining.protocols._seats import UNLABELLED, batch_of, claims, exits, pie, seated, take_seats


@record
class Phase(Shown):
    """One phase of an extreme equilibrium.

    The proposer makes `offer`; the responder accepts it, and anything better, and refuses anything worse; `refusal`
    says what follows a refusal.

    Attributes
    ----------
    proposer : int
        Who makes the offer.
    end : str
        "highest" or "lowest": which of the proposer's equilibrium payoffs it supports.
    offer : ndarray, shape (2,)
        The payoffs if it is accepted.
    refusal : str
        "responder leaves", "proposer leaves" or "talks go on".
    after : ndarray, shape (2,)
        After a refusal: the payoffs of leaving, or the offer that the other then makes.
    """

    proposer: int
    end: str
    offer: Floats
    refusal: str
    after: Floats


def phases(talks: Talks, leaver: str) -> tuple[Phase, ...]:
    """Return the phases behind the highest and lowest payoff of each player as the first proposer."""
    low, high, threats = settle(talks, leaver)
    found = []
    for i, end in product((0, 1), ("highest", "lowest")):
        j, worst = 1 - i, end == "highest"
        own, value = (high[i], low[j]) if worst else (low[i], high[j])
        held = float(after_refusal(talks, leaver, threats, i, value, worst=worst))
        leaves, after = held == float(talks.outside[j]), talks.outside
        if leaver != "responder" and talks.may_leave[i] and threats.proposer_leaves[i] and leaves:
            refusal = "proposer leaves"
        elif leaver != "proposer" and talks.may_leave[j] and leaves:
            refusal = "responder leaves"
        else:
            refusal = "talks go on"
            following = np.maximum(talks.needed(j, np.asarray(held)), low[j])  # what j's next offer gives j
            after = np.array([talks.best(i, following), following][:: 1 if j else -1])
        offer = np.array([own, talks.best(j, own)][:: -1 if i else 1])
        found.append(Phase(proposer=i, end=end, offer=offer, refusal=refusal, after=after))
    return tuple(found)


LEAVERS = ("responder", "proposer", "both")
_BY_PLAYER = ("discounts", "outside", "breakdown_payoffs")


@record
class OffersDivision(Division):
    """A division with the equilibrium offers.

    Attributes
    ----------
    offers : ndarray, shape (n, ..., n)
        ``offers[k]`` are the payoffs if player k makes the first offer; if k's offers are accepted, they are also k's
        offer in every period.
    chances : ndarray, shape (n, ..., 3)
        Probabilities that k's offer is accepted, that it is refused and ends the talks, and that it is refused and
        talks go on: 0 or 1 unless the equilibrium contains lotteries.
    unique : bool or ndarray of bool, shape (...)
        Whether the payoffs are known to be unique: among subgame-perfect equilibria for two players and for a
        finite horizon (unless a player is indifferent at some point), among *stationary* ones for three and more. False
        means that this is not known.
    """

    offers: Floats
    chances: Floats
    unique: bool | Mask

    @property
    def agree(self) -> Mask:
        """Whether the offer of each player is accepted with certainty, (n, ...)."""
        agree: Mask = self.chances[..., 0] == 1
        return agree

    @property
    def average(self) -> Floats:
        """Payoffs averaged over the first proposer, without a first-mover advantage."""
        average: Floats = self.offers.mean(axis=0)
        return average


@record(kw_only=False)
class AlternatingOffers(Shown):
    r"""Players take turns to propose until the others accept, talks break down, or one leaves.

    Timing, in every period:

    1. The proposer (`proposer` in the first period, then the next in the order of the problem's players, and so on)
       offers a feasible x.
    2. The responder accepts, and the payoffs are x for good; or rejects. Several responders answer one after the
       other, those who propose sooner first; all must accept, and the first who rejects ends the round.
    3. After a rejection those whom `leaver` names may leave, the one who rejected first: all then get `outside`.
    4. Otherwise talks break down with probability `breakdown` and pay `breakdown_payoffs`; or the next period
       begins. Until they agree the players get the flow of their disagreement payoffs, so that agreeing to x after t
       periods is worth :math:`d_i + \delta_i^t (x_i - d_i)`.

    With two players, of whom the responder may leave, the subgame-perfect equilibrium is unique: each offers the other
    the value of rejecting (proposition `offers-unique`). The offers x and y satisfy :math:`x_1 = \max\{o_1,
    w_1(y_1)\}` and :math:`y_0 = \max\{o_0, w_0(x_0)\}`, with :math:`w_i(v) = p b_i + (1-p)(d_i + \delta_i(v - d_i))`.
    For three and more players the answer is a stationary equilibrium: see the Notes.

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
    proposer : int or str, default 0
        Who makes the first offer; by name too, if the players have names. Where parameters are given by name and
        `players` is not, 0 is the player named first.
    players : sequence of str, optional
        Names of the players, in the order of parameters with an entry per player; by default those of parameters given
        by name, as ``discounts={"Canada": 0.9, "US": 0.8}``. A problem between them may have them in another order.

    Raises
    ------
    InvalidInput
        If a discount factor, a probability or another argument is outside its domain.
    NotApplicable
        If more than two players have a `leaver` other than "responder".

    Notes
    -----
    *Three and more players.* Many divisions are subgame perfect (Shaked's example; Osborne and Rubinstein 1990, 3.13).
    The answer is a stationary equilibrium, in which everybody does the same whenever it is the same player's turn. A
    responder who may leave accepts the better of leaving and waiting, the others accept what waiting is worth. The
    first responder decides what follows an offer that will fail. So the proposer makes the best offer for herself that
    all accept, if it gives her at least as much as a refusal, and else one that fails. If no equilibrium in pure
    strategies is found, indifferent players randomise.

    *Two players.* A refusal may be worth more than any agreement: if leaving or a breakdown lies beyond the frontier,
    or if an impatient player may be left with less than disagreement gives. The answer then is a stationary
    equilibrium, with refusals in `chances`, and `equilibria` are NaN. If none is found the status is INACCURATE.

    The status is EMPTY where talks go on for ever, and among three and more players also where disagreement is worth
    more than any agreement.

    For a finite horizon the answer is found by backward induction, with several players too.

    An outside option is not a disagreement payoff: with ``leaver="responder"`` it changes nothing until
    it is worth more than waiting (Binmore, Shaked and Sutton 1989).

    References
    ----------
    Rubinstein, A. (1982). Perfect equilibrium in a bargaining model. *Econometrica* 50(1), 97-109.
    doi:10.2307/1912531

    Binmore, K., Rubinstein, A. and Wolinsky, A. (1986). The Nash bargaining solution in economic modelling. *RAND
    Journal of Economics* 17(2), 176-188. doi:10.2307/2555382

    Binmore, K., Shaked, A. and Sutton, J. (1989). An outside option experiment. *Quarterly Journal of Economics*
    104(4), 753-770. doi:10.2307/2937866

    Shaked, A. (1994). Opting out: bazaars versus "hi tech" markets. *Investigaciones Económicas* 18(3), 421-432.

    Ponsatí, C. and Sákovics, J. (1998). Rubinstein bargaining with two-sided outside options. *Economic Theory*
    11(3), 667-672. doi:10.1007/s001990050208

    Ståhl, I. (1972). *Bargaining Theory*. Stockholm School of Economics.

    Osborne, M. J. and Rubinstein, A. (1990). *Bargaining and Markets*. Academic Press. isbn:0-12-528631-7 Section
    3.13.

    Examples
    --------
    >>> from bargaining import AlternatingOffers, Problem, TransferableSurplus
    >>> pie = Problem(TransferableSurplus(1.0), [0.0, 0.0])
    >>> AlternatingOffers([0.9, 0.8])(pie).payoffs
    array([0.71428571, 0.28571429])

    Without a problem the players share a pie of 1, and patience may be given by name:

    >>> AlternatingOffers({"Canada": 0.9, "US": 0.8}, proposer="US")().to_series().round(3).to_dict()
    {'Canada': 0.643, 'US': 0.357}

    What players can leave for matters if it is worth more than waiting:

    >>> AlternatingOffers(0.9, outside=[0.0, 0.45])(pie).payoffs  # too weak to matter
    array([0.52631579, 0.47368421])
    >>> AlternatingOffers(0.9, outside=[None, 0.6], leaver="proposer").equilibria(pie)
    array([[0.1 , 0.37],
           [0.63, 0.9 ]])

    Player 0 would get .5 if player 2 were left the .3 of a breakdown, and makes player 1 leave:

    >>> pie = Problem(TransferableSurplus(1.0, players=3), [0.0, 0.0, 0.0])
    >>> hasty = AlternatingOffers(0.9, breakdown=1, breakdown_payoffs=[0, 0, 0.3], outside=[0.55, 0.2, 0])
    >>> hasty(pie).payoffs, hasty(pie).agree
    (array([0.55, 0.2 , 0.  ]), array([False,  True,  True]))
    """

    discounts: ArrayLike
    _: KW_ONLY
    outside: ArrayLike | Sequence[float | None] | None = None
    leaver: str = "responder"
    breakdown: ArrayLike = 0.0
    breakdown_payoffs: ArrayLike | None = None
    horizon: int | None = None
    proposer: int | str = 0
    players: Names | None = field(default=None, metadata=UNLABELLED)

    def __post_init__(self) -> None:
        choice(self.leaver, "leaver", LEAVERS)
        take_seats(self, *_BY_PLAYER, player="proposer")
        if self.horizon is not None:
            whole(self.horizon, "horizon", 1)
        breakdown = within(real(self.breakdown, "breakdown"), "breakdown", 0.0, 1.0)
        patient = self.horizon is not None or bool((breakdown > 0).all())
        delta = within(
            real(self.discounts, "discounts"), "discounts", 0.0, 1.0, ends="[]" if patient else "[)"
        )
        fill(self, discounts=delta, breakdown=breakdown)
        if delta.ndim:  # a scalar is for any number of players: the rest is checked against the problem
            self._check(delta.shape[-1])

    def _check(self, players: int) -> None:
        """Check the arguments that have an entry per player."""
        per_player(self.discounts, "discounts", players)
        if not isinstance(self.proposer, str):
            player_index(self.proposer, "proposer", players)
        if self.breakdown_payoffs is not None:
            per_player(self.breakdown_payoffs, "breakdown_payoffs", players, payoffs=True)
        exits(self.outside, players)

    @property
    def _first(self) -> int:
        """The number of the player who makes the first offer."""
        return cast("int", self.proposer)

    def _for(self, problem: Problem) -> AlternatingOffers:
        """Return the protocol with its players in the order of a problem's."""
        require_problem(problem)
        return seated(self, problem, *_BY_PLAYER, player="proposer")

    def __call__(self, problem: Problem | None = None) -> OffersDivision:
        """Return the equilibrium division if `proposer` makes the first offer; by default of a pie of 1."""
        problem = pie(problem, self.players, self.discounts)
        if (other := self._for(problem)) is not self:
            return other(problem)
        talks, status = self._talks(problem)
        with np.errstate(all="ignore"):
            if self.horizon is not None:
                turns = self._by_induction(talks)
            elif problem.players > 2:
                turns = rotation(talks)
            else:
                turns, status = self._pair(talks, status)
        status = self._ended(talks, turns, status)
        return self._packed(problem, talks, status, turns, turns.offers[self._first])

    def _ended(self, talks: Talks, turns: Turns, status: NDArray[np.int8]) -> NDArray[np.int8]:
        """Return the status of each cell, EMPTY where talks go on for ever in an equilibrium."""
        never = (turns.chances[..., 2] == 1).all(axis=0) & (self.horizon is None)
        if never.any() and (self.leaver != "responder" or separable(talks.feasible)):
            never &= self._miss(talks, turns) <= ACCURACY
        return np.where(never & (status == Status.OK), Status.EMPTY, status).astype(np.int8)

    def check(self, division: OffersDivision) -> OffersDivision:
        """Return a division with `residual` and `status` computed anew from its payoffs, offers and chances.

        The residual is the largest gain of a player from a one-shot deviation, or the largest difference between a
        payoff and the payoff of the play, over the range of that player's gains. For a finite horizon it is the
        distance from backward induction. INACCURATE where the residual exceeds rounding.
        """
        problem = answer_of(division, "division", OffersDivision, problem=True).problem
        assert problem is not None
        if (other := self._for(problem)) is not self:
            return other.check(division)
        talks, _ = self._talks(problem)
        turns = Turns(division.offers, division.chances, np.asarray(division.unique))
        status = claims(division, self, problem)
        return self._packed(problem, talks, status, turns, division.payoffs)

    def _pair(self, talks: Talks, status: NDArray[np.int8]) -> tuple[Turns, NDArray[np.int8]]:
        """Return the offers of two players, and where equilibria are several.

        Where accepted offers are no equilibrium, turns are those to which backward induction leads if they repeat, or
        those of the chain if only the responder may leave.
        """
        offers, many = offer_pair(talks, self.leaver)
        chances = np.zeros((*offers.shape[:-1], 3))
        chances[..., 0] = 1.0
        # If a breakdown is worth more than agreements, delay may be an equilibrium too.
        safe = (talks.breakdown == 0) | talks.feasible.contains(talks.breakdown_payoffs)
        unique = np.asarray(~many & safe & is_convex(talks.feasible) & ~spared(talks, self.leaver, offers))
        turns, shared = Turns(offers, chances, unique), status == Status.OK
        off = ~(pair_miss(talks, self.leaver, offers) <= ROUNDING) & shared & ~many
        if off.any():
            refused, here = repeated(talks, self.leaver)
            turns, off = turns.replaced(off & here, refused), off & ~here
        if off.any() and self.leaver == "responder" and separable(talks.feasible):
            turns = turns.replaced(off, rotation(talks, off)._replace(unique=~off))
        return turns, np.where(many & shared, Status.MULTIPLE, status).astype(np.int8)

    def _refused(self, talks: Talks, low: Floats, high: Floats) -> Mask:
        """Return where a refusal may be worth more than any agreement, so that the ends need not hold.

        If leaving and a breakdown are feasible, a refusal is worth no more than some agreement unless one may be left
        with less than disagreement gives: who is impatient would take it later, and the other would gain more by then.
        """
        inside, d = talks.feasible.contains, talks.disagreement
        safe = inside(d) & ((talks.breakdown == 0) | inside(talks.breakdown_payoffs))
        safe &= ~talks.may_leave.any(axis=-1) | inside(talks.outside)
        safe &= (talks.floor >= d).all(axis=-1) | (np.ptp(talks.discounts, axis=-1) == 0)
        off = ~(pair_miss(talks, self.leaver, on_frontier(talks, high, low)) <= ROUNDING)
        return np.asarray(np.where(several(talks, low, high), ~safe, off))

    def _by_induction(self, talks: Talks) -> Turns:
        assert self.horizon is not None
        if talks.ideal.shape[-1] > 2:
            return finite_rotation(talks, self.horizon)
        return Turns(*finite_offers(talks, self.leaver, self.horizon))

    def _miss(self, talks: Talks, turns: Turns) -> Floats:
        """Return how far the turns are from an equilibrium, over the range of gains."""
        if self.horizon is not None:
            exact = self._by_induction(talks).offers
            apart: Floats = (np.abs(turns.offers - exact) / (talks.ideal - talks.floor)).max(axis=(0, -1))
            return apart
        if talks.ideal.shape[-1] > 2:
            return turns_miss(talks, turns)
        miss = pair_miss(talks, self.leaver, turns.offers)
        refused = np.asarray((turns.chances[..., 0] < 1).any(axis=0))
        if self.leaver != "responder":
            miss = pair_miss(talks, self.leaver, turns.offers, turns.chances)
        elif refused.any() and separable(talks.feasible):
            miss = np.where(refused, turns_miss(talks, turns, refused), miss)
        return miss

    def _packed(
        self, problem: Problem, talks: Talks, status: NDArray[np.int8], turns: Turns, payoffs: Floats
    ) -> OffersDivision:
        """Pack an answer, with its residual by definition."""
        with np.errstate(all="ignore"):
            apart = np.abs(payoffs - turns.offers[self._first]) / (talks.ideal - talks.floor)
            residual = np.maximum(self._miss(talks, turns), apart.max(axis=-1))
            odd = np.abs(turns.chances.sum(axis=-1) - 1).max(axis=0)
            residual = np.maximum(np.maximum(residual, odd), -turns.chances.min(axis=(0, -1)))
            first = divide(
                problem, describe(self), payoffs, residual, status, ideal=talks.ideal, floor=talks.floor
            )
        answered = np.asarray(np.isfinite(first.payoffs).all(axis=-1))
        unique = np.asarray(turns.unique & answered)
        return extended(
            first,
            OffersDivision,
            offers=np.where(answered[..., None], turns.offers, np.nan),
            chances=np.where(answered[..., None], turns.chances, np.nan),
            unique=unique if unique.ndim else bool(unique),
        )

    def equilibria(self, problem: Problem) -> Floats:
        """Return each player's lowest and highest equilibrium payoff if `proposer` makes the first offer.

        Parameters
        ----------
        problem : Problem
            Two players; a batch is solved cell by cell.

        Returns
        -------
        ndarray, shape (..., 2, 2)
            ``[..., i, 0]`` is player i's lowest payoff and ``[..., i, 1]`` the highest; equal where equilibrium
            is unique, NaN where no agreement is acceptable to both, or where a refusal may be worth more than any
            agreement. For a finite horizon both are those of the division.
        """
        require_two(problem, "AlternatingOffers.equilibria")
        if (one := self._for(problem)) is not self:
            return one.equilibria(problem)
        talks, status = self._talks(problem)
        k, other = self._first, 1 - self._first
        with np.errstate(all="ignore"):
            if self.horizon is not None:
                payoffs = finite_offers(talks, self.leaver, self.horizon)[0][k]
                ends = np.stack((payoffs, payoffs), axis=-1)
            else:
                low, high, threats = settle(talks, self.leaver)
                own = np.stack((low[..., k], high[..., k]), axis=-1)
                least, most = talks.best(other, high[..., k]), talks.best(other, low[..., k])
                held = after_refusal(talks, self.leaver, threats, k, low[..., other], worst=True)
                least = np.where(differ(talks, held, least, other), held, least)  # k takes all that there is
                others = np.stack((least, most), axis=-1)
                ends = np.stack((own, others) if k == 0 else (others, own), axis=-2)
                ends = np.where(self._refused(talks, low, high)[..., None, None], np.nan, ends)
        answered = (status == Status.OK) | (status == Status.DEGENERATE)
        return np.where(answered[..., None, None], ends, np.nan)

    def supporting(self, problem: Problem) -> tuple[Phase, ...]:
        """Return the play that supports the ends of `equilibria`: four phases, by proposer and end.

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
        if (one := self._for(problem)) is not self:
            return one.supporting(problem)
        if self.horizon is not None:
            raise NotApplicable("A finite `horizon` is played by backward induction; use horizon=None.")
        talks, status = self._talks(problem)
        if status.shape:
            raise InvalidInput(f"`problem` must be one problem; got a batch of shape {status.shape}.")
        if status != Status.OK:
            raise NotApplicable(f"There is no play to show: {Status(int(status)).advice}")
        low, high, _ = settle(talks, self.leaver)
        if self._refused(talks, low, high):
            raise NotApplicable(
                "A player may prefer that an offer is refused; see `chances` of the division."
            )
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
        outside, may_leave = exits(self.outside, n)
        delta = per_player(self.discounts, "discounts", n)
        chance = np.asarray(self.breakdown)[..., None]
        shape = batch_of(problem, discounts=delta, breakdown=chance, breakdown_payoffs=ruin, outside=outside)
        floor = np.where(chance > 0, np.minimum(d, ruin), d)
        with np.errstate(invalid="ignore"):
            if n == 2:  # who leaves holds the other to `outside`, also below the payoff of waiting
                floor = np.where(may_leave[..., ::-1], np.minimum(floor, outside), floor)
            ideal = problem.feasible.ideal(floor)
            status = Problem(problem.feasible, floor).gains_status(ideal)
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

"""A random proposer each period: unanimity on any set, and majorities over a surplus.

Under unanimity this is a chain whose state is the proposer. In gains over the disagreement point, when k proposes the
others get their reservations w and k gets w_k + rho_k(w), where rho_k is the room left in k's direction. Expected
payoffs V_k = w_k + p_k rho_k and w_k = max{o_k, d_k V_k} give

    w_k = max{o_k, a_k rho_k(w)},   a_k = d_k p_k / (1 - d_k).

For two players this is alternating offers with the discount factors a_k / (1 + a_k).

Where q votes of n divide a surplus of 1, let w_i be player i's reservation, the price of i's vote; K the sum of the q
lowest prices and lam the q-th. A proposer i pays the q - 1 cheapest others, in all K - min(w_i, lam), so with G = 1 - K

    V_i = p_i (G + min(w_i, lam)) + m_i w_i,   w_i = d_i V_i,

where m_i is the probability that another buys i's vote: 1 - p_i if w_i < lam, 0 if w_i > lam, and
anything between if w_i = lam. With mu = lam / G this reads

    m_i = clip(1 / d_i - p_i (1 + 1 / mu), 0, 1 - p_i),   sum m_i = q - 1,
    w_i = G min{a_i, max{mu, d_i p_i (1 + mu)}},

a piecewise linear equation in 1 / mu, and one in G. Unanimity, q = n, is the case of an infinite mu, with an option as
a floor of w_i.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import answer_of, whole
from bargaining._arrays import Floats, distribution, real, record
from bargaining._arrays import discounts as checked_discounts
from bargaining._names import Names
from bargaining._rich import Shown
from bargaining.division import Division, describe, divide, extended
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining.feasible._root import decreasing_root
from bargaining.feasible.base import is_convex
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.transform import Image
from bargaining.problem import Problem, require_problem
from bargaining.protocols._chain import ChainOfSets, stationary
from bargaining.protocols._offers import SPARE, best_response
from bargaining.protocols._seats import UNLABELLED, batch_of, claims, exits, pie, seated, take_seats
from bargaining.protocols.alternating_offers import AlternatingOffers

_BY_PLAYER = ("probabilities", "discounts", "outside")


@record
class RandomProposerDivision(Division):
    """Expected payoffs before the first proposer is drawn, with reservations, offers and votes.

    Attributes
    ----------
    reservations : ndarray, shape (..., n)
        The least each player accepts, which is what the others offer.
    proposing : ndarray, shape (..., n)
        Each player's payoff as the proposer.
    accepts : ndarray, shape (..., n)
        The probability that a player is offered the reservation by another; under unanimity 1 - p.
    quota : int
        Votes needed, the proposer's included.
    unique : bool
        Whether *stationary* equilibrium payoffs are known to be unique. False means that this is not known.
    probabilities : ndarray, shape (..., n)
        Who proposes.
    """

    reservations: Floats
    proposing: Floats
    accepts: Floats
    quota: int
    unique: bool
    probabilities: Floats

    def coalitions(self) -> Floats:
        """Return the probability, (n, n), that the proposal of the row's player includes the column's.

        With ties there is more than one such mixture; payoffs do not depend on it. The row of a player who never
        proposes says what she would do.

        Raises
        ------
        NotApplicable
            For a batch: take one problem at a time.
        """
        from scipy.optimize import linprog

        n = self.payoffs.shape[-1]
        if self.payoffs.ndim > 1:
            raise NotApplicable(
                f"`coalitions` is for one problem; this is a batch of shape {self.payoffs.shape[:-1]}."
            )
        if self.quota == n:
            return np.ones((n, n))
        assert self.problem is not None
        # All buy the cheapest votes, at the least sum of prices; a vote costs what it adds to disagreement.
        prices = self.reservations - self.problem.disagreement
        p = np.asarray(self.probabilities)
        purchases = np.concatenate([np.kron(np.eye(n), np.ones(n)), np.kron(p, np.eye(n))])
        sums = np.append(np.full(n, self.quota), p + self.accepts)
        bounds = [(float(i == j), 1.0) for i in range(n) for j in range(n)]
        mixture = linprog(np.tile(prices, n), A_eq=purchases, b_eq=sums, bounds=bounds).x
        if mixture is None:
            raise Unsolved(
                f"No mixture of coalitions was found for votes bought with chances {self.accepts.tolist()}; "
                "report this case."
            )
        return np.asarray(np.clip(mixture.reshape(n, n), 0.0, 1.0) + 0.0)  # no -0


@record(kw_only=False)
class RandomProposer(Shown):
    r"""Each period one of n players is drawn to propose, and enough of the others must accept.

    Timing, in every period:

    1. Player k is drawn with probability :math:`p_k` and offers a feasible x.
    2. The others answer in turn. Under unanimity all must accept; with a `quota` of q, q - 1 of them.
    3. Under unanimity, whoever rejects may leave: all then get `outside`.
    4. Otherwise the next period begins. Until they agree the players get the flow of their disagreement payoffs:
       x after t periods is worth :math:`d_i + \delta_i^t (x_i - d_i)`.

    In the stationary equilibrium a player accepts :math:`w_i = \max\{o_i, d_i + \delta_i (V_i - d_i)\}`, where
    :math:`V_i` is the expected payoff before the draw. Sharing a surplus by unanimity without outside options,
    :math:`V_i - d_i` is proportional to :math:`p_i / (1 - \delta_i)`.

    Parameters
    ----------
    probabilities : array_like, shape (n,) or (..., n), or None
        Probability with which each player proposes; None: equal probabilities.
    discounts : array_like, shape (n,) or (..., n)
        Discount factors per period, in [0, 1).
    outside : array_like or sequence with None, shape (n,) or (..., n), optional
        Payoffs when someone leaves; None: that player may not. Unanimity only.
    quota : int, optional
        Votes needed, the proposer's included, 1 to n; by default n, unanimity.
    players : sequence of str, optional
        Names of the players, in the order of parameters with an entry per player; by default those of parameters given
        by name. A problem between them may have them in another order.

    Raises
    ------
    InvalidInput
        If an argument is outside its domain, or the outside options of a single problem are not feasible together.
    NotApplicable
        A quota below n on a set other than `TransferableSurplus`, or with outside options; a batch of
        three or more players on such a set.

    Notes
    -----
    Among three and more patient players many divisions are subgame perfect, also under unanimity; the answer is the
    stationary equilibrium.

    *Unanimity.* On a surplus, and for two players on any convex set, stationary equilibrium payoffs are
    unique (proposition `unanimity-shares`), unless a proposer can take all there is and still leave the other more than
    waiting does. On other sets `unique` is False: for three or more players an equilibrium is computed, and for two on
    a set that is not convex the answer is INACCURATE where the equations have no solution.

    *Majority* (Baron and Ferejohn 1989). The proposer buys the q - 1 cheapest votes and gives nothing to
    the others; where prices tie, the votes bought are random, with the probabilities that keep the prices tied.
    Stationary equilibrium payoffs are unique (proposition `quota-unique`). `coalitions` says whose votes each
    proposer buys.

    References
    ----------
    Baron, D. P. and Ferejohn, J. A. (1989). Bargaining in legislatures. *American Political Science Review* 83(4),
    1181-1206. doi:10.2307/1961664

    Eraslan, H. (2002). Uniqueness of stationary equilibrium payoffs in the Baron-Ferejohn model. *Journal of Economic
    Theory* 103(1), 11-30.

    Hart, S. and Mas-Colell, A. (1996). Bargaining and value. *Econometrica* 64(2), 357-380. doi:10.2307/2171787

    Examples
    --------
    >>> from bargaining import Problem, RandomProposer, TransferableSurplus
    >>> pie = Problem(TransferableSurplus(1.0, players=3), [0.0, 0.0, 0.0])
    >>> RandomProposer([0.5, 0.25, 0.25], [0.9, 0.9, 0.95])(pie).payoffs
    array([0.4, 0.2, 0.4])
    >>> majority = RandomProposer(None, [0.9, 0.9, 0.6], quota=2)(pie)  # the impatient vote is cheap, always bought
    >>> majority.payoffs * 27
    array([ 8.,  8., 11.])
    """

    probabilities: ArrayLike | None
    discounts: ArrayLike
    _: KW_ONLY
    outside: ArrayLike | Sequence[float | None] | None = None
    quota: int | None = None
    players: Names | None = field(default=None, metadata=UNLABELLED)

    def __post_init__(self) -> None:
        take_seats(self, *_BY_PLAYER)
        if self.quota is not None:
            whole(self.quota, "quota", 1)
        if self.probabilities is not None:
            p = real(self.probabilities, "probabilities")
            if p.ndim:
                distribution(p, "probabilities", p.shape[-1])
            object.__setattr__(self, "probabilities", p)
        object.__setattr__(self, "discounts", real(self.discounts, "discounts"))

    def __call__(self, problem: Problem | None = None) -> RandomProposerDivision:
        """Return the stationary equilibrium payoffs, expected before the first draw; by default of a pie of 1."""
        problem = pie(problem, self.players, self.discounts, self.probabilities)
        require_problem(problem)
        if (other := seated(self, problem, *_BY_PLAYER)) is not self:
            return other(problem)
        p, delta, outside = self._primitives(problem)
        quota = self._quota(problem)
        with np.errstate(all="ignore"):
            ideal = problem.feasible.ideal(problem.disagreement)
            shape = (*batch_of(problem, probabilities=p, discounts=delta, outside=outside), problem.players)
            p, delta, ideal = (np.broadcast_to(each, shape) for each in (p, delta, ideal))
            status = self._status(problem, ideal, outside)
            if isinstance(problem.feasible, TransferableSurplus):
                votes = _share(problem.feasible, p, delta, outside, problem.disagreement, quota)
            else:
                proposing, prices = self._offers(problem, p, delta, outside, ideal)
                votes = Votes(p * proposing + (1 - p) * prices, prices, proposing, 1 - p)
        return self._packed(problem, votes, p, status, ideal)

    def check(self, division: RandomProposerDivision) -> RandomProposerDivision:
        """Return a division with `residual` and `status` computed anew from its payoffs, reservations and offers.

        The residual is the largest violation of three conditions, over the range of gains: a proposer gets the most
        that an offer accepted by enough others leaves; a reservation is the payoff of waiting or leaving; an expected
        payoff is that of proposing and responding.
        """
        problem = answer_of(division, "division", RandomProposerDivision, problem=True).problem
        assert problem is not None
        if (other := seated(self, problem, *_BY_PLAYER)) is not self:
            return other.check(division)
        votes = Votes(division.payoffs, division.reservations, division.proposing, division.accepts)
        status = claims(division, self, problem)
        ideal = np.broadcast_to(problem.ideal, division.payoffs.shape)
        return self._packed(problem, votes, division.probabilities, status, ideal)

    def _packed(
        self, problem: Problem, votes: Votes, p: Floats, status: NDArray[np.int8], ideal: Floats
    ) -> RandomProposerDivision:
        """Pack an answer, with its residual by definition."""
        quota, (_, delta, outside) = self._quota(problem), self._primitives(problem)
        with np.errstate(all="ignore"):
            wanted = np.maximum(
                outside, problem.disagreement + delta * (votes.payoffs - problem.disagreement)
            )
            residual = _miss(problem, p, wanted, quota, votes, ideal)
            packed = divide(problem, describe(self), votes.payoffs, residual, status, ideal=ideal)
            # Not unique if a proposer who takes all there is may as well give the other less.
            spare = votes.prices - wanted > SPARE * (ideal - problem.disagreement)
        decided = problem.players == 2 and is_convex(problem.feasible) and not spare.any()
        return extended(
            packed,
            RandomProposerDivision,
            reservations=votes.prices,
            proposing=votes.proposing,
            accepts=votes.bought,
            quota=quota,
            unique=decided or isinstance(problem.feasible, TransferableSurplus),
            probabilities=p,
        )

    def _primitives(self, problem: Problem) -> tuple[Floats, Floats, Floats]:
        """Return the chances to propose, the discount factors, and payoffs of leaving: -inf for who may not."""
        n = problem.players
        p = distribution(self.probabilities, "probabilities", n)
        outside, may_leave = exits(self.outside, n)
        return p, checked_discounts(self.discounts, n), np.where(may_leave, outside, -np.inf)

    def _quota(self, problem: Problem) -> int:
        """Return the votes needed, after checking that the case is covered."""
        n = problem.players
        quota = n if self.quota is None else int(self.quota)
        if quota > n:
            raise InvalidInput(f"`quota` must be at most the number of players, {n}; got {quota}.")
        shared = isinstance(problem.feasible, TransferableSurplus)
        if quota < n and not shared:
            raise NotApplicable(
                f"A `quota` of {quota} among {n} is for a TransferableSurplus: votes have a price."
            )
        if quota < n and self.outside is not None:
            raise NotApplicable(
                f"`outside` needs unanimity; got a `quota` of {quota} among {n}. Leave one out."
            )
        if n > 2 and not shared and problem.batch_shape:
            raise NotApplicable(
                f"Three or more players on a {type(problem.feasible).__name__} are solved one problem at a "
                f"time; got a batch of shape {problem.batch_shape}."
            )
        return quota

    def _status(self, problem: Problem, ideal: Floats, outside: Floats) -> NDArray[np.int8]:
        """Return the status of each cell; options that are not feasible together leave nothing to agree on."""
        floor = np.maximum(problem.disagreement, outside)
        status = problem.gains_status(ideal)
        if not np.isfinite(outside).any():
            return status
        together = Problem(problem.feasible, floor).gains_status(problem.feasible.ideal(floor))
        if together.ndim == 0 and together == Status.EMPTY != status:
            raise InvalidInput(
                f"`outside` must be feasible together with `disagreement`; got {outside.tolist()}. "
                f"Where leaving beats every agreement there is nothing to negotiate."
            )
        return np.where((status == Status.OK) & (together == Status.EMPTY), together, status).astype(np.int8)

    def _offers(
        self, problem: Problem, p: Floats, delta: Floats, outside: Floats, ideal: Floats
    ) -> tuple[Floats, Floats]:
        """Return what each gets when proposing and when not on a general set, both (..., n)."""
        n, d = problem.players, problem.disagreement
        if n == 2:
            talks = AlternatingOffers(delta * p / (1 - delta + delta * p), outside=self.outside)
            x, y = talks(problem).offers
            return np.stack((x[..., 0], y[..., 1]), axis=-1), np.stack((y[..., 0], x[..., 1]), axis=-1)
        scale, may_leave = ideal - d, np.tile(np.isfinite(outside), (n, 1))
        chain = ChainOfSets(
            surplus=np.zeros(n),
            transition=np.tile(p, (n, 1)),
            discounts=delta,
            proposer=np.arange(n),
            outside=np.where(may_leave, (outside - d) / scale, 0.0),
            may_leave=may_leave,
            credible=may_leave,
            sets=(Image(problem.feasible, 1 / scale, -d / scale),) * n,
        )
        values = stationary(chain)[0]
        proposing = np.diag(values)
        return d + scale * proposing, d + scale * values[np.arange(n) - 1, np.arange(n)]


class Votes(NamedTuple):
    """Payoffs, prices of votes, the proposer's payoff, and the probability of being bought, (..., n)."""

    payoffs: Floats
    prices: Floats
    proposing: Floats
    bought: Floats


def _share(
    surplus: TransferableSurplus, p: Floats, delta: Floats, outside: Floats, d: Floats, quota: int
) -> Votes:
    """Divide a surplus, with the gain as the unit."""
    unit = (surplus.total - d.sum(axis=-1))[..., None]
    alone, least = delta * p / (1 - delta), np.maximum((outside - d) / unit, 0.0)
    bought = 1 - p
    if quota < p.shape[-1]:
        bought, mu = _mixture(p, delta, quota)
        alone = np.minimum(alone, np.maximum(mu, delta * p * (1 + mu)))
    none = np.zeros(np.broadcast_shapes(alone.shape, least.shape)[:-1])

    def prices(gain: Floats) -> Floats:
        return np.asarray(np.maximum(least, alone * gain[..., None]))

    most = none + 1 / (1 + np.sort(alone, axis=-1)[..., :quota].sum(axis=-1))  # the gain if no option binds
    gain, _ = decreasing_root(
        lambda g: 1 - g - np.sort(prices(g), axis=-1)[..., :quota].sum(axis=-1), none, most
    )
    paid = prices(gain)
    proposing = gain[..., None] + np.minimum(paid, np.sort(paid, axis=-1)[..., [quota - 1]])
    payoffs = p * proposing + bought * paid
    return Votes(
        d + payoffs * unit, d + paid * unit, d + proposing * unit, np.broadcast_to(bought, paid.shape)
    )


def _mixture(p: Floats, delta: Floats, quota: int) -> tuple[Floats, Floats]:
    """Return the chances of being bought, which add up to quota - 1, (..., n), and the largest mu = 1 / (t - 1).

    The sum of chances falls in t. A player who never proposes or does not wait asks nothing; if more such votes than
    needed are free, mu is 0.
    """
    free = (p == 0) | (delta == 0)

    def chances(t: Floats) -> Floats:
        return np.where(free, 1 - p, np.clip(1 / delta - p * t[..., None], 0.0, 1 - p))

    last = np.where(free, 1.0, 1 / (delta * p)).max(axis=-1)  # from there on nobody else's vote is bought
    t, _ = decreasing_root(lambda t: chances(t).sum(axis=-1) - (quota - 1), np.ones_like(last), last)
    t = np.where(chances(last).sum(axis=-1) > quota - 1 + 1e-13, np.inf, t)
    bought = chances(t)
    total = bought.sum(axis=-1, keepdims=True)
    return np.asarray(bought * np.where(total > 0, (quota - 1) / total, 0.0)), 1 / (t[..., None] - 1)


def _miss(problem: Problem, p: Floats, wanted: Floats, quota: int, votes: Votes, ideal: Floats) -> Floats:
    """Return the worst violation of the conditions of equilibrium, over the range of gains."""
    n, d, m = problem.players, problem.disagreement, votes.bought
    span = ideal - d
    prices = (votes.prices - d) / span
    short, most = (wanted - votes.prices) / span, _best(problem, votes.prices, quota)
    if n == 2 and not isinstance(problem.feasible, TransferableSurplus):
        taken = votes.proposing >= ideal  # nothing more to take: generosity is no violation
        short = np.where(taken[..., ::-1], np.maximum(short, 0.0), np.abs(short))
    gaps = [
        np.abs(short),
        np.abs((votes.payoffs - d - p * (votes.proposing - d)) / span - m * prices),
        np.where((p > 0) | (quota < n), np.abs(most - votes.proposing) / span, 0.0),
        np.abs(m - (1 - p)),
    ]
    if quota < n:
        last = np.sort(prices, axis=-1)[..., [quota - 1]]
        gaps[-1] = np.maximum(m - (1 - p), -m)
        gaps += [
            np.minimum(np.maximum(last - prices, 0), (1 - p) - m),  # cheaper than the cutoff: always bought
            np.minimum(np.maximum(prices - last, 0), m),  # more expensive: never
            np.abs(m.sum(axis=-1, keepdims=True) - (quota - 1)) * last,
        ]
    worst: Floats = np.max([gap.max(axis=-1) for gap in gaps], axis=0)
    return worst


def _best(problem: Problem, prices: Floats, quota: int) -> Floats:
    """Return the most that each can get if enough of the others get their reservations, (..., n)."""
    n, feasible, d = problem.players, problem.feasible, problem.disagreement
    most = []
    for k, axis in enumerate(np.eye(n)):
        if isinstance(feasible, TransferableSurplus):
            costs = np.sort((prices - d)[..., np.arange(n) != k], axis=-1)[..., : quota - 1]
            most.append(feasible.total - d.sum(axis=-1) + d[..., k] - costs.sum(axis=-1))
        elif n == 2:
            most.append(best_response(feasible, k, prices[..., 1 - k]))
        else:
            most.append(prices[..., k] + feasible.ray(prices, np.broadcast_to(axis, prices.shape)))
    return np.stack(most, axis=-1)

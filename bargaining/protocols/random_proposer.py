"""A random proposer each period: unanimity on any set, and majorities over a surplus.

On general sets offers leave every other player the reservation. In gains over the disagreement point, when k proposes
the others get their reservations w and k gets w_k + rho_k(w), where rho_k is the room left in k's direction. Expected
payoffs V_k = w_k + p_k rho_k and w_k = max{o_k, d_k V_k} give

    w_k = max{o_k, a_k rho_k(w)},   a_k = d_k p_k / (1 - d_k).

For two players this is alternating offers with the discount factors a_k / (1 + a_k).

Where q votes of n divide a surplus, let w_i be player i's reservation, the price of i's vote; K the sum of the q lowest
prices and lam the q-th. A proposer i pays the q - 1 cheapest others, in all K - min(w_i, lam), so with G = 1 - K

    V_i = p_i (G + min(w_i, lam)) + m_i w_i,   w_i = d_i V_i,

where m_i is the probability that another buys i's vote: 1 - p_i if w_i < lam, 0 if w_i > lam, and
anything between if w_i = lam. With mu = lam / G this reads

    m_i = clip(1 / d_i - p_i (1 + 1 / mu), 0, 1 - p_i),   sum m_i = q - 1,

one equation in one unknown that falls piecewise linearly in 1 / mu: solved exactly by sorting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import answer_of
from bargaining._arrays import Floats, distribution, owning, per_player, real
from bargaining._arrays import discounts as checked_discounts
from bargaining._names import Names
from bargaining._rich import Shown
from bargaining.division import Division, describe, divide, extended
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining.feasible._root import decreasing_root
from bargaining.feasible.base import is_convex
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.problem import Problem, require_problem
from bargaining.protocols._offers import SPARE, Talks, best_response, extreme_pair
from bargaining.protocols._seats import UNLABELLED, batch_of, claims, pie, seated, take_seats

_BY_PLAYER = ("probabilities", "discounts", "outside")


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
        n = self.payoffs.shape[-1]
        if self.payoffs.ndim > 1:
            raise NotApplicable(
                f"`coalitions` is for one problem; this is a batch of shape {self.payoffs.shape[:-1]}."
            )
        if self.quota == n:
            return np.ones((n, n))
        assert self.problem is not None
        prices = self.reservations - self.problem.disagreement  # a vote costs what it adds to disagreement
        votes = Votes(payoffs=self.gains, prices=prices, proposing=self.proposing, bought=self.accepts)
        return coalitions(np.asarray(self.probabilities), votes, self.quota)


@owning
@dataclass(frozen=True, slots=True, eq=False)
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
    Stationary equilibrium payoffs are unique (proposition `quota-unique`). The mixture is the root of a falling
    piecewise linear function, found by sorting; `coalitions` says whose votes each proposer buys.

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
        q = self.quota
        if q is not None and (isinstance(q, bool) or not isinstance(q, int | np.integer) or q < 1):
            raise InvalidInput(f"`quota` must be a positive number of votes; got {q!r}.")
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
        n = problem.players
        p = distribution(self.probabilities, "probabilities", n)
        delta = checked_discounts(self.discounts, n)
        outside = _options(self.outside, n)
        quota = self._quota(problem)
        with np.errstate(all="ignore"):
            d = problem.disagreement
            ideal = problem.feasible.ideal(d)
            shape = (*batch_of(problem, probabilities=p, discounts=delta, outside=outside), n)
            p, delta, ideal, d = (np.broadcast_to(each, shape) for each in (p, delta, ideal, d))
            status = self._status(problem, ideal, outside)
            if isinstance(problem.feasible, TransferableSurplus):
                votes = _share(problem.feasible, p, delta, outside, d, quota)
            else:
                votes = _offer(problem, p, delta, outside, ideal)
        return self._packed(problem, votes, p, status, ideal)

    def check(self, division: RandomProposerDivision) -> RandomProposerDivision:
        """Return a division with `residual` and `status` computed anew from its payoffs, reservations and offers.

        The answer may be one of this protocol, or a changed one. The residual is the largest violation of three
        conditions, over the range of gains: a proposer gets the most that an offer accepted by enough others leaves; a
        reservation is the payoff of waiting or leaving; an expected payoff is that of proposing and responding.
        """
        problem = answer_of(division, "division", RandomProposerDivision, problem=True).problem
        assert problem is not None
        if (other := seated(self, problem, *_BY_PLAYER)) is not self:
            return other.check(division)
        votes = Votes(
            payoffs=division.payoffs,
            prices=division.reservations,
            proposing=division.proposing,
            bought=division.accepts,
        )
        status = claims(division, self, problem)
        ideal = np.broadcast_to(problem.ideal, division.payoffs.shape)
        return self._packed(problem, votes, division.probabilities, status, ideal)

    def _packed(
        self, problem: Problem, votes: Votes, p: Floats, status: NDArray[np.int8], ideal: Floats
    ) -> RandomProposerDivision:
        """Pack an answer, with its residual by definition."""
        n, quota = problem.players, self._quota(problem)
        with np.errstate(all="ignore"):
            residual = _miss(
                problem,
                p,
                checked_discounts(self.discounts, n),
                _options(self.outside, n),
                quota,
                votes,
                ideal,
            )
            packed = divide(problem, describe(self), votes.payoffs, residual, status, ideal=ideal)
        return extended(
            packed,
            RandomProposerDivision,
            reservations=votes.prices,
            proposing=votes.proposing,
            accepts=votes.bought,
            quota=quota,
            unique=isinstance(problem.feasible, TransferableSurplus)
            or (n == 2 and self._decided(problem, votes, ideal)),
            probabilities=p,
        )

    def _decided(self, problem: Problem, votes: Votes, ideal: Floats) -> bool:
        """Say whether two have one equilibrium: not where a proposer who takes all there is may as well give less."""
        d = problem.disagreement
        waiting = d + checked_discounts(self.discounts, 2) * (votes.payoffs - d)
        spare = votes.prices - np.maximum(_options(self.outside, 2), waiting)
        return is_convex(problem.feasible) and not (spare > SPARE * (ideal - d)).any()

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


def _options(outside: ArrayLike | Sequence[float | None] | None, players: int) -> Floats:
    """Return payoffs of leaving, -inf for who may not."""
    if outside is None:
        return np.full(players, -np.inf)
    if isinstance(outside, list | tuple) and any(entry is None for entry in outside):
        known = per_player(
            [0.0 if entry is None else cast("float", entry) for entry in outside], "outside", players
        )
        return np.where([entry is None for entry in outside], -np.inf, known)
    return per_player(cast("ArrayLike", outside), "outside", players)


def _share(
    surplus: TransferableSurplus, p: Floats, delta: Floats, outside: Floats, d: Floats, quota: int
) -> Votes:
    """Divide a surplus: solve with the gain as the unit."""
    gain = (surplus.total - d.sum(axis=-1))[..., None]
    if quota < p.shape[-1]:
        unit = majority(p, delta, quota)
    else:
        unit = unanimity(p, delta, np.maximum((outside - d) / gain, 0.0))
    return Votes(
        payoffs=d + unit.payoffs * gain,
        prices=d + unit.prices * gain,
        proposing=d + unit.proposing * gain,
        bought=np.broadcast_to(unit.bought, d.shape),
    )


def _offer(problem: Problem, p: Floats, delta: Floats, outside: Floats, ideal: Floats) -> Votes:
    """Solve for offers on a general set."""
    solve = two_players if problem.players == 2 else several_players
    proposing, held = solve(problem, p, delta, outside, ideal)
    return Votes(payoffs=p * proposing + (1 - p) * held, prices=held, proposing=proposing, bought=1 - p)


def _miss(
    problem: Problem, p: Floats, delta: Floats, outside: Floats, quota: int, votes: Votes, ideal: Floats
) -> Floats:
    """Return the worst violation of the conditions of equilibrium, over the range of gains."""
    n, d = problem.players, np.broadcast_to(problem.disagreement, ideal.shape)
    span = ideal - d
    if isinstance(problem.feasible, TransferableSurplus) and quota < n:
        unit = {name: (getattr(votes, name) - d) / span for name in ("payoffs", "prices", "proposing")}
        return miss(p, delta, quota, Votes(**unit, bought=votes.bought))
    waiting = np.maximum(outside, d + delta * (votes.payoffs - d))
    most = np.stack([_best(problem, k, votes.prices) for k in range(n)], axis=-1)
    short = (waiting - votes.prices) / span
    taken = votes.proposing >= ideal  # nothing more to take: generosity is no violation
    if n == 2 and not isinstance(problem.feasible, TransferableSurplus):
        short = np.where(taken[..., ::-1], np.maximum(short, 0.0), np.abs(short))
    gaps = [
        np.abs(short),
        np.abs(votes.payoffs - p * votes.proposing - (1 - p) * votes.prices) / span,
        np.where(p > 0, np.abs(most - votes.proposing) / span, 0.0),
        np.abs(votes.bought - (1 - p)),
    ]
    worst: Floats = np.max([gap.max(axis=-1) for gap in gaps], axis=0)
    return worst


def _best(problem: Problem, k: int, prices: Floats) -> Floats:
    """Return the most that k can get if every other player gets the reservation."""
    if isinstance(problem.feasible, TransferableSurplus):
        return np.asarray(problem.feasible.total - prices.sum(axis=-1) + prices[..., k])
    if problem.players == 2:
        return best_response(problem.feasible, k, prices[..., 1 - k])
    axis = np.where(np.arange(problem.players) == k, 1.0, 0.0)
    return np.asarray(prices[..., k] + problem.feasible.ray(prices, np.broadcast_to(axis, prices.shape)))


_STAGES = 8  # from impatience to the discount factors asked for: Newton's start is near at each


def two_players(
    problem: Problem, p: Floats, d: Floats, outside: Floats, ideal: Floats
) -> tuple[Floats, Floats]:
    """Return what each gets when proposing and when not, (..., 2), by one bracketed root a cell."""
    floor = np.broadcast_to(problem.disagreement, ideal.shape)
    a = d * p / (1 - d)
    talks = Talks(
        feasible=problem.feasible,
        disagreement=floor,
        discounts=np.broadcast_to(a / (1 + a), ideal.shape),
        breakdown=np.zeros(ideal.shape[:-1]),
        breakdown_payoffs=floor,
        outside=np.broadcast_to(outside, ideal.shape),
        may_leave=np.isfinite(np.broadcast_to(outside, ideal.shape)),
        floor=floor,
        ideal=ideal,
    )
    own0, own1 = extreme_pair(talks, "responder", None, 0)
    proposing = np.stack((own0, own1), axis=-1)
    held = np.stack((talks.best(0, own1), talks.best(1, own0)), axis=-1)
    return proposing, held


def several_players(
    problem: Problem, p: Floats, d: Floats, outside: Floats, ideal: Floats
) -> tuple[Floats, Floats]:
    """Return what each gets when proposing and when not, (n,), by Newton's method from impatience to d."""
    from scipy.optimize import root

    point = problem.disagreement
    scale = ideal - point
    a, options = d * p / (1 - d), np.maximum((outside - point) / scale, 0.0)
    axes = np.diag(scale)

    def room(w: Floats) -> Floats:
        origins = np.broadcast_to(point + w * scale, axes.shape)
        return np.asarray(problem.feasible.ray(origins, axes), dtype=float)

    def miss(w: Floats, share: float) -> Floats:
        return w - np.maximum(options, share * a * np.maximum(room(w), -1.0))

    w = options
    for share in np.append(a.max() ** (-np.arange(_STAGES, 0, -1) / _STAGES) if a.max() > 1 else 1.0, 1.0):
        found = root(miss, w, args=(float(share),), method="hybr", options={"xtol": 1e-14})
        w = np.asarray(found.x, dtype=float)
    if not np.isfinite(w).all():
        raise Unsolved("No stationary offers were found on this set; report the problem.")
    return point + (w + room(w)) * scale, point + w * scale


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Votes:
    """Payoffs, prices of votes, the proposer's payoff, and the probability of being bought; unit surplus, (..., n)."""

    payoffs: Floats
    prices: Floats
    proposing: Floats
    bought: Floats


def unanimity(p: Floats, d: Floats, options: Floats) -> Votes:
    """Return the equilibrium in which every other vote is needed.

    With G the surplus over all reservations, w_i = max(o_i, a_i G), a_i = d_i p_i / (1 - d_i), and
    sum w_i + G = 1.
    """
    a, least = d * p / (1 - d), np.maximum(options, 0.0)
    a, least = np.broadcast_arrays(a, least)
    none = np.zeros(a.shape[:-1])
    gain, _ = decreasing_root(
        lambda g: 1 - g - np.maximum(least, a * g[..., None]).sum(axis=-1), none, none + 1
    )
    gain = gain[..., None]
    prices = np.maximum(least, a * gain)
    payoffs = np.where(prices > a * gain, prices + p * gain, p * gain / (1 - d))
    return Votes(payoffs=payoffs, prices=prices, proposing=prices + gain, bought=1 - p)


def majority(p: Floats, d: Floats, quota: int) -> Votes:
    """Return the equilibrium in which `quota` votes are needed, the proposer's included."""
    if quota == 1:
        return Votes(payoffs=p, prices=d * p, proposing=np.ones_like(p), bought=np.zeros_like(p))
    steepness, bought = _mix(p, d, quota)
    cutoff = 1 / (steepness - 1)
    prices = np.minimum(d * p / (1 - d), np.maximum(cutoff, d * p * (1 + cutoff)))
    gain = 1 / (1 + np.sort(prices, axis=-1)[..., :quota].sum(axis=-1, keepdims=True))
    prices = prices * gain
    proposing = gain + np.minimum(prices, cutoff * gain)
    return Votes(payoffs=p * proposing + bought * prices, prices=prices, proposing=proposing, bought=bought)


def _mix(p: Floats, d: Floats, quota: int) -> tuple[Floats, Floats]:
    """Return the least t = 1 + 1 / mu at which the chances of being bought add up to quota - 1, and these.

    If more votes than needed are free (a player who never proposes or does not wait), t is infinite.
    """
    with np.errstate(divide="ignore"):
        inverse = 1 / d
        knots = np.sort(np.concatenate([1 + (1 - d) * inverse / p, inverse / p], axis=-1), axis=-1)

    def chances(t: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            here = np.clip(inverse - p * t, 0.0, 1 - p)
        return np.where((p == 0) | (d == 0), 1 - p, here)

    sums = np.stack([chances(knots[..., [k]]).sum(axis=-1) for k in range(knots.shape[-1])], axis=-1)
    reached = (sums <= quota - 1 + 1e-13) & np.isfinite(knots)
    k = np.maximum(reached.argmax(axis=-1), 1)[..., None]
    left, right = np.take_along_axis(knots, k - 1, -1), np.take_along_axis(knots, k, -1)
    more, less = np.take_along_axis(sums, k - 1, -1), np.take_along_axis(sums, k, -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = left + np.minimum((more - (quota - 1)) / (more - less), 1.0) * (right - left)
        t = np.where(reached.any(axis=-1)[..., None], np.where(more > less, inside, left), np.inf)
        bought = chances(t)
    return t, bought * (quota - 1) / bought.sum(axis=-1, keepdims=True)


def miss(p: Floats, d: Floats, quota: int, votes: Votes) -> Floats:
    """Return the worst violation of the equilibrium conditions, costs recomputed by sorting the others' prices."""
    n = p.shape[-1]
    w, m = votes.prices, votes.bought
    others = [np.sort(w[..., [j for j in range(n) if j != i]], axis=-1) for i in range(n)]
    cost = np.stack([each[..., : quota - 1].sum(axis=-1) for each in others], axis=-1)
    ranked = np.sort(w, axis=-1)
    last = ranked[..., [quota - 1]]
    gaps = [
        np.abs(votes.payoffs - p * (1 - cost) - m * w),
        np.abs(w - d * votes.payoffs),
        np.abs(votes.proposing - (1 - cost)),
        np.minimum(np.maximum(last - w, 0), (1 - p) - m),  # cheaper than the cutoff: always bought
        np.minimum(np.maximum(w - last, 0), m),  # more expensive: never
        np.maximum(m - (1 - p), -m),
        np.abs(m.sum(axis=-1, keepdims=True) - (quota - 1)) * last,
    ]
    worst: Floats = np.max([gap.max(axis=-1) for gap in gaps], axis=0)
    return worst


def coalitions(p: Floats, votes: Votes, quota: int) -> Floats:
    """Return, for one surplus, the chance that i's proposal buys j's vote: a mixture that gives `votes.bought`.

    All buy the cheapest votes, at the least sum of prices: a linear program.
    """
    from scipy.optimize import linprog

    n = len(p)
    purchases = np.concatenate([np.kron(np.eye(n), np.ones(n)), np.kron(p, np.eye(n))])
    sums = np.append(np.full(n, quota), p + votes.bought)
    bounds = [(float(i == j), 1.0) for i in range(n) for j in range(n)]
    solution = linprog(np.tile(votes.prices, n), A_eq=purchases, b_eq=sums, bounds=bounds)
    if solution.x is None:
        raise Unsolved(
            f"No mixture of coalitions was found for votes bought with chances {votes.bought.tolist()}; "
            "report this case."
        )
    return np.asarray(np.clip(solution.x.reshape(n, n), 0.0, 1.0) + 0.0)  # no -0

"""Mechanisms for two players with private information: the second best, a fair one, and the usual procedures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats, real, record, scalar, within
from bargaining._calls import suggesting
from bargaining.division import Division, Parameters
from bargaining.errors import InvalidInput, NotApplicable, Status, with_article
from bargaining.feasible.base import best_product
from bargaining.feasible.image import LinearImage
from bargaining.games.bayesian import (
    TIE,
    BayesianProblem,
    centred_gains,
    lies,
    margins,
    mechanism_gains,
    scale_of,
    traded,
    turned,
)

SURE = 1e-9  # of the largest gain: violation up to which a mechanism is OK, ten times what HiGHS accepts
MOST = 64  # outcomes at pairs of types for which a neutral solution is searched
LIMIT = 1e8  # of the condition of the equations of claims: where weights tend to 0, claims still have a limit
STARTS = 15  # of the search for a neutral solution; the first is not random


@record
class Mechanism(Division):
    """A `Division` before types are known, with what each type gains and how.

    Attributes
    ----------
    environment : BayesianProblem
        The players, their types and gains.
    interim : tuple of ndarray, shapes (n,) and (m,)
        What each type of player 1 and of player 2 gains on average over the other's types.
    outcomes : ndarray, shape (c, n, m)
        Chance of each outcome at each pair of types; what is missing to 1 is disagreement.
    payments : ndarray, shape (n, m)
        What player 1 pays to player 2; 0 without transfers. A subsidy goes to player 2 on top.
    agreement : float
        Probability of an agreement.
    share : float
        Sum of the players' gains over the first best.
    multipliers : ndarray
        Of a second best, the price of each row of ``problem.feasible.matrix``, which prove it optimal. Of a neutral
        solution the weights of the n + m types, which sum to 2, then the prices, (n, n) and (m, m), of "i does not
        report k". Else empty.
    residual : float
        The worst violation of incentives, participation and the budget, of optimality or of a claim, or what a type
        gains by another offer; over the largest gain, where a fixed price is paid.
    """

    environment: BayesianProblem
    interim: tuple[Floats, Floats]
    outcomes: Floats
    payments: Floats
    agreement: float
    share: float
    multipliers: Floats


@suggesting
def second_best(problem: BayesianProblem, *, weights: Any = None, subsidy: float = 0.0) -> Mechanism:
    r"""Return the mechanism with the largest expected sum of gains that private information leaves.

    Parameters
    ----------
    problem : BayesianProblem
    weights : array_like, shape (2,), or a pair of shapes (n,) and (m,), optional
        Weights of the two players, or of their types on top of the prior; equal by default. Only ratios count.
        Positive ones give the interim incentive efficient mechanisms.
    subsidy : float, default 0
        Money from outside, in the unit of the payoffs; needs independent types and transfers.

    Returns
    -------
    Mechanism
        One of those that reach the sum, where there are several. DEGENERATE where nobody can gain.

    References
    ----------
    Myerson, R. B. and Satterthwaite, M. A. (1983). Efficient mechanisms for bilateral trading. *Journal of
    Economic Theory* 29(2), 265-281. doi:10.1016/0022-0531(83)90048-0

    Examples
    --------
    >>> import numpy as np
    >>> from bargaining import BayesianProblem, second_best
    >>> types = (np.arange(10) + 0.5) / 10
    >>> best = second_best(BayesianProblem.trade(types, types))
    >>> round(float(best.payoffs.sum()), 9), round(best.share, 6)
    (0.1512, 0.916364)
    """
    problem = _asked(problem)
    subsidy = scalar(subsidy, "subsidy")
    each = _weights(weights, problem.prior.shape)
    z, prices, gap = mechanism_gains(problem, subsidy).optimum(np.concatenate(margins(problem)) * each)
    given = {"subsidy": subsidy, "weights": each}
    best = _decided(problem, z)
    return _mechanism(problem, "second_best", given, *best, gap=gap, subsidy=subsidy, multipliers=prices)


@suggesting
def harsanyi_selten(problem: BayesianProblem) -> Mechanism:
    r"""Return the solution of Harsanyi and Selten: the largest product of the types' gains, weighted by their chances.

    .. math:: \max \prod_i U_i^{f_i} \prod_j W_j^{g_j}

    over the interim gains of incentive compatible mechanisms: `nash` of ``problem.interim()``, weighted by the prior.

    Parameters
    ----------
    problem : BayesianProblem

    Returns
    -------
    Mechanism
        DEGENERATE, without an agreement, where some type cannot gain.

    References
    ----------
    Harsanyi, J. C. and Selten, R. (1972). A generalized Nash solution for two-person bargaining games with incomplete
    information. *Management Science* 18(5), 80-106. doi:10.1287/mnsc.18.5.80

    Examples
    --------
    >>> from bargaining import BayesianProblem, harsanyi_selten
    >>> trade = BayesianProblem.trade([2, 5], [0, 3], prior=([0.4, 0.6], [2 / 3, 1 / 3]))
    >>> [gains.round(6).tolist() for gains in harsanyi_selten(trade).interim]
    [[0.6, 1.8], [1.5, 0.6]]
    """
    problem = _asked(problem)
    image = mechanism_gains(problem)
    nothing = np.zeros(image.players)
    if (image.image @ image.decision(nothing)).min() <= SURE * scale_of(problem):
        nobody = np.zeros_like(problem.gains[:, 0]), np.zeros(problem.prior.shape)
        return _mechanism(problem, "harsanyi_selten", {}, *nobody, status=Status.DEGENERATE)
    gains, residual = best_product(image, nothing, np.concatenate(margins(problem)) / 2)
    z = image.decision(gains)
    gap = float(np.abs(image.image @ z - gains).max()) / scale_of(problem)
    return _mechanism(problem, "harsanyi_selten", {}, *_decided(problem, z), gap=max(gap, float(residual)))


@suggesting
def neutral(problem: BayesianProblem) -> Mechanism:
    r"""Return a neutral solution of Myerson: every type gets at least what it can claim.

    With weights :math:`\lambda` of types and prices :math:`\alpha(k|i)` of "type i does not report k" that support the
    mechanism, claims w of player 1 solve

    .. math:: (\lambda_i + \sum_k \alpha(k|i)) w_i - \sum_k \alpha(i|k) w_k = \tfrac12 f_i E_j S_{ij},

    where S is the largest sum of virtual utilities: each virtual type gets half of what there is. The same of player 2.

    Parameters
    ----------
    problem : BayesianProblem

    Returns
    -------
    Mechanism
        Of several, the first of these: one last offer by either player with chance 1/2, if no mechanism is better for
        some type and worse for none; the mechanism with the largest sum that meets the claims to which a search
        leads that starts from the prior, or from 14 perturbations of it. DEGENERATE where the weights found are 0 and
        leave claims open, INACCURATE where no search solves the conditions: about one drawn problem of ten.

    Raises
    ------
    NotApplicable
        If a search is needed and there are more than 64 pairs of types, times outcomes.

    References
    ----------
    Myerson, R. B. (1984). Two-person bargaining problems with incomplete information. *Econometrica* 52(2), 461-487.
    doi:10.2307/1911499

    Examples
    --------
    >>> from bargaining import BayesianProblem, neutral
    >>> trade = BayesianProblem.trade([2, 5], [0, 3], prior=([0.4, 0.6], [2 / 3, 1 / 3]))
    >>> [gains.round(6).tolist() for gains in neutral(trade).interim]
    [[0.666667, 1.666667], [1.5, 0.6]]
    """
    problem = _asked(problem)
    image, scale = mechanism_gains(problem), scale_of(problem)
    try:
        offers = random_offerer(problem)
    except NotApplicable:
        pass
    else:
        gains = np.concatenate(offers.interim)
        better = image.support_above(np.ones(image.players), gains - TIE * scale) - gains
        if better.sum() <= SURE * scale:
            return replace(offers, method="neutral", parameters=Parameters({}))
    if problem.gains[:, 0].size > MOST:
        raise NotApplicable(
            f"a neutral solution is searched for up to {MOST} outcomes at pairs of types; `problem` has "
            f"{problem.gains[:, 0].size}. `harsanyi_selten` takes any number."
        )
    claims, multipliers, residual, unique = _claims(problem, image)
    gains = image.support_above(np.concatenate(margins(problem)), (claims - SURE / 2) * scale)
    if np.isnan(gains).any():
        gains, residual = np.zeros(image.players), np.inf
    status = Status.OK if unique else Status.DEGENERATE
    fair = _decided(problem, image.decision(gains))
    return _mechanism(problem, "neutral", {}, *fair, gap=residual, multipliers=multipliers, status=status)


def _claims(problem: BayesianProblem, image: LinearImage) -> tuple[Floats, Floats, float, bool]:
    """Return claims over the largest gain, multipliers, by how much conditions fail, and whether claims are unique.

    Outcomes, prices and weights solve a complementarity problem: by Fischer's function, smoothed less and less.
    """
    from scipy.optimize import least_squares

    (count, _, n, m), types = problem.gains.shape, image.players
    own, told = (np.concatenate((a, n + b)) for a, b in zip(lies(problem, n), lies(problem, m), strict=True))
    a, pairs, outcomes, k = own.size, n * m, count * n * m, image.lower.size
    budget = int(problem.transfers and problem.independent)
    matrix, binding = image.matrix.toarray(), np.r_[: a + budget, -pairs:0]
    rows, limits = matrix[binding], image.limits[binding]
    gains = image.image.toarray() / scale_of(problem)
    half = np.vstack((np.repeat(np.eye(n), m, axis=1), np.tile(np.eye(m), n))) / 2
    z, y, w, c = np.split(np.arange(k + len(rows) + 2 * types), np.cumsum((k, len(rows), types)))
    eye, lie = np.eye(c[-1] + 1), np.zeros((a, types))
    lie[np.arange(a), own], lie[np.arange(a), told] = 1.0, -1.0

    def conditions(x: Floats) -> tuple[Floats, Floats, Floats]:
        """Return what is not negative, what then has to be 0 or also not negative, and what has to be 0."""
        slope = rows.T @ x[y] - gains.T @ x[w]
        claimed = x[w] * x[c] + lie.T @ (x[y[:a]] * x[c][own]) - half @ x[y[-pairs:]]
        slack = np.concatenate((slope[:outcomes], limits - rows @ x[z], gains @ x[z] - x[c]))
        return x[first], slack, np.concatenate((slope[outcomes:], claimed, [x[w].sum() - 1.0]))

    first = np.concatenate((z[:outcomes], y, w))
    slopes = rows.T @ eye[y] - gains.T @ eye[w]
    slacks = np.vstack((slopes[:outcomes], -rows @ eye[z], gains @ eye[z] - eye[c]))

    def errors(x: Floats, smooth: float) -> Floats:
        u, v, rest = conditions(x)
        return np.concatenate((u + v - np.sqrt(u * u + v * v + 2 * smooth), rest))

    def jacobian(x: Floats, smooth: float) -> Floats:
        u, v, _ = conditions(x)
        size = np.sqrt(u * u + v * v + 2 * smooth)
        claimed = x[w][:, None] * eye[c] + x[c][:, None] * eye[w] - half @ eye[y[-pairs:]]
        claimed += lie.T @ (x[y[:a]][:, None] * eye[c[own]] + x[c][own][:, None] * eye[y[:a]])
        fischer = (1 - u / size)[:, None] * eye[first] + (1 - v / size)[:, None] * slacks
        return np.vstack((fischer, slopes[outcomes:], claimed, eye[w].sum(axis=0)))

    best, residual, unique = np.zeros(c[-1] + 1), np.inf, False
    for seed in range(STARTS):
        x = np.full(best.size, 0.1)
        x[z[:outcomes]], x[w] = 0.5, np.concatenate(margins(problem)) / 2
        x *= np.exp(min(seed, 1) * np.random.default_rng(seed).normal(size=x.size))
        for power in range(2, 18):
            x = least_squares(errors, x, jacobian, method="lm", args=(10.0**-power,), max_nfev=60).x
        u, v, rest = conditions(x)
        worst = float(max(np.abs(np.minimum(u, v)).max(), np.abs(rest).max()))
        limit = np.linalg.cond(np.diag(x[w]) + lie.T @ (x[y[:a]][:, None] * np.eye(types)[own])) < LIMIT
        if (worst > SURE, not limit, worst) < (residual > SURE, not unique, residual):
            best, residual, unique = x, worst, bool(limit)
        if residual <= SURE and unique:
            break
    prices = np.zeros((types, types))
    prices[own, told] = best[y[:a]]
    return (
        best[c],
        2 * np.concatenate((best[w], prices[:n, :n].ravel(), prices[n:, n:].ravel())),
        residual,
        unique,
    )


@suggesting
def posted_price(problem: BayesianProblem, price: float | None = None) -> Mechanism:
    """Return trade at a price that is fixed beforehand: the buyer buys if v >= price, the seller sells if c <= price.

    Parameters
    ----------
    problem : BayesianProblem
        Made by `BayesianProblem.trade`.
    price : float, optional
        By default the one of the values and costs with the largest gains, the lowest of several.

    Returns
    -------
    Mechanism

    Examples
    --------
    >>> from bargaining import BayesianProblem, posted_price
    >>> posted_price(BayesianProblem.trade([1, 3], [0, 2]), 2).payoffs
    array([0.5, 0.5])
    """
    problem = _asked(problem)
    v, c = traded(problem)
    surplus = problem.prior * (v[:, None] - c)

    def gains(p: float) -> float:
        return float(surplus[np.ix_(v >= p, c <= p)].sum())

    if price is None:
        price = max(sorted({*v.tolist(), *c.tolist()}), key=gains)
    price = scalar(price, "price")
    trade = np.outer(v >= price, c <= price).astype(float)
    return _mechanism(problem, "posted_price", {"price": price}, trade, trade * price)


@suggesting
def random_offerer(problem: BayesianProblem, *, chances: ArrayLike = (0.5, 0.5)) -> Mechanism:
    """Return what comes of one last offer by a player drawn at random.

    The player who is drawn asks a price, knowing its own type; the other takes or leaves it. With chances (0, 1) player
    2 makes a take-it-or-leave-it offer. Between offers of the same worth the one with more trade is made.

    Parameters
    ----------
    problem : BayesianProblem
        With transfers, one outcome, and a gain of each player that does not hang on the other's type; or of one
        player, if that one only responds.
    chances : array_like, shape (2,)
        Of each player to make the offer; they sum to 1.

    Returns
    -------
    Mechanism

    Raises
    ------
    NotApplicable
        If there are no transfers, several outcomes, or a responder whose gain hangs on the proposer's type.

    Examples
    --------
    >>> from bargaining import BayesianProblem, random_offerer
    >>> trade = BayesianProblem.trade([1, 3], [0, 2], prior=([0.25, 0.75], [0.75, 0.25]))
    >>> random_offerer(trade, chances=[0, 1]).payoffs.round(9)
    array([0.   , 1.875])
    """
    problem = _asked(problem)
    share = within(real(chances, "chances", ndim=1), "chances", 0.0, 1.0)
    if share.shape != (2,) or abs(share.sum() - 1) > TIE:
        raise InvalidInput(f"`chances` must be two that sum to 1; got {share.tolist()}.")
    if not problem.transfers or len(problem.gains) != 1:
        raise NotApplicable("offers are prices: the problem needs transfers=True and one outcome.")
    trade, paid = np.zeros(problem.prior.shape), np.zeros(problem.prior.shape)
    for proposer in np.flatnonzero(share):
        accepted, price = _offers(problem, int(proposer))
        trade, paid = trade + share[proposer] * accepted, paid + share[proposer] * accepted * price
    return _mechanism(problem, "random_offerer", {"chances": share}, trade, paid)


def _offers(problem: BayesianProblem, proposer: int) -> tuple[Floats, Floats]:
    """Return who accepts, and what player 1 then pays, at each pair of types."""
    arrays = problem.gains[0, proposer], problem.gains[0, 1 - proposer], problem.prior
    own, reply, prior = (turned(array, proposer) for array in arrays)
    if np.ptp(reply, axis=0).max() > TIE * scale_of(problem):
        raise NotApplicable(
            "the responder's gain hangs on the proposer's type, so that an offer would be a signal of it."
        )
    reply, prices = reply[0], np.sort(np.unique(reply[0]))
    takes = reply >= prices[:, None]  # by what the proposer asks for
    worth = np.einsum("ij,kj,ijk->ik", prior, takes, own[:, :, None] + prices)
    room = TIE * scale_of(problem) * prior.sum(axis=1)
    best = worth.max(axis=1)
    choice = np.argmax(worth >= (best - room)[:, None], axis=1)  # the lowest of the best
    accepted = takes[choice] & (best >= -room)[:, None]
    asked = np.broadcast_to(prices[choice][:, None], accepted.shape)
    return turned(accepted, proposer), turned(asked if proposer else -asked, proposer)


@suggesting
def double_auction(problem: BayesianProblem, k: float, bids: ArrayLike, asks: ArrayLike) -> Mechanism:
    """Return what offers made at the same time lead to: trade if the bid is at least the ask, at k bid + (1 - k) ask.

    Parameters
    ----------
    problem : BayesianProblem
        Made by `BayesianProblem.trade`.
    k : float
        Weight of the bid in the price, from 0 to 1.
    bids, asks : array_like, shapes (n,) and (m,)
        Offers by type, in the order of ``problem.values`` and ``problem.costs``. The game has many equilibria; these
        offers are checked and nothing is searched.

    Returns
    -------
    Mechanism
        Its `residual` is the most that a type gains by another offer: OK if the offers are an equilibrium.

    References
    ----------
    Chatterjee, K. and Samuelson, W. (1983). Bargaining under incomplete information. *Operations Research* 31(5),
    835-851. doi:10.1287/opre.31.5.835

    Examples
    --------
    >>> from bargaining import BayesianProblem, double_auction
    >>> double_auction(BayesianProblem.trade([1, 3], [0, 2]), 0.5, bids=[1, 2], asks=[1, 2]).payoffs
    array([0.625, 0.625])
    """
    problem = _asked(problem)
    v, c = traded(problem)
    k = float(within(real(k, "k", ndim=0), "k", 0.0, 1.0))
    b, a = real(bids, "bids", ndim=1), real(asks, "asks", ndim=1)
    for name, offers, types in (("bids", b, v), ("asks", a, c)):
        if offers.shape != types.shape:
            raise InvalidInput(f"`{name}` must have one offer per type ({types.size}); got {offers.size}.")
    price, trade, (f, g) = k * b[:, None] + (1 - k) * a, (b[:, None] >= a).astype(float), margins(problem)
    # only the other side's offers can be better, or none that is met, which is a matter of participation
    bought = np.einsum("j,kj,ikj->ik", g, a[:, None] >= a, v[:, None, None] - (k * a[:, None] + (1 - k) * a))
    sold = np.einsum("i,ki,jki->jk", f, b >= b[:, None], k * b + (1 - k) * b[:, None] - c[:, None, None])
    now = ((trade * (v[:, None] - price)) @ g, f @ (trade * (price - c)))
    better = [best.max(axis=1) - own for best, own in zip((bought, sold), now, strict=True)]
    gap = float(np.concatenate(better).max()) / scale_of(problem)
    given = {"k": k, "bids": b, "asks": a}
    return _mechanism(problem, "double_auction", given, trade, trade * price, gap=gap)


def _asked(problem: Any) -> BayesianProblem:
    if not isinstance(problem, BayesianProblem):
        raise InvalidInput(
            f"`problem` must be a BayesianProblem; got {with_article(problem)}. Of a buyer and a seller: "
            "BayesianProblem.trade(values, costs)."
        )
    return problem


def _weights(weights: Any, sizes: tuple[int, ...]) -> Floats:
    """Return the weights of all types, of which the largest is 1."""
    try:
        pair = zip((1.0, 1.0) if weights is None else weights, sizes, strict=True)
        each = np.concatenate([np.broadcast_to(real(part, "weights"), size) for part, size in pair])
    except (TypeError, ValueError):
        each = np.zeros(1)
    if each.min() < 0 or not each.any():
        raise InvalidInput(
            f"`weights` must be two numbers, or a pair with one for each of {sizes[0]} and {sizes[1]} types, not "
            "negative and not all 0."
        )
    return np.asarray(each / each.max())


def _decided(problem: BayesianProblem, z: Floats) -> tuple[Floats, Floats]:
    """Return the outcomes and payments of a decision of the program behind `BayesianProblem.interim`."""
    (count, _, n, m), scale = problem.gains.shape, scale_of(problem)
    q, money = np.clip(z[: count * n * m], 0.0, 1.0).reshape(count, n, m) + 0.0, z[count * n * m :] * scale
    if not problem.transfers:
        return q, np.zeros((n, m))
    if not problem.independent:
        return q, money.reshape(n, m) + np.tensordot(centred_gains(problem)[1], q, axes=1)
    f, g = margins(problem)
    first, second = (problem.gains * q[:, None]).sum(axis=0)
    pays, gets = first @ g - money[:n], money[n:] - f @ second
    return q, pays[:, None] + gets - gets @ g  # the same on average as `pays`


def _mechanism(
    problem: BayesianProblem,
    method: str,
    parameters: dict[str, Any],
    q: Floats,
    paid: Floats,
    *,
    gap: float = 0.0,
    subsidy: float = 0.0,
    multipliers: Floats | None = None,
    status: Status = Status.OK,
) -> Mechanism:
    """Return outcomes and payments as a mechanism, with what they violate of its definition."""
    q = q.reshape(problem.gains.shape[:1] + problem.prior.shape)
    interim, worst, scale = [], gap, scale_of(problem)
    for player, money in enumerate((-paid, paid + subsidy)):
        arrays = problem.gains[:, player], problem.prior, q, money
        gains, prior, chances, money = (turned(array, player) for array in arrays)
        given = prior / prior.sum(axis=1, keepdims=True)
        told = np.einsum("ij,cij,ckj->ik", given, gains, chances, optimize=True) + given @ money.T
        own = np.diagonal(told).copy()
        worst = max(worst, float((told - own[:, None]).max() / scale), float(-own.min() / scale))
        interim.append(own)
    first_best = problem.first_best
    payoffs = np.array([chances @ own for chances, own in zip(margins(problem), interim, strict=True)])
    if worst > SURE:
        status = Status.INACCURATE
    elif first_best <= TIE * scale:
        status = Status.DEGENERATE
    return Mechanism(
        payoffs=payoffs,
        status=status,
        method=method,
        residual=max(worst, 0.0),
        problem=problem.ex_ante(subsidy=subsidy),
        parameters=Parameters(parameters),
        environment=problem,
        interim=(interim[0], interim[1]),
        outcomes=q,
        payments=paid,
        agreement=float((problem.prior * q.sum(axis=0)).sum()),
        share=float(payoffs.sum() / first_best) if first_best > 0 else 1.0,
        multipliers=np.empty(0) if multipliers is None else multipliers,
    )

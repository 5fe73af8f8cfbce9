"""Bargaining between two players who each know only their own type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import flag
from bargaining._arrays import Floats, fill, owned, real, record, scalar
from bargaining._calls import suggesting
from bargaining._names import Names, unique_names
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible.image import LinearImage
from bargaining.problem import Problem

SUM = 1e-9  # by which chances may miss one
TIE = 1e-12  # of the largest gain: values and costs, or offers, that are the same


@record(init=False, repr=False)
class BayesianProblem(Shown, line=False):
    r"""Two players bargain; each knows its own type, and of the other's only how likely it is.

    Parameters
    ----------
    payoffs : array_like, shape (c, 2, n, m)
        What the two players get from each of c outcomes, when player 1 has type i of n and player 2 type j of m.
        Disagreement is always possible too and need not be among them.
    prior : array_like, shape (n, m), or a pair of shapes (n,) and (m,)
        Chances of pairs of types; a pair of vectors means independent types.
    transfers : bool, default False
        Whether money, in the unit of the payoffs, can be paid as well.
    disagreement : array_like, default 0
        Payoffs without an agreement: a number, or an array that broadcasts to (2, n, m).
    players : sequence of str, optional
        Names of the two.

    Attributes
    ----------
    gains : ndarray, shape (c, 2, n, m)
        Payoffs less those of disagreement.
    prior : ndarray, shape (n, m)
    independent : bool
        Whether the prior is the product of its margins.
    values, costs : ndarray or None
        Of a buyer and a seller, see `trade`.

    Raises
    ------
    InvalidInput
        If chances are negative or do not sum to 1, a type has chance 0, or shapes do not fit.

    Notes
    -----
    A mechanism asks both for their types and answers with an outcome and payments. It has to be incentive compatible
    (no type gains by the report of another, given what it knows) and individually rational (no type loses against
    disagreement); payments balance in expectation, and money may be wasted. By the revelation principle nothing else is
    reached by any procedure. What the types can gain on average, one "player" a type, is a feasible set:
    `interim`. If types are correlated, payments are made between the two alone: with a third party any correlation, how
    small it may be, would make everything reachable, by payments that explode.

    References
    ----------
    Myerson, R. B. (1991). *Game Theory: Analysis of Conflict*. Harvard University Press. isbn:0-674-34115-5
    Chapter 10.

    Examples
    --------
    >>> from bargaining import BayesianProblem, second_best
    >>> trade = BayesianProblem.trade(values=[1, 3], costs=[0, 2], prior=([0.25, 0.75], [0.75, 0.25]))
    >>> round(trade.first_best, 9), round(trade.subsidy, 9)
    (2.0625, 0.1875)
    >>> round(second_best(trade).share, 6)
    0.981818
    """

    gains: Floats
    prior: Floats
    transfers: bool
    independent: bool
    values: Floats | None
    costs: Floats | None
    player_names: tuple[str, ...]

    @suggesting
    def __init__(
        self,
        payoffs: ArrayLike,
        prior: Any,
        *,
        transfers: bool = False,
        disagreement: ArrayLike = 0.0,
        players: Names | None = None,
    ) -> None:
        array = real(payoffs, "payoffs", payoffs=True)
        if array.ndim != 4 or array.shape[1] != 2:
            raise InvalidInput(
                "`payoffs` must have shape (outcomes, 2, types of player 1, types of player 2); got "
                f"{array.shape}. One outcome? Write payoffs[None]."
            )
        threat = real(disagreement, "disagreement", payoffs=True)
        try:
            gains = array - np.broadcast_to(threat, array.shape[1:])
        except ValueError:
            raise InvalidInput(
                f"`disagreement` must broadcast to {array.shape[1:]}; got shape {threat.shape}."
            ) from None
        chances, independent = _prior(prior, array.shape[2:])
        fill(
            self,
            gains=gains,
            prior=chances,
            transfers=flag(transfers, "transfers"),
            independent=independent,
            values=None,
            costs=None,
            player_names=unique_names(players, "players", 2),
        )

    @classmethod
    def trade(
        cls, values: ArrayLike, costs: ArrayLike, prior: Any = None, *, options: Any = None
    ) -> BayesianProblem:
        """Return the problem of a buyer and a seller of one good, with payments.

        Parameters
        ----------
        values, costs : array_like, shapes (n,) and (m,)
            What the good is worth to the buyer and costs the seller, by type.
        prior : array_like, optional
            As above; independent and equally likely types by default.
        options : pair of array_like, optional
            What each type of buyer and of seller gets elsewhere without an agreement.

        Notes
        -----
        Types are sorted: values and costs, less and plus the options, increase.
        """
        v, c = real(values, "values", ndim=1), real(costs, "costs", ndim=1)
        if prior is None:
            prior = np.full(v.size, 1 / v.size), np.full(c.size, 1 / c.size)
        chances, _ = _prior(prior, (v.size, c.size))
        if options is not None:
            if not isinstance(options, tuple | list) or len(options) != 2:
                raise InvalidInput("`options` must be a pair: of the buyer's types and of the seller's.")
            more = [real(option, "options", payoffs=True) for option in options]
            v, c = v - np.broadcast_to(more[0], v.shape), c + np.broadcast_to(more[1], c.shape)
        rows, columns = np.argsort(v, kind="stable"), np.argsort(c, kind="stable")
        v, c, chances = v[rows], c[columns], chances[np.ix_(rows, columns)]
        gains = np.stack(np.broadcast_arrays(v[:, None], -c[None, :]))
        made = cls(gains[None], chances, transfers=True, players=("buyer", "seller"))
        return fill(made, values=owned(v), costs=owned(c))

    def __repr__(self) -> str:
        n, m = self.prior.shape
        names = " and ".join(
            f"{name} of {k} types" for name, k in zip(self.player_names, (n, m), strict=True)
        )
        return f"<BayesianProblem: {names}{'' if self.transfers else ', no payments'}>"

    @property
    def first_best(self) -> float:
        """The largest expected sum of gains if types were known."""
        return float((self.prior * np.maximum(self.gains.sum(axis=1).max(axis=0), 0.0)).sum())

    @property
    def subsidy(self) -> float:
        r"""The least subsidy with which trade is efficient: :math:`-E[(\varphi_i - \psi_j) 1\{v_i > c_j\}]`, or 0.

        With :math:`\varphi, \psi` the virtual values and costs of neighbours (Myerson and Satterthwaite 1983).

        Raises
        ------
        NotApplicable
            Where this is no trade, or types are not independent.
        """
        (phi, psi), (v, c) = self.virtual, traded(self)
        gains = v[:, None] - c > TIE * scale_of(self)
        slack = (self.prior * (phi[:, None] - psi) * gains).sum()
        return max(0.0, -float(slack))

    @property
    def virtual(self) -> tuple[Floats, Floats]:
        r"""Virtual values :math:`v_i - (v_{i+1} - v_i) P(\text{above } i) / f_i`, and virtual costs likewise.

        Raises
        ------
        NotApplicable
            Where this is no trade, or types are not independent.
        """
        (v, c), (f, g) = traded(self), margins(self)
        above, below = 1.0 - np.cumsum(f), np.cumsum(g) - g
        phi = v - np.append(np.diff(v), 0.0) * np.maximum(above, 0.0) / f
        return phi, c + np.append(0.0, np.diff(c)) * below / g

    def interim(self, *, subsidy: float = 0.0) -> Problem:
        """Return the problem of n + m players, one a type, over what mechanisms let the types gain on average.

        Their disagreement payoff is 0. Every concept applies: `utilitarian` with the prior as weights is the second
        best, `nash` with it the solution of Harsanyi and Selten.
        """
        titles = self.player_names
        if all(name.isdigit() for name in titles):
            titles = "player 0, type", "player 1, type"
        names = [
            f"{name} {k}" for name, size in zip(titles, self.prior.shape, strict=True) for k in range(size)
        ]
        return Problem(mechanism_gains(self, subsidy), np.zeros(len(names)), players=names)

    def ex_ante(self, *, subsidy: float = 0.0) -> Problem:
        """Return the problem of the two players over what mechanisms let them gain before they know their types."""
        return Problem(mechanism_gains(self, subsidy, by_type=False), [0.0, 0.0], players=self.player_names)


def traded(problem: BayesianProblem) -> tuple[Floats, Floats]:
    """Return values and costs of a buyer and a seller with independent types; refuse other problems."""
    if problem.values is None or problem.costs is None or not problem.independent:
        raise NotApplicable(
            "virtual values, the subsidy and prices are those of a buyer and a seller with independent types: "
            "make the problem by `BayesianProblem.trade` and give `prior` as a pair of vectors."
        )
    return problem.values, problem.costs


def margins(problem: BayesianProblem) -> tuple[Floats, Floats]:
    """Return the chances of each player's types."""
    return problem.prior.sum(axis=1), problem.prior.sum(axis=0)


def mechanism_gains(problem: BayesianProblem, subsidy: float = 0.0, *, by_type: bool = True) -> LinearImage:
    """Return the gains of incentive compatible, individually rational mechanisms, by type or by player.

    A decision holds the chances of outcomes at each pair of types, then money in units of the largest gain: the
    gains of the types where they are independent, else payments at each pair. Constraints are incentives, the budget or
    participation, and that chances at a pair sum to one at most.
    """
    from scipy.sparse import block_diag, csr_array, eye_array, hstack, vstack

    subsidy = scalar(subsidy, "subsidy")
    if subsidy and not (problem.transfers and problem.independent):
        raise InvalidInput(
            f"`subsidy` must be 0 without transfers and where types are correlated; got {subsidy:g}. Pass "
            "transfers=True, or the prior as a pair of vectors."
        )
    (count, _, n, m), money = problem.gains.shape, _money(problem)
    truth = [_report(problem, k, np.arange(size), np.arange(size)) for k, size in enumerate((n, m))]
    rows = []
    for k, size in enumerate((n, m)):
        own, other = lies(problem, size)
        rows.append(_report(problem, k, own, other) - truth[k][own])
    if problem.transfers and problem.independent:
        total = centred_gains(problem)[0].sum(axis=1) / scale_of(problem) * problem.prior
        rows.append(csr_array(np.concatenate((-total.ravel(), *margins(problem)))[None]))
    else:
        rows += [-part for part in truth]
    rows.append(hstack([eye_array(n * m)] * count + [csr_array((n * m, money))]))
    matrix = csr_array(vstack(rows))
    matrix.eliminate_zeros()
    limits = np.zeros(matrix.shape[0])
    limits[-n * m - 1], limits[-n * m :] = subsidy / scale_of(problem), 1.0
    everyone = vstack(truth) * scale_of(problem)
    if not by_type:
        everyone = block_diag([chances[None] for chances in margins(problem)], format="csr") @ everyone
    low = -np.inf if problem.transfers and not problem.independent else 0.0
    lower = np.repeat([0.0, low], [matrix.shape[1] - money, money])
    return LinearImage(csr_array(everyone), matrix, limits, lower=lower)


def _money(problem: BayesianProblem) -> int:
    n, m = problem.prior.shape
    return 0 if not problem.transfers else n + m if problem.independent else n * m


def lies(problem: BayesianProblem, size: int) -> tuple[Any, Any]:
    """Return types and what they may want to report: in trade with independent types, neighbours."""
    apart = np.subtract.outer(np.arange(size), np.arange(size))
    own, other = np.nonzero(
        np.abs(apart) == 1 if problem.values is not None and problem.independent else apart
    )
    return own, other


def _report(problem: BayesianProblem, player: int, own: Any, told: Any) -> Any:
    """Return what types gain by reports, as rows over the decisions of `mechanism_gains`; the largest gain is 1."""
    from scipy.sparse import csr_array

    count, _, n, m = problem.gains.shape
    cells = np.arange(count * n * m).reshape(count, n, m)
    gains, prior = centred_gains(problem)[0][:, player] / scale_of(problem), problem.prior
    gains, prior, cells = (turned(array, player) for array in (gains, prior, cells))
    given = prior / prior.sum(axis=1, keepdims=True)
    worth, columns = given[own] * gains[:, own], cells[:, told]
    lines = np.broadcast_to(np.arange(own.size)[:, None], columns.shape)
    entries, first = [(worth, lines, columns)], count * n * m
    if problem.transfers and problem.independent:  # who reports pays what leaves the type its gain
        entries.append((-given[told] * gains[:, told], lines, columns))
        entries.append((np.ones(own.size), np.arange(own.size), first + player * n + told))
    elif problem.transfers:  # player 1 pays player 2
        paid = given[own] if player else -given[own]
        entries.append((paid, lines[0], first + cells[0, told]))
    value, row, column = (np.concatenate([np.ravel(entry[k]) for entry in entries]) for k in range(3))
    return csr_array((value, (row, column)), shape=(own.size, first + _money(problem)))


def turned(array: Floats, player: int) -> Floats:
    """Return an array over pairs of types with the player's own types before the other's."""
    return array.swapaxes(-1, -2) if player else array


def centred_gains(problem: BayesianProblem) -> tuple[Floats, Floats]:
    """Return gains in which a fixed payment for each outcome makes the two of about the same size, and the payments.

    With transfers nothing but payments depends on them, and the digits of values and costs that are large and near each
    other are kept.
    """
    if not problem.transfers:
        return problem.gains, np.zeros(len(problem.gains))
    middle = (problem.gains.max(axis=(2, 3)) + problem.gains.min(axis=(2, 3))) / 2
    payments = (middle[:, 0] - middle[:, 1]) / 2
    return problem.gains - payments[:, None, None, None] * np.array([1.0, -1.0])[:, None, None], payments


def scale_of(problem: BayesianProblem) -> float:
    """Return the largest gain or loss after fixed payments, the unit of programs; 1 if there is none."""
    return float(np.abs(centred_gains(problem)[0]).max()) or 1.0


def _prior(prior: Any, shape: tuple[int, ...]) -> tuple[Floats, bool]:
    """Return the chances of pairs of types, and whether types are independent."""
    pair = isinstance(prior, tuple | list) and len(prior) == 2
    if pair:
        one, other = (real(part, f"prior[{k}]") for k, part in enumerate(prior))
        pair = one.ndim == other.ndim == 1
        if pair and one.shape == other.shape:  # two rows of one matrix sum to 1 together
            pair = float(one.sum() + other.sum()) > 1.5
    if pair:
        return np.outer(*(_chances(prior[k], f"prior[{k}]", shape[k : k + 1]) for k in range(2))), True
    array = _chances(prior, "prior", shape)
    product = np.outer(array.sum(axis=1), array.sum(axis=0))
    return array, bool(np.abs(array - product).max() <= 1e-15)


def _chances(value: ArrayLike, name: str, shape: tuple[int, ...]) -> Floats:
    array = real(value, name)
    if array.shape != shape:
        wanted = f"have shape {shape}, or be a pair of vectors for independent types"
        wanted = wanted if len(shape) == 2 else f"have one chance per type ({shape[0]})"
        raise InvalidInput(f"`{name}` must {wanted}; got shape {array.shape}.")
    if (array < 0).any():
        raise InvalidInput(f"`{name}` must not have negative chances; got {array.min():g}.")
    if abs(array.sum() - 1) > SUM:
        raise InvalidInput(f"`{name}` must sum to 1; got {array.sum():g}. Divide by the sum.")
    for axis in range(array.ndim):
        margin = np.moveaxis(array, axis, 0).reshape(shape[axis], -1).sum(axis=1)
        if not (margin > 0).all():
            raise InvalidInput(
                f"`{name}` gives type {int(np.argmin(margin))} the chance 0. Leave that type out."
            )
    return np.asarray(array / array.sum())

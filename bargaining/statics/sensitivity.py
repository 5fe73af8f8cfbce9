"""Comparative statics: derivatives of an answer in its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import function, whole
from bargaining._arrays import Floats, real, short
from bargaining._calls import suggesting
from bargaining._jets import Jet, implicit
from bargaining._names import meant
from bargaining.division import Division, Method
from bargaining.equilibria.pairs.nash_in_nash import NashInNash
from bargaining.errors import BargainingError, InvalidInput, NotApplicable, Status, with_article
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.problem import Problem
from bargaining.protocols.stochastic import StochasticDivision
from bargaining.statics.conditions import EPS, TIE, Conditions, conditions
from bargaining.statics.contracts import of_contracts
from bargaining.statics.definitions import Definition, Layout, defined, differentiated, one_sided
from bargaining.statics.paths import path_slopes
from bargaining.statics.sets import batch_of_sets, of_sets
from bargaining.statics.talks import of_talks

if TYPE_CHECKING:
    import xarray as xr

_PAYOFFS = ("outside", "inside", "breakdown_payoffs", "reference")
_BY_PLAYER = ("weights", "probabilities", "discounts", "rates", *_PAYOFFS)
_OF_SETS = ("disagreement", "total", "points")
# Attributes with the numbers of other answers, and the name of their dimension:
_ANSWERS = (
    ("payoffs", "player"),
    ("contracts", "deal"),
    ("vertices", "vertex"),
    ("discount", ""),
    ("payoff", ""),
    ("rates", "country"),
)
_MISSED = 1e-9  # of the payoffs' range: an answer with a larger violation does not satisfy the conditions
_LITTLE = 0.01  # of the largest gain of any player: of those who gain less, what they could gain counts
_STEP = 2.0**-6  # of the payoffs' range, or an eighth of the way to 0 or 1: where differences begin
# Of this step: where the structure beside a kink is read, farther if rounding hides it.
_SHARES = (1 / 512, 1 / 8)
_NEAR = 1 / 64  # of this step: where differences begin if there is no answer at the whole step
_LOOSE = 0.01  # of a difference, or of the range: with a larger error it is none, as at a jump
_ALIKE = 1e-6  # of the range: one-sided differences that agree up to this, or up to their errors, are one derivative


@suggesting
def sensitivity(
    result: Any, *, wrt: str | Mapping[str, Any], order: int = 1, method: Callable[..., Any] | None = None
) -> xr.DataArray:
    r"""Return the derivatives of an answer in a parameter.

    At the answer x its conditions F(x, t) = 0 are known, which inequalities bind included; by the implicit function
    theorem

    .. math:: \frac{\partial x}{\partial t} = -F_x^{-1} F_t .

    Parameters
    ----------
    result : Division or other answer
        What a concept or a protocol returned; a batch is differentiated cell by cell. Payoff sets (vertices), Markov
        equilibria (values of states), critical discount factors, equilibria of trade models (percent of real income)
        and tariff equilibria (rates) too, and those of `StochasticBargaining` and `nash_in_nash`. Other answers, with
        ``payoffs``, ``contracts``, ``vertices``, ``rates`` or ``discount``, and plain numbers require `method`. An
        array or a sequence of payoff sets of games of one size, as `payoff_sets` returns, is a batch too.
    wrt : str, or mapping of names to values
        "disagreement"; "total" of a `TransferableSurplus` or "points" of a `Polytope`; or a parameter of the concept or
        protocol, such as "weights", "discounts", "outside" or "breakdown". For a game "payoffs", "discounts",
        "discount" if it is common to all, and "outside"; for a trade model "tariffs", "costs", "transfers" and
        "elasticities"; for tariff equilibria the other "tariffs", "costs" and "elasticities"; for
        `StochasticBargaining` "surplus", "outside", "discounts", "discount" and "transition", every entry by itself;
        for `nash_in_nash` "weights". A mapping gives arguments of `method` and their values.
    order : {1, 2}, default 1
        First or second derivatives.
    method : callable, optional
        The function that computes the answer, if it is not one of this library: a function of a problem, or, with a
        mapping `wrt`, of the arguments given there. Its derivatives are numerical. If it returns the answer of a game,
        of a Markov chain or of `nash_in_nash`, only the derivatives of the data (of gains at the contracts found) are
        numerical, and those of the answer in the data are exact.

    Returns
    -------
    xarray.DataArray
        Dimensions: of the batch ("cell", or "cell_0", ...), "player", then that of the parameter, named after it,
        unless it is a single number; "points" has "point" and "coordinate"; with a mapping "parameter" comes last.
        Second derivatives have the last ones twice. NaN where the status is not OK, and at a kink. The coordinates
        ``from_below`` and ``from_above`` contain the one-sided derivatives, which are equal except at a kink.
        The coordinate ``error`` bounds the error due to rounding or differences. `plot` draws it, and `Table` takes
        its ``.to_pandas()``. Payoff sets have "vertex" before "player"; in a batch it is as long as the most vertices
        of a set, with NaN past the others'.

    Raises
    ------
    InvalidInput
        If the answer has no such parameter, or `method` does not lead to the answer.
    NotApplicable
        If second derivatives are requested where conditions are not known, or those of a batch of payoff sets of which
        none are known.

    Notes
    -----
    Conditions are known for `nash`, `egalitarian`, `kalai_smorodinsky`, `gupta_livne`, `equal_loss`, `utilitarian`,
    `yu`, `perles_maschler` and `raiffa` on surpluses (but not for `utilitarian`: all divisions tie), frontiers and
    polygons, and for the first six on polytopes of more players; for both Raiffa solutions of any number of players in
    the disagreement point; for `AlternatingOffers` between two players with an infinite horizon in which responders may
    leave; and for `RandomProposer` under unanimity, with any number of players who share a surplus and with two on
    other sets.
    Curvatures of a `Frontier` are those of a polynomial through its `derivative`, or its values, near the answer. For
    answers of games the structure is read off the answer: how each vertex is generated, which actions are used, which
    constraint binds at a threshold, who agrees and who leaves in each state. The slopes of gains in `nash_in_nash`
    are those of polynomials through their values. Second derivatives of `nash_in_nash`, of the continuous Raiffa
    solution in the disagreement point and of tariff equilibria are differences of exact first ones, eight to 32 an
    entry of the parameter; those of trade equilibria are exact. Where first derivatives have a kink there, as where a
    path comes to run into a corner, second ones are NaN. Rates of tariff equilibria, which may be negative, have no
    kink at zero. At a kink of the answer of a game its structure just beside the kink is taken. For all other
    answers, and at kinks other than those of best payoffs at an end of a frontier, derivatives are computed by
    SciPy's differences, which solve again on either side of the answer. There are no derivatives of payoff sets with
    infinitely many vertices, as with unequal discount factors; in a batch they are NaN. First derivatives of a batch
    of payoff sets with a common discount factor, and the same exit for both players, are computed in arrays, in one
    to three times the time of the solution for all payoffs of a 3x3 game together; games at a kink, other exits and
    second derivatives take some 6 ms a game, or more, as one at a time.

    Derivatives in weights, and in probabilities of proposing, are taken in the numbers as given: only ratios count, so
    the sum of the derivatives times the weights is zero. With weights (a, 1 - a) the derivative in a is the first
    column less the second.

    Examples
    --------
    >>> from bargaining import AlternatingOffers, Problem, TransferableSurplus, nash, sensitivity
    >>> split = nash(Problem(TransferableSurplus(1.0), {"buyer": 0.0, "seller": 0.2}), weights=[0.25, 0.75])
    >>> sensitivity(split, wrt="disagreement").to_pandas()
    disagreement  buyer  seller
    player
    buyer          0.75   -0.25
    seller        -0.75    0.25

    The vertices of a thousand payoff sets, as players become more patient:

    >>> import numpy as np
    >>> from bargaining import payoff_sets
    >>> sets = payoff_sets(np.random.default_rng(0).random((1000, 2, 3, 3)), 0.6)
    >>> slopes = sensitivity(sets, wrt="discount")
    >>> slopes.dims, slopes.shape
    (('cell', 'vertex', 'player'), (1000, 7, 2))
    >>> slopes[5, : len(sets[5].vertices)].values.round(3) + 0
    array([[ 0.   ,  0.   ],
           [ 0.   ,  0.   ],
           [-0.03 ,  0.002],
           [ 0.   ,  0.131]])

    An outside option counts from where it binds:

    >>> pie = Problem(TransferableSurplus(1.0), [0.0, 0.0])
    >>> for option in (0.4, 0.6):
    ...     print(sensitivity(AlternatingOffers(0.9, outside=[0, option])(pie), wrt="outside").values[1])
    [0. 0.]
    [0. 1.]

    Anything else that numbers lead to:

    >>> def price(cost):
    ...     return nash(Problem(TransferableSurplus(1.0 - cost), [0, 0]))
    >>> sensitivity(price(0.3), wrt={"cost": 0.3}, method=price).sel(parameter="cost").values.round(9)
    array([-0.5, -0.5])
    """
    whole(order, "order", 1, 2)
    if method is not None:
        function(method, "method", "a problem, or the arguments that `wrt` names")
    if isinstance(wrt, Mapping):
        if method is None:
            raise InvalidInput(
                "`method` must be given with a mapping `wrt`: a function of the arguments it names."
            )
        return _of_arguments(result, wrt, order, method)
    if not isinstance(wrt, str):
        raise InvalidInput(f"`wrt` must be the name of a parameter or a mapping; got {short(wrt)}.")
    if method is None and (sets := batch_of_sets(result)) is not None:
        return of_sets(sets, wrt, order, _of_definition)
    if hasattr(result, "_slopes"):
        return _of_slopes(result, wrt, order)
    if not isinstance(result, Division) or isinstance(result, StochasticDivision):
        return _of_definition(result, wrt, order)
    if result.problem is None:
        raise InvalidInput(
            f"`result` must be a Division of a problem; got {with_article(result)}. Pass "
            "wrt={name: value} and the `method` that leads to it."
        )
    asked = _Asked(result, wrt, method)
    first, second, error, done, left, right = _exact(asked, order)
    rest = np.flatnonzero(asked.answered & ~done)
    if rest.size and order == 1:
        left, right = (first.copy() if one is first else one for one in (left, right))
        first[..., rest], left[..., rest], right[..., rest], error[..., rest] = _by_differences(asked, rest)
    elif rest.size and second is not None and asked.bends:
        rest_second, rest_error = _bent_paths(asked)
        second[..., rest], error[..., rest] = rest_second[..., rest], rest_error[..., rest]
    elif rest.size and not done.any():
        raise NotApplicable(
            f"`order` must be 1 for {result.method}: its conditions are not known here, or it has a kink."
        )
    return _labelled(asked, first if second is None else second, error, None if order == 2 else (left, right))


class _Asked:
    """An answer and the parameter of differentiation, with one row per entry and one column per cell."""

    def __init__(self, result: Division, name: str, method: Callable[..., Any] | None) -> None:
        assert result.problem is not None
        self.result, self.name, self.method, self.problem = result, name, method, result.problem
        self.batch, self.n = result.payoffs.shape[:-1], result.payoffs.shape[-1]
        self.cells = int(np.prod(self.batch))
        self.payoffs = np.ascontiguousarray(result.payoffs.reshape(-1, self.n).T)
        status = np.broadcast_to(result.status, self.batch).ravel()
        self.answered = (status == Status.OK) & np.isfinite(self.payoffs).all(axis=0)
        self.given: dict[str, Floats] = {}
        """All parameters, (entries, cells); a single number has one entry."""
        self.shapes: dict[str, tuple[int, ...]] = {}
        feasible, told = self.problem.feasible, dict(result.parameters)
        self.told = told
        self._take("disagreement", self.problem.disagreement, (self.n,))
        if isinstance(feasible, TransferableSurplus):
            self._take("total", feasible.total, ())
        if isinstance(feasible, Polytope) and not feasible.batch_shape and feasible.points is not None:
            points = feasible.points
            self.given["points"] = np.broadcast_to(points.reshape(-1, 1), (points.size, self.cells))
            self.shapes["points"] = points.shape
        for key, value in told.items():
            if key == "weights":
                value = value * np.asarray(told.get("weights_sum", 1.0))[..., None]
            if isinstance(value, tuple) and all(one is None or isinstance(one, int | float) for one in value):
                # None stands for a player who may not leave.
                value = np.array([-np.inf if one is None else one for one in value], dtype=float)
            if (
                not isinstance(value, np.ndarray | float | int)
                or isinstance(value, bool)
                or key == "weights_sum"
            ):
                continue
            array = np.asarray(value, dtype=float)
            self._take(key, array, (self.n,) if key in _BY_PLAYER and array.ndim else ())
        if name not in self.given or name in ("horizon", "proposer", "player"):
            known = [key for key in self.given if key not in ("horizon", "proposer", "player")]
            raise InvalidInput(f"`wrt` must be among {', '.join(known)}; got {name!r}.{meant(name, known)}")
        self.shape = self.shapes[name]
        self.count = len(self.given[name])

    def _take(self, name: str, value: Floats, shape: tuple[int, ...]) -> None:
        array = np.broadcast_to(value, (*self.batch, *shape))
        self.given[name] = np.ascontiguousarray(array.reshape(self.cells, -1).T)
        self.shapes[name] = shape

    @property
    def bends(self) -> bool:
        """Whether second derivatives are differences of first ones: of the ends of continuous paths in their starts."""
        return (
            self.method is None and self.name == "disagreement" and self.result.method == "continuous_raiffa"
        )

    @property
    def size(self) -> Floats:
        """The unit of each player's payoffs, (n, cells): a power of two near what she, or else another, gains."""
        d = self.given["disagreement"]
        size = np.abs(self.payoffs - d)
        size = np.where(np.isfinite(size), size, 0.0)
        little = size.min(axis=0) <= _LITTLE * size.max(axis=0)
        if little.any():
            best = np.broadcast_to(self.problem.ideal, (*self.batch, self.n)).reshape(-1, self.n).T - d
            size = np.where(little & np.isfinite(best), np.maximum(size, best), size)
        size = np.where(size > 0, size, size.max(axis=0))
        return np.asarray(np.exp2(np.round(np.log2(np.where(size > 0, size, 1.0)))))

    def part(self, cells: NDArray[np.intp]) -> _Asked:
        """Return some of the cells, as a batch of their own; all where the set or a user's `method` has a shape."""
        problem, feasible = self.problem, self.problem.feasible
        total = isinstance(feasible, TransferableSurplus)
        if self.method is not None or self.name == "points" or (feasible.batch_shape and not total):
            return self
        made = copy(self)
        made.batch, made.cells = (cells.size,), cells.size
        made.payoffs = self.payoffs[:, cells]
        made.given = {key: np.ascontiguousarray(value[:, cells]) for key, value in self.given.items()}
        for key, value in self.told.items():
            if key in self.given and np.ndim(value) > len(self.shapes[key]):
                made.told = made.told | {key: made.given[key].T.reshape(-1, *self.shapes[key])}
        if total:
            feasible = TransferableSurplus(made.given["total"][0], players=self.n)
        made.problem = Problem(feasible, made.given["disagreement"].T, players=problem.player_names)
        return made

    def terms(self) -> dict[str, list[Any]]:
        """Return every parameter as a list with one entry per player, also for common values and defaults."""
        listed = {key: list(value) for key, value in self.given.items()}
        return self.completed(listed)

    def completed(self, listed: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Fill in the defaults of protocols."""
        listed = {key: v * self.n if key in _BY_PLAYER and len(v) == 1 else v for key, v in listed.items()}
        if "breakdown" in listed:
            listed.setdefault("breakdown_payoffs", listed["disagreement"])
            listed.setdefault("outside", [np.full(self.cells, -np.inf)] * self.n)
        return listed

    def solved(self, values: Floats) -> Floats:
        """Return the payoffs, (n, cells), at other values of the parameter, (entries, cells)."""
        shape = self.shape if self.name == "points" else (*self.batch, *self.shape)  # one set for all cells
        value: Any = (values[:, 0] if self.name == "points" else np.ascontiguousarray(values.T)).reshape(
            shape
        )
        problem, told = self.problem, dict(self.told)
        if self.name == "disagreement":
            problem = Problem(problem.feasible, value, players=problem.player_names)
        elif self.name == "total":
            problem = Problem(
                TransferableSurplus(value, players=self.n), problem.disagreement, players=problem.player_names
            )
        elif self.name == "points":
            feasible = Polytope(value, free_disposal=cast("Polytope", problem.feasible).free_disposal)
            problem = Problem(feasible, problem.disagreement, players=problem.player_names)
        else:
            if np.isneginf(values).any():
                value = [None if np.isneginf(v) else float(v) for v in np.ravel(value)]
            if self.name in _BY_PLAYER and not self.shape:  # one number for all
                value = np.repeat(np.expand_dims(value, -1), self.n, axis=-1)
            if self.name == "probabilities":  # only ratios count
                value = value / value.sum(axis=-1, keepdims=True)
            told[self.name] = value
        if self.name != "weights":
            told.pop("weights_sum", None)
        if self.method is not None:
            found = (
                self.method(problem) if self.name in _OF_SETS else self.method(problem, **{self.name: value})
            )
        else:
            found = _known(self.result)(problem, {k: v for k, v in told.items() if k != "weights_sum"})
        if not isinstance(found, Division):
            raise InvalidInput(f"`method` must return a division, as `nash` does; got {short(found)}.")
        return np.ascontiguousarray(np.asarray(found.payoffs).reshape(-1, self.n).T)


def _known(result: Division) -> Callable[[Problem, dict[str, Any]], Division]:
    """Return a function that calls a concept or protocol of the library again."""
    import bargaining

    name = result.method.partition("(")[0]
    made = getattr(bargaining, name, None)
    if made is None:
        raise InvalidInput(f"`method` must be given for an answer of {name}: the function that leads to it.")
    if isinstance(made, type):
        return lambda problem, told: cast("Method", made(**told))(problem)
    return lambda problem, told: cast("Division", made(problem, **told))


def _exact(
    asked: _Asked, order: int
) -> tuple[Floats, Floats | None, Floats, NDArray[np.bool_], Floats, Floats]:
    """Return derivatives where conditions are known: first, second, their error, in which cells, and either side."""
    m, n, cells = asked.count, asked.n, asked.cells
    first = np.full((n, m, cells), np.nan)
    second = np.full((n, m, m, cells), np.nan) if order == 2 else None
    error, done = (
        np.full((n, m, cells) if order == 1 else (n, m, m, cells), np.nan),
        np.zeros(cells, dtype=bool),
    )
    fixed = n > 2 or asked.result.method.startswith("perles_maschler")
    # On these sets other points matter besides the sides that are met.
    if asked.method is not None or (asked.name == "points" and fixed):
        return first, second, error, done, first, first
    # Interim agreements are linear below facets, to any order.
    paths = ("raiffa", "continuous_raiffa") if order == 1 else ("raiffa",)
    if asked.name == "disagreement" and asked.result.method in paths:
        known = path_slopes(asked.result) if n > 2 or asked.result.method == "continuous_raiffa" else None
        if known is not None:
            slopes, doubt, sure = known
            done = sure & asked.answered
            first[:, :, done] = slopes[:, :, done]
            if second is not None:
                second[..., done] = 0.0
            error[..., done] = (doubt * np.abs(slopes).max(axis=(0, 1)))[done]
            return first, second, error, done, first, first
    terms, sides = asked.terms(), dict[int, tuple[Floats, NDArray[np.bool_]]]()
    skip = 2 * int(asked.result.parameters.get("proposer") == 1)
    with np.errstate(all="ignore"):
        size = asked.size
        for found in conditions(asked.result, terms, size, second=order == 2, moving=asked.name == "points"):
            here = found.cells
            one, two, miss, condition = implicit(
                _with(asked, found, terms),
                found.unknowns,
                list(asked.given[asked.name][:, here]),
                wanted=skip + n,
                second=order == 2,
            )
            good = (miss <= _MISSED * size.max(axis=0)[here]) & asked.answered[here]
            doubt = (found.error + 4 * EPS) * condition
            at: Any = here if good.all() else np.arange(asked.cells)[here][good]
            into, have = first, done
            if found.side:
                if order == 2:
                    continue
                into, have = sides.setdefault(found.side, (np.full_like(first, np.nan), np.zeros_like(done)))
            into[:, :, at], have[at] = one[skip:, :, good] if at is not here else one[skip:], True
            filled = one if two is None else two
            if second is not None and two is not None:
                second[..., at] = two[skip:][..., good]
            scale = np.abs(filled[skip:]).reshape(-1, good.size).max(axis=0)
            if two is not None:  # the error of a first derivative enters twice
                scale = scale + np.abs(one).reshape(-1, good.size).max(axis=0) ** 2
            error[..., at] = np.fmax(error[..., at], (doubt * scale)[good])
        if len(sides) < 2:
            return first, second, error, done, first, first
        (above, rising), (below, falling) = sides[1], sides[-1]
        kinked = rising & falling
        right, left = np.where(kinked, above, first), np.where(kinked, below, first)
        alike = np.abs(above - below) <= 16 * error + TIE * np.abs(above).max(axis=(0, 1))
        first = np.where(kinked, np.where(alike, (above + below) / 2, np.nan), first)
    return first, second, error, done | kinked, left, right


def _with(
    asked: _Asked, found: Conditions, terms: dict[str, list[Any]]
) -> Callable[[list[Jet], list[Jet]], list[Jet]]:
    """Return the equations as a function of the unknowns and the parameter only."""
    fixed = {key: [v[found.cells] for v in value] for key, value in terms.items() if key != asked.name}
    if "breakdown_payoffs" not in asked.given:
        fixed.pop("breakdown_payoffs", None)

    def equations(x: list[Jet], t: list[Jet]) -> list[Jet]:
        return found.equations(x, asked.completed(fixed | {asked.name: t}))

    return equations


def _by_differences(whole: _Asked, rest: NDArray[np.intp]) -> tuple[Floats, Floats, Floats, Floats]:
    """Return derivatives of some cells by differences: where both sides agree, from below, from above; their errors."""
    asked = whole.part(rest)
    rest = np.arange(rest.size) if asked is not whole else rest
    base = asked.given[asked.name]
    again = asked.solved(base)
    size = asked.size
    if not (np.abs(again - asked.payoffs) <= 1e-6 * size)[:, rest].all():
        raise InvalidInput(
            "`method` must lead to `result`; solving again gave other payoffs. Pass the function that found it."
        )
    first, left, right, error = np.full((4, asked.n, asked.count, rest.size), np.nan)
    for j in range(asked.count):
        if np.isneginf(base[j]).all():
            continue

        def moved(t: Floats, j: int = j) -> Floats:
            values = base.copy()
            values[j] = t
            try:
                return asked.solved(values)
            except BargainingError:
                return np.full((asked.n, asked.cells), np.nan)

        own = asked.name == "points" or (asked.shape and asked.name != "total")
        step = (size[j % asked.n] if own else size.max(axis=0)) * _STEP
        if asked.name not in (*_OF_SETS, *_PAYOFFS):
            share = (base[j] > 0) & (base[j] < 1)
            step = np.where(share, np.minimum(base[j], 1 - base[j]) / 8, np.maximum(base[j], 1.0) * _STEP)
        sides = _sides(moved, base[j], step, size, asked.n)
        left[:, j], first[:, j], right[:, j], error[:, j] = (one[:, rest] for one in sides)
    return first, left, right, error


def _sides(
    moved: Callable[[Floats], Floats], at: Floats, step: Floats, unit: Floats, n: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return derivatives of (n, cells) answers, each in its `unit`: from below, where both sides agree, from above.

    Their errors come last: SciPy's, which compare one step of differences with the next, and what rounding of the
    answers adds at the last one. A side whose differences do not settle, as at a jump, has no derivative.
    """
    from scipy.differentiate import derivative

    largest = np.zeros(at.size)

    def asked(s: Floats) -> Floats:
        """Solve at one row of values after the other; the rows of one value are alike."""
        rows = np.stack([moved(at + step * column) / unit for column in np.atleast_3d(s)[0].T], axis=-1)
        rows[~np.isfinite(rows)] = np.nan  # no answer, as a threshold that is never reached
        np.fmax(largest, np.nan_to_num(np.abs(rows)).max(axis=(0, 2)), out=largest)
        return rows.reshape(s.shape)

    def differences(side: int, first: float) -> Floats:
        with np.errstate(all="ignore"):
            answer = derivative(
                asked,
                np.zeros((n, at.size)),
                initial_step=first,
                step_direction=side,
                preserve_shape=True,
                tolerances={"rtol": 0.0, "atol": 1e-13},
            )
        rounded = EPS * largest * 2.0**answer.nit / first
        # Differences that settle by the square root of their step are still 2.4 times as far as the last two are apart.
        return np.array([answer.df, 4 * (answer.error + rounded)]) * unit / step

    found = np.array([differences(side, 1.0) for side in (-1, 0, 1)])
    known = np.isfinite(found).all(axis=1, keepdims=True)
    if not known.all():  # there may be answers nearer by
        found = np.where(known, found, [differences(side, _NEAR) for side in (-1, 0, 1)])
    (below, low), (middle, off), (above, high) = found
    per = unit / step * _STEP
    below, above = (
        np.where(doubt <= _LOOSE * np.fmax(np.abs(one), per), one, np.nan)
        for one, doubt in ((below, low), (above, high))
    )
    kinked = ~(np.abs(above - below) <= _ALIKE * per + 4 * (low + high))
    error = np.where(kinked | ~np.isfinite(off), np.fmax(low, high), off)
    sides = (np.where(kinked, one, middle) for one in (below, above))
    return next(sides), np.where(kinked, np.nan, middle), next(sides), error


def _of_slopes(result: Any, wrt: str, order: int) -> xr.DataArray:
    """Label the derivatives of an answer that computes its own."""
    beside = getattr(result, "_slopes_beside", None)
    values, error, axes = result._slopes(wrt, order if beside is None else 1)
    if order == 2 and beside is not None:
        # Derivatives of a single answer, in whatever has its name on the axes after the first.
        room, slopes = beside(wrt)
        shape = *values.shape, *values.shape[1:]
        values, error = (one.reshape(shape) for one in _bent_alone(slopes, room))
        axes = axes | {f"{name}_2": labels for name, labels in list(axes.items())[1:]}
    values = _solved(result, values)
    named = {name: labels for name, labels in axes.items() if labels is not None}
    return _named(
        Layout(shape=values.shape, dims=tuple(axes), labels=named),
        Layout(shape=(), dims=()),
        values[..., None],
        error,
    )


def _definition(result: Any) -> Definition | None:
    """Return the definition of an answer; None where its structure is not known."""
    if isinstance(result, StochasticDivision):
        return of_talks(result)
    return of_contracts(result) if isinstance(result, NashInNash) else defined(result)


def _beside(
    made: Definition, solved: Callable[[float], Any], at: float, step: float, along: Mapping[str, Floats]
) -> tuple[Floats, Floats] | None:
    """Return the derivative on one side of a kink by the structure there, and its error.

    NaN if the answer has more or fewer numbers there; None if no structure near by leads to the kink.
    """
    count = int(np.prod(made.axes.shape))
    for share in _SHARES:
        again = solved(at + share * step)
        alike = again is not None and np.size(_numbers(again)[0]) == count
        near = _definition(again) if alike else None
        found = None if near is None else one_sided(made, near, along)
        if found is not None:
            return found
    return None if alike else (np.full(count, np.nan), np.full(count, np.nan))


def _of_definition(result: Any, wrt: str, order: int) -> xr.DataArray:
    """Differentiate an answer that is defined by equations in a parameter of its game."""
    made = _definition(result)
    if made is None:
        raise InvalidInput(
            f"`result` must be a Division, or an answer whose equations are known; got {with_article(result)}. Pass "
            "wrt={name: value} and the `method` that leads to it."
        )
    if wrt not in made.asked:
        raise InvalidInput(
            f"`wrt` must be among {', '.join(made.asked)}; got {wrt!r}.{meant(wrt, made.asked)}"
        )
    if order == 2 and not made.twice:
        return _named(made.axes, made.asked[wrt][0], *_bent_definition(made, wrt))
    axes, data, move = made.asked[wrt]
    found = differentiated(made, {data: move}, second=order == 2)
    if found is None:
        raise NotApplicable(
            f"The equations of this {type(result).__name__} do not determine it alone. Pass wrt={{name: value}} and "
            "the `method` that leads to it, for numerical derivatives."
        )
    first, error, second, kinked = found
    below, above = first.copy(), first.copy()
    base = made.given[data][move.argmax(axis=1)]
    answer = made.unknowns[: len(first)]
    size = np.array([max(float(np.abs(answer).max()), np.finfo(float).tiny)])
    for j in np.flatnonzero(kinked).tolist() if order == 1 else ():

        def solved(t: float, j: int = j) -> Any:
            values = base.copy()
            values[j] = t
            try:
                return made.again(wrt, values.reshape(axes.shape))
            except BargainingError:
                return None

        def moved(t: Floats) -> Floats:
            again = solved(t[0])
            numbers = np.zeros(0) if again is None else np.ravel(_numbers(again)[0])
            return (numbers if numbers.size == answer.size else np.full(answer.size, np.nan))[:, None]

        step = np.array([made.units.get(data, max(abs(float(base[j])), 1e-3)) * _STEP])
        along = {data: move[j : j + 1]}
        sides = [_beside(made, solved, float(base[j]), sign * step[0], along) for sign in (-1, 1)]
        if None in sides:
            low, _, high, doubt = _sides(moved, base[j : j + 1], step, size, answer.size)
            sides = [(low[:, 0], doubt[:, 0]), (high[:, 0], doubt[:, 0])]
        (below[:, j], off), (above[:, j], more) = sides  # type: ignore[misc]
        below[:, j], above[:, j], error[:, j] = below[:, j] + 0.0, above[:, j] + 0.0, np.fmax(off, more)
    if second is not None:
        return _named(made.axes, axes, second, np.broadcast_to(error[..., None], second.shape))
    return _named(made.axes, axes, first, error, (below, above))


_CENTRAL = np.array([[4 / 5, -1 / 5, 4 / 105, -1 / 280], [3 / 4, -3 / 20, 1 / 60, 0.0]])
"""Weights of central differences over one to four steps: of order 8, and of order 6, to compare with."""
_MEAN = np.array([8 / 5, -4 / 5, 8 / 35, -1 / 35])
"""Weights of the means of either side, which together give the value between if there is no kink."""
_STEPS = np.array([-4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0])
_PARTS = (12, 48, 192, 768)  # of the way that may be gone: steps, tried until the differences are good enough
_FINE = 1e-10  # of the largest: differences with smaller errors are good enough
_CLEAR = 1e-6  # of the largest: differences with larger errors are none, as at a kink

Beside = Callable[[int, Floats], Floats]
"""First derivatives and their errors, (2, k, answers, entries, cells), with an entry moved by each of (k, cells)."""


def _bent(slopes: Beside, room: Floats) -> tuple[Floats, Floats]:
    """Return second derivatives as differences of exact first ones, and their error.

    `room` (entries, cells) is how far each entry may move; where it is 0 nothing depends on the entry. The error is how
    far differences of order 8 are from those of order 6, how far the first derivatives beside are from leading to those
    here, and what the errors of both may add. It is large at kinks, also where the two sides are mirror images; second
    derivatives there are NaN.
    """
    here, doubt = slopes(0, np.zeros((1, room.shape[1])))[:, 0]
    second, error = np.full((2, *here.shape, len(room)), np.nan).swapaxes(-1, -2)
    still, cells = room == 0, np.arange(room.shape[1])
    way = np.where(still, np.inf, room)
    unit = (np.abs(here).max(axis=(0, 1)) / way).max(axis=0)
    known = np.isfinite(here).all(axis=(0, 1))
    for j, far in enumerate(np.where(still, 1.0, room)):
        second[:, :, j, still[j]] = error[:, :, j, still[j]] = 0.0
        best = np.where(still[j] | ~known, 0.0, np.inf)
        for part in _PARTS:
            if (best <= _FINE * unit).all():
                break
            step = far / part
            made = slopes(j, _STEPS[:, None] * step)
            (ahead, back), loud = (made[0, 4:], made[0, 3::-1]), np.fmax(made[1].max(axis=0), doubt)
            eighth, sixth = np.einsum("ok,kaic->oaic", _CENTRAL, ahead - back) / step
            missed = np.abs(np.einsum("k,kaic->aic", _MEAN, (ahead + back) / 2) - here)
            off = np.abs(eighth - sixth) + (missed + 2.0 * loud) / step
            worst = off.max(axis=(0, 1))
            better = cells[worst < best]
            best[better], second[:, :, j, better] = worst[better], eighth[..., better]
            error[:, :, j, better] = off[..., better]
        unit = np.fmax(unit, np.abs(second[:, :, j]).max(axis=(0, 1)))
    turned = second.swapaxes(1, 2)
    error = np.fmax(error, error.swapaxes(1, 2)) + np.abs(second - turned) / 2
    clear = error <= _CLEAR * unit
    return np.where(clear, (second + turned) / 2, np.nan), np.where(clear, error, np.nan)


def _bent_alone(slopes: Callable[[int, float], Floats], room: Floats) -> tuple[Floats, Floats]:
    """Return the same of a single answer, from derivatives and their errors, (2, answers, entries), one at a time."""

    def each(j: int, moves: Floats) -> Floats:
        return np.stack([slopes(j, float(t)) for t in moves[:, 0]], axis=1)[..., None]

    second, error = _bent(each, room[:, None])
    return second[..., 0], error[..., 0]


def _bent_definition(made: Definition, wrt: str) -> tuple[Floats, Floats]:
    """Return second derivatives in numbers from 0 to 1 where equations are right to first order, and their error."""
    axes, data, move = made.asked[wrt]
    base, count = made.given[data][move.argmax(axis=1)], int(np.prod(made.axes.shape))

    def slopes(j: int, t: float) -> Floats:
        values = base.copy()
        values[j] += t
        try:
            near = _definition(made.again(wrt, values.reshape(axes.shape))) if t else made
        except BargainingError:
            near = None
        found = None if near is None else differentiated(near, {data: near.asked[wrt][2]})
        return np.full((2, count, base.size), np.nan) if found is None else np.array(found[:2])

    return _bent_alone(slopes, np.minimum(base, 1.0 - base))


def _bent_paths(asked: _Asked) -> tuple[Floats, Floats]:
    """Return second derivatives of the ends of continuous paths in their starts, and their error."""
    problem, n = asked.problem, asked.n
    start = asked.given["disagreement"]

    def slopes(j: int, moves: Floats) -> Floats:
        starts = start + moves[:, None] * np.eye(n)[j][:, None]  # (k, n, cells)
        d = np.moveaxis(starts, 1, 2).reshape(len(moves), *asked.batch, n)
        try:
            known = path_slopes(
                _known(asked.result)(Problem(problem.feasible, d, players=problem.player_names), {})
            )
        except BargainingError:
            known = None
        if known is None:
            return np.full((2, len(moves), n, n, asked.cells), np.nan)
        found, doubt, sure = known
        made = np.where(
            sure, [found, np.broadcast_to(doubt * np.abs(found).max(axis=(0, 1)), found.shape)], np.nan
        )
        return np.moveaxis(made.reshape(2, n, n, len(moves), asked.cells), 3, 1)

    return _bent(slopes, np.where(asked.answered, asked.payoffs - start, np.nan))


def _named(
    own: Layout, axes: Layout, values: Floats, error: Floats, sides: tuple[Floats, Floats] | None = None
) -> xr.DataArray:
    """Return derivatives, (answers, entries), or (answers, entries, entries), with labelled dimensions."""
    import xarray as xr

    order = values.ndim - 1
    dims = (*own.dims, *axes.dims, *(f"{name}_2" for name in axes.dims if order == 2))
    labels = {**own.labels, **axes.labels}
    if order == 2:
        labels |= {f"{name}_2": given for name, given in axes.labels.items()}
    shape = (*own.shape, *axes.shape * order)
    made = {"error": error}
    if order == 1:
        made["from_below"], made["from_above"] = (values, values) if sides is None else sides
    coords = {**labels, **{key: (dims, array.reshape(shape)) for key, array in made.items()}}
    return xr.DataArray(values.reshape(shape) + 0.0, dims=dims, coords=coords, name="derivative")


def _of_data(
    made: Definition, at: Mapping[str, Floats], method: Callable[..., Any], axes: Layout
) -> xr.DataArray | None:
    """Return derivatives of an answer in arguments of a function: exact, given how these move its data.

    Users compute the data from the arguments, usually by sums and products, so that differences of data are accurate up
    to rounding; the answer itself is found by a search and is less smooth. None at a kink, and where the equations do
    not determine the derivatives.
    """
    names = list(made.given)
    sizes = [made.given[name].size for name in names]
    base = np.concatenate([made.given[name] for name in names])

    def given_of(other: Any) -> Mapping[str, Floats] | None:
        if made.data is not None:
            return made.data(other)
        again = _definition(other)
        return None if again is None else again.given

    def data(value: Mapping[str, Floats]) -> Floats:
        try:
            again = given_of(_called(method, value))
        except BargainingError:
            again = None
        flat = [] if again is None else [again.get(one, np.zeros(0)) for one in names]
        return np.concatenate(flat) if [len(one) for one in flat] == sizes else np.full(base.size, np.nan)

    if not np.array_equal(data(at), base):
        raise InvalidInput("`method` must lead to `result` at the values in `wrt`; it led from other data.")
    unit = np.array([max(float(np.abs(base).max()), np.finfo(float).tiny)])
    columns = []
    for name, value, place in _places(at):

        def moved(t: Floats, name: str = name, value: Floats = value, place: Any = place) -> Floats:
            return data({**at, name: _changed(value, place, t)})[:, None]

        step = np.array([max(abs(float(value[place])), 1e-3) * _STEP])
        _, middle, _, off = _sides(moved, np.array([value[place]]), step, unit, base.size)
        columns.append((middle[:, 0], off[:, 0]))
    move, doubt = (np.array([column[k] for column in columns]) for k in (0, 1))
    if not np.isfinite(move).all():
        return None
    slopes = dict(zip(names, np.split(move, np.cumsum(sizes)[:-1], axis=1), strict=True))
    found = differentiated(made, {name: one for name, one in slopes.items() if one.any()} or slopes)
    if found is None or found[3].any():
        return None
    first, error = found[:2]
    error = error + np.abs(first).max() * doubt.max() / max(float(np.abs(move).max()), np.finfo(float).tiny)
    return _named(made.axes, axes, first, error)


def _places(at: Mapping[str, Floats]) -> Iterator[tuple[str, Floats, tuple[int, ...]]]:
    """Yield each entry of each argument."""
    return ((name, value, place) for name, value in at.items() for place in np.ndindex(*value.shape))


def _changed(value: Floats, place: tuple[int, ...], t: Floats) -> Floats:
    """Return an argument with one entry changed."""
    changed = value.copy()
    changed[place] = float(t[0])
    return changed


def _called(method: Callable[..., Any], at: Mapping[str, Floats]) -> Any:
    """Return what a user's function makes of its arguments; single numbers are floats."""
    return method(**{name: value if value.ndim else float(value) for name, value in at.items()})


def _of_arguments(
    result: Any, wrt: Mapping[str, Any], order: int, method: Callable[..., Any]
) -> xr.DataArray:
    """Differentiate the result of a function of named numbers."""
    if order != 1:
        raise NotApplicable("`order` must be 1 where derivatives are numerical.")
    at = {name: real(value, f"wrt[{name!r}]") for name, value in wrt.items()}
    if not at:
        raise InvalidInput("`wrt` must name an argument of `method`; got an empty mapping.")
    labels = [f"{name}{list(place)}" if place else name for name, _, place in _places(at)]
    made = _definition(result)
    axes = Layout(shape=(len(labels),), dims=("parameter",), labels={"parameter": labels})
    exact = None if made is None else _of_data(made, at, method, axes)
    if exact is not None:
        return exact
    answer, kind = _numbers(result)
    again, _ = _numbers(_called(method, at))
    largest = float(np.nan_to_num(np.abs(answer)).max(initial=0.0))
    slack = 1e-9 * max(largest, 1.0)
    if again.shape != answer.shape or not np.allclose(again, answer, rtol=1e-9, atol=slack, equal_nan=True):
        raise InvalidInput("`method` must lead to `result` at the values in `wrt`; it gave another answer.")
    columns = []
    for name, value, place in _places(at):

        def moved(t: Floats, name: str = name, value: Floats = value, place: Any = place) -> Floats:
            try:
                found = _numbers(_called(method, {**at, name: _changed(value, place, t)}))[0]
            except BargainingError:
                found = np.zeros(0)
            alike = found.shape == answer.shape
            return np.repeat(
                (found if alike else np.full(answer.shape, np.nan)).reshape(-1, 1), len(t), axis=1
            )

        step = np.array([max(abs(float(value[place])), 1e-3) * _STEP])
        size = np.array([max(largest, np.finfo(float).tiny)])
        columns.append(_sides(moved, np.array([value[place]]), step, size, answer.size))
    below, middle, above, off = (np.stack([c[k][:, 0] for c in columns], axis=-1) for k in range(4))
    dims = (kind,) if answer.ndim == 1 else tuple(f"{kind}_{k}" for k in range(answer.ndim))
    own = Layout(shape=answer.shape, dims=dims)
    return _named(own, axes, middle, off, (below, above))


def _numbers(result: Any) -> tuple[Floats, str]:
    """Return the numbers of an answer, NaN where it is not OK, and the name of their dimension."""
    for attribute, kind in _ANSWERS:
        if hasattr(result, attribute):
            return _solved(result, np.asarray(getattr(result, attribute), dtype=float)), kind
    return real(result, "result", finite=False), "entry"


def _solved(result: Any, values: Floats) -> Floats:
    """Return numbers of an answer, NaN where it is not OK."""
    solved = np.asarray(getattr(result, "status", Status.OK)) == Status.OK
    return np.where(solved[(..., *[None] * (values.ndim - solved.ndim))], values, np.nan)


def _labelled(
    asked: _Asked, values: Floats, error: Floats, sides: tuple[Floats, Floats] | None
) -> xr.DataArray:
    """Return derivatives, (n, entries, ..., cells), with labelled dimensions."""
    import xarray as xr

    batch = ["cell"] if len(asked.batch) == 1 else [f"cell_{k}" for k in range(len(asked.batch))]
    own: list[str] = [] if not asked.shape else [asked.name]
    labels: dict[str, Any] = {"player": list(asked.problem.player_names)}
    if asked.name == "points":
        own = ["point", "coordinate"]
        labels["coordinate"] = list(asked.problem.player_names)
    elif own:
        labels[asked.name] = list(asked.problem.player_names)
    times = values.ndim - 2
    dims = [*batch, "player", *own, *(f"{name}_2" for name in own if times == 2)]
    if times == 2:
        labels |= {f"{name}_2": labels[name] for name in own if name in labels}
    shape = (*asked.batch, asked.n, *asked.shape * times)

    def put(array: Floats) -> Floats:
        made = np.moveaxis(array, -1, 0).reshape(shape)
        made += 0.0  # no -0
        return made

    coords, made = {**labels, "error": (dims, put(error))}, put(values)
    for name, side in zip(("from_below", "from_above"), sides or (), strict=False):
        coords[name] = dims, made.copy() if side is values else put(side)
    attrs = {"method": asked.result.method, "wrt": asked.name, "order": times}
    # A dataset shares its coordinates with the arrays in it; an array made alone copies them.
    return xr.Dataset({"derivative": (dims, made, attrs)}, coords)["derivative"]

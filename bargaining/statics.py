r"""Comparative statics: derivatives of an answer in its parameters, with their errors.

The answer is solved again beside the values of the parameter, at steps that halve. Differences from below, from above
and across are extrapolated to a step of zero (Richardson), and neighbouring extrapolations say how far off each may be
(Ridders 1982). Where the sides differ by more than their errors there is a kink: the derivative is NaN, and the sides
are given. Where there are several answers, the one at hand is followed: a vertex of a payoff set is the farthest point
in a direction of its normal cone, a Markov equilibrium keeps its supports.

References
----------
Ridders, C. J. F. (1982). Accurate computation of F'(x) and F'(x)F''(x). *Advances in Engineering Software* 4(2), 75-76.
doi:10.1016/S0141-1195(82)80057-0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from bargaining._arguments import function, whole
from bargaining._arrays import Floats, real, short
from bargaining._calls import suggesting
from bargaining._names import meant
from bargaining.division import Division
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.equilibria.repeated.critical_discount import CriticalDiscount, critical_discount
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.equilibria.stochastic.markov import StationaryProfile, continue_profile
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
from bargaining.errors import BargainingError, InvalidInput, Status, with_article
from bargaining.feasible._root import extrapolate
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame
from bargaining.problem import Problem
from bargaining.protocols.stochastic import StochasticDivision

if TYPE_CHECKING:
    import xarray as xr

_SHARES = ("weights", "probabilities", "discounts", "rates")
_BY_PLAYER = (*_SHARES, "outside", "inside", "breakdown_payoffs", "reference")
_OF_PROBLEM = ("disagreement", "total", "points")
_ANSWERS = {
    "payoffs": "player",
    "vertices": "vertex",
    "contracts": "deal",
    "discount": "",
    "payoff": "",
    "rates": "country",
}
_STEP = 2.0**-5  # the largest step, of a gain or of the way to 0 or 1; each next one is half as long
_LEVELS = 12  # steps: rounding takes over before the last of them
# Scale of the steps and their number, until one is enough.
_PASSES = (1.0, 5), (1.0, _LEVELS), (2.0**-11, _LEVELS)
_FINE = 1e-10  # of a player's gain: differences with smaller errors are good enough
_LOOSE = 0.01  # of a difference, or of a player's gain per step: with a larger error it is none, as at a jump
# Of a player's gain: sides that differ by less, or by less than their errors, are one derivative.
_ALIKE = 1e-6
_SEARCHED = 1e-13  # relative error of what a search found: contracts, thresholds

Solve = Callable[[Floats], Floats]
"""Numbers of the answer, (cells, answers), at values of the parameter, (cells, entries); NaN where there is none."""


class _Axes(NamedTuple):
    """The dimensions of an array of numbers, and their labels."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    labels: Mapping[str, Any]


def _axes(values: Any, *dims: str, **labels: Any) -> _Axes:
    """Return the axes of some numbers: a single name, of several axes, is numbered."""
    shape = np.shape(values)
    if len(dims) == 1 and len(shape) != 1:
        dims = tuple(f"{dims[0]}_{k}" for k in range(len(shape)))
    return _Axes(dims, shape, labels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Question:
    """An answer and the parameter in which it is differentiated."""

    numbers: Floats  # (cells, answers) NaN where there is no answer
    unit: Floats  # (cells, answers) the size of a change of each number that matters
    values: Floats  # (cells, entries) the parameter
    step: Floats  # (cells, entries) how far each entry may move
    solve: Solve
    answer: _Axes
    parameter: _Axes
    rounding: float = 2.0**-52  # the relative error of the numbers


@suggesting
def sensitivity(
    result: Any, *, wrt: str | Mapping[str, Any], order: int = 1, method: Callable[..., Any] | None = None
) -> xr.DataArray:
    r"""Return the derivatives of an answer in a parameter, with their errors.

    Parameters
    ----------
    result : Division or other answer
        What a concept or a protocol returned; a batch is differentiated cell by cell. Also payoff sets (vertices),
        Markov equilibria (values of states), critical discount factors, equilibria of trade models (percent of real
        income) and tariff equilibria (rates). Other answers, such as those of `StochasticBargaining` and
        `nash_in_nash`, with ``payoffs``, ``contracts``, ``vertices``, ``rates`` or ``discount``, and plain numbers
        require `method`. Of several payoff sets take each by itself.
    wrt : str, or mapping of names to values
        "disagreement"; "total" of a `TransferableSurplus` or "points" of a `Polytope`; or a parameter of the concept or
        protocol, such as "weights", "discounts", "outside" or "breakdown". For a game "payoffs", "discounts",
        "discount" if it is common to all, and "outside"; for a trade model "tariffs", "costs", "transfers" and
        "elasticities"; for tariff equilibria the other "tariffs", "costs" and "elasticities". A mapping gives arguments
        of `method` and their values.
    order : {1, 2}, default 1
        First or second derivatives.
    method : callable, optional
        The function that computes the answer, if it is not one of this library: a function of a problem, or, with a
        mapping `wrt`, of the arguments given there.

    Returns
    -------
    xarray.DataArray
        Dimensions: of the batch ("cell", or "cell_0", ...), "player", then that of the parameter, named after it,
        unless it is a single number; "points" has "point" and "coordinate"; with a mapping "parameter" comes last.
        Second derivatives have the last ones twice. Each entry is NaN where the status is not OK, at a kink, and where
        differences do not settle. The coordinates ``from_below`` and ``from_above`` contain the one-sided derivatives,
        which are equal except at a kink. The coordinate ``error`` estimates the error. `plot` draws it, and `Table`
        takes its ``.to_pandas()``. Payoff sets have "vertex" before "player".

    Raises
    ------
    InvalidInput
        If the answer has no such parameter, or `method` does not lead to the answer.

    Notes
    -----
    A derivative costs 10 to 50 solutions for each entry of the parameter; cells of a batch are solved together. Steps
    begin at 1/32 of what a player gains, or of the way to 0 or 1, and halve; the error is four times the distance of an
    extrapolation from its neighbours, and what rounding adds. First derivatives are usually right to 1e-10 of the gain,
    second ones to 1e-8; where an answer is itself found to a tolerance only, the error says how much is lost.
    Derivatives of trade models, of order 1, are computed at the equilibrium by the implicit function theorem.

    Derivatives in weights, and in probabilities of proposing, are taken in the numbers as given: only ratios count, so
    the sum of the derivatives times the weights is zero. With weights (a, 1 - a) the derivative in a is the first
    column less the second.

    Examples
    --------
    >>> from bargaining import AlternatingOffers, Problem, TransferableSurplus, nash, sensitivity
    >>> split = nash(Problem(TransferableSurplus(1.0), {"buyer": 0.0, "seller": 0.2}), weights=[0.25, 0.75])
    >>> sensitivity(split, wrt="disagreement").to_pandas().round(9)
    disagreement  buyer  seller
    player
    buyer          0.75   -0.25
    seller        -0.75    0.25

    An outside option counts from where it binds:

    >>> pie = Problem(TransferableSurplus(1.0), [0.0, 0.0])
    >>> for option in (0.4, 0.6):
    ...     talks = AlternatingOffers(0.9, outside=[0, option])(pie)
    ...     print(sensitivity(talks, wrt="outside").values[1].round(9) + 0.0)
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
        return _differentiate(_of_arguments(result, wrt, method), order)
    if not isinstance(wrt, str):
        raise InvalidInput(f"`wrt` must be the name of a parameter or a mapping; got {short(wrt)}.")
    if hasattr(result, "_slopes"):
        return _of_slopes(result, wrt, order)
    if not isinstance(result, Division) or isinstance(result, StochasticDivision):
        return _differentiate(_of_game(result, wrt), order)
    if result.problem is None:
        raise InvalidInput(
            f"`result` must be a Division of a problem; got {with_article(result)}. Pass "
            "wrt={name: value} and the `method` that leads to it."
        )
    slopes = _differentiate(_of_division(result, wrt, method), order)
    return slopes.assign_attrs(method=result.method, wrt=wrt, order=order)


# --- differences -----------------------------------------------------------------------------------------------------


def _extrapolate(quotients: Floats, noise: Floats, power: int) -> tuple[Floats, Floats]:
    """Return the limits of difference quotients whose steps halve, and four times their errors: NaN where none is."""
    best, error = extrapolate(quotients, 2.0 * noise, power)
    return best, np.where(
        np.isfinite(error), 4.0 * error, np.nan
    )  # they may settle by the root of their step only


class _Differences:
    """Differences of an answer around the values of its parameter."""

    def __init__(self, question: _Question) -> None:
        self.question, self.solutions = question, dict[Any, Floats]()
        self.size = np.where(
            np.isfinite(question.numbers), np.fmax(np.abs(question.numbers), question.unit), 1.0
        )
        self.halves = 0.5 ** np.arange(_LEVELS)

    def at(self, *moves: tuple[int, float]) -> Floats:
        """Return the numbers of the answer with some entries moved by shares of their steps."""
        if moves not in self.solutions:
            values = self.question.values.copy()
            for j, share in moves:
                values[:, j] += _STEP * share * self.question.step[:, j]
            try:
                numbers = self.question.solve(values)
            except BargainingError:
                numbers = np.full_like(self.question.numbers, np.nan)
            self.solutions[moves] = np.where(np.isfinite(numbers), numbers, np.nan)
        return self.solutions[moves]

    def first(self, j: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the derivatives in one entry, their errors, and the derivatives from below and from above.

        More and smaller steps are taken where the first ones do not settle, as near a kink.
        """
        here, unit = self.question.numbers, self.question.unit
        slope, below, above, error = np.full((4, *here.shape), np.nan)
        per = unit / self.question.step[:, j, None]
        for scale, levels in _PASSES:
            step = (_STEP * scale * self.question.step[:, j])[:, None]
            left, right = (
                np.array([self.at((j, side * scale * share)) for share in self.halves[:levels]])
                for side in (-1.0, 1.0)
            )
            h = self.halves[:levels, None, None] * step
            noise = self.question.rounding * self.size / h
            down, error_down = _extrapolate((here - left) / h, noise, 1)
            up, error_up = _extrapolate((right - here) / h, noise, 1)
            middle, error_middle = _extrapolate((right - left) / (2 * h), noise, 2)
            down = np.where(error_down <= _LOOSE * np.fmax(np.abs(down), per), down, np.nan)
            up = np.where(error_up <= _LOOSE * np.fmax(np.abs(up), per), up, np.nan)
            smooth = np.abs(up - down) <= _ALIKE * per + error_down + error_up
            aside = np.fmax(error_down, error_up)
            sides = smooth & (error_middle > aside)  # one of the sides is another smooth function farther off
            middle, off = (
                np.where(sides, (up + down) / 2, middle),
                np.where(smooth & ~sides, error_middle, aside),
            )
            better = ~(error <= off) | (smooth & np.isnan(slope))
            slope = np.where(better, np.where(smooth, middle, np.nan), slope)
            below = np.where(better, np.where(smooth, middle, down), below)
            above = np.where(better, np.where(smooth, middle, up), above)
            error = np.where(better, off, error)
            known = np.isfinite(here)
            if (smooth & ((off <= _FINE * per) | (levels == _LEVELS)))[known].all():
                break
        return slope, error, below, above

    def second(self, j: int, i: int) -> tuple[Floats, Floats]:
        """Return the derivatives in two entries and their errors; NaN where they do not settle."""
        here, halves = self.question.numbers, self.halves[:8]
        h, width = (_STEP * self.question.step[:, k][:, None] * halves[:, None, None] for k in (j, i))
        if i == j:
            bends = np.array([self.at((j, s)) - 2 * here + self.at((j, -s)) for s in halves])
        else:
            corners = [[self.at((j, p * s), (i, q * s)) for p in (1, -1) for q in (1, -1)] for s in halves]
            bends = np.einsum("k,ska...->sa...", [0.25, -0.25, -0.25, 0.25], np.array(corners))
        noise = 2 * self.question.rounding * self.size
        value, error = _extrapolate(bends / (h * width), noise / (h * width), 2)
        per = self.question.unit / (h[0] * width[0]) * _STEP**2
        return np.where(error <= _LOOSE * np.fmax(np.abs(value), per), value, np.nan), error


def _differentiate(question: _Question, order: int) -> xr.DataArray:
    """Return the derivatives of an answer with their labels."""
    cells, answers = question.numbers.shape
    entries = question.values.shape[1]
    differences = _Differences(question)
    if not (np.abs(question.solve(question.values) - question.numbers) <= 1e-6 * differences.size)[
        np.isfinite(question.numbers)
    ].all():
        raise InvalidInput(
            "`method` must lead to `result`; solving again gave other numbers. Pass the function that led to it."
        )
    first, error, below, above = np.full((4, cells, answers, entries), np.nan)
    for j in np.flatnonzero(np.isfinite(question.values).any(axis=0)).tolist():
        first[..., j], error[..., j], below[..., j], above[..., j] = differences.first(j)
    if order == 1:
        return _label(question.answer, question.parameter, first, error, (below, above))
    second, doubt = np.full((2, cells, answers, entries, entries), np.nan)
    for j, i in combinations_with_replacement(range(entries), 2):
        value, off = differences.second(j, i)
        smooth = np.isfinite(first[..., j] + first[..., i])
        second[..., j, i] = second[..., i, j] = np.where(smooth, value, np.nan)
        doubt[..., j, i] = doubt[..., i, j] = off
    return _label(question.answer, question.parameter, second, doubt)


def _label(
    answer: _Axes, parameter: _Axes, values: Floats, error: Floats, sides: tuple[Floats, Floats] | None = None
) -> xr.DataArray:
    """Return derivatives with the dimensions of the answer, then once or twice those of the parameter."""
    import xarray as xr

    twice = sides is None
    dims = (*answer.dims, *parameter.dims, *(f"{name}_2" for name in parameter.dims if twice))
    shape = (*answer.shape, *parameter.shape, *(parameter.shape if twice else ()))
    labels = {**answer.labels, **parameter.labels}
    if twice:
        labels |= {f"{name}_2": listed for name, listed in parameter.labels.items()}
    parts = {"error": error} | dict(zip(("from_below", "from_above"), sides or (), strict=False))
    coords = labels | {key: (dims, part.reshape(shape) + 0.0) for key, part in parts.items()}
    return xr.DataArray(values.reshape(shape) + 0.0, dims=dims, coords=coords, name="derivative")


# --- divisions -------------------------------------------------------------------------------------------------------


def _of_division(result: Division, name: str, method: Callable[..., Any] | None) -> _Question:
    """Return the question about a division: its problem, or an argument of its concept or protocol, moves."""
    problem, n, batch = result.problem, result.payoffs.shape[-1], result.payoffs.shape[:-1]
    assert problem is not None
    feasible, told = problem.feasible, dict(result.parameters)
    sums = told.pop("weights_sum", None)
    if sums is not None:
        told["weights"] = told["weights"] * np.asarray(sums)[..., None]
    known = _numbers_of(problem, told)
    if name not in known:
        raise InvalidInput(f"`wrt` must be among {', '.join(known)}; got {name!r}.{meant(name, known)}")
    value = known[name]
    each = name == "disagreement" or (name in _BY_PLAYER and value.ndim > 0)
    shape = value.shape if name == "points" else (n,) if each else ()
    values = np.broadcast_to(value, (*batch, *shape)).reshape(-1, int(np.prod(shape)))
    unit = _gains(result)
    if name in _SHARES or (shape == () and name != "total"):
        step = np.where(
            (values > 0) & (values < 1), np.minimum(values, 1 - values), np.fmax(values, values == 0)
        )
    else:
        step = np.tile(unit, values.shape[1] // n) if shape else unit.max(axis=1)[:, None]

    def solve(values: Floats) -> Floats:
        moved: Any = values[0].reshape(shape) if name == "points" else values.reshape((*batch, *shape))
        sets, floors, arguments = feasible, problem.disagreement, dict(told)
        if name == "disagreement":
            floors = moved
        elif name == "total":
            sets = TransferableSurplus(moved, players=n)
        elif name == "points":
            sets = Polytope(moved, free_disposal=cast("Polytope", feasible).free_disposal)
        else:
            if np.isneginf(moved).any():  # a player who may not leave
                moved = [None if v == -np.inf else float(v) for v in np.ravel(moved)]
            if name in _BY_PLAYER and not shape:
                moved = np.repeat(np.asarray(moved)[..., None], n, axis=-1)
            arguments[name] = moved / moved.sum(axis=-1, keepdims=True) if name == "probabilities" else moved
        other = Problem(sets, floors, players=problem.player_names)
        if method is None:
            again = _call_again(result, other, arguments)
        else:
            again = method(other) if name in _OF_PROBLEM else method(other, **{name: moved})
        if not isinstance(again, Division):
            raise InvalidInput(f"`method` must return a division, as `nash` does; got {short(again)}.")
        return _ok(again).reshape(-1, n)

    who = list(problem.player_names)
    cells = ("cell",) if len(batch) == 1 else tuple(f"cell_{k}" for k in range(len(batch)))
    dims = ("point", "coordinate") if name == "points" else (name,) if shape else ()
    return _Question(
        numbers=_ok(result).reshape(-1, n),
        unit=unit,
        values=values,
        step=step,
        solve=solve,
        answer=_axes(result.payoffs, *cells, "player", player=who),
        parameter=_Axes(dims, shape, {dims[-1]: who} if dims else {}),
    )


def _numbers_of(problem: Problem, told: Mapping[str, Any]) -> dict[str, Floats]:
    """Return the numbers that a division depends on, by name."""
    feasible, known = problem.feasible, {"disagreement": problem.disagreement}
    if isinstance(feasible, TransferableSurplus):
        known["total"] = np.asarray(feasible.total, dtype=float)
    if isinstance(feasible, Polytope) and not feasible.batch_shape and feasible.points is not None:
        known["points"] = feasible.points
    for key, value in told.items():
        if isinstance(value, tuple):
            value = [-np.inf if entry is None else entry for entry in value]
        if key in ("horizon", "proposer", "player") or isinstance(value, bool | str):
            continue
        if np.asarray(value).dtype.kind in "fi":
            known[key] = np.asarray(value, dtype=float)
    return known


def _gains(result: Division) -> Floats:
    """Return the unit of each player's payoffs, (cells, n): a power of two near what she, or else another, gains."""
    problem = result.problem
    assert problem is not None
    n = result.payoffs.shape[-1]
    gains = np.abs(result.payoffs - problem.disagreement).reshape(-1, n)
    if not (gains > _LOOSE * gains.max(axis=1, keepdims=True)).all():
        best = np.broadcast_to(problem.ideal - problem.disagreement, result.payoffs.shape).reshape(-1, n)
        gains = np.where(np.isfinite(best), np.fmax(gains, best), gains)
    gains = np.where(gains > 0, gains, np.fmax(gains.max(axis=1, keepdims=True), 1e-300))
    return np.asarray(np.exp2(np.round(np.log2(np.where(np.isfinite(gains), gains, 1.0)))))


def _call_again(result: Division, problem: Problem, arguments: dict[str, Any]) -> Any:
    """Call the concept or protocol of the library that gave an answer."""
    import bargaining

    name = result.method.partition("(")[0]
    maker = getattr(bargaining, name, None)
    if maker is None:
        raise InvalidInput(f"`method` must be given for an answer of {name}: the function that leads to it.")
    return maker(**arguments)(problem) if isinstance(maker, type) else maker(problem, **arguments)


def _ok(result: Any, name: str = "payoffs") -> Floats:
    """Return the numbers of an answer, NaN where its status is not OK."""
    return _where_ok(result, np.asarray(getattr(result, name), dtype=float))


def _where_ok(result: Any, values: Floats) -> Floats:
    ok = np.asarray(getattr(result, "status", Status.OK)) == Status.OK
    return np.where(ok[(..., *[None] * (values.ndim - ok.ndim))], values, np.nan)


# --- other answers ---------------------------------------------------------------------------------------------------


Reader = Callable[[Any], Floats]
"""Takes another answer, and returns the numbers in it that continue those of the answer at hand."""


def _reader(result: Any) -> tuple[Reader, _Axes]:
    """Return how the numbers of an answer are read off another one, and their dimensions."""
    who = list(getattr(result, "player_names", ()))
    if isinstance(result, PayoffSet):
        return _vertices([result]), _axes(result.vertices, "vertex", "player", player=who)
    if isinstance(result, StochasticPayoffSets):
        sets, game = list(result.sets), result.game
        owner = [name for name, one in zip(game.states, sets, strict=True) for _ in one.vertices]
        labels = {"player": list(game.player_names), "state": ("vertex", owner)}
        return _vertices(sets), _Axes(("vertex", "player"), (len(owner), 2), labels)
    if isinstance(result, StationaryProfile):
        states = list(result._game.states) if result._game else []

        def values(other: Any) -> Floats:
            profile = continue_profile(result, other._game)
            return np.full(result.values.shape, np.nan) if profile is None else profile.values

        return values, _axes(result.values, "state", "player", state=states, player=who)
    for name, kind in _ANSWERS.items():
        if hasattr(result, name):
            return lambda other, name=name: _ok(other, name), _axes(_ok(result, name), kind)
    numbers = real(result, "result", finite=False)
    return lambda other: real(other, "result", finite=False), _axes(numbers, "entry")


def _vertices(sets: Sequence[Any]) -> Reader:
    """Return a function that reads vertices off other sets: the farthest points in directions of the normal cones."""
    directions = [_normals(one.vertices) for one in sets]

    def read(other: Any) -> Floats:
        others = [other] if isinstance(other, PayoffSet) else list(other.sets)
        if len(others) != len(sets) or not all(one.status is Status.OK for one in others):
            return np.full((sum(map(len, directions)), 2), np.nan)
        farthest = [
            (normals @ one.vertices.T).argmax(axis=1) for normals, one in zip(directions, others, strict=True)
        ]
        return np.concatenate([one.vertices[k] for k, one in zip(farthest, others, strict=True)])

    return read


def _normals(vertices: Floats) -> Floats:
    """Return a direction in which each vertex alone is farthest."""
    spans = np.ptp(vertices, axis=0)
    unit = np.where(spans > 0, spans, max(spans.max(), 1.0))
    points = vertices / unit
    if len(points) < 3:
        return np.asarray((points - points.mean(axis=0) if len(points) == 2 else np.ones((1, 2))) / unit)
    edges = np.roll(points, -1, axis=0) - points
    outward = np.stack((edges[:, 1], -edges[:, 0]), axis=1) / np.linalg.norm(edges, axis=1, keepdims=True)
    return np.asarray((outward + np.roll(outward, 1, axis=0)) / unit)


Parameter = tuple[Floats, _Axes, float]
"""The values of a parameter of a game, their axes, and how far they may move; 0 for the way to 0 or 1."""


def _of_game(result: Any, name: str) -> _Question:
    """Return the question about an answer of a game."""
    parameters, again = _parameters(result)
    if name not in parameters:
        raise InvalidInput(
            f"`wrt` must be among {', '.join(parameters)}; got {name!r}.{meant(name, parameters)}"
        )
    value, axes, reach = parameters[name]
    read, answer = _reader(result)
    numbers: Floats = read(result).reshape(1, -1)
    values = np.reshape(value, (1, -1)).astype(float)
    way = np.where((values > 0) & (values < 1), np.minimum(values, 1 - values), 1.0)
    size = np.abs(numbers)[np.isfinite(numbers)].max(initial=0.0)
    unit = 1.0 if isinstance(result, CriticalDiscount) else reach or size or 1.0

    def solve(values: Floats) -> Floats:
        other = again(name, values[0].reshape(axes.shape))
        moved = np.empty(0) if other is None else read(other)
        return moved.reshape(1, -1) if moved.size == numbers.size else np.full_like(numbers, np.nan)

    return _Question(
        numbers=numbers,
        unit=np.full(numbers.shape, unit),
        values=values,
        step=np.full(values.shape, reach) if reach else way,
        solve=solve,
        answer=answer,
        parameter=axes,
        rounding=_SEARCHED if isinstance(result, CriticalDiscount) else 2.0**-52,
    )


def _parameters(result: Any) -> tuple[dict[str, Parameter], Callable[[str, Floats], Any]]:
    """Return the parameters of an answer, and a function that solves again where one of them has other values."""
    if isinstance(result, PayoffSet):
        repeated = result.game
        return _of_payoffs(repeated), lambda name, value: payoff_set(_replace_data(repeated, name, value))
    if isinstance(result, StochasticPayoffSets):
        chain = result.game
        return _of_payoffs(chain), lambda name, value: payoff_set(_replace_data(chain, name, value))
    if isinstance(result, StationaryProfile) and (game := result._game) is not None:
        if not result.regret <= _ALIKE:
            raise InvalidInput(
                f"`result` must be an equilibrium to be continued; got a profile with regret {result.regret:.3g}. Pass "
                "wrt={name: value} and the `method` that leads to it."
            )
        return _of_payoffs(game), lambda name, value: continue_profile(
            result, _replace_data(game, name, value)
        )
    if (
        isinstance(result, CriticalDiscount)
        and (path := result._path) is not None
        and 0 < result.discount < 1
    ):
        repeated = RepeatedGame(path.game, result.discount, exit=path.exit)
        known = {key: one for key, one in _of_payoffs(repeated).items() if not key.startswith("discount")}
        punishment: Any = "stage" if result.punishment == "stage" else "optimal"

        def threshold(name: str, value: Floats) -> Any:
            other = _replace_data(repeated, name, value)
            return critical_discount(other.game, path.profile, exit=other.exit, punishment=punishment)

        return known, threshold
    raise InvalidInput(
        f"`result` must be a Division, or an answer whose parameters are known; got {with_article(result)}. Pass "
        "wrt={name: value} and the `method` that leads to it."
    )


def _of_payoffs(game: RepeatedGame | StochasticGame) -> dict[str, Parameter]:
    """Return the parameters of a repeated or a stochastic game."""
    stages, exits = ([game.game], [game.exit]) if isinstance(game, RepeatedGame) else (game.games, game.exits)
    who, discounts = list(game.player_names), np.asarray(game.discounts, dtype=float)
    parameters: dict[str, Parameter] = {
        "discounts": (discounts, _axes(discounts, "discounts", discounts=who), 0.0)
    }
    if np.ptp(discounts) == 0:
        parameters["discount"] = discounts[0], _axes(0.0), 0.0
    payoffs = [stage.payoffs for stage in stages]
    every = np.concatenate([one.reshape(-1, len(who)) for one in payoffs])
    reach = float(np.ptp(every, axis=0).max()) or 1.0
    if len({one.shape for one in payoffs}) == 1:
        table = np.array(payoffs) if len(stages) > 1 else payoffs[0]
        plays = [f"plays_{name}" for name in who]
        labels: dict[str, Any] = dict(zip(plays, map(list, stages[0].actions), strict=True)) | {"payoff": who}
        if len(stages) > 1:
            labels = {"in_state": list(cast("StochasticGame", game).states)} | labels
        parameters["payoffs"] = table, _axes(table, *labels, **labels), reach
    if len(stages) == 1 and exits[0] is not None:
        own = exits[0].payoffs
        own, dims = (own[0], ["outside"]) if (own == own[0]).all() else (own, ["leaver", "outside"])
        parameters["outside"] = own, _axes(own, *dims, **dict.fromkeys(dims, who)), reach
    return parameters


def _replace_data(game: Any, name: str, value: Floats) -> Any:
    """Return a game with other payoffs, discount factors or outcomes of leaving."""
    if name in ("discounts", "discount"):
        discounts = np.broadcast_to(value, np.shape(game.discounts))
        if isinstance(game, RepeatedGame):
            return RepeatedGame(game.game, discounts, exit=game.exit)
        return game.with_discounts(discounts)
    single = isinstance(game, RepeatedGame)
    stages, exits = ([game.game], [game.exit]) if single else (list(game.games), list(game.exits))
    if name == "payoffs":
        tables = value.reshape(len(stages), *stages[0].payoffs.shape)
        stages = [Game(*np.moveaxis(table, -1, 0)) for table in tables]
    else:
        exits = [(Exit if value.ndim == 1 else Exit.by_leaver)(value, who=exits[0].who)]
    if single:
        return RepeatedGame(stages[0], game.exact_discounts, exit=exits[0])
    laws = [game.transition(s) for s in range(len(stages))]
    return StochasticGame(stages, laws, game.discounts, exit=exits)


def _of_arguments(result: Any, wrt: Mapping[str, Any], method: Callable[..., Any]) -> _Question:
    """Return the question about the result of a function of named numbers."""
    at = {name: real(value, f"wrt[{name!r}]") for name, value in wrt.items()}
    if not at:
        raise InvalidInput("`wrt` must name an argument of `method`; got an empty mapping.")
    labels = [
        f"{name}{list(place)}" if place else name
        for name, value in at.items()
        for place in np.ndindex(value.shape)
    ]
    ends = np.cumsum([value.size for value in at.values()])
    read, answer = _reader(result)
    numbers = np.reshape(read(result), (1, -1))
    values = np.concatenate([value.ravel() for value in at.values()])[None]
    size = np.abs(numbers)[np.isfinite(numbers)].max(initial=0.0)

    def solve(values: Floats) -> Floats:
        parts = zip(at, np.split(values[0], ends[:-1]), strict=True)
        moved = {
            name: part.reshape(at[name].shape) if at[name].ndim else float(part[0]) for name, part in parts
        }
        made = read(_alike(method(**moved), result))
        return np.reshape(made, (1, -1)) if np.shape(made) == answer.shape else np.full(numbers.shape, np.nan)

    return _Question(
        numbers=numbers,
        unit=np.full(numbers.shape, size or np.finfo(float).tiny),
        values=values,
        step=np.fmax(np.abs(values), 1e-3),
        solve=solve,
        answer=answer,
        rounding=_SEARCHED,
        parameter=_axes(labels, "parameter", parameter=labels),
    )


def _alike(other: Any, result: Any) -> Any:
    """Return what `method` returned, if its numbers are those of the result."""
    if not isinstance(other, type(result)) and type(result).__module__.startswith("bargaining"):
        raise InvalidInput(
            f"`method` must return a {type(result).__name__}, as `result` is; got {short(other)}."
        )
    return other


def _of_slopes(result: Any, wrt: str, order: int) -> xr.DataArray:
    """Label the derivatives of an answer that computes its own."""
    if order == 2:
        raise InvalidInput(
            f"`order` must be 1 for {type(result).__name__}, which computes its own derivatives; got 2. Take the "
            f"difference of the first derivatives of two results."
        )
    values, error, axes = result._slopes(wrt)
    named = {name: labels for name, labels in axes.items() if labels is not None}
    values = _where_ok(result, values)
    return _label(_Axes(tuple(axes), values.shape, named), _axes(0.0), values, error, (values, values))

"""A division: the answer of a concept or protocol to a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from itertools import islice
from numbers import Rational
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import Floats, by_player, own, record, returned, sealed, short
from bargaining._names import are_given, frame, numbered, place, series, sum_of, titles
from bargaining._rich import SHOWN, Card, Result, brief, number, point_latex
from bargaining.errors import InvalidInput, Status
from bargaining.feasible.base import known
from bargaining.problem import Problem, require_problem

if TYPE_CHECKING:
    import pandas as pd

# The residual that OK promises: what the solvers reach in the unit box, with some room for rounding.
ACCURACY = 1e-12
_ONE = 1e-9  # weights that add up to 1 but for so much were meant to


class Parameters(Mapping[str, Any]):
    """The parameters that a method was given besides the problem: a mapping that cannot be changed.

    Arrays are copies and read-only, lists are tuples; it can be compared, copied and pickled.

    Examples
    --------
    >>> from bargaining import Problem, TransferableSurplus, nash
    >>> nash(Problem(TransferableSurplus(1.0), [0.0, 0.2]), weights=[0.25, 0.75]).parameters["weights"]
    array([0.25, 0.75])
    """

    __slots__ = ("_held",)
    _held: dict[str, Any]

    def __init__(self, held: Mapping[str, Any]) -> None:
        if not isinstance(held, Mapping) or not all(isinstance(name, str) for name in held):
            raise InvalidInput(
                f"`parameters` must be a mapping from names to the method's parameters; got {short(held)}."
            )
        object.__setattr__(self, "_held", {name: own(value) for name, value in held.items()})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("The parameters of a division cannot be changed.")

    def __getitem__(self, name: str) -> Any:
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return repr(self._held)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return self.keys() == other.keys() and all(_same(value, other[name]) for name, value in self.items())

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[Parameters], tuple[dict[str, Any]]]:
        return Parameters, (self._held,)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return one is other or bool(one == other)


def _floats(value: Any) -> bool:
    return type(value) is np.ndarray and value.dtype == np.float64 and value.ndim > 0


def _statuses(value: Any) -> Status | NDArray[np.int8]:
    """Return one status, or one for each cell."""
    known = type(value) is np.ndarray and value.dtype == np.int8 and value.ndim
    if known and value.min(initial=0) >= 0 and value.max(initial=0) < len(Status):
        kept: NDArray[np.int8] = value
        return kept
    try:
        codes = np.asarray(returned(value, "status"))
    except InvalidInput:
        codes = np.array(np.nan)
    if not np.isin(codes, list(Status)).all():
        raise InvalidInput(f"`status` must hold members of Status, such as Status.OK; got {short(value)}.")
    return codes.astype(np.int8) if codes.ndim else Status(int(codes))


_NONE = Parameters({})


@record
class Division(Result):
    """The payoffs of an answer, how well they meet their definition, and how they were found.

    Attributes
    ----------
    payoffs : ndarray, shape (..., n)
        The players' payoffs; NaN in cells without an answer.
    status : Status or ndarray of int8, shape (...)
        How each cell ended.
    method : str
        The concept or protocol, with the parameters that are not its defaults.
    residual : float or ndarray, shape (...)
        The largest violation of the defining conditions, relative to the scale of the payoffs.
    problem : Problem or None
        The problem; None for protocols that have their own primitives.
    parameters : mapping
        The parameters by name, defaults included, as numbers and read-only arrays: one value for all cells, or an array
        that broadcasts against the batch, with the players on a last axis where each has an entry.

    Examples
    --------
    >>> from bargaining import Problem, TransferableSurplus, nash
    >>> division = nash(Problem(TransferableSurplus(1.0), [0.0, 0.2]))
    >>> division.payoffs, division.status
    (array([0.4, 0.6]), <Status.OK: 0>)
    """

    payoffs: Floats
    status: Status | NDArray[np.int8]
    method: str
    residual: float | Floats
    problem: Problem | None = None
    parameters: Mapping[str, Any] = field(default_factory=lambda: _NONE)

    def __post_init__(self) -> None:
        if not _floats(self.payoffs):
            object.__setattr__(self, "payoffs", np.atleast_1d(returned(self.payoffs, "payoffs")))
        if type(self.residual) is not float and not _floats(self.residual):
            residual = returned(self.residual, "residual")
            object.__setattr__(self, "residual", residual if residual.ndim else float(residual))
        if type(self.status) is not Status:
            object.__setattr__(self, "status", _statuses(self.status))
        batch = self.payoffs.shape[:-1]
        for name in ("status", "residual"):
            shape = np.shape(getattr(self, name))
            if shape not in ((), batch):
                raise InvalidInput(
                    f"`{name}` must be one for all cells or have the shape {batch}; got {shape}."
                )
        if self.problem is not None:
            require_problem(self.problem)
            by_player(self.payoffs, "payoffs", self.problem.players)
        if type(self.parameters) is not Parameters:
            object.__setattr__(self, "parameters", Parameters(self.parameters))

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the players, in the order of `payoffs`; their numbers where they have none."""
        if self.problem is not None:
            return self.problem.player_names
        given, count = self.parameters.get("players"), self.payoffs.shape[-1]
        return given if isinstance(given, tuple) and len(given) == count else numbered(count)

    def payoff(self, player: int | str) -> Any:
        """Return the payoffs of one player, given by number or name: shape (...).

        Examples
        --------
        >>> from bargaining import Problem, TransferableSurplus, nash
        >>> nash(Problem(TransferableSurplus(1.0), {"Canada": 0.0, "US": 0.5})).payoff("US")
        np.float64(0.75)
        """
        return self.payoffs[..., place(player, "player", self.player_names)][()]

    def to_series(self) -> pd.Series[Any]:
        """Return the payoffs as a pandas Series with the players as its index.

        Raises
        ------
        InvalidInput
            If this is a batch; `to_frame` has a row for each cell.
        """
        if self.payoffs.ndim > 1:
            raise InvalidInput(
                f"`to_series` is for one answer; this is a batch of shape {self.payoffs.shape[:-1]}. "
                "Use `.to_frame()`."
            )
        return series(self.payoffs, self.player_names, self.method)

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame: a row for each cell, the payoff of each player, `status` and `residual`.

        Examples
        --------
        >>> from bargaining import Problem, TransferableSurplus, nash
        >>> cells = [[0.0, 0.0], [0.0, 0.5]]
        >>> nash(Problem(TransferableSurplus(1.0), cells, players=["Canada", "US"])).to_frame()
              Canada    US status  residual
        cell
        0       0.50  0.50     OK       0.0
        1       0.25  0.75     OK       0.0
        """
        import pandas as pd

        shape = self.payoffs.shape[:-1]
        table = frame(self.payoffs, self.player_names, "cell").rename_axis(columns=None)
        table["status"] = [Status(int(s)).name for s in np.broadcast_to(self.status, shape).flat]
        table["residual"] = np.broadcast_to(self.residual, shape).ravel()
        if len(shape) > 1:
            table.index = pd.MultiIndex.from_tuples(list(np.ndindex(*shape)))
        return table

    @property
    def gains(self) -> Floats:
        """Payoffs less the disagreement point."""
        if self.problem is None:
            raise AttributeError(
                f"{self.method} is not the answer to a `Problem`: there is no disagreement point."
            )
        gains: Floats = self.payoffs - self.problem.disagreement
        return gains

    @property
    def shares(self) -> Floats:
        """Each player's part of the sum of gains; NaN where there is nothing to share."""
        gains = self.gains
        with np.errstate(invalid="ignore", divide="ignore"):
            shares: Floats = gains / gains.sum(axis=-1, keepdims=True)
        return shares

    @property
    def decision(self) -> Any:
        """The decision that gives these payoffs, for sets that know it: a `ConvexProgram`, a `FreeDisposalHull`.

        Examples
        --------
        >>> from bargaining import FreeDisposalHull, Problem, nash
        >>> house = FreeDisposalHull([[3, 1], [2, 2]], outcomes=["by the sea", "in the hills"])
        >>> nash(Problem(house, [0, 0])).decision
        'in the hills'
        """
        feasible = None if self.problem is None else self.problem.feasible
        asked = None if feasible is None else known(feasible, "decision")
        if asked is None:
            what = (
                "a protocol with its own primitives" if feasible is None else f"a {type(feasible).__name__}"
            )
            raise AttributeError(f"{self.method} has no decision: {what} knows payoffs alone.")
        if self.payoffs.ndim > 1 or not np.isfinite(self.payoffs).all():
            raise AttributeError(f"{self.method} has a decision where there is one answer, with payoffs.")
        return asked(self.payoffs)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain Python values, for JSON or a data frame."""
        status = np.asarray(self.status)
        names = [Status(int(s)).name for s in status.flat]
        return {
            "method": self.method,
            "players": list(self.player_names),
            "payoffs": self.payoffs.tolist(),
            "status": names if status.ndim else names[0],
            "residual": np.asarray(self.residual).tolist(),
        }

    def __repr__(self) -> str:
        shape = self.payoffs.shape[:-1]
        payoffs: Any = self.payoffs
        if are_given(self.player_names) and not shape:
            payoffs = dict(zip(self.player_names, self.payoffs, strict=True))
        answer = f"batch of shape {shape}" if shape else f"payoffs={brief(payoffs)}"
        return f"<{type(self).__name__} {self.method!r}: {answer}, {self._counts()}>"

    def _counts(self) -> str:
        """Return the status in words, or how many cells of a batch ended in each."""
        status = np.asarray(self.status)
        if not status.ndim:
            return Status(int(status)).name
        return ", ".join(
            f"{int((status == one).sum())} {one.name}" for one in Status if (status == one).any()
        )

    def _card(self) -> Card:
        """Return a row for each player, or for each cell of a batch or state of a chain."""
        shape, names = self.payoffs.shape[:-1], self.player_names
        if shape:
            status = np.broadcast_to(np.asarray(self.status), shape)
            cells = [
                [str(place), *map(number, self.payoffs[place]), Status(int(status[place])).name]
                for place in islice(np.ndindex(*shape), SHOWN)
            ]
            heads = ["cell", *titles(names), "status"]
            return Card(
                title=self.method, heads=heads, rows=cells, notes=[f"{status.size} cells: {self._counts()}"]
            )
        known = {"payoff": self.payoffs}
        if self.problem is not None:
            known |= {"disagreement": self.problem.disagreement, "gain": self.gains}
        rows = [[name, *(number(values[k]) for values in known.values())] for k, name in enumerate(names)]
        state = Status(int(np.asarray(self.status)))
        note = state.name if state is Status.OK else f"{state.name}. {state.advice}"
        notes = [f"residual {number(float(self.residual), 2)}", note]
        if "weights_sum" in self.parameters:
            notes.insert(0, f"weights divided by their sum, {brief(self.parameters['weights_sum'])}")
        return Card(title=self.method, heads=["player", *known], rows=rows, notes=notes)

    def _repr_latex_(self) -> str | None:
        if self.payoffs.ndim > 1 or not np.isfinite(self.payoffs).all():
            return None
        return f"$x = {point_latex(self.payoffs)}$"


Method = Callable[[Problem], Division]
"""Whatever answers a problem: a solution concept, a protocol, or a function of your own."""


@dataclass(frozen=True, slots=True)
class Named:
    """A concept or protocol by name, with its parameters, and the label made of the two."""

    label: str
    parameters: Parameters


def describe(rule: object, /, **parameters: Any) -> Named:
    """Return the name of a concept with its parameters, or of a protocol with its fields and parameters.

    The label leaves out what is None or a default: of a protocol those of its class, of a concept equal weights. Of
    weights as they were given, `weights_sum`, their sum is kept unless it is 1.
    """
    defaults: dict[str, Any] = {}
    if is_dataclass(rule):
        defaults = {f.name: f.default for f in fields(rule)}
        parameters = {
            f.name: getattr(rule, f.name) for f in fields(rule) if f.init and f.metadata.get("label", True)
        } | parameters
        rule = type(rule).__name__
    elif "weights" in parameters:
        weights = parameters["weights"]
        total = sum_of(parameters.pop("weights_sum", None))
        if not np.all(np.abs(total - 1.0) <= _ONE):
            parameters["weights_sum"] = total
            defaults["weights_sum"] = total  # said in `parameters` and in a notebook, not in the label
        defaults["weights"] = weights.flat[0] if weights.ndim == 1 else None
    held = Parameters(parameters)
    shown = ", ".join(
        f"{name}={_brief(value)}"
        for name, value in held.items()
        if value is not None and not _is_default(value, defaults.get(name, MISSING))
    )
    return Named(f"{rule}({shown})" if shown else str(rule), held)


def _is_default(value: Any, default: Any) -> bool:
    if value is default:
        return True
    return np.isscalar(default) and not isinstance(value, str) and bool(np.all(np.asarray(value) == default))


def _brief(value: Any) -> str:
    """Return a parameter as a label shows it."""
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    if isinstance(value, tuple):
        value = list(value)
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        return short(value)
    if array.dtype.kind == "O" and all(isinstance(v, Rational) for v in array.flat):
        try:
            array = array.astype(float)
        except OverflowError:
            return short(value)
    if array.dtype.kind not in "iuf":
        return short(value)
    return str(array.tolist()) if array.size <= 8 else f"array of shape {array.shape}"


def solved(problem: Problem | None, method: Named, payoffs: Floats, residual: Floats) -> Division:
    """Return a division whose status is OK in every cell."""
    status = Status.OK if residual.ndim == 0 else np.zeros(residual.shape, dtype=np.int8)
    return _packed(problem, method, payoffs, residual, status)


def divide(
    problem: Problem,
    method: Named,
    payoffs: Floats,
    residual: Floats,
    status: NDArray[np.int8],
    *,
    ideal: Floats,
    floor: Floats | None = None,
    accuracy: float = ACCURACY,
) -> Division:
    """Return a division: decide the status of each cell, with NaN where there is no answer.

    The method is that of `describe`; payoffs (..., n) are candidates, in DEGENERATE cells the documented limit.
    `residual` is the violation of the defining conditions over the range of gains, NaN or negative where it is unknown,
    and OK up to `accuracy`. `status` and `ideal` are `gains_status` and `ideal` of the problem; with the floor, from
    which gains are measured (by default the disagreement point), the ideal gives the scale against which rounding is
    judged.
    """
    sure = (
        (status == int(Status.OK))
        & (residual >= 0)
        & (residual <= accuracy)
        & np.isfinite(payoffs).all(axis=-1)
    )
    if sure.all() and sure.shape == payoffs.shape[:-1] == residual.shape:
        return solved(problem, method, np.array(payoffs), np.array(residual))
    d = problem.disagreement if floor is None else floor
    good = (status == Status.OK) | (status == Status.DEGENERATE)
    broken = good & ~np.isfinite(payoffs).all(axis=-1)
    doubtful = (status == Status.OK) & ~broken & ~((residual >= 0) & (residual <= accuracy))
    if doubtful.any():
        with np.errstate(all="ignore"):
            size = np.maximum(np.maximum(np.abs(ideal), np.abs(d)), np.abs(payoffs))
            magnitude = np.abs(size / (ideal - d)).max(axis=-1)
        allowed = accuracy + 64 * np.finfo(float).eps * magnitude
        doubtful &= ~((residual >= 0) & (residual <= allowed))
        status = np.where(doubtful, Status.INACCURATE, status).astype(np.int8)
    status = np.where(broken, Status.FAILED, status).astype(np.int8)
    answered = (good & ~broken) | (status == Status.INACCURATE)
    payoffs = np.where(answered[..., None], payoffs, np.nan)
    residual = np.where(answered, residual, np.nan)
    return _packed(problem, method, payoffs, residual, status if status.ndim else Status(int(status)))


def _packed(
    problem: Problem | None,
    method: Named,
    payoffs: Floats,
    residual: Floats,
    status: Status | NDArray[np.int8],
) -> Division:
    return Division(
        payoffs=sealed(payoffs),
        status=status,
        method=method.label,
        residual=sealed(residual) if residual.ndim else float(residual),
        problem=problem,
        parameters=method.parameters,
    )


Special = TypeVar("Special", bound=Division)
Judged = TypeVar("Judged")


def extended(division: Division, kind: type[Special], **more: Any) -> Special:
    """Return a division with the further attributes that a protocol reports."""
    return kind(**{f.name: getattr(division, f.name) for f in fields(Division)}, **more)


def named(division: Special, method: Named) -> Special:
    """Return a division under the name of a method, with its parameters."""
    return replace(division, method=method.label, parameters=method.parameters)


def judged(answer: Judged, most: float, *gaps: ArrayLike) -> Judged:
    """Return an answer of a protocol with the largest of these gaps as its residual: OK up to `most`.

    A gap that is not a number counts as infinite.
    """
    worst = max(0.0, *(float(np.max(gap)) if np.isfinite(gap).all() else np.inf for gap in gaps))
    status = Status.OK if worst <= most else Status.INACCURATE
    return replace(answer, residual=worst, status=status)  # type: ignore[type-var]


def told(division: Special, rule: object, **parameters: Any) -> Special:
    """Return the division of a protocol with its own primitives, which its label leaves out."""
    return replace(division, parameters=describe(rule, **parameters).parameters)

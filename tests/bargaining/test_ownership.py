"""What the library keeps is its own: no answer changes when the caller's arrays and lists do, and none can be written.

Every public name takes part; one without an entry in `public_calls` fails.
"""

import copy
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from bargaining import (
    AlternatingOffers,
    Division,
    Exit,
    Frontier,
    Game,
    InvalidInput,
    Polytope,
    Problem,
    RepeatedGame,
    Status,
    TransferableSurplus,
    nash,
)
from bargaining._arrays import Floats, own, owned, real, returned
from public_calls import CALLS, Call, missing

PLAIN = (int, float, str, bool, bytes, type(None), Fraction, Enum, np.generic)


def arrays(value: Any) -> Iterator[np.ndarray]:
    """Every array in a value made of lists, tuples and mappings."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from arrays(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from arrays(entry)


def seen(value: Any) -> Any:
    """A copy of all that a value shows, which can be compared."""
    if isinstance(value, np.ndarray):
        return value.shape, str(value.dtype), [seen(entry) for entry in value.ravel().tolist()]
    if isinstance(value, PLAIN):
        return repr(value)
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, {f.name: seen(getattr(value, f.name)) for f in fields(value) if f.repr}
    if isinstance(value, Mapping):
        return {name: seen(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [seen(entry) for entry in value]
    return type(value).__name__


def changed(value: Any) -> None:
    """Overwrite what a caller can overwrite: arrays, lists and mappings, inside as well."""
    for array in arrays(value):
        if array.flags.writeable:
            array[...] = array + 1 if array.dtype.kind == "i" else array * 0.25 - 3.7
    if isinstance(value, list):
        for entry in value:
            changed(entry) if isinstance(entry, list | dict) else None
        value.reverse()
        value.append(None)
    if isinstance(value, dict):
        value.clear()


def held(value: Any, inside: tuple[int, ...] = ()) -> Iterator[tuple[str, np.ndarray]]:
    """Every array that a result hands out, with its field."""
    if is_dataclass(value) and not isinstance(value, type) and id(value) not in inside:
        for f in fields(value):
            for name, array in (
                () if f.name.startswith("_") else held(getattr(value, f.name), (*inside, id(value)))
            ):
                yield f"{f.name}.{name}", array
    else:
        for array in arrays(value):
            yield "", array


def cases() -> list[Any]:
    return [
        pytest.param(call, name, id=f"{key}({name})")
        for key, call in CALLS.items()
        for name, value in call.arguments().items()
        if isinstance(value, list | dict) or any(True for _ in arrays(value))
    ]


def test_every_public_name_is_called() -> None:
    assert not (names := missing()), f"Add a call of {', '.join(names)} to tests/support/public_calls.py."


@pytest.mark.parametrize(("call", "name"), cases())
def test_answers_do_not_change_with_the_callers_data(call: Call, name: str) -> None:
    arguments = call.arguments()
    result = call.function(**arguments)
    before = seen(result), seen(call.answers(result))
    given = list(arrays(arguments[name]))
    changed(arguments[name])
    assert (seen(result), seen(call.answers(result))) == before
    for field, array in held(result):
        assert not any(np.shares_memory(array, other) for other in given), field


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_a_dataclass_hands_out_cannot_be_written(call: Call) -> None:
    result = call.function(**call.arguments())
    for made in (result, copy.copy(result), *_again(result)) if is_dataclass(result) else ():
        for field, array in held(made):
            assert not array.flags.writeable, (
                f"Decorate {type(made).__name__} with `record`: {field} can be written."
            )
            if array.dtype != object:
                with pytest.raises(ValueError, match="WRITEABLE"):
                    array.flags.writeable = True


def _again(result: Any) -> tuple[Any, ...]:
    """A result after it was sent to another process, where that is possible: functions may not travel."""
    try:
        sent = pickle.dumps(result)
    except (AttributeError, pickle.PicklingError, TypeError):
        return ()
    return pickle.loads(sent), copy.deepcopy(result)


def test_a_loop_that_reuses_its_array_makes_three_problems() -> None:
    d, problems = np.zeros(2), []
    for r in (0.0, 0.2, 0.4):
        d[0] = r
        problems.append(Problem(TransferableSurplus(1.0), d))
    np.testing.assert_allclose([nash(problem).payoffs[0] for problem in problems], [0.5, 0.6, 0.7])


def test_a_finished_division_keeps_its_problem() -> None:
    d = np.zeros(2)
    division = nash(Problem(TransferableSurplus(1.0), d))
    d[:] = 0.4
    assert division.gains.tolist() == [0.5, 0.5]


def test_an_array_that_only_seems_frozen_is_copied() -> None:
    """Read-only to us is not read-only to its owner: a view made before, or the flag set back, can write it."""
    mine = np.zeros(2)
    behind = mine[:]
    mine.flags.writeable = False
    problem = Problem(TransferableSurplus(1.0), mine)
    behind[0] = 0.5
    assert problem.disagreement[0] == 0.0
    seen_through = np.asarray(memoryview(behind).toreadonly())
    other = Problem(TransferableSurplus(1.0), seen_through)
    behind[0] = 0.25
    assert other.disagreement[0] == 0.5


def test_memory_of_our_own_is_not_copied_again() -> None:
    first = real(np.arange(6.0).reshape(3, 2), "x")
    for one in (first, first[1:], first.T, np.broadcast_to(first, (4, 3, 2))):
        assert np.shares_memory(owned(one), first)
        assert owned(one) is one
    for odd in (
        np.empty((0, 2)),
        np.array(1.5),
        np.array([True, False]),
        np.array([Fraction(1, 3)], dtype=object),
        np.arange(10_000.0)[::2],
        np.arange(5_000).astype("M8[D]"),
    ):
        assert not owned(odd).flags.writeable
        assert np.array_equal(owned(odd), odd)
        assert not np.shares_memory(owned(odd), odd)


def test_collections_are_copied_all_the_way_down() -> None:
    given = {"a": [np.zeros(2), (1, [2])], "b": (1, "x")}
    kept = own(given)
    given["a"].clear()  # type: ignore[attr-defined]
    assert isinstance(kept["a"], tuple)
    assert kept["a"][1] == (1, (2,))
    assert kept["b"] is given["b"]


def test_a_batch_of_results_cannot_be_written() -> None:
    cells = 5_000
    division = nash(Problem(TransferableSurplus(np.ones(cells)), np.zeros((cells, 2))))
    assert not division.payoffs.flags.writeable
    assert not np.asarray(division.residual).flags.writeable


MASKED = np.ma.array([[0.1, 0.2], [0.3, 0.4]], mask=[[False, True], [False, False]])
HOLED = np.ma.array([0.1, 0.2], mask=[False, True])
PIE = TransferableSurplus(1.0)
TAKERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "disagreement": ("disagreement", lambda x: Problem(PIE, x)),
    "points": ("points", lambda x: Polytope([x, x])),
    "payoffs": ("payoffs[0]", lambda x: Game([x], [[1.0, 2.0]])),
    "discounts": ("discounts", lambda x: RepeatedGame(Game(np.eye(2), np.eye(2)), x)),
    "offers": ("discounts", AlternatingOffers),
    "options": ("outside", lambda x: AlternatingOffers(0.9, outside=x)(Problem(PIE, [0, 0]))),
    "exit": ("payoffs", Exit),
    "weights": ("weights", lambda x: nash(Problem(PIE, [0, 0]), weights=x)),
    "a question": ("weights", lambda x: PIE.support(x)),
    "total": ("total", TransferableSurplus),
    "lower": ("lower", lambda x: Frontier(lambda y: 1 - y, x, 1.0)),
    "function": (
        "function",
        lambda x: Frontier(lambda y: np.ma.array(x) if np.ma.is_masked(x) else x, 0.0, 1.0),
    ),
}
WRONG: dict[str, Any] = {
    "masked": HOLED,
    "masked in a list": [HOLED[0], HOLED[1]],
    "complex": np.array([0.1 + 0.5j, 0.2]),
    "complex without an imaginary part": np.array([0.1 + 0j, 0.2]),
    "truth values": np.array([True, False]),
    "a truth value among numbers": [True, 0.5],
    "a truth value in an array": [np.array(True), 0.5],
    "text": ["0.1", "0.2"],
    "dates": np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[D]"),
    "objects": np.array([object(), 0.5], dtype=object),
    "nothing": np.array([0.1, None], dtype=object),
    "ragged": [[0.1, 0.2], [0.3]],
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(("name", "call"), TAKERS.values(), ids=TAKERS)
def test_what_is_no_number_is_refused_by_name(name: str, call: Callable[[Any], Any], wrong: Any) -> None:
    import re

    if name == "outside" and wrong is WRONG["nothing"]:  # None: a player who may not leave
        assert call(wrong).payoffs == pytest.approx(call([0.1, None]).payoffs)
        return
    with pytest.raises(InvalidInput, match=re.escape(f"`{name}`")):
        call(wrong)


def test_masked_entries_are_found_wherever_they_are() -> None:
    for value in (MASKED, [[0.0, 1.0], MASKED[0]], [MASKED], np.ma.masked, [0.1, np.ma.masked]):
        with pytest.raises(InvalidInput, match="`x` must be numbers throughout; got masked entries"):
            real(value, "x")
    whole = np.ma.array([0.1, 0.2], mask=[False, False])
    assert real(whole, "x").tolist() == [0.1, 0.2]
    assert type(real(whole, "x")) is np.ndarray


def test_missing_values_of_pandas_are_refused() -> None:
    pd = pytest.importorskip("pandas")
    for value in (
        pd.array([1, None], dtype="Int64"),
        pd.Series([0.1, None]),
        pd.Series([1.0, pd.NA], dtype="Float64"),
    ):
        with pytest.raises(InvalidInput, match="`x` must be"):
            real(value, "x")
    assert real(pd.Series([0.1, 0.2]), "x").tolist() == [0.1, 0.2]
    frame = pd.DataFrame({"a": [0.1], "b": [0.2]})
    kept = real(frame, "x")
    frame.iloc[0, 0] = 9.0
    assert kept.tolist() == [[0.1, 0.2]]


def test_lists_that_hold_themselves_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InvalidInput, match="`x` must be"):
        real(endless, "x")


def test_functions_may_return_one_array_again_and_again() -> None:
    """A function that writes into one array each time, and one that returns its argument, are as good as others."""
    buffer = np.zeros(())

    def reused(x: Floats) -> Floats:
        nonlocal buffer
        if buffer.shape != np.shape(x):
            buffer = np.zeros(np.shape(x))
        np.subtract(4, np.square(x), out=buffer)
        return buffer

    def fresh(x: Floats) -> Floats:
        return 4 - x**2

    def answer(function: Callable[[Floats], Floats]) -> list[float]:
        answered: list[float] = nash(Problem(Frontier(function, 0.0, 2.0), [0.0, 0.0])).payoffs.tolist()
        return answered

    assert answer(reused) == answer(fresh)
    one = np.arange(3.0)
    for given in (one, one[1:], [one]):
        kept = returned(given, "function")
        assert not np.shares_memory(kept, one)


def test_a_function_cannot_write_into_the_solver() -> None:
    def careless(x: Floats) -> Floats:
        x *= -1.0
        return 4 + x

    with pytest.raises(InvalidInput, match=r"`function` must work elementwise .* read-only"):
        Frontier(careless, np.zeros(2), 2.0)


def test_a_function_that_returns_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"`function` must return one value per entry; got shape \(0,\)"):
        Frontier(lambda x: [], 0.0, 1.0)


def test_a_division_of_your_own_is_owned_too() -> None:
    payoffs, status, residual = np.array([[0.5, 0.5]]), np.zeros(1, dtype=np.int8), np.zeros(1)
    division = Division(payoffs=payoffs, status=status, method="mine", residual=residual)
    payoffs[:], status[:], residual[:] = 9.0, Status.FAILED, 1.0
    assert division.payoffs.tolist() == [[0.5, 0.5]]
    assert np.asarray(division.ok).all()
    assert np.asarray(division.residual).tolist() == [0.0]
    assert payoffs.flags.writeable

"""A checkpoint knows its model: every change of what the model runs or reads is noticed, and nothing else is."""

import cmath
import functools
import math
import os
import pickle
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import cached_property, partial
from itertools import permutations
from operator import attrgetter, itemgetter, methodcaller
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bargaining import Frontier, InvalidInput, Problem, StochasticBargaining, nash, sweep
from bargaining.sweeps._fingerprint import fingerprint

GRID = {"r": [0.0, 1.0]}


def planted(source, name="planted", **held):
    """Return a module of the user's with this source, which stands in for the one before."""
    module = ModuleType(name)
    vars(module).update(held)
    sys.modules[name] = module
    exec(compile(source, f"/home/user/{name}.py", "exec"), vars(module))
    return module


@pytest.fixture(autouse=True)
def _forget():
    yield
    for name in ("planted", "helpers", "kit", "kit.rates"):
        sys.modules.pop(name, None)


# A source with an X in it, two things to put there, and the part that has to be named.
CHANGES = {
    "body": ("model = lambda r: r + X", "1", "2", "planted.<lambda>"),
    "operator": ("def model(r): return r X 1", "+", "-", "planted.model"),
    "constant": (
        "RATE = X\ndef model(r): return r * RATE",
        "0.5",
        "0.6",
        'planted.RATE was "0.5" and is now "0.6"',
    ),
    "dict": ("RATES = {'US': X}\ndef model(r): return RATES['US']", "1", "2", "planted.RATES"),
    "global in a comprehension": (
        "R = X\ndef model(r): return sum(R * r for _ in range(2))",
        "1",
        "2",
        "planted.R",
    ),
    "global of a nested function": (
        "R = X\ndef model(r):\n def f(): return R\n return f()",
        "1",
        "2",
        "planted.R",
    ),
    "default": ("def model(r, s=X): return r * s", "1", "2", "planted.model"),
    "keyword default": ("def model(r, *, s=X): return r * s", "1", "2", "planted.model"),
    "closure": (
        "def make(k): return lambda r: r * k\nmodel = make(X)",
        "1",
        "2",
        "planted.make.<locals>.<lambda>",
    ),
    "closure over a function": (
        "def make(f): return lambda r: f(r)\nmodel = make(lambda r: r * X)",
        "1",
        "2",
        "planted.<lambda>",
    ),
    "try": (
        "def model(r):\n try:\n  r /= 0\n except X: r = 1\n return r",
        "OSError",
        "ArithmeticError",
        "planted.model",
    ),
    "called function": ("def f(r): return r * X\ndef model(r): return f(r)", "1", "2", "planted.f"),
    "called by the called": (
        "def g(r): return r * X\ndef f(r): return g(r)\ndef model(r): return f(r)",
        "1",
        "2",
        "planted.g",
    ),
    "functions that call each other": (
        "def f(r): return r if r < 9 else model(r - X)\ndef model(r): return f(r)",
        "1",
        "2",
        "planted.f",
    ),
    "decorated function": (
        "import functools\n@functools.lru_cache\ndef f(r): return r * X\ndef model(r): return f(r)",
        "1",
        "2",
        "planted.f",
    ),
    "wrapped function": (
        "import functools\ndef twice(f):\n @functools.wraps(f)\n def g(r): return X * f(r)\n return g\n"
        "@twice\ndef model(r): return r",
        "2",
        "3",
        "planted.model",
    ),
    "partial": (
        "from functools import partial\ndef f(s, r): return r * s\nmodel = partial(f, X)",
        "1",
        "2",
        "itself",
    ),
    "class as the model": (
        "class model:\n def __init__(self, r): self.r = r * X\n def __float__(self): return self.r",
        "1.0",
        "2.0",
        "planted.model.__init__",
    ),
    "special method that is no function": (
        "from functools import partialmethod\nclass M:\n def f(self, r, k): return r * k\n"
        " __call__ = partialmethod(f, k=X)\nmodel = M()",
        "1",
        "2",
        "planted.M.__call__",
    ),
    "class attribute between underscores": (
        "class M:\n __rate__ = X\n def __call__(self, r): return r * self.__rate__\nmodel = M()",
        "1",
        "2",
        "planted.M.__rate__",
    ),
    "what fills masked entries": (
        "import numpy as np\nA = np.ma.array([1, 2], mask=[0, 1], fill_value=X)\n"
        "def model(r): return A.filled()[1]",
        "1",
        "2",
        "planted.A",
    ),
    "class attribute": (
        "class M:\n rate = X\n def __call__(self, r): return r * self.rate\nmodel = M()",
        "1",
        "2",
        'planted.M.rate was "1" and is now "2"',
    ),
    "other method": (
        "class M:\n def f(self, r): return r * X\n def __call__(self, r): return self.f(r)\nmodel = M()",
        "1",
        "2",
        "planted.M.f",
    ),
    "property": (
        "class M:\n @property\n def f(self): return X\n def __call__(self, r): return self.f\nmodel = M()",
        "1",
        "2",
        "planted.M.f",
    ),
    "static method": (
        "class M:\n @staticmethod\n def f(): return X\n def __call__(self, r): return self.f()\nmodel = M()",
        "1",
        "2",
        "planted.M.f",
    ),
    "inherited call": (
        "class B:\n def __call__(self, r): return r * X\nclass M(B): pass\nmodel = M()",
        "1",
        "2",
        "planted.B.__call__",
    ),
    "base": (
        "class A:\n k = 1\nclass B:\n k = 2\nclass M(X):\n def __call__(self, r): return self.k\nmodel = M()",
        "A",
        "B",
        "planted.M",
    ),
    "field": (
        "class M:\n def __init__(self): self.k = X\n def __call__(self, r): return self.k\nmodel = M()",
        "1",
        "2",
        "itself",
    ),
    "slot": (
        "class M:\n __slots__ = ('k',)\n def __init__(self): self.k = X\n def __call__(self, r): return 1\nmodel = M()",
        "1",
        "2",
        "itself",
    ),
    "bound method": (
        "class M:\n def __init__(self): self.k = X\n def run(self, r): return self.k\nmodel = M().run",
        "1",
        "2",
        "itself",
    ),
    "dataclass": (
        "from dataclasses import dataclass\n@dataclass(frozen=True, slots=True)\nclass M:\n k: float = 1.0\n"
        " def __call__(self, r): return self.k\nmodel = M(X)",
        "1.0",
        "2.0",
        "itself",
    ),
    "default of a field": (
        "from dataclasses import dataclass\n@dataclass\nclass M:\n k: float = X\ndef model(r): return M().k",
        "1.0",
        "2.0",
        "planted.M",
    ),
    "default factory of a field": (
        "from dataclasses import dataclass, field\n@dataclass\nclass M:\n k: float = field(default_factory=lambda: X)\n"
        "def model(r): return M().k",
        "1.0",
        "2.0",
        "planted.M.<lambda>",
    ),
    "member of an enumeration": (
        "import enum\nclass E(enum.Enum):\n A = X\ndef model(r): return E.A.value",
        "1",
        "2",
        "planted.E.A",
    ),
    "metaclass": (
        "class T(type):\n def make(cls): return X\nclass M(metaclass=T): pass\ndef model(r): return M.make()",
        "1",
        "2",
        "planted.T.make",
    ),
    "inner class": ("class M:\n class N:\n  k = X\ndef model(r): return M.N.k", "1", "2", "planted.M.N.k"),
    "class in a function": ("K = X\ndef model(r):\n class N:\n  k = K\n return N.k", "1", "2", "planted.K"),
}


@pytest.mark.parametrize(("source", "old", "new", "named"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_refused_by_name(source, old, new, named, tmp_path):
    def run(value):
        return sweep(planted(source.replace("X", value)).model, GRID, float, checkpoint=tmp_path)

    xr.testing.assert_identical(run(old), run(old))
    with pytest.raises(
        InvalidInput, match=f"`checkpoint` holds another sweep.*model code.*{re.escape(named)}"
    ):
        run(new)


def test_a_change_of_the_method_is_refused_by_name(tmp_path):
    for rate in (1, 1, 2):
        method = planted(f"RATE = {rate}\ndef model(r): return RATE * r").model
        if rate == 1:
            sweep(square, GRID, method, checkpoint=tmp_path)
    with pytest.raises(InvalidInput, match=r'method code planted\.RATE was "1" and is now "2"'):
        sweep(square, GRID, method, checkpoint=tmp_path)


@pytest.mark.parametrize(
    "model",
    [
        "import helpers\ndef model(r): return helpers.f(r)",
        "import helpers as h\ndef model(r): return h.f(r) + 1",
        "from helpers import f\ndef model(r): return f(r)",
        "def model(r):\n import helpers\n return helpers.f(r)",
        "def model(r):\n from helpers import f as g\n return g(r)",
        "import helpers\ndef model(r): return getattr(helpers, 'f')(r)",
    ],
)
@pytest.mark.parametrize("source", ["def f(r): return r * X", "RATE = X\ndef f(r): return r * RATE"])
def test_the_users_own_modules_are_followed(model, source):
    def parts(value):
        planted(source.replace("X", value), "helpers")
        return fingerprint(planted(model).model, "model")

    assert parts("1") == parts("1")
    assert "helpers.f" in parts("1")
    assert parts("1") != parts("2")


def test_packages_of_the_users_are_followed_through_their_attributes():
    def parts(value):
        kit = planted("", "kit")
        kit.rates = planted(f"RATE = {value}\nOTHER = [{value}]", "kit.rates")
        return fingerprint(planted("import kit\ndef model(r): return kit.rates.RATE * r").model, "model")

    assert parts("1")["kit.rates.RATE"] == "1"
    assert "kit.rates.OTHER" not in parts("1")
    assert parts("1") != parts("2")


def test_installed_packages_are_known_by_their_version():
    source = (
        "import numpy as np, json\nfrom bargaining import nash\ndef model(r): return np.dot(nash(r), json)"
    )
    parts = fingerprint(planted(source).model, "model")
    assert set(parts) == {"itself", "planted.model", "package numpy"}
    assert parts["package numpy"] == np.__version__


class Kind(Enum):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True, slots=True)
class Held:
    value: object
    kind: Kind = Kind.LOW


def square(r):
    return r**2


@functools.lru_cache
def cached(r):
    return r


FRAME = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]}, index=["u", "v"])
SERIES = pd.Series([1.0, 2.0], index=[0, 1], name="s")
LABELLED = xr.DataArray([1.0, 2.0], dims="x", coords={"x": [0, 1]}, attrs={"units": "1"})
# Equal values made twice, and others that differ in one place.
VALUES = {
    "Decimal": (lambda: Decimal("1.5"), [Decimal("1.6"), 1.5]),
    "range": (lambda: range(3), [range(4), range(0, 3, 2), [0, 1, 2]]),
    "numbers": (lambda: [1, 1.0, True, "1", b"1", 1j, None], [[1, 1, True, "1", b"1", 1j, None]]),
    "zero": (lambda: 0.0, [-0.0, 0]),
    "large": (lambda: 10**5000, [10**5000 + 1]),
    "array": (
        lambda: np.arange(3),
        [np.arange(4), np.arange(3.0), np.arange(3)[::-1], np.arange(3)[:, None]],
    ),
    "array of objects": (lambda: np.array([1, "a"], object), [np.array([1, "b"], object)]),
    "masked": (
        lambda: np.ma.masked_array([1, 2], [0, 1]),
        [np.ma.masked_array([1, 2], [1, 0]), np.ma.masked_array([1, 3], [0, 1])],
    ),
    "frame": (
        lambda: pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]}, index=["u", "v"]),
        [
            FRAME.rename(columns={"a": "c"}),
            FRAME.iloc[::-1],
            FRAME.assign(a=[1.0, 3.0]),
            FRAME.assign(b=["x", "y"]),
        ],
    ),
    "series": (
        lambda: SERIES.copy(),
        [SERIES + 1, SERIES.rename("t"), SERIES.astype("float32"), SERIES.set_axis([1, 2])],
    ),
    "categories": (lambda: pd.Categorical(["a"], ["a", "b"]), [pd.Categorical(["a"], ["a", "c"])]),
    "index": (lambda: pd.MultiIndex.from_product([[1], [2, 3]]), [pd.MultiIndex.from_product([[1], [2, 4]])]),
    "dates": (lambda: pd.date_range("2020", periods=2), [pd.date_range("2021", periods=2)]),
    "labelled": (
        lambda: LABELLED.copy(deep=True),
        [
            LABELLED + 1,
            LABELLED.assign_coords(x=[0, 2]),
            LABELLED.rename(x="y"),
            LABELLED.assign_attrs(units="%"),
        ],
    ),
    "dataset": (
        lambda: xr.Dataset({"a": LABELLED}),
        [xr.Dataset({"b": LABELLED}), xr.Dataset({"a": LABELLED + 1})],
    ),
    "dataclass": (lambda: Held(np.arange(2)), [Held(np.arange(3)), Held(np.arange(2), Kind.HIGH)]),
    "enumeration": (lambda: Kind.LOW, [Kind.HIGH]),
    "items": (lambda: itemgetter(0, 1), [itemgetter(0, 2), itemgetter(0)]),
    "attributes": (lambda: attrgetter("real"), [attrgetter("imag")]),
    "method by name": (lambda: methodcaller("round", 2), [methodcaller("round", 3)]),
    "cached": (lambda: functools.lru_cache(square), [functools.lru_cache(cached), square]),
    "vectorize": (lambda: np.vectorize(square), [np.vectorize(cached)]),
    "pattern": (lambda: re.compile("a+"), [re.compile("a*"), re.compile("a+", re.I)]),
    "bound": (lambda: Held(1).__eq__, [Held(2).__eq__]),
    "in C": (lambda: math.sqrt, [cmath.sqrt, math.cbrt]),
    "bound in C": (lambda: {"a": 1}.get, [{"a": 2}.get, {"a": 1}.pop]),
    "set": (lambda: {"a", "b", 3, (1, "c")}, [{"a", "b", 3, (2, "c")}]),
    "set of objects": (lambda: {Kind.LOW, square, nash}, [{Kind.HIGH, square, nash}]),
    "order": (lambda: {"a": 1, "b": 2}, [{"b": 2, "a": 1}, {"a": 1}]),
    "problem": (
        lambda: Problem(Frontier(lambda x: 1 - x, 0, 1), [0, 0]),
        [Problem(Frontier(lambda x: 2 - x, 0, 1), [0, 0])],
    ),
    "protocol": (
        lambda: StochasticBargaining([1.0, 3.0], [[0.5, 0.5], [0.5, 0.5]], 0.9, [0, 1]),
        [StochasticBargaining([1.0, 3.0], [[0.5, 0.5], [0.5, 0.5]], 0.8, [0, 1])],
    ),
    "generator": (lambda: np.random.default_rng(1), [np.random.default_rng(2)]),
}


@pytest.mark.parametrize(("make", "others"), VALUES.values(), ids=VALUES)
def test_held_values_are_known_by_their_content(make, others):
    def known(value):
        as_global = planted("def model(r): return VALUE", VALUE=value).model
        return [
            fingerprint(one, "model")
            for one in (partial(print, value), partial(print, end=[value]), as_global)
        ]

    assert known(make()) == known(make())
    for other in others:
        assert all(a != b for a, b in zip(known(make()), known(other), strict=True))


@dataclass(frozen=True)
class Alike:
    """Sets keep these in the order in which they came."""

    held: object

    def __hash__(self):
        return 1


@pytest.mark.parametrize("first", [Alike(square), Alike(1), Alike("a")])
@pytest.mark.parametrize("second", [Alike(math.sqrt), Alike(Held(2)), Alike("b")])
def test_the_order_in_a_set_does_not_matter(first, second):
    one, other = {first, second}, {second, first}
    assert [*one] != [*other]
    assert fingerprint(partial(print, one), "model") == fingerprint(partial(print, other), "model")


def test_what_changes_no_number_changes_nothing():
    parts = [
        fingerprint(planted(source).model, "model")
        for source in (
            'A = 1\ndef model(r):\n    "Return r."\n    return r + 1',
            '\n\n# Moved.\ndef model(r):\n    "Return r plus one."\n    return r + 1  # here\nA = 2',
        )
    ]
    assert parts[0] == parts[1]
    spoken = [
        fingerprint(planted(f"def model(r):\n '{text}'\n return '{text}'").model, "model") for text in "ab"
    ]
    assert spoken[0] != spoken[1]


def test_a_remembered_property_changes_nothing():
    class Model:
        @cached_property
        def rate(self):
            return 2

        def __call__(self, r):
            return self.rate * r

    model = Model()
    before = fingerprint(model, "model")
    assert model(1.0) == 2.0
    assert vars(model)
    assert fingerprint(model, "model") == before


def test_a_property_is_not_remembered_beside_slots_either():
    class Model:
        __slots__ = ("__dict__", "start")

        def __init__(self):
            self.start = 2

        @cached_property
        def rate(self):
            return self.start + 1

        def __call__(self, r):
            return self.rate * r

    model = Model()
    before = fingerprint(model, "model")
    assert model(1.0) == 3.0
    assert vars(model) == {"rate": 3}
    assert fingerprint(model, "model") == before


def test_a_set_of_objects_is_read_in_the_order_of_their_content():
    """Functions of one name are numbered as they are met, so the order in which a set has them must not count."""

    module = planted("""
places = {}

def constant(k):
    return lambda: k

class Holder:
    def __init__(self, k):
        self.function = constant(k)
    def __hash__(self):
        return places[self.function()]

def model(r, *, holders):
    return r * len(holders)
""")
    found = []
    for order in permutations(range(4)):
        module.places.update(enumerate(order))
        holders = frozenset(map(module.Holder, range(4)))
        parts = fingerprint(partial(module.model, holders=holders), "model")
        assert parts.pop("planted.places")
        found.append(parts)
    assert all(parts == found[0] for parts in found)


def test_values_may_contain_themselves():
    held = [1]
    held.append(held)
    deeper = [1]
    deeper.append([deeper])
    assert fingerprint(partial(print, held), "model") != fingerprint(partial(print, deeper), "model")


def test_two_functions_of_one_name_are_two_parts():
    def make(k):
        return lambda r: r * k

    one, other = make(1), make(2)
    assert fingerprint(partial(map, one, [other]), "m") != fingerprint(partial(map, other, [one]), "m")
    assert fingerprint(partial(map, one, [make(1)]), "m") != fingerprint(partial(map, one, [other]), "m")


class Locked:
    def __init__(self):
        self.lock = threading.Lock()

    def __call__(self, r):
        return r


def deep(n):
    value = []
    for _ in range(n):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (Locked(), "`model.lock`, a _thread.lock"),
        (Locked().__call__, "lock`, a _thread.lock"),
        (lambda r: eval("r"), "eval`, a built-in that reaches code or values by their text"),
        (lambda r: [exec("r = 1") for _ in range(2)], "exec`, a built-in"),
        (lambda r: globals()["GRID"], "globals`, a built-in"),
        (partial(print, (k for k in ())), "a builtins.generator"),
        (partial(print, file=sys.__stdout__), "a _io.TextIOWrapper"),
        (np.frompyfunc(square, 1, 1), r"the numpy.ufunc 'square \(vectorized\)'"),
        (partial(print, deep(10_000)), "nested too deeply"),
    ],
)
@pytest.mark.parametrize("role", ["model", "method"])
def test_what_cannot_be_read_is_refused_by_name_unless_a_version_is_named(model, named, role, tmp_path):
    given = {"model": model, "method": float} if role == "model" else {"model": lambda r: r, "method": model}
    run = partial(sweep, grid={"r": [0.0]}, **given)
    if isinstance(model, np.ufunc | partial):
        run = partial(run, model=lambda r: r, method=model)
        role = "method"
    with pytest.raises(
        InvalidInput, match=f"`{role}` depends on .*{named.replace('model.', f'{role}.')}"
    ) as caught:
        run(checkpoint=tmp_path)
    assert 'name a version by hand, `version="1"`' in str(caught.value)
    assert not list(tmp_path.iterdir())
    first = run(checkpoint=tmp_path, version="1")
    xr.testing.assert_identical(run(checkpoint=tmp_path, version="1"), first)
    with pytest.raises(InvalidInput, match='version was "1" and is now "2"'):
        run(checkpoint=tmp_path, version="2")


CODE = """
from dataclasses import dataclass, field
import enum, functools
from bargaining.sweeps._fingerprint import fingerprint
class E(enum.Enum):
    A = 1
    B = 2
@dataclass(frozen=True)
class M:
    rates: frozenset = frozenset({"US", "Canada", "China"})
    kinds: frozenset = frozenset(E)
    def __call__(self, r): return f(r) if r in {"x", "y", "z"} else self.kinds
@functools.lru_cache
def f(r): return {E.A: g, E.B: f}
def g(r): return f(r)
print(fingerprint(M(), "model"))
"""


def test_the_fingerprint_is_the_same_in_another_process():
    runs = [
        subprocess.run(
            [sys.executable, "-c", CODE],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert "__main__.M.__call__" in runs[0]


def test_a_python_that_finds_no_home_of_an_object_refuses_it_by_name(monkeypatch):
    """As Python 3.14 does, where earlier ones answer __main__."""

    def nowhere(obj, name):
        raise pickle.PicklingError("it is not found")

    monkeypatch.setattr(pickle, "whichmodule", nowhere)
    with pytest.raises(InvalidInput, match=r"`model` depends on .*the numpy.ufunc 'square \(vectorized\)'"):
        fingerprint(np.frompyfunc(square, 1, 1), "model")


@pytest.mark.parametrize("name", ["__annotate__", "__annotate_func__"])
def test_annotations_of_a_class_are_no_part_of_what_it_computes(name):
    """From Python 3.14 on a function in the class answers for them, and may hold what cannot be read."""
    made = [
        type("Model", (), {"__call__": square_root, name: lambda form, held=held: held})
        for held in (open, iter([]))
    ]
    first, second = (fingerprint(kind(), "model") for kind in made)
    assert first == second


def square_root(self, r):
    return cmath.sqrt(r)

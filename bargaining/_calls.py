"""Calls with wrong arguments: suggest the argument that was probably meant, and show how to write the call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import Parameter, signature
from typing import ParamSpec, TypeVar


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Import optional packages inside this block; if one is missing, the error says how to install its extra.

    Examples
    --------
    >>> with needs("paper"):
    ...     import no_such_package
    Traceback (most recent call last):
    ImportError: no_such_package is not installed; run `pip install ...`.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed; run `{install(extra)}`."
        raise ImportError(message, name=error.name) from None


def install(extra: str) -> str:
    """Return the command that installs the packages of an extra, wherever this package came from."""
    from importlib import metadata

    try:
        required = metadata.requires("bargaining") or []
    except metadata.PackageNotFoundError:
        required = []
    marker = re.compile(rf"extra == ['\"]{extra}['\"]")
    packages = [line.partition(";")[0].strip() for line in required if marker.search(line)]
    return "pip install " + (" ".join(f'"{package}"' for package in packages) or f'".[{extra}]"')


Given = ParamSpec("Given")
Answer = TypeVar("Answer")

_DISCOUNTS = "delta deltas beta betas discount discount_factor discount_factors patience"
_OUTSIDE = "outside_option outside_options options opting_out"
_WORDS = {
    "actions": "strategies action_names labels moves",
    "breakdown": "risk hazard chance_of_breakdown",
    "budget": "max_iter maxiter limit",
    "disagreement": "d threat threat_point disagreement_point status_quo batna",
    "discount": _DISCOUNTS,
    "discounts": _DISCOUNTS,
    "exit": f"exits outside {_OUTSIDE}",
    "horizon": "periods rounds T stages",
    "outside": f"exit {_OUTSIDE}",
    "player": "dictator who i",
    "players": "names player_names labels",
    "proposer": "first first_mover starts",
    "rates": f"r interest discount_rates impatience {_DISCOUNTS}",
    "reference": "r reference_point",
    "rng": "seed random_state",
    "tolerance": "tol eps atol rtol precision",
    "weights": "weight w alpha power powers bargaining_power bargaining_powers bargaining_weights shares",
    "workers": "n_jobs jobs processes",
}
"""What the field, and other libraries, call our arguments."""


_HINTS = {
    "payoff_bounds": " Patience belongs to the game: payoff_bounds(RepeatedGame(game, discounts)).",
    "payoff_set": " Patience belongs to the game: payoff_set(RepeatedGame(game, discounts)).",
    "stage_equilibria": " Payoffs make a game first: stage_equilibria(Game(A, B)).",
    "transfer_equilibrium": " Patience belongs to the game: transfer_equilibrium(RepeatedGame(game, discounts)).",
}
"""Further advice on a call with wrong arguments."""


def suggesting(function: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """Make a function, or the `__init__` of a class, explain how to call it when its arguments are wrong."""
    name = function.__qualname__.removesuffix(".__init__")

    @wraps(function)
    def called(*arguments: Given.args, **options: Given.kwargs) -> Answer:
        try:
            return function(*arguments, **options)
        except TypeError as error:
            if (better := advice(error, function, name)) is None:
                raise
            raise better from None

    return called


def advice(error: TypeError, function: Callable[..., object], name: str) -> TypeError | None:
    """Return a better error for arguments that do not fit a function; None for one from within it."""
    trace = error.__traceback__
    if trace is None or trace.tb_next is not None:
        return None
    hint = _HINTS.get(name, "")
    known = [p for p in signature(function).parameters.values() if p.name != "self"]
    text = str(error)
    if found := re.search(r"unexpected keyword argument '(\w+)'", text):
        return TypeError(
            f"{name}() has no argument `{found[1]}`.{_meant(found[1], known)} {_usage(name, known)}{hint}"
        )
    if "missing" in text:
        needs = " and ".join(f"`{one}`" for one in re.findall(r"'(\w+)'", text))
        return TypeError(f"{name}() needs {needs}. {_usage(name, known)}{hint}")
    if "positional argument" in text:
        if known and known[0].name == "problem":
            hint = " A set and a disagreement point make a problem: Problem(feasible, disagreement)."
        return TypeError(f"{name}() takes fewer arguments by position. {_usage(name, known)}{hint}")
    return None


def _meant(given: str, known: list[Parameter]) -> str:
    from difflib import get_close_matches

    names = [p.name for p in known]
    said = [name for name in names if given.casefold() in _WORDS.get(name, "").split()]
    close = said or get_close_matches(given, names, n=1)
    return f" Did you mean `{close[0]}`?" if close else ""


def _usage(name: str, known: list[Parameter]) -> str:
    """Return how a call is written: what comes by position, then what must or may come by name."""
    placed = [
        f"*{p.name}" if p.kind is Parameter.VAR_POSITIONAL else p.name
        for p in known
        if p.kind is not Parameter.KEYWORD_ONLY and p.default is Parameter.empty
    ]
    named = [
        f"{p.name}=..." for p in known if p.kind is Parameter.KEYWORD_ONLY or p.default is not Parameter.empty
    ]
    return f"Write {name}({', '.join([*placed, *named])})."

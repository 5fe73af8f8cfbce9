"""Negotiations over outcomes: scenarios of automated negotiation in XML, and utility functions of any library.

Files need not be trusted: nothing in them is executed, entities are refused, and their size is limited.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import flag, function, is_sequence, listed
from bargaining._arrays import Floats, real, short
from bargaining._calls import suggesting
from bargaining._files import content_of, path_of
from bargaining._names import Names
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible.points import FreeDisposalHull, undominated_at
from bargaining.feasible.polytope import Polytope
from bargaining.problem import Problem

__all__ = ["outcome_problem", "read_scenario"]

_BYTES = 2_000_000  # of a file: what is larger is no scenario
_OUTCOMES = 1_000_000  # points that a set of some players is still quick with
_SUMS = 20_000_000
"""Sums of utilities that are looked at for one more issue; beyond it a scenario takes minutes."""
_TEXT = 200  # characters of a name
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?")
_ONE = 1.0 + 1e-9  # utilities that exceed one by rounding are in shares already


@suggesting
def outcome_problem(
    utilities: Sequence[Callable[[Any], Any] | Mapping[Any, float]],
    outcomes: Iterable[Any] | None = None,
    disagreement: ArrayLike | Mapping[str, Any] | None = None,
    *,
    players: Names | None = None,
    lotteries: bool = False,
) -> Problem:
    """Return the problem of agreeing on one of finitely many outcomes.

    Parameters
    ----------
    utilities : sequence of callables or mappings
        One per player: takes an outcome and returns a number, as utility functions of NegMAS do; or maps outcomes to
        numbers.
    outcomes : iterable, optional
        What can be agreed on, at most a million. By default the keys of the first mapping, or what the first utility
        function knows as its ``outcome_space``, as those of NegMAS do.
    disagreement : array_like, shape (n,), optional
        Utilities without an agreement; by default the ``reserved_value`` of each utility function.
    players : sequence of str, optional
        Names of the players.
    lotteries : bool, default False
        Whether the players can also agree on lotteries over outcomes.

    Returns
    -------
    Problem
        Over a `FreeDisposalHull`, so that the `decision` of a division is an outcome; with lotteries over a `Polytope`.
        Outcomes that are Pareto dominated are dropped.

    Raises
    ------
    InvalidInput
        If outcomes or disagreement utilities are missing, or a function does not return a finite number.

    Examples
    --------
    >>> from bargaining import nash, outcome_problem
    >>> prices = range(50, 101, 10)
    >>> trade = outcome_problem([lambda p: p - 45, lambda p: 90 - p], prices, [0, 0], players=["seller", "buyer"])
    >>> nash(trade).decision, nash(trade).payoffs
    (70, array([25., 20.]))
    >>> outcome_problem([{"sea": 4, "city": 3}, {"sea": 1, "city": 3}], disagreement=[0, 0]).ideal
    array([4., 3.])
    """
    if not is_sequence(utilities) or len(utilities) < 2:
        raise InvalidInput(f"`utilities` must be a list of two functions or more; got {short(utilities)}.")
    for k, one in enumerate(utilities):
        if not isinstance(one, Mapping):
            function(one, f"utilities[{k}]", "an outcome")
    space = list(islice(_outcomes(utilities[0], outcomes), _OUTCOMES + 1))
    if not 0 < len(space) <= _OUTCOMES:
        raise InvalidInput(f"`outcomes` must be 1 to {_OUTCOMES} of them; got {'more' if space else 'none'}.")
    payoffs = np.array([[_utility(one, outcome, k) for k, one in enumerate(utilities)] for outcome in space])
    if disagreement is None:
        disagreement = [_reservation(one, k) for k, one in enumerate(utilities)]
    return _problem(payoffs, space, disagreement, players, flag(lotteries, "lotteries"))


def _outcomes(utility: Any, outcomes: Iterable[Any] | None) -> Iterable[Any]:
    if outcomes is not None:
        is_list = isinstance(outcomes, Iterable)
        return outcomes if is_list else listed(outcomes, "outcomes", "a list of outcomes")
    if isinstance(utility, Mapping):
        return utility
    space = getattr(utility, "outcome_space", None)
    if space is None or not hasattr(space, "enumerate"):
        raise InvalidInput("`outcomes` must say what can be agreed on; the first utility function does not.")
    if hasattr(space, "is_discrete") and not space.is_discrete():
        raise NotApplicable(
            "Outcomes with continuous issues cannot be listed: pass some of them as `outcomes`."
        )
    found: Iterable[Any] = space.enumerate()
    return found


def _utility(utility: Any, outcome: Any, player: int) -> float:
    table = isinstance(utility, Mapping)
    if table and outcome not in utility:
        raise InvalidInput(
            f"`utilities[{player}]` must have an entry for every outcome; got none for {short(outcome)}."
        )
    number = real(utility[outcome] if table else utility(outcome), f"utilities[{player}](outcome)")
    if number.ndim:
        raise InvalidInput(
            f"`utilities[{player}]` must return one number an outcome; got shape {number.shape}."
        )
    return float(number)


def _reservation(utility: Any, player: int) -> float:
    value = getattr(utility, "reserved_value", None)
    if value is None or not np.isfinite(value):
        raise InvalidInput(
            f"`disagreement` must be given: utility function {player} has no finite `reserved_value`; got {value!r}."
        )
    return float(value)


def _problem(
    payoffs: Floats, outcomes: Sequence[Any], disagreement: Any, players: Names | None, lotteries: bool
) -> Problem:
    if lotteries:
        return Problem(Polytope(payoffs, free_disposal=True), disagreement, players=players)
    return Problem(FreeDisposalHull(payoffs, outcomes=outcomes), disagreement, players=players)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    """The utilities of one party: of the values of each issue, multiplied by its weight, and without an agreement."""

    name: str
    issues: dict[str, dict[str, float]]
    reservation: float


@suggesting
def read_scenario(*profiles: Any, lotteries: bool = False) -> Problem:
    r"""Read the scenario of a negotiation between agents, as Genius, NegMAS and the ANAC competitions have them.

    An outcome takes one value :math:`v_k` in each issue k. A party's utility is
    :math:`\sum_k w_k e_k(v_k)`; where an issue has an evaluation above 1, all of that issue are divided by
    the largest, as Genius does.

    Parameters
    ----------
    *profiles : paths
        One XML file per party, a ``utility_space`` with discrete issues and weights; or a folder with these files,
        which are sorted by name. Files are at most 2 MB each.
    lotteries : bool, default False
        Whether the parties can also agree on lotteries over outcomes.

    Returns
    -------
    Problem
        Players are named after their files. The disagreement point holds the reservation values, 0 where there are
        none. Without lotteries the `decision` of a division is the outcome, a mapping from issues to values. Discount
        factors are not read: utilities are those of an agreement at once.

    Raises
    ------
    InvalidInput
        If a file is not such a profile, or the profiles have different issues.
    NotApplicable
        If an issue is not discrete, or the outcomes are too many.

    Notes
    -----
    Dominated values are dropped issue by issue, which keeps all efficient outcomes: a sum is efficient only if
    its parts are. So scenarios of many millions of outcomes can be read.

    References
    ----------
    Lin, R., Kraus, S., Baarslag, T., Tykhonov, D., Hindriks, K. and Jonker, C. M. (2014). Genius: an integrated
    environment for supporting the design of generic automated negotiators. *Computational Intelligence* 30(1), 48-70.
    doi:10.1111/j.1467-8640.2012.00463.x

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from bargaining import nash, read_scenario
    >>> folder = Path(mkdtemp())
    >>> profile = '''<utility_space><objective index="1" name="any">
    ...   <issue index="1" name="price" type="discrete"><item value="low" evaluation="{}"/>
    ...     <item value="high" evaluation="{}"/></issue>
    ...   <issue index="2" name="delivery" type="discrete"><item value="soon" evaluation="{}"/>
    ...     <item value="later" evaluation="{}"/></issue>
    ...   <weight index="1" value="0.5"/><weight index="2" value="0.5"/></objective>
    ...   <reservation value="0.2"/></utility_space>'''
    >>> _ = (folder / "buyer.xml").write_text(profile.format(4, 1, 3, 0))
    >>> _ = (folder / "seller.xml").write_text(profile.format(1, 4, 2, 3))
    >>> division = nash(read_scenario(folder))
    >>> division.decision, division.to_series().to_dict()
    ({'price': 'high', 'delivery': 'soon'}, {'buyer': 0.625, 'seller': 0.8333333333333333})
    """
    flag(lotteries, "lotteries")
    found = _profiles(profiles)
    issues, known = list(found[0].issues), {issue: set(own) for issue, own in found[0].issues.items()}
    for one in found[1:]:
        if {issue: set(own) for issue, own in one.issues.items()} != known:
            raise InvalidInput(
                f"`profiles` must have the same issues and values; {one.name!r} and {found[0].name!r} differ."
            )
    payoffs, picks = _efficient(found, issues)
    values = [list(found[0].issues[issue]) for issue in issues]
    outcomes = [
        {issue: own[k] for issue, own, k in zip(issues, values, pick, strict=True)} for pick in picks.tolist()
    ]
    names = [one.name for one in found]
    players = names if len(set(names)) == len(names) else None
    return _problem(payoffs, outcomes, [one.reservation for one in found], players, lotteries)


def _efficient(profiles: Sequence[_Profile], issues: Sequence[str]) -> tuple[Floats, Any]:
    """Return the utilities of undominated outcomes, and for each the index of its value in each issue."""
    payoffs, picks = np.zeros((1, len(profiles))), np.zeros((1, 0), dtype=np.intp)
    for issue in issues:
        values = list(profiles[0].issues[issue])
        own = np.array([[one.issues[issue][value] for one in profiles] for value in values])
        if len(payoffs) * len(own) > _SUMS:
            every = prod(len(each) for each in profiles[0].issues.values())
            raise NotApplicable(f"A scenario of {every} outcomes has too many that are efficient to list.")
        sums = (payoffs[:, None, :] + own).reshape(-1, len(profiles))
        chosen = np.column_stack([picks.repeat(len(own), axis=0), np.tile(np.arange(len(own)), len(picks))])
        kept = undominated_at(sums)
        payoffs, picks = sums[kept], chosen[kept]
    return payoffs, picks


def _profiles(paths: Sequence[Any]) -> list[_Profile]:
    if len(paths) == 1 and path_of(paths[0], "profiles").is_dir():
        folder = path_of(paths[0], "profiles")
        trees = [(path, _tree(path)) for path in sorted(folder.glob("*.xml"))]
        trees = [(path, tree) for path, tree in trees if tree.tag == "utility_space"]
    else:
        trees = [(path, _tree(path)) for path in (path_of(one, "profiles") for one in paths)]
    if len(trees) < 2:
        raise InvalidInput(
            f"`profiles` must be XML files of two parties or more, or a folder with them; got {len(trees)}."
        )
    return [_profile(tree, path) for path, tree in trees]


class _Builder(TreeBuilder):
    """Builds trees of files without a DOCTYPE, in which entities are defined."""

    def doctype(self, *_: Any) -> NoReturn:
        """Refuse it."""
        raise ValueError("it must have no DOCTYPE and no entities")


def _tree(path: Path) -> Element:
    """Return the root of a file."""
    content = content_of(path, "profiles", "must each be a file", _BYTES + 1)
    if len(content) > _BYTES:
        raise InvalidInput(f"`profiles` must be at most {_BYTES // 10**6} MB each; {path.name!r} is longer.")
    parser = XMLParser(target=_Builder())
    try:
        parser.feed(content)
        return parser.close()
    except (ParseError, LookupError, ValueError) as error:  # LookupError: an encoding that nobody knows
        raise InvalidInput(f"`profiles` must be XML; {path.name!r} is not ({error}).") from None


def _profile(root: Element, path: Path) -> _Profile:
    where = f"`profiles`, {path.name!r},"
    if root.tag != "utility_space":
        raise InvalidInput(f"{where} must hold a utility_space; got {short(root.tag)}.")
    weighed = list(root.iter("weight"))
    weights = {one.get("index", ""): _attribute(one, "value", where) for one in weighed}
    if len(weights) < len(weighed):
        raise InvalidInput(
            f"{where} must have one weight for each index; got {len(weighed)} for {len(weights)}."
        )
    issues: dict[str, dict[str, float]] = {}
    for issue in root.iter("issue"):
        name = _words(issue.get("name", ""), where)
        kind = issue.get("vtype", issue.get("type", "discrete"))
        if kind != "discrete":
            raise NotApplicable(
                f"{where} has an issue {name!r} that is {kind}: only discrete ones can be read."
            )
        weight = weights.pop(issue.get("index", ""), None)
        if weight is None or weight < 0 or name in issues:
            raise InvalidInput(
                f"{where} must have each issue once, with a weight of at least 0; see {name!r}."
            )
        items = [(_words(one.get("value", ""), where), one) for one in issue.iter("item")]
        worth = {value: _attribute(one, "evaluation", where) for value, one in items}
        if not items or len(worth) < len(items):
            raise InvalidInput(f"{where} must have different values in issue {name!r}; got {len(items)}.")
        most = max(worth.values())
        scale = most if most > _ONE else 1.0
        issues[name] = {value: weight * (each / scale) for value, each in worth.items()}
    if not issues:
        raise InvalidInput(f"{where} must have issues; got none.")
    reservations = [_attribute(one, "value", where) for one in root.iter("reservation")]
    if len(reservations) > 1:
        raise InvalidInput(f"{where} must have at most one reservation; got {len(reservations)}.")
    return _Profile(name=path.stem, issues=issues, reservation=reservations[0] if reservations else 0.0)


def _attribute(element: Element, name: str, where: str) -> float:
    text = element.get(name, "").strip()
    if not _NUMBER.fullmatch(text):
        raise InvalidInput(
            f"{where} must have a number as the {name} of each {element.tag}; got {short(text)}."
        )
    return float(text)


def _words(text: str, where: str) -> str:
    if not 0 < len(text) <= _TEXT or not text.isprintable():
        raise InvalidInput(f"{where} must have names of 1 to {_TEXT} characters; got {short(text)}.")
    return text

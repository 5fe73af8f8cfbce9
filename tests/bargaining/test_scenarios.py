"""Negotiations over outcomes: utilities as files and functions have them, all efficient outcomes, safe reading."""

from fractions import Fraction
from itertools import product
from operator import ge
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import InvalidInput, NotApplicable, egalitarian, nash, outcome_problem, read_scenario
from bargaining.feasible.points import undominated_at

ISSUES = {"price": ["low", "mid", "high"], "delivery": ["soon", "later"]}
BUYER = ([0.6, 0.4], [[10, 6, 1], [0.9, 0.2]], 0.1)
SELLER = ([0.5, 0.5], [[1, 5, 8], [3, 4]], 0.25)


def profile(weights, evaluations, reservation=None, *, issues=ISSUES, kind="discrete", extra=""):
    text = '<?xml version="1.0"?>\n<utility_space number_of_issues="2"><objective index="1" name="any">'
    for k, (name, values) in enumerate(issues.items(), 1):
        text += f'<issue index="{k}" name="{name}" type="{kind}" vtype="{kind}">'
        for j, (value, each) in enumerate(zip(values, evaluations[k - 1], strict=True), 1):
            text += f'<item index="{j}" value="{value}" cost="0" evaluation="{each}"></item>'
        text += f'</issue><weight index="{k}" value="{weights[k - 1]}"></weight>'
    ends = "" if reservation is None else f'<reservation value="{reservation}"/>'
    return f'{text}{extra}</objective><discount_factor value="1.0"/>{ends}</utility_space>'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "buyer.xml").write_text(profile(*BUYER), encoding="utf-8")
    (tmp_path / "seller.xml").write_text(profile(*SELLER), encoding="utf-8")
    (tmp_path / "domain.xml").write_text("<negotiation_template/>", encoding="utf-8")
    return tmp_path


def utility(weights, evaluations, outcome):
    """The utility of an outcome as Genius defines it, in rationals."""
    total = Fraction(0)
    for k, (name, values) in enumerate(ISSUES.items()):
        own = [Fraction(str(e)) for e in evaluations[k]]
        scale = max(own) if max(own) > 1 else 1
        total += Fraction(str(weights[k])) * own[values.index(outcome[name])] / scale
    return total


def test_a_folder_is_read_with_names_reservation_values_and_outcomes(folder):
    problem = read_scenario(folder)
    assert problem.player_names == ("buyer", "seller")
    assert problem.disagreement.tolist() == [0.1, 0.25]
    outcomes = [dict(zip(ISSUES, pick, strict=True)) for pick in product(*ISSUES.values())]
    best = max(
        outcomes,
        key=lambda o: (
            (utility(*BUYER[:2], o) - Fraction("0.1")) * (utility(*SELLER[:2], o) - Fraction("0.25"))
        ),
    )
    division = nash(problem)
    assert division.decision == best
    assert division.payoffs == pytest.approx(
        [float(utility(*BUYER[:2], best)), float(utility(*SELLER[:2], best))]
    )


def test_files_come_in_the_order_given_and_lotteries_are_a_hull(folder):
    turned = read_scenario(folder / "seller.xml", folder / "buyer.xml")
    assert turned.player_names == ("seller", "buyer")
    mixed = egalitarian(read_scenario(folder, lotteries=True))
    assert mixed.gains[0] == pytest.approx(mixed.gains[1])
    with pytest.raises(AttributeError, match="has no decision: a Polytope knows payoffs alone"):
        _ = mixed.decision


@given(
    tables=st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=4),
        min_size=1,
        max_size=4,
    ),
    players=st.sampled_from([2, 3]),
)
def test_dropping_issue_by_issue_keeps_what_brute_force_keeps(tables, players):
    from bargaining.scenarios import _efficient, _Profile

    profiles = [
        _Profile(
            name=str(p),
            issues={f"{k}": {f"{j}": float(v[p]) for j, v in enumerate(own)} for k, own in enumerate(tables)},
            reservation=0.0,
        )
        for p in range(players)
    ]
    payoffs, picks = _efficient(profiles, [f"{k}" for k in range(len(tables))])
    every = {total(tables, at) for at in product(*(range(len(own)) for own in tables))}
    every = {whole[:players] for whole in every}
    beaten = {x for x in every for y in every if y != x and all(map(ge, y, x))}
    efficient = every - beaten
    assert {tuple(map(int, row)) for row in payoffs} == efficient
    for row, pick in zip(payoffs, picks.tolist(), strict=True):
        assert tuple(row) == total(tables, pick)[:players]


def total(tables, pick):
    """The utilities of one outcome, of up to three parties."""
    return tuple(sum(own[j][p] for own, j in zip(tables, pick, strict=True)) for p in range(3))


def test_of_equal_points_the_first_is_kept_in_the_plane_as_in_space():
    points = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [0.0, 3.0], [2.0, 0.5]])
    assert undominated_at(points) == [1, 0, 3]
    assert undominated_at(np.column_stack([points, np.zeros(5)])) == [1, 0, 3]


def test_millions_of_outcomes_are_read(tmp_path):
    issues = {f"i{k}": [f"v{j}" for j in range(10)] for k in range(8)}
    weights, up = [0.125] * 8, [[*range(1, 11)]] * 8
    (tmp_path / "a.xml").write_text(profile(weights, up, issues=issues), encoding="utf-8")
    (tmp_path / "b.xml").write_text(
        profile(weights, [own[::-1] for own in up], issues=issues), encoding="utf-8"
    )
    division = nash(read_scenario(tmp_path))
    assert division.payoffs == pytest.approx([0.55, 0.55], abs=0.01)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<utility_space", "must be XML; 'bad.xml' is not"),
        ('<!DOCTYPE x [<!ENTITY a "boom">]><utility_space/>', "must have no DOCTYPE and no entities"),
        ("<x/>", "must hold a utility_space; got 'x'"),
        ("<utility_space/>", "must have issues; got none"),
        (
            '<?xml version="1.0" encoding="nobody-knows"?><x/>',
            "must be XML; 'bad.xml' is not .unknown encoding",
        ),
        (
            profile(*BUYER).replace("</objective>", '<weight index="1" value="0.9"/></objective>'),
            "one weight for each index; got 3 for 2",
        ),
        (profile(*BUYER).replace('index="2" name', 'index="1" name'), "each issue once, with a weight"),
        (profile(*BUYER[:2], 0.1, extra='<reservation value="0.2"/>'), "at most one reservation; got 2"),
        (profile([1, "one"], BUYER[1]), "a number as the value of each weight; got 'one'"),
        (profile([1, -1], BUYER[1]), "with a weight of at least 0; see 'delivery'"),
        (profile(BUYER[0], [[1, 2, "x" * 99], [1, 1]]), "a number as the evaluation of each item"),
        (profile(BUYER[0], [[1, 2, "nan"], [1, 1]]), "a number as the evaluation of each item; got 'nan'"),
        (
            profile(BUYER[0], BUYER[1], issues={"p": ["a", "a", "b"], "d": ["x", "y"]}),
            "different values in issue 'p'",
        ),
        (
            profile(BUYER[0], BUYER[1], issues={"p": ["a", "c", "b"], "d": ["x", "y"]}),
            "the same issues and values",
        ),
        (
            profile(BUYER[0], BUYER[1], issues={"\u200b": ["a", "c", "b"], "d": ["x", "y"]}),
            "names of 1 to 200",
        ),
    ],
)
def test_what_is_no_profile_is_said(folder, text, message):
    path = folder / "bad.xml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=message):
        read_scenario(folder / "buyer.xml", path)


def test_other_refusals(folder, monkeypatch):
    path = folder / "integer.xml"
    path.write_text(profile(*BUYER, kind="integer"), encoding="utf-8")
    with pytest.raises(NotApplicable, match="only discrete ones"):
        read_scenario(folder / "buyer.xml", path)
    path.write_bytes(b" " * 2_000_001)
    with pytest.raises(InvalidInput, match="at most 2 MB"):
        read_scenario(folder / "buyer.xml", path)
    with pytest.raises(InvalidInput, match="`profiles` must each be a file that exists"):
        read_scenario(folder / "buyer.xml", folder / "nowhere.xml")
    with pytest.raises(InvalidInput, match="a file that can be read; got"):
        read_scenario(folder / "buyer.xml", folder / ("x" * 5000))
    with pytest.raises(InvalidInput, match="two parties or more, or a folder with them; got 1"):
        read_scenario(folder / "buyer.xml")
    monkeypatch.setattr("bargaining.scenarios._SUMS", 1)
    with pytest.raises(NotApplicable, match="A scenario of 6 outcomes has too many"):
        read_scenario(folder / "buyer.xml", folder / "seller.xml")


class Additive:
    """A utility function with the attributes that NegMAS documents."""

    outcome_space = SimpleNamespace(is_discrete=lambda: True, enumerate=lambda: product((0, 1, 2), (0, 1)))

    def __init__(self, weights, reserved_value):
        self.weights, self.reserved_value = weights, reserved_value

    def __call__(self, outcome):
        return np.float64(self.weights[0] * outcome[0] - self.weights[1] * outcome[1])


def test_utility_functions_that_know_their_outcomes_need_nothing_more():
    functions = [Additive((1, -3), 0.5), Additive((-1, 2), -3.0)]
    problem = outcome_problem(functions, players=["a", "b"])
    assert problem.disagreement.tolist() == [0.5, -3.0]
    outcomes = list(product((0, 1, 2), (0, 1)))
    best = max(
        outcomes,
        key=lambda o: (functions[0](o) - 0.5) * (functions[1](o) + 3) if functions[0](o) > 0.5 else -1,
    )
    assert nash(problem).decision == best
    assert outcome_problem(functions, lotteries=True).feasible.contains([4.0, -3.5])


def test_utilities_may_be_tables():
    mine, yours = {"a": 1, "b": 3, "c": 4}, {"a": 4, "b": 3, "c": 0}
    functions = outcome_problem([mine.get, yours.get], "abc", [0, 0])
    for tables in (
        outcome_problem([mine, yours], disagreement=[0, 0]),
        outcome_problem([mine, yours.get], ["a", "b", "c"], [0, 0]),
    ):
        assert tables.feasible.points.tolist() == functions.feasible.points.tolist()
        assert nash(tables).decision == "b"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([len],), "`utilities` must be a list of two functions or more"),
        (([len, 3],), r"`utilities\[1\]` must be a function of an outcome"),
        (([len, len],), "`outcomes` must say what can be agreed on"),
        (([len, len], []), "must be 1 to 1000000 of them; got none"),
        (([len, len], 5), "`outcomes` must be a list of outcomes; got 5"),
        (([len, len], ["ab"]), "`disagreement` must be given: utility function 0 has no finite"),
        (([len, lambda _: np.nan], ["ab"], [0, 0]), r"`utilities\[1\]\(outcome\)` must be finite"),
        (([len, lambda _: [1, 2]], ["ab"], [0, 0]), "one number an outcome"),
        (([{"a": 1}, {"b": 1}], None, [0, 0]), r"`utilities\[1\]` must have an entry .* none for 'a'"),
        (([Additive((1, 1), -np.inf)] * 2,), "has no finite `reserved_value`; got -inf"),
    ],
)
def test_what_is_missing_is_said(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        outcome_problem(*arguments)

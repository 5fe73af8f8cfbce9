"""Divisions: what a method was told stays with its answer, as data."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from bargaining import (
    AlternatingOffers,
    BilateralDeal,
    Bluff,
    ContinuousOffers,
    Division,
    HoldUp,
    InvalidInput,
    NashDemandGame,
    NonstationaryOffers,
    OutsideOptionScreening,
    Polytope,
    Problem,
    RandomProposer,
    ReputationalBargaining,
    ReputationalDemands,
    Status,
    StochasticBargaining,
    TransferableSurplus,
    TwoTypeScreening,
    WarOfAttrition,
    coco_value,
    dictatorial,
    egalitarian,
    gupta_livne,
    lexicographic_egalitarian,
    nash,
    nash_in_nash,
    screen_types,
    split_the_difference,
    utilitarian,
    variable_threats,
    yu,
)
from bargaining.division import Parameters, describe, divide
from every_concept import only

PIE = Problem(TransferableSurplus(1.0), [0.0, 0.2])
EQUAL = {"weights": [0.5, 0.5]}
A, B = [[2, 0], [4, 1]], [[1, 3], [0, 1]]
OFFERS = {
    "outside": None,
    "leaver": "responder",
    "breakdown": 0.0,
    "breakdown_payoffs": None,
    "horizon": None,
}


def halves(contract: Any, others: Any) -> Any:
    return contract, 1 - contract


TOLD: list[tuple[Callable[[], Division], str, dict[str, Any]]] = [
    (lambda: nash(PIE), "nash", EQUAL),
    (
        lambda: nash(PIE, weights=[Fraction(1, 4), Fraction(3, 4)]),
        "nash(weights=[0.25, 0.75])",
        {"weights": [0.25, 0.75]},
    ),
    (lambda: egalitarian(PIE), "egalitarian", EQUAL),
    (lambda: utilitarian(PIE), "utilitarian", EQUAL),
    (lambda: lexicographic_egalitarian(PIE), "lexicographic_egalitarian", EQUAL),
    (lambda: yu(PIE, p=2), "yu(p=2.0)", {"p": 2.0}),
    (lambda: yu(PIE, p=np.inf), "yu(p=inf)", {"p": np.inf}),
    (lambda: dictatorial(PIE, player=1), "dictatorial(player=1)", {"player": 1}),
    (
        lambda: gupta_livne(PIE, reference=[0, 0.3]),
        "gupta_livne(reference=[0.0, 0.3])",
        {"reference": [0.0, 0.3]},
    ),
    *(
        (lambda concept=concept: concept(PIE), name, {})
        for name, concept in only(
            *("conley_wilkie", "continuous_raiffa", "equal_loss", "kalai_smorodinsky"),
            *("lexicographic_kalai_smorodinsky", "perles_maschler", "raiffa"),
        ).items()
    ),
    (
        lambda: AlternatingOffers(0.9, outside=[None, 0.6])(PIE),
        "AlternatingOffers(discounts=0.9, outside=[None, 0.6])",
        OFFERS | {"discounts": 0.9, "outside": (None, 0.6), "proposer": 0},
    ),
    (
        lambda: RandomProposer([0.5, 0.5], [0.9, 0.8])(PIE),
        "RandomProposer(probabilities=[0.5, 0.5], discounts=[0.9, 0.8])",
        {"probabilities": [0.5, 0.5], "discounts": [0.9, 0.8], "outside": None, "quota": None},
    ),
    (lambda: NashDemandGame(noise=0.1)(PIE), "NashDemandGame(noise=0.1)", {"noise": 0.1}),
    (
        lambda: ContinuousOffers([1, 2])(PIE),
        "ContinuousOffers(rates=[1.0, 2.0])",
        {"rates": [1, 2], "inside": None, "breakdown": 0.0, "breakdown_payoffs": None, "outside": None},
    ),
    (
        lambda: WarOfAttrition([2, 2], [1, 1], rates=0.1)(mass=0.25, weak=1),
        "WarOfAttrition",
        {"win": [2, 2], "lose": [1, 1], "rates": 0.1, "costs": 0.0, "exits": None, "mass": 0.25, "weak": 1}
        | {"players": None},
    ),
    (
        lambda: StochasticBargaining([1, 3], np.full((2, 2), 0.5), 0.9, [0, 1])(),
        "StochasticBargaining",
        {
            "surplus": [1, 3],
            "transition": np.full((2, 2), 0.5),
            "discounts": [0.9, 0.9],
            "proposer": [0, 1],
            "outside": None,
            "players": 2,
        },
    ),
    (
        lambda: ReputationalDemands([[0.6], [0.7]], [1, 1], [[0.1], [0.1]])(),
        "ReputationalDemands",
        {"demands": [[0.6], [0.7]], "rates": [1, 1], "priors": [[0.1], [0.1]], "first": 0}
        | {"players": None},
    ),
    (lambda: coco_value(A, B), "coco_value", {"A": A, "B": B}),
    (lambda: variable_threats(A, B), "variable_threats", {"A": A, "B": B}),
]


@pytest.mark.parametrize(
    ("asked", "label", "parameters"), TOLD, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_division_carries_what_its_method_was_told(
    asked: Callable[[], Division], label: str, parameters: dict[str, Any]
) -> None:
    division = asked()
    assert division.method == label
    assert list(division.parameters) == list(parameters) or set(division.parameters) == set(parameters)
    for name, value in parameters.items():
        held = division.parameters[name]
        if value is None or isinstance(value, str | tuple):
            assert held == value
        else:
            np.testing.assert_array_equal(held, value)
    for copied in (copy.copy(division), copy.deepcopy(division), pickle.loads(pickle.dumps(division))):
        assert type(copied) is type(division)
        assert copied.parameters == division.parameters
        assert replace(copied, residual=0.5).parameters == division.parameters


ASKED = [
    (
        lambda: ReputationalBargaining((0.6, 0.6), (0.1, 0.2), 0.05, outside=(0.45, None))(),
        {"demands": (0.6, 0.6), "rates": (0.1, 0.2), "priors": 0.05, "outside": (0.45, None)},
    ),
    (
        lambda: screen_types([1, 1], [0.5, 0.1], cost=0.2),
        {"values": [1, 1], "outside": [0.5, 0.1], "probabilities": [0.5, 0.5], "cost": 0.2},
    ),
    (lambda: TwoTypeScreening((1, 2), 0.7, 0.9)(), {"values": [1, 2], "prior": 0.7, "discounts": 0.9}),
    (
        lambda: Bluff(0.2, owner=[[2, 1], [2, 0]], receiver=[[1, 0], [1, 2]], silence=[0.5, 1.5])(),
        {"prior": 0.2, "owner": [[2, 1], [2, 0]], "receiver": [[1, 0], [1, 2]], "silence": [0.5, 1.5]},
    ),
    (
        lambda: nash_in_nash([BilateralDeal(gains=halves, lower=0, upper=1)], starts=[0.3], sweeps=9),
        {"starts": [[0.3]], "sweeps": 9},
    ),
]


@pytest.mark.parametrize(
    ("asked", "parameters"), ASKED, ids=lambda v: ", ".join(v) if isinstance(v, dict) else ""
)
def test_answers_that_are_no_divisions_carry_what_their_method_was_told(
    asked: Callable[[], Any], parameters: dict[str, Any]
) -> None:
    answer = asked()
    assert set(answer.parameters) == set(parameters)
    for name, value in parameters.items():
        if value is None or (isinstance(value, tuple) and None in value):
            assert answer.parameters[name] == value
        else:
            np.testing.assert_array_equal(answer.parameters[name], value)
    for copied in (copy.deepcopy(answer), pickle.loads(pickle.dumps(answer)), replace(answer)):
        assert copied.parameters == answer.parameters
    with pytest.raises(AttributeError):
        answer.parameters.anything = 1


def test_the_survival_of_values_is_among_the_parameters_of_screening() -> None:
    def survival(u: Any) -> Any:
        return 1 - u

    screening = OutsideOptionScreening(survival, 0, 1, cost=0.1)
    told = screening().parameters
    assert told["survival"] is survival
    assert {name: told[name] for name in ("lower", "upper", "cost")} == {"lower": 0, "upper": 1, "cost": 0.1}
    assert screening.check(screening()).parameters == told


def test_functions_of_a_protocol_are_among_its_parameters() -> None:
    def pie(t: Any) -> Any:
        return 1.0 + 0.0 * t

    offers = NonstationaryOffers([0.1, 0.1], surplus=pie)()
    assert offers.method == "NonstationaryOffers"
    assert offers.parameters["surplus"] is pie
    assert HoldUp(np.sqrt, split_the_difference(0.5), 1.0)().parameters["outside"] is np.sqrt


def test_parameters_go_by_cell() -> None:
    weights = np.array([[0.1, 0.9], [0.25, 0.75], [0.5, 0.5]])
    many = nash(Problem(TransferableSurplus(1.0), np.zeros((3, 2))), weights=weights)
    assert many.method == "nash(weights=[[0.1, 0.9], [0.25, 0.75], [0.5, 0.5]])"
    np.testing.assert_array_equal(many.payoffs, many.parameters["weights"])
    offers = AlternatingOffers(np.array([[0.9, 0.8], [0.5, 0.5]]))(PIE)
    assert offers.parameters["discounts"].shape == offers.payoffs.shape == (2, 2)


def test_parameters_cannot_be_changed_and_share_no_memory() -> None:
    given = np.array([0.25, 0.75])
    mine = Division(
        payoffs=np.ones(2),
        status=Status.OK,
        method="mine",
        residual=0.0,
        parameters={"weights": given, "names": ["a"]},
    )
    given[0] = 9.0
    assert mine.parameters == {"weights": np.array([0.25, 0.75]), "names": ("a",)}
    assert mine.parameters != {"weights": np.array([0.25, 0.75])}
    assert mine.parameters != {"weights": np.array([0.5, 0.75]), "names": ("a",)}
    assert mine.parameters != 1
    assert repr(mine.parameters) == "{'weights': array([0.25, 0.75]), 'names': ('a',)}"
    assert Division(payoffs=np.ones(2), status=Status.OK, method="mine", residual=0.0).parameters == {}
    with pytest.raises(ValueError, match="read-only"):
        mine.parameters["weights"][0] = 1.0
    with pytest.raises(TypeError):
        mine.parameters["weights"] = 1.0  # type: ignore[index]
    with pytest.raises(AttributeError, match="cannot be changed"):
        mine.parameters._held = {}  # type: ignore[attr-defined]
    with pytest.raises(InvalidInput, match="`parameters` must be a mapping from names"):
        replace(mine, parameters=[1.0])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="`parameters` must be a mapping from names"):
        Parameters({1: 2.0})  # type: ignore[dict-item]


def test_the_parameters_answer_again() -> None:
    triangle = Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])
    for division, concept in (
        (nash(triangle, weights=[0.2, 0.8]), nash),
        (yu(triangle, p=3), yu),
        (gupta_livne(triangle, reference=[1, 0.25]), gupta_livne),
        (dictatorial(triangle, player=1), dictatorial),
    ):
        again: Division = concept(triangle, **division.parameters)
        np.testing.assert_array_equal(again.payoffs, division.payoffs)
        assert again.parameters == division.parameters


@pytest.mark.parametrize("residual", [np.nan, 0.0])
def test_no_payoffs_are_a_failure_and_not_an_inaccurate_answer(residual: float) -> None:
    problem = Problem(TransferableSurplus(10), [0, 0])
    nothing = np.full(2, np.nan)
    status = np.array(Status.OK, dtype=np.int8)
    found = divide(
        problem, describe("mine"), nothing, np.array(residual), status, ideal=np.asarray(problem.ideal)
    )
    assert found.status is Status.FAILED

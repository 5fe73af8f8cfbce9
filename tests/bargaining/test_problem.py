"""What is asked of a problem before anything is solved."""

import inspect
from collections.abc import Callable

import pytest

import bargaining
from bargaining import (
    AlternatingOffers,
    ContinuousOffers,
    InvalidInput,
    NashDemandGame,
    RandomProposer,
    TransferableSurplus,
)

CONCEPTS = [
    public
    for public in (getattr(bargaining, name) for name in bargaining.__all__)
    if inspect.isfunction(public) and next(iter(inspect.signature(public).parameters), "") == "problem"
]
GIVEN = {"yu": {"p": 2}, "dictatorial": {"player": 0}, "gupta_livne": {"reference": [0, 0]}}
PROTOCOLS = [
    AlternatingOffers(0.9),
    AlternatingOffers(0.9).equilibria,
    ContinuousOffers(0.1),
    RandomProposer(None, 0.9),
    NashDemandGame(),
    NashDemandGame().equilibria,
]


def test_every_concept_is_found() -> None:
    assert len(CONCEPTS) >= 16


@pytest.mark.parametrize("concept", CONCEPTS, ids=lambda concept: concept.__name__)
@pytest.mark.parametrize("given", [TransferableSurplus(1.0), [[0, 0], [1, 0]]], ids=["set", "list"])
def test_concepts_ask_for_a_problem(concept: Callable[..., object], given: object) -> None:
    with pytest.raises(InvalidInput, match=r"`problem` must be a Problem; got a \w+\. .*Problem\(feasible, "):
        concept(given, **GIVEN.get(concept.__name__, {}))


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: str(protocol)[:30])
def test_protocols_ask_for_a_problem(protocol: Callable[..., object]) -> None:
    with pytest.raises(InvalidInput, match="`problem` must be a Problem; got a TransferableSurplus"):
        protocol(TransferableSurplus(1.0))

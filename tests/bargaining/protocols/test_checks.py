"""Answers that were changed are not passed on: every protocol judges them by its definition."""

from dataclasses import replace

import numpy as np
import pytest

from bargaining import AlternatingOffers, NashDemandGame, Problem, RandomProposer, Status, TransferableSurplus

PIE = Problem(TransferableSurplus(1.0), [0.0, 0.0])
BATCH = Problem(TransferableSurplus(1.0), [[0.0, 0.0], [0.8, 0.8]])


@pytest.mark.parametrize("problem", [PIE, BATCH], ids=["one", "batch"])
@pytest.mark.parametrize(
    "protocol",
    [
        AlternatingOffers(0.9),
        AlternatingOffers(0.9, horizon=3),
        RandomProposer([0.5, 0.5], 0.9),
        NashDemandGame(noise=0.1),
    ],
    ids=lambda protocol: type(protocol).__name__,
)
def test_a_forged_claim_that_nothing_can_be_agreed_on_is_not_believed(protocol, problem):
    answer = protocol(problem)
    assert np.array_equal(protocol.check(answer).status, answer.status)
    empty = np.full(np.shape(answer.status), Status.EMPTY, dtype=np.int8)
    forged = replace(answer, status=empty if empty.ndim else Status.EMPTY)
    expected = np.where(np.asarray(answer.status) == Status.EMPTY, Status.EMPTY, Status.INACCURATE)
    assert np.array_equal(protocol.check(forged).status, expected)

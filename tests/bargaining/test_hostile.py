"""Whatever a public name is given, it answers or says by name what is wrong: no raw error, no hang."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

import hostile
from bargaining import (
    CostlyStep,
    Division,
    Exit,
    Game,
    InvalidInput,
    NashDemandGame,
    NonstationaryOffers,
    Polytope,
    Problem,
    RepeatedGame,
    StochasticGame,
    TransferableSurplus,
    TwoTypeScreening,
    egalitarian,
    markov_equilibria,
    relational_contract,
    stationary_profile,
)
from public_calls import CALLS

EVERY = 53  # a case of so many is tried each time; `make test-slow` tries all
STAGE = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
CHAIN = StochasticGame.from_chain(STAGE, [[0.5, 0.5], [0.5, 0.5]], 0.3)


def test_a_sample_of_wrong_values_is_answered_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # some wrong values name files
    calls = (
        (f"{name}({argument}={case})", name, argument, make)
        for name in CALLS
        for argument, case, make in hostile.cases(name)
    )
    wrong = {
        call: said
        for call, name, argument, make in calls
        if crc32(call.encode()) % EVERY == 0  # so that a new name moves no other case
        if (said := hostile.attempt(name, argument, make())) is not None
    }
    assert wrong == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_every_wrong_value_is_answered_in_time_and_memory(name: str) -> None:
    script = str(Path(hostile.__file__))
    ran = subprocess.run(
        [sys.executable, script, name], capture_output=True, text=True, timeout=3600, check=False
    )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-500:]


def test_a_raw_error_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fuzz says so if a call fails raw, and where."""

    def careless(problem: Any) -> Any:
        return problem.disagreement / {}

    call = hostile.CALLS["raiffa"]
    monkeypatch.setitem(hostile.CALLS, "raiffa", type(call)(careless, call.arguments))
    pie = Problem(TransferableSurplus(1.0), [0, 0])
    assert (hostile.attempt("raiffa", "problem", pie) or "").startswith("TypeError")


FAULTS: dict[str, tuple[str, Callable[[], Any]]] = {
    "a state below": ("`state` must be a state, 0 to 1; got -1", lambda: CHAIN.shape(-1)),
    "a state above": ("`state` must be a state, 0 to 1; got 2", lambda: CHAIN.transition(2)),
    "no state": ("`state` must be a state, 0 to 1; got 'good'", lambda: CHAIN.exact_transition("good")),  # type: ignore[arg-type]
    "a name of no state": ("`state` must be a state", lambda: CHAIN.profile_name(5, (0, 0))),
    "a name of no profile": (
        "`profile` must hold one action index per player",
        lambda: CHAIN.profile_name(0, (0,)),
    ),
    "a profile from the end": (
        "`profile` has action -1 for player 1",
        lambda: STAGE.exact_payoff((0, -1), 0),
    ),
    "a player from the end": (
        "`player` must be a player, 0 to 1; got -1",
        lambda: STAGE.exact_best((0, 1), -1),
    ),
    "a cell of no batch": (
        "`index` must name one cell of the batch ()",
        lambda: RepeatedGame(STAGE, 0.5).at((0,)),
    ),
    "a cell beyond": (
        "`index` must be a cell along its axis, 0 to 1; got 2",
        lambda: Exit([[2, 1], [3, 1]]).at((2,)),
    ),
    "tiny rows": (
        "`A` must have entries of size 1e-290",
        lambda: Polytope.from_inequalities([[5e-324, 0], [1, 1]], [0, 1]),
    ),
    "noise": ("`noise` must be 0, or", lambda: NashDemandGame(noise=5e-324)),
    "talks for ever": (
        "`until` must be at most",
        lambda: NonstationaryOffers([1.0, 1.0], surplus=1.0, until=1e12)(),
    ),
    "values too far apart": (
        "`values` must differ by a factor",
        lambda: TwoTypeScreening((5e-324, 1.0), 0.5, 0.9),
    ),
    "weights of a batch": (
        "`weights` must broadcast against the batch ()",
        lambda: egalitarian(Problem(TransferableSurplus(1.0), [0, 0]), weights=np.full((3, 2), 0.5)),
    ),
    "too many starts": ("`starts` must be 1 to", lambda: markov_equilibria(CHAIN, starts=10**12)),
    "leaving by too many": (
        "`leave` must broadcast",
        lambda: stationary_profile(CHAIN, [[[0.5, 0.5]] * 2] * 2, leave=np.zeros((3, 3, 2))),
    ),
    "a flag": ("`free_disposal` must be True or False", lambda: Polytope([[0, 1]], free_disposal="yes")),  # type: ignore[arg-type]
    "a status": (
        "`status` must hold members of Status",
        lambda: Division(payoffs=np.zeros(2), status=99, method="m", residual=0.0),  # type: ignore[arg-type]
    ),
    "one status too many": (
        "`status` must be one for all cells or have the shape ()",
        lambda: Division(payoffs=np.zeros(2), status=np.zeros(3, dtype=np.int8), method="m", residual=0.0),
    ),
}


@pytest.mark.parametrize(("said", "call"), FAULTS.values(), ids=FAULTS)
def test_what_used_to_fail_raw_or_without_end(said: str, call: Callable[[], Any]) -> None:
    with pytest.raises(InvalidInput, match=re.escape(said)):
        call()


def test_prices_rise_by_parts_of_the_patience_when_it_is_small() -> None:
    """The price of one more round is delta^(n-1) (1 - delta) (v_H - v_L), which differences of prices lose."""
    path = TwoTypeScreening((1.0, 2.0), 0.7, 1e-18)()
    assert path.prices.tolist() == [2.0, 1.0]
    assert np.isfinite(path.thresholds).all()


def test_what_is_large_but_right_is_answered() -> None:
    """Stakes and intervals near the largest float: no overflow on the way to an answer."""
    contract = relational_contract(lambda e: min(e, 1.0), lambda e: 0.0, 0.8, lower=0.0, upper=1e308)
    assert contract.surplus == pytest.approx(1.0)
    game = CostlyStep(0.3, (0.05, 0.2), owner=[[1e308, 0.4], [0.6, 0.2]], receiver=[[0.4, 0.1], [0.4, 0.8]])
    assert all(np.isfinite(one.receiver) for one in game())

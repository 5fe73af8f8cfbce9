"""Names of players and actions: they reach every answer and message, sort what is labelled, and change no number."""

import pickle
import re
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import bargaining as b
from bargaining import (
    Exit,
    Game,
    InvalidInput,
    Polytope,
    Problem,
    RepeatedGame,
    StochasticGame,
    TransferableSurplus,
    compare,
    nash,
    payoff_set,
    plot,
    sweep,
)
from bargaining.axioms import strong_pareto
from bargaining.testing.strategies import problems
from public_classes import made as object_of
from public_classes import results

A, B = [[9, 1], [10, 3]], [[9, 10], [1, 3]]
PEOPLE = ("Ann", "Bob")
STAGE = Game(A, B, actions=[["work", "shirk"]] * 2, players=PEOPLE)
PIE = Problem(TransferableSurplus(1.0), {"Canada": 0.0, "US": 0.5})
TRIANGLE = Polytope([[0, 0], [4, 0], [0, 1]])
CONCEPTS = (b.nash, b.egalitarian, b.kalai_smorodinsky, b.utilitarian, b.raiffa, b.equal_loss)


@pytest.mark.parametrize(
    "given_as",
    [
        {"Canada": 0.0, "US": 0.2},
        pd.Series([0.0, 0.2], index=["Canada", "US"]),
        pd.DataFrame([[0.0, 0.2]], columns=["Canada", "US"]),
        xr.DataArray([0.0, 0.2], coords={"player": ["Canada", "US"]}, dims="player"),
    ],
)
def test_a_labelled_disagreement_point_names_the_players(given_as):
    problem = Problem(TransferableSurplus(1.0), given_as)
    assert problem.player_names == ("Canada", "US")
    assert problem.disagreement.ravel().tolist() == [0.0, 0.2]


def test_players_given_by_name_sort_what_is_labelled():
    turned = Problem(TransferableSurplus(1.0), {"US": 0.2, "Canada": 0.0}, players=("Canada", "US"))
    assert turned.disagreement.tolist() == [0.0, 0.2]
    for weights in (
        {"US": 0.75, "Canada": 0.25},
        pd.Series({"US": 0.75, "Canada": 0.25}),
        xr.DataArray([0.75, 0.25], coords={"player": ["US", "Canada"]}, dims="player"),
    ):
        assert nash(turned, weights=weights).payoffs.tolist() == [0.2, 0.8]


def test_a_batch_keeps_its_columns_and_a_plain_index_is_an_order():
    cells = pd.DataFrame([[0.2, 0.0], [0.5, 0.0]], columns=["US", "Canada"], index=[2018, 2025])
    batch = Problem(TransferableSurplus(1.0), cells, players=["Canada", "US"])
    assert batch.disagreement.tolist() == [[0.0, 0.2], [0.0, 0.5]]
    assert nash(batch).to_frame()["US"].tolist() == pytest.approx([0.6, 0.75])
    assert nash(PIE, weights=pd.Series([0.5, 0.5])).payoffs.tolist() == [0.25, 0.75]


def test_answers_are_read_by_name():
    division = nash(PIE)
    assert division.player_names == ("Canada", "US")
    assert division.payoff("US") == division.payoff(1) == 0.75
    assert division.to_series().to_dict() == {"Canada": 0.25, "US": 0.75}
    assert division.to_dict()["players"] == ["Canada", "US"]
    assert type(division.payoffs) is np.ndarray
    assert repr(division) == "<Division 'nash': payoffs={'Canada': 0.25, 'US': 0.75}, OK>"
    assert "<td>Canada</td>" in division._repr_html_()
    with pytest.raises(
        InvalidInput, match=r"`player` must be a player, .* Canada, US; got 'us'. Did you mean US\?"
    ):
        division.payoff("us")
    with pytest.raises(InvalidInput, match="to_frame"):
        nash(Problem(TransferableSurplus(1.0), [[0, 0], [0, 1]])).to_series()


def test_names_go_with_what_is_made_of_a_problem():
    assert PIE.relabel(["US", "Canada"]).player_names == ("US", "Canada")
    assert PIE.relabel([1, 0]).disagreement.tolist() == [0.5, 0.0]
    assert PIE.rescale({"US": 2.0, "Canada": 1.0}).disagreement.tolist() == [0.0, 1.0]
    assert PIE.restrict().player_names == pickle.loads(pickle.dumps(PIE)).player_names == ("Canada", "US")


def test_a_game_hands_its_names_on():
    assert STAGE.problem().player_names == PEOPLE
    assert nash(STAGE.problem()).payoff("Bob") == 9
    repeated = RepeatedGame(STAGE, {"Bob": 0.9, "Ann": 0.9})
    found = payoff_set(repeated)
    assert found.player_names == found.problem().player_names == PEOPLE
    assert list(found.to_frame().columns) == list(PEOPLE)
    text = str(found.strategy([8, 8]))
    assert "if Ann deviates" in text
    assert "work, work" in text
    assert (0, 0, "Bob deviates") in found.strategy([8, 8]).edges()
    assert b.transfer_equilibrium(repeated).problem().player_names == PEOPLE
    assert STAGE.equilibria().to_frame().loc[(0, "Bob"), "shirk"] == 1.0


def test_profiles_are_given_by_names_everywhere():
    assert b.critical_discount(STAGE, ("work", "work")).discount == pytest.approx(1 / 7)
    assert b.critical_discount(STAGE, {"Bob": "work", "Ann": "work"}).discount == pytest.approx(1 / 7)
    assert b.critical_exit(STAGE, ("work", "work"), {"Ann": 0.2, "Bob": 0.2}).tolist() == [5.0, 5.0]
    assert STAGE.exact_payoff(("shirk", "work"), "Ann") == 10
    found = payoff_set(RepeatedGame(STAGE, 0.9)).strategy([9, 9])
    slipped = found.simulate(2, rng=0, deviations={0: ("Ann", "shirk")})
    assert slipped.profiles.tolist() == [[1, 0], [1, 1]]


def test_stationary_strategies_are_given_by_names():
    moving = StochasticGame.from_chain(STAGE, [[0.5, 0.5], [0.0, 1.0]], 0.9)
    plain = b.stationary_profile(moving, [[[1, 0], [1, 0]], [[0.25, 0.75], [0, 1]]])
    named = b.stationary_profile(
        moving, [("work", "work"), {"Bob": "shirk", "Ann": {"shirk": 0.75, "work": 0.25}}]
    )
    assert named.values.tolist() == plain.values.tolist()
    with pytest.raises(
        InvalidInput, match=r"`strategies` must be an action of Bob in state 0, .* Did you mean work"
    ):
        b.stationary_profile(moving, [("work", "wrok"), ("work", "work")])


def test_shares_of_a_coalitional_game_are_read_by_name():
    game = b.CoalitionalGame(["Canada", "US"], {"US": 2, ("Canada", "US"): 10})
    assert game.shapley().payoff("US") == 6
    assert game.shapley().to_series().to_dict() == {"Canada": 4.0, "US": 6.0}
    with pytest.raises(InvalidInput, match=r"got 'USA'. Did you mean US\?"):
        game.shapley().payoff("USA")


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        (("wrok", "work"), r"an action of Ann, .* work, shirk; got 'wrok'. Did you mean work\?"),
        ((0, 5), r"`profile` has action 5 for Bob, who has 0 to 1: work, shirk"),
        ({"Ann": "work"}, "`profile` must have an entry for each of Ann, Bob; got Ann"),
        ({"Ann": "work", "Bod": "work"}, r"got Ann, Bod. Did you mean Bob\?"),
    ],
)
def test_a_profile_that_is_none_is_named(profile, message):
    with pytest.raises(InvalidInput, match=message):
        STAGE.profile(profile)


def test_tables_of_pandas_name_the_actions():
    prices = [5, 10]
    own = pd.DataFrame(A, index=prices, columns=["low", "high"])
    other = pd.DataFrame(B, index=prices, columns=["low", "high"]).loc[[10, 5], ["high", "low"]]
    game = Game(own, other)
    assert game.actions == (("5", "10"), ("low", "high"))
    assert game.payoffs.tolist() == Game(A, B).payoffs.tolist()
    assert Game(pd.DataFrame(A), pd.DataFrame(B)).actions == Game(A, B).actions
    with pytest.raises(InvalidInput, match="Transpose one"):
        Game(own, own.T)
    with pytest.raises(InvalidInput, match="different labels"):
        Game(pd.DataFrame(A, index=["a", "a"]), pd.DataFrame(B))


def test_an_exit_is_given_by_name_in_any_order():
    leave = Exit({"Bob": Fraction(1, 3), "Ann": 2}, who=["Bob"])
    repeated = RepeatedGame(STAGE, 0.9, exit=leave)
    assert repeated.exit is not None
    assert repeated.exit.own.tolist() == [-np.inf, 1 / 3]
    assert repeated.exit.exact[0].tolist() == [2, Fraction(1, 3)]
    by_leaver = Exit.by_leaver([[4, 2], [1, 3]], players=["Bob", "Ann"])
    assert RepeatedGame(STAGE, 0.9, exit=by_leaver).exit.payoffs.tolist() == [[3, 1], [2, 4]]
    moving = StochasticGame.from_chain(STAGE, [[1.0]], 0.9, exit=leave)
    assert moving.player_names == PEOPLE
    assert moving.exit_own[0].tolist() == [-np.inf, 1 / 3]
    with pytest.raises(InvalidInput, match="`exit` must be for the players Ann, Bob; got Bob, Eve"):
        RepeatedGame(STAGE, 0.9, exit=Exit({"Bob": 1, "Eve": 2}))


def test_tables_violations_pictures_and_sweeps_use_the_names():
    assert [column.name for column in compare([nash], PIE).columns] == ["method", "Canada", "US"]
    wasteful = Problem(Polytope([[1, 2]], free_disposal=True), [0, 0], players=["Canada", "US"])
    assert strong_pareto(b.egalitarian, wasteful).reason.startswith("US could gain more")
    ax = plot(nash(PIE))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("payoff of Canada", "payoff of US")
    data = sweep(
        lambda d: Problem(TransferableSurplus(1.0), [0.0, d], players=["Canada", "US"]),
        {"d": [0.0, 0.5]},
        nash,
    )
    assert data["player"].values.tolist() == ["Canada", "US"]
    assert data["payoffs"].sel(d=0.5, player="US") == 0.75


def test_messages_call_players_by_name():
    with pytest.raises(InvalidInput, match=r"`discounts` must lie in \[0, 1\); got 1.5 for Bob"):
        RepeatedGame(STAGE, [0.5, 1.5])
    with pytest.raises(
        InvalidInput, match=r"`weights` must have an entry for each of Canada, US; got Canada, USA. Did"
    ):
        nash(PIE, weights={"Canada": 0.5, "USA": 0.5})
    with pytest.raises(InvalidInput, match=r"Give the problem or the game `players=\('Canada', 'US'\)`"):
        nash(Problem(TransferableSurplus(1.0), [0, 0]), weights={"Canada": 0.5, "US": 0.5})
    for odd in ("Canada, US", ["Canada"], ["US", "US"], 3, {"Canada": 1, "US": 2}):
        with pytest.raises(InvalidInput, match="`players` must be"):
            Problem(TransferableSurplus(1.0), [0, 0], players=odd)


@given(problem=problems(players=2), concept=st.sampled_from(CONCEPTS))
def test_names_change_no_number(problem, concept):
    names = ("Canada", "US")
    named = Problem(problem.feasible, problem.disagreement, players=names)
    by_label = Problem(
        problem.feasible, dict(zip(reversed(names), problem.disagreement[::-1], strict=True)), players=names
    )
    bare = concept(problem)
    for other in (concept(named), concept(by_label)):
        assert other.payoffs.tobytes() == bare.payoffs.tobytes()
        assert (other.status, other.residual, other.method) == (bare.status, bare.residual, bare.method)


@pytest.mark.parametrize("concept", [b.nash, b.egalitarian, b.utilitarian, b.lexicographic_egalitarian])
@pytest.mark.parametrize("size", [4.0, 1e-12, 1e250])
def test_weights_count_by_their_ratios_and_the_result_says_so(concept, size):
    problem = Problem(TRIANGLE, [0, 0])
    scaled = concept(problem, weights=[0.25 * size, 0.75 * size])
    assert scaled.payoffs == pytest.approx(concept(problem, weights=[0.25, 0.75]).payoffs, rel=1e-12)
    assert scaled.parameters["weights"] == pytest.approx([0.25, 0.75])
    assert scaled.parameters["weights_sum"] == size
    assert "weights_sum" not in scaled.method
    assert "weights divided by their sum" in scaled._repr_html_()
    assert "weights_sum" not in concept(problem, weights=[0.25, 0.75]).parameters


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (0.3, r"one entry per player \(2\); got the number 0.3. Write weights=\[0.3, 0.7\]"),
        (2, r"Write weights=\[2, 1.0\]"),
        ([0, 0], "must add up to more than 1e-290; got 0. Leave them out"),
        ([1, -1], r"`weights` must lie in \[0, inf\]; got -1 for US"),
    ],
)
def test_weights_that_are_none_are_said(weights, message):
    with pytest.raises(InvalidInput, match=message):
        nash(PIE, weights=weights)


def test_protocols_know_their_players_by_name():
    named = b.AlternatingOffers(
        {"US": 0.8, "Canada": 0.9}, outside={"Canada": None, "US": 0.1}, proposer="US"
    )
    plain = b.AlternatingOffers([0.9, 0.8], outside=[None, 0.1], proposer=1)
    pie = Problem(TransferableSurplus(1.0), [0, 0], players=["Canada", "US"])
    assert named(pie).payoffs.tolist() == plain(pie).payoffs.tolist()
    assert named(pie).method == plain(pie).method
    assert named.check(named(pie)).residual == plain(pie).residual
    assert named.equilibria(pie).tolist() == plain.equilibria(pie).tolist()
    assert [x.offer.tolist() for x in named.supporting(pie)] == [
        x.offer.tolist() for x in plain.supporting(pie)
    ]
    unnamed = named(Problem(TransferableSurplus(1.0), [0, 0]))
    assert unnamed.player_names == ("US", "Canada")
    assert unnamed.payoff("Canada") == pytest.approx(named(pie).payoff("Canada"))
    with pytest.raises(InvalidInput, match="`problem` must be between US, Canada; got Ann, Bob"):
        named(Problem(TransferableSurplus(1.0), [0, 0], players=PEOPLE))
    first = b.AlternatingOffers(0.9, proposer="US")
    assert first(pie).payoffs.tolist() == b.AlternatingOffers(0.9, proposer=1)(pie).payoffs.tolist()
    with pytest.raises(InvalidInput, match=r"`proposer` names 'US', but the players have no names"):
        first(Problem(TransferableSurplus(1.0), [0, 0]))
    with pytest.raises(
        InvalidInput, match="`outside` must have an entry for each player; got one for US alone"
    ):
        b.AlternatingOffers(0.9, outside={"US": 0.6}, players=["Canada", "US"])


def test_a_protocol_s_flows_and_chances_go_with_the_players():
    pie = Problem(TransferableSurplus(1.0), [0, 0], players=["Canada", "US"])
    by_name = b.ContinuousOffers({"US": 0.1, "Canada": 0.05}, outside={"Canada": 0.1, "US": 0.5})
    plain = b.ContinuousOffers([0.05, 0.1], outside=[0.1, 0.5])
    assert by_name(pie).payoffs.tolist() == plain(pie).payoffs.tolist()
    assert by_name.threat(pie).tolist() == plain.threat(pie).tolist()
    assert by_name.check(by_name(pie)).payoffs.tolist() == plain(pie).payoffs.tolist()
    drawn = b.RandomProposer({"US": 0.75, "Canada": 0.25}, [0.5, 0.9])
    assert drawn.players == ("US", "Canada")
    expected = b.RandomProposer([0.25, 0.75], [0.9, 0.5])(pie)
    assert drawn(pie).payoffs.tolist() == expected.payoffs.tolist()
    assert drawn.check(drawn(pie)).residual == expected.residual


WAR = b.WarOfAttrition(win=(10, 9), lose=(0, 1), costs=(1, 2), players=PEOPLE)
TRIO = ("Ann", "Bob", "Cleo")


@pytest.mark.parametrize("name", sorted(results()))
def test_names_are_shown_wherever_players_are(name):
    made = object_of(name)
    text = re.sub("<svg.*?</svg>", "", made._repr_html_(), flags=re.DOTALL)
    known = getattr(made, "player_names", None) or getattr(made, "players", None)
    known = known if isinstance(known, tuple) else ()
    if known != ("0", "1"):
        assert all(str(player) in text for player in known), (
            "Title what belongs to a player by `player_names`."
        )
        assert not re.search(r"player \d", text)


def test_a_war_of_attrition_is_told_by_name_in_any_order():
    plain = b.WarOfAttrition((10, 9), (0, 1), rates=(0.1, 0.2), costs=(1, 2), exits=[[2, 3], [1, 4]])
    by_name = {"Bob": {"Bob": 4, "Ann": 1}, "Ann": {"Ann": 2, "Bob": 3}}
    named = {
        "lose": {"Bob": 1, "Ann": 0},
        "rates": {"Bob": 0.2, "Ann": 0.1},
        "costs": pd.Series({"Bob": 2, "Ann": 1}),
    }
    for exits in (by_name, pd.DataFrame(by_name).T):
        told = b.WarOfAttrition({"Ann": 10, "Bob": 9}, exits=exits, **named)
        assert told.leaves.tolist() == plain.leaves.tolist() == [True, True]
        assert told.equilibria().tolist() == plain.equilibria().tolist()
    assert WAR(mass=0.5, weak="Bob").payoffs.tolist() == WAR(mass=0.5, weak=1).payoffs.tolist()
    assert repr(WAR(mass=0.5, weak="Bob")).endswith("payoffs={'Ann': 5, 'Bob': 1}, OK>")
    assert WAR().to_dict()["players"] == ["Ann", "Bob"]
    assert WAR.check(WAR()).payoff("Bob") == 1
    with pytest.raises(InvalidInput, match="got 5 and 7 for Bob"):
        b.WarOfAttrition({"Ann": 10, "Bob": 5}, {"Ann": 0, "Bob": 7})
    with pytest.raises(
        InvalidInput, match=r"`weak` must be a player, 0 to 1, Ann, Bob; got 'Bod'. Did you mean Bob"
    ):
        WAR(weak="Bod")
    with pytest.raises(InvalidInput, match="`players` must be 2 different names"):
        b.WarOfAttrition((10, 9), (0, 1), costs=1, players=TRIO)


def test_offers_in_time_and_demands_are_told_by_name():
    named = b.NonstationaryOffers(
        {"Bob": 0.2, "Ann": 0.1}, surplus=1, outside={"Bob": None, "Ann": lambda t: 0.7}, players=PEOPLE
    )
    plain = b.NonstationaryOffers([0.1, 0.2], surplus=1, outside=(lambda t: 0.7, None))
    assert named().payoffs.tolist() == plain().payoffs.tolist()
    assert named.check(named()).payoff("Ann") == plain().payoffs[0]
    types = {"Bob": [0.5, 0.6, 0.7], "Ann": [0.5, 0.6]}
    priors = {"Ann": [0.02, 0.02], "Bob": [0.01] * 3}
    for first in (0, 1):
        told = b.ReputationalDemands(types, 0.1 + np.zeros(2), priors, first=PEOPLE[first], players=PEOPLE)
        bare = b.ReputationalDemands(
            ([0.5, 0.6], [0.5, 0.6, 0.7]), (0.1, 0.1), ([0.02, 0.02], [0.01] * 3), first=first
        )
        assert told().payoffs.tolist() == bare().payoffs.tolist()
        assert (told.first, told().player_names) == (first, PEOPLE)
    with pytest.raises(InvalidInput, match="for 2 demands of Ann"):
        b.ReputationalDemands(types, (0.1, 0.1), {"Ann": [0.02], "Bob": [0.01] * 3})


def test_who_proposes_in_a_chain_is_told_by_name():
    named = b.StochasticBargaining(
        [1.0, 3.0],
        [[0.5, 0.5], [0.5, 0.5]],
        {"Bob": 0.8, "Ann": 0.9},
        ["Ann", "Bob"],
        outside={"Ann": None, "Bob": 0.2},
        players=PEOPLE,
    )
    plain = b.StochasticBargaining(
        [1.0, 3.0], [[0.5, 0.5], [0.5, 0.5]], [0.9, 0.8], [0, 1], outside=(None, 0.2)
    )
    assert named().payoffs.tolist() == plain().payoffs.tolist()
    assert named.check(named()).to_frame()["Bob"].tolist() == plain().payoffs[:, 1].tolist()
    assert plain.players == 2
    assert plain().player_names == ("0", "1")
    for odd, message in (
        (["Ann", "Bod"], "`proposer` must be a player.*Did you mean Bob"),
        (3, "`proposer` must be"),
    ):
        with pytest.raises(InvalidInput, match=message):
            b.StochasticBargaining([1, 3], [[0.5, 0.5]] * 2, 0.9, odd, players=PEOPLE)


def test_lump_sums_between_players_by_name():
    worth = {0: 0, 1: 6, 2: 10, 3: 12}
    plain = b.lump_sum_nash_in_nash(
        lambda agreed: [worth[((0, 2) in agreed) + 2 * ((0, 1) in agreed)], 0, 0], [(0, 1), (0, 2)]
    )

    def payoffs(agreed):
        links = (("Ann", "Cleo") in agreed) + 2 * (("Ann", "Bob") in agreed)
        return {"Bob": 0, "Cleo": 0, "Ann": worth[links]}

    named = b.lump_sum_nash_in_nash(payoffs, [("Ann", "Bob"), ("Ann", "Cleo")], players=TRIO)
    assert named.exact == plain.exact
    assert named.payoffs.tolist() == plain.payoffs.tolist()
    assert "payoffs={'Ann': 8, 'Bob': 3, 'Cleo': 1}" in repr(named)
    with pytest.raises(InvalidInput, match=r"`pairs` must be a player, 0 to 2, .*Did you mean Cleo"):
        b.lump_sum_nash_in_nash(payoffs, [("Ann", "Cloe")], players=TRIO)

"""A node of an automaton of a stochastic game, also used for strategies of repeated games."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bargaining._arrays import owning
from bargaining._rich import Shown
from bargaining.equilibria._plane.lottery import Lottery, Pair


@owning
@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Shown):
    """A node of an automaton: a state of the game, the actions played, and the nodes that follow.

    Attributes
    ----------
    state : int
        The state of the game.
    profile : tuple of int, or None
        The actions; None if somebody leaves.
    leavers : tuple of int
        Who leaves; nobody if a profile is played.
    following : mapping of state to lottery
        For each possible next state, the lottery, drawn by the public signal, over the nodes that follow unless
        a single player deviates: pairs of a node and its probability.
    punishment : pair of mappings of state to node
        For each player, the node that follows in each state when she alone deviates.
    stayed : int or None
        The node that is played if the player who should have left stayed.
    challenged : bool
        Whether this node is reached in that way: this period's decisions to leave have already been made.
    payoffs : pair of Fraction
        Average payoffs from this node on.
    """

    state: int
    profile: tuple[int, int] | None
    leavers: tuple[int, ...] = ()
    following: Mapping[int, Lottery] = field(default_factory=dict)
    punishment: tuple[Mapping[int, int], Mapping[int, int]] | tuple[()] = ()
    stayed: int | None = None
    challenged: bool = False
    payoffs: Pair

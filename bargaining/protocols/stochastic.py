"""Bargaining while the feasible set, the proposer and the outside options follow a Markov chain.

Utility is transferable, or there are two players whose feasible set is that of their state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import answer_of, is_sequence, listed
from bargaining._arrays import Floats, fill, real, record
from bargaining._names import Names, place
from bargaining._rich import Shown
from bargaining.division import Division, describe
from bargaining.errors import Status
from bargaining.feasible.base import FeasibleSet
from bargaining.protocols._chain import (
    Chain,
    ChainOfSets,
    Choices,
    build,
    equilibrium,
    proven_unique,
    violation,
    with_sets,
)
from bargaining.protocols._offers import Mask
from bargaining.protocols._seats import take_seats

_PROMISED = 1e-10  # of payoffs near 1: above the rounding of sums over many states


@record
class StochasticDivision(Division):
    """Stationary equilibrium payoffs, state by state: `payoffs` has shape (S, n).

    Attributes
    ----------
    agree : numpy.ndarray of bool, (S,)
        Whether they agree at once with certainty.
    leave : numpy.ndarray of bool, (S,)
        Whether talks end without agreement with certainty.
    chances : numpy.ndarray, (S, 3)
        Probabilities that they agree at once, that talks end without agreement, and that they wait: 0 or 1
        unless no stationary equilibrium was found without lotteries.
    unique : bool
        Whether these are shown to be the only stationary equilibrium payoffs. False means that this is not shown.
    """

    agree: Mask
    leave: Mask
    chances: Floats
    unique: bool

    @property
    def delay(self) -> Mask:
        """Whether they may wait for the next period, (S,)."""
        waiting: Mask = ~(self.agree | self.leave)
        return waiting


@record(kw_only=False)
class StochasticBargaining(Shown):
    r"""Bargaining whose state follows a Markov chain (Merlo and Wilson).

    A stationary equilibrium gives player j in state s the payoff :math:`f_j(s)`. Write
    :math:`x_j(s) = \delta_j E[f_j(s') \mid s]` for the value of waiting and
    :math:`w_j(s) = \max\{o_j(s), x_j(s)\}` for the reservation of a responder who may leave (:math:`x_j(s)` for one
    who may not). With proposer k in s,

    .. math:: f_j(s) = w_j(s) \text{ for } j \ne k, \qquad f_k(s) = c(s) - \sum_{j \ne k} w_j(s),

    if that is at least what a refusal brings k; otherwise all get x(s), or o(s) if the first
    responder would rather leave than wait. With general sets (two players) :math:`c(s) - w_j` is replaced
    by the highest payoff of k in the set of state s that leaves :math:`w_j` to the other.

    Parameters
    ----------
    surplus : array_like (S,), or sequence of S feasible sets
        The surplus to be shared in each state, measured from the payoff of never agreeing.
        Feasible sets are for two players.
    transition : array_like or scipy.sparse array, (S, S)
        Row s: the probabilities of the next period's states. Sparse input stays sparse.
    discounts : float or array_like (n,)
        Discount factor per period, in [0, 1), common or one per player.
    proposer : array_like of int, (S,)
        Who proposes in each state. For a random proposer use a larger chain.
    outside : array_like (n,) or (S, n), optional
        Payoffs if somebody leaves. None or -inf for a player who may not leave; that player gets 0
        if another does. By default nobody may leave.
    players : int or sequence of str, optional
        Number of players n, or their names, by which `discounts`, `outside` and `proposer` may then be given. By
        default the names given with `discounts` or `outside`, or the length of `discounts` or of a row of `outside`,
        or else two or the number of proposers.

    Raises
    ------
    InvalidInput
        On rows that do not sum to one, negative probabilities, a discount factor outside [0, 1),
        players that do not exist, or options that add up to more than the surplus of some state.

    Notes
    -----
    Timing of a period in state s:

    1. All see s. Player k = proposer[s] offers a division of c(s).
    2. The others answer in the order k + 1, k + 2, ... (modulo n). If all accept, payoffs are paid.
    3. The first player who rejects may leave at once: talks end and every player j gets :math:`o_j(s)`. Nobody leaves
       for 0 or less, because waiting for ever is as good.
    4. Otherwise the period ends, payoffs are discounted by :math:`\delta_j`, and :math:`s'` is drawn from row s.

    *Several players.* If an offer will fail, the first responder decides what follows: it
    prefers its own rejection, followed by its choice of leaving or waiting, to a later one. A responder who may not
    leave, but would prefer that the others leave, lets the next decide.

    *Uniqueness.* With transferable utility and nobody leaving, stationary equilibrium payoffs exist and are unique
    (proposition `markov-chain-contraction`), and with outside options the same holds if every state's surplus covers
    the largest total of waiting (for n > 2 plus the options). For two players there is then no other subgame perfect
    equilibrium payoff. Otherwise, and with general sets, `unique` is False: there may be several equilibria, or none
    in pure strategies. Then players randomise who are indifferent between leaving and waiting, or between an agreement
    and a refusal; `chances` has their probabilities, computed for up to 400 payoffs. The status is INACCURATE if no
    equilibrium was found either way.

    *Computation.* Policy iteration on who agrees, who leaves and whose option binds; each policy is solved exactly.
    Cost: a few factorisations of n S x n S matrices, whatever the discount factor. An equilibrium with lotteries is the
    limit of logistic choices of increasing sharpness; it takes some hundred roots of n S unknowns.

    `residual` is the largest gain by a one-shot deviation, in any state, over the largest given payoff. Rounding of
    1e-16 in that gain can move payoffs by 1e-16 over one less the discount factor: by 1e-7 at a discount factor of
    1 - 1e-9.

    References
    ----------
    .. [1] Merlo, A. and Wilson, C. (1995). A stochastic model of sequential bargaining with complete information.
       *Econometrica* 63(2), 371-399. doi:10.2307/2951630

    .. [2] Merlo, A. and Wilson, C. (1998). Efficient delays in a stochastic model of bargaining. *Economic Theory*
       11(1), 39-55. doi:10.1007/s001990050177

    Examples
    --------
    The pie is 1 or 3 with equal chances; players propose in turn with the state. They wait for 3:

    >>> from bargaining import StochasticBargaining
    >>> wait = StochasticBargaining([1, 3], [[0.5, 0.5], [0.5, 0.5]], 0.9, [0, 1])()
    >>> wait.payoffs.round(7)
    array([[0.       , 2.4545455],
           [0.       , 3.       ]])
    >>> wait.agree
    array([False,  True])

    An outside option that arrives with probability .1 a period and will bind is priced today; one
    that will never bind is not. States: (none yet, 0 proposes), (none yet, 1 proposes), (there, 0
    proposes), (there, 1 proposes).

    >>> turns = [[0, 0.9, 0, 0.1], [0.9, 0, 0.1, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    >>> def owner(option):
    ...     outside = [(0, 0), (0, 0), (option, 0), (option, 0)]
    ...     talks = StochasticBargaining([1, 1, 1, 1], turns, 0.95, [0, 1, 0, 1], outside=outside)
    ...     return talks().payoffs[:, 0]
    >>> owner(0.7).round(7)
    array([0.6490413, 0.6228553, 0.715    , 0.7      ])
    >>> owner(0.4).round(7)
    array([0.5128205, 0.4871795, 0.5128205, 0.4871795])
    """

    surplus: ArrayLike | Sequence[FeasibleSet]
    transition: Any
    discounts: ArrayLike
    proposer: ArrayLike
    outside: Any = field(default=None, kw_only=True)
    players: int | Names | None = field(default=None, kw_only=True)
    _chain: Chain = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sets = _as_sets(self.surplus)
        numbers = None if sets else real(self.surplus, "surplus", ndim=1)  # type: ignore[arg-type]
        count: Any = None if is_sequence(self.players) else self.players
        if count is not None:
            object.__setattr__(self, "players", None)
        take_seats(self, "discounts", "outside")
        names: Any = self.players
        if names is not None:
            count = len(names) if count is None else count
            who = listed(self.proposer, "proposer", "a list of players, one a state")
            who = [place(k, "proposer", names) if isinstance(k, str) else k for k in who]
            object.__setattr__(self, "proposer", who)
        chain = build(numbers, self.transition, self.discounts, self.proposer, self.outside, count)
        if sets:
            chain = with_sets(chain, sets)
        chain.check_options()
        fill(self, surplus=sets or chain.surplus, transition=chain.transition, discounts=chain.discounts)
        fill(self, proposer=chain.proposer, players=names or chain.players, _chain=chain)

    def __call__(self) -> StochasticDivision:
        """Return the stationary equilibrium payoffs, and the probability of each outcome in each state."""
        chain, unit = self._chain.in_units()
        values, choices = equilibrium(chain, _PROMISED)
        unique = not isinstance(chain, ChainOfSets) and proven_unique(chain)
        return self._packed(values * unit, choices.chances, unique)

    def check(self, division: StochasticDivision) -> StochasticDivision:
        """Return a division with `residual` and `status` computed anew from its payoffs and chances.

        The residual is the largest gain of a player from a one-shot deviation, or the largest difference between a
        payoff and the payoff of the play, over the largest given payoff. INACCURATE above 1e-10.
        """
        answer_of(division, "division", StochasticDivision)
        return self._packed(division.payoffs, division.chances, division.unique)

    def _packed(self, payoffs: Floats, chances: Floats, unique: bool) -> StochasticDivision:
        """Pack an answer, with its residual by definition."""
        chain, unit = self._chain.in_units()
        odd = float(np.abs(chances.sum(axis=-1) - 1).max())
        residual = max(violation(chain, payoffs / unit, Choices.of(chances)), odd)
        return StochasticDivision(
            payoffs=payoffs,
            method="StochasticBargaining",
            agree=chances[:, 0] == 1,
            leave=chances[:, 1] == 1,
            chances=chances,
            unique=unique,
            residual=residual,
            status=Status.OK if residual <= _PROMISED else Status.INACCURATE,
            parameters=describe(self).parameters,
        )


def _as_sets(surplus: Any) -> tuple[FeasibleSet, ...]:
    """Return the feasible sets in `surplus`, or nothing if it holds numbers."""
    if isinstance(surplus, Sequence) and surplus and all(isinstance(each, FeasibleSet) for each in surplus):
        return tuple(surplus)
    return ()

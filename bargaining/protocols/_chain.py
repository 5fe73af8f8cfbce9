"""Stationary equilibrium of bargaining on a Markov chain, by policy iteration.

Who agrees, who leaves and whose outside option binds is a *policy*. Under a fixed policy the payoffs solve one linear
system; the payoffs imply a policy; the two are alternated. Every fixed point of the alternation is an equilibrium.

There may be none. Suppose that waiting is efficient. Where leaving after a refusal becomes better than waiting, payoffs
jump: if the responder waits, the proposer gets the value of waiting; if the responder leaves, this forces an agreement
or ends the talks. At the jump the responder is indifferent and may leave with any probability; likewise a proposer who
is indifferent between an agreement and a refusal may or may not make an acceptable offer. With these lotteries the set
of possible payoffs is convex, so that a stationary equilibrium exists (Kakutani). With q the probability that a refusal
ends the talks and a the probability of an acceptable offer,

    f = a (reservations, rest to the proposer) + (1 - a) (q o + (1 - q) x),

where 0 < q < 1 only if those who decide are indifferent between leaving and waiting, and 0 < a < 1 only if the proposer
is indifferent between the rest and a refusal.

Such an equilibrium is a limit. Let every choice have the logistic probability of its gain times a sharpness L, and let
every reservation be a smooth maximum. At L = 0 all choices have probability one half and there is one solution. It is
followed as L grows; where it turns back, another is looked for nearby. In the end choices that are certain are fixed,
and the probabilities of the others are solved for.

Offers in turn among n players are a chain whose state is the current proposer. In gains over the disagreement point, if
k's turn is worth F^k to the players, a refusal of k's offer after which talks go on is worth

    X^k = p (b - d) + (1 - p) delta F^{k+1},

and a round is as on any chain: the responders j = k + 1, ..., n - 1, 0, ..., k - 1 answer in this order, each takes
R_j = max{o_j - d_j, X_j^k} or more (X_j^k if j may not leave), the proposer gets the most that leaves them this, or
makes an offer that fails if a refusal brings it more. Of the many subgame-perfect equilibria with three or more players
(Shaked's example) this is one in which players do the same whenever it is the same player's turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import whole
from bargaining._arrays import Floats, discounts, real
from bargaining.errors import InvalidInput, NotApplicable, plain
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.transform import Image, set_of_cell
from bargaining.protocols._offers import TIE, Mask, Talks, Turns
from bargaining.protocols._seats import exits

_MOST = 1000  # players: one more adds a column to every array, and S equations to a system

Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chain:
    """What the players share, who proposes and who may leave in each state; payoffs over those of waiting for ever."""

    surplus: Floats
    """The surplus in each state, (S,); zeros where a state has a general set instead."""
    transition: Any
    """Row s holds the probabilities of next period's states: a float array or a sparse CSR array, (S, S)."""
    discounts: Floats
    """Discount factors, (n,)."""
    proposer: Ints
    """Who proposes in each state, (S,)."""
    outside: Floats
    """Payoffs when talks end without agreement, (S, n); zero for a player who may not leave."""
    may_leave: Mask
    """Who may end the talks after rejecting, (S, n)."""
    credible: Mask
    """Who may leave and would do so in some case, (S, n)."""
    proposes: Mask = field(init=False)
    """Whether it is player j who proposes in state s, (S, n)."""
    order: Ints = field(init=False)
    """Who answers first, second, ..., (n - 1, S)."""

    def __post_init__(self) -> None:
        n = self.players
        object.__setattr__(self, "proposes", self.proposer[:, None] == np.arange(n))
        object.__setattr__(self, "order", (self.proposer + np.arange(1, n)[:, None]) % n)

    @property
    def players(self) -> int:
        """Number of players."""
        return len(self.discounts)

    @property
    def states(self) -> int:
        """Number of states."""
        return len(self.proposer)

    def proposers(self, values: Floats) -> Floats:
        """Return what each state's proposer gets, (S,)."""
        own: Floats = values[np.arange(self.states), self.proposer]
        return own

    def in_units(self) -> tuple[Self, Floats]:
        """Return the chain with payoffs of about 1, and the units that they are measured in, (n,)."""
        unit = max(float(np.abs(self.surplus).max()), float(np.abs(self.outside).max())) or 1.0
        scaled = replace(self, surplus=self.surplus / unit, outside=self.outside / unit)
        return scaled, np.full(self.players, unit)

    def wait(self, values: Floats) -> Floats:
        """Return the payoffs of waiting if next period's payoffs are `values`, (S, n)."""
        expected: Floats = (self.transition @ values) * self.discounts
        return expected

    def rest(self, reservation: Floats) -> Floats:
        """Return what is left for the proposer when every responder gets the reservation, (S,)."""
        left: Floats = self.surplus - np.where(self.proposes, 0.0, reservation).sum(axis=1)
        return left

    def best(self, reservation: Floats) -> Floats:
        """Return the proposer's best payoff that leaves no responder less than the reservation, (S,)."""
        return self.rest(reservation)

    def tangent(self, reservation: Floats) -> tuple[Floats, Floats]:
        """Return `rest`, (S,), and its slopes in the reservations, (S, n)."""
        return self.rest(reservation), np.where(self.proposes, 0.0, -1.0)

    def stay(self, waiting: Floats) -> Floats:
        """Return by how much the player who decides prefers waiting to leaving after a refusal, (S,).

        The first responder decides if it may leave: it refuses at once if any later refusal would give it less than its
        own. A responder who may not leave, but would prefer that the others leave, cannot make them leave: it decides
        nothing unless it alone is offered too little, which the proposer may choose.
        """
        rows = np.arange(self.states)
        gain = waiting - self.outside
        margin = np.full(self.states, np.inf)
        for j in self.order[::-1]:
            unable = np.maximum(np.maximum(gain[rows, j], self.proposers(gain)), margin)
            margin = np.where(self.credible[rows, j], gain[rows, j], unable)
        return margin

    def check_options(self) -> None:
        """Check that the surplus pays for everybody's outside option in every state."""
        total = np.where(self.may_leave.any(axis=1), self.outside.sum(axis=1), -np.inf)
        excess = total - self.surplus > 1e-12 * (np.abs(self.outside).sum(axis=1) + np.abs(self.surplus))
        if excess.any():
            s = int(np.argmax(excess))
            raise InvalidInput(
                f"`outside` must add up to no more than `surplus` in every state; got {plain(total[s])} "
                f"against {plain(self.surplus[s])} in state {s}. Where leaving beats every agreement, "
                f"let the surplus of that state be what leaving gives."
            )


_STEP = 2.0**-20  # of payoffs near 1: slopes of a frontier to about 1e-10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainOfSets(Chain):
    """A chain with a feasible set in each state."""

    sets: tuple[FeasibleSet, ...]
    """What can be agreed in each state."""

    def rest(self, reservation: Floats) -> Floats:
        """Return the proposer's best payoff that leaves every responder the reservation, (S,)."""
        if self.players == 2:
            return self.best(reservation)
        others, own = np.where(self.proposes, 0.0, reservation), self.proposes.astype(float)
        rows = zip(self.sets, others, own, strict=True)
        return np.array([float(np.ravel(each.ray(*row))[0]) for each, *row in rows])

    def best(self, reservation: Floats) -> Floats:
        """Return the proposer's best payoff that leaves no responder less than the reservation, (S,)."""
        return self.proposers(self._ideal(np.where(self.proposes, -np.inf, reservation)))

    def _ideal(self, floors: Floats) -> Floats:
        return np.array([np.ravel(each.ideal(floor)) for each, floor in zip(self.sets, floors, strict=True)])

    def in_units(self) -> tuple[Self, Floats]:
        """Return the chain with payoffs of about 1, and the units that they are measured in, (n,)."""
        most = self._ideal(np.zeros((self.states, self.players))).max(axis=0)
        unit = np.maximum(most, np.abs(self.outside).max(axis=0))
        unit = np.where(np.isfinite(unit) & (unit > 0), unit, 1.0)
        sets = tuple(Image(each, 1 / unit, np.zeros(self.players)) for each in self.sets)
        return replace(self, sets=sets, outside=self.outside / unit), unit

    def tangent(self, reservation: Floats) -> tuple[Floats, Floats]:
        """Return the proposer's best payoff and its slopes in the reservations, (S,) and (S, n)."""
        here, slopes = self.rest(reservation), np.zeros_like(reservation)
        for j in range(self.players):
            shift = np.where(np.arange(self.players) == j, _STEP, 0.0)
            above, below = self.rest(reservation + shift), self.rest(reservation - shift)
            with np.errstate(invalid="ignore"):
                slope = np.where(np.isfinite(above), (above - below) / 2, here - below) / _STEP
            slopes[:, j] = np.where(self.proposes[:, j] | ~np.isfinite(here + slope), 0.0, slope)
        return np.where(np.isfinite(here), here, 0.0), slopes

    def check_options(self) -> None:
        """Check that in every state some agreement gives both what leaving gives."""
        short = self.best(self.outside) < self.proposers(self.outside) - 1e-12 * np.abs(self.outside).sum(
            axis=1
        )
        for s in np.flatnonzero(short & self.may_leave.any(axis=1)):
            raise InvalidInput(
                f"`outside` must be feasible in every state; got {self.outside[s].tolist()} in "
                f"state {s}. Where leaving beats every agreement, add what it gives to the set."
            )


def transition_matrix(value: Any) -> Any:
    """Return a square matrix of probabilities, dense or sparse, whose rows sum to one."""
    matrix = _sparse(value) if hasattr(value, "tocsr") else real(value, "transition", ndim=2)
    if matrix.shape[0] != matrix.shape[1]:
        raise InvalidInput(f"`transition` must be square, one row per state; got shape {matrix.shape}.")
    if matrix.min() < 0:
        raise InvalidInput(f"`transition` must not be negative; got {plain(float(matrix.min()))}.")
    total = np.asarray(matrix.sum(axis=1)).ravel()
    error = np.abs(total - 1.0)
    if (error > 1e-9).any():
        s = int(np.argmax(error))
        raise InvalidInput(
            f"`transition` rows must sum to 1; row {s} sums to {plain(total[s])}. "
            f"Divide each row by its sum, or add the missing state."
        )
    return matrix


def _sparse(value: Any) -> Any:
    from scipy.sparse import csr_array

    matrix = csr_array(value, dtype=np.float64)
    if matrix.nnz:
        real(matrix.data, "transition")
    return matrix


def proposers(value: ArrayLike) -> Ints:
    """Return who proposes in each state, as integers."""
    array = real(value, "proposer", ndim=1)
    bad = (array != np.floor(array)) | (array < 0) | (array >= _MOST)
    if bad.any():
        s = int(np.argmax(bad))
        raise InvalidInput(
            f"`proposer` must hold players, 0, 1, ..., below {_MOST}; got {plain(array[s])} in state {s}."
        )
    return array.astype(np.intp)


def build(
    surplus: Floats | None,
    transition: Any,
    discount: ArrayLike,
    proposer: ArrayLike,
    outside: Any,
    players: int | None,
) -> Chain:
    """Check every argument and that their shapes agree."""
    matrix = transition_matrix(transition)
    states = matrix.shape[0]
    factors = real(discount, "discounts")
    if factors.ndim > 1:
        raise InvalidInput(
            f"`discounts` must be a number or have one entry per player; got shape {factors.shape}. "
            f"Solve one game at a time."
        )
    who = proposers(proposer)
    shapes = [np.shape(np.array(value, dtype=object)) for value in (factors, outside)]
    n = (
        next((shape[-1] for shape in shapes if shape), max(2, int(who.max()) + 1))
        if players is None
        else players
    )
    whole(n, "players", 2, _MOST)
    for name, given in (("proposer", who), ("surplus", surplus)):
        if given is not None and len(given) != states:
            raise InvalidInput(f"`{name}` must have one entry per state ({states}); got {len(given)}.")
    if who.max() >= n:
        raise InvalidInput(f"`proposer` must hold players 0 to {n - 1}; got {who.max()}. Set `players`.")
    payoffs, may = exits(outside, n, states)
    return Chain(
        credible=may & (payoffs > 0),  # nobody leaves for 0, the value of waiting for ever
        surplus=np.zeros(states) if surplus is None else surplus,
        transition=matrix,
        discounts=discounts(factors, n, name="discounts"),
        proposer=who,
        outside=payoffs,
        may_leave=may,
    )


def with_sets(chain: Chain, sets: Sequence[FeasibleSet]) -> ChainOfSets:
    """Return the chain with these sets, one per state, each for two players."""
    if len(sets) != chain.states:
        raise InvalidInput(f"`surplus` must have one set per state ({chain.states}); got {len(sets)}.")
    for s, feasible in enumerate(sets):
        if feasible.players != 2 or feasible.batch_shape != () or chain.players != 2:
            raise InvalidInput(
                f"`surplus` may hold sets for two players only, one set a state; got {feasible!r} "
                f"in state {s}. With more players give numbers: transferable utility."
            )
    parts = {part.name: getattr(chain, part.name) for part in fields(Chain) if part.init}
    return ChainOfSets(**parts, sets=tuple(sets))


_WARM = 50  # periods: enough for most policies to be those of the long run
_ROUNDS = 14  # steps of policy iteration
_PERIODS = 256  # up to which the number of periods between policies doubles
_ROUNDING = 1e-13  # of payoffs near 1


class Choices(NamedTuple):
    """What is decided in each state."""

    leave: Floats
    """Probability that a refusal ends the talks, (S,)."""
    agree: Floats
    """Probability that the proposer makes an acceptable offer, (S,)."""

    @classmethod
    def of(cls, chances: Floats) -> Choices:
        """Return the choices that give these probabilities; after a refusal that never happens, all wait."""
        agree, leave, wait = np.moveaxis(chances, -1, 0)
        return cls(leave / np.where(leave + wait > 0, leave + wait, 1.0), agree)

    @property
    def chances(self) -> Floats:
        """The probabilities of an agreement at once, of the end of talks, and of waiting, (S, 3)."""
        leave = (1 - self.agree) * self.leave
        return np.stack([self.agree, leave, 1 - self.agree - leave], axis=-1)


class Today(NamedTuple):
    """The values behind today's choices, given tomorrow's payoffs."""

    waiting: Floats
    """The value of waiting, (S, n)."""
    reservation: Floats
    """The better of leaving and waiting, (S, n)."""
    rest: Floats
    """What is left for the proposer after the reservations, (S,)."""
    stay: Floats
    """By how much the player who decides prefers waiting to leaving after a refusal, (S,)."""


def today(chain: Chain, values: Floats) -> Today:
    """Return the values behind today's choices if tomorrow's payoffs are `values`."""
    waiting = chain.wait(values)
    reservation = np.where(chain.credible, np.maximum(chain.outside, waiting), waiting)
    return Today(waiting, reservation, chain.rest(reservation), chain.stay(waiting))


def outcome(chain: Chain, now: Today, choices: Choices) -> tuple[Floats, Floats]:
    """Return today's payoffs under these choices, (S, n), and the proposer's after a refusal, (S,)."""
    leave, agree = (probability[:, None] for probability in choices)
    refused = now.waiting + leave * (chain.outside - now.waiting)
    rest = np.where(agree > 0, now.rest[:, None], 0.0)
    agreed = np.where(chain.proposes, rest, now.reservation)
    return agree * agreed + (1 - agree) * refused, chain.proposers(refused)


def play(
    chain: Chain, values: Floats, *, leaving: bool = False, refusing: bool = False, slack: float = 0.0
) -> tuple[Floats, Choices]:
    """Return today's payoffs when tomorrow's are `values`, and the choices that give them.

    A responder's reservation is the better of leaving and waiting. The proposer agrees if the rest after the
    reservations is at least the payoff of having the offer refused. Players who are indifferent, up to `slack`, wait
    and agree, unless the arguments say otherwise.
    """
    now = today(chain, values)
    leave = now.stay <= slack if leaving else now.stay < -slack
    gain = now.rest - chain.proposers(np.where(leave[:, None], chain.outside, now.waiting))
    agree = gain > slack if refusing else gain >= -slack
    choices = Choices((leave & ~agree).astype(float), agree.astype(float))
    return outcome(chain, now, choices)[0], choices


def follow(chain: Chain, values: Floats, choices: Choices) -> Floats:
    """Return the payoffs if the choices are made for ever, (S, n); options bind, and sets have the slopes, as now.

    Today's payoffs are then linear in the payoffs of waiting: one system of S n unknowns.
    """
    n, now = chain.players, today(chain, values)
    height, slopes = chain.tangent(now.reservation)
    free = np.where(now.reservation > now.waiting, 0.0, 1.0)
    leave, agree = (probability[:, None] for probability in choices)
    known = np.where(free > 0, 0.0, chain.outside)
    rest = height - (slopes * now.reservation).sum(axis=1) + (slopes * known).sum(axis=1)
    constant = agree * np.where(chain.proposes, rest[:, None], known) + (1 - agree) * leave * chain.outside
    through = np.where(chain.proposes[:, :, None], slopes[:, None, :], np.eye(n)) * free[:, None, :]
    stays = ((1 - agree) * (1 - leave))[..., None] * np.eye(n)
    rates = (agree[..., None] * through + stays) * chain.discounts  # of i's payoff in j's next one
    if isinstance(chain.transition, np.ndarray):
        system = -np.einsum("sij,st->sitj", rates, chain.transition).reshape(constant.size, constant.size)
        system[np.diag_indices(constant.size)] += 1.0
        try:
            return np.linalg.solve(system, constant.ravel()).reshape(constant.shape)
        except np.linalg.LinAlgError:  # at the slopes of a set: nothing follows from them
            return values
    from scipy.sparse import block_array, diags_array, eye_array
    from scipy.sparse.linalg import spsolve

    blocks = [[diags_array(rates[:, i, j]) @ chain.transition for j in range(n)] for i in range(n)]
    system = eye_array(constant.size) - block_array(blocks)
    return np.asarray(spsolve(system.tocsc(), constant.T.ravel())).reshape(n, -1).T


def agreed(chain: Chain, values: Floats) -> Floats:
    """Return the payoffs if all offers are accepted: by Newton's method, with shorter steps at kinks."""
    choices = Choices(np.zeros(chain.states), np.ones(chain.states))

    def miss(values: Floats) -> float:
        return float(np.abs(outcome(chain, today(chain, values), choices)[0] - values).max())

    size = 1.0
    while size >= _STEP and miss(values) > _ROUNDING / 10:
        move, size = follow(chain, values, choices) - values, 1.0
        while size >= _STEP and not miss(values + size * move) < miss(values):
            size /= 2
        values = values + size * move if size >= _STEP else values
    return values


def equilibrium(chain: Chain, accuracy: float) -> tuple[Floats, Choices]:
    """Return a stationary equilibrium by policy iteration, with lotteries where that leads to none."""
    values, choices, error = solve(chain)
    if error > accuracy and chain.states * chain.players <= LARGEST:
        values, choices = _with_lotteries(chain, accuracy) or (values, choices)
    return values, choices


def solve(chain: Chain) -> tuple[Floats, Choices, float]:
    """Return stationary equilibrium payoffs without lotteries, choices, and the largest violation of the definition."""
    values = _iterate(chain, np.zeros((chain.states, chain.players)), _WARM)
    best, least, periods = values, np.inf, 1
    for _ in range(_ROUNDS):
        values = follow(chain, values, play(chain, values)[1])
        error = float(np.abs(play(chain, values)[0] - values).max())
        improved = error < least / 2
        if error < least:
            best, least = values, error
        if least <= _ROUNDING:
            break
        if not improved:
            values = _iterate(chain, best, periods)
            periods = min(2 * periods, _PERIODS)
    implied, choices = play(chain, best)
    return best, choices, float(np.abs(implied - best).max())


def _iterate(chain: Chain, values: Floats, periods: int) -> Floats:
    """Let some periods pass: value iteration."""
    for _ in range(periods):
        values, _ = play(chain, values)
    return values


LARGEST = 400  # payoffs: each root costs a dense matrix
_SHARPNESS = np.geomspace(1e-2, 1e7, 181)  # per unit of payoff: from choices nearly even to nearly certain
_CLOSE = 1e4  # sharpness from which equilibria are tried
_STARTS = 100  # of the root at one sharpness: where solutions turn back, others are far away
# Probabilities within this of 0 or 1 count as certain: the first value that leads to an equilibrium is used.
_SURE = (1e-3, 1e-6, 1e-1, 1e-9)


def _with_lotteries(chain: Chain, accuracy: float) -> tuple[Floats, Choices] | None:
    """Return a stationary equilibrium near solutions with sharper and sharper choices, or None; payoffs are near 1."""
    from scipy.optimize import root

    shape, rng = (chain.states, chain.players), np.random.default_rng(0)
    values: Floats = np.zeros(shape)

    def miss(flat: Floats) -> Floats:
        values = flat.reshape(shape)
        return (_logistic(chain, values, sharpness)[0] - values).ravel()

    for sharpness in _SHARPNESS.tolist():
        for k in range(_STARTS):
            shift = rng.normal(0, 10.0 ** -rng.uniform(0, 2), values.size) * (k > 0)
            with np.errstate(all="ignore"):  # of steps that are too long
                solution = root(miss, values.ravel() + shift)
            if np.abs(solution.fun).max() <= _ROUNDING * (1e4 + sharpness):
                values = solution.x.reshape(shape)
                break
        if sharpness < _CLOSE:
            continue
        soft = _logistic(chain, values, sharpness)[1]
        for sure in _SURE:
            choices = Choices(*(np.where(p < sure, 0.0, np.where(p > 1 - sure, 1.0, p)) for p in soft))
            answer, choices = _indifferent(chain, values, choices)
            if violation(chain, answer, choices) <= accuracy:
                return answer, choices
    return None


def _logistic(chain: Chain, values: Floats, sharpness: float) -> tuple[Floats, Choices]:
    """Return today's payoffs if choices have logistic probabilities of this sharpness, and these probabilities."""
    from scipy.special import expit

    waiting = chain.wait(values)
    gain = np.where(chain.credible, chain.outside - waiting, -np.inf)
    smooth = (np.logaddexp(0.0, sharpness * gain) - np.where(chain.credible, np.log(2.0), 0.0)) / sharpness
    now = Today(waiting, waiting + smooth, chain.rest(waiting + smooth), chain.stay(waiting))
    leave = expit(-sharpness * now.stay)
    refused = chain.proposers(waiting + leave[:, None] * (chain.outside - waiting))
    choices = Choices(leave, expit(sharpness * (now.rest - refused)))
    return outcome(chain, now, choices)[0], choices


def _indifferent(chain: Chain, values: Floats, choices: Choices) -> tuple[Floats, Choices]:
    """Solve for the payoffs and the probabilities of the lotteries together."""
    from scipy.optimize import root

    both = np.append(*choices)
    size, lots = values.size, (both > 0) & (both < 1)

    def split(unknown: Floats) -> tuple[Floats, Choices]:
        both[lots] = unknown[size:]
        return unknown[:size].reshape(values.shape), Choices(*np.split(both.copy(), 2))

    def miss(unknown: Floats) -> Floats:
        payoffs, choices = split(unknown)
        now = today(chain, payoffs)
        implied, refused = outcome(chain, now, choices)
        return np.append((implied - payoffs).ravel(), np.append(now.stay, now.rest - refused)[lots])

    start = np.append(values.ravel(), both[lots])
    return split(np.asarray(root(miss, start, method="hybr", options={"xtol": 1e-15}).x, dtype=float))


def violation(chain: Chain, payoffs: Floats, choices: Choices) -> float:
    """Return the largest gain by one deviation, or the largest difference between a payoff and what play gives.

    After a refusal that never happens, those who decide do what is best for them, and if they are indifferent what is
    worst for the proposer.
    """
    now = today(chain, payoffs)
    implied, refused = outcome(chain, now, choices)
    leave, agree = choices
    sure = agree == 1
    either = chain.proposers(now.waiting), chain.proposers(chain.outside)
    worst = np.where(
        np.abs(now.stay) <= 10 * _ROUNDING, np.minimum(*either), np.where(now.stay < 0, *either[::-1])
    )
    refused = np.where(sure, worst, refused)
    most = chain.best(now.reservation)
    with np.errstate(invalid="ignore"):  # where nothing is left for the proposer
        gaps = [
            np.abs(implied - payoffs).max(axis=1),
            np.where(~sure & (leave > 0), now.stay, 0.0),
            np.where(~sure & (leave < 1), -now.stay, 0.0),
            np.where(agree > 0, np.maximum(refused, most) - now.rest, 0.0),
            np.where(agree < 1, most - refused, 0.0),
            np.abs(choices.chances.sum(axis=1) - 1),
            -choices.chances.min(axis=1),
            np.maximum(leave - 1, -leave),
        ]
    return max(float(np.max(gaps)), 0.0)


def proven_unique(chain: Chain) -> bool:
    """Say whether the map from tomorrow's payoffs to today's is shown to be a contraction.

    It is when nobody may leave. When somebody may, a payoff can jump where an option starts to
    bind while waiting is still efficient; that is excluded in a state whose surplus covers the
    largest total of waiting and the options, or where no option is worth more than waiting for ever.
    """
    if not chain.may_leave.any():
        return True
    most = _largest_total(chain)
    positive = np.maximum(chain.outside, 0.0)
    spare = 0.0 if chain.players == 2 else positive.sum(axis=1) - positive.min(axis=1)
    covered = chain.surplus >= most + spare
    credible = (chain.credible & ~chain.proposes).any(axis=1)
    return bool(covered.all() or ((chain.outside >= 0).all() and (covered | ~credible).all()))


def _largest_total(chain: Chain) -> Floats:
    """Return the value of waiting for the best total, v = max(c, d P v) at the largest discount."""
    nobody = np.zeros_like(chain.may_leave)
    patience = np.full(chain.players, chain.discounts.max())
    patient = replace(chain, discounts=patience, may_leave=nobody, credible=nobody)
    total: Floats = patient.wait(solve(patient)[0]).sum(axis=1)
    return total


_PROMISED = 1e-12  # the accuracy of divisions
_STAGES = 8  # from impatience to the discount factors: Newton's start is near at each


class Round(NamedTuple):
    """One cell's turns as a chain, in which payoffs are `origin + unit * values`."""

    chain: Chain
    origin: Floats
    """What waiting for ever is worth, (n,)."""
    unit: Floats
    """The range of gains, (n,)."""
    last: Floats
    """The values after the last refusal of a finite horizon, (n, n)."""


def separable(feasible: FeasibleSet) -> bool:
    """Say whether the cells of a batch can be taken one by one."""
    return not feasible.batch_shape or isinstance(feasible, TransferableSurplus | Polytope)


def rotation(talks: Talks, wanted: Mask | None = None) -> Turns:
    """Return the equilibrium of every cell that has something to share, or of those `wanted`; NaN elsewhere."""
    return _by_cell(talks, lambda turns: stationary(turns.chain), wanted, otherwise=False)


def stationary(chain: Chain) -> tuple[Floats, Choices, bool]:
    """Return an equilibrium in which all offers are accepted, or any, and whether it is known to be unique."""
    choices = Choices(np.zeros(chain.players), np.ones(chain.players))
    values, sets = np.full((chain.players, chain.players), 1 / chain.players), isinstance(chain, ChainOfSets)
    for share in np.arange(1, _STAGES + 1) / _STAGES if sets else [1.0]:
        values = agreed(replace(chain, discounts=1 - (1 - chain.discounts) ** share), values)
    if violation(chain, values, choices) > _PROMISED:
        values, choices = equilibrium(chain, _PROMISED)
    return values, choices, not sets and proven_unique(chain)


def finite_rotation(talks: Talks, rounds: int) -> Turns:
    """Return the first of `rounds` rounds, by backward induction."""

    def first(turns: Round) -> tuple[Floats, Choices, bool]:
        chain, now, left = turns.chain, turns.last, rounds
        unique = not isinstance(chain, ChainOfSets)  # who takes all there is may leave others more or less
        recent = deque[Floats](maxlen=chain.players)
        while left > 0:
            recent.append(now)
            before, left = now, left - 1
            now, choices = play(chain, before, slack=TIE)
            for leaving, refusing in ((True, False), (False, True), (True, True)):
                otherwise, _ = play(chain, before, leaving=leaving, refusing=refusing, slack=TIE)
                unique = unique and bool((np.abs(otherwise - now) <= 4 * TIE).all())
            if len(recent) == chain.players and np.array_equal(now, recent[0]):
                left %= chain.players  # from here on every n-th round is the same
        return now, choices, unique

    return _by_cell(talks, first, otherwise=True)


def _by_cell(
    talks: Talks,
    solved: Callable[[Round], tuple[Floats, Choices, bool]],
    wanted: Mask | None = None,
    *,
    otherwise: bool,
) -> Turns:
    """Return the turns of the cells that have something to share, and `otherwise` as to whether others are unique."""
    n, shape = talks.ideal.shape[-1], talks.ideal.shape[:-1]
    offers, chances = np.full((n, *shape, n), np.nan), np.full((n, *shape, 3), np.nan)
    unique = np.full(shape, otherwise)
    for cell, turns in _rounds(talks, wanted):
        values, choices, unique[cell] = solved(turns)
        offers[(slice(None), *cell)] = turns.origin + values * turns.unit
        chances[(slice(None), *cell)] = choices.chances
    return Turns(offers, chances, unique)


def turns_miss(talks: Talks, turns: Turns, wanted: Mask | None = None) -> Floats:
    """Return the violation of equilibrium by offers and probabilities, over the range of each player's gains, (...)."""
    miss = np.full(talks.ideal.shape[:-1], np.nan)
    for cell, (chain, origin, unit, _) in _rounds(talks, wanted):
        here = (slice(None), *cell)
        values, chances = (turns.offers[here] - origin) / unit, turns.chances[here]
        odd = float(np.abs(chances.sum(axis=-1) - 1).max())
        miss[cell] = max(violation(chain, values, Choices.of(chances)), odd)
    return miss


def _rounds(talks: Talks, wanted: Mask | None) -> Iterator[tuple[tuple[Any, ...], Round]]:
    """Yield the cells in which all players have something to gain, or those `wanted` of them, with their chains."""
    scale = talks.ideal - talks.floor
    shared = (np.isfinite(scale) & (scale > 0)).all(axis=-1)
    for cell in map(tuple, np.argwhere(shared if wanted is None else shared & wanted).tolist()):
        yield cell, round_of(talks, cell)


def round_of(talks: Talks, cell: tuple[int, ...]) -> Round:
    """Return the chain of one cell, in units of the range of gains."""
    n, d, p = talks.ideal.shape[-1], talks.disagreement[cell], talks.breakdown[cell]
    feasible = set_of_cell(talks.feasible, cell, talks.ideal.shape[:-1])
    if feasible.batch_shape:
        raise NotApplicable(
            "More than two players bargain over a batch of surpluses or of polytopes, or over one set of another kind."
        )
    unit, factors = (talks.ideal - talks.floor)[cell], (1 - p) * talks.discounts[cell]
    loss = p * (talks.breakdown_payoffs[cell] - d)
    alone = np.divide(loss, 1 - factors, out=np.zeros(n), where=loss != 0)
    if isinstance(feasible, TransferableSurplus):
        unit = np.full(n, unit.max())
    may_leave = np.tile(talks.may_leave[cell], (n, 1))
    parts = {
        "transition": np.roll(np.eye(n), 1, axis=1),
        "discounts": factors,
        "proposer": np.arange(n),
        "outside": np.tile((talks.outside[cell] - d - alone) / unit, (n, 1)),
        "may_leave": may_leave,
        "credible": may_leave,
    }
    origin, last = d + alone, np.tile(-alone / unit, (n, 1))
    if isinstance(feasible, TransferableSurplus):
        total = (float(feasible.total) - origin.sum()) / unit[0]
        return Round(Chain(surplus=np.full(n, total), **parts), origin, unit, last)
    sets = (Image(feasible, 1 / unit, -origin / unit),) * n
    return Round(ChainOfSets(surplus=np.zeros(n), sets=sets, **parts), origin, unit, last)

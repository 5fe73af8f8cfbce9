"""Signalling an alternative: its owner makes a claim or takes a costly step, the receiver concedes or calls.

A claim is free but may be called; a costly step can make it credible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import answer_of
from bargaining._arrays import Floats, fill, real, record, scalar, within
from bargaining._calls import suggesting
from bargaining._names import Names, unique_names
from bargaining._rich import Result, Shown
from bargaining.division import ACCURACY, describe, judged
from bargaining.errors import InvalidInput, Status, plain, with_article
from bargaining.protocols._seats import UNLABELLED


class Kind(StrEnum):
    """What the owner's types do."""

    POOL_ON_STEP = "both types take the step"
    POOL_ON_NONE = "neither type takes the step"
    SEPARATE = "only the strong type takes the step"
    BLUFF = "the strong type takes the step, the weak one sometimes"
    UNDERSTATE = "the weak type never takes the step, the strong one sometimes"


@record
class SignallingEquilibrium(Result):
    """One perfect Bayesian equilibrium of `CostlyStep`. Types: 0 strong, 1 weak. Signals: 0 step, 1 none.

    Attributes
    ----------
    kind : Kind
        What the types do.
    step : ndarray, shape (2,)
        Probability with which each type takes the step.
    concede : ndarray, shape (2, 2)
        Lowest and highest probability with which the receiver concedes after each signal. They differ
        only after a signal that is not sent, or where the receiver is indifferent at the prior.
    beliefs : ndarray, shape (2, 2)
        Lowest and highest belief that the owner is strong after each signal; one number, by Bayes'
        rule, after a signal that is sent.
    payoffs : ndarray, shape (2, 2)
        Lowest and highest expected payoff of the strong and of the weak type over `concede`.
    receiver : float
        The receiver's expected payoff.
    intuitive : bool
        Whether it passes the intuitive criterion of Cho and Kreps.
    residual : float
        The largest gain by a deviation, of a type over her stake and of the receiver over her range of payoffs; or the
        distance of payoffs and beliefs from those that the strategies imply.
    status : Status
        OK, or INACCURATE.
    player_names : tuple of str
        The names of the two: first the owner.
    """

    player_names: tuple[str, ...]
    kind: Kind
    step: Floats
    concede: Floats
    beliefs: Floats
    payoffs: Floats
    receiver: float
    intuitive: bool
    residual: float = 0.0
    status: Status = Status.OK


@record(kw_only=False)
class CostlyStep(Shown):
    r"""The owner of an alternative, strong or weak, may take a visible step; the other concedes or calls.

    Parameters
    ----------
    prior : float
        Probability q that the alternative is real (the owner is strong), strictly between 0 and 1.
    costs : array_like, shape (2,)
        Cost of the step to the strong and to the weak type, positive and different.
    owner : array_like, shape (2, 2)
        The owner's payoffs; rows strong, weak; columns if conceded to, if called. Each type must prefer a
        concession.
    receiver : array_like, shape (2, 2)
        The receiver's payoffs likewise. It must prefer to concede to the strong type and to call the weak.
    players : sequence of str, default ("owner", "receiver")
        Names of the two.

    Notes
    -----
    Timing:

    1. Nature draws the owner's type: strong with probability q. Only the owner learns it.
    2. The owner takes the step, at the cost :math:`c_\theta`, or does not. The receiver sees which.
    3. The receiver concedes or calls, and payoffs follow.

    With g what calling a weak owner gains and l what calling a strong one loses, the receiver concedes if its belief
    that the alternative is real exceeds :math:`\mu^* = g / (g + l)`. A type takes the step iff it raises the
    probability of a concession by at least :math:`k_\theta = c_\theta/b_\theta`, its cost over what a concession is
    worth to it. The call lists all perfect Bayesian equilibria (section `What a step proves` of the theory of private
    outside options). If :math:`k_s > k_w` the step proves nothing, and only the two pooling equilibria remain.

    References
    ----------
    Spence, M. (1973). Job market signaling. *Quarterly Journal of Economics* 87(3), 355-374. doi:10.2307/1882010

    Cho, I.-K. and Kreps, D. M. (1987). Signaling games and stable equilibria. *Quarterly Journal of Economics*
    102(2), 179-221. doi:10.2307/1885060

    Examples
    --------
    >>> from bargaining import CostlyStep
    >>> game = CostlyStep(0.3, (0.05, 0.2), owner=[[0.6, 0.4], [0.6, 0.2]], receiver=[[0.4, 0.1], [0.4, 0.8]])
    >>> round(game.threshold, 4)
    0.5714
    >>> [str(e.kind) for e in game()]
    ['neither type takes the step', 'the strong type takes the step, the weak one sometimes']
    """

    prior: float
    costs: ArrayLike
    owner: ArrayLike = field(kw_only=True)
    receiver: ArrayLike = field(kw_only=True)
    players: Names = field(default=("owner", "receiver"), kw_only=True, metadata=UNLABELLED)
    _tables: tuple[Floats, Floats, Floats] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "players", unique_names(self.players, "players", 2))
        prior, owner, receiver = checked_stakes(self.prior, self.owner, self.receiver)
        costs = within(real(self.costs, "costs", ndim=1), "costs", 0.0, np.inf, ends="()")
        if costs.shape != (2,):
            raise InvalidInput(
                f"`costs` must have one entry per type, strong first (2); got shape {costs.shape}."
            )
        fill(self, prior=prior, _tables=(costs, owner, receiver))
        if self.hurdles[0] == self.hurdles[1]:
            raise InvalidInput(
                f"`costs` must differ between the types relative to what a concession is worth to them; got "
                f"{plain(self.hurdles[0])} for both. The step then tells nothing: move one a little."
            )

    @property
    def threshold(self) -> float:
        """Belief above which the receiver concedes."""
        return belief_threshold(self._tables[2])

    @property
    def hurdles(self) -> Floats:
        """The increase in the probability of a concession at which the step pays, per type, shape (2,)."""
        costs, owner, _ = self._tables
        return np.asarray(costs / (owner[:, 0] - owner[:, 1]))

    def __call__(self) -> tuple[SignallingEquilibrium, ...]:
        """Return every perfect Bayesian equilibrium, in the order of `Kind`.

        Raises
        ------
        InvalidInput
            If the prior is exactly at the threshold, where the receiver is indifferent.
        """
        q, mu, (k_strong, k_weak) = self.prior, self.threshold, self.hurdles.tolist()
        if q == mu:
            raise InvalidInput(
                f"`prior` must differ from the belief threshold {plain(mu)}; there equilibria are a continuum."
            )
        low, high, sure = min(k_strong, k_weak), max(k_strong, k_weak), float(q > mu)
        odds = q * (1 - mu) / ((1 - q) * mu)
        bluffs, understates = q < mu and k_strong < k_weak < 1, q > mu and k_strong < min(k_weak, 1)
        silent = 1 - 1 / odds if understates else 0.0
        # Whether it exists, who steps, and concessions after the step and without it.
        table: list[tuple[Kind, bool, Any, Any]] = [
            (Kind.POOL_ON_STEP, q > mu and high <= 1, (1, 1), [(1, 1), (0, 1 - high)]),
            (Kind.POOL_ON_NONE, True, (0, 0), [(0, min(1, sure + low)), (sure, sure)]),
            (Kind.SEPARATE, k_strong <= 1 <= k_weak, (1, 0), [(1, 1), (0, 0)]),
            (Kind.BLUFF, bluffs, (1, odds), [(k_weak, k_weak), (0, 0)]),
            (Kind.UNDERSTATE, understates, (silent, 0), [(1, 1), (1 - k_strong, 1 - k_strong)]),
        ]
        return tuple(self._answer(kind, *map(np.array, play)) for kind, exists, *play in table if exists)

    def _answer(self, kind: Kind, step: Floats, concede: Floats) -> SignallingEquilibrium:
        (k_strong, k_weak), called = self.hurdles, kind is Kind.POOL_ON_NONE and self.prior < self.threshold
        beliefs, payoffs, met, _ = self._implied(step, concede)
        answer = SignallingEquilibrium(
            player_names=tuple(self.players),
            kind=kind,
            step=step.astype(float),
            concede=concede.astype(float),
            beliefs=beliefs,
            payoffs=payoffs,
            receiver=met,
            intuitive=not (called and k_strong < 1 < k_weak),
        )
        return self.check(answer)

    def check(self, equilibrium: SignallingEquilibrium) -> SignallingEquilibrium:
        """Return an equilibrium with `residual` and `status` computed anew from its payoffs, beliefs and strategies."""
        answer_of(equilibrium, "equilibrium", SignallingEquilibrium)
        _, owner, receiver = self._tables
        x, answer, held = equilibrium.step, equilibrium.concede, equilibrium.beliefs
        beliefs, payoffs, met, value = self._implied(x, answer)
        stakes = owner[:, :1] - owner[:, 1:]
        lead = receiver[:, 0] - receiver[:, 1]
        # What conceding gains; at one end some answer in `concede` must be best.
        gain = held * lead[0] + (1 - held) * lead[1]
        short, idle = 1 - answer.max(axis=1, keepdims=True), answer.min(axis=1, keepdims=True)
        odds = np.concatenate([x, answer.ravel()])
        return judged(
            equilibrium,
            ACCURACY,
            (value.max(axis=0) - x[:, None] * value[0] - (1 - x[:, None]) * value[1]) / stakes,
            (np.maximum(gain, 0) * short + np.maximum(-gain, 0) * idle) / np.ptp(receiver),
            np.abs(held - beliefs),
            np.abs(equilibrium.payoffs - payoffs) / stakes,
            abs(equilibrium.receiver - met) / np.ptp(receiver),
            np.maximum(-odds, odds - 1),
        )

    def _implied(self, step: Floats, concede: Floats) -> tuple[Floats, Floats, float, Floats]:
        """Return beliefs, the types' payoffs, the receiver's, and what each signal pays each type, (2, 2, 2).

        Beliefs are Bayes' or, after a signal never sent, those that support the answers. Ends of the answer come last.
        """
        costs, owner, receiver = self._tables
        sends, mu = np.array([step, 1 - step]), self.threshold
        joint = sends * [self.prior, 1 - self.prior]
        ends = [[0.0 if low == 0 else mu, mu if high < 1 else 1.0] for low, high in concede]
        total = joint.sum(axis=1, keepdims=True)
        beliefs = np.where(total > 0, joint[:, :1] / np.where(total > 0, total, 1.0), ends)
        value = owner[:, :1] * concede[:, None] + owner[:, 1:] * (1 - concede[:, None])
        value[0] -= costs[:, None]
        answered = concede.mean(axis=1, keepdims=True)  # ends coincide after every signal that is sent
        met = joint * (receiver[:, 0] * answered + receiver[:, 1] * (1 - answered))
        return beliefs, (sends[:, :, None] * value).sum(axis=0), float(met.sum()), value


def checked_stakes(prior: object, owner: ArrayLike, receiver: ArrayLike) -> tuple[float, Floats, Floats]:
    """Return the prior and both tables of payoffs, types by answers, or raise an error."""
    q = float(within(np.asarray(scalar(prior, "prior")), "prior", 0.0, 1.0, ends="()"))  # type: ignore[arg-type]
    own, other = real(owner, "owner", ndim=2), real(receiver, "receiver", ndim=2)
    for array, name in ((own, "owner"), (other, "receiver")):
        if array.shape != (2, 2):
            raise InvalidInput(f"`{name}` must have shape (2, 2), types by answers; got {array.shape}.")
    if not (own[:, 0] > own[:, 1]).all():
        raise InvalidInput(
            f"`owner` must give each type more if conceded to than if called; got {own.tolist()}."
        )
    if not (other[0, 0] > other[0, 1] and other[1, 0] < other[1, 1]):
        raise InvalidInput(
            f"`receiver` must prefer to concede to the strong type and to call the weak; got {other.tolist()}. "
            f"Otherwise the type does not matter to it."
        )
    return q, own, other


def belief_threshold(receiver: Floats) -> float:
    """Return the belief in the strong type at which the receiver is indifferent between conceding and calling."""
    gain = receiver[1, 1] - receiver[1, 0]
    loss = receiver[0, 0] - receiver[0, 1]
    return float(gain / (gain + loss))


@record
class BluffOutcome(Result):
    """The equilibrium of `Bluff`.

    Attributes
    ----------
    threshold : float
        Belief above which the receiver concedes to the claim.
    claim : ndarray, shape (2,)
        Probability with which the strong and the weak type make the claim.
    concede : float
        Probability with which the receiver concedes to the claim; otherwise she calls.
    belief : float
        Probability that a claim is true.
    payoffs : ndarray, shape (2,)
        Expected payoffs of the strong and the weak type.
    receiver : float
        The receiver's expected payoff.
    residual : float
        The largest gain by a deviation, of a type over her stake and of the receiver over her range of payoffs; or the
        distance of the payoffs from those that the strategies give.
    status : Status
        OK, or INACCURATE.
    parameters : mapping
        What the game was told, by name, as numbers, functions and read-only arrays.
    player_names : tuple of str
        The names of the two: first the owner.
    """

    player_names: tuple[str, ...]
    threshold: float
    claim: Floats
    concede: float
    belief: float
    payoffs: Floats
    receiver: float
    parameters: Mapping[str, Any]
    residual: float = 0.0
    status: Status = Status.OK


@record(kw_only=False)
class Bluff(Shown):
    r"""A free claim to have an alternative, with a penalty for a bluff that is called.

    Parameters
    ----------
    prior : float
        Probability q that the alternative is real, strictly between 0 and 1.
    owner : array_like, shape (2, 2)
        The owner's payoffs if conceded to and if called; rows strong, weak. Both prefer a concession.
    receiver : array_like, shape (2, 2)
        The receiver's payoffs likewise; it prefers to concede to the strong type and to call the weak.
    silence : array_like, shape (2,)
        Payoffs of the owner and the receiver if a weak owner makes no claim. The owner's lies between
        the payoffs when called and when conceded to.
    players : sequence of str, default ("owner", "receiver")
        Names of the two.

    Notes
    -----
    Timing:

    1. Nature draws the owner's type; only the owner learns it.
    2. The owner claims to have the alternative, or keeps silent.
    3. After a claim the receiver concedes or calls. After silence it does not concede.

    With the threshold :math:`\mu^*` of `CostlyStep`: if :math:`q > \mu^*` every weak owner claims and is believed. If
    :math:`q < \mu^*` a weak owner bluffs just so often that a claim is true with probability :math:`\mu^*`, and the
    receiver concedes just so often that a weak owner is indifferent to silence. It is the only equilibrium in which a
    strong owner claims, for :math:`q \ne \mu^*` (proposition `bluff-unique`).

    Examples
    --------
    >>> from bargaining import Bluff
    >>> talks = Bluff(0.2, owner=[[0.6, 0.4], [0.6, 0.1]], receiver=[[0.4, 0.1], [0.4, 0.9]], silence=(0.2, 0.8))()
    >>> talks.claim, round(talks.concede, 4), round(talks.belief, 4)
    (array([1.  , 0.15]), 0.2, 0.625)
    """

    prior: float
    owner: ArrayLike = field(kw_only=True)
    receiver: ArrayLike = field(kw_only=True)
    silence: ArrayLike = field(kw_only=True)
    players: Names = field(default=("owner", "receiver"), kw_only=True, metadata=UNLABELLED)
    _tables: tuple[Floats, Floats, Floats] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "players", unique_names(self.players, "players", 2))
        prior, owner, receiver = checked_stakes(self.prior, self.owner, self.receiver)
        silence = real(self.silence, "silence", ndim=1)
        low, high = owner[1, 1], owner[1, 0]
        if silence.shape != (2,) or not low < silence[0] < high:
            raise InvalidInput(
                f"`silence` must be a pair, the first between the weak type's payoffs if called and if conceded to, "
                f"({plain(low)}, {plain(high)}); got {silence.tolist()}. A caught bluff must leave less than silence, "
                f"an uncaught one more."
            )
        if silence[0] > owner[0, 1]:
            raise InvalidInput(
                f"`silence` must not be worth more than a called claim to the strong type, {plain(owner[0, 1])}; "
                f"got {plain(silence[0])}. Otherwise the strong type might keep silent."
            )
        fill(self, prior=prior, _tables=(owner, receiver, silence))
        if prior == self.threshold:
            raise InvalidInput(
                f"`prior` must differ from the belief threshold {plain(prior)}: there the receiver may answer anything."
            )

    @property
    def threshold(self) -> float:
        """Belief above which the receiver concedes to a claim."""
        return belief_threshold(self._tables[1])

    def __call__(self) -> BluffOutcome:
        """Return the equilibrium in which a strong owner claims."""
        q, mu = self.prior, self.threshold
        owner, _, (silent, _) = self._tables
        if q > mu:
            weak, concede = 1.0, 1.0
        else:
            weak = q * (1 - mu) / ((1 - q) * mu)
            concede = float((silent - owner[1, 1]) / (owner[1, 0] - owner[1, 1]))
        claim = np.array([1.0, weak])
        payoffs, met, belief = self._implied(claim, concede)
        outcome = BluffOutcome(
            player_names=tuple(self.players),
            threshold=mu,
            claim=claim,
            concede=concede,
            belief=belief,
            payoffs=payoffs,
            receiver=met,
            parameters=describe(self).parameters,
        )
        return self.check(outcome)

    def _implied(self, claim: Floats, concede: float) -> tuple[Floats, float, float]:
        """Return the types' payoffs, the receiver's, and the belief in a claim, from the strategies."""
        owner, receiver, (silent, unclaimed) = self._tables
        types, answer = np.array([self.prior, 1 - self.prior]), np.array([concede, 1 - concede])
        payoffs = claim * (owner @ answer) + (1 - claim) * silent
        met = float(types @ (claim * (receiver @ answer) + (1 - claim) * unclaimed))
        return payoffs, met, float(types[0] * claim[0] / (types @ claim))

    def check(self, outcome: BluffOutcome) -> BluffOutcome:
        """Return an outcome with `residual` and `status` computed anew from its payoffs and strategies."""
        answer_of(outcome, "outcome", BluffOutcome)
        owner, receiver, (silent, _) = self._tables
        payoffs, met, belief = self._implied(outcome.claim, outcome.concede)
        stake, span = owner[1, 0] - owner[1, 1], np.ptp(receiver)
        answer = np.array([outcome.concede, 1 - outcome.concede])
        choices = np.array([belief, 1 - belief]) @ receiver
        odds = np.append(outcome.claim, outcome.concede)
        return judged(
            outcome,
            ACCURACY,
            np.abs(outcome.payoffs - payoffs) / stake,
            (np.maximum(owner @ answer, silent) - payoffs) / stake,
            (choices.max() - choices @ answer) / span,
            abs(outcome.receiver - met) / span,
            abs(outcome.belief - belief),
            np.maximum(-odds, odds - 1),
        )


@suggesting
def credibility(game: CostlyStep, sizes: ArrayLike) -> Floats:
    r"""Return the probability of a concession that a step of each size buys.

    A step of size e costs each type e times the game's costs. In the equilibrium in which the strong type
    always takes the step, a receiver who would otherwise call (:math:`q<\mu^*`) concedes with probability
    :math:`\min(1, e\,k_w)`; its belief is :math:`\mu^*` until the weak type stops imitating at :math:`e = 1/k_w`.

    Parameters
    ----------
    game : CostlyStep
        With :math:`q < \mu^*` and :math:`k_s < k_w`.
    sizes : array_like
        Positive numbers.

    Returns
    -------
    ndarray, shape of `sizes`
        NaN where the step is too costly for the strong type (:math:`e\,k_s > 1`).

    Examples
    --------
    >>> from bargaining import CostlyStep, credibility
    >>> step = CostlyStep(0.3, (0.05, 0.2), owner=[[0.6, 0.4], [0.6, 0.2]], receiver=[[0.4, 0.1], [0.4, 0.8]])
    >>> credibility(step, [0.5, 1.0, 2.0, 5.0])
    array([0.25, 0.5 , 1.  ,  nan])
    """
    if not isinstance(game, CostlyStep):
        raise InvalidInput(f"`game` must be a CostlyStep; got {with_article(game)}.")
    e = within(real(sizes, "sizes"), "sizes", 0.0, np.inf, ends="()")
    k_strong, k_weak = game.hurdles
    if game.prior >= game.threshold or k_strong > k_weak:
        raise InvalidInput(
            "`game` must have a prior below its threshold and a step that is relatively cheaper for the strong type; "
            "otherwise the step buys no credibility."
        )
    return np.where(e * k_strong > 1, np.nan, np.minimum(1.0, e * k_weak))

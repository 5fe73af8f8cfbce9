"""A claim to have an alternative, the call, and the credibility that a costly step buys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import answer_of
from bargaining._arrays import Floats, owning, real, within
from bargaining._names import Names, unique_names
from bargaining._rich import Shown
from bargaining.division import ACCURACY, describe
from bargaining.errors import InvalidInput, Status
from bargaining.protocols._seats import UNLABELLED
from bargaining.protocols.signalling import CostlyStep, belief_threshold, checked_stakes


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BluffOutcome(Shown):
    """The equilibrium of `Bluff`.

    Attributes
    ----------
    threshold : float
        Belief above which the claim is conceded to.
    claim : ndarray, shape (2,)
        Probability with which the strong and the weak type make the claim.
    concede : float
        Probability with which the claim is conceded to; the call has the rest.
    belief : float
        Probability that a claim is true.
    payoffs : ndarray, shape (2,)
        What the strong and the weak type expect.
    receiver : float
        What the receiver expects.
    residual : float
        The largest gain by a deviation: of a type over what it has at stake, of the receiver over its own range; or how
        far the payoffs are from what the strategies bring.
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


@owning
@dataclass(frozen=True, slots=True, eq=False)
class Bluff(Shown):
    r"""A claim that costs nothing to make and something to be caught at.

    Parameters
    ----------
    prior : float
        Probability q that the alternative is real, strictly between 0 and 1.
    owner : array_like, shape (2, 2)
        The owner's payoffs if conceded to and if called; rows strong, weak. Both prefer a concession.
    receiver : array_like, shape (2, 2)
        The receiver's payoffs likewise; it prefers to concede to the strong type and to call the weak.
    silence : array_like, shape (2,)
        What the owner and the receiver get if a weak owner makes no claim. The owner's lies between
        its payoffs from being called and from being conceded to.
    players : sequence of str, default ("owner", "receiver")
        Names of the two.

    Notes
    -----
    Timing:

    1. Nature draws the owner's type; only the owner learns it.
    2. The owner claims to have the alternative, or keeps silent.
    3. After a claim the receiver concedes or calls. After silence it does not concede.

    A strong owner claims, since silence gives it what the weak type gets and a claim no less than
    being called. With the threshold :math:`\mu^*` of `CostlyStep`:

    * if :math:`q > \mu^*` every weak owner claims and is believed;
    * if :math:`q < \mu^*` a weak owner bluffs with probability
      :math:`\frac{q(1-\mu^*)}{(1-q)\mu^*}`, so that a claim is true with probability :math:`\mu^*`, and the
      receiver concedes just often enough, :math:`p = \frac{s-u_{call}}{u_{concede}-u_{call}}`, to leave the
      weak type indifferent to silence, worth s.

    It is the only equilibrium in which a strong owner claims, for :math:`q \ne \mu^*` (:numref:`bluff-unique`).

    Examples
    --------
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
                f"({low:.17g}, {high:.17g}); got {silence.tolist()}. A caught bluff must leave less than silence, "
                f"an uncaught one more."
            )
        if silence[0] > owner[0, 1]:
            raise InvalidInput(
                f"`silence` must not be worth more than a called claim to the strong type, {owner[0, 1]:.17g}; "
                f"got {silence[0]:.17g}. Otherwise the strong type might keep silent."
            )
        object.__setattr__(self, "prior", prior)
        object.__setattr__(self, "_tables", (owner, receiver, silence))
        if prior == self.threshold:
            raise InvalidInput(
                f"`prior` must differ from the belief threshold {prior:.17g}: there the receiver may answer anything."
            )

    @property
    def threshold(self) -> float:
        """Belief above which the receiver concedes to a claim."""
        return belief_threshold(self._tables[1])

    def __call__(self) -> BluffOutcome:
        """Return the equilibrium in which a strong owner claims."""
        q, mu = self.prior, self.threshold
        owner, receiver, (silent, unclaimed) = self._tables
        if q > mu:
            weak, concede = 1.0, 1.0
        else:
            weak = q * (1 - mu) / ((1 - q) * mu)
            concede = float((silent - owner[1, 1]) / (owner[1, 0] - owner[1, 1]))
        belief = q / (q + (1 - q) * weak)
        answer = np.array([concede, 1 - concede])
        claimed, met = owner @ answer, receiver @ answer
        outcome = BluffOutcome(
            player_names=tuple(self.players),
            threshold=mu,
            claim=np.array([1.0, weak]),
            concede=concede,
            belief=belief,
            payoffs=np.array([claimed[0], weak * claimed[1] + (1 - weak) * silent]),
            receiver=float(q * met[0] + (1 - q) * (weak * met[1] + (1 - weak) * unclaimed)),
            parameters=describe(self).parameters,
        )
        return self.check(outcome)

    def check(self, outcome: BluffOutcome) -> BluffOutcome:
        """Return an outcome with `residual` and `status` found anew from its payoffs and strategies.

        The answer may be one of this protocol, or one that was changed. The residual is the largest gain by a
        deviation, of a type over what it has at stake and of the receiver over its own range, or the distance of
        payoffs and belief from what the strategies imply.
        """
        answer_of(outcome, "outcome", BluffOutcome)
        q, (strong, weak), concede = self.prior, outcome.claim, outcome.concede
        owner, receiver, (silent, unclaimed) = self._tables
        stake, span = owner[1, 0] - owner[1, 1], np.ptp(receiver)
        answer = np.array([concede, 1 - concede])
        claimed, met = owner @ answer, receiver @ answer
        claims, types = np.array([strong, weak]), np.array([q, 1 - q])
        expected = claims * claimed + (1 - claims) * silent
        believed = q * strong / (types @ claims)
        choices = np.array([believed, 1 - believed]) @ receiver
        gaps = [
            *(np.abs(outcome.payoffs - expected) / stake),
            *((np.maximum(claimed, silent) - expected) / stake),
            (choices.max() - choices @ answer) / span,
            abs(outcome.receiver - types @ (claims * met + (1 - claims) * unclaimed)) / span,
            abs(outcome.belief - believed),
            *(max(-chance, chance - 1) for chance in (strong, weak, concede)),
        ]
        residual = max(0.0, *(float(gap) for gap in gaps))
        status = Status.OK if residual <= ACCURACY else Status.INACCURATE
        return replace(outcome, residual=residual, status=status)


def credibility(game: CostlyStep, sizes: ArrayLike) -> Floats:
    r"""Return the probability of a concession that a step of each size buys.

    A step of size e costs each type e times the game's costs. In the equilibrium in which the strong type
    always takes the step, a receiver who would otherwise call (:math:`q<\mu^*`) concedes with
    probability :math:`\min(1, e\,k_w)`: in proportion to what the step costs the weak type against its
    stake, until the weak type stops imitating at :math:`e = 1/k_w`. The belief after the step is
    :math:`\mu^*` up to there, and 1 beyond.

    Parameters
    ----------
    game : CostlyStep
        With :math:`q < \mu^*` and :math:`k_s < k_w`.
    sizes : array_like
        Positive numbers.

    Returns
    -------
    ndarray, shape of `sizes`
        NaN where the step is too dear for the strong type (:math:`e\,k_s > 1`).

    Examples
    --------
    >>> from bargaining import CostlyStep
    >>> step = CostlyStep(0.3, (0.05, 0.2), owner=[[0.6, 0.4], [0.6, 0.2]], receiver=[[0.4, 0.1], [0.4, 0.8]])
    >>> credibility(step, [0.5, 1.0, 2.0, 5.0])
    array([0.25, 0.5 , 1.  ,  nan])
    """
    if not isinstance(game, CostlyStep):
        raise InvalidInput(f"`game` must be a CostlyStep; got a {type(game).__name__}.")
    e = within(real(sizes, "sizes"), "sizes", 0.0, np.inf, ends="()")
    k_strong, k_weak = game.hurdles
    if game.prior > game.threshold or k_strong > k_weak:
        raise InvalidInput(
            "`game` must have a prior below its threshold and a step that is relatively cheaper for the strong type; "
            "otherwise there is nothing to buy."
        )
    return np.where(e * k_strong > 1, np.nan, np.minimum(1.0, e * k_weak))

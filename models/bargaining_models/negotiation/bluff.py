r"""A claim to have an alternative: the partner cannot see how much home could redirect, and may call the claim.

Timing of the claim.

1. Nature decides whether home can redirect the share r (strong, with probability q) or nothing (weak). Only
   home learns it.
2. Home claims that it can, or keeps silent; or takes a visible step that costs it something.
3. The partner concedes, and they agree at the terms of a strong home; or it calls, and the tariff war follows for
   some years, after which everybody sees what can be redirected and they agree at the terms that belong to it.
   After silence they agree at the terms of a weak home.

The terms are the Nash division about the tariff war at the share in question. Payoffs are money a year, as level
flows from today, each measured from free trade at home's true share. With :math:`T_s < T_w` the transfers,
:math:`w` the war's payoff, :math:`a` free trade, and :math:`e = e^{-\rho D}` for a war of D years, a call of type
:math:`\theta` brings :math:`(1 - e) w_\theta + e (a \mp T_\theta)`. The partner concedes iff its belief in a strong
home exceeds

.. math:: \mu^* = \frac{g}{g + l}, \quad g = e (T_w - T_s) - (1 - e)(a_1 + T_s - w_1)_w, \quad
          l = (1 - e)(a_1 + T_s - w_1)_s.

Timing of the hold-out. Both know r, but neither knows whether the other can concede at all: with a small
probability home insists on the terms of the share r, and the partner on those of r = 0, for ever. The rest is
`ReputationalBargaining`, with the status quo in force until somebody gives way and the tariff war for good if
home walks out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from bargaining import Bluff, ReputationalBargaining, nash
from bargaining.authoring import Floats, Shown, real, record, scalar, within
from bargaining.errors import InvalidInput, plain
from bargaining.protocols.reputation import ReputationalOutcome
from bargaining.protocols.signalling import BluffOutcome, belief_threshold
from bargaining_models.negotiation.deal import DISCOUNT_RATE, Deal

STRONG, WEAK = 0, 1  # places of the types
MOST = 0.95  # of the surplus: beyond it the other side gains nothing


@dataclass(frozen=True, kw_only=True, eq=False)
class Claim(Shown):
    """Home's claim that it can redirect a share of its exports.

    Parameters
    ----------
    deal : Deal
        At two shares: none, and the one claimed.
    war : float
        Years of tariff war after a call, positive.
    rate : float
        Both countries' discount rate per year.

    Examples
    --------
    >>> from bargaining_models.negotiation import Negotiation
    >>> from bargaining_models.parameters import load
    >>> schedules = ["us_2025_26", "canada_2025_26"]
    >>> talks = Negotiation(
    ...     data=load(), home="Canada", partner="US", alternative="China", status_quo=schedules
    ... )
    >>> claim = Claim(deal=Deal.at(talks, r=[0.0, 0.15]), war=1.0)
    >>> round(claim.threshold, 3)
    0.734
    >>> claim.talks(prior=0.3).claim.round(3)  # how often each type claims
    array([1.   , 0.155])
    """

    deal: Deal
    war: float
    rate: float = DISCOUNT_RATE

    def __post_init__(self) -> None:
        for name in ("war", "rate"):
            if scalar(getattr(self, name), name) <= 0:
                raise InvalidInput(f"`{name}` must be positive; got {plain(getattr(self, name))}.")
        if self.deal.war.money.shape != (2, 2):
            raise InvalidInput(
                f"`deal` must be at two shares, none and the one claimed; got shape {self.deal.war.money.shape[:-1]}."
            )
        strong, weak = self.terms
        if not strong < weak:
            raise InvalidInput(
                f"`deal` must bring {self.deal.negotiation.roles.said[0]} better terms at the second share; the "
                f"transfers are {plain(weak)} and {plain(strong)}. There is nothing to claim."
            )

    @cached_property
    def terms(self) -> Floats:
        """The transfer from home to the partner if the type is known: strong, weak."""
        return np.asarray(self.deal.transfer(nash(self.deal.problem()).raise_if_failed())[::-1])

    @cached_property
    def _payoffs(self) -> Floats:
        """From free trade at the type's share: strong, weak; conceded to, called; home, partner."""
        kept, sides = np.exp(-self.rate * self.war), np.array([-1.0, 1.0])
        loss = (self.deal.war.money - self.deal.agreement.money)[::-1]
        conceded = np.broadcast_to(self.terms[STRONG] * sides, (2, 2))
        return np.stack([conceded, (1 - kept) * loss + kept * self.terms[:, None] * sides], axis=1)

    @property
    def owner(self) -> Floats:
        """Home's payoffs: rows strong, weak; columns if conceded to, if called."""
        return np.asarray(self._payoffs[..., 0])

    @property
    def receiver(self) -> Floats:
        """The partner's payoffs likewise."""
        return np.asarray(self._payoffs[..., 1])

    @property
    def threshold(self) -> float:
        """The belief that the alternative is real above which the partner concedes.

        1 if calling a strong home costs the partner nothing, 0 if calling a weak one gains it nothing.
        """
        conceded, called = self.receiver.T
        if called[WEAK] <= conceded[WEAK]:
            return 0.0
        return 1.0 if conceded[STRONG] <= called[STRONG] else belief_threshold(self.receiver)

    @property
    def stakes(self) -> Floats:
        """The gain from a concession over a call to a strong and to a weak home, money a year."""
        return np.asarray(self.owner[:, 0] - self.owner[:, 1])

    @property
    def dearest_ratio(self) -> float:
        """The largest cost to a strong home, per dollar of cost to a weak one, at which a step is still informative."""
        return float(self.stakes[STRONG] / self.stakes[WEAK])

    def talks(self, prior: float) -> BluffOutcome:
        """Return the equilibrium of a free claim, at the partner's belief `prior`."""
        names = self.deal.negotiation.roles
        if self.threshold == 0.0:
            raise InvalidInput(
                f"`war` must be so short that {names.said[1]} gains by calling a bluff; got {plain(self.war)} years, "
                f"for which better terms do not make up, so that {names.said[1]} concedes whatever it believes."
            )
        silence = (-self.terms[WEAK], self.terms[WEAK])
        return Bluff(
            prior, silence=silence, owner=self.owner, receiver=self.receiver, players=names.names[:2]
        )()


@record(slots=False)
class HoldOut(Shown):
    """Two countries that may be unable to concede, at a share r that both know.

    Parameters
    ----------
    deal : Deal
        At an increasing array of shares that begins with 0.
    priors : array_like, shape (2,)
        Probabilities that home, and that the partner, never concedes.
    partner_demand : float, optional
        The share of the surplus over the status quo on which the partner insists. By default its share under the Nash
        terms at r = 0.
    rate : float
        Both countries' discount rate per year.

    Examples
    --------
    >>> from bargaining_models.negotiation import Negotiation
    >>> from bargaining_models.parameters import load
    >>> schedules = ["us_2025_26", "canada_2025_26"]
    >>> talks = Negotiation(
    ...     data=load(), home="Canada", partner="US", alternative="China", status_quo=schedules
    ... )
    >>> deal = Deal.at(talks, r=[0.0, 0.15, 0.2], route_survives=False)
    >>> talks = HoldOut(deal=deal, priors=(0.05, 0.05))
    >>> talks.transfer.round(2), talks.jumps  # at r = .15 and .2, USD bn a year
    (array([4.2 , 2.15]), array([False,  True]))
    """

    deal: Deal
    priors: ArrayLike
    partner_demand: float | None = None
    rate: float = DISCOUNT_RATE

    def __post_init__(self) -> None:
        shares = np.asarray(self.deal.r)
        if shares.ndim != 1 or len(shares) < 2 or shares[0] != 0 or (np.diff(shares) <= 0).any():
            raise InvalidInput("`deal` must be at an increasing array of shares, 0 first.")
        if self.partner_demand is not None:
            within(real(self.partner_demand, "partner_demand", ndim=0), "partner_demand", 0.0, 1.0, ends="()")

    @cached_property
    def surplus(self) -> Floats:
        """The surplus of an agreement over the status quo while they talk, money a year, at the shares above 0."""
        surplus: Floats = (self.deal.total - self.deal.money("talks").sum(axis=-1))[1:]
        if not (surplus > 0).all():
            raise InvalidInput(
                f"`deal` must leave a surplus over the status quo at every share; got {plain(surplus.min())}. "
                "There is nothing to hold out for."
            )
        return surplus

    @cached_property
    def demands(self) -> Floats:
        """The shares of the surplus on which home and the partner insist, shape (S - 1, 2).

        Home insists on no more than .95: beyond its surplus the partner prefers the status quo to the deal.
        """
        terms, fixed = self.deal.transfer(nash(self.deal.problem()).raise_if_failed()), self.partner_demand
        gain = (self.deal.agreement.money - self.deal.money("talks"))[1:]
        home = np.minimum((gain[:, 0] - terms[1:]) / self.surplus, MOST)
        partner = (gain[:, 1] + terms[0]) / self.surplus
        return np.stack([home, partner if fixed is None else np.full_like(partner, fixed)], axis=1)

    @cached_property
    def walking_out(self) -> Floats:
        """Payoffs of home and the partner in the tariff war over the status quo, as shares of the surplus."""
        return np.asarray((self.deal.war.money - self.deal.money("talks"))[1:] / self.surplus[:, None])

    @cached_property
    def outcome(self) -> ReputationalOutcome:
        """The equilibrium at each share above 0."""
        option = np.maximum(self.walking_out[:, 0], 0.0)  # nobody leaves for a loss
        roles, demands = self.deal.negotiation.roles, self.demands
        outside = np.argwhere((demands <= 0.0) | (demands >= 1.0))
        for k, side in outside.tolist():
            raise InvalidInput(
                f"`deal` must leave each side a part of the surplus over the status quo, in (0, 1); at "
                f"r = {np.asarray(self.deal.r)[k + 1]:g} the terms of {roles.said[side]} are {demands[k, side]:.6g} of "
                f"it, so there is nothing to hold out for."
            )
        return ReputationalBargaining(
            demands, self.rate, self.priors, outside=(option, None), players=roles.names[:2]
        )()

    @property
    def jumps(self) -> Floats:
        """Whether home would rather walk out than concede, which ends the hold-out of the partner; shape (S - 1,)."""
        return np.asarray(self.outcome.leaves[:, 0])

    @property
    def payoffs(self) -> Floats:
        """Expected payoffs of home and the partner if they can concede, a year, at the shares above 0, (S - 1, 2)."""
        return np.asarray(self.deal.money("talks")[1:] + self.surplus[:, None] * self.outcome.payoffs)

    @property
    def transfer(self) -> Floats:
        """The transfer at which immediate free trade gives home that payoff, as a level flow, at the shares above 0."""
        return np.asarray(self.deal.agreement.money[1:, 0] - self.payoffs[:, 0])

    @property
    def cost(self) -> Floats:
        """The joint loss from delay, impasse and a war that home starts by walking out, money a year.

        When home leaves an obstinate partner, the partner gets the war's payoff as well.
        """
        priors = np.broadcast_to(real(self.priors, "priors"), self.demands.shape)
        left = np.where(self.jumps, priors[:, 1] * (1 - priors[:, 0]) * self.walking_out[:, 1], 0.0)
        return np.asarray(self.surplus * (self.outcome.cost - left))


def gain_over_giving_way(deal: Deal, *, partner_demand: float | None = None, transfer: float = 0.0) -> Floats:
    """Return home's gain from the tariff war over conceding to an obstinate partner.

    The partner insists on a part of the surplus over the status quo, or, where that is None, on a transfer.
    """
    talks = deal.money("talks")
    left = deal.agreement.money[..., 0] - transfer
    if partner_demand is not None:
        left = talks[..., 0] + (1 - partner_demand) * (deal.total - talks.sum(axis=-1))
    return np.asarray(deal.war.money[..., 0] - left)

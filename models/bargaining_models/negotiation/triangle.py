r"""The triangle: the route to the alternative is an agreement too, and the alternative bargains over it.

Two agreements can be made, both with home, each with a lump sum a year, in money:

- U, *free trade with the partner*; without it the Nash tariff war, at the state of the route;
- C, *the route to the alternative*, which opens it for the redirectable share r; without it the route is closed, as at
  r = 0.

The trade model gives the payoffs of the three in each of the four states: nothing, C, U and both. `Deal` compares U
with its absence while C is always in force and nothing is paid for it. Here C is bargained over, and there are four
readings of who bargains when:

1. *at once*: both pairs at the same time, each taking the other agreement as given (Nash-in-Nash);
2. *in order*: one pair after the other, each once; the first foresees the second, and its agreement is final;
3. *again*: if a pair breaks up, the other bargains again, so that both members of each pair gain equally;
4. *together*: the three divide the total by a value of the coalitional game (Shapley value, nucleolus).

`clause` asks whether home and the partner gain by an agreement that rules out C. Treaties have such clauses: Article
32.10 of the USMCA lets a party end the agreement with one that enters a free trade agreement with a non-market country.

*Terms* between a hub and two partners follow, pair by pair or all together, from the money of the four states. The hub,
player 0, may reach agreement U with player 1 and agreement C with player 2; 1 and 2 have nothing to agree about.
`money`, of shape (\*batch, 2, 2, 3), holds what all three have before lump sums, with axes: U in force or not, C in
force or not, player.

An agreement may help or harm the partner who has no part in it. Lump sums are paid within pairs, and what one pair pays
is sunk for the other. In the coalitional game all agreements inside a coalition are in force. A coalition with the hub
in it is worth the same whatever the others do. A partner on its own expects the other two to stand alone (the model γ
of Hart and Kurz).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, Result, per_player, real, record, within
from bargaining.errors import InvalidInput, Status
from bargaining.games.coalitional import Allocation, CoalitionalGame
from bargaining_models.negotiation.deal import Deal, Reading
from bargaining_models.negotiation.negotiation import Negotiation, Share
from bargaining_models.negotiation.roles import Roles

PARTNERS = PARTNER, ALTERNATIVE = 1, 2
"""The two that home can agree with, by their numbers."""
ACCURACY = 1e-10  # of the residual, relative
PAYOFFS, SIGNED, MISSED = slice(0, 3), slice(3, 5), 5  # entries of a state, see `_state`


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms(Result):
    """The agreements in force, the payments and the payoffs.

    Attributes
    ----------
    payoffs : (*batch, 3) array
        After lump sums, in the unit of the money.
    transfers : (*batch, 2) array
        What the hub pays partner 1 and partner 2; negative if the partner pays.
    agreed : (*batch, 2) array of bool
        Which agreements are in force.
    residual : (*batch) array
        Largest violation of the definition, relative to the largest money of the cell.
    status : (*batch) int8 array
        OK; EMPTY where a pair prefers having no agreement; INACCURATE where the residual exceeds 1e-10.
    """

    payoffs: Floats
    transfers: Floats
    agreed: NDArray[np.bool_]
    residual: Floats
    status: NDArray[np.int8]


def unpaid(money: ArrayLike, *, weight: float = 0.5) -> Terms:
    """Return the terms if the second agreement is always in force, and nothing is paid for it.

    The hub and partner 1 reach the Nash solution of U, with their payoffs without U as the disagreement point. `weight`
    is the hub's.
    """
    states, w = _checked(money), _hub_weights(weight)
    return _terms(states, _agreement(_state(states, 1, 1), _state(states, 0, 1), 1, w[0]))


def nash_in_nash(money: ArrayLike, *, weights: ArrayLike = 0.5) -> Terms:
    """Return the terms if each pair divides the surplus of its agreement, given the other agreement.

    Parameters
    ----------
    money : (*batch, 2, 2, 3) array_like
    weights : array_like of shape (2,), or one number
        The hub's bargaining weight in [0, 1] against partner 1 and against partner 2.

    Raises
    ------
    InvalidInput
        If `money` has another shape or is not finite, or a weight is outside [0, 1].

    Examples
    --------
    >>> money = [[[0, 0, 0], [6, 0, 0]], [[10, 0, 0], [12, 0, 0]]]  # 6 with C alone, 10 with U alone, 12 with both
    >>> nash_in_nash(money).transfers
    array([3., 1.])
    """
    states, w = _checked(money), _hub_weights(weights)
    both, alone = _state(states, 1, 1), (_state(states, 0, 1), _state(states, 1, 0))
    first, second = (_division(both, alone[p - 1], p, w[p - 1]) for p in PARTNERS)
    joint = [(both - alone[p - 1])[..., [0, p]].sum(axis=-1) for p in PARTNERS]
    return _terms(states, first + second - both, least=np.min(joint, axis=0))


def renegotiated(money: ArrayLike) -> Terms:
    """Return the terms with equal gains in each pair, if the other pair renegotiates after a break-up.

    A partner whose agreement breaks up stays outside the agreement of the other two. Without externalities on outsiders
    these are the terms of the Shapley value (Stole and Zwiebel 1996).

    References
    ----------
    de Fontenay, C. C. and Gans, J. S. (2014). Bilateral bargaining with externalities. *Journal of Industrial
    Economics* 62(4), 756-788. doi:10.1111/joie.12064

    Examples
    --------
    >>> renegotiated([[[0, 0, 0], [6, 0, 0]], [[10, 0, 0], [12, 0, 0]]]).payoffs.round(3)
    array([6.667, 3.667, 1.667])
    """
    states = _checked(money)
    nothing, terms = _state(states, 0, 0), _state(states, 1, 1)
    alone = [_division(_state(states, 2 - p, p - 1), nothing, p, 0.5) for p in PARTNERS[::-1]]  # without 1, 2
    left = np.stack(alone, axis=-1)[..., 0, :]
    outside = np.stack([alone[p - 1][..., p] for p in PARTNERS], axis=-1)
    hub = (terms[..., PAYOFFS].sum(axis=-1) + (left - outside).sum(axis=-1))[..., None] / 3
    terms[..., PAYOFFS] = np.concatenate([hub, hub - left + outside], axis=-1)
    gains = terms[..., :1] - left, terms[..., 1:3] - outside
    terms[..., MISSED] = np.abs(gains[0] - gains[1]).max(axis=-1)
    return _terms(states, terms, least=np.minimum(gains[0], left - nothing[..., :1]).min(axis=-1))


def in_order(money: ArrayLike, *, first: int, weights: ArrayLike = 0.5) -> Terms:
    """Return the terms if the hub bargains with one partner and then, once, with the other.

    Each pair reaches its Nash solution, foreseeing what follows, or no agreement if the two would lose jointly.
    The first agreement is final, whatever the second pair does, and its lump sum is sunk by then.

    Parameters
    ----------
    money, weights
        As for `nash_in_nash`.
    first : int
        The partner who comes first, 1 or 2.

    References
    ----------
    Marx, L. M. and Shaffer, G. (2007). Rent shifting and the order of negotiations. *International Journal of
    Industrial Organization* 25(5), 1109-1125.

    Examples
    --------
    >>> money = [[[0, 0, 0], [6, 0, 0]], [[10, 0, 0], [12, 0, 0]]]
    >>> in_order(money, first=1).transfers, in_order(money, first=2).transfers
    (array([4., 1.]), array([3., 2.]))
    """
    states, w = _checked(money), _hub_weights(weights)
    if isinstance(first, bool) or not isinstance(first, int | np.integer) or first not in PARTNERS:
        raise InvalidInput(f"`first` must be 1 or 2, the partner who comes first; got {first!r}.")

    def then(signed: int) -> Floats:
        yes, no = (_state(states, *(signed, second)[:: 3 - 2 * first]) for second in (1, 0))
        return _agreement(yes, no, 3 - first, w[2 - first])

    return _terms(states, _agreement(then(1), then(0), first, w[first - 1]))


def exclusive(money: ArrayLike, *, weights: ArrayLike = 0.5) -> Terms:
    """Return the terms if the hub bargains with partner 1 first, and their agreement rules out one with partner 2.

    If they fail to agree, the hub goes on to partner 2, as in `in_order`.
    """
    states, w = _checked(money), _hub_weights(weights)
    refused = _agreement(_state(states, 0, 1), _state(states, 0, 0), 2, w[1])
    return _terms(states, _agreement(_state(states, 1, 0), refused, 1, w[0]))


def worths(money: ArrayLike) -> dict[tuple[int, ...], Floats]:
    """Return the worth of every coalition, each of shape batch (Hart and Kurz 1983).

    References
    ----------
    Hart, S. and Kurz, M. (1983). Endogenous formation of coalitions. *Econometrica* 51(4), 1047-1064.
    doi:10.2307/1912051
    """
    states = _checked(money)
    nothing, second, first, both = (states[..., u, c, :] for u in (0, 1) for c in (0, 1))
    return {(player,): nothing[..., player] for player in range(3)} | {
        (0, 1): first[..., 0] + first[..., 1],
        (0, 2): second[..., 0] + second[..., 2],
        (1, 2): nothing[..., 1] + nothing[..., 2],
        (0, 1, 2): both.sum(axis=-1),
    }


def shapley(money: ArrayLike) -> Terms:
    """Return the terms by which each gets its average contribution over the orders of arrival.

    Examples
    --------
    >>> shapley([[[0, 0, 0], [6, 0, 0]], [[10, 0, 0], [12, 0, 0]]]).payoffs.round(3)
    array([6.667, 3.667, 1.667])
    """
    return _allocated(money, CoalitionalGame.shapley)


def nucleolus(money: ArrayLike) -> Terms:
    """Return the terms that minimise the largest complaint of a coalition, then the second largest.

    Raises
    ------
    NotApplicable
        If the three are worth more alone than together.

    Examples
    --------
    >>> nucleolus([[[0, 0, 0], [6, 0, 0]], [[10, 0, 0], [12, 0, 0]]]).payoffs
    array([8., 3., 1.])
    """
    return _allocated(money, CoalitionalGame.nucleolus)


def _state(states: Floats, first: int, second: int) -> Floats:
    """Return a state: the payoffs of the three, whether each agreement is signed, the violation, (*batch, 6)."""
    signed = np.broadcast_to([float(first), float(second), 0.0], (*states.shape[:-3], 3))
    return np.concatenate([states[..., first, second, :], signed], axis=-1)


def _division(yes: Floats, no: Floats, partner: int, weight: float) -> Floats:
    """Let the hub and a partner share what they gain jointly by signing."""
    terms, pair, shares = yes.copy(), [0, partner], np.array([1 - weight, -weight])
    paid = (yes - no)[..., pair] @ shares
    terms[..., pair] += np.stack([-paid, paid], axis=-1)
    missed = np.abs((terms - no)[..., pair] @ shares)
    terms[..., MISSED] = np.max([missed, yes[..., MISSED], no[..., MISSED]], axis=0)
    return terms


def _agreement(yes: Floats, no: Floats, partner: int, weight: float) -> Floats:
    """Let the hub and a partner sign unless they would lose jointly."""
    joint = (yes - no)[..., [0, partner]].sum(axis=-1, keepdims=True)
    return np.where(joint >= 0.0, _division(yes, no, partner, weight), no)


def _allocated(money: ArrayLike, value: Callable[[CoalitionalGame], Allocation]) -> Terms:
    """Return the terms by a value of the coalitional game, cell by cell."""
    states, worth = _checked(money), worths(money)
    terms = _state(states, 1, 1)
    for cell in np.ndindex(terms.shape[:-1]):
        game = CoalitionalGame((0, 1, 2), {who: x[cell] for who, x in worth.items()})
        terms[cell][PAYOFFS] = value(game).payoffs
    return _terms(states, terms)


def _terms(states: Floats, terms: Floats, *, least: ArrayLike = 0.0) -> Terms:
    """Compute the lump sums; the terms are empty where the least gain of a pair or a player is negative."""
    payoffs, agreed = terms[..., PAYOFFS], terms[..., SIGNED] > 0.5
    in_force = (agreed @ [2, 1])[..., None, None]
    before = np.take_along_axis(states.reshape(*states.shape[:-3], 4, 3), in_force, axis=-2)
    paid = payoffs - before[..., 0, :]
    size = np.abs(states).max(axis=(-3, -2, -1))
    missed = np.maximum(terms[..., MISSED], np.abs(paid.sum(axis=-1)))
    residual = np.asarray(missed / np.where(size > 0.0, size, 1.0))
    status = np.where(residual <= ACCURACY, Status.OK, Status.INACCURATE)
    return Terms(
        payoffs=payoffs,
        transfers=paid[..., 1:],
        agreed=agreed,
        residual=residual,
        status=np.where(np.asarray(least) < -ACCURACY * size, Status.EMPTY, status).astype(np.int8),
    )


def _checked(money: ArrayLike) -> Floats:
    """Return the money of the four states as an array, or raise an error."""
    states = real(money, "money", payoffs=True)
    if states.shape[-3:] != (2, 2, 3):
        raise InvalidInput(
            f"`money` must have last axes (2, 2, 3): first agreement or not, second or not, player; got shape "
            f"{states.shape}. Stack the money of the four states."
        )
    return states


def _hub_weights(weights: ArrayLike) -> Floats:
    """Return the hub's bargaining weight against each partner."""
    return within(per_player(weights, "weights", 2), "weights", 0.0, 1.0)


@record
class Triangle(Result):
    """Payoffs of home, the partner and the alternative from two agreements of home, at each redirectable share.

    Attributes
    ----------
    negotiation : Negotiation
    money : (*batch, 2, 2, 3) array
        Agreement with the partner or not, with the alternative or not; home, partner, alternative. A year, before lump
        sums, against free trade at r = 0.
    unit : str
        Unit of `money`.
    residual : (*batch) array
        Largest relative violation of the equilibrium conditions in the four states.
    status : int8 array of shape batch

    Examples
    --------
    >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
    >>> triangle = Triangle.at(talks, r=[0.05, 0.15])
    >>> nash_in_nash(triangle.money).transfers.round(2)  # Canada to the US and to China, USD bn a year
    array([[ 7.41, -0.33],
           [ 6.24, -0.94]])
    """

    negotiation: Negotiation
    money: Floats
    unit: str
    residual: Floats
    status: NDArray[np.int8]

    @classmethod
    def at(cls, negotiation: Negotiation, *, r: Share, capped: bool = False) -> Self:
        """Compute the four states at redirectable share `r`; the arguments are those of `Deal.at`.

        Raises
        ------
        InvalidInput
            If there is no alternative, or `r` is outside [0, 1] or names an unknown sector.
        """
        return cls.of(Deal.at(negotiation, r=r, capped=capped))

    @classmethod
    def of(cls, deal: Deal) -> Self:
        """Return the triangle at the shares of a deal, whose outcomes with the route are reused.

        Raises
        ------
        InvalidInput
            If there is no alternative, or an agreement closes the route.
        """
        talks = deal.negotiation
        talks.roles.need_alternative()
        if not deal.route_survives:
            raise InvalidInput(
                f"`deal` must leave the route to {talks.roles.said[2]} open under an agreement; got "
                f"route_survives=False. Give the deal with the route."
            )
        outcomes = (talks.war(), deal.war, talks.payoffs(), deal.agreement)
        batch, countries = deal.war.percent.shape[:-1], talks.roles.countries
        percent = [
            np.stack([one.equilibrium.of(country) for country in countries], axis=-1) for one in outcomes
        ]
        states = [np.broadcast_to(one / 100.0 * talks.worth(*countries), (*batch, 3)) for one in percent]
        worst = {
            name: np.max([np.broadcast_to(np.asarray(getattr(one, name)), batch) for one in outcomes], axis=0)
            for name in ("residual", "status")
        }
        return cls(
            negotiation=talks,
            money=np.stack(states, axis=-2).reshape(*batch, 2, 2, 3),
            unit=deal.agreement.unit,
            residual=np.asarray(worst["residual"]),
            status=np.asarray(worst["status"], dtype=np.int8),
        )

    @property
    def added(self) -> Floats:
        """The change of the three countries' money by C under free trade with the partner, (*batch, 3)."""
        return np.asarray(self.money[..., 1, 1, :] - self.money[..., 1, 0, :])

    def route_worth(self) -> Floats:
        """Return home's gain from a free route: more trade itself and a smaller transfer."""
        closed = np.stack([self.money[..., :, 0, :]] * 2, axis=-2)
        return np.asarray(unpaid(self.money).payoffs[..., 0] - unpaid(closed).payoffs[..., 0])

    def part_of_alternative(self, terms: Terms) -> Floats:
        """Return home's payment for the route as a share of its value to home; NaN where the value is zero."""
        worth, paid = self.route_worth(), terms.transfers[..., 1]
        nothing = np.abs(worth) < 1e-9
        return np.where(nothing, np.nan, paid / np.where(nothing, 1.0, worth))

    def clause(self, terms: Terms) -> Floats:
        """Return the joint gain of home and the partner from free trade without C over `terms`."""
        return np.asarray(self.money[..., 1, 0, :2].sum(axis=-1) - terms.payoffs[..., :2].sum(axis=-1))


def triangle_readings(roles: Roles) -> tuple[Reading, ...]:
    """Return the readings of who bargains when, each country of a pair with the same weight.

    They go from the money of the four states to `Terms`.
    """
    roles.need_alternative()
    (_, partner, other), (_, the_partner, the_other) = roles.names, roles.said
    once, forbids = (
        "each pair once, foreseeing what follows",
        f"the agreement with {the_partner} forbids that with",
    )
    listed: tuple[tuple[str, str, Callable[[Any], Terms]], ...] = (
        ("Route free", "the route is open whatever is agreed and costs nothing", unpaid),
        ("At once", "both pairs at the same time, the other agreement given (Nash-in-Nash)", nash_in_nash),
        (f"{other} first", once, lambda money: in_order(money, first=ALTERNATIVE)),
        (f"{partner} first", once, lambda money: in_order(money, first=PARTNER)),
        (f"{partner} first, {other} ruled out", f"{forbids} {the_other}", exclusive),
        ("Bargaining again", "a pair that breaks up leaves the other to bargain again", renegotiated),
        ("Shapley value", "all together; a country alone expects none to agree", shapley),
        ("Nucleolus", "as the Shapley value", nucleolus),
    )
    return tuple(Reading(name=name, timing=timing, divide=divide) for name, timing, divide in listed)

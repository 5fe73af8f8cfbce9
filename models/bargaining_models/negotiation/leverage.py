r"""Leverage: what the partner can ask of home for not ending trade, by who can commit to what and who else bids.

A `Threat` closes links between home, T, and the partner, U; it costs them L_T and L_U. The route to the alternative, K,
is "open" whatever happens, or "contingent": used only if the threat is carried out, because home keeps it for that or
because the agreement closes it. An open route raises income with and without an agreement, so it hardly changes L_T.

`Rivalry` has two hegemons. Let v(S) be payoffs in money if home trades with those in S.

- *Each asks for its own link*: h can take what home loses without it, :math:`L_h = v_T(UK) - v_T(S \setminus h)`. If
  each offers a menu, what the other hegemon would pay to see the link closed counts as well.
- *Exclusive*: home trades with one only. For that K bids at most :math:`b_K = v_K(K) - v_K(U)`, and U likewise. U wins
  if and only if :math:`v_T(U) + b_U \ge v_T(K) + b_K`, and asks for :math:`v_T(U) - v_T(K) - b_K`.

In `Triangle` the route itself is bargained over and nobody threatens; here the links in use are at stake.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bargaining import Column, Game, Table, coco_value, nash
from bargaining.authoring import Floats, Result, choice, real, record, within
from bargaining.errors import InvalidInput, Status
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.headline import GRID, Threshold, clean, first_crossing
from bargaining_models.trade import Power
from bargaining_models.trade.equilibrium import said
from bargaining_models.trade.links import sectors_of
from bargaining_models.trade.power import SIDES, links_closed

if TYPE_CHECKING:
    from bargaining_models.negotiation.negotiation import Negotiation, Share

UNITS = ("money", "percent")
GROUPS = 4  # of sectors in a game of threats: with imports and exports, each side has 256 sets


@record
class Threat(Power):
    """The partner's threat to end trade with home, in the money of the negotiation.

    It can be the `disagreement` of a negotiation: what happens is the cut, with home's route in use.

    Attributes
    ----------
    talks : Negotiation
    r, capped
        The redirectable share, and whether caps limit it.
    route : {"open", "contingent"}
        Whether home uses the route in the agreement too.

    Examples
    --------
    >>> from bargaining_models.negotiation import Negotiation
    >>> talks = Negotiation(data="icio2019", home="CAN", partner="USA", alternative="CHN")
    >>> threat = talks.threat(route="contingent")
    >>> threat.loss_money.round(2), threat.threshold(40).value.__round__(2)  # a demand of 40 fails from r = .10
    (np.float64(42.18), 0.1)
    """

    talks: Negotiation
    r: Share
    capped: bool
    route: str

    def elsewhere(self, r: Share) -> Threat:
        """Return the same threat at another redirectable share."""
        same = {name: getattr(self, name) for name in ("sectors", "side", "route", "capped")}
        return self.talks.threat(r=r, **same)

    def threshold(self, demand: float, *, unit: str = "money") -> Threshold:
        """Return the smallest redirectable share in [0, 1] at which home loses no more by the cut than is demanded.

        Parameters
        ----------
        demand : float
            What the partner asks a year.
        unit : {"money", "percent"}
            Of `demand`: money of the negotiation, or percent of home's real income in the base.
        """
        asked, money = float(real(demand, "demand", ndim=0)), choice(unit, "unit", UNITS) == "money"
        return first_crossing(
            self.elsewhere(GRID), lambda threat: asked - (threat.loss_money if money else threat.loss)
        )


@record
class Rivalry(Result):
    r"""The partner and the alternative as rivals over home; see the module for what each can ask.

    All is in the money of the negotiation, a year; of two hegemons the partner comes first.

    Attributes
    ----------
    talks : Negotiation
    r, capped, sectors
        As for `Negotiation.rivals`.
    money : (*batch, 4, 3) array
        What home, the partner and the alternative have against the base if home trades with both, the partner alone,
        the alternative alone, neither.
    residual : (*batch) array
        The largest of the four equilibria.
    status : Status or (*batch) int8 array

    Examples
    --------
    >>> from bargaining_models.negotiation import Negotiation
    >>> talks = Negotiation(data="icio2019", home="CAN", partner="USA", alternative="CHN")
    >>> rivalry = talks.rivals(r=[0, 0.15])
    >>> rivalry.demands[..., 0].round(1), rivalry.alone[..., 0].round(1)  # with China as a rival, and without
    (array([24.5, 17.4]), array([43.1, 43.1]))
    >>> rivalry.threshold().value.__round__(2)
    0.57
    """

    talks: Negotiation
    r: Share
    capped: bool
    sectors: tuple[str, ...]
    money: Floats
    residual: Floats
    status: Status | NDArray[np.int8]

    def __repr__(self) -> str:
        home, *rivals = self.talks.roles.names
        return f"Rivalry({' and '.join(rivals)} over {home}; r = {np.asarray(self.r).tolist()}; {said(self.status)})"

    @property
    def losses(self) -> Floats:
        """What home loses without the partner, without the alternative and without both, (*batch, 3)."""
        return np.asarray(self.money[..., :1, 0] - self.money[..., [2, 1, 3], 0])

    @property
    def menus(self) -> Floats:
        """What each asks for its own link where the other pays for its end, (*batch, 2): truthful menus."""
        gains = self.money[..., [2, 1], [2, 1]] - self.money[..., 0, [2, 1]]  # of the other hegemon
        return np.asarray(self.losses[..., :2] - gains)

    @property
    def bids(self) -> Floats:
        """The most that each hegemon gives to be the only one, (*batch, 2)."""
        return np.asarray(self.money[..., [1, 2], [1, 2]] - self.money[..., [2, 1], [1, 2]])

    @property
    def demands(self) -> Floats:
        """What each can ask for exclusive trade against the bid of the other, (*batch, 2); negative where it pays."""
        values = self.money[..., [1, 2], 0]
        return np.asarray(values - values[..., ::-1] - self.bids[..., ::-1])

    @property
    def alone(self) -> Floats:
        """What each could ask for exclusive trade if the other did not bid, (*batch, 2)."""
        return np.asarray(self.money[..., [1, 2], 0] - self.money[..., 3:, 0])

    @property
    def winner(self) -> NDArray[np.intp]:
        """Who gets home exclusively, of shape batch: 0 the partner, 1 the alternative."""
        return np.asarray(np.argmax(self.money[..., [1, 2], 0] + self.bids, axis=-1))

    @property
    def home_payoff(self) -> Floats:
        """What home has after the payment to the winner, of shape batch: what it can have with the other."""
        return np.asarray((self.money[..., [1, 2], 0] + self.bids).min(axis=-1))[()]

    def elsewhere(self, r: Share) -> Rivalry:
        """Return the same rivalry at another redirectable share."""
        return rivals(self.talks, r=r, capped=self.capped, sectors=self.sectors)

    def threshold(self, demand: float = 0.0) -> Threshold:
        """Return the smallest share in [0, 1] at which the partner can ask no more than this, in money."""
        asked = float(real(demand, "demand", ndim=0))
        return first_crossing(self.elsewhere(GRID), lambda rivalry: asked - rivalry.demands[..., 0])


def rivals(talks: Negotiation, *, r: Share, capped: bool, sectors: str | Sequence[str]) -> Rivalry:
    """Solve the four states; `Negotiation.rivals` describes the arguments."""
    talks.roles.need_alternative()
    model, countries = talks.model, talks.roles.countries
    home, partner, other = places = [model.regions.index(code) for code in countries]
    named = sectors_of(model.sectors, model.goods, sectors)
    without: tuple[list[int], ...] = ([], [other], [partner], [partner, other])
    closed = np.stack([links_closed(model, who, [home], named, "both") for who in without])
    hats = np.where(closed, np.inf, talks.route(r, capped=capped)[..., None, :, :, :])
    solved = model.solve(tariffs=talks.free, costs=hats)
    worst = np.asarray(solved.status).max(axis=-1)
    return Rivalry(
        talks=talks,
        r=r,
        capped=capped,
        sectors=tuple(model.sectors[j] for j in named),
        money=solved.welfare[..., places] / 100.0 * talks.worth(*countries),
        residual=np.asarray(solved.residual).max(axis=-1),
        status=worst if worst.ndim else Status(int(worst)),
    )


def threat_game(talks: Negotiation, *, r: Share, capped: bool, sectors: str | Sequence[Any]) -> Game:
    """Return payoffs by the sets of links that the two close; `Negotiation.threat_game` describes the arguments."""
    model, costs, (home, partner) = talks.model, talks.route(r, capped=capped), talks.places
    groups = [[name] if isinstance(name, str) else list(name) for name in sectors]
    if isinstance(sectors, str):
        names = [model.sectors[j] for j in sectors_of(model.sectors, model.goods, sectors)]
        groups = [[name] for name in names] if len(names) <= GROUPS else [names]
    if len(groups) > GROUPS:
        raise InvalidInput(
            f"`sectors` must be {GROUPS} groups at most in a game of threats; got {len(groups)}. Put several sectors "
            "in a list."
        )
    if costs.ndim > 3:
        raise InvalidInput(f"`r` must be one share in a game of threats; got {r!r}. Make a game for each.")
    cells = {
        f"{side} {' '.join(group)}": links_closed(
            model, [partner], [home], sectors_of(model.sectors, model.goods, group), side
        )
        for side in SIDES[1:]
        for group in groups
    }
    sets = np.arange(2 ** len(cells))  # bit k says whether cell k is closed
    closed = np.zeros((len(sets), *costs.shape), dtype=bool)
    for k, cell in enumerate(cells.values()):
        closed |= cell & (sets >> k & 1).astype(bool)[:, None, None, None]
    solved = model.solve(tariffs=talks.free, costs=np.where(closed, np.inf, costs)).raise_if_failed()
    money = (solved.welfare - solved.welfare[0])[:, talks.places] / 100.0 * talks.worth()
    labels = [" + ".join(name for k, name in enumerate(cells) if s >> k & 1) or "nothing" for s in sets]
    return Game(*money.T[:, sets[:, None] | sets], actions=[labels, labels], players=talks.roles.names[:2])


_ALTERNATING = "offers alternate, trade cut meanwhile", "L_T - (L_T + L_H) d / (1 + d)"


def leverage(talks: Negotiation, *, r: Sequence[float], discount: float, capped: bool) -> Table:
    """Return what the partner can ask, by notion of leverage; `Negotiation.leverage` describes the arguments."""
    shares = np.union1d(within(real(r, "r", ndim=1)[:, None], "r", 0.0, 1.0), [0.0])
    delta = float(within(real(discount, "discount", ndim=0), "discount", 0.0, 1.0, ends="()"))
    if shares.any():
        talks.roles.need_alternative()
    deal = Deal.at(talks, r=shares, capped=capped)
    threats = [talks.threat(r=shares, route=route, capped=capped) for route in ("open", "contingent")]
    open_terms, contingent = (
        _terms(*pair, delta) for pair in zip(threats, (deal, deal.without_route()), strict=True)
    )
    residuals = [deal.war.residual, *(threat.residual for threat in threats)]
    if talks.roles.alternative is not None:
        rivalry = talks.rivals(r=shares, capped=capped)
        bid = rivalry.home_payoff - rivalry.money[..., 0, 0]  # with the other, against trade with both
        open_terms["the same, T may turn to K", "at most -(v_T(K) + b_K)"] = np.minimum(
            open_terms[_ALTERNATING], -bid
        )
        open_terms["K bids to be the only one", "v_T(U) - v_T(K) - b_K"] = rivalry.demands[..., 0]
        residuals.append(rivalry.residual)
    games = [coco_value(talks.threat_game(r=share, capped=capped)).payoffs for share in shares]
    open_terms["each closes what it likes", "val(L_T - L_H) / 2"] = np.array([(b - a) / 2 for a, b in games])
    unit, rows = talks.model.data.unit or "money", []
    for key, paid in open_terms.items():
        row: dict[str, Any] = {"notion": key[0], "formula": key[1], "payment": _number(paid[0])}
        for route, terms in (("open", open_terms), ("contingent", contingent)):
            if key in terms and paid[0] > 0.0:
                lost = 100.0 * (1.0 - terms[key] / paid[0])
                row |= {f"{route}_{k}": _number(lost[k]) for k in range(1, len(shares))}
        rows.append(row)
    columns = [
        Column("notion"),
        Column("formula"),
        Column("payment", title="r = 0", unit=unit, group="Payment"),
    ]
    columns += [
        Column(f"{route}_{k}", title=route, unit="%", group=f"Lost, r = {shares[k]:g}")
        for k in range(1, len(shares))
        for route in ("open", "contingent")
    ]
    (home, partner, *others), first = talks.roles.said, talks.threat()
    notes: dict[str, str | float] = {
        "L_T, L_H": f"what {home}, the target T, and {partner}, the hegemon H or U, lose if goods trade between them "
        f"ends: at r = 0 {first.loss_money:.3g} and {first.cost_money:.3g} {unit}, {first.loss:.3g} and "
        f"{first.cost:.3g} percent of real income",
        "Repeated": "each period a payment is asked for, and trade is cut if it is refused; credible from a discount "
        f"factor of L_H / (L_H + L_T), {first.patience:.3f} at r = 0",
        "d": f"the discount factor, {delta:g}",
    }
    if others:
        notes["v, b"] = (
            f"v_T(S): what {home} has if it trades goods with S alone, U or {others[0]}, K; b_K: what K gives at most "
            "to be that one"
        )
        notes["Open, contingent"] = f"the route to {others[0]} is used always, or only without an agreement"
        notes["Lost"] = f"of the payment at r = 0; above 100: {partner} would have to pay"
        notes["r"] = talks.meaning_in_words()
    notes["Tariffs"] = talks.tariffs_in_words
    notes["Largest residual"] = float(max(map(np.max, residuals)))
    return Table(
        rows,
        columns=columns,
        caption=f"What {partner} can ask of {home} a year for not ending goods trade, by notion of leverage",
        label="tab:leverage",
        digits=3,
        notes=notes,
        missing="-",
    )


def _terms(threat: Threat, deal: Deal, delta: float) -> dict[tuple[str, str], Floats]:
    """Return what the partner can ask at each share, by notion and formula."""
    loss, cost = threat.loss_money, threat.cost_money
    return {
        ("ultimatum; repeated, if patient", "L_T"): loss,
        ("repeated, the cut comes a period late", "d L_T"): threat.most(delta, lag=1),
        ("repeated, least for a cut of a period", "L_H (1 - d) / d"): threat.least(delta),
        ("Nash, about the cut", "(L_T - L_H) / 2"): (loss - cost) / 2.0,
        ("Nash, about the tariff war", "the same of the war"): deal.transfer(nash(deal.problem("war"))),
        _ALTERNATING: loss - (loss + cost) * delta / (1.0 + delta),
        ("offers alternate, trade goes on", "0"): np.zeros_like(loss),
    }


def _number(value: float) -> float | None:
    return clean(value) if np.isfinite(value) else None

r"""Hidden protection: protection by standards, inspections or procurement once tariffs are bound.

Each side sees how much it sold, but not why.

Timing. Each year the two may pay each other, or burn money; with the right to leave either may close the goods border
for good. Then each chooses at once to *keep* to free trade, to protect *covertly*, which works like a tariff of
`barrier` whose rents stay at home, or to charge *openly* the rate of the tariff war. Open tariffs are seen. Of the rest
only imports are seen: the log of side i's imports of goods from the other is that of the trade model plus
:math:`\varepsilon_i \sim N(0, \sigma^2)`, independent, :math:`\sigma` being `noise`. They go on for ever with a common
discount factor, and follow the public record alone.

A report calls imports *low* if they lie below the midpoint, in logs, between their expected values if both keep to free
trade and if only that side protects covertly. With a report on each side it is known whose imports were low, so that
this side can pay a fine to the other. With one report, on the sum of both, nobody knows who is to blame, so both must
lose: money is burnt, or a tariff war is fought that costs as much.

`barrier` and `noise` are assumptions: no statistics show protection that is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import erf, inf, log, nan, sqrt
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from bargaining import Game, Monitoring, critical_discount, joint_payoffs
from bargaining.authoring import Floats, Shown, owning
from bargaining.equilibria.repeated.joint import JointPayoffs, discount_of
from bargaining.errors import InvalidInput
from bargaining.games.repeated import Exit
from bargaining_models.negotiation.negotiation import Negotiation

Reports = Literal["each", "one"]
ACTIONS = ("keep", "hide", "open")
# money is rounded to a thousand dollars, and chances to one in a million, so that answers are exact
_CENTS = 10**6
_ONE = 5  # signals where there is one report
_SURE = 1e-6  # a probability that is not certain is rounded neither to zero nor to one


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BadLuck(Shown):
    """The costs of low reports on the path of free trade, on which nobody cheats.

    Attributes
    ----------
    alarms : float
        The yearly probability that some report is low.
    burnt : float
        The money burnt per year: zero if fines can be paid to the other side.
    war : float
        Years of an open tariff war after each alarm, from the next year on, that cost the two together as much as the
        money; infinite if a war without end costs less.
    """

    alarms: float
    burnt: float
    war: float


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HiddenProtection(Shown):
    """The repeated game of hidden protection at one redirectable share.

    Attributes
    ----------
    negotiation : Negotiation
    r : float
        The redirectable share.
    barrier, noise : float
        The tariff that covert protection works like, and the standard deviation of log imports.
    stage : Game
        Payoffs a year against free trade at r = 0, in money; keep, hide or open.
    imports : ndarray, shape (3, 3, 2)
        Imports of home from the partner, and of the partner from home, after each pair of actions, in money.
    monitoring : Monitoring
        A report on each side, or one on both.
    leaving : Exit
        Payoffs with the goods border closed.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> each = HiddenProtection.at(talks, noise=0.1)
    >>> one = HiddenProtection.at(talks, noise=0.1, reports="one")
    >>> each.critical_discount() < one.critical_discount()
    True
    """

    negotiation: Negotiation
    r: float
    barrier: float
    noise: float
    stage: Game
    imports: Floats
    monitoring: Monitoring
    leaving: Exit

    @classmethod
    def at(
        cls,
        negotiation: Negotiation,
        *,
        r: float = 0.0,
        capped: bool = False,
        barrier: float = 0.05,
        noise: float = 0.1,
        reports: Reports = "each",
    ) -> Self:
        """Build the game at redirectable share `r`.

        Raises
        ------
        InvalidInput
            If `barrier` or `noise` is not positive, or `reports` is neither "each" nor "one".
        """
        for name, value in (("barrier", barrier), ("noise", noise)):
            if not 0.0 < value < inf:
                raise InvalidInput(f"`{name}` must be positive; got {value!r}.")
        if reports not in ("each", "one"):
            raise InvalidInput(f"`reports` must be 'each' or 'one'; got {reports!r}.")
        war = negotiation.war(r=r, capped=capped).rates
        rates = np.array([[0.0, barrier, war[i]] for i in (0, 1)])
        costs = negotiation.route(r, capped=capped)
        pairs = np.stack(np.meshgrid(rates[0], rates[1], indexing="ij"), axis=-1)
        outcome = negotiation.outcome(negotiation.game.tariffs(pairs), costs)
        goods, (home, partner) = negotiation.model.goods, negotiation.places
        flows = outcome.equilibrium.flows[..., goods].sum(axis=-1)
        imports = np.stack([flows[..., home, partner], flows[..., partner, home]], axis=-1)
        names = negotiation.roles.names[:2]
        first, second = (_exact(outcome.money[..., i], _CENTS) for i in (0, 1))
        return cls(
            negotiation=negotiation,
            r=r,
            barrier=barrier,
            noise=noise,
            stage=Game(first, second, players=names, actions=[list(ACTIONS)] * 2),
            imports=imports,
            monitoring=_monitoring(imports, noise, reports, names),
            leaving=Exit(_exact(negotiation.leave(r=r, capped=capped).money, _CENTS)),
        )

    def joint(self, *, leave: bool = False) -> JointPayoffs:
        """Return the equilibrium payoffs with payments at every discount factor, with or without the right to leave."""
        return joint_payoffs(self.stage, monitoring=self.monitoring, exit=self.leaving if leave else None)

    def critical_discount(self, *, leave: bool = False) -> float:
        """Return the critical discount factor of free trade with payments; 1 if none below 1 is enough."""
        found = self.joint(leave=leave).critical_discount((0, 0))
        return 1.0 if found is None else float(found)

    def enforced(self, discount: float | Fraction, *, leave: bool = False) -> float:
        """Return the largest enforceable sum of payoffs with payments, in money a year; NaN without equilibrium."""
        step = self.joint(leave=leave).at(discount)
        return nan if step is None else float(step.joint)

    def without_payments(self) -> float:
        """Return the critical discount factor of free trade without payments, if alarms may lead only to war.

        1 if none below 1 is enough. The public lottery decides, with some probability, whether the war follows.
        """
        found = critical_discount(self.stage, (0, 0), monitoring=self.monitoring, punishment="stage")
        return min(found.discount, 1.0)

    def bad_luck(self, discount: float | Fraction) -> BadLuck:
        r"""Return how often reports are low on the path of free trade, and their cost.

        Suppose that the only report is low with probability p if both keep to free trade and :math:`p_i` if only side i
        protects covertly, which gains her :math:`D_i`. To deter this, i must lose :math:`D_i / (p_i - p)` after an
        alarm.
        """
        patience = float(discount_of(discount))
        chances = self.monitoring.exact[0, 0]
        low = [" low" in signal for signal in self.monitoring.signals]
        alarms = sum((p for p, bad in zip(chances, low, strict=True) if bad), Fraction(0))
        if len(self.monitoring.signals) > _ONE:  # each side has a report of its own
            return BadLuck(alarms=float(alarms), burnt=0.0, war=0.0)
        exact, lost = self.stage.exact, Fraction(0)
        for i, alone in enumerate(((1, 0), (0, 1))):
            gain = exact[alone][i] - exact[0, 0][i]
            worse = self.monitoring.exact[alone][1] - alarms
            if gain > 0:
                lost += gain / worse
        total, burnt = exact.sum(axis=-1), alarms * lost
        war = _years(float(lost), float(total[0, 0] - burnt - total[2, 2]), patience)
        return BadLuck(alarms=float(alarms), burnt=float(burnt), war=war)


def _years(cost: float, each: float, discount: float) -> float:
    """Return for how many years, from the next on, a loss of `each` a year is worth a given cost now."""
    if cost <= 0.0:
        return 0.0
    left = 1.0 - cost * (1.0 - discount) / (discount * each) if discount * each > 0.0 else 0.0
    return log(left) / log(discount) if left > 0.0 else inf


def _monitoring(imports: Floats, noise: float, reports: str, names: tuple[str, ...]) -> Monitoring:
    """Return the probabilities of each report: open tariffs are seen; otherwise whether imports are low."""
    logs = np.log(imports)
    if reports == "each":
        cuts = [(logs[0, 0, 0] + logs[1, 0, 0]) / 2, (logs[0, 0, 1] + logs[0, 1, 1]) / 2]
        seen = [_low((cuts[i] - logs[..., i]) / noise) for i in (0, 1)]
        words = [f"{name}'s imports" for name in names]
        kinds = ("high", "low", "open")
        signals = [f"{words[0]} {a}, {words[1]} {b}" for a in kinds for b in kinds]
        chances = np.full((3, 3, 9), Fraction(0))
        for a, b in np.ndindex(3, 3):
            rows = [_report(seen[i][a, b], (a, b)[i] == 2) for i in (0, 1)]
            chances[a, b] = [x * y for x in rows[0] for y in rows[1]]
        return Monitoring(chances, signals=signals)
    total = np.log(imports.sum(axis=-1))
    cut = (total[0, 0] + (total[1, 0] + total[0, 1]) / 2) / 2
    low = _low((cut - total) / noise)
    chances = np.full((3, 3, 5), Fraction(0))
    for a, b in np.ndindex(3, 3):
        if a == 2 or b == 2:
            chances[a, b, 2 + (a == 2) + 2 * (b == 2) - 1] = Fraction(1)
        else:
            chances[a, b, :2] = 1 - low[a, b], low[a, b]
    opens = [f"{names[0]} open", f"{names[1]} open", "both open"]
    return Monitoring(chances, signals=["trade high", "trade low", *opens])


def _report(low: Any, opened: bool) -> list[Any]:
    return [Fraction(0), Fraction(0), Fraction(1)] if opened else [1 - low, low, Fraction(0)]


def _low(distance: Floats) -> NDArray[np.object_]:
    """Return the probability that imports are called low, given the cut in standard deviations above the mean."""
    chance = np.vectorize(lambda x: 0.5 * (1.0 + erf(x / sqrt(2.0))))(distance)
    return _exact(np.clip(chance, _SURE, 1.0 - _SURE), _CENTS)


def _exact(values: Floats, parts: int) -> NDArray[np.object_]:
    """Return numbers rounded to so many parts of one, as fractions."""
    out = np.empty(np.shape(values), dtype=object)
    out[...] = np.vectorize(lambda x: Fraction(round(x * parts), parts), otypes=[object])(values)
    return out

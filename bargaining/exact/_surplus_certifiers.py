"""Certifiers on a surplus that can be divided in any way: every answer is rational and known in closed form."""

from __future__ import annotations

from fractions import Fraction

from bargaining.errors import Status
from bargaining.exact.certificate import Certificate, Claim, above, compare
from bargaining.exact.certify import register
from bargaining.feasible.surplus import TransferableSurplus


def _what(claim: Claim) -> str:
    return f"{claim.method} on a surplus of {claim.at_cell(claim.feasible.total):g}"


def _shared(claim: Claim) -> tuple[list[Fraction], Fraction]:
    """Return the disagreement point, and what there is to share."""
    d = [Fraction(x) for x in claim.disagreement]
    return d, Fraction(claim.at_cell(claim.feasible.total)) - sum(d, Fraction(0))


def _beside(claim: Claim, exact: list[Fraction] | None, surplus: Fraction) -> Certificate:
    if surplus < 0 or exact is None:
        return compare(claim, None, Status.EMPTY, (), _what(claim))
    ranges = (surplus or Fraction(1),) * len(exact)
    return compare(claim, tuple(exact), Status.OK if surplus else Status.DEGENERATE, ranges, _what(claim))


@register("nash", TransferableSurplus)
@register("kalai_smorodinsky", TransferableSurplus)
@register("egalitarian", TransferableSurplus)
@register("equal_loss", TransferableSurplus)
@register("raiffa", TransferableSurplus)
@register("continuous_raiffa", TransferableSurplus)
@register("perles_maschler", TransferableSurplus)
@register("lexicographic_kalai_smorodinsky", TransferableSurplus)
@register("lexicographic_egalitarian", TransferableSurplus)
@register("conley_wilkie", TransferableSurplus)
def shares_of_surplus(claim: Claim) -> Certificate:
    """Give each player its weight's part of the surplus, d + w (total - sum d): they all agree on that."""
    d, surplus = _shared(claim)
    return _beside(claim, [x + w * surplus for x, w in zip(d, claim.weights(), strict=True)], surplus)


@register("yu", TransferableSurplus)
def yu_on_surplus(claim: Claim) -> Certificate:
    """Share equally; with p = 1 every division of the total is nearest, and the sum is what is bounded."""
    d, surplus = _shared(claim)
    equal = [x + surplus / len(d) for x in d]
    if float(claim.parameters["p"]) != 1 or surplus <= 0 or claim.status != Status.OK:
        return _beside(claim, equal, surplus)
    short = above(abs(sum(equal, Fraction(0)) - sum(map(Fraction, claim.payoffs), Fraction(0))) / surplus)
    statement = f"{_what(claim)}: the sum of payoffs is within {short:.2g} of the total, over the gains."
    return Certificate(
        exact=None, bound=short, tolerance=_beside(claim, equal, surplus).tolerance, statement=statement
    )


@register("gupta_livne", TransferableSurplus)
def gupta_livne_on_surplus(claim: Claim) -> Certificate:
    """Go from the reference towards the ideal point until the total is used up."""
    d, surplus = _shared(claim)
    r = [Fraction(x) for x in claim.at_cell(claim.parameters["reference"], one_each=True)]
    ahead = [x + surplus - y for x, y in zip(d, r, strict=True)]
    left = Fraction(claim.at_cell(claim.feasible.total)) - sum(r, Fraction(0))
    if left < 0 or any(y < x for x, y in zip(d, r, strict=True)):
        return _beside(claim, None, surplus)
    share = left / sum(ahead) if sum(ahead) else Fraction(0)
    return _beside(claim, [y + share * a for y, a in zip(r, ahead, strict=True)], surplus)


@register("dictatorial", TransferableSurplus)
def dictatorial_on_surplus(claim: Claim) -> Certificate:
    """Give the whole surplus to one player."""
    d, surplus = _shared(claim)
    player = claim.parameters["player"]
    return _beside(claim, [x + surplus * (i == player) for i, x in enumerate(d)], surplus)


@register("utilitarian", TransferableSurplus)
def utilitarian_on_surplus(claim: Claim) -> Certificate:
    """Divide the total equally where the weights are equal; elsewhere the sum has no bound."""
    total, weights = Fraction(claim.at_cell(claim.feasible.total)), claim.weights()
    if len(set(weights)) > 1:
        return compare(claim, None, Status.UNBOUNDED, (), _what(claim))
    exact = (total / len(weights),) * len(weights)
    return compare(claim, exact, Status.OK, (abs(total) or Fraction(1),) * len(weights), _what(claim))

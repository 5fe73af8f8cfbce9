"""Certifiers on a surplus that can be divided in any way: every answer is rational and known in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import wraps

from bargaining.errors import Status
from bargaining.exact.certificate import Certificate, Claim, Number, above, allowance, compare
from bargaining.exact.registry import Certifier, certifier_of, register
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus

FREE_OF_UNITS = (
    "nash",
    "kalai_smorodinsky",
    "raiffa",
    "continuous_raiffa",
    "perles_maschler",
    "lexicographic_kalai_smorodinsky",
    "conley_wilkie",
    "gupta_livne",
    "dictatorial",
)


def _what(claim: Claim) -> str:
    return f"{claim.method} on a surplus of {claim.at_cell(claim.feasible.total):g}"


def _shared(claim: Claim) -> tuple[list[Fraction], Fraction]:
    """Return the disagreement point, and what there is to share."""
    d = [Fraction(x) for x in claim.disagreement]
    return d, Fraction(claim.at_cell(claim.feasible.total)) - sum(d, Fraction(0))


def _seen(certifier: Certifier) -> Certifier:
    """Certify in other units what units do not matter to in the set's own; anything else as a polytope."""

    @wraps(certifier)
    def answer(claim: Claim) -> Certificate:
        view = claim.view
        if view is None:
            return certifier(claim)
        name = claim.method.partition("(")[0]
        if view.floor is not None or name not in FREE_OF_UNITS:
            general = certifier_of(name, Polytope)
            assert general is not None
            return general(claim)
        inner = in_own_units(claim)
        proof = certifier(inner)
        if proof.exact is None:
            return proof
        exact = tuple(a * x + b for x, a, b in zip(proof.exact, view.scale, view.shift, strict=True))
        gains = tuple(a * (_shared(inner)[1] or Fraction(1)) for a in view.scale)
        return replace(proof, exact=exact, tolerance=max(proof.tolerance, allowance(claim, exact, gains)))

    return answer


def in_own_units(claim: Claim) -> Claim:
    """Return a claim whose concept does not mind units in those of the set."""
    assert claim.view is not None
    scale, shift = claim.view.scale, claim.view.shift

    def inside(values: Sequence[Number]) -> list[Number]:
        return [(Fraction(x) - b) / a for x, a, b in zip(values, scale, shift, strict=True)]

    parameters = dict(claim.parameters)
    if "reference" in parameters:
        parameters["reference"] = inside(claim.at_cell(parameters["reference"], one_each=True))
    return replace(
        claim,
        view=None,
        parameters=parameters,
        disagreement=inside(claim.disagreement),
        payoffs=inside(claim.payoffs) if claim.finite else claim.payoffs,
    )


def _beside(claim: Claim, exact: list[Fraction] | None, surplus: Fraction) -> Certificate:
    if surplus < 0 or exact is None:
        return compare(claim, None, Status.EMPTY, (), _what(claim))
    ranges = (surplus or Fraction(1),) * len(exact)
    return compare(claim, tuple(exact), Status.OK if surplus else Status.DEGENERATE, ranges, _what(claim))


@register("nash", TransferableSurplus, views=True)
@register("kalai_smorodinsky", TransferableSurplus, views=True)
@register("egalitarian", TransferableSurplus, views=True)
@register("equal_loss", TransferableSurplus, views=True)
@register("raiffa", TransferableSurplus, views=True)
@register("continuous_raiffa", TransferableSurplus, views=True)
@register("perles_maschler", TransferableSurplus, views=True)
@register("lexicographic_kalai_smorodinsky", TransferableSurplus, views=True)
@register("lexicographic_egalitarian", TransferableSurplus, views=True)
@register("conley_wilkie", TransferableSurplus, views=True)
@_seen
def shares_of_surplus(claim: Claim) -> Certificate:
    """Give each player its weight's part of the surplus, d + w (total - sum d): they all agree on that."""
    d, surplus = _shared(claim)
    return _beside(claim, [x + w * surplus for x, w in zip(d, claim.weights(), strict=True)], surplus)


@register("yu", TransferableSurplus, views=True)
@_seen
def yu_on_surplus(claim: Claim) -> Certificate:
    """Share equally; with p = 1 all divisions up to the ideal point are nearest, and the sum of losses is bounded."""
    d, surplus = _shared(claim)
    equal = [x + surplus / len(d) for x in d]
    if float(claim.given("p")) != 1 or surplus <= 0 or claim.status != Status.OK:
        return _beside(claim, equal, surplus)
    x = [Fraction(v) for v in claim.payoffs]
    losses = sum((max(y + surplus - v, Fraction(0)) for y, v in zip(d, x, strict=True)), Fraction(0))
    beyond = sum(x, Fraction(0)) - sum(equal, Fraction(0))
    short = above(max(abs(losses - (len(d) - 1) * surplus), beyond) / surplus)
    statement = f"{_what(claim)}: the sum of losses is within {short:.2g} of the least, over the gains."
    return Certificate(
        exact=None, bound=short, tolerance=_beside(claim, equal, surplus).tolerance, statement=statement
    )


@register("gupta_livne", TransferableSurplus, views=True)
@_seen
def gupta_livne_on_surplus(claim: Claim) -> Certificate:
    """Go from the reference towards the ideal point until the total is used up."""
    d, surplus = _shared(claim)
    r = [Fraction(x) for x in claim.given("reference", one_each=True)]
    ahead = [x + surplus - y for x, y in zip(d, r, strict=True)]
    left = Fraction(claim.at_cell(claim.feasible.total)) - sum(r, Fraction(0))
    if left < 0 or any(y < x for x, y in zip(d, r, strict=True)):
        return _beside(claim, None, surplus)
    share = left / sum(ahead) if sum(ahead) else Fraction(0)
    return _beside(claim, [y + share * a for y, a in zip(r, ahead, strict=True)], surplus)


@register("dictatorial", TransferableSurplus, views=True)
@_seen
def dictatorial_on_surplus(claim: Claim) -> Certificate:
    """Give the whole surplus to one player."""
    d, surplus = _shared(claim)
    player = claim.given("player")
    return _beside(claim, [x + surplus * (i == player) for i, x in enumerate(d)], surplus)


@register("utilitarian", TransferableSurplus, views=True)
@_seen
def utilitarian_on_surplus(claim: Claim) -> Certificate:
    """Divide the total equally where the weights are equal; elsewhere the sum has no bound."""
    total, weights = Fraction(claim.at_cell(claim.feasible.total)), claim.weights()
    if len(set(weights)) > 1:
        return compare(claim, None, Status.UNBOUNDED, (), _what(claim))
    exact = (total / len(weights),) * len(weights)
    return compare(claim, exact, Status.OK, (abs(total) or Fraction(1),) * len(weights), _what(claim))

"""Vertical chains: pairs bargain over wholesale prices, retailers set retail prices; calibrated from margins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import choice, listed
from bargaining._arrays import Entries, Floats, owning, real, within
from bargaining._rich import Card, Result, Shown, number
from bargaining.errors import InvalidInput, Status

_ACCURACY = 1e-10  # of the prices: violations that OK allows
_ALIKE = ("one", "retailer", "wholesaler", "pair")


class _Margins(NamedTuple):
    """Margins of every product at given prices, and the gains of each side from an agreement."""

    retail: Floats
    wholesale: Floats


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainEquilibrium(Result):
    """Prices along a vertical chain.

    Attributes
    ----------
    prices, wholesale : ndarray, shape (k,)
        Prices of each product for consumers and for retailers.
    shares : ndarray, shape (k,)
        Market shares; the other consumers buy nothing.
    retail_margins, wholesale_margins : ndarray, shape (k,)
        Prices less what the retailer pays and its own costs; wholesale prices less costs. In money.
    profits : dict of str to float
        Of each firm, per consumer.
    surplus : float
        Of consumers, per consumer: the log of the sum over the price coefficient, up to a constant.
    residual : float
        The largest violation of first-order conditions and of bargained divisions, over the mean price.
    status : Status
        OK up to 1e-10, INACCURATE above, FAILED if no prices were found.
    products : tuple of str
    """

    prices: Floats
    wholesale: Floats
    shares: Floats
    retail_margins: Floats
    wholesale_margins: Floats
    profits: dict[str, float]
    surplus: float
    residual: float
    status: Status
    products: tuple[str, ...]

    def _card(self) -> Card:
        columns = (self.prices, self.wholesale, self.shares)
        rows = [[name, *map(number, row)] for name, *row in zip(self.products, *columns, strict=True)]
        return Card(
            title="Chain",
            heads=["product", "price", "wholesale", "share"],
            rows=rows,
            notes=[self.status.name],
        )


@owning
@dataclass(frozen=True, slots=True, eq=False)
class VerticalChain(Shown):
    r"""Products that wholesalers sell through retailers to consumers with logit demand (after Sheu and Taragin 2021).

    Consumers choose product j with the chance :math:`s_j = e^{v_j - a p_j} / (1 + \sum_k e^{v_k - a p_k})`. Retail and
    wholesale prices are set simultaneously: retailers compete in prices, or quantities, given wholesale prices, and
    every retailer and wholesaler bargain over each product, given all other prices (Nash-in-Nash). With the margin
    :math:`M^X_k` that firm X earns on product k, the wholesaler U, the retailer D and the wholesaler's weight
    :math:`\lambda`,

    .. math:: (1 - \lambda) \Big[M^U_j - \sum_{k \ne j} d_{jk} M^U_k\Big] =
              \lambda \Big[M^D_j - \sum_{k \ne j} d_{jk} M^D_k\Big], \qquad d_{jk} = \frac{s_k}{1 - s_j},

    since without an agreement consumers of j buy other products. An integrated firm earns both margins, sells to itself
    at cost, and takes account of the losses of its own shops when it bargains with rivals.

    Parameters
    ----------
    values : array_like, shape (k,)
        Mean utilities v of the products, over buying nothing.
    slope : float
        The price coefficient a, positive.
    retail_costs, wholesale_costs : array_like, shape (k,)
        Costs per unit of the retailer, in addition to the wholesale price, and of the wholesaler.
    retailers, wholesalers : sequence of str, length k
        Who sells each product, and who makes it; a firm named in both is integrated.
    weights : array_like, shape (k,) or scalar, default 0.5
        The wholesaler's weight in the talks about each product, from 0 to below 1; at 0 products are sold at cost. A
        weight of 1 is impossible: it leaves the retailer no gain, but the retailer's margin is positive.
    consumers : array_like, shape (k,) or scalar, default 0
        The consumers' weight in the retail price, 0 to below 1: 0 is Bertrand's price.
    conduct : {"bertrand", "cournot"}
        Whether retailers set prices or quantities; quantities require `consumers=0`. With quantities the others' stay
        the same without an agreement.
    products : sequence of str, optional
        Names.

    Raises
    ------
    InvalidInput
        If an argument is outside its domain, or shapes differ.

    Notes
    -----
    With `consumers` b > 0 retailers bargain over each price with consumers, whose alternative is to do without the
    product; at b = 0 the mark-up is that of Bertrand competition. If wholesale prices were set first and retailers
    reacted to them, bargaining would anticipate the reaction, and prices would differ.

    References
    ----------
    Sheu, G. and Taragin, C. (2021). Simulating mergers in a vertical supply chain with bargaining. *RAND Journal of
    Economics* 52(3), 596-632. doi:10.1111/1756-2171.12385

    Examples
    --------
    Two makers sell through two shops; then the makers merge:

    >>> from bargaining import VerticalChain
    >>> chain = VerticalChain.calibrated(
    ...     [0.25, 0.17, 0.25, 0.31], prices=[49.2, 42.2, 53.3, 46.3], retail_margins=[14, 13.5, 17.6, 17.6],
    ...     wholesale=[31.4, 25.7, 32.7, 25.7], wholesale_margins=[8, 5, 9, 10],
    ...     retailers=["D1", "D2"] * 2, wholesalers=["U1", "U2"] * 2,
    ... )
    >>> merged = chain.solve(wholesalers=["U"] * 4)
    >>> (merged.prices - chain.solve().prices).round(2)
    array([17.39, 17.63, 17.39, 17.63])
    """

    values: Entries
    _: KW_ONLY
    slope: float
    retail_costs: ArrayLike
    wholesale_costs: ArrayLike
    retailers: Sequence[str]
    wholesalers: Sequence[str]
    weights: Entries = 0.5
    consumers: ArrayLike = 0.0
    conduct: str = "bertrand"
    products: Sequence[str] = ()

    def __post_init__(self) -> None:
        size = len(real(self.values, "values", ndim=1))
        object.__setattr__(self, "values", real(self.values, "values", ndim=1))
        for name in ("retail_costs", "wholesale_costs"):
            object.__setattr__(self, name, _row(getattr(self, name), name, size))
        for name in ("weights", "consumers"):
            row = within(_row(getattr(self, name), name, size), name, 0.0, 1.0, ends="[)")
            object.__setattr__(self, name, row)
        slope = float(real(self.slope, "slope", ndim=0))
        if not slope > 0:
            raise InvalidInput(f"`slope` must be positive: demand falls; got {slope:g}.")
        object.__setattr__(self, "slope", slope)
        choice(self.conduct, "conduct", ("bertrand", "cournot"))
        if self.conduct == "cournot" and np.any(self.consumers):
            raise InvalidInput(
                "`consumers` must be 0 where `conduct` is 'cournot': nobody bargains over quantities."
            )
        for name in ("retailers", "wholesalers"):
            object.__setattr__(self, name, _firms(getattr(self, name), name, size))
        numbered = isinstance(self.products, Sequence) and not len(self.products)
        object.__setattr__(
            self, "products", _firms(range(size) if numbered else self.products, "products", size)
        )

    @classmethod
    def calibrated(
        cls,
        shares: ArrayLike,
        *,
        prices: ArrayLike,
        retail_margins: ArrayLike,
        wholesale: ArrayLike,
        wholesale_margins: ArrayLike,
        retailers: Sequence[str],
        wholesalers: Sequence[str],
        common: str = "one",
        consumers: ArrayLike = 0.0,
        conduct: str = "bertrand",
        products: Sequence[str] = (),
    ) -> VerticalChain:
        """Return the chain whose equilibrium has these prices and shares, and margins as close as possible.

        Parameters
        ----------
        shares : array_like, shape (k,)
            Of consumers, positive; they add up to less than 1.
        prices, wholesale : array_like, shape (k,)
            Prices for consumers and for retailers.
        retail_margins, wholesale_margins : array_like, shape (k,)
            In money; NaN where unknown. The price coefficient is fitted to retail margins, by least squares relative to
            prices, and weights to wholesale margins.
        retailers, wholesalers, consumers, conduct, products
            As for the class; firms are not integrated yet.
        common : {"one", "retailer", "wholesaler", "pair"}
            Whether there is one weight, or one for each.

        Raises
        ------
        InvalidInput
            If shares, prices or margins are not possible, or a needed margin is missing.
        """
        s = within(real(shares, "shares", ndim=1), "shares", 0.0, 1.0, ends="()")
        size = len(s)
        if not s.sum() < 1:
            raise InvalidInput(f"`shares` must add up to less than 1: some buy nothing; got {s.sum():g}.")
        choice(common, "common", _ALIKE)
        p, w = _row(prices, "prices", size), _row(wholesale, "wholesale", size)
        known = [
            _known(given, name, size)
            for given, name in ((retail_margins, "retail_margins"), (wholesale_margins, "wholesale_margins"))
        ]
        for name, row in zip(("retail_margins", "wholesale_margins"), known, strict=True):
            if not np.isfinite(row).any() or not (row[np.isfinite(row)] > 0).all():
                raise InvalidInput(
                    f"`{name}` must be positive where known, and known of some product; got {row.tolist()}."
                )
        unit = cls(
            np.zeros(size),
            slope=1.0,
            retail_costs=0.0,
            wholesale_costs=0.0,
            retailers=retailers,
            wholesalers=wholesalers,
            consumers=consumers,
            conduct=conduct,
            products=products,
        )
        if both := set(unit.retailers) & set(unit.wholesalers):
            raise InvalidInput(
                f"`retailers` and `wholesalers` must be different firms here; {min(both)} is in both."
            )
        shape = unit._margins(s, wholesale=np.zeros(size)).retail / p  # at a price coefficient of 1
        parts, seen = known[0] / p, np.isfinite(known[0])
        slope = float((shape[seen] ** 2).sum() / (shape[seen] * parts[seen]).sum())
        retail = shape * p / slope
        up = known[1]
        if not np.isfinite(up).all():
            raise InvalidInput(
                f"`wholesale_margins` must be known of every product, since each counts in the talks about others; "
                f"missing of {unit.products[int(np.flatnonzero(~np.isfinite(up))[0])]}."
            )
        made = replace(unit, slope=slope)
        ours, theirs = made._gains(s, _Margins(retail, up))
        weights = np.empty(size)
        for group in _groups(common, unit):
            both_gain = ours[group] + theirs[group]
            part = both_gain / np.abs(both_gain).max()  # whose squares neither vanish nor overflow
            weights[group] = (ours[group] / np.abs(both_gain).max() * part).sum() / (part**2).sum()
        possible = (weights >= 0) & (weights < 1)
        if not possible.all():
            raise InvalidInput(
                "`wholesale_margins` must leave both sides a gain from every agreement; the weight would be "
                f"{weights[~possible][0]:.4g}."
            )
        made = replace(made, weights=weights)
        margins = made._margins(s)
        return replace(
            made,
            values=np.log(s / (1 - s.sum())) + slope * p,
            retail_costs=p - w - margins.retail,
            wholesale_costs=w - margins.wholesale,
        )

    def solve(
        self,
        *,
        retailers: Sequence[str] | None = None,
        wholesalers: Sequence[str] | None = None,
        retail_costs: ArrayLike | None = None,
        wholesale_costs: ArrayLike | None = None,
    ) -> ChainEquilibrium:
        """Return the equilibrium, with other owners or costs where they are given.

        Parameters
        ----------
        retailers, wholesalers : sequence of str, length k, optional
            The owner of each product after a merger; a firm named in both is integrated.
        retail_costs, wholesale_costs : array_like, shape (k,), optional
            Costs after the merger.
        """
        told: dict[str, Any] = {
            "retailers": retailers,
            "wholesalers": wholesalers,
            "retail_costs": retail_costs,
            "wholesale_costs": wholesale_costs,
        }
        chain = replace(self, **{name: value for name, value in told.items() if value is not None})
        return chain._solved()

    def _solved(self) -> ChainEquilibrium:
        from scipy.optimize import root

        cost = np.asarray(self.retail_costs) + np.asarray(self.wholesale_costs)

        def miss(p: Floats) -> Floats:
            margins = self._margins(self._shares(p))
            return np.asarray(p - cost - margins.retail - margins.wholesale)

        start, best, least = cost + 1 / self.slope, cost, np.inf
        with np.errstate(all="ignore"):
            for method in ("hybr", "lm", "df-sane"):
                found = np.asarray(root(miss, start, method=method, tol=1e-13).x, dtype=float)
                gap = float(np.abs(miss(found)).max())
                if gap < least:
                    best, least = found, gap
                if least <= _ACCURACY * float(np.abs(found).mean()):
                    break
            s = self._shares(best)
            margins = self._margins(s)
            residual = self._violation(best, s, margins)
        status = Status.OK if residual <= _ACCURACY else Status.INACCURATE
        if not np.isfinite(residual):
            status, residual = Status.FAILED, np.inf
        owners = list(dict.fromkeys([*self.retailers, *self.wholesalers]))
        earned = self._earned(margins)
        names = list(dict.fromkeys([*self.wholesalers, *self.retailers]))
        profits = {firm: float(earned[names.index(firm)] @ s) for firm in owners}
        return ChainEquilibrium(
            prices=best,
            wholesale=np.asarray(self.wholesale_costs) + margins.wholesale,
            shares=s,
            retail_margins=margins.retail,
            wholesale_margins=margins.wholesale,
            profits=profits,
            surplus=float(np.logaddexp.reduce(np.append(self._utilities(best), 0.0)) / self.slope),
            residual=residual,
            status=status,
            products=tuple(self.products),
        )

    def _utilities(self, p: Floats) -> Floats:
        return np.asarray(np.asarray(self.values) - self.slope * p)

    def _shares(self, p: Floats) -> Floats:
        u = self._utilities(p)
        top = max(0.0, float(u.max()))
        e = np.exp(u - top)
        shares: Floats = e / (np.exp(-top) + e.sum())
        return shares

    def _roles(self) -> tuple[list[str], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return firms, and which products each sells (F, k), and makes."""
        names = list(dict.fromkeys([*self.wholesalers, *self.retailers]))
        sells = np.array([[firm == who for who in self.retailers] for firm in names])
        makes = np.array([[firm == who for who in self.wholesalers] for firm in names])
        return names, sells, makes

    def _earned(self, margins: _Margins) -> Floats:
        """Return what each firm earns on a unit of each product, (F, k)."""
        _, sells, makes = self._roles()
        total: Floats = sells * margins.retail + makes * margins.wholesale
        return total

    def _pricing(self, s: Floats) -> tuple[Floats, Floats, Floats]:
        """Return retail conditions, linear in both margins: a matrix (k, k) for each, and the right-hand side."""
        names, sells, makes = self._roles()
        size, rest = len(s), 1 - s.sum()
        mine = np.array([names.index(who) for who in self.retailers])
        if self.conduct == "cournot":
            return (
                np.eye(size),
                np.zeros((size, size)),
                (1 + (sells[mine] * s).sum(axis=1) / rest) / self.slope,
            )
        level = np.eye(size) - s
        odds, bought = np.asarray(self.consumers) / (1 - np.asarray(self.consumers)), s > 0
        spared = np.where(bought, -np.log1p(-s), 1.0)  # consumers' gain from a product, in utility
        most = 1 / (self.slope * (1 + odds * np.where(bought, s / (1 - s), 1.0) / spared))
        return level * sells[mine], level * makes[mine], most

    def _division(self, s: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Return gains from agreements, linear in both margins: matrices of the wholesaler's, the retailer's, and more.

        The last is what the retailer loses by higher prices of its other products at given quantities.
        """
        names, sells, makes = self._roles()
        size = len(s)
        maker = np.array([names.index(who) for who in self.wholesalers])
        seller = np.array([names.index(who) for who in self.retailers])
        fixed = self.conduct == "cournot"
        diverted = np.eye(size) if fixed else np.eye(size) * (1 + s / (1 - s)) - s / (1 - s)[:, None]
        extra = np.zeros((2, size))
        if fixed:
            # Without j the others sell as much, at prices higher by log((s0 + s_j) / s0) over the slope.
            rise = np.log1p(s / (1 - s.sum())) / self.slope / s
            for k, firms in enumerate((maker, seller)):
                own = (sells[firms] * s).sum(axis=1) - sells[firms, np.arange(size)] * s
                extra[k] = own * rise
        return (
            diverted * sells[maker],
            diverted * makes[maker],
            diverted * sells[seller],
            diverted * makes[seller],
            extra,
        )

    def _gains(self, s: Floats, margins: _Margins) -> tuple[Floats, Floats]:
        """Return the gains of the wholesaler and of the retailer from an agreement about a unit of each product."""
        a, b, c, d, extra = self._division(s)
        up, down = margins.wholesale, margins.retail
        return a @ down + b @ up - extra[0], c @ down + d @ up - extra[1]

    def _margins(self, s: Floats, *, wholesale: Floats | None = None) -> _Margins:
        """Return the margins that satisfy both sets of conditions at some shares; wholesale ones may be given."""
        first, second, most = self._pricing(s)
        size = len(s)
        if wholesale is not None:
            retail = np.asarray(np.linalg.solve(first, most - second @ wholesale), dtype=np.float64)
            return _Margins(retail, wholesale)
        a, b, c, d, extra = self._division(s)
        part = np.asarray(self.weights)[:, None]
        alone = np.array(self.retailers) == np.array(self.wholesalers)
        left = np.where(alone[:, None], 0.0, (1 - part) * a - part * c)
        right = np.where(alone[:, None], np.eye(size), (1 - part) * b - part * d)
        known = np.where(alone, 0.0, (1 - part[:, 0]) * extra[0] - part[:, 0] * extra[1])
        matrix = np.block([[first, second], [left, right]])
        try:
            both = np.asarray(np.linalg.solve(matrix, np.concatenate([most, known])), dtype=np.float64)
        except np.linalg.LinAlgError:
            both = np.full(2 * size, np.nan)
        return _Margins(both[:size], both[size:])

    def _violation(self, p: Floats, s: Floats, margins: _Margins) -> float:
        """Return the largest violation of prices, of retail conditions and of divisions, over the mean price."""
        first, second, most = self._pricing(s)
        ours, theirs = self._gains(s, margins)
        part, alone = np.asarray(self.weights), np.array(self.retailers) == np.array(self.wholesalers)
        gaps = [
            p
            - np.asarray(self.retail_costs)
            - np.asarray(self.wholesale_costs)
            - margins.retail
            - margins.wholesale,
            first @ margins.retail + second @ margins.wholesale - most,
            np.where(alone, margins.wholesale, (1 - part) * ours - part * theirs),
        ]
        return float(np.abs(gaps).max() / np.abs(p).mean())

    def _card(self) -> Card:
        columns = zip(self.products, self.retailers, self.wholesalers, np.asarray(self.weights), strict=True)
        rows = [[name, down, up, number(share)] for name, down, up, share in columns]
        heads = ["product", "retailer", "wholesaler", "wholesaler's weight"]
        return Card(title=f"Vertical chain, {self.conduct}", heads=heads, rows=rows, notes=[])


def _known(value: Any, name: str, size: int) -> Floats:
    """Return one number a product, NaN where it is not known."""
    try:
        missing = np.isnan(np.asarray(value, dtype=float))
    except (TypeError, ValueError, OverflowError):
        missing = np.zeros(1, dtype=bool)
    row = _row(np.where(missing, 1.0, np.asarray(value)) if missing.any() else value, name, size)
    return np.where(missing, np.nan, row)


def _row(value: Any, name: str, size: int) -> Floats:
    """Return one number a product."""
    array = real(value, name)
    if array.ndim > 1 or (array.ndim and len(array) != size):
        raise InvalidInput(
            f"`{name}` must have one entry for each of the {size} products; got shape {array.shape}."
        )
    return np.broadcast_to(array, (size,)).copy()


def _firms(value: Any, name: str, size: int) -> tuple[str, ...]:
    given = tuple(map(str, listed(value, name, "a list of names, one a product")))
    if len(given) != size:
        raise InvalidInput(f"`{name}` must have one name for each of the {size} products; got {len(given)}.")
    return given


def _groups(common: str, chain: VerticalChain) -> list[NDArray[np.intp]]:
    """Return the products that share a weight."""
    if common == "one":
        return [np.arange(len(chain.products))]
    if common == "pair":
        return [np.array([k]) for k in range(len(chain.products))]
    who = np.array(chain.retailers if common == "retailer" else chain.wholesalers)
    return [np.flatnonzero(who == name) for name in dict.fromkeys(who.tolist())]

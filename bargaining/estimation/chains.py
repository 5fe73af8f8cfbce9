"""Vertical chains: pairs bargain over wholesale prices, retailers set retail prices; calibrated from margins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import choice, listed
from bargaining._arrays import Entries, Floats, fill, real, record, within
from bargaining._names import carried, numbered, ordered
from bargaining._rich import Result, Shown
from bargaining.errors import InvalidInput, Status

_ACCURACY = 1e-10  # of the prices: violations that OK allows


@record
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


@record(kw_only=False)
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
        Names; by default the labels of data of pandas, which are put into the order of the products.

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
        data = (self.retail_costs, self.wholesale_costs, self.retailers, self.wholesalers, self.weights)
        products = _product_names(self.products, "values", self.values, *data, self.consumers)
        fill(self, products=products)
        for name in ("values", "retail_costs", "wholesale_costs", "weights", "consumers"):
            row = _row(getattr(self, name), name, products)
            if name in ("weights", "consumers"):
                within(row, name, 0.0, 1.0, ends="[)")
            fill(self, **{name: row})
        slope = float(real(self.slope, "slope", ndim=0))
        if not slope > 0:
            raise InvalidInput(f"`slope` must be positive: demand falls; got {slope:g}.")
        choice(self.conduct, "conduct", ("bertrand", "cournot"))
        if self.conduct == "cournot" and np.any(self.consumers):
            raise InvalidInput(
                "`consumers` must be 0 where `conduct` is 'cournot': nobody bargains over quantities."
            )
        firms = {name: _firms(getattr(self, name), name, products) for name in ("retailers", "wholesalers")}
        fill(self, slope=slope, **firms)

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
            prices, and one weight to wholesale margins.
        retailers, wholesalers, consumers, conduct, products
            As for the class; firms are not integrated yet.

        Raises
        ------
        InvalidInput
            If shares, prices or margins are not possible, or a needed margin is missing.
        """
        data = (prices, retail_margins, wholesale, wholesale_margins, retailers, wholesalers, consumers)
        products = _product_names(products, "shares", shares, *data)
        s = within(_row(shares, "shares", products), "shares", 0.0, 1.0, ends="()")
        size = len(s)
        if not s.sum() < 1:
            raise InvalidInput(f"`shares` must add up to less than 1: some buy nothing; got {s.sum():g}.")
        p, w = _row(prices, "prices", products), _row(wholesale, "wholesale", products)
        margins = {"retail_margins": retail_margins, "wholesale_margins": wholesale_margins}
        down, up = (_known(value, name, products) for name, value in margins.items())
        for name, row in zip(margins, (down, up), strict=True):
            if not np.isfinite(row).any() or not (row[np.isfinite(row)] > 0).all():
                raise InvalidInput(
                    f"`{name}` must be positive where known, and known of some product; got {row.tolist()}."
                )
        firms: dict[str, Any] = {"retailers": retailers, "wholesalers": wholesalers, "products": products}
        free: dict[str, Any] = {"slope": 1.0, "retail_costs": 0.0, "wholesale_costs": 0.0}
        unit = cls(np.zeros(size), consumers=consumers, conduct=conduct, **firms, **free)
        if both := set(unit.retailers) & set(unit.wholesalers):
            raise InvalidInput(
                f"`retailers` and `wholesalers` must be different firms here; {min(both)} is in both."
            )
        matrix, most = unit._conditions(s)[0]
        shape = np.linalg.solve(matrix[:, :size], most) / p  # at a price coefficient of 1
        parts, seen = down / p, np.isfinite(down)
        slope = float((shape[seen] ** 2).sum() / (shape[seen] * parts[seen]).sum())
        if not np.isfinite(up).all():
            raise InvalidInput(
                f"`wholesale_margins` must be known of every product, since each counts in the talks about others; "
                f"missing of {unit.products[int(np.flatnonzero(~np.isfinite(up))[0])]}."
            )
        chain = replace(unit, slope=slope)
        ours, theirs = chain._gains(s, np.concatenate([shape * p / slope, up]))
        largest = np.abs(ours + theirs).max()  # over it squares neither vanish nor overflow
        part = (ours + theirs) / largest
        weight = float((ours / largest) @ part / (part @ part))
        if not 0 <= weight < 1:
            raise InvalidInput(
                "`wholesale_margins` must leave both sides a gain from every agreement; the weight would be "
                f"{weight:.4g}."
            )
        chain = replace(chain, weights=weight)
        retail, upstream = np.split(chain._margins(s), 2)
        values = np.log(s / (1 - s.sum())) + slope * p
        return replace(chain, values=values, retail_costs=p - w - retail, wholesale_costs=w - upstream)

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
        changes: dict[str, Any] = {"retailers": retailers, "wholesalers": wholesalers}
        changes |= {"retail_costs": retail_costs, "wholesale_costs": wholesale_costs}
        return replace(self, **{name: v for name, v in changes.items() if v is not None})._equilibrium()

    def _equilibrium(self) -> ChainEquilibrium:
        from scipy.optimize import root

        cost = np.asarray(self.retail_costs) + np.asarray(self.wholesale_costs)

        def gap(p: Floats) -> Floats:
            return np.asarray(p - cost - self._margins(self._shares(p)).reshape(2, -1).sum(axis=0))

        best, least = cost, np.inf
        with np.errstate(all="ignore"):
            for method in ("hybr", "lm", "df-sane"):
                p = np.asarray(root(gap, cost + 1 / self.slope, method=method, tol=1e-13).x, dtype=float)
                if (worst := float(np.abs(gap(p)).max())) < least:
                    best, least = p, worst
                if least <= _ACCURACY * float(np.abs(p).mean()):
                    break
            s = self._shares(best)
            margins, (matrix, known) = self._margins(s), self._system(s)
            violations = np.concatenate([gap(best), matrix @ margins - known])
            residual = float(np.abs(violations).max() / np.abs(best).mean())
        status = Status.OK if residual <= _ACCURACY else Status.INACCURATE
        if not np.isfinite(residual):
            status, residual = Status.FAILED, np.inf
        owners = list(dict.fromkeys([*self.retailers, *self.wholesalers]))
        profits = self._owned(owners) @ (margins * np.tile(s, 2))
        retail, upstream = np.split(margins, 2)
        return ChainEquilibrium(
            prices=best,
            wholesale=np.asarray(self.wholesale_costs) + upstream,
            shares=s,
            retail_margins=retail,
            wholesale_margins=upstream,
            profits=dict(zip(owners, profits.tolist(), strict=True)),
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

    def _owned(self, firms: Sequence[str]) -> NDArray[np.bool_]:
        """Return which retail margins and which wholesale margins each firm earns, (n, 2k)."""
        earners = np.array([*self.retailers, *self.wholesalers])
        return np.asarray(np.array(firms)[:, None] == earners)

    def _conditions(self, s: Floats) -> list[tuple[Floats, Floats]]:
        """Return conditions on the retail and wholesale margins, (2k,): matrices, (k, 2k), and right-hand sides.

        The first is that of retail prices; the matrices of the others, less the right-hand sides, give the gains of
        wholesalers and of retailers from an agreement about a unit of each product.
        """
        size, rest = len(s), 1 - s.sum()
        sells, makes, same = self._owned(self.retailers), self._owned(self.wholesalers), np.eye(size)
        if self.conduct == "cournot":
            # Without j the others sell as much, at prices higher by log((s0 + s_j) / s0) over the slope.
            rise = np.log1p(s / rest) / self.slope / s
            sold = sells[:, :size] @ s
            lost = [(own[:, :size] @ s - np.diag(own[:, :size]) * s) * rise for own in (makes, sells)]
            pricing = np.hstack([same, 0 * same]), (1 + sold / rest) / self.slope
            return [pricing, (np.tile(same, 2) * makes, lost[0]), (np.tile(same, 2) * sells, lost[1])]
        odds, bought = np.asarray(self.consumers) / (1 - np.asarray(self.consumers)), s > 0
        gain = np.where(bought, -np.log1p(-s), 1.0)  # of consumers from a product, in utility
        most = 1 / (self.slope * (1 + odds * np.where(bought, s / (1 - s), 1.0) / gain))
        diverted = np.tile(same * (1 + s / (1 - s)) - s / (1 - s)[:, None], 2)
        return [
            (np.tile(same - s, 2) * sells, most),
            (diverted * makes, np.zeros(size)),
            (diverted * sells, np.zeros(size)),
        ]

    def _gains(self, s: Floats, margins: Floats) -> tuple[Floats, Floats]:
        """Return the gains of the wholesaler and of the retailer from an agreement about a unit of each product."""
        (up, lost), (down, less) = self._conditions(s)[1:]
        return up @ margins - lost, down @ margins - less

    def _system(self, s: Floats) -> tuple[Floats, Floats]:
        """Return the linear equations of all margins, (2k,), at some shares: a matrix and a right-hand side."""
        (pricing, most), (up, lost), (down, less) = self._conditions(s)
        w, alone = np.asarray(self.weights), np.array(self.retailers) == np.array(self.wholesalers)
        at_cost = np.eye(2 * len(s))[len(s) :]
        division = np.where(alone[:, None], at_cost, (1 - w)[:, None] * up - w[:, None] * down)
        known = np.where(alone, 0.0, (1 - w) * lost - w * less)
        return np.vstack([pricing, division]), np.concatenate([most, known])

    def _margins(self, s: Floats) -> Floats:
        """Return the retail and wholesale margins, (2k,), that satisfy both sets of conditions at some shares."""
        matrix, known = self._system(s)
        try:
            return np.asarray(np.linalg.solve(matrix, known), dtype=np.float64)
        except np.linalg.LinAlgError:
            return np.full(len(known), np.nan)


def _product_names(names: Sequence[str], name: str, first: Any, *others: Any) -> tuple[str, ...]:
    """Return names, or the labels of the first labelled data, or numbers: one for each entry of the first data."""
    size = len(real(first.to_numpy() if hasattr(first, "to_numpy") else first, name, ndim=1))
    if isinstance(names, Sequence) and not len(names):
        names = next((labels for labels in map(carried, (first, *others)) if labels), numbered(size))
    return _firms(names, "products", numbered(size))


def _known(value: Any, name: str, products: Sequence[str]) -> Floats:
    """Return one number a product, NaN where it is not known."""
    entries = np.asarray(ordered(value, name, products), dtype=object)
    missing = np.asarray(entries != entries, dtype=bool)  # NaN alone differs from itself
    return np.where(missing, np.nan, _row(np.where(missing, 1.0, entries), name, products))


def _row(value: Any, name: str, products: Sequence[str]) -> Floats:
    """Return one number a product; labelled data in the order of the products."""
    array = real(ordered(value, name, products), name)
    if array.ndim > 1 or (array.ndim and len(array) != len(products)):
        raise InvalidInput(
            f"`{name}` must have one entry for each of the {len(products)} products; got shape {array.shape}."
        )
    return np.broadcast_to(array, (len(products),)).copy()


def _firms(value: Any, name: str, products: Sequence[str]) -> tuple[str, ...]:
    firms = tuple(map(str, listed(ordered(value, name, products), name, "a list of names, one a product")))
    if len(firms) != len(products):
        raise InvalidInput(
            f"`{name}` must have one name for each of the {len(products)} products; got {len(firms)}."
        )
    return firms

"""The two-good linear tariff model: two countries, each an exporter of one good to the other.

Every number has a closed form, so the model illustrates the argument and checks the larger models.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, Shown, per_player, player_index, real, record, within
from bargaining.errors import InvalidInput, NotApplicable


@record(init=False)
class LinearTariffs(Shown):
    r"""Two countries that tax each other's exports, with linear demand and supply.

    Player 0 exports one good to player 1, player 1 another to player 0. The rest of consumption is
    a numeraire that enters utility linearly, so the goods can be studied one at a time and welfare
    is measured in the numeraire.

    Where the prices without trade are G apart (the *market size*), a specific tariff :math:`t` leaves imports
    :math:`(G - t)/2`, and moves welfare from free trade, for :math:`0 \le t \le G`, by

    .. math:: V(t) = G t/4 - 3 t^2/8, \qquad X(t) = -G t/4 + t^2/8

    for the importer and the exporter; beyond G nothing is traded. Player i, who taxes a good of size :math:`G_j` and
    exports one of size :math:`G_i`, gets :math:`V(t_i; G_j) + X(t_j; G_i)`. The page on the model derives this.

    Parameters
    ----------
    exports : array_like, shape (*batch, 2)
        Market size G of the good each player exports, in units of its price. Non-negative, not both
        zero. Leading axes are a batch of models.

    Raises
    ------
    InvalidInput
        If `exports` does not meet the above.

    Notes
    -----
    Payoffs are per period and relative to free trade. They scale with the square of `exports`.

    References
    ----------
    Dixit, A. (1987). Strategic aspects of trade policy. In *Advances in Economic Theory: Fifth World Congress*,
    Cambridge University Press, 329-362.

    Bagwell, K. and Staiger, R. W. (1990). A theory of managed trade. *American Economic Review* 80(4), 779-795.

    Examples
    --------
    >>> model = LinearTariffs(exports=(1.0, 0.65))
    >>> model.war().round(4)
    array([-0.0518,  0.0123])
    >>> model.redirect([0.0, 0.15, 0.3]).transfer(model.redirect([0.0, 0.15, 0.3]).war()).round(5)
    array([0.03208, 0.01667, 0.00375])
    """

    exports: Floats

    def __init__(self, *, exports: ArrayLike) -> None:
        sizes = within(per_player(exports, "exports", 2), "exports", 0.0, np.inf)
        if not sizes.any(axis=-1).all():
            raise InvalidInput(
                "`exports` must not be zero for both players: no trade is left to tax. Drop that model."
            )
        object.__setattr__(self, "exports", sizes)

    @property
    def imports(self) -> Floats:
        """Market size of the good each player imports, shape (*batch, 2)."""
        return self.exports[..., ::-1]

    def welfare(self, tariffs: ArrayLike) -> Floats:
        """Payoffs (*batch, 2), relative to free trade, when player i charges ``tariffs[..., i]`` per unit.

        Above the market size no trade is left and a higher tariff changes nothing.
        """
        tariffs = within(per_player(tariffs, "tariffs", 2), "tariffs", 0.0, np.inf)
        t = np.minimum(tariffs, self.imports)
        importer = t * (self.imports / 4 - 3 * t / 8)
        exporter = t * (t / 8 - self.imports / 4)
        return importer + exporter[..., ::-1]

    def nash_tariffs(self) -> Floats:
        """Each player's best tariff, a third of the market size, whatever the other charges."""
        return self.imports / 3

    def threat_tariffs(self) -> Floats:
        """The optimal threats of Nash (1953) when transfers are free: half the market size.

        With free transfers only the *difference* of the two payoffs under a threat matters, and
        :math:`V(t) - X(t) = (G t - t^2)/2` is largest at G/2: a player hurts itself more than its
        best response would because it hurts the other by more.
        """
        return self.imports / 2

    def war(self) -> Floats:
        """Payoffs of the tariff war in which both charge their Nash tariffs.

        The importer of a good of size G gains G²/24 on it, the exporter loses 5G²/72.
        """
        return self.welfare(self.nash_tariffs())

    def autarky(self) -> Floats:
        """Payoffs with no trade in either good: each side of a good loses G²/8."""
        return self.welfare(self.imports)

    def redirect(self, share: ArrayLike, *, player: int = 0) -> LinearTariffs:
        """The model after `player` redirects a share in [0, 1] of its exports elsewhere without loss.

        Redirected exports earn what they earn under free trade and are not exposed to the partner's tariffs: the market
        at stake shrinks to ``(1 - share)`` of its size. Payoffs stay relative to the same free trade.
        """
        share = within(real(share, "share"), "share", 0.0, 1.0)
        left = np.ones((*share.shape, 2))
        left[..., player_index(player, "player", 2)] -= share
        return LinearTariffs(exports=self.exports * left)

    def transfer(self, disagreement: ArrayLike) -> Floats:
        r"""What player 0 pays player 1 for free trade in the Nash bargain about `disagreement`.

        Each gets its disagreement payoff, (*batch, 2), and half the surplus over it: the payment is
        :math:`(d_1 - d_0)/2`, negative if player 1 pays.

        Raises
        ------
        InvalidInput
            If the disagreement payoffs sum to more than zero, what free trade offers.
        """
        d = per_player(disagreement, "disagreement", 2)
        total = d.sum(axis=-1)
        if (total > 1e-12 * np.abs(d).max(axis=-1)).any():
            raise InvalidInput(
                f"`disagreement` must sum to at most 0, the joint payoff of free trade; got {total.max():g}."
            )
        return (d[..., 1] - d[..., 0]) / 2

    def threshold(self, *, player: int = 0) -> float | None:
        """The share of its exports `player` must redirect for the partner to stop gaining from a war.

        The partner's war payoff, G²(1-r)²/24 - 5 H²/72 with G the market of `player` and H the
        partner's, vanishes at r = 1 - sqrt(5/3) H/G. None if the partner loses a war even at r = 0.
        """
        if self.exports.ndim > 1:
            raise NotApplicable("`threshold` answers for one model, not for a batch; call it on each model.")
        own = self.exports[player_index(player, "player", 2)]
        needed = np.sqrt(5 / 3) * self.exports[1 - player]
        return float(1 - needed / own) if needed <= own else None

    def critical_discounts(self) -> Floats:
        r"""The lowest discount factor at which each player keeps to free trade, under the threat of war.

        Player i gains :math:`V(G_j/3) = G_j^2/24` once by its Nash tariff and gets the war payoff ever
        after: :math:`(1-\delta) G_j^2/24 + \delta w_i \le 0`, so :math:`\delta_i = 3 G_j^2 / (5 G_i^2)`.

        Returns
        -------
        ndarray, shape (*batch, 2)
            One or more means never; infinite for a player that exports nothing.
        """
        gain = self.imports**2 / 24
        punishment = 5 * self.exports**2 / 72
        with np.errstate(divide="ignore"):
            return gain / punishment

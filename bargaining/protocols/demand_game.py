"""The Nash demand game, and its smoothing (Nash 1953)."""

from __future__ import annotations

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import answer_of
from bargaining._arrays import EPS, SMALLEST, Floats, record, scalar
from bargaining._rich import Shown
from bargaining.division import Division, describe, divide, extended
from bargaining.errors import InvalidInput, Status, plain
from bargaining.feasible.base import best_product
from bargaining.problem import Problem, require_problem
from bargaining.protocols._seats import claims, pie


@record
class DemandDivision(Division):
    """A `Division` of expected payoffs, with the demands that lead to it.

    Attributes
    ----------
    demands : ndarray, shape (..., n)
        Each player's demand; NaN where there is no answer.
    compatible : float
        Probability that the demands are met; NaN without noise.
    """

    demands: Floats
    compatible: float


@record(kw_only=False)
class NashDemandGame(Shown):
    r"""All players demand payoffs simultaneously; compatible demands are met, otherwise there is disagreement.

    Parameters
    ----------
    noise : float, default 0
        Scale :math:`\sigma` of the players' common uncertainty about the size of the pie, as a fraction of it.

    Notes
    -----
    Timing:

    1. The players demand :math:`x_i \ge d_i`, simultaneously.
    2. Nature draws :math:`\varepsilon` from the standard logistic distribution, and the gains that can be
       shared turn out to be :math:`(1+\sigma\varepsilon)(S-d)`.
    3. If x fits, each gets its demand; otherwise each gets :math:`d_i`.

    Let g(x) be the gauge of S about d, the factor by which S must grow to contain x. Demands are met
    with probability :math:`P(g) = 1/(1+e^{(g-1)/\sigma})`, and i maximises :math:`(x_i-d_i) P(g(x))`.
    The product :math:`\prod_i (x_i-d_i)\, P(g(x))` is largest on the ray from d through the Nash solution N, at the
    level where :math:`g / (\sigma (1+e^{-(g-1)/\sigma})) = n`: an equilibrium, on a smooth frontier the only one
    (proposition `demand-ray`). With a kink at N, neighbouring levels on the same ray can be equilibria too, of which
    this has the largest product; with three and more players kinks elsewhere may hold others, off this ray. As
    :math:`\sigma \to 0` demands and expected payoffs tend to N.

    Without noise every efficient point that gives each player at least :math:`d_i` is an equilibrium,
    and so is disagreement. The call then returns no payoffs and the status MULTIPLE; see `equilibria`.

    References
    ----------
    Nash, J. F. (1953). Two-person cooperative games. *Econometrica* 21(1), 128-140. doi:10.2307/1906951

    Binmore, K. (1987). Nash bargaining theory II. In *The Economics of Bargaining*, Blackwell, 61-76.

    Examples
    --------
    >>> from bargaining import NashDemandGame, Problem, TransferableSurplus
    >>> game = NashDemandGame(noise=0.01)(Problem(TransferableSurplus(1.0), [0.0, 0.2]))
    >>> game.demands.round(4), round(game.compatible, 4)
    (array([0.3846, 0.5846]), 0.9792)
    """

    noise: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        noise = scalar(self.noise, "noise")
        if noise < 0:
            raise InvalidInput(f"`noise` must not be negative; got {plain(noise)}.")
        if noise and not SMALLEST <= noise <= 1 / SMALLEST:
            raise InvalidInput(f"`noise` must be 0, or {SMALLEST:g} to {1 / SMALLEST:g}; got {plain(noise)}.")
        object.__setattr__(self, "noise", noise)

    def __call__(self, problem: Problem | None = None) -> DemandDivision:
        """Return the equilibrium of the smoothed game, cell by cell; without noise, the status MULTIPLE.

        By default two players share a pie of 1.
        """
        problem = pie(problem, None)
        require_problem(problem)
        d, ideal = problem.disagreement, problem.ideal
        status = problem.gains_status(ideal)
        gain = status == Status.OK
        if self.noise == 0:
            status = np.where(gain, Status.MULTIPLE, status).astype(np.int8)
            demands, payoffs = np.full(ideal.shape, np.nan), np.broadcast_to(d, ideal.shape)
            return self._packed(problem, payoffs, np.zeros(status.shape), status, ideal, demands, np.nan)
        excess = _excess(self.noise, problem.players)
        level, compatible = 1 + self.noise * excess, float(1 / (1 + np.exp(excess)))
        point, _ = best_product(problem.feasible, d, np.full(problem.players, 1 / problem.players))
        asked = np.where(gain[..., None], level * (point - d), 0.0)
        residual = np.where(gain, self._regret(problem, asked), 0.0)
        return self._packed(problem, d + compatible * asked, residual, status, ideal, d + asked, compatible)

    def _packed(
        self,
        problem: Problem,
        payoffs: Floats,
        residual: Floats,
        status: NDArray[np.int8],
        ideal: Floats,
        demands: Floats,
        compatible: float,
    ) -> DemandDivision:
        packed = divide(problem, describe(self), payoffs, residual, status, ideal=ideal)
        return extended(
            packed,
            DemandDivision,
            demands=np.where(np.isnan(packed.payoffs), np.nan, demands),
            compatible=compatible,
        )

    def check(self, division: DemandDivision) -> DemandDivision:
        """Return a division with `residual` and `status` computed anew from its payoffs and demands.

        The residual is the largest relative gain from another demand, among many near and far, or the distance of the
        payoffs from those that the demands give, over the range of gains.
        """
        problem = answer_of(division, "division", DemandDivision, problem=True).problem
        assert problem is not None
        status = claims(division, self, problem)
        gain, d, ideal = status == Status.OK, problem.disagreement, problem.ideal
        asked = np.where(gain[..., None], division.demands - d, 0.0)
        apart = np.abs(division.payoffs - d - division.compatible * asked) / (ideal - d)
        chance = np.abs(np.exp(self._log_met(problem, asked)) - division.compatible)
        residual = np.maximum(np.maximum(self._regret(problem, asked), apart.max(axis=-1)), chance)
        residual = np.where(gain, residual, 0.0)
        return self._packed(
            problem, division.payoffs, residual, status, ideal, division.demands, division.compatible
        )

    def equilibria(self, problem: Problem) -> Floats:
        """Return each player's lowest and highest payoff over the equilibria, shape (..., n, 2)."""
        if self.noise > 0:
            payoffs = self(problem).payoffs
            return np.stack([payoffs, payoffs], axis=-1)
        require_problem(problem)
        ideal = problem.ideal
        return np.stack([np.broadcast_to(problem.disagreement, ideal.shape), ideal], axis=-1)

    def _regret(self, problem: Problem, gains: Floats) -> Floats:
        """Return the largest relative gain from another demand, far or near, beyond the rounding of the gauge."""
        base = self._log_met(problem, gains)
        worst = np.zeros(base.shape)
        near = min(self.noise, 0.5) * 4.0 ** -np.arange(12)
        for step in (-0.5, -0.1, *-near, *near, 0.1, 0.5):
            for i in range(problem.players):
                moved = gains.copy()
                moved[..., i] *= 1 + step
                change = self._log_met(problem, moved) - base + np.log1p(step)
                worst = np.fmax(worst, change)
        rounding = 64 * EPS * (1 + 1 / self.noise)
        return np.asarray(np.where(worst > rounding, worst, 0.0))

    def _log_met(self, problem: Problem, gains: Floats) -> Floats:
        """Return ln P(g(d + gains))."""
        with np.errstate(all="ignore"):
            gauge = 1 / problem.feasible.ray(problem.disagreement, gains)
            return np.asarray(-np.logaddexp(0.0, (gauge - 1) / self.noise))


def _excess(noise: float, players: int) -> float:
    """Solve (1 + noise s) / (1 + exp(-s)) = players * noise for s = (g - 1) / noise; increasing in s."""
    from scipy.optimize import brentq

    def gap(s: float) -> float:
        return float((1 + noise * s) / (1 + np.exp(-s)) - players * noise)

    low = max(-1 / noise, -700.0)  # beyond it exp(-s) is no float
    return float(brentq(gap, low, 2.0 * players + 2, xtol=1e-300, rtol=1e-15))

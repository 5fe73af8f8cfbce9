r"""Models of observed negotiations, whose parameters are estimated.

A model predicts the observed variable from parameters, which may be complex numbers for the sake of derivatives.
Maximum likelihood assumes normal residuals; the method of moments assumes that they are uncorrelated with instruments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import choice, flag
from bargaining._arrays import Entries, Floats, fill, real, record, within
from bargaining._names import unique_names
from bargaining._rich import Shown
from bargaining.errors import InvalidInput
from bargaining.estimation.estimates import POSITIVE, REAL, UNIT, Estimates
from bargaining.estimation.fitting import fitted

NOISES = ("ability", "payoffs")
_AGAIN = 4  # steps that converge quadratically, or shrink by the number of observations
_LARGEST = 300.0  # of logs: squares of exponentials stay finite
_SQUARES = 1e150  # of covariates: their squares stay finite
_STARTS = (0.5, 0.2, 0.8, 0.95)  # of parameters between 0 and 1


@dataclass(frozen=True, slots=True, eq=False)
class _Model(Shown):
    """The base of all models: checked data, names and ranges of parameters, and `fit`.

    Data of pandas are aligned with the first that is passed.
    """

    _index: Any = field(init=False, repr=False, default=None)
    _columns: ClassVar[tuple[str, ...]]
    _likely: ClassVar[bool] = True

    @property
    def observations(self) -> int:
        """The number of observed negotiations."""
        return len(self._observed())

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(name for name, _ in self._ranges())

    def _observed(self) -> Floats:
        values: Floats = getattr(self, self._columns[0])
        return values

    def _with_observed(self, values: Floats) -> Any:
        return replace(self, **{self._columns[0]: values})

    def _ranges(self) -> list[tuple[str, str]]:
        """Return the names of the parameters and their ranges."""
        raise NotImplementedError

    def _starts(self) -> list[list[float]]:
        """Return values of the parameters to start from; the best of them is taken."""
        return [[start if kind == UNIT else 0.0 for _, kind in self._ranges()] for start in _STARTS]

    @property
    def _kinked(self) -> bool:
        """Whether residuals have kinks in the parameters."""
        return False

    @property
    def _without_effect(self) -> tuple[str, ...]:
        """Parameters that have no effect at 0, nor up to a kink."""
        return ()

    def _exact_interval(self, estimates: Estimates, k: int, level: float) -> tuple[float, float] | None:
        """Return an interval of its own for a parameter, if the model has one."""
        return None

    def _predicted(self, t: Sequence[Any]) -> Any:
        raise NotImplementedError

    def _residuals(self, t: Sequence[Any]) -> Any:
        return self._predicted(t) - self._observed()

    def _log_scale(self) -> Floats:
        """Return for each observation the log derivative of the residual in the observed variable."""
        return np.zeros(self.observations)

    def _instruments(self) -> Floats:
        raise NotImplementedError

    def _rows(self, rows: NDArray[np.intp]) -> Any:
        """Return the model of some of the observations, as a bootstrap draws them."""
        data = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        return replace(self, **{k: v[rows] for k, v in data.items() if isinstance(v, np.ndarray) and v.ndim})

    def _align(self, value: Any, name: str) -> Any:
        """Return data of pandas in the order of the index of the first; other data as they are."""
        if not hasattr(value, "to_numpy"):
            return value
        index = getattr(value, "index", None)
        if index is None:
            return value.to_numpy()
        if self._index is None:
            fill(self, _index=index)
        elif not index.equals(self._index):
            if len(index) != len(self._index) or not index.is_unique or not index.isin(self._index).all():
                raise InvalidInput(
                    f"`{name}` must have the index of the other data, whose rows it belongs to; got "
                    f"{list(index[:3])}... for {list(self._index[:3])}.... Reindex it, or pass `.to_numpy()`."
                )
            value = value.loc[self._index]
        return value.to_numpy()

    def _take(self, name: str, size: int | None = None, *, axes: int = 1) -> Floats:
        """Check a field that has one entry, or row, an observation."""
        array = real(self._align(getattr(self, name), name), name)
        if not array.ndim and size is None:
            raise InvalidInput(f"`{name}` must have one entry an observation; got a single number.")
        count = len(array) if size is None else size
        if array.ndim < axes:
            array = array[:, None] if array.ndim else np.broadcast_to(array, (count, 1)[:axes])
        if array.ndim != axes or len(array) != count:
            raise InvalidInput(
                f"`{name}` must have one entry for each of the {count} observations; got shape {array.shape}."
            )
        return self._keep(name, array)

    def _keep(self, name: str, array: Floats) -> Floats:
        array = real(array, name)
        fill(self, **{name: array})
        return array

    def _take_pairs(self, name: str, size: int) -> Floats:
        """Check a field that has an entry for each of two players, the same or another in each observation."""
        value = getattr(self, name)
        shared = getattr(value, "shape", ()) == (2,)  # pandas data by player
        array = real(np.asarray(value) if shared else self._align(value, name), name)
        if array.shape not in ((), (1,), (2,), (1, 2), (size, 1), (size, 2)):
            raise InvalidInput(
                f"`{name}` must have the shape (2,) or ({size}, 2): an entry for each player; got {array.shape}."
            )
        return self._keep(name, np.broadcast_to(array, (size, 2)))

    def fit(
        self, *, method: str = "ml", clusters: ArrayLike | None = None, instruments: ArrayLike | None = None
    ) -> Estimates:
        """Estimate the parameters.

        Parameters
        ----------
        method : {"ml", "gmm"}
            Maximum likelihood with normal residuals, or the generalised method of moments in two steps.
        clusters : array_like, shape (m,), optional
            Labels of groups in which residuals may be correlated; standard errors are then clustered (CR2), with
            degrees of freedom for few clusters (Bell and McCaffrey 2002). Without, they are robust (HC2).
        instruments : array_like, shape (m, q), optional
            Variables that are uncorrelated with residuals, for "gmm"; a constant is added. By default the variables
            of the model.

        Returns
        -------
        Estimates

        Raises
        ------
        InvalidInput
            If there are fewer observations than parameters, or clusters than two, or too few instruments; or if data
            of pandas have another index than those of the model.
        """
        return fitted(self, method=method, clusters=clusters, instruments=instruments)


@dataclass(frozen=True, slots=True, eq=False)
class _ShareModel(_Model):
    """A model of the first player's share of the surplus over disagreement payoffs.

    With ``noise="ability"`` residuals are those of the log-odds of shares, otherwise those of payoffs.
    """

    spare: Floats = field(init=False, repr=False)
    share: Floats = field(init=False, repr=False)

    def _take_share(self, d: Floats) -> None:
        """Keep the surplus over the disagreement payoffs, and the first player's share of it."""
        me: Any = self
        spare = me.total - d[:, 0] - d[:, 1]
        _require(
            spare > 0,
            spare,
            "`total` must leave something to share over `disagreement`; got {:g} in {}. Drop it.",
        )
        share = (me.payoffs - d[:, 0]) / spare
        fill(self, spare=real(spare, "total"), share=real(share, "payoffs"))
        if me.noise == "ability":
            _require(
                (share > 0) & (share < 1),
                share,
                "`payoffs` must leave both players more than their disagreement payoffs; the first player's share is "
                "{:.4g} in {}. Drop it, or take noise='payoffs' if payoffs are measured with error.",
            )
            real(_log_odds(share), "payoffs")

    def _shares(self, t: Sequence[Any]) -> Any:
        raise NotImplementedError

    def _predicted(self, t: Sequence[Any]) -> Any:
        return self._observed() + (self._shares(t) - self.share) * self.spare

    def _residuals(self, t: Sequence[Any]) -> Any:
        me: Any = self
        if me.noise == "ability":
            return _log_odds(self._shares(t)) - _log_odds(self.share)
        return (self._shares(t) - self.share) * self.spare

    def _log_scale(self) -> Floats:
        me: Any = self
        if me.noise == "payoffs":
            return np.zeros(self.observations)
        return np.asarray(-np.log(self.spare * self.share * (1 - self.share)))


def _require(good: NDArray[np.bool_], values: Floats, message: str) -> None:
    """Raise with the first value that is not good, and its observation."""
    if not good.all():
        k = int(np.argmin(good))
        raise InvalidInput(message.format(values[k], f"observation {k}"))


def _log_odds(share: Any) -> Any:
    return np.log(share / (1 - share))


def _take_covariates(model: WeightedNashModel | NashInNashModel, size: int) -> None:
    """Take the covariates of a model, and the names of their coefficients."""
    if model.covariates is None:
        return
    columns = getattr(model.covariates, "columns", None)
    table = within(model._take("covariates", size, axes=2), "covariates", -_SQUARES, _SQUARES)
    names = columns if columns is not None else model.names
    missing = isinstance(names, tuple) and not names
    fill(model, names=unique_names(None if missing else names, "names", table.shape[1]))


def _index_of(covariates: ArrayLike | None, t: Sequence[Any]) -> Any:
    """Return a constant plus covariates times their coefficients."""
    columns = () if covariates is None else np.asarray(covariates).T
    return sum((c * column for c, column in zip(t[1:], columns, strict=True)), t[0])


@record(kw_only=False)
class WeightedNashModel(_ShareModel):
    r"""Observed divisions of a surplus by the weighted Nash solution.

    The first player gets :math:`x = d_0 + w (S - d_0 - d_1)`. With ``noise="ability"`` the log-odds of the weight vary
    normally from one negotiation to the next, as in Grennan (2013), and w is the median weight; with
    ``noise="payoffs"`` payoffs are measured with a normal error. Covariates move the log-odds:
    :math:`\log \frac{w}{1-w} = \gamma_0 + z'\gamma`.

    Parameters
    ----------
    payoffs : array_like, shape (m,)
        The first player's payoff in each negotiation: for a seller, the price less the cost.
    total : array_like, shape (m,) or scalar
        The surplus S: for a buyer and a seller, value less cost.
    disagreement : array_like, shape (2,) or (m, 2), default 0
        Payoffs without an agreement.
    covariates : array_like, shape (m, k), optional
        Variables that the weight may depend on; columns of a DataFrame name the coefficients.
    noise : {"ability", "payoffs"}
        The source of unexplained variation.
    names : sequence of str, optional
        Names of the coefficients, where `covariates` has no columns with names.

    Raises
    ------
    InvalidInput
        If data are missing, of different lengths, or outside what can be agreed.

    References
    ----------
    Grennan, M. (2013). Price discrimination and bargaining: empirical evidence from medical devices. *American Economic
    Review* 103(1), 145-177. doi:10.1257/aer.103.1.145

    Examples
    --------
    >>> from bargaining import WeightedNashModel
    >>> found = WeightedNashModel([3.1, 2.4, 1.8, 2.9], total=[10, 8, 7, 9]).fit()
    >>> found.params.round(3).to_dict(), found.std_errors.round(3).to_dict()
    ({'weight': 0.297}, {'weight': 0.014})
    """

    payoffs: Entries
    _: KW_ONLY
    total: Entries
    disagreement: Entries = 0.0
    covariates: Entries = None
    noise: str = "ability"
    names: Sequence[str] = ()
    _columns: ClassVar[tuple[str, ...]] = ("payoffs",)

    def __post_init__(self) -> None:
        choice(self.noise, "noise", NOISES)
        size = len(self._take("payoffs"))
        self._take("total", size)
        d = self._take_pairs("disagreement", size)
        _take_covariates(self, size)
        self._take_share(d)

    def _starts(self) -> list[list[float]]:
        if self.covariates is not None:
            return [[0.0] * len(self._ranges())]
        return [[float(np.clip(self.share.mean(), 0.05, 0.95))]]

    def _ranges(self) -> list[tuple[str, str]]:
        if self.covariates is None:
            return [("weight", UNIT)]
        return [("constant", REAL), *((name, REAL) for name in self.names)]

    def _shares(self, t: Sequence[Any]) -> Any:
        if self.covariates is None:
            return t[0]
        return (1 + np.tanh(_index_of(self.covariates, t) / 2)) / 2

    def _residuals(self, t: Sequence[Any]) -> Any:
        if self.covariates is not None and self.noise == "ability":
            return _index_of(self.covariates, t) - _log_odds(self.share)
        return _ShareModel._residuals(self, t)

    def _instruments(self) -> Floats:
        return np.column_stack([self.total] if self.covariates is None else [self.total, self.covariates])


@record(kw_only=False)
class OffersModel(_ShareModel):
    r"""Observed divisions by alternating offers with outside options.

    Shares follow :class:`AlternatingOffers` with one discount factor per player. The proposer is observed, and a
    responder whose outside option is worth more than waiting gets the option (Binmore, Shaked and Sutton 1989).

    Parameters
    ----------
    payoffs : array_like, shape (m,)
        The first player's payoff, out of `total`.
    total : array_like, shape (m,) or scalar
        The surplus.
    proposer : array_like of 0 and 1, shape (m,)
        Who made the first offer.
    outside : array_like, shape (2,) or (m, 2), default 0
        Outside options, as payoffs.
    common : bool, default True
        Whether both players have the same discount factor.
    option : bool, default False
        Whether to estimate the value of the first player's outside option, as a share of `total`. It is identified
        if the data show that it binds, and otherwise only bounded.
    breakdown : array_like, shape (m,) or scalar, default 0
        The probability that talks break down after a refusal and leave nothing; None to estimate it, the same for all
        observations.
    noise : {"ability", "payoffs"}
        Whether log-odds of shares vary normally, or payoffs are measured with a normal error.

    Notes
    -----
    Impatience and the risk of breakdown have the same effect: shares depend on the product g of the discount factor and
    the probability that talks go on. So they are never identified together from divisions: the probability of a
    breakdown may be anything from 0 to 1 - g, and the discount factor anything from g to 1; `lower` and `upper` contain
    these bounds. If `breakdown` is known, discount factors are identified.

    Where an option starts to bind residuals have a kink, and there are several local optima. The best is looked for
    from a grid; in a few small samples a slightly better one, at a kink, may be missed. With `option` the likelihood
    ratio at the 5% level decides whether the option binds; if not, discount factors are those without an option, and
    `outside` is not identified. Below the kink the statistic is half the time 0, and otherwise chi-squared with one
    degree of freedom, so that critical values of chi-squared are conservative. At the kink, and at one between two
    slopes, it exceeds them no more often than chi-squared does.

    Raises
    ------
    InvalidInput
        If data are missing, of different lengths, or outside what can be agreed.

    References
    ----------
    Binmore, K., Shaked, A. and Sutton, J. (1989). An outside option experiment. *Quarterly Journal of Economics*
    104(4), 753-770. doi:10.2307/2937866

    Examples
    --------
    >>> from bargaining import OffersModel
    >>> found = OffersModel([0.55, 0.46, 0.53, 0.48], total=1, proposer=[0, 1, 0, 1]).fit()
    >>> found.params.round(3).to_dict()
    {'discount': 0.869}
    """

    payoffs: Entries
    _: KW_ONLY
    total: Entries
    proposer: Entries
    outside: Entries = 0.0
    common: bool = True
    option: bool = False
    breakdown: Entries = 0.0
    noise: str = "ability"
    _columns: ClassVar[tuple[str, ...]] = ("payoffs",)

    def __post_init__(self) -> None:
        choice(self.noise, "noise", NOISES)
        flag(self.common, "common")
        flag(self.option, "option")
        size = len(self._take("payoffs"))
        total = self._take("total", size)
        first = self._take("proposer", size)
        _require(
            np.isin(first, (0, 1)), first, "`proposer` must be 0 or 1 in each observation; got {:g} in {}."
        )
        claimed = self._take_pairs("outside", size)[:, int(self.option) :].sum(axis=1)
        _require(
            claimed <= total * (1 + 1e-12),
            claimed,
            "`outside` must add up to no more than `total`, or nobody agrees; got {:g} in {}. Drop it.",
        )
        if self.breakdown is not None:
            within(self._take("breakdown", size), "breakdown", 0.0, 1.0, ends="[)")
        self._take_share(np.zeros((size, 2)))

    def _ranges(self) -> list[tuple[str, str]]:
        factors = ["discount"] if self.common else ["discount_0", "discount_1"]
        more = ["breakdown"] * (self.breakdown is None) + ["outside"] * self.option
        return [(name, UNIT) for name in (*factors, *more)]

    @property
    def _without_effect(self) -> tuple[str, ...]:
        return ("outside",) * self.option

    @property
    def _kinked(self) -> bool:
        """Whether an option may start to bind."""
        return self.option or bool((self.outside > 0).any())

    def _shares(self, t: Sequence[Any]) -> Any:
        goes_on = 1.0 - (t[2 - self.common] if self.breakdown is None else self.breakdown)
        a, b = t[0] * goes_on, t[1 - self.common] * goes_on
        o0, o1 = self.outside.T / self.spare
        o0 = t[-1] if self.option else o0
        # the fixed point of x = 1 - max(o1, b (1 - y)), y = max(o0, a x): slopes are below 1
        offer = -_larger(o1 - 1, -_larger(1 - b * (1 - o0), (1 - b) / (1 - a * b)))
        return np.where(self.proposer == 0, offer, _larger(o0, a * offer))

    def _instruments(self) -> Floats:
        return np.column_stack([self.proposer, self.outside / self.total[:, None]])


def _larger(one: Any, other: Any) -> Any:
    """Return the larger of two numbers whose imaginary parts are steps of derivatives."""
    return np.where(np.real(one) >= np.real(other), one, other)


@record(kw_only=False)
class WageModel(_Model):
    r"""Observed wages that firm and worker bargain over.

    .. math:: w = (1 - \beta)\, \rho z + \beta\, (y + k),

    with the worker's weight :math:`\beta`, the worker's income without the job, a share :math:`\rho` of z,
    output y, and the saved cost k of filling the job again (Pissarides 2000, where k is the cost of a vacancy times
    tightness).

    Parameters
    ----------
    wages : array_like, shape (m,)
        Wages w.
    productivity : array_like, shape (m,)
        Output y of the job.
    reference : array_like, shape (m,)
        z: the last wage, or another base of benefits.
    saved : array_like, shape (m,) or scalar, default 0
        k: costs of vacancies that the firm saves.
    replacement : float, optional
        The share :math:`\rho` if it is known; otherwise it is estimated.

    Raises
    ------
    InvalidInput
        If data are missing or of different lengths.

    References
    ----------
    Pissarides, C. A. (2000). *Equilibrium Unemployment Theory, 2nd edition*. MIT Press. isbn:978-0-262-53398-0

    Examples
    --------
    >>> from bargaining import WageModel
    >>> wages, output = [8.1, 7.2, 9.3, 7.9], [10, 9, 12, 9]
    >>> found = WageModel(wages, productivity=output, reference=[7, 6, 7, 8], replacement=0.8).fit()
    >>> found.params.round(3).to_dict()
    {'weight': 0.574}
    """

    wages: Entries
    _: KW_ONLY
    productivity: Entries
    reference: Entries
    saved: Entries = 0.0
    replacement: float | None = None
    _columns: ClassVar[tuple[str, ...]] = ("wages",)

    def __post_init__(self) -> None:
        size = len(self._take("wages"))
        for name in ("productivity", "reference", "saved"):
            self._take(name, size)
        if self.replacement is not None:
            object.__setattr__(self, "replacement", float(real(self.replacement, "replacement", ndim=0)))

    def _ranges(self) -> list[tuple[str, str]]:
        return [("weight", UNIT), *([("replacement", UNIT)] if self.replacement is None else [])]

    def _predicted(self, t: Sequence[Any]) -> Any:
        z, y = self.reference, self.productivity + self.saved
        share = t[1] if self.replacement is None else self.replacement
        return (1.0 - t[0]) * share * z + t[0] * y

    def _instruments(self) -> Floats:
        return np.column_stack([self.productivity, self.reference])


@record(kw_only=False)
class NashInNashModel(_Model):
    r"""Observed prices between many suppliers and buyers, each Nash-bargained given all others.

    A supplier with cost c and weight w sells q(p) to a buyer who gains B(p) over having no agreement, with
    :math:`B'(p) = -q`. The first-order condition of :math:`[(p - c) q]^w B^{1-w}` gives, with the average gain
    :math:`A = B/q` and the slope :math:`e = q'/q`,

    .. math:: c = p - \frac{w A}{1 - w - w e A} .

    Costs are :math:`c = \gamma_0 + z'\gamma + \omega`, and :math:`\omega` is uncorrelated with the instruments.

    Parameters
    ----------
    prices, gains, slopes : array_like, shape (m,)
        p, A and e of every pair in every market, from a demand system that was estimated before.
    covariates : array_like, shape (m, k), optional
        z: variables that costs depend on; columns of a DataFrame name the coefficients.
    names : sequence of str, optional
        Names of the coefficients, where `covariates` has no columns with names.

    Raises
    ------
    InvalidInput
        If data are missing or of different lengths, a gain is not positive, or a slope is positive.

    Notes
    -----
    Prices depend on costs, so least squares are biased and "ml" is refused: pass `instruments` that
    move gains but not costs. With q fixed, e = 0, it is p = c + w (A + p - c) (Crawford and Yurukoglu 2012).

    References
    ----------
    Crawford, G. S. and Yurukoglu, A. (2012). The welfare effects of bundling in multichannel television markets.
    *American Economic Review* 102(2), 643-685. doi:10.1257/aer.102.2.643

    Grennan, M. (2013). Price discrimination and bargaining: empirical evidence from medical devices. *American Economic
    Review* 103(1), 145-177. doi:10.1257/aer.103.1.145

    Examples
    --------
    >>> import numpy as np
    >>> from bargaining import NashInNashModel
    >>> rng = np.random.default_rng(0)
    >>> cost, worth = 2 + 0.1 * rng.standard_normal(400), rng.uniform(4, 8, 400)
    >>> price = cost + 0.3 * (worth - cost)  # a weight of .3 on what the buyer pays at most, for a fixed quantity
    >>> found = NashInNashModel(price, gains=worth - price, slopes=0).fit(method="gmm", instruments=worth)
    >>> found.params.round(1).to_dict()
    {'weight': 0.3, 'cost': 2.0}
    """

    _likely: ClassVar[bool] = False
    prices: Entries
    _: KW_ONLY
    gains: Entries
    slopes: Entries
    covariates: Entries = None
    names: Sequence[str] = ()
    _columns: ClassVar[tuple[str, ...]] = ("prices",)

    def __post_init__(self) -> None:
        size = len(self._take("prices"))
        gains, slopes = self._take("gains", size), self._take("slopes", size)
        _require(gains > 0, gains, "`gains` must be positive: nobody buys at a loss; got {:g} in {}.")
        _require(slopes <= 0, slopes, "`slopes` must not be positive: demand falls; got {:g} in {}.")
        _take_covariates(self, size)

    def _ranges(self) -> list[tuple[str, str]]:
        return [("weight", UNIT), ("cost", REAL), *((name, REAL) for name in self.names)]

    def _predicted(self, t: Sequence[Any]) -> Any:
        gains, slopes, w = self.gains, self.slopes, t[0]
        return w * gains / (1.0 - w - w * (slopes * gains)) + _index_of(self.covariates, t[1:])

    def _instruments(self) -> Floats:
        raise InvalidInput("`instruments` must be given: what moves buyers' gains and not suppliers' costs.")


@record(kw_only=False)
class DelayModel(_Model):
    r"""Observed delays in the war of attrition between reputations of Abreu and Gul (2000).

    After the first moment player i concedes at the rate :math:`\lambda_i = r_j \frac{1 - a_i}{a_0 + a_1 - 1}` until
    both are known to be obstinate. So the dates of concessions identify the discount rates :math:`r_0, r_1`, and the
    share of talks without a concession identifies the probability :math:`z_0 z_1` that both are obstinate. The two
    priors are not identified separately.

    Parameters
    ----------
    dates : array_like, shape (m,)
        When somebody conceded, 0 for at once; for talks without an end, how long they were observed.
    who : array_like of 0, 1 and -1, shape (m,)
        Who conceded; -1 for nobody.
    demands : array_like, shape (2,) or (m, 2)
        Each player's demand, as a share; the two add up to more than 1.

    Raises
    ------
    InvalidInput
        If data are missing, dates are negative, demands are compatible, or nobody conceded at some of several demands.

    Notes
    -----
    The horizon, after which nobody concedes, is taken to be the last concession in talks with the same demands, a
    consistent estimate of it if these are many. Given the horizon the likelihood is maximal at
    :math:`\hat r_j = n_i / \sum_m k_{im} t_m`, with :math:`n_i` later concessions of i,
    :math:`k_i = (1 - a_i) / (a_0 + a_1 - 1)` and t the time for which i might have conceded. The share without a
    concession until the horizon is a product of shares of the talks then observed (Kaplan and Meier's estimate), since
    some may have been observed for a shorter time; talks with different demands are averaged by their numbers.

    References
    ----------
    Abreu, D. and Gul, F. (2000). Bargaining and reputation. *Econometrica* 68(1), 85-117. doi:10.1111/1468-0262.00094

    Examples
    --------
    >>> from bargaining import DelayModel
    >>> found = DelayModel([0.5, 0, 2, 1, 4, 9], who=[0, 1, 1, 0, 1, -1], demands=[0.6, 0.6]).fit()
    >>> found.params.round(3).to_dict()
    {'rate_0': 0.087, 'rate_1': 0.087, 'both_obstinate': 0.167}
    """

    dates: Entries
    _: KW_ONLY
    who: Entries
    demands: Entries
    _columns: ClassVar[tuple[str, ...]] = ("dates",)

    def __post_init__(self) -> None:
        dates = self._take("dates")
        who = self._take("who", len(dates))
        demands = self._take_pairs("demands", len(dates))
        _require(dates >= 0, dates, "`dates` must not be negative; got {:g} in {}.")
        _require(np.isin(who, (-1, 0, 1)), who, "`who` must be 0, 1 or -1; got {:g} in {}.")
        if not ((demands > 0) & (demands < 1)).all() or not (demands.sum(axis=1) > 1).all():
            raise InvalidInput("`demands` must be shares between 0 and 1 that add up to more than 1.")
        alike = self._alike()
        for rows in alike:
            if len(alike) > 1 and not (who[rows] >= 0).any():
                raise InvalidInput(
                    f"`who` must show a concession at each pair of demands; got none at {demands[rows[0]].tolist()}: "
                    "the data do not show how long such talks may last. Drop them."
                )

    def _alike(self) -> list[NDArray[np.intp]]:
        """Return the talks with the same demands, and so the same horizon."""
        groups = np.unique(self.demands, axis=0, return_inverse=True)[1].ravel()
        return [np.flatnonzero(groups == g) for g in range(int(groups.max()) + 1)]

    def _ranges(self) -> list[tuple[str, str]]:
        return [("rate_0", POSITIVE), ("rate_1", POSITIVE), ("both_obstinate", UNIT)]

    def _bounds(self, values: Floats) -> tuple[Floats, Floats]:
        return np.zeros(3), np.array([np.inf, np.inf, 1.0])

    def _exact_interval(self, estimates: Estimates, k: int, level: float) -> tuple[float, float] | None:
        """Return exact intervals, by the effective number of talks for a share and of concessions for a rate."""
        from scipy.stats import beta, gamma

        value, variance = estimates.values[k], estimates.covariance[k, k]
        tails = np.array([1 - level, 1 + level]) / 2
        if np.isnan(value):
            return 0.0, np.inf
        if k == 2:
            talks = value * (1 - value) / variance if variance > 0 else self.observations
            ends = beta.ppf(tails, talks * value + [0, 1], talks * (1 - value) + [1, 0])
        else:
            exposure = value / variance if variance > 0 else self._exposure(1 - k).sum()
            ends = gamma.ppf(tails, value * exposure + [0, 1]) / exposure
        return float(np.nan_to_num(ends[0], nan=0.0)), float(np.nan_to_num(ends[1], nan=1.0))

    def _times(self) -> Floats:
        """Return for how long a concession in each talk might have been seen."""
        times = np.array(self.dates)
        for rows in self._alike():
            ended = self.who[rows] >= 0
            times[rows] = np.minimum(times[rows], times[rows][ended].max(initial=0.0))
        return times

    def _exposure(self, i: int) -> Floats:
        """Return for each talk the time for which i might have conceded, by its speed at a rate of 1."""
        demands = self.demands
        return np.asarray((1 - demands[:, i]) / (demands.sum(axis=1) - 1) * self._times())

    def _solved(self) -> tuple[Floats, Floats, Floats]:
        """Return the estimates, what each observation adds to their errors, (m, 3), and its log-likelihood."""
        dates, who, times = self.dates, self.who, self._times()
        m = len(dates)
        values, errors, logs = np.array([np.nan, np.nan, 0.0]), np.zeros((m, 3)), np.zeros(m)
        for rows in self._alike():
            share, error = _surviving(times[rows], who[rows] >= 0)
            values[2] += share * len(rows) / m
            errors[rows, 2] = error * len(rows) / m
        for i in (0, 1):
            later, exposed = (who == i) & (dates > 0), self._exposure(i)
            if exposed.any():
                rate = later.sum() / exposed.sum()
                values[1 - i] = rate
                errors[:, 1 - i] = (later - rate * exposed) / exposed.sum()
                speed = exposed / np.where(times > 0, times, 1.0)
                logs += np.log(rate * speed, where=later, out=np.zeros(m)) - rate * exposed
        return values, errors, logs


def _surviving(time: Floats, ended: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Return the estimate of Kaplan and Meier of the share that never ends, and what each talk adds to its error.

    Talks without an end count for as long as they were observed.
    """
    dates, ends = np.unique(time[ended], return_counts=True)
    if not len(dates):
        return 1.0, np.zeros(len(time))
    there = len(time) - np.searchsorted(np.sort(time), dates)
    left = there - ends
    share = float((left / there).prod())
    if share == 0:
        return share, np.zeros(len(time))
    passed = np.append(0.0, np.cumsum(ends / (there * left)))[np.searchsorted(dates, time, side="right")]
    lost = ended / left[np.searchsorted(dates, time).clip(max=len(dates) - 1)]
    return share, share * (passed - lost)


@record(kw_only=False)
class EfficientDelayModel(_Model):
    r"""Observed delays until the surplus is large enough for an agreement, as in Merlo and Wilson (1998).

    In each period a surplus s is drawn, with log-normal distribution F. Players with a common discount factor
    :math:`\delta` agree as soon as it is at least r, the joint value of waiting, whoever proposes:

    .. math:: r = \delta\, E \max\{s, r\}.

    So talks last t more periods with probability :math:`F(r)^t (1 - F(r))`, and the surplus at the agreement has the
    distribution F truncated to values above r.

    Parameters
    ----------
    delays : array_like, shape (m,)
        Periods without an agreement, 0 for an agreement at once.
    total : array_like, shape (m,)
        The surplus that was divided in the end.

    Raises
    ------
    InvalidInput
        If data are missing, of different lengths, delays are not whole numbers from 0, or a surplus is not positive.

    Notes
    -----
    The parameters are the mean and the standard deviation of log s, and the discount factor. The likelihood increases
    in r up to the lowest surplus in an agreement. This lies above r by a probability of 1/m on average, so the estimate
    of r is lower by that probability at the estimated density. Its error is smaller than the others by the square root
    of m, and standard errors treat r as known. If nobody ever waited, r may lie anywhere below: then only an upper
    bound on the discount factor is identified.

    References
    ----------
    Merlo, A. and Wilson, C. (1998). Efficient delays in a stochastic model of bargaining. *Economic Theory* 11(1),
    39-55. doi:10.1007/s001990050177

    Examples
    --------
    >>> from bargaining import EfficientDelayModel
    >>> found = EfficientDelayModel([0, 2, 1, 0, 3, 1, 0, 5], total=[3.1, 2.4, 2.2, 4.0, 2.9, 3.3, 2.3, 2.6]).fit()
    >>> found.params.round(2).to_dict()
    {'log_mean': 0.65, 'log_spread': 0.38, 'discount': 0.87}
    """

    delays: Entries
    _: KW_ONLY
    total: Entries
    _columns: ClassVar[tuple[str, ...]] = ("delays",)

    def __post_init__(self) -> None:
        delays = self._take("delays")
        surplus = self._take("total", len(delays))
        whole = (delays >= 0) & (delays == np.floor(delays))
        _require(whole, delays, "`delays` must be whole numbers from 0; got {:g} in {}.")
        _require(surplus > 0, surplus, "`total` must be positive; got {:g} in {}.")
        if not np.ptp(surplus):
            raise InvalidInput("`total` must vary; all observations have the same.")

    def _ranges(self) -> list[tuple[str, str]]:
        return [("log_mean", REAL), ("log_spread", POSITIVE), ("discount", UNIT)]

    def _bounds(self, values: Floats) -> tuple[Floats, Floats]:
        """Return bounds on parameters that are not identified."""
        return np.array([-np.inf, 0.0, 0.0]), np.array([np.inf, np.inf, self._most(values)[0]])

    def _most(self, values: Floats) -> tuple[float, Floats]:
        return self._discount(float(values[0]), float(values[1]), float(np.log(self.total.min())))

    def _exact_interval(self, estimates: Estimates, k: int, level: float) -> tuple[float, float] | None:
        """Return the interval of a discount factor that is only bounded: up to the upper end of that of its bound."""
        from scipy.stats import norm

        if not np.isnan(estimates.values[k]):
            return None
        most, slopes = self._most(estimates.values)
        spread = np.sqrt(slopes @ estimates.covariance[:2, :2] @ slopes)
        odds = np.log(most / (1 - most)) + norm.ppf(0.5 + level / 2) * spread / (most * (1 - most))
        return 0.0, float(1 / (1 + np.exp(-odds)))

    def _discount(self, mean: float, spread: float, least: float) -> tuple[float, Floats]:
        """Return the discount factor at which a surplus, in logs, is just worth waiting, and its slopes in both."""
        from scipy.stats import norm

        d = (mean + spread**2 - least) / spread
        # the mean over the threshold, kept finite: beyond, the discount factor is 0
        average = np.exp(min(mean + spread**2 / 2 - least, _LARGEST))
        known = 1 / (norm.cdf(spread - d) + average * norm.cdf(d))
        slopes = -(known**2) * average * np.array([norm.cdf(d), spread * norm.cdf(d) + norm.pdf(d)])
        return float(known), slopes

    def _solved(self) -> tuple[Floats, Floats, Floats]:
        """Return the estimates, what each observation adds to their errors, (m, 3), and its log-likelihood."""
        from scipy.stats import norm

        lowest, t = float(np.log(self.total.min())), self.delays
        m, least = len(t), lowest
        with np.errstate(all="ignore"):
            for _ in range(_AGAIN):
                z, scores, hessian, logs = self._peak(least)
                x = z[1] * least - z[0]
                hazard = z[1] * float(np.exp(norm.logpdf(x) - norm.logsf(x)))
                least = lowest - 1 / (m * hazard)
        if not np.isfinite([*z, least]).all() or not z[1] > 0:
            raise InvalidInput(
                "`total` and `delays` lead to no log-normal distribution: too few agreements, or too much alike."
            )
        mean, spread = float(z[0] / z[1]), float(1 / z[1])
        natural = np.array([[1 / z[1], -z[0] / z[1] ** 2], [0.0, -1 / z[1] ** 2]])
        errors = np.zeros((m, 3))
        errors[:, :2] = -scores @ np.linalg.inv(hessian).T @ natural.T
        if not t.any():  # the threshold may be anything below the surpluses
            return np.array([mean, spread, np.nan]), errors, logs
        discount, slopes = self._discount(mean, spread, least)
        errors[:, 2] = errors[:, :2] @ slopes
        return np.array([mean, spread, discount]), errors, logs

    def _peak(self, least: float) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the maximum of the likelihood at a threshold, scores, the Hessian, and log-likelihoods.

        In (mean / spread, 1 / spread) it is concave.
        """
        from scipy.optimize import root
        from scipy.stats import norm

        logs, t = np.log(self.total), self.delays

        def parts(z: Floats) -> tuple[Floats, Floats, Floats]:
            a, b = z
            x, u = b * least - a, b * logs - a
            below = float(np.exp(norm.logpdf(x) - norm.logcdf(x)))
            value = t * norm.logcdf(x) + norm.logpdf(u) + np.log(b) - logs
            scores = np.stack([u - t * below, 1 / b - u * logs + t * below * least], axis=1)
            cross = np.array([[1.0, -least], [-least, least**2]])
            hessian = -np.array([[len(t), -logs.sum()], [-logs.sum(), (logs**2).sum() + len(t) / b**2]])
            return value, scores, hessian - t.sum() * below * (x + below) * cross

        start = np.array([logs.mean(), 1.0]) / logs.std()
        z = root(
            lambda z: parts(z)[1].sum(axis=0), start, jac=lambda z: parts(z)[2], method="lm", tol=1e-13
        ).x
        value, scores, hessian = parts(z)
        if np.isfinite(hessian).all() and np.linalg.cond(hessian) > 1 / np.finfo(float).eps:
            raise InvalidInput(
                "`delays` and `total` must let the likelihood have a single peak; between delays of "
                f"{t.min():.3g} and {t.max():.3g} it is flat."
            )
        return z, scores, hessian, value

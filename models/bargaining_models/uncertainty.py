"""Priors over the inputs of a model, draws from them, and bands of its results.

`priors()` and `elasticity_priors()` read those of this package: every one has unit, year, status and source, and
assumptions are marked as such. `uncertainty` runs a model at draws of its inputs, on any number of processes, and can
be resumed; `bands` turns draws into median, 5th and 95th percentile.

A draw of an input depends only on the seed, the number of the draw and the name of the input, not on other inputs, the
number of draws or the workers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike

from bargaining import sweep
from bargaining.authoring import Floats, Shown, choice, real, record, whole, within
from bargaining.errors import InvalidInput, Status
from bargaining_models._figures import Row, read

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ElasticityPrior", "Prior", "bands", "elasticity_priors", "priors", "uncertainty"]

DATA = Path(__file__).parent / "data"
DISTRIBUTIONS: dict[str, tuple[tuple[str, ...], Callable[..., bool], Callable[..., ArrayLike]]] = {
    "gamma": (
        ("shape", "rate"),
        lambda a, b: min(a, b) > 0.0,
        lambda stats, u, a, b: stats.gamma.ppf(u, a, scale=1.0 / b),
    ),
    "beta": (("a", "b"), lambda a, b: min(a, b) > 0.0, lambda stats, u, a, b: stats.beta.ppf(u, a, b)),
    "triangular": (
        ("low", "mode", "high"),
        lambda low, mode, high: low <= mode <= high and low < high,
        lambda stats, u, low, mode, high: stats.triang.ppf(u, (mode - low) / (high - low), low, high - low),
    ),
    "uniform": (
        ("low", "high"),
        lambda low, high: low < high,
        lambda stats, u, low, high: low + u * (high - low),
    ),
    "lognormal": (
        ("mean of the log", "standard deviation of the log"),
        lambda mean, spread: spread >= 0.0,
        lambda stats, u, mean, spread: np.exp(mean + spread * stats.norm.ppf(u)),
    ),
    "point": (("value",), lambda value: True, lambda stats, u, value: np.full_like(u, value)),
    "discrete": (
        (),
        lambda *values: True,
        lambda stats, u, *values: np.array(values)[
            np.minimum((u * len(values)).astype(int), len(values) - 1)
        ],
    ),
}
"""By name: the parameters (any number where none is named), whether they define a distribution, and its quantiles."""
LEVELS = (0.05, 0.5, 0.95)  # the median and a band that contains nine draws in ten
CORRELATION = 0.2
"""Of the logs of elasticities between sectors: an assumption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior(Shown):
    """A distribution of one number.

    Parameters
    ----------
    name : str
    distribution : {"gamma", "beta", "triangular", "uniform", "lognormal", "point", "discrete"}
    parameters : sequence of float
        Shape and rate; a and b; low, mode and high; low and high; mean and standard deviation of the log; the value; or
        the values, equally likely.
    unit, status, source : str, optional
    year : int, optional

    Raises
    ------
    InvalidInput
        If the parameters do not define a distribution of that name: a negative spread, a mode outside, a shape of 0.

    Examples
    --------
    >>> rate = Prior(name="closure", distribution="gamma", parameters=[2.5, 10])
    >>> rate.quantile([0.05, 0.5, 0.95]).round(3)
    array([0.057, 0.218, 0.554])
    """

    name: str
    distribution: str
    parameters: Sequence[float]
    unit: str = ""
    year: int | None = None
    status: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        choice(self.distribution, "distribution", tuple(DISTRIBUTIONS))
        values = real(self.parameters, "parameters", ndim=1)
        object.__setattr__(self, "parameters", tuple(values.tolist()))
        wanted, fine, _ = DISTRIBUTIONS[self.distribution]
        if wanted and len(values) != len(wanted):
            raise InvalidInput(
                f"`parameters` of {self.name!r} must be {', '.join(wanted)}, as it is {self.distribution}; got "
                f"{values.tolist()}."
            )
        if not fine(*values):
            raise InvalidInput(
                f"`parameters` of {self.name!r} must be a {self.distribution} distribution, {', '.join(wanted)}, with "
                f"positive spread; got {values.tolist()}."
            )

    def quantile(self, u: ArrayLike) -> Floats:
        """The inverse of the distribution function at `u` in [0, 1]."""
        from scipy import stats

        at = np.asarray(u, dtype=float)
        return np.asarray(DISTRIBUTIONS[self.distribution][2](stats, at, *self.parameters))

    def draw(self, uniforms: Floats) -> Floats:
        """One value, from one number in (0, 1)."""
        return self.quantile(uniforms[0])

    @property
    def size(self) -> int:
        """How many numbers in (0, 1) a draw takes."""
        return 1


@record
class ElasticityPrior(Shown):
    """Lognormal trade elasticities by sector, with one correlation between the logs of any two.

    Parameters
    ----------
    sectors : tuple of str
    median, spread : (J,) array
        Of each sector; `spread` is the standard deviation of the log.
    correlation : float in [0, 1)
    source : str, optional

    Examples
    --------
    >>> prior = elasticity_priors()
    >>> prior.sectors[:3], prior.median[:3]
    (('AGR', 'MIN', 'FOOD'), array([4.527, 4.979, 4.2  ]))
    """

    sectors: tuple[str, ...]
    median: Floats
    spread: Floats
    correlation: float = CORRELATION
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("median", "spread"):
            values = real(getattr(self, name), name, ndim=1)
            if len(values) != len(self.sectors):
                raise InvalidInput(
                    f"`{name}` must have one entry a sector ({len(self.sectors)}); got {len(values)}."
                )
            object.__setattr__(self, name, values)
        within(self.median, "median", 0.0, np.inf, ends="()", players=self.sectors)
        within(self.spread, "spread", 0.0, np.inf, ends="[)", players=self.sectors)
        within(real(self.correlation, "correlation", ndim=0), "correlation", 0.0, 1.0, ends="[)")

    @property
    def size(self) -> int:
        """How many numbers in (0, 1) a draw takes."""
        return 1 + len(self.sectors)

    def draw(self, uniforms: Floats) -> Floats:
        """One elasticity per sector, (J,), from 1 + J numbers in (0, 1): a common one, and one for each sector."""
        from scipy import stats

        normal = stats.norm.ppf(uniforms)
        common, own = np.sqrt(self.correlation), np.sqrt(1.0 - self.correlation)
        return np.asarray(self.median * np.exp(self.spread * (common * normal[0] + own * normal[1:])))


AnyPrior = Prior | ElasticityPrior


@cache
def priors() -> Mapping[str, Prior]:
    """Return the priors of this package by input.

    Examples
    --------
    >>> found = priors()
    >>> found["china_closure_rate"].distribution, found["china_closure_rate"].unit, found["discount_rate"].status
    ('gamma', 'per year', 'assumption')
    """
    columns = ("input", "description", "distribution", "parameter_1", "unit", "year", "status", "source")
    return {row.text("input"): _prior(row) for row in read(DATA, "priors.csv", columns)}


@cache
def elasticity_priors(structure: str = "wiod2011", *, correlation: float = CORRELATION) -> ElasticityPrior:
    """Return the prior over elasticities for a structure of this package, "wiod2011" or "icio2019"."""
    rows = read(
        DATA, "elasticity_priors.csv", ("structure", "sector", "value", "spread", "unit", "year", "source")
    )
    choice(structure, "structure", tuple(dict.fromkeys(row.text("structure") for row in rows)))
    own = [row for row in rows if row.text("structure") == structure]
    return ElasticityPrior(
        sectors=tuple(row.text("sector") for row in own),
        median=np.array([row.number_in("value", 1e-3, 1e3) for row in own]),
        spread=np.array([row.number_in("spread", 0.0, 10.0) for row in own]),
        correlation=correlation,
        source="; ".join(dict.fromkeys(row.text("source") for row in own)),
    )


def uncertainty(
    model: Callable[..., Mapping[str, Any]],
    priors: Mapping[str, AnyPrior],
    *,
    draws: int,
    seed: int = 0,
    workers: Any = 1,
    checkpoint: str | Path | None = None,
    version: str | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Run a model at draws of its inputs.

    Parameters
    ----------
    model : callable
        Takes one keyword argument per prior and returns a mapping of names to numbers or arrays, of the same shape in
        every draw.
    priors : mapping from argument to Prior or ElasticityPrior
    draws : int
    seed : int, default 0
    workers, checkpoint, version, progress
        As for `bargaining.sweep`, which does the work: with a checkpoint the same call again computes only what is
        missing.

    Returns
    -------
    xarray.Dataset
        Along `draw`: the inputs as `input_...`, the results of the model, `status`, and `message` where a draw failed.
        Attributes `draws`, `failed` and `seed`: a draw that cannot be solved is counted, and its numbers are NaN.

    Raises
    ------
    InvalidInput
        If a prior is not a `Prior`, or `draws` is not a positive whole number.

    Examples
    --------
    >>> found = uncertainty(
    ...     lambda rate, share: {"worth": share / (0.05 + rate)},
    ...     {
    ...         "rate": Prior(name="rate", distribution="gamma", parameters=[2.5, 10]),
    ...         "share": Prior(name="share", distribution="uniform", parameters=[0, 1]),
    ...     },
    ...     draws=200,
    ... )
    >>> bands(found).worth.round(2).values  # 5th percentile, median, 95th
    array([0.18, 1.78, 6.31])
    """
    if not isinstance(priors, Mapping) or not priors:
        raise InvalidInput(
            f"`priors` must map arguments of the model to priors; got {type(priors).__name__}."
        )
    for name, prior in priors.items():
        if not isinstance(prior, Prior | ElasticityPrior):
            raise InvalidInput(f"`priors` must hold a Prior for {name!r}; got {type(prior).__name__}.")
    count = whole(draws, "draws", 1)
    run = _Drawn(model=model, priors=dict(priors), seed=whole(seed, "seed", 0))
    found = sweep(
        run.inputs,
        {"draw": np.arange(count)},
        run.outcome,
        workers=workers,
        checkpoint=checkpoint,
        version=version,
        progress=progress,
    )
    failed = int((found["status"] != Status.OK).sum())
    return found.assign_attrs(draws=count, failed=failed, seed=run.seed)


def bands(found: xr.Dataset, levels: Sequence[float] = LEVELS) -> xr.Dataset:
    """Return quantiles over the draws that were solved, along `quantile`; the attributes say how many failed.

    Raises
    ------
    InvalidInput
        If no draw was solved.
    """
    good = (found["status"] == Status.OK).values
    if not good.any():
        raise InvalidInput(
            f"`found` must have a draw that was solved; all {len(good)} failed. See its `message`."
        )
    numbers = [
        name
        for name in found.data_vars
        if name not in ("status", "message") and found[name].dtype.kind == "f"
    ]
    return found[numbers].isel(draw=good).quantile(list(levels), dim="draw").assign_attrs(found.attrs)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Drawn:
    """A model and the distribution of its inputs."""

    model: Callable[..., Mapping[str, Any]]
    priors: dict[str, AnyPrior]
    seed: int

    def inputs(self, draw: Any) -> dict[str, Any]:
        """The arguments of a draw, each from its own random stream."""
        given = {}
        for name, prior in self.priors.items():
            stream = np.random.default_rng([self.seed, int(draw), crc32(name.encode())])
            value = prior.draw(stream.random(prior.size))
            given[name] = float(value) if value.ndim == 0 else value
        return given

    def outcome(self, given: dict[str, Any]) -> dict[str, Any]:
        """The results of the model, and the arguments themselves."""
        return {f"input_{name}": value for name, value in given.items()} | dict(self.model(**given))


def _prior(row: Row) -> Prior:
    cells = [row.cells.get(f"parameter_{k}", "") for k in (1, 2, 3)]
    return Prior(
        name=row.text("input"),
        distribution=row.one_of("distribution", tuple(DISTRIBUTIONS)),
        parameters=[row.number_in(f"parameter_{k + 1}", -1e6, 1e6) for k, cell in enumerate(cells) if cell],
        unit=row.text("unit"),
        year=row.year(),
        status=row.text("status"),
        source=row.text("source"),
    )

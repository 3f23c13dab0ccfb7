"""The privacy loss distribution (PLD) of a set of events.

Takes events, merges those of equal noise, builds each mechanism's loss with dp-accounting, composes
all of them and reads epsilon off. `accountant` says what the result means and why it holds.

**Never a hang.** The points that composing would need are estimated first, from each loss's range
and spread, and the grid is kept so coarse that they fit. A coarse grid is still an upper bound, but
may be a loose one: then the Renyi bound (`renyi`) is taken where it is smaller. With more than 2
million uses, more than 100 different noises or an epsilon beyond 1000, only the Renyi bound is
taken. These switches look at counts, which the noise does not change, or turn off as it grows.

**Rounding.** Composing n times by Fourier transform errs by up to about 1e-17 n in delta (measured
against the exact Gaussian at n up to 1e6), in either direction. Epsilon is therefore read at delta
less 1e-16 n; where this eats half of delta, no distribution is trusted and the Renyi bound alone
holds.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.errors import ConvergenceError, InputError
from synthkit.privacy import renyi
from synthkit.privacy.event import (
    Event,
    NoisyGradients,
    NoisyTables,
    ThresholdedTables,
    UncoveredLook,
)

if TYPE_CHECKING:
    from dp_accounting.pld.privacy_loss_distribution import PrivacyLossDistribution

NOISE_RANGE = (0.01, 1e5)
"""Smallest and largest sigma or noise multiplier that is priced."""
_ROUNDING = 1e-16
_MOST_POINTS = 2**20
_MOST_GROUPS = 100
_MOST_TIMES = 2_000_000
"""Uses of all groups together beyond which no grid is both fine enough and affordable."""
_HOPELESS = 1000.0
"""A Renyi bound that is not worth sharpening: such an epsilon bounds nothing."""


@dataclass(frozen=True, order=True)
class Group:
    """Events with the same noise, merged: `times` compositions of one mechanism."""

    noise: float
    sample_rate: float | None
    times: int


def is_number(value: Any) -> bool:
    """Says whether a value is an int or float of Python or NumPy; booleans are not numbers."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)


def merged(events: Iterable[Event], *, is_search: bool = False) -> tuple[Group, ...]:
    """Merges events of equal noise and sorts them: order cannot matter, and few PLDs remain."""
    times: dict[tuple[float, float | None], int] = {}
    for event in events:
        if isinstance(event, UncoveredLook):
            continue
        noise, rate, count = _parameters(event)
        _check_event(event.name, noise, rate, count, is_search=is_search)
        if isinstance(event, ThresholdedTables):
            _check_threshold(event)
        times[noise, rate] = times.get((noise, rate), 0) + count
    groups = (
        Group(float(noise), None if rate is None else float(rate), n)
        for (noise, rate), n in times.items()
    )
    return tuple(
        sorted(groups, key=lambda g: (g.sample_rate is not None, g.noise, g.sample_rate or 0.0))
    )


def _parameters(event: object) -> tuple[float, float | None, int]:
    if isinstance(event, NoisyTables | ThresholdedTables):
        return event.sigma, None, event.tables
    if isinstance(event, NoisyGradients):
        return event.noise_multiplier, event.sample_rate, event.steps
    raise InputError(
        f"{type(event).__name__} is not a privacy event.",
        hint="Use the event types of synthkit.privacy.event.",
    )


def _check_event(
    name: str, noise: float, rate: float | None, count: int, *, is_search: bool
) -> None:
    least, most = NOISE_RANGE
    is_noise = is_number(noise) and math.isfinite(noise) and noise > 0
    is_rate = rate is None or (is_number(rate) and 0 < rate <= 1)
    is_count = isinstance(count, int | np.integer) and not isinstance(count, bool) and count >= 1
    if is_noise and is_rate and is_count and noise <= most and (is_search or noise >= least):
        return
    if is_search and is_noise and is_rate and is_count:
        raise ConvergenceError(
            f"The budget asks for more noise than {most:g}.",
            hint="Raise epsilon or delta.",
        )
    raise InputError(
        f"The privacy event {name!r} has a parameter out of range.",
        hint=f"Noise from {least:g} to {most:g}, sample rate above 0 and at most 1, "
        "and a whole number of steps or tables, at least 1.",
    )


def _check_threshold(event: ThresholdedTables) -> None:
    if not (is_number(event.delta) and 0 < event.delta < 1):
        raise InputError(
            f"The privacy event {event.name!r} has a parameter out of range.",
            hint="The delta of its thresholds must be above 0 and below 1.",
        )


def threshold_delta(events: Iterable[Event]) -> float:
    """Adds up the deltas of all thresholds: what they take of the delta of the whole."""
    return math.fsum(e.delta for e in events if isinstance(e, ThresholdedTables))


def epsilon(groups: tuple[Group, ...], delta: float, accuracy: float) -> float:
    """Prices merged groups on a grid that is at most the result over `accuracy`, if it fits.

    Returns:
        The pessimistic epsilon; infinity where no finite epsilon holds at this delta.
    """
    return priced(groups, delta, accuracy).epsilon


@dataclass(frozen=True)
class Priced:
    """An upper bound, and what it was read from."""

    epsilon: float
    total: PrivacyLossDistribution | None
    """The whole distribution; None without any group, or where none could be composed."""
    is_renyi: bool
    """True: epsilon is the Renyi bound."""


def priced(groups: tuple[Group, ...], delta: float, accuracy: float) -> Priced:
    """Prices merged groups, see `epsilon`; gives the distribution along with it."""
    if not groups:
        return Priced(0.0, None, is_renyi=False)
    rounding = rounding_delta(groups)
    bound = renyi.epsilon(groups, delta)
    # None of these conditions can turn true as noise grows: no price rises with it.
    is_too_much = (
        sum(g.times for g in groups) > _MOST_TIMES
        or len(groups) > _MOST_GROUPS
        or rounding > delta / 2
        or bound > _HOPELESS
    )
    if is_too_much:
        return Priced(bound, None, is_renyi=True)
    found, total, is_loose = _composed(groups, delta - rounding, accuracy)
    if bound < found and (is_loose or not math.isfinite(found)):
        return Priced(bound, total, is_renyi=True)
    return Priced(found, total, is_renyi=False)


def rounding_delta(groups: tuple[Group, ...]) -> float:
    """Upper bound of what rounding may have hidden of delta."""
    return _ROUNDING * sum(g.times for g in groups)


def _composed(
    groups: tuple[Group, ...], delta: float, accuracy: float
) -> tuple[float, PrivacyLossDistribution, bool]:
    """Returns the epsilon, its distribution, and whether the grid is coarser than was wanted."""
    affordable = _least_grid(groups, _MOST_POINTS if accuracy > 1e3 else _MOST_POINTS // 8)
    # First grid: a thousandth of the largest single loss, which any mechanism here stays below.
    wanted = _step(max(12.0 / g.noise + 0.5 / g.noise**2 for g in groups) / 1e3)
    for _ in range(8):
        grid = max(wanted, affordable)
        total = functools.reduce(lambda a, b: a.compose(b), (_pld(g, grid) for g in groups))
        found = float(total.get_epsilon_for_delta(delta))
        if found <= 0.0:  # delta alone covers the loss: (0, delta) holds, and the PLD overstates
            return 0.0, total, False
        if not math.isfinite(found):
            break
        wanted = _step(found / accuracy)
        if wanted >= grid or grid == affordable:
            break
    return found, total, wanted < grid


def _least_grid(groups: tuple[Group, ...], points: int) -> float:
    """Returns the finest grid on which all groups compose with about so many points."""
    spans = [_span(g) for g in groups]
    total = math.hypot(*spans)  # convolved spans add up like standard deviations
    return 2.0 * _step(max(math.fsum(spans), len(groups) * total) / points)


@functools.lru_cache(maxsize=4096)
def _span(group: Group) -> float:
    """Estimates the width of the interval of losses that the composed group is stored on.

    The library cuts tails by Chernoff's bound at the orders 1 to 20 over the single loss's width,
    so that the stored width grows like the square root of `times` at first and then like `times`.
    """
    width, variance = _single_loss(group.noise, group.sample_rate)
    orders = np.arange(1, 21) / width  # (20,)
    cut = 2 * (group.times * variance * orders / 2 + 35.0 / orders)  # (20,)
    return float(max(width, min(group.times * width, cut.min())))


def _single_loss(noise: float, sample_rate: float | None) -> tuple[float, float]:
    """Width and variance of one use's loss, the larger of both directions."""
    reach = 10.0 * noise  # where the library truncates: a tail of exp(-50)
    if sample_rate is None or sample_rate == 1.0:
        return 2 * reach / noise**2, 1 / noise**2
    x = np.linspace(-reach, 1 + reach, 4001)  # (4001,)
    without = np.exp(-(x**2) / (2 * noise**2))
    with_unit = (1 - sample_rate) * without + sample_rate * np.exp(-((x - 1) ** 2) / (2 * noise**2))
    losses = np.logaddexp(
        math.log1p(-sample_rate), math.log(sample_rate) + (2 * x - 1) / (2 * noise**2)
    )  # (4001,)
    variances = []
    for weights in (without / without.sum(), with_unit / with_unit.sum()):
        mean = float(weights @ losses)
        variances.append(float(weights @ (losses - mean) ** 2))
    return float(losses[-1] - losses[0]), max(variances)


def _step(size: float) -> float:
    """Rounds a grid down to a power of two, so that few distinct grids are ever built."""
    return 2.0 ** math.floor(math.log2(size))


@functools.lru_cache(maxsize=256)
def _pld(group: Group, grid: float) -> PrivacyLossDistribution:
    from dp_accounting.pld import privacy_loss_distribution

    if group.sample_rate is None:
        single = _discrete_gaussian_pld(group.noise, grid)
    else:
        # Keeps the losses of removing and of adding a unit and answers with the larger delta.
        single = privacy_loss_distribution.from_gaussian_mechanism(
            group.noise,
            sampling_prob=group.sample_rate,
            value_discretization_interval=grid,
            use_connect_dots=True,
            pessimistic_estimate=True,
        )
    return single if group.times == 1 else single.self_compose(group.times)


def _discrete_gaussian_pld(sigma: float, grid: float) -> PrivacyLossDistribution:
    """The library's `from_discrete_gaussian_mechanism`, its loop over the support vectorised."""
    from dp_accounting.pld import pld_pmf, privacy_loss_mechanism
    from dp_accounting.pld.privacy_loss_distribution import PrivacyLossDistribution

    mechanism = privacy_loss_mechanism.DiscreteGaussianPrivacyLoss(sigma, sensitivity=1)
    bounds = mechanism.connect_dots_bounds()
    support = np.arange(bounds.lower_x, bounds.upper_x + 1)  # (n_support,)
    losses = (-0.5 - support) / sigma**2 / grid  # (n_support,) in steps of the grid
    steps = np.unique(np.concatenate([np.floor(losses), np.ceil(losses)]).astype(np.int64))
    with np.errstate(over="ignore"):  # exp(epsilon) of a hopeless epsilon: its delta is 0 anyway
        deltas = mechanism.get_delta_for_epsilon(steps * grid)
        pmf = pld_pmf.create_pmf_pessimistic_connect_dots(grid, steps, deltas)
    return PrivacyLossDistribution(pmf)

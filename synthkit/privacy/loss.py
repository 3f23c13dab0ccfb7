"""The privacy loss distribution (PLD) of a set of events.

Takes events, merges those of equal noise, builds each mechanism's loss with dp-accounting, composes
all of them and reads epsilon off. `accountant` says what the result means and why it holds.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.errors import ConvergenceError, InputError
from synthkit.privacy.event import Event, NoisyGradients, NoisyTables, UncoveredLook

if TYPE_CHECKING:
    from dp_accounting.pld.privacy_loss_distribution import PrivacyLossDistribution

NOISE_RANGE = (0.01, 1e5)
"""Smallest and largest sigma or noise multiplier that is priced."""


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
        times[noise, rate] = times.get((noise, rate), 0) + count
    groups = (
        Group(float(noise), None if rate is None else float(rate), n)
        for (noise, rate), n in times.items()
    )
    return tuple(
        sorted(groups, key=lambda g: (g.sample_rate is not None, g.noise, g.sample_rate or 0.0))
    )


def _parameters(event: object) -> tuple[float, float | None, int]:
    if isinstance(event, NoisyTables):
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


def epsilon(groups: tuple[Group, ...], delta: float, accuracy: float) -> float:
    """Prices merged groups on a grid that is at most the result over `accuracy`.

    Returns:
        The pessimistic epsilon; infinity where no finite epsilon holds at this delta.
    """
    return composed(groups, delta, accuracy)[0]


def composed(
    groups: tuple[Group, ...], delta: float, accuracy: float
) -> tuple[float, PrivacyLossDistribution | None]:
    """Returns the epsilon of `epsilon` and the whole distribution that it was read from.

    Without any group: 0 and None.
    """
    if not groups:
        return 0.0, None
    # First grid: a thousandth of the largest single loss, which any mechanism here stays below.
    largest = max(12.0 / g.noise + 0.5 / g.noise**2 for g in groups)
    grid = _step(largest / 1e3)
    for _ in range(8):
        total = functools.reduce(lambda a, b: a.compose(b), (_pld(g, grid) for g in groups))
        priced = float(total.get_epsilon_for_delta(delta))
        if priced <= 0.0:  # delta alone covers the loss: (0, delta) holds, and the PLD overstates
            return 0.0, total
        if not math.isfinite(priced) or _step(priced / accuracy) >= grid:
            break
        grid = _step(priced / accuracy)
    return priced, total


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

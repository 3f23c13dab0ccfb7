"""Sampling rate and choice of rows, to within five percent. Alpha 1e-6, power measured.

Complements tests/statistical/test_sampler.py, which tests independence: here many units are tossed
at once, so that a rate that is off by 5 %, even for some units only, cannot hide.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from synthkit.generate.poisson import PoissonUnits
from synthkit.privacy import mechanism
from tests.statistical.power import measured_power

ALPHA = 1e-6
RATE, DRAWS, N_OF_KIND = 0.05, 1000, 1000
KINDS = (1, 2, 7)
"""Units with so many rows, a thousand of each."""
UNITS = np.repeat(np.arange(3 * N_OF_KIND), np.repeat(KINDS, N_OF_KIND))


class RateTooLarge(PoissonUnits):
    """Planted fault: q is 5 % larger than what is charged."""

    def __init__(self, units, *, sample_rate, generator, rows_per_unit=1) -> None:
        super().__init__(
            units,
            sample_rate=1.05 * sample_rate,
            generator=generator,
            rows_per_unit=rows_per_unit,
        )


class ManyRowsComeMoreOften(PoissonUnits):
    """Planted fault: q is 5 % larger for units with seven rows, as small weights would make it."""

    def __init__(self, units, **options) -> None:
        super().__init__(units, **options)
        self._rate *= 1.05

    def _entered(self) -> torch.Tensor:
        entered = super()._entered()
        stays = self._uniform(len(entered)) < 1 / 1.05
        return entered[stays | (self._counts[entered] == 7)]


def entries(kind: type[PoissonUnits], rows_per_unit: int = 1) -> np.ndarray:
    """How often the units of each kind entered, of DRAWS * N_OF_KIND coins each; shape (3,)."""
    sampler = kind(
        UNITS,
        sample_rate=RATE,
        generator=mechanism.secret_torch_generator("cpu"),
        rows_per_unit=rows_per_unit,
    )
    found = np.zeros(3, dtype=np.int64)
    for _ in range(DRAWS):
        units = np.unique(UNITS[sampler.draw().numpy()])
        found += np.bincount(units // N_OF_KIND, minlength=3)
    return found


def rates_are_right(found: np.ndarray) -> bool:
    """Each kind's entries ~ Binomial(DRAWS * N_OF_KIND, q), two-sided."""
    n = DRAWS * N_OF_KIND
    tails = np.minimum(stats.binom.cdf(found, n, RATE), stats.binom.sf(found - 1, n, RATE))
    return bool(tails.min() > ALPHA / 2 / len(KINDS))


@pytest.mark.parametrize("rows_per_unit", [1, 3])
def test_each_kind_of_unit_enters_at_the_charged_rate(rows_per_unit: int) -> None:
    assert rates_are_right(entries(PoissonUnits, rows_per_unit))


@pytest.mark.parametrize("twin", [RateTooLarge, ManyRowsComeMoreOften])
@pytest.mark.parametrize("rows_per_unit", [1, 3])
def test_a_rate_5_percent_too_large_is_caught(twin, rows_per_unit: int) -> None:
    assert not rates_are_right(entries(twin, rows_per_unit))


def test_the_power_against_5_percent_for_one_kind_alone_is_measured() -> None:
    n, rng = DRAWS * N_OF_KIND, np.random.default_rng(1)
    limit = stats.binom.isf(ALPHA / 2 / len(KINDS), n, RATE)
    assert stats.binom.sf(limit, n, 1.05 * RATE) > 1 - 1e-6
    rates = np.array([RATE, RATE, 1.05 * RATE])
    assert measured_power(lambda: not rates_are_right(rng.binomial(n, rates))) > 0.99


# Choice of rows: each row of a unit is as likely as the others, in every slot.

ROWS, N_UNITS = 5, 50_000


def is_unfair(positions: np.ndarray) -> bool:
    """Chi-square test that each of ROWS positions is chosen equally often."""
    return bool(stats.chisquare(np.bincount(positions, minlength=ROWS)).pvalue < ALPHA)


def biased(rng: np.random.Generator, excess: float) -> np.ndarray:
    """Positions of which the first is chosen more often than its share by so much."""
    first = (1 + excess) / ROWS
    rest = (1 - first) / (ROWS - 1)
    return rng.choice(ROWS, N_UNITS, p=[first, *[rest] * (ROWS - 1)])


@pytest.mark.parametrize("slots", [1, 3])
def test_every_row_of_a_unit_is_equally_likely_in_every_slot(slots: int) -> None:
    chosen = mechanism.rows_of_units(np.repeat(np.arange(N_UNITS), ROWS), most=slots)
    assert len(chosen) == slots
    for rows in chosen:
        assert np.array_equal(rows // ROWS, np.arange(N_UNITS))
        assert not is_unfair(rows % ROWS)
    together = np.sort(np.stack(chosen) % ROWS, axis=0)
    assert (np.diff(together, axis=0) > 0).all()  # without repeats


def test_every_row_is_equally_likely_to_stand_for_a_unit_in_a_step() -> None:
    units = np.repeat(np.arange(N_UNITS), ROWS)
    sampler = PoissonUnits(
        units, sample_rate=1.0, generator=mechanism.secret_torch_generator("cpu")
    )
    assert not is_unfair(sampler.draw().numpy() % ROWS)


def test_a_first_row_chosen_10_percent_too_often_is_caught() -> None:
    rng = np.random.default_rng(2)
    shares = np.full(ROWS, 1 / ROWS)
    faulty = np.array([1.1, *[0.975] * 4]) / ROWS
    noncentrality = N_UNITS * ((faulty - shares) ** 2 / shares).sum()
    limit = stats.chi2.isf(ALPHA, ROWS - 1)
    assert stats.ncx2.sf(limit, ROWS - 1, noncentrality) > 1 - 1e-5
    assert measured_power(lambda: is_unfair(biased(rng, 0.1))) > 0.99

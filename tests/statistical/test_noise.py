"""The noise has the law that the accountant prices. Every test: alpha 1e-6; power stated."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from synthkit.privacy import mechanism

ALPHA = 1e-6
SIGMA = 20.0
CELLS = 20_000


def is_another_spread(noise: np.ndarray, sigma: float) -> bool:
    """Two-sided chi-square test of sum(x^2) / sigma^2, which has n degrees of freedom."""
    share = stats.chi2.cdf(float(np.sum(noise.astype(float) ** 2)) / sigma**2, df=noise.size)
    return bool(min(share, 1 - share) < ALPHA / 2)


def is_another_law(noise: np.ndarray, sigma: float) -> bool:
    """Chi-square test against the discrete Gaussian's probabilities, tails pooled."""
    edge = int(np.floor(2.5 * sigma))
    points = np.arange(-60 * max(1, int(sigma)), 60 * max(1, int(sigma)) + 1)
    weights = np.exp(-(points**2) / (2 * sigma**2))
    shares = weights / weights.sum()
    pooled = np.clip(points, -edge, edge)
    expected = np.array([shares[pooled == v].sum() for v in range(-edge, edge + 1)])
    found = np.array([np.sum(np.clip(noise, -edge, edge) == v) for v in range(-edge, edge + 1)])
    statistic = np.sum((found - noise.size * expected) ** 2 / (noise.size * expected))
    return bool(stats.chi2.sf(statistic, df=expected.size - 1) < ALPHA)


def power_against(factor: float) -> float:
    """Probability that `is_another_spread` sees a sigma that is `factor` times the stated one."""
    low, high = stats.chi2.ppf([ALPHA / 2, 1 - ALPHA / 2], df=CELLS)
    law = stats.chi2(df=CELLS, scale=factor**2)
    return float(law.cdf(low) + law.sf(high))


def test_counts_carry_noise_of_the_stated_sigma() -> None:
    noise = mechanism.noisy_counts(np.zeros(CELLS, dtype=np.int64), sigma=SIGMA)
    assert not is_another_spread(noise, SIGMA)
    assert abs(noise.mean()) < stats.norm.isf(ALPHA / 2) * SIGMA / np.sqrt(CELLS)


def test_a_sigma_5_percent_too_small_or_too_large_is_caught() -> None:
    assert power_against(0.95) > 0.999
    assert power_against(1.05) > 0.999
    for factor in (0.95, 1.05):
        faulty = mechanism.noisy_counts(np.zeros(CELLS, dtype=np.int64), sigma=factor * SIGMA)
        assert is_another_spread(faulty, SIGMA)


@pytest.mark.parametrize("sigma", [0.6, 1.2, 3.0])
def test_small_noise_is_discrete_gaussian_and_not_rounded_gaussian(sigma: float) -> None:
    noise = mechanism.noisy_counts(np.full(CELLS, 11), sigma=sigma) - 11
    assert not is_another_law(noise, sigma)
    if sigma < 1:  # rounding adds 1/12 to the variance: seen at once where sigma is small
        rounded = np.rint(np.random.default_rng(1).normal(0, sigma, CELLS)).astype(int)
        assert is_another_law(rounded, sigma)


def test_cells_are_independent_of_their_neighbours() -> None:
    noise = mechanism.noisy_counts(np.zeros((CELLS // 100, 100), dtype=np.int64), sigma=SIGMA)
    flat = noise.reshape(-1).astype(float)
    bound = stats.norm.isf(ALPHA / 2) / np.sqrt(CELLS)
    assert abs(np.corrcoef(flat[:-1], flat[1:])[0, 1]) < bound
    assert abs(np.corrcoef(noise[0::2].reshape(-1), noise[1::2].reshape(-1))[0, 1]) < (
        bound * np.sqrt(2)
    )
    repeated = np.repeat(flat[: CELLS // 2], 2)  # a fault: one draw used for two cells
    assert abs(np.corrcoef(repeated[:-1], repeated[1:])[0, 1]) > bound


def test_the_torch_generator_gives_uniform_and_normal_draws() -> None:
    generator = mechanism.secret_torch_generator("cpu")
    uniform = torch.rand(CELLS, generator=generator, dtype=torch.float64).numpy()
    normal = torch.randn(CELLS, generator=generator, dtype=torch.float64).numpy()
    assert stats.kstest(uniform, "uniform").pvalue > ALPHA
    assert stats.kstest(normal, "norm").pvalue > ALPHA
    assert stats.kstest(0.95 * normal, "norm").pvalue < 0.05  # the test sees a smaller sigma


def is_unfair(chosen: np.ndarray, rows_per_unit: int) -> bool:
    """Chi-square test that each position within a unit is chosen equally often."""
    found = np.bincount(chosen, minlength=rows_per_unit)
    return bool(stats.chisquare(found).pvalue < ALPHA)


def test_every_row_of_a_unit_is_equally_likely() -> None:
    units = np.repeat(np.arange(8_000), 5)
    positions = mechanism.one_row_per_unit(units) % 5
    assert not is_unfair(positions, 5)
    # Power > 0.99 against a first row that is chosen 30 % more often than its share.
    biased = np.random.default_rng(2).choice(5, size=8_000, p=[0.26, 0.185, 0.185, 0.185, 0.185])
    assert is_unfair(biased, 5)

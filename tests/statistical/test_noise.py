"""The noise has the law that the accountant prices. Every test: alpha 1e-6; power stated."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from synthkit.privacy import mechanism
from tests.statistical.power import measured_power

ALPHA = 1e-6
SIGMA = 20.0
CELLS = 20_000
LAW_CELLS = 60_000
"""A chi-square test of the law spreads its power over all cells, so it needs more draws."""


def is_another_spread(noise: np.ndarray, sigma: float) -> bool:
    """Two-sided chi-square test of sum(x^2) / sigma^2, which has n degrees of freedom."""
    share = stats.chi2.cdf(float(np.sum(noise.astype(float) ** 2)) / sigma**2, df=noise.size)
    return bool(min(share, 1 - share) < ALPHA / 2)


def probabilities(sigma: float, edge: int) -> np.ndarray:
    """Discrete Gaussian's probabilities of -edge .. edge, what lies beyond pooled into the ends."""
    points = np.arange(-60 * max(1, int(sigma)), 60 * max(1, int(sigma)) + 1)
    weights = np.exp(-(points**2) / (2 * sigma**2))
    return np.bincount(np.clip(points, -edge, edge) + edge, weights=weights / weights.sum())


def rounded_probabilities(sigma: float, edge: int) -> np.ndarray:
    """Those of a rounded continuous Gaussian, pooled in the same way."""
    cuts = stats.norm.cdf(np.arange(-edge, edge) + 0.5, scale=sigma)
    return np.diff(np.concatenate([[0.0], cuts, [1.0]]))


def edge_of(sigma: float) -> int:
    return max(1, int(np.floor(2.5 * sigma)))


def is_another_law(noise: np.ndarray, sigma: float) -> bool:
    """Chi-square test against the discrete Gaussian's probabilities, tails pooled."""
    edge = edge_of(sigma)
    return are_other_counts(
        np.bincount(np.clip(noise, -edge, edge) + edge, minlength=2 * edge + 1), sigma
    )


def are_other_counts(found: np.ndarray, sigma: float) -> bool:
    expected = found.sum() * probabilities(sigma, edge_of(sigma))
    statistic = np.sum((found - expected) ** 2 / expected)
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


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_the_power_against_5_percent_is_measured(factor: float) -> None:
    rng = np.random.default_rng(3)
    law = probabilities(factor * SIGMA, edge := 10 * int(SIGMA))
    values = np.arange(-edge, edge + 1)
    assert measured_power(lambda: is_another_spread(rng.choice(values, CELLS, p=law), SIGMA)) > 0.99


@pytest.mark.parametrize("sigma", [0.6, 1.2, 3.0, SIGMA])
def test_the_chi_square_test_sees_a_sigma_5_percent_too_small(sigma: float) -> None:
    """Exact power by the noncentral chi-square law, and measured; likewise against rounding."""
    rng, edge = np.random.default_rng(4), edge_of(sigma)
    shares = probabilities(sigma, edge)
    planted = [probabilities(0.95 * sigma, edge)]
    if sigma < 1:
        planted.append(rounded_probabilities(sigma, edge))
    for faulty in planted:
        noncentrality = LAW_CELLS * np.sum((faulty - shares) ** 2 / shares)
        limit = stats.chi2.isf(ALPHA, shares.size - 1)
        assert stats.ncx2.sf(limit, shares.size - 1, noncentrality) > 1 - 1e-4

        def is_caught(faulty: np.ndarray = faulty) -> bool:
            return are_other_counts(rng.multinomial(LAW_CELLS, faulty), sigma)

        assert measured_power(is_caught) > 0.99


@pytest.mark.parametrize("sigma", [0.6, 1.2, 3.0, SIGMA])
def test_small_noise_is_discrete_gaussian_and_not_rounded_gaussian(sigma: float) -> None:
    noise = mechanism.noisy_counts(np.full(LAW_CELLS, 11), sigma=sigma) - 11
    assert not is_another_law(noise, sigma)
    if sigma < 1:  # rounding adds 1/12 to the variance: seen at once where sigma is small
        rounded = np.rint(np.random.default_rng(1).normal(0, sigma, LAW_CELLS)).astype(int)
        assert is_another_law(rounded, sigma)
    smaller = mechanism.noisy_counts(np.zeros(LAW_CELLS, dtype=np.int64), sigma=0.95 * sigma)
    assert is_another_law(smaller, sigma)


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

"""The auditor on Gaussians whose sensitivity and mu are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats

from synthkit.evaluate.audit.gaussian_fit import mu_bound
from tests.statistical.gaussian_audit import Found, audit, power, shift_bound

ALPHA = 1e-6
EFFECT = np.array([3.0, 0.0, -4.0])
"""What the row adds to the release: sensitivity 5."""


def _gaussian(std: float, seed: int = 0) -> Callable[[int], np.ndarray]:
    """Releases the number of rows times `EFFECT` under noise; mu is 5 / std."""
    rng = np.random.default_rng(seed)
    return lambda n_rows: n_rows * EFFECT + 7 + rng.normal(0, std, 3)


def _audit(std: float, *, draws: int = 600, alpha: float = ALPHA, seed: int = 0) -> Found:
    return audit(_gaussian(std, seed), 4, 5, [EFFECT], draws=draws, alpha=alpha)


@pytest.mark.parametrize("std", [2.0, 5.0, 50.0])
def test_a_gaussian_with_the_claimed_mu_is_not_accused(std: float) -> None:
    assert not _audit(std).is_more_than(sensitivity=5.0, noise_multiplier=std / 5)


@pytest.mark.parametrize("std", [0.0, 1e-9, 0.1, 2.0, 5.0])
def test_bounds_come_close_to_the_truth_from_below(std: float) -> None:
    found = _audit(std, draws=4000)
    assert 5.0 - 0.16 * max(std, 1e-9) < found.sensitivity <= 5.0 + 1e-9
    if std == 0:
        assert found.mu == math.inf
    else:
        assert 0.8 < found.mu / (5.0 / std) <= 1.0


def test_noise_two_thirds_of_what_is_claimed_is_caught() -> None:
    level = ALPHA / 2
    assert power(1.5, claimed=1.0, draws=600, level=level) > 0.99
    assert _audit(5.0 / 1.5).is_more_than(sensitivity=5.0, noise_multiplier=1.0)


def test_a_row_that_does_one_and_a_half_times_what_is_claimed_is_caught() -> None:
    assert _audit(1.0).sensitivity > 5.0 / 1.5
    assert _audit(1.0).is_more_than(sensitivity=5.0 / 1.5, noise_multiplier=1e-3)


def test_a_bound_is_wrong_as_rarely_as_it_says_and_not_more_rarely() -> None:
    # At level 0.2 each bound (two tails, one of them real) is above the truth once in ten times.
    rng, wrong = np.random.default_rng(5), np.zeros(2)
    for _ in range(400):
        a, b = rng.normal(0, 2, 30), rng.normal(3, 2, 30)
        difference, std = abs(b.mean() - a.mean()), math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
        wrong += (
            shift_bound(difference, std, 30, 0.2) > 3,
            mu_bound(difference, std, (30, 30), 0.1) > 1.5,
        )
    for count in wrong:
        assert scipy.stats.binomtest(int(count), 400, 0.1).pvalue > ALPHA


def test_the_closed_form_above_mu_10_is_never_above_the_exact_bound() -> None:
    below, above = (mu_bound(d, 1.0, (600, 600), 5e-7) for d in (9.9999, 10.0001))
    assert 0.9 * below < above < below


def test_the_stated_power_is_what_repeats_show() -> None:
    level, claimed, mu, draws = 0.02, 1.0, 1.6, 40
    rng, caught = np.random.default_rng(6), 0
    for _ in range(400):
        a, b = rng.normal(0, 1, draws), rng.normal(mu, 1, draws)
        std = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
        caught += mu_bound(abs(b.mean() - a.mean()), std, (draws, draws), level / 2) > claimed
    expected = power(mu, claimed, draws, level)
    assert 0.3 < expected < 0.9
    assert scipy.stats.binomtest(caught, 400, expected).pvalue > ALPHA


def test_a_coordinate_without_noise_is_found_if_a_direction_looks_at_it() -> None:
    def release(n_rows: int) -> np.ndarray:
        noise = np.random.default_rng().normal(0, 5.0, 3)
        noise[2] = 0.0
        return n_rows * EFFECT + noise

    whole = audit(release, 4, 5, [EFFECT], draws=300, alpha=ALPHA)
    part = audit(release, 4, 5, [EFFECT, np.array([0.0, 0.0, 1.0])], draws=300, alpha=ALPHA)
    assert whole.mu < 3
    assert part.mu == math.inf


def test_a_release_that_ignores_the_row_says_nothing_even_without_noise() -> None:
    silent = audit(lambda n_rows: np.ones(3), 4, 5, [EFFECT], draws=10, alpha=ALPHA)
    assert silent == Found(sensitivity=0.0, mu=0.0)

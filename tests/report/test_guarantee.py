"""Ceilings against slow truths: the trade-off curve integrated by hand, and a real mechanism."""

from __future__ import annotations

import dataclasses
import math
from statistics import NormalDist

import numpy as np
import pytest

from synthkit.report import guarantee
from tests.report import parts

CASES = [(0.1, 0.0), (1.0, 1e-6), (3.0, 1e-5), (8.0, 0.01), (0.0, 0.0)]


@pytest.mark.parametrize(("epsilon", "delta"), CASES)
def test_the_auc_ceiling_is_the_area_under_the_tpr_ceiling(epsilon: float, delta: float) -> None:
    grid = np.concatenate([np.linspace(0, 1e-2, 200_001), np.linspace(1e-2, 1, 200_001)[1:]])
    curve = np.array([guarantee.tpr_ceiling(epsilon, delta, f) for f in grid[::40]])
    area = float(np.trapezoid(curve, grid[::40]))
    assert guarantee.auc_ceiling(epsilon, delta) == pytest.approx(area, abs=2e-5)


@pytest.mark.parametrize(("epsilon", "delta"), CASES)
def test_the_best_guess_is_the_best_point_of_the_curve(epsilon: float, delta: float) -> None:
    grid = np.linspace(0, 1, 100_001)
    best = max((1 + guarantee.tpr_ceiling(epsilon, delta, f) - f) / 2 for f in grid)
    assert guarantee.best_guess(epsilon, delta) == pytest.approx(best, abs=1e-4)


def test_known_values() -> None:
    assert guarantee.best_guess(1.0, 0.0) == pytest.approx(math.e / (1 + math.e))
    assert guarantee.tpr_ceiling(1.0, 0.0, 0.01) == pytest.approx(0.01 * math.e)
    assert guarantee.tpr_ceiling(5.0, 0.0, 0.01) == pytest.approx(1 - 0.99 * math.exp(-5))
    assert guarantee.best_guess(2000.0, 0.0) == 1.0
    assert guarantee.auc_ceiling(2000.0, 0.0) == pytest.approx(1.0)


def test_no_attack_on_a_gaussian_mechanism_passes_its_ceilings() -> None:
    """One Gaussian count, sigma 1: the optimal attack attains mu = 1 and stays below epsilon's."""
    mu, normal = 1.0, NormalDist()
    epsilon = 4.0
    delta = normal.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * normal.cdf(
        -mu / 2 - epsilon / mu
    )
    for fpr in (0.001, 0.01, 0.1, 0.5):
        attained = normal.cdf(normal.inv_cdf(fpr) + mu)
        assert attained <= guarantee.tpr_ceiling(epsilon, delta, fpr)
        assert attained == pytest.approx(guarantee.tpr_ceiling(epsilon, delta, fpr, mu))
    assert normal.cdf(mu / math.sqrt(2)) == pytest.approx(guarantee.auc_ceiling(epsilon, delta, mu))
    assert guarantee.best_guess_gaussian(mu) <= guarantee.best_guess(epsilon, delta)


@pytest.mark.parametrize(
    "broken",
    [{"private": False}, {"epsilon": None}, {"delta": None}, {"epsilon": math.inf},
     {"epsilon": math.nan}, {"delta": math.nan}],
)  # fmt: skip
def test_a_statement_with_a_hole_is_no_guarantee(broken: dict[str, object]) -> None:
    whole = parts.statement(("a", "b", "c"))
    assert guarantee.has_guarantee(whole)
    assert not guarantee.has_guarantee(dataclasses.replace(whole, **broken))
    assert not guarantee.has_guarantee(None)

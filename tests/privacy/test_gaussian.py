"""The Gaussian trade-off against numerical integration, and its inverses against each other."""

from __future__ import annotations

import math

import pytest
from scipy.integrate import quad
from scipy.stats import norm

from synthkit.privacy.gaussian import gaussian_delta, gaussian_epsilon, gaussian_mu


@pytest.mark.parametrize("mu", [0.2, 1.0, 4.0])
@pytest.mark.parametrize("epsilon", [0.0, 0.5, 2.0, 9.0])
def test_delta_is_the_mass_above_e_to_the_epsilon(mu: float, epsilon: float) -> None:
    # The hockey-stick divergence of N(mu, 1) from N(0, 1); the density ratio grows with x.
    start = epsilon / mu + mu / 2
    slow = quad(lambda x: norm.pdf(x - mu) - math.exp(epsilon) * norm.pdf(x), start, start + 40)[0]
    assert gaussian_delta(epsilon, mu) == pytest.approx(slow, rel=1e-6, abs=1e-13)


@pytest.mark.parametrize("delta", [1e-12, 1e-6, 0.01])
@pytest.mark.parametrize("epsilon", [0.01, 1.0, 10.0, 500.0])
def test_epsilon_and_mu_are_inverse_and_each_at_its_lower_end(epsilon: float, delta: float) -> None:
    mu = gaussian_mu(epsilon, delta)
    assert gaussian_delta(epsilon, mu) <= delta
    assert gaussian_epsilon(mu, delta) == pytest.approx(epsilon, rel=1e-8)
    assert gaussian_epsilon(mu, delta) <= epsilon


def test_no_distance_costs_nothing() -> None:
    assert gaussian_epsilon(0.0, 1e-6) == 0.0
    assert gaussian_epsilon(1e-9, 1e-6) == 0.0

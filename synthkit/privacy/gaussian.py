"""The Gaussian trade-off: mu-Gaussian DP as (epsilon, delta), in all three directions.

B. Balle and Y.-X. Wang, "Improving the Gaussian Mechanism for Differential Privacy", ICML 2018,
theorem 8: a Gaussian of sensitivity 1 and standard deviation 1 / mu is (epsilon, delta)-DP exactly
where delta >= Phi(mu / 2 - epsilon / mu) - e^epsilon Phi(-mu / 2 - epsilon / mu). Plain numbers in
and out: whoever calls has checked that delta lies strictly between 0 and 1.
"""

from __future__ import annotations

import math

from synthkit.privacy.event import Event, NoisyGradients, UncoveredLook


def gaussian_delta(epsilon: float, mu: float) -> float:
    """Returns the delta of the mu-GDP Gaussian at epsilon; mu above 0, epsilon at least 0."""
    from scipy.special import log_ndtr

    first = log_ndtr(-epsilon / mu + mu / 2)
    second = epsilon + log_ndtr(-epsilon / mu - mu / 2)
    return float(math.exp(first) * -math.expm1(min(second - first, 0.0)))


def gaussian_mu(epsilon: float, delta: float) -> float:
    """Returns the largest mu whose Gaussian is (epsilon, delta)-DP, at most 1e-12 (relative) short.

    A lower end, so that noise made from it errs on the safe side.
    """
    low, high = 0.0, 1.0
    while gaussian_delta(epsilon, high) < delta:
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if gaussian_delta(epsilon, middle) <= delta else (low, middle)
        if high - low <= 1e-12 * high:
            break
    return low


def gaussian_epsilon(mu: float, delta: float) -> float:
    """Returns the epsilon of mu-GDP at delta, at most 1e-9 (relative) short; mu at least 0.

    A lower end, because it serves lower bounds: budgets go through `accountant.gaussian_sigma`.
    """
    if mu == 0 or gaussian_delta(0.0, mu) <= delta:
        return 0.0
    # Beyond this the privacy loss, N(mu^2 / 2, mu^2), lies with probability below delta (Chernoff).
    low, high = 0.0, mu * mu / 2 + mu * math.sqrt(2 * math.log(1 / delta))
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if gaussian_delta(middle, mu) <= delta else (middle, high)
        if high - low <= 1e-9 * high:
            break
    return low


def squared_mu(event: Event) -> float:
    """Returns about the squared mu of one event, for splitting and displaying budgets.

    Tables: number / sigma^2. DP-SGD: q^2 T (exp(1 / nm^2) - 1), the central limit of Z. Bu, J.
    Dong, Q. Long and W. Su (2020), which is no bound. What is not covered has none: 0.
    """
    if isinstance(event, UncoveredLook):
        return 0.0
    if isinstance(event, NoisyGradients):
        spread = math.expm1(min(1 / event.noise_multiplier**2, 700.0))
        return event.sample_rate**2 * event.steps * spread
    return event.tables / event.sigma**2

"""The Gaussian-fit bound of a one-run audit: how far apart the scores of the two groups are.

Assumes that the scores of canaries inside and outside are two normal distributions of one
variance, N(b, s^2) and N(a, s^2), as they are where the noise is Gaussian and the score is linear
in what was released. Then (b - a) / s is at most the mu of Gaussian differential privacy (J. Dong,
A. Roth, W. Su, JRSS-B 2022), and Student's t statistic of the two groups is noncentral t with
noncentrality mu / sqrt(1 / n_inside + 1 / n_outside), which is inverted for a lower bound on mu;
its epsilon at the claim's delta follows from B. Balle and Y.-X. Wang (ICML 2018, theorem 8).

The assumption buys the power that the assumption-free bound lacks: with 500 canaries an attack as
strong as the noise permits shows most of epsilon, so that noise of half its size is found out.
Canaries that disturb each other only widen the scores, and the bound falls.
"""

from __future__ import annotations

import math

import numpy as np

from synthkit.artifacts import AuditBound
from synthkit.evaluate.audit.scored import LARGEST_EPSILON, checked
from synthkit.privacy.gaussian import gaussian_epsilon, gaussian_mu

_EXACT_UP_TO = 10.0
"""Above this estimate of mu the noncentral t is not evaluated; a wider closed form serves."""


def gaussian_fit(
    scores: np.ndarray, inside: np.ndarray, *, delta: float, confidence: float
) -> AuditBound:
    """Bounds mu, and epsilon with it, from below by the distance of the two groups' scores.

    One-sided: only scores that are higher inside count, as the attack was built. Scores without
    any spread that still tell the groups apart mean no noise at all: mu is then infinite, and the
    bound is the largest that is ever given, `LARGEST_EPSILON`. With fewer than two canaries on a
    side nothing can be said, and the bound is 0.

    Args:
        scores: Shape (n_canaries,), finite; high where the attack believes the canary inside.
        inside: The coins, shape (n_canaries,), booleans.
        delta: Delta of the claim.
        confidence: Probability with which the bound holds, 0.5 up to 1.

    Raises:
        InputError: If an argument is out of range.
    """
    found, coins = checked(scores, inside, delta=delta, confidence=confidence)
    mu = 0.0
    if min(coins.sum(), (~coins).sum()) >= 2:
        # Measured from the first score: rounding of a constant must not look like noise.
        shifted = found - found[0]
        groups = shifted[coins], shifted[~coins]
        squares = sum(float(((g - g.mean()) ** 2).sum()) for g in groups)
        mu = mu_bound(
            float(groups[0].mean() - groups[1].mean()),
            math.sqrt(squares / (found.size - 2)),
            (groups[0].size, groups[1].size),
            1 - confidence,
        )
    most = gaussian_mu(LARGEST_EPSILON, delta)
    return AuditBound(
        name="gaussian_fit",
        epsilon=LARGEST_EPSILON if mu >= most else gaussian_epsilon(mu, delta),
        delta=delta,
        confidence=confidence,
        mu=min(mu, most),
    )


def mu_bound(difference: float, std: float, sizes: tuple[int, int], level: float) -> float:
    """Lower bound on the distance of two means in units of the true standard deviation.

    Args:
        difference: Mean of the first sample minus mean of the second; the bound is one-sided, so
            that whoever drops the sign pays for both tails by half the level.
        std: Pooled standard deviation of both samples, with two degrees of freedom taken off.
        sizes: Sizes of the two samples, together at least 3.
        level: Probability with which the bound may be wrong; below 1/2.

    Returns:
        0 where nothing is shown; infinity where the means differ and nothing scatters.
    """
    from scipy import stats

    if difference <= 0:
        return 0.0
    if std == 0:
        return math.inf
    root, freedom = 1 / math.sqrt(1 / sizes[0] + 1 / sizes[1]), sizes[0] + sizes[1] - 2
    estimate = difference / std
    if estimate > _EXACT_UP_TO:
        # Each of two bounds may fail at half the level: on the difference, and on the deviation.
        least = difference - float(stats.t.isf(level / 2, freedom)) * std / root
        most = std * math.sqrt(freedom / float(stats.chi2.ppf(level / 2, freedom)))
        return max(0.0, least / most)
    low, high = 0.0, estimate
    if stats.t.sf(estimate * root, freedom) >= level:
        return 0.0
    for _ in range(50):  # the greatest mu under which so large a t is rarer than the level
        middle = (low + high) / 2
        is_too_small = stats.nct.sf(estimate * root, freedom, middle * root) < level
        low, high = (middle, high) if is_too_small else (low, middle)
    return low

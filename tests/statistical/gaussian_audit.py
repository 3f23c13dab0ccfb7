"""Lower bounds on what one noisy release tells of one row, from draws alone.

Takes a callable that makes one noisy release of a batch, two neighbouring batches and some fixed
directions; gives bounds that hold together with probability at least 1 - alpha. If the release is
Gaussian, its projections on a direction v are N(a, s^2) without the row and N(b, s^2) with it:

- |b - a| / |v| is at most the sensitivity; its bound is Student's t interval;
- |b - a| / s is at most the mu of Gaussian differential privacy (Dong, Roth and Su 2022), whose
  value for a sound step is 1 / noise_multiplier; t is then noncentral t distributed with
  noncentrality mu sqrt(n / 2), which is inverted. A release without noise has infinite mu.

Any direction that does not depend on the draws gives true bounds; a direction along the row's
true effect gives the sharpest. Not seen: noise whose size, but not centre, depends on the row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import scipy.stats

from synthkit.evaluate.audit.gaussian_fit import mu_bound

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Found:
    """Lower bounds that hold together with the confidence that was asked for."""

    sensitivity: float
    mu: float

    def is_more_than(self, *, sensitivity: float, noise_multiplier: float) -> bool:
        """Whether the release was seen to tell more than is claimed."""
        return self.sensitivity > sensitivity or self.mu > 1 / noise_multiplier


def audit(
    release: Callable[[Batch], np.ndarray],
    without: Batch,
    with_row: Batch,
    directions: Sequence[np.ndarray],
    *,
    draws: int,
    alpha: float,
) -> Found:
    """Draws `draws` releases of each batch, in turns, and bounds what the row changed.

    Args:
        release: Makes one noisy release, shape (d,), with fresh noise at each call.
        without: A batch.
        with_row: The same batch with one row more.
        directions: Fixed before any draw, each of shape (d,) and not zero.
        draws: Number of pairs of releases.
        alpha: Probability with which any of the bounds may be wrong.
    """
    rows = np.stack([v / np.linalg.norm(v) for v in np.asarray(directions, dtype=np.float64)])
    values = np.array(
        [[rows @ release(without), rows @ release(with_row)] for _ in range(draws)]
    )  # (draws, 2, directions)
    level = alpha / (2 * len(rows))  # two bounds for each direction
    # Measured from the first draw: rounding of a constant must not look like noise.
    shifts = (values - values[0, 0]).mean(axis=0)  # (2, directions)
    variances = (values - values[0]).var(axis=0, ddof=1)  # (2, directions)
    pairs = list(zip(np.abs(shifts[1] - shifts[0]), np.sqrt(variances.mean(axis=0)), strict=True))
    return Found(
        sensitivity=max(shift_bound(d, s, draws, level) for d, s in pairs),
        mu=max(mu_bound(d, s, (draws, draws), level / 2) for d, s in pairs),
    )


def shift_bound(difference: float, std: float, draws: int, level: float) -> float:
    """Lower bound on the distance of two means from two samples of `draws`; never below 0.

    `difference` carries no sign, so both tails are paid for.
    """
    quantile = scipy.stats.t.isf(level / 2, 2 * draws - 2)
    return max(0.0, float(difference - quantile * std * math.sqrt(2 / draws)))


def power(mu: float, claimed: float, draws: int, level: float) -> float:
    """Probability that `mu_bound` passes `claimed` where the truth is `mu`."""
    root, freedom = math.sqrt(draws / 2), 2 * draws - 2
    least = scipy.stats.nct.isf(level / 2, freedom, claimed * root)
    return float(scipy.stats.nct.sf(least, freedom, mu * root))

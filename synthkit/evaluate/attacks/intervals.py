"""Intervals for shares, differences of shares and AUCs; no measurement of its own."""

from __future__ import annotations

import math

import numpy as np

Z_95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""


def wilson(hits: float, n: int, z: float = Z_95) -> tuple[float, float]:
    """Returns the Wilson score interval of a share (Wilson 1927).

    Args:
        hits: Number of hits; halves are allowed (ties counted half).
        n: Number of trials, at least 1.
        z: Normal quantile.
    """
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def newcombe(
    first: float, n_first: int, second: float, n_second: int, z: float = Z_95
) -> tuple[float, float]:
    """Returns Newcombe's interval (1998, method 10) of the difference of two shares.

    Args:
        first: First share.
        n_first: Number of trials behind it.
        second: Second share.
        n_second: Number of trials behind it.
        z: Normal quantile.
    """
    low_1, high_1 = wilson(first * n_first, n_first, z)
    low_2, high_2 = wilson(second * n_second, n_second, z)
    difference = first - second
    low = difference - math.hypot(first - low_1, high_2 - second)
    high = difference + math.hypot(high_1 - first, second - low_2)
    return max(-1.0, low), min(1.0, high)


def _midranks(values: np.ndarray) -> np.ndarray:
    """Returns ranks from 1, ties sharing their mean rank."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray(((ends - counts + 1 + ends) / 2)[group])


def delong(members: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Returns the AUC of scores and its standard error (DeLong et al. 1988; Sun and Xu 2014).

    Args:
        members: Scores of the positives, shape (n_members,).
        others: Scores of the negatives, shape (n_others,).
    """
    m, n = len(members), len(others)
    both = _midranks(np.concatenate([members, others]))
    of_members = (both[:m] - _midranks(members)) / n  # share of others below each member
    of_others = 1 - (both[m:] - _midranks(others)) / m  # share of members above each other
    error = math.sqrt(of_members.var(ddof=1) / m + of_others.var(ddof=1) / n)
    return float(of_members.mean()), error

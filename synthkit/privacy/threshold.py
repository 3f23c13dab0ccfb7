"""Which keys may be told: noisy counts of keys that the rows bring themselves, and a threshold.

Takes exact counts by key, gives noisy counts of those keys that reach the threshold. A key that
one privacy unit brings alone has the count 1, and reaches it with probability at most `delta`:
that is the price of telling names at all (see `accountant`, "Thresholds"). Tails are those of the
discrete Gaussian itself, summed from its probability mass function: no normal approximation.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

import numpy as np

from synthkit.errors import InputError
from synthkit.privacy import mechanism

K = TypeVar("K", bound=Hashable)

_REACH = 13.0
"""Standard deviations up to which the mass is summed; beyond lies less than 1e-36."""
_LEAST = 1e-25
"""Smallest chance that is asked for: what lies beyond the reach is no part of it."""
_SAFE = 1e-9
"""Relative error that the sum may have, taken on the safe side."""


def tail(sigma: float, at_least: int) -> float:
    """Returns an upper bound of P[N >= at_least] for discrete Gaussian N, close to exact.

    Args:
        sigma: Parameter of the discrete Gaussian.
        at_least: Any integer above 0.
    """
    tails = _tails(sigma)
    return float(tails[at_least]) if at_least < tails.size else 0.0


def least_above(sigma: float, chance: float) -> int:
    """Returns the smallest integer t, at least 1, with P[N >= t] <= chance.

    Raises:
        InputError: If the chance is not a number from 1e-25 up to, but not including, 1.
    """
    if not _LEAST <= chance < 1:
        raise InputError(
            "The chance that noise passes a threshold is out of range.",
            hint="It must be at least 1e-25 and below 1.",
        )
    tails = _tails(sigma)  # falling
    return max(1, int(np.searchsorted(-tails, -chance, side="left")))


def threshold(sigma: float, delta: float, fewest: int = 1) -> int:
    """Returns the least noisy count that is told, for keys of at least `fewest` units.

    A key that one unit more or less makes tellable has the count `fewest`, and is told with at most
    `delta`: P[fewest + N >= threshold] <= delta.
    """
    return fewest + least_above(sigma, delta)


@functools.lru_cache(maxsize=64)
def _tails(sigma: float) -> np.ndarray:
    """P[N >= t] for t = 0, 1, ..., slightly above; shape (n,), falling."""
    t = np.arange(0, math.ceil(_REACH * sigma) + 2, dtype=np.float64)  # (n,)
    mass = np.exp(-(t**2) / (2 * sigma**2))
    # From the far end inwards, so that small terms are not lost in large ones.
    beyond = np.cumsum(mass[::-1])[::-1]
    total = 2 * beyond[0] - mass[0]
    found: np.ndarray = beyond / total * (1 + _SAFE)
    return found


def published_counts(
    counts: Mapping[K, int], *, sigma: float, delta: float, fewest: int = 1
) -> dict[K, int]:
    """Adds noise to every key's count and keeps the keys that reach the threshold.

    With `fewest` above 1, keys of fewer units are dropped before any noise. One unit more or less
    then either moves a count that is noised on both tables, by one (the Gaussian mechanism), or
    lifts a key from `fewest` - 1, where it is never told, to `fewest`, where it is told with
    probability at most `delta`: the case of a lone key, moved up. The threshold rises accordingly.

    Args:
        counts: Exact counts of the keys that occur, each at least 1. A unit changes at most one of
            them, by one.
        sigma: Of the discrete Gaussian noise.
        delta: Probability with which a key of count `fewest` may be kept; of this one table.
        fewest: Keys of fewer units are never told; a public number, at least 1.

    Returns:
        Noisy counts of the kept keys, in no meaningful order: the caller must sort them.

    Raises:
        InputError: If a count or `fewest` is below 1, or sigma or delta is out of range.
    """
    keys = list(counts)
    exact = np.fromiter(counts.values(), dtype=np.int64, count=len(keys))  # (n_keys,)
    if exact.size and exact.min() < 1:
        raise InputError("A key that no row has was counted.", hint="Count keys that occur.")
    if not (math.isfinite(sigma) and 0.01 <= sigma <= 1e5):
        raise InputError(
            "The noise of the thresholded counts is out of range.",
            hint="Let synthkit.encode.domains.events choose it for an epsilon.",
        )
    if fewest < 1:
        raise InputError("fewest is below 1.", hint="1 drops no key before the noise.")
    least = threshold(sigma, delta, fewest)

    def told() -> dict[K, int]:
        kept = np.flatnonzero(exact >= fewest)  # (n_kept,)
        if not kept.size:
            return {}
        noisy = mechanism._discrete_gaussian(exact[kept], float(sigma))
        if mechanism.is_watched():  # an audit sees the noise of keys that are not told, too
            asked["noise"] = noisy - exact[kept]
        # PRIVACY: the exact counts, and the names of keys below the threshold, end here.
        return {keys[k]: int(n) for k, n in zip(kept, noisy, strict=True) if n >= least}

    # One draw, answered by what is told: a test that freezes it freezes the release, keys included.
    asked: dict[str, Any] = {
        "counts": dict(counts),
        "sigma": float(sigma),
        "threshold": least,
        "fewest": fewest,
    }
    answer: dict[K, int] = mechanism._draw("published_counts", asked, told)
    return dict(answer)

"""Canaries with their scores and coins, checked: what both bounds start from."""

from __future__ import annotations

import math

import numpy as np

from synthkit.errors import InputError
from synthkit.privacy.accountant import check_delta

MOST_CANARIES = 1_000_000
LARGEST_EPSILON = 500.0
"""What no bound passes: a lower bound stays one when it is lowered, and e^500 against one says all
that there is to say. It lies above every claim (at most 100), so that it refuses each of them."""


def checked(
    scores: np.ndarray, inside: np.ndarray, *, delta: float, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns scores as float64 and coins as booleans, both of shape (n_canaries,).

    Raises:
        InputError: If shapes differ, a score is not finite, a coin is no boolean, or delta or
            confidence is out of range.
    """
    check_delta(delta)
    if not 0.5 <= confidence < 1:  # NaN is neither
        raise InputError(
            "The confidence of an audit is not a number from 0.5 up to, but not including, 1.",
            hint="0.95 is usual.",
        )
    found, coins = np.asarray(scores, dtype=np.float64), np.asarray(inside)
    if coins.dtype != np.bool_:
        raise InputError("The coins of the canaries are not booleans.", hint=_FAULT)
    if found.ndim != 1 or found.shape != coins.shape:
        raise InputError("An audit needs one score and one coin for each canary.", hint=_FAULT)
    if not 1 <= found.size <= MOST_CANARIES:
        raise InputError(
            f"An audit needs from 1 to {MOST_CANARIES:,} canaries.", hint="500 to 1,000 are usual."
        )
    if not math.isfinite(float(np.abs(found).sum())):
        raise InputError("A canary's score is not a finite number.", hint=_FAULT)
    return found, coins


_FAULT = "This is a fault of synthkit."

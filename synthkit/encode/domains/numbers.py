"""Numbers: a public signed 1-2-5 grid, bounds from its noisy counts, decimals from others.

Cells, from below: (.., -10), [-10, -5), [-5, -2), [-2, -1), ..., zero, ..., (1, 2], (2, 5],
(5, 10], ...; then one for missing. Whole numbers reach 2^62 in size, floats from 1e-6 to 1e18;
what lies beyond is counted in the outermost cell. The grid is the same for every table.
"""

from __future__ import annotations

import functools
import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from synthkit.encode.domains.occupied import occupied, sure

if TYPE_CHECKING:
    import polars as pl

LARGEST_INTEGER = 2**62
_SMALL = 10
"""Up to here, cells of whole numbers state their exact ends; beyond, the round edge before them."""
MOST_DECIMALS = 6
N_DECIMALS = MOST_DECIMALS + 2
"""Cells of the decimals table: 0 to 6, and more."""


@functools.cache
def _edges(is_integer: bool) -> tuple[int | float, ...]:
    """Upper ends of the cells of positive numbers, rising."""
    if is_integer:
        round_ones = (f * 10**p for p in range(19) for f in (1, 2, 5))
        return (*(e for e in round_ones if e < LARGEST_INTEGER), LARGEST_INTEGER)
    tens = [(f, p) for p in range(-6, 18) for f in (1, 2, 5)]
    return (*(float(f"{f}e{p}") for f, p in tens), 1e18)


def n_cells(is_integer: bool) -> int:
    """Number of cells, the missing one (the last) included."""
    return 2 * len(_edges(is_integer)) + 2


def cells(series: pl.Series, *, is_integer: bool) -> np.ndarray:
    """Returns the cell of each number, shape (n_rows,), int64; never fails on a value."""
    edges = np.array(_edges(is_integer))
    m = edges.size
    if is_integer:
        limit = LARGEST_INTEGER
        numbers = np.clip(series.fill_null(0).to_numpy(), -limit, limit)
        is_missing = series.is_null().to_numpy()
    else:
        numbers = series.fill_null(float("nan")).to_numpy()
        is_missing = np.isnan(numbers)
        numbers = np.where(is_missing, 0.0, numbers)
    size = np.minimum(np.searchsorted(edges, np.abs(numbers), side="left"), m - 1)
    found = np.where(numbers > 0, m + 1 + size, np.where(numbers < 0, m - 1 - size, m))
    return np.where(is_missing, 2 * m + 1, found).astype(np.int64)


def cell_range(noisy: np.ndarray, sigma: float) -> tuple[int, int]:
    """Returns the first and last occupied cell.

    Args:
        noisy: Shape (n_cells,); the missing cell is not looked at.
        sigma: Of its noise.
    """
    return occupied(noisy[:-1], sigma, wall=noisy.size // 2 - 1)


def bounds(first: int, last: int, *, is_integer: bool) -> tuple[float, float]:
    """Returns the outer edges of a range of cells."""
    return _ends(first, is_integer)[0], _ends(last, is_integer)[1]


def _ends(cell: int, is_integer: bool) -> tuple[float, float]:
    """Returns lowest and highest value of a cell, as whole numbers or floats."""
    edges = _edges(is_integer)
    m = len(edges)
    if cell == m:
        return (0, 0) if is_integer else (0.0, 0.0)
    if cell < m:
        low, high = _ends(2 * m - cell, is_integer)
        return -high, -low
    i = cell - m - 1
    before = edges[i - 1] if i else 0 * edges[0]
    if is_integer and edges[i] <= _SMALL:
        before += 1
    return before, edges[i]


def decimal_cells(series: pl.Series) -> np.ndarray:
    """Returns how many decimals each number needs, 0 to 6, or 7 for more; missing left out.

    Returns:
        Shape (n_present,), int64.
    """
    numbers = series.drop_nulls().to_numpy()
    numbers = numbers[np.isfinite(numbers)]
    needed = np.full(numbers.size, MOST_DECIMALS + 1, dtype=np.int64)
    # Numbers near the end of the floats overflow as they are rounded; a warning, or an error where
    # warnings are errors, would tell that one is there.
    with np.errstate(over="ignore", invalid="ignore"):
        for n in reversed(range(MOST_DECIMALS + 1)):
            # As polars rounds (half to even or away decides nothing: such a value needs more).
            needed[np.round(numbers, n) == numbers] = n
    return needed


def decimals(noisy: np.ndarray, sigma: float, limits: tuple[object, object]) -> int | None:
    """Returns the least number of decimals beyond which no need is beyond noise.

    Args:
        noisy: Noisy counts of needs, shape (N_DECIMALS,).
        sigma: Of its noise.
        limits: The column's bounds; decimals too few to write any number between them are none.

    Returns:
        None for full precision: more than six are needed, or nothing could be seen.
    """
    found = np.flatnonzero(sure(noisy, sigma, n_tests=N_DECIMALS))
    if not found.size or found[-1] > MOST_DECIMALS:
        return None
    n = int(found[-1])
    low, high = (Fraction(Decimal(str(b))) * 10**n for b in limits)
    return n if math.ceil(low) <= math.floor(high) else None

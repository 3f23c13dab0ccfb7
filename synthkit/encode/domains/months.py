"""Dates and times: noisy counts of the months from 1800 to 2199; bounds are ends of months.

One cell before, one for each month, one after, one for missing. A month rarely holds enough people
to stand out, so sums over the same noisy counts are looked at as well: years, then decades. A sum
that stands out gives its whole span, unless a finer one inside it does.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import numpy as np

from synthkit.encode.domains.occupied import grown, sure

if TYPE_CHECKING:
    import polars as pl

FIRST_YEAR, LAST_YEAR = 1800, 2199
_MONTHS = (LAST_YEAR - FIRST_YEAR + 1) * 12
N_CELLS = _MONTHS + 3
"""Before, the months, after, missing."""
_SPANS = (1, 12, 120)


def cells(series: pl.Series) -> np.ndarray:
    """Returns the cell of each date or time, shape (n_rows,), int64; never fails on a value."""
    month = (series.dt.year().cast(int) - FIRST_YEAR) * 12 + series.dt.month().cast(int)
    found = month.fill_null(0).to_numpy()
    is_missing = month.is_null().to_numpy()
    return np.where(is_missing, N_CELLS - 1, np.clip(found, 0, _MONTHS + 1)).astype(np.int64)


def cell_range(noisy: np.ndarray, sigma: float) -> tuple[int, int]:
    """Returns the first and last occupied cell, both of them months.

    Args:
        noisy: Shape (N_CELLS,); the missing cell is not looked at.
        sigma: Of its noise.
    """
    first, last = (min(max(cell, 1), _MONTHS) for cell in _range(noisy[:-1], sigma))
    months = noisy[1:-2]
    first, last = grown(months, *grown(months, first - 1, last - 1, sigma, step=12), sigma)
    return first + 1, last + 1


def bounds(first: int, last: int, *, is_date: bool) -> tuple[datetime.date, datetime.date]:
    """Returns the first day of a month and the last day (or second) of another.

    Args:
        first: Cell of the first month.
        last: Cell of the last month.
        is_date: Whether bounds are days; else times.
    """
    low = datetime.date(FIRST_YEAR + (first - 1) // 12, (first - 1) % 12 + 1, 1)
    high = datetime.date(FIRST_YEAR + (last - 1) // 12, (last - 1) % 12 + 1, 28)
    high = (high + datetime.timedelta(days=4)).replace(day=1) - datetime.timedelta(days=1)
    if is_date:
        return low, high
    return (
        datetime.datetime.combine(low, datetime.time()),
        datetime.datetime.combine(high, datetime.time(23, 59, 59)),
    )


def _range(noisy: np.ndarray, sigma: float) -> tuple[int, int]:
    """Returns the first and last occupied cell, before and after included."""
    months = noisy[1:-1]  # (_MONTHS,)
    n_tests = sum(_MONTHS // span for span in _SPANS) + 2
    is_found = sure(noisy, sigma, n_tests=n_tests)  # (_MONTHS + 2,)
    for span in _SPANS[1:]:
        sums = months.reshape(-1, span).sum(axis=1)
        inside = is_found[1:-1].reshape(-1, span)
        alone = sure(sums, sigma, n_tests=n_tests, n_summed=span) & ~inside.any(axis=1)
        inside[alone] = True  # a view: marks the months themselves
    found = np.flatnonzero(is_found)
    if found.size:
        return int(found[0]), int(found[-1])
    decade = int(months.reshape(-1, _SPANS[-1]).sum(axis=1).argmax())
    return 1 + decade * _SPANS[-1], (decade + 1) * _SPANS[-1]

"""Bounds and decimals read from data, rounded outward.

Takes the lowest and highest value of a column, gives round bounds outside them, so that no exact
extreme (often one person's value) is copied into a schema. They are still read from the data and
outside any privacy budget: the schema marks them `from: data`.
"""

from __future__ import annotations

import datetime
import math
import sys
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_MAX_DECIMALS = 6
_LEAST_SPAN = Decimal("1e-9")
"""Shortest range, as a share of its ends, whose tenth a float can still tell apart."""


def round_outward(low: float, high: float, *, is_whole: bool) -> tuple[float, float]:
    """Rounds a range outward, by at most about a tenth of its length on each side.

    Zero, one as upper bound of shares and 100 of percentages stay; every other extreme is passed
    by at least a little. An end that lies near zero, seen from the other one, becomes zero.

    Args:
        low: Lowest value, finite.
        high: Highest value, finite, not below `low`.
        is_whole: Whether the bounds must be whole numbers.
    """
    first, last = Decimal(str(low)), Decimal(str(high))
    size = max(abs(first), abs(last))
    span = last - first or max(abs(first), Decimal(1))
    if not is_whole:
        span = max(span, size * _LEAST_SPAN)
    keeps_high = first >= 0 and (last == 1 or last == 100) and not is_whole
    below = -_passed(-first, span, is_whole=is_whole)
    above = last if keeps_high else _passed(last, span, is_whole=is_whole)
    if is_whole:
        return max(int(below), -(2**63)), min(int(above), 2**63 - 1)
    largest = Decimal(sys.float_info.max)
    return float(max(below, -largest)), float(min(above, largest))


def _passed(end: Decimal, span: Decimal, *, is_whole: bool) -> Decimal:
    """Returns a round number above `end`, the upper end of a range of length `span`."""
    if end <= 0 and -end <= span / 10:
        return Decimal(0)
    step = _nice(min(span / 10, max(abs(end) / 2, span / 1000)))
    if is_whole:
        step = max(step, Decimal(1))
    above = (end / step).to_integral_value(ROUND_CEILING) * step
    if above == end:
        above += step
    return min(above, Decimal(0)) if end <= 0 else above


def _nice(size: Decimal) -> Decimal:
    """Returns the largest of 1, 2, 5 times a power of ten that is not above `size`."""
    power = Decimal(10) ** size.adjusted()
    return max(factor * power for factor in (1, 2, 5) if factor * power <= size)


def round_dates_outward(
    low: datetime.date, high: datetime.date
) -> tuple[datetime.date, datetime.date]:
    """Rounds a range of days outward to whole years, or to months if it is short."""
    if (high - low).days >= 365:
        first = datetime.date(max(low.year - (low.month == low.day == 1), 1), 1, 1)
        is_last = (high.month, high.day) == (12, 31)
        return first, datetime.date(min(high.year + is_last, 9999), 12, 31)
    first = low.replace(day=1)
    if first == low and low > datetime.date(1, 2, 1):
        first = (first - datetime.timedelta(days=1)).replace(day=1)
    last = _month_end(high)
    if last == high and high < datetime.date(9999, 11, 30):
        last = _month_end(last + datetime.timedelta(days=1))
    return first, last


def _month_end(day: datetime.date) -> datetime.date:
    if day.month == 12:
        return day.replace(day=31)
    return day.replace(month=day.month + 1, day=1) - datetime.timedelta(days=1)


def decimals(values: pl.Series) -> int | None:
    """Returns the least number of decimals that writes every value exactly; None if above six.

    Args:
        values: Finite Float64 without nulls, shape (n_values,).
    """
    if not len(values):
        return None
    size = max(abs(float(values.max())), abs(float(values.min())))  # type: ignore[arg-type]
    for n in range(_MAX_DECIMALS + 1):
        if math.log10(max(size, 1.0)) + n > 15:
            return None
        if bool((values.round(n) == values).all()):
            return n
    return None

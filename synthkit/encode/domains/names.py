"""Categories: the values that occur, told only where their noisy count reaches the threshold.

Categories stand in an order that no count and no row decides: whole numbers by value, text sorted.
They are whole numbers if every told name is one, written as Python writes it. What is not told:

- Where the noisy number of people says that some are left over, they merge into `<other>`, always
  the last category. A real cell that reads `<other>` merges too. Codes that are whole numbers
  become text then, for there is no number for "other"; those of an ordinal column do not, they go
  to the nearest category by value, the lower one at a tie.
- Where nobody seems to be left over, the few who are go to the nearest code (whole numbers), to
  missing (text that may be missing), or to the first category.
- Where nothing at all is told, `<other>` is the only category.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from synthkit.schema.model import Category, Kind

if TYPE_CHECKING:
    import polars as pl

OTHER = "<other>"
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")


def counts(series: pl.Series) -> dict[str, int]:
    """Counts the values that may be told; a value that no schema could hold is merged, uncounted.

    Args:
        series: String, null where missing, shape (n_rows,).
    """
    found = series.drop_nulls().alias("value").value_counts(name="rows")
    return {
        value: int(rows)
        for value, rows in found.iter_rows()
        if value != OTHER and value and value == value.strip() and value.isprintable()
    }


def categories(told: Collection[str], kind: Kind, *, has_leftover: bool) -> tuple[Category, ...]:
    """Puts the told names into a public order; see above for what is added.

    Args:
        told: The names that reached the threshold.
        kind: Of the column.
        has_leftover: Whether more people seem to be there than the told names hold.
    """
    is_whole = bool(told) and all(_WHOLE.fullmatch(name) for name in told)
    if is_whole and (kind == "ordinal" or not has_leftover):
        return tuple(sorted(int(name) for name in told))
    return (*sorted(told), OTHER) if has_leftover or not told else tuple(sorted(told))


def has_leftover(
    told: Mapping[str, int], missing: int, sigma: float, units: tuple[float, float]
) -> bool:
    """Says whether the noisy number of units leaves someone over beside names and missing cells.

    One standard deviation decides: an empty `<other>` does less harm than people under a wrong
    name.

    Args:
        told: Noisy counts of the told names.
        missing: Noisy count of missing cells.
        sigma: Of their noise.
        units: Noisy number of units, and the variance of its noise.
    """
    total, variance = units
    leftover = total - sum(told.values()) - missing
    return leftover > math.sqrt(variance + (len(told) + 1) * sigma**2)

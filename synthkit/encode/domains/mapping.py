"""Real rows brought inside bought domains, each by itself and never failing on a value.

Numbers and times beyond the bounds go to the nearest one. A category that was not bought goes to
`<other>`; where there is none, a whole number goes to the nearest category by value, and text to
missing or, where the column is not nullable, to the first category. Missing cells of a column that
is not nullable go to the lower bound, `<other>`, the first category, or false. No branch depends on
the table, so one more row changes no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synthkit.encode.domains.names import OTHER
from synthkit.schema import dtype_of
from synthkit.schema.model import CATEGORY_KINDS, Column, Schema

if TYPE_CHECKING:
    import polars as pl


def mapped(table: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Returns the table with every column of a `noisy` domain inside it, in the conformed type.

    Args:
        table: Conformed table; columns with noisy domains were read without them.
        schema: With the bought domains.
    """
    # PRIVACY: row by row on real values, by released knowledge only; the result is not released.
    changed = [
        inside(table.get_column(c.name), c)
        for c in schema.encoded
        if c.domain_source == "noisy" and c.name in table.columns
    ]
    return table.with_columns(changed)


def inside(series: pl.Series, column: Column) -> pl.Series:
    """Returns values (any rows of a column) inside a `noisy` domain; others stay as they are."""
    return _mapped(series, column) if column.domain_source == "noisy" else series


def _mapped(series: pl.Series, column: Column) -> pl.Series:
    default: object = None
    if column.kind == "float":
        series = series.fill_nan(None)
    if column.bounds is not None:
        low, high = column.bounds
        series, default = series.clip(low, high), low
    elif column.kind in CATEGORY_KINDS and column.categories:
        return _category(series, column)
    elif column.kind == "boolean":
        default = False
    if not column.nullable and default is not None:
        series = series.fill_null(default)
    return series.cast(dtype_of(column))


def _category(series: pl.Series, column: Column) -> pl.Series:
    import polars as pl

    dtype = dtype_of(column)
    known = pl.Series(list(column.categories or ()), dtype=dtype)
    values = series.cast(dtype, strict=False)
    if dtype == pl.Int64():
        values = _nearest(values, np.sort(known.to_numpy()))
    else:
        values = values.set((~values.is_in(known.to_list())).fill_null(False), None)
    if OTHER in known.to_list():
        # A null here is missing or unknown; only the second is `<other>` where missing may stay.
        fill = series.is_not_null() if column.nullable else pl.repeat(True, len(series), eager=True)
        return values.set(values.is_null() & fill, OTHER).alias(series.name)
    return values if column.nullable else values.fill_null(known[0])


def _nearest(values: pl.Series, known: np.ndarray) -> pl.Series:
    """Moves whole numbers to the nearest known one, the lower one at a tie; null stays null."""
    import polars as pl

    at = np.clip(values.fill_null(0).to_numpy(), known[0], known[-1])
    above = np.clip(np.searchsorted(known, at), 0, known.size - 1)
    below = np.maximum(above - 1, 0)
    # As floats: differences of whole numbers far apart would overflow.
    reach = np.abs(known[above].astype(np.float64) - at) < np.abs(
        known[below].astype(np.float64) - at
    )
    nearest = np.where(reach | (known[above] == at), known[above], known[below])
    found = pl.Series(values.name, nearest, dtype=pl.Int64)
    return found.set(values.is_null(), None)

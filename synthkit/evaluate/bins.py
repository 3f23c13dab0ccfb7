"""Shared bins: one mapping per column from cell values to small integers, fitted on real train.

Train, holdout and synthetic rows go through the same bins, so a shifted or rescaled column cannot
look right (a library that bins each table on its own calls a column multiplied by 100 perfect).

- Numeric and time columns: 20 quantile bins of the train rows. A value that fills more than one
  quantile (a spike, such as 92 % zeros) gets a bin of its own.
- Categories: each level that train has; with more than 60 levels the 59 most frequent and "rest".
  Levels that train lacks are "rest".
- A missing cell has a bin of its own, so missingness counts as a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.schema import Column

if TYPE_CHECKING:
    import polars as pl

N_QUANTILES = 20
MAX_LEVELS = 60
ORDERED_KINDS = ("integer", "float", "date", "datetime")


@dataclass(frozen=True, kw_only=True, eq=False)
class Bins:
    """The bins of one column; codes run from 0 to `size - 1`, the last one for missing cells."""

    column: Column
    edges: np.ndarray | None
    """Ordered kinds: inner edges, shape (n_bins - 1,); bin i holds edges[i-1] <= x < edges[i]."""
    levels: tuple[str | int, ...]
    """Other kinds: the levels with a bin of their own, most frequent in train first."""

    @property
    def size(self) -> int:
        """Number of codes, those for "rest" and for missing cells included."""
        n_inner = len(self.levels) if self.edges is None else len(self.edges)
        return n_inner + 2

    def encode(self, series: pl.Series) -> np.ndarray:
        """Returns the codes of one column's cells, shape (n_rows,), int32."""
        if self.edges is not None:
            values = ordered_values(series)
            codes = np.searchsorted(self.edges, values, side="right").astype(np.int32)
            return np.where(np.isnan(values), np.int32(self.size - 1), codes)
        codes = level_codes(series, self.levels)
        return np.where(series.is_null().to_numpy(), np.int32(self.size - 1), codes)


def is_ordered(column: Column) -> bool:
    """Whether a column's values lie on a line (numbers and times)."""
    return column.kind in ORDERED_KINDS


def ordered_values(series: pl.Series) -> np.ndarray:
    """Returns numbers as they are, dates as days, datetimes as seconds; NaN where missing.

    Returns:
        Shape (n_rows,), float64.
    """
    import polars as pl

    if series.dtype == pl.Date:
        series = series.to_physical()
    elif series.dtype == pl.Datetime:
        series = series.dt.epoch("us").cast(pl.Float64) / 1e6
    return np.array(series.cast(pl.Float64).fill_null(float("nan")), dtype=np.float64)


def level_codes(series: pl.Series, levels: tuple[str | int, ...]) -> np.ndarray:
    """Returns each cell's position in `levels`, or `len(levels)` if it is not there.

    Returns:
        Shape (n_rows,), int32.
    """
    import polars as pl

    if not levels:
        return np.zeros(len(series), dtype=np.int32)
    if series.dtype == pl.Boolean:
        series = series.cast(pl.Int64)
    codes = series.replace_strict(
        pl.Series(levels, dtype=series.dtype),
        pl.Series(range(len(levels)), dtype=pl.Int32),
        default=len(levels),
        return_dtype=pl.Int32,
    )
    return np.array(codes.fill_null(len(levels)), dtype=np.int32)


def count_levels(series: pl.Series) -> list[tuple[str | int, int]]:
    """Returns (level, rows) of the cells that are not missing, most frequent first.

    Ties are in order of the level, so the answer does not depend on the order of the rows.
    """
    import polars as pl

    if series.dtype == pl.Boolean:
        series = series.cast(pl.Int64)
    counts = series.drop_nulls().alias("level").value_counts()
    rows = counts.sort(["count", "level"], descending=[True, False]).rows()
    return [(level, int(n)) for level, n in rows]


def fit_bins(series: pl.Series, column: Column) -> Bins:
    """Fits the bins of one column to its train cells."""
    # PRIVACY: quantiles and level counts of real train rows, outside the budget: they serve the
    # evaluation only, whose results are internal.
    if not is_ordered(column):
        levels = [level for level, _ in count_levels(series)]
        if len(levels) > MAX_LEVELS:
            levels = levels[: MAX_LEVELS - 1]
        return Bins(column=column, edges=None, levels=tuple(levels))
    values = ordered_values(series)
    values = values[~np.isnan(values)]
    if values.size == 0:
        return Bins(column=column, edges=np.empty(0), levels=())
    shares = np.arange(1, N_QUANTILES) / N_QUANTILES
    quantiles, repeats = np.unique(
        np.quantile(values, shares, method="inverted_cdf"), return_counts=True
    )
    after_spikes = np.nextafter(quantiles[repeats > 1], np.inf)
    return Bins(column=column, edges=np.union1d(quantiles, after_spikes), levels=())

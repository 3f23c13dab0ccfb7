"""Dates and times: about 128 equal cells between the public bounds, in days or seconds.

A range of at most 256 days (or seconds) has one cell for each. Both bounds are cells of their
own; the epoch is a day like any other, so there are no logarithmic cells and no cell for zero.
Datetimes are kept to the second. In encoding, a value beyond the bounds goes to the nearest bound
and null, where the column is not nullable, to the lower bound, so that no exception can depend on
a row; neither occurs in a checked table.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.encode.kinds import missing_domain
from synthkit.encode.line import Line, lattice, linear_edges

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode.within import Condition
    from synthkit.schema.model import Column

KINDS = ("date", "datetime")
N_LINEAR = 128
EPOCH = datetime.datetime(1970, 1, 1)
MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class TimeGrid:
    """Cells of days or seconds since 1970-01-01, then the missing cell if nullable."""

    line: Line
    has_missing: bool
    is_date: bool

    @property
    def n_cells(self) -> int:
        """Number of cells, the missing cell included."""
        return self.line.starts.size + self.has_missing

    @property
    def widths(self) -> np.ndarray:
        """Size of each cell, shape (n_cells,)."""
        return np.append(self.line.widths, [1.0] * self.has_missing)

    @property
    def is_exact(self) -> bool:
        """Whether every cell holds a single day or second."""
        return self.line.is_exact

    def positions(self, series: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """Returns the day or second of each date or time, and which are missing, both (n_rows,)."""
        import polars as pl

        steps = series.to_physical().cast(pl.Int64).fill_null(0).to_numpy()
        if not self.is_date:
            steps = steps // MICROSECONDS
        within = np.clip(steps, self.line.starts[0], self.line.upper)
        return within, series.is_null().to_numpy()

    def cells(self, series: pl.Series) -> np.ndarray:
        """Returns the cell of each date or time, shape (n_rows,); see above for the rest."""
        positions, is_missing = self.positions(series)
        other = self.line.starts.size if self.has_missing else 0
        return np.where(is_missing, other, self.line.cells(positions))

    def with_points(self, points: np.ndarray) -> TimeGrid:
        """Returns the grid with a cell of its own for each of some days or seconds."""
        return dataclasses.replace(self, line=self.line.with_points(points))

    def values(self, cells: np.ndarray, fraction: np.ndarray) -> pl.Series:
        """Returns the date or time at `fraction` of each cell: Date or Datetime("us")."""
        import polars as pl

        last = self.line.starts.size - 1
        steps = self.line.positions(np.minimum(cells, last), fraction)
        if self.is_date:
            series = pl.Series(steps.astype(np.int32)).cast(pl.Date)
        else:
            series = pl.Series(steps * MICROSECONDS).cast(pl.Datetime("us"))
        return series.set(pl.Series(cells > last), None) if self.has_missing else series

    def merge(
        self, masses: np.ndarray, *, max_codes: int, max_bins: int, sigma: float
    ) -> np.ndarray:
        """Returns the code of each cell: neighbours share bins, missing keeps its own code."""
        n = self.line.starts.size
        codes = self.line.merge(masses[:n], max_bins=max_bins, sigma=sigma)
        return np.append(codes, codes.max() + 1) if self.has_missing else codes

    def intervals(self, condition: Condition) -> np.ndarray:
        """Returns the part of each cell that satisfies a condition, shape (n_cells, 2)."""
        parts = np.zeros((self.line.starts.size, 2))
        if condition.bounds is not None:
            low, high = condition.bounds
            first, last = self.line.starts[0], self.line.upper
            if low is not None:
                first = _step(low, is_date=self.is_date, is_upper=False)
            if high is not None:
                last = _step(high, is_date=self.is_date, is_upper=True)
            parts = self.line.intervals(first, last)
        missing = [[0.0, float(condition.missing)]] * self.has_missing
        return np.concatenate([parts, np.array(missing).reshape(-1, 2)])

    def to_dict(self) -> dict[str, Any]:
        """Returns the grid in JSON types."""
        return {
            "starts": self.line.starts.tolist(),
            "upper": self.line.upper,
            "has_missing": self.has_missing,
            "is_date": self.is_date,
        }


def grid(column: Column) -> TimeGrid:
    """Builds the grid of a date or datetime column from the schema alone.

    Raises:
        InputError: If the schema declares no bounds, or no value lies within them.
    """
    if column.bounds is None or not all(isinstance(b, datetime.date) for b in column.bounds):
        raise missing_domain(column, "bounds")
    is_date = column.kind == "date"
    low, high = (_step(b, is_date=is_date, is_upper=i == 1) for i, b in enumerate(column.bounds))
    if low > high:
        raise missing_domain(column, "bounds")
    line = lattice(low, high, linear_edges(low, high, N_LINEAR), alone=())
    return TimeGrid(line, column.nullable, is_date)


def _step(bound: object, *, is_date: bool, is_upper: bool) -> int:
    """Returns the first (or last) whole day or second within a bound; a day means its midnight."""
    if isinstance(bound, datetime.datetime):
        since = bound.replace(tzinfo=None) - EPOCH
    elif isinstance(bound, datetime.date):
        since = datetime.datetime(bound.year, bound.month, bound.day) - EPOCH
    else:
        raise TypeError(f"not a date: {type(bound).__name__}")
    step = datetime.timedelta(days=1) if is_date else datetime.timedelta(seconds=1)
    return since // step if is_upper else -(-since // step)


def grid_from_dict(d: Mapping[str, Any]) -> TimeGrid:
    """Rebuilds a grid from `TimeGrid.to_dict()`."""
    line = Line(np.array(d["starts"], dtype=np.int64), int(d["upper"]))
    return TimeGrid(line, bool(d["has_missing"]), bool(d["is_date"]))

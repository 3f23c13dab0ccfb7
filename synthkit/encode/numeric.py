"""Integers and floats: about 64 equal and 64 logarithmic cells between the public bounds.

A range of at most 256 whole numbers (or multiples of 10^-decimals) has one cell for each. Zero
and both bounds are cells of their own. In encoding, a value beyond the bounds goes to the nearest
bound, and NaN or null to the missing cell (where the column is not nullable: to the lower bound),
so that no exception can depend on a row; neither occurs in a checked table.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from synthkit.encode.kinds import missing_domain
from synthkit.encode.ladder import Ladder, ladder_of
from synthkit.encode.line import (
    SMALLEST_SHARE,
    Line,
    continuous,
    lattice,
    linear_edges,
    logarithmic_edges,
)
from synthkit.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode.subcells import SubCells
    from synthkit.encode.within import Condition
    from synthkit.schema.model import Column

KINDS = ("float", "integer")
N_LINEAR = 64
N_LOGARITHMIC = 64
LARGEST_EXACT = 2**53
"""Above this, doubles no longer hold every whole number: decimals mean nothing there."""
LARGEST_INTEGER = 2**62


@dataclass(frozen=True)
class NumericGrid:
    """Cells of numbers, then the missing cell if nullable."""

    line: Line
    has_missing: bool
    is_integer: bool
    decimals: int
    """A float column on a lattice holds position / 10^decimals; 0 otherwise."""
    endings: tuple[int, ...] = ()
    """Endings that are classes of the ladder; see `ladder`."""

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
        """Whether every cell holds a single number."""
        return self.line.is_exact

    @cached_property
    def ladder(self) -> Ladder | None:
        """Round steps of the column, from the ends of the line and its precision alone."""
        public = ladder_of(self.line, decimals=self.decimals, is_integer=self.is_integer)
        return public and dataclasses.replace(public, endings=self.endings)

    def positions(self, series: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """Returns where on the line each number lies, and which are missing, both (n_rows,)."""
        first = int(self.line.starts[0]) if self.is_integer else float(self.line.starts[0])
        numbers = series.fill_null(first).to_numpy()
        is_missing = series.is_null().to_numpy()
        if not self.is_integer:
            is_missing = is_missing | np.isnan(numbers)
            numbers = np.where(is_missing, 0.0, numbers)
        if not self.is_integer and self.line.is_lattice:
            scale = 10.0**self.decimals
            low, high = float(self.line.starts[0]), float(self.line.upper)
            numbers = np.clip(
                np.rint(np.clip(numbers, low / scale, high / scale) * scale), low, high
            )
            numbers = numbers.astype(np.int64)
        # Zero has one sign: of two, the first row's would be told.
        return np.clip(numbers, self.line.starts[0], self.line.upper) + 0, is_missing

    def cells(self, series: pl.Series) -> np.ndarray:
        """Returns the cell of each number, shape (n_rows,); see above for what cannot occur."""
        positions, is_missing = self.positions(series)
        other = self.line.starts.size if self.has_missing else 0
        return np.where(is_missing, other, self.line.cells(positions))

    def with_points(self, points: np.ndarray) -> NumericGrid:
        """Returns the grid with a cell of its own for each of some positions."""
        return dataclasses.replace(self, line=self.line.with_points(points))

    def with_endings(self, endings: tuple[int, ...]) -> NumericGrid:
        """Returns the grid whose ladder has a class of its own for each of some endings."""
        return dataclasses.replace(self, endings=endings)

    def values(self, cells: np.ndarray, fraction: np.ndarray) -> pl.Series:
        """Returns the number at `fraction` of each cell: Int64, or Float64 with `decimals`."""
        last = self.line.starts.size - 1
        return self._series(self.line.positions(np.minimum(cells, last), fraction), cells > last)

    def values_in(self, within: SubCells, parts: np.ndarray, fraction: np.ndarray) -> pl.Series:
        """Returns the number at `fraction` of each part of a cell; after the last one: missing."""
        last = within.cell.size - 1
        return self._series(within.positions(np.minimum(parts, last), fraction), parts > last)

    def _series(self, numbers: np.ndarray, is_missing: np.ndarray) -> pl.Series:
        """Returns the values at positions, in the conformed type."""
        import polars as pl

        if self.is_integer:
            series = pl.Series(numbers.astype(np.int64))
        elif self.line.is_lattice:
            series = pl.Series(numbers / 10.0**self.decimals)
        else:
            series = pl.Series(numbers)
        return with_nulls(series, is_missing) if self.has_missing else series

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
        reach = self.reach(condition)
        if reach is not None:
            parts = self.line.intervals(*reach)
        missing = [[0.0, float(condition.missing)]] * self.has_missing
        return np.concatenate([parts, np.array(missing).reshape(-1, 2)])

    def reach(self, condition: Condition) -> tuple[int | float, int | float] | None:
        """Returns the first and the last position within the bounds of a condition, if any."""
        if condition.bounds is None:
            return None
        low, high = condition.bounds
        first = self.line.starts[0] if low is None else self._position(low, math.ceil)
        last = self.line.upper if high is None else self._position(high, math.floor)
        return first, last

    def _position(self, bound: object, rounded: Callable[[Fraction], int]) -> int | float:
        """Returns the position of a number; on a lattice the next one inside, within reach."""
        if not self.line.is_lattice:
            return float(cast(float, bound))
        exact = Fraction(Decimal(str(bound))) * 10**self.decimals
        return max(-LARGEST_INTEGER, min(LARGEST_INTEGER, rounded(exact)))

    def to_dict(self) -> dict[str, Any]:
        """Returns the grid in JSON types; floats are written in full and read back equal."""
        return {
            "starts": self.line.starts.tolist(),
            "upper": self.line.upper,
            "is_lattice": self.line.is_lattice,
            "has_missing": self.has_missing,
            "is_integer": self.is_integer,
            "decimals": self.decimals,
            **({"endings": list(self.endings)} if self.endings else {}),
        }


def with_nulls(series: pl.Series, is_missing: np.ndarray) -> pl.Series:
    """Returns the series with null where `is_missing`."""
    import polars as pl

    return series.set(pl.Series(is_missing), None)


def grid(column: Column) -> NumericGrid:
    """Builds the grid of an integer or float column from the schema alone.

    Raises:
        InputError: If the schema declares no bounds, no value lies within them, or they are beyond
            2^62.
    """
    low, high = _number_bounds(column)
    is_integer = column.kind == "integer"
    decimals = 0 if is_integer or column.decimals is None else column.decimals
    first, last = math.ceil(low * 10**decimals), math.floor(high * 10**decimals)
    is_fine = not is_integer and (
        column.decimals is None or max(abs(first), abs(last)) > LARGEST_EXACT
    )
    if is_fine:
        line = _continuous(float(low), float(high))
        return NumericGrid(line, column.nullable, is_integer=False, decimals=0)
    if first > last:
        raise missing_domain(column, "bounds")
    if max(abs(first), abs(last)) > LARGEST_INTEGER:
        raise InputError(
            f"The bounds of the column {column.name!r} ({column.kind}) are too far out.",
            hint="Declare bounds between -2^62 and 2^62 (about 4.6e18), from public knowledge.",
        )
    edges = linear_edges(first, last, N_LINEAR)
    edges += logarithmic_edges(first, last, N_LOGARITHMIC, smallest=1.0)
    line = lattice(first, last, edges, alone=(0,))
    return NumericGrid(line, column.nullable, is_integer, decimals)


def _continuous(low: float, high: float) -> Line:
    smallest = max(abs(low), abs(high)) * SMALLEST_SHARE
    edges = linear_edges(low, high, N_LINEAR)
    edges += logarithmic_edges(low, high, N_LOGARITHMIC, smallest=smallest)
    return continuous(low, high, edges, alone=(0.0,))


def _number_bounds(column: Column) -> tuple[Fraction, Fraction]:
    """Returns the bounds as written in decimal, exactly."""
    if column.bounds is None or not all(isinstance(b, int | float) for b in column.bounds):
        raise missing_domain(column, "bounds")
    low, high = (Decimal(str(b)) for b in column.bounds)
    if not (low.is_finite() and high.is_finite() and low <= high):
        raise missing_domain(column, "bounds")
    return Fraction(low), Fraction(high)


def grid_from_dict(d: Mapping[str, Any]) -> NumericGrid:
    """Rebuilds a grid from `NumericGrid.to_dict()`.

    Raises:
        ValueError: If it names endings that its ladder does not have.
    """
    starts = np.array(d["starts"], dtype=np.int64 if d["is_lattice"] else np.float64)
    line, decimals = Line(starts, d["upper"]), int(d["decimals"])
    public = NumericGrid(line, bool(d["has_missing"]), bool(d["is_integer"]), decimals)
    if "endings" not in d:
        return public
    endings = tuple(d["endings"])
    period = public.ladder.period if public.ladder else 0
    are_whole = all(type(e) is int for e in endings)
    if not are_whole or list(endings) != sorted(set(endings) & set(range(1, period))):
        raise ValueError("The endings of a grid are not those of its ladder.")
    return public.with_endings(endings)

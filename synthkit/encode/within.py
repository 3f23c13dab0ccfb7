"""What a condition leaves of a column's public cells; built from declared and noisy facts alone.

In: a condition on one column and the column's codec. Out: for each code, the share of its values
that satisfy the condition (what re-weighting needs), and draws of values within it. Reads no row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.encode.shares import Shares

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode.kinds import Grid
    from synthkit.encode.parts import Parts


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A set of values of one column; a value satisfies it by any of the three."""

    values: tuple[object, ...] = ()
    """Categories (or booleans), for columns that have them."""
    bounds: tuple[object, object] | None = None
    """Lowest and highest value, inclusive, for numbers and times; None: open on that side."""
    missing: bool = False
    """Whether missing satisfies it."""


@dataclass(frozen=True, eq=False)
class Within:
    """One column under a condition."""

    condition: Condition
    evidence: np.ndarray
    """Probability that a value of each code satisfies the condition, shape (size,), 0 to 1."""
    low: np.ndarray
    """Where in each cell the condition begins, shape (n_cells,), 0 to 1."""
    span: np.ndarray
    """How much of each cell satisfies it, shape (n_cells,), 0 to 1."""
    shares: Shares
    """Cells (of a column with `parts`: those) of each code by how much of them satisfies it."""
    parts: Parts | None = None
    """Of a column with round numbers: parts of its cells, as far as they satisfy it."""

    @classmethod
    def of(
        cls,
        grid: Grid,
        code_of_cell: np.ndarray,
        masses: np.ndarray,
        c: Condition,
        parts: Parts | None = None,
    ) -> Within:
        """Restricts a column; `masses`, `code_of_cell` and `parts` are those of its codec."""
        intervals = grid.intervals(c)  # (n_cells, 2)
        low = intervals[:, 0]
        span = np.maximum(intervals[:, 1] - low, 0.0)
        weights = Shares.weights(code_of_cell, masses, grid.widths)  # (n_cells,)
        codes, inside = code_of_cell, span
        if parts is not None:
            codes, weights = parts.of_parts(code_of_cell), parts.weights(weights)
            parts, inside = parts.within(c)
        left = weights * inside
        of_code = np.bincount(codes, weights=left)  # (size,)
        evidence = np.minimum(of_code / np.bincount(codes, weights=weights), 1.0)
        # A code that the condition rules out is never drawn; it keeps its cells all the same.
        kept = np.where(of_code[codes] > 0, left, weights)
        return cls(c, evidence, low, span, Shares.of(codes, kept), parts)

    def draw(self, grid: Grid, codes: np.ndarray, rng: np.random.Generator) -> pl.Series:
        """Draws a value that satisfies the condition for each code, in the conformed dtype.

        Args:
            grid: Of the column.
            codes: Shape (n_rows,), each with positive `evidence`.
            rng: Public randomness.
        """
        import polars as pl

        cells, fraction = self.shares.draw(codes, rng)
        if self.parts is not None:  # what is left of a part holds nothing else
            return self.parts.values(cells, fraction)
        series = grid.values(cells, self.low[cells] + fraction * self.span[cells])
        if self.condition.bounds is None:
            return series
        # Rounding of a fraction may step over a bound by one place.
        low, high = (None if b is None else pl.lit(b) for b in self.condition.bounds)
        frame = pl.DataFrame({"x": series})
        clipped = pl.col("x").clip(low, high).cast(series.dtype)
        return frame.select(clipped).to_series()

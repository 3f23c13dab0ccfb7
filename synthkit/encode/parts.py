"""A column's cells divided by how round their numbers are, the missing cell behind them.

In: a numeric grid and the weight of each level of its ladder. Out: the code, the weight and the
values of each part, which the codec and conditions draw from in place of whole cells. Reads no row.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.encode.subcells import SubCells, divided

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode.numeric import NumericGrid
    from synthkit.encode.within import Condition


@dataclass(frozen=True, eq=False)
class Parts:
    """Parts of the cells of one column; their numbers run along, then missing if nullable."""

    grid: NumericGrid
    inner: SubCells

    @classmethod
    def of(cls, grid: NumericGrid, weights: np.ndarray) -> Parts:
        """Divides the cells of a grid that has a ladder; see `subcells.divided`."""
        assert grid.ladder is not None  # levels were counted by it
        return cls(grid, divided(grid.line, grid.ladder, weights))

    def of_parts(self, of_cells: np.ndarray) -> np.ndarray:
        """Returns for each part what is given for its cell, shape (n_parts,)."""
        of_missing = of_cells[self.grid.line.starts.size :]
        return np.concatenate([of_cells[self.inner.cell], of_missing])

    def weights(self, of_cells: np.ndarray) -> np.ndarray:
        """Shares the weight of each cell out among its parts, shape (n_parts,)."""
        ones = np.ones(int(self.grid.has_missing))
        return np.asarray(self.of_parts(of_cells) * np.concatenate([self.inner.share, ones]))

    def within(self, condition: Condition) -> tuple[Parts, np.ndarray]:
        """Returns what a condition leaves of the parts, and how much of each, 0 to 1."""
        reach = self.grid.reach(condition)
        missing = [float(condition.missing)] * self.grid.has_missing
        if reach is None:
            return self, np.concatenate([np.zeros(self.inner.cell.size), missing])
        inner, left = self.inner.within(*reach)
        return dataclasses.replace(self, inner=inner), np.concatenate([left, missing])

    def values(self, parts: np.ndarray, fraction: np.ndarray) -> pl.Series:
        """Returns the value at `fraction` (0 to 1) of each part, in the conformed dtype."""
        return self.grid.values_in(self.inner, parts, fraction)

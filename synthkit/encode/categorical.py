"""Categories, ordered categories and yes/no values: one cell per value the schema declares.

In encoding, a value that the schema does not declare goes to the missing cell, or to the first
cell where the column is not nullable; so does a null. Neither can occur in a checked table: the
rule is there so that no exception can depend on a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.encode.kinds import missing_domain
from synthkit.encode.merging import CATEGORY_SIGMAS, merge_rare

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode.within import Condition
    from synthkit.schema.model import Column

KINDS = ("boolean", "categorical", "ordinal")


@dataclass(frozen=True)
class CategoryGrid:
    """One cell per category in schema order, then the missing cell if nullable."""

    categories: tuple[str | int, ...]
    """All strings or all integers; False and True for a boolean column."""
    has_missing: bool

    @property
    def n_cells(self) -> int:
        """Number of cells, the missing cell included."""
        return len(self.categories) + self.has_missing

    @property
    def widths(self) -> np.ndarray:
        """Ones: a category has no size."""
        return np.ones(self.n_cells)

    @property
    def is_exact(self) -> bool:
        """Always: a cell holds one value."""
        return True

    def cells(self, series: pl.Series) -> np.ndarray:
        """Returns the cell of each value, shape (n_rows,), uint32; unknown values: see above."""
        import polars as pl

        known = pl.Series(list(self.categories), dtype=series.dtype)
        positions = pl.Series(np.arange(len(known), dtype=np.uint32))
        other = len(self.categories) if self.has_missing else 0
        found = series.replace_strict(known, positions, default=other, return_dtype=pl.UInt32)
        return found.fill_null(other).to_numpy()

    def values(self, cells: np.ndarray, fraction: np.ndarray) -> pl.Series:
        """Returns the category of each cell; `fraction` is not used."""
        import polars as pl

        missing = [None] if self.has_missing else []
        known = pl.Series([*self.categories, *missing], strict=True)
        return known.gather(pl.Series(cells.astype(np.uint32)))

    def merge(
        self, masses: np.ndarray, *, max_codes: int, max_bins: int, sigma: float
    ) -> np.ndarray:
        """Returns the code of each cell: rare categories share one, missing keeps its own."""
        n = len(self.categories)
        codes = merge_rare(masses[:n], max_codes=max_codes, threshold=CATEGORY_SIGMAS * sigma)
        return np.append(codes, codes.max() + 1) if self.has_missing else codes

    def intervals(self, condition: Condition) -> np.ndarray:
        """Returns the part of each cell that satisfies a condition: all or nothing."""
        wanted = {str(v) for v in condition.values}
        holds = [str(c) in wanted for c in self.categories] + [condition.missing] * self.has_missing
        return np.stack([np.zeros(self.n_cells), np.array(holds, dtype=np.float64)], axis=1)

    def to_dict(self) -> dict[str, Any]:
        """Returns the grid in JSON types."""
        return {"categories": list(self.categories), "has_missing": self.has_missing}


def grid(column: Column) -> CategoryGrid:
    """Builds the grid of a categorical, ordinal or boolean column from the schema alone.

    Raises:
        InputError: If the schema declares no categories.
    """
    if column.kind == "boolean":
        return CategoryGrid((False, True), column.nullable)
    if not column.categories:
        raise missing_domain(column, "categories")
    categories = column.categories
    if any(isinstance(c, str) for c in categories):
        categories = tuple(str(c) for c in categories)
    return CategoryGrid(tuple(dict.fromkeys(categories)), column.nullable)


def grid_from_dict(d: Mapping[str, Any]) -> CategoryGrid:
    """Rebuilds a grid from `CategoryGrid.to_dict()`."""
    return CategoryGrid(tuple(d["categories"]), bool(d["has_missing"]))

"""One pass over the rows of a table: the public cell of every value, chunk by chunk.

In: a conformed table and the grids of its columns. Out: cells as small integers, from which counts
and codes follow without the table: reading words and numbers is what takes the time. Beside the
cells themselves, memory does not grow with the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode.kinds import Grid
    from synthkit.schema.model import Column

_CHUNK_ROWS = 1 << 18


def cells_of(
    table: pl.DataFrame, columns: Sequence[Column], grids: Sequence[Grid]
) -> list[np.ndarray]:
    """Returns the cell of every value, one array of shape (n_rows,) per column.

    Rows need not lie inside domains that were bought: they are brought there (`mapping`), each by
    itself.
    """
    from synthkit.encode.domains import mapping  # which reads tables by this file

    # PRIVACY: reads every real row, one by one and by public or released knowledge; the cells are
    # no less secret than the rows.
    found = []
    for column, grid in zip(columns, grids, strict=True):
        series = table.get_column(column.name)
        cells = np.empty(len(series), dtype=np.min_scalar_type(max(grid.n_cells - 1, 0)))
        for part in parts(len(series)):
            inside = mapping.inside(series[part], column)
            cells[part] = grid.cells(inside)
        found.append(cells)
    return found


def counts_of(cells: np.ndarray, n_cells: int, rows: np.ndarray | None = None) -> np.ndarray:
    """Counts the rows of each cell, int64, shape (n_cells,); `rows`: of these alone."""
    counts = np.zeros(n_cells, dtype=np.int64)
    for part in parts(len(cells) if rows is None else len(rows)):
        chosen = cells[part] if rows is None else cells[rows[part]]
        counts += np.bincount(chosen, minlength=n_cells)
    return counts


def write_codes(cells: np.ndarray, code_of_cell: np.ndarray, into: np.ndarray) -> None:
    """Writes the code of each row's cell into `into`, shape (n_rows,)."""
    small = code_of_cell.astype(into.dtype)
    for part in parts(len(cells)):
        into[part] = small[cells[part]]


def parts(n_rows: int) -> Iterator[slice]:
    """Cuts so many rows into consecutive chunks."""
    for start in range(0, n_rows, _CHUNK_ROWS):
        yield slice(start, start + _CHUNK_ROWS)

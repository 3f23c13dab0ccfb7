"""Cells of a column as places on a line, and back; which lie in a region; new ones in some rows.

In and out: polars series and numpy arrays of one column. Nothing is drawn here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synthkit.schema import Column, dtype_of
from synthkit.schema.regions import Region, has_decimals, is_on_line, value_at

if TYPE_CHECKING:
    import polars as pl

DAY_ZERO = 719_163
"""`datetime.date(1970, 1, 1).toordinal()`."""
MICROSECONDS = 1_000_000


def places_of(column: Column, series: pl.Series) -> np.ndarray:
    """Returns each cell's place on the line (see `schema.regions`), shape (n_rows,); missing: 0."""
    cells = series.to_physical().fill_null(0).to_numpy()
    if column.kind == "date":
        return np.asarray(cells.astype(np.int64) + DAY_ZERO)
    if column.kind == "datetime":
        return np.asarray(cells // MICROSECONDS)
    if has_decimals(column):
        return np.rint(cells * 10.0 ** (column.decimals or 0)).astype(np.int64)
    return np.asarray(cells)


def series_of(column: Column, places: np.ndarray) -> pl.Series:
    """Returns the values at places, in the conformed type."""
    import polars as pl

    if column.kind == "date":
        return pl.Series((places - DAY_ZERO).astype(np.int32)).cast(pl.Date)
    if column.kind == "datetime":
        return pl.Series(places.astype(np.int64) * MICROSECONDS).cast(pl.Datetime("us"))
    if has_decimals(column):
        return pl.Series(places / 10.0 ** (column.decimals or 0))
    return pl.Series(places, dtype=dtype_of(column))


def lattice(column: Column) -> int:
    """Returns how many places a step of 1 has: 10^decimals of a float that declares them, or 1."""
    return 10 ** (column.decimals or 0) if has_decimals(column) else 1


def limit(column: Column, of: Column, places: np.ndarray, *, strict: bool, up: bool) -> np.ndarray:
    """Turns places of one column into floors (`up`) or ceilings of another one.

    Args:
        column: Whose floors or ceilings.
        of: Whose places.
        places: Shape (n_rows,).
        strict: Whether equal values are barred.
        up: Floors; else ceilings.
    """
    scale, own = lattice(column), lattice(of)
    is_fine = column.kind == "float" and not has_decimals(column)
    if is_fine:
        values = places / own
        return np.nextafter(values, np.inf if up else -np.inf) if strict else values
    if places.dtype.kind == "f":
        scaled = places * scale
        near = np.rint(scaled)
        exact = np.where(np.abs(scaled - near) < 1e-6, near, scaled)
        floor, ceiling = (f(exact).astype(np.int64) for f in (np.floor, np.ceil))
    else:
        floor = places * scale // own
        ceiling = -(-places * scale // own)
    if up:
        return floor + 1 if strict else ceiling
    return ceiling - 1 if strict else floor


def point(column: Column, value: object) -> Region:
    """Returns the region that holds one value, or missing, and nothing else."""
    if value is None:
        return Region(missing=True)
    if not is_on_line(column):
        return Region(items=(value,))
    import polars as pl

    place = places_of(column, pl.Series([value], dtype=dtype_of(column)))[0].item()
    return Region(spans=((place, place),))


def inside(column: Column, series: pl.Series, held: Region) -> np.ndarray:
    """Says of each cell whether it lies in a region, shape (n_rows,)."""
    import polars as pl

    is_null = series.is_null().to_numpy()
    found = np.zeros(len(series), dtype=bool)
    if is_on_line(column):
        for low, high in held.spans:
            first, last = value_at(column, low), value_at(column, high)
            between = ((series >= first) & (series <= last)).fill_null(False)
            found |= between.to_numpy()
    else:
        named = pl.Series(list(held.items), dtype=series.dtype)
        found = series.is_in(named.implode()).fill_null(False).to_numpy()
    return np.asarray(np.where(is_null, held.missing, found))


def scattered(cells: pl.Series, rows: np.ndarray, new: pl.Series) -> pl.Series:
    """Returns the cells with new ones in some rows."""
    import polars as pl

    if rows.size == 0:
        return cells
    return cells.clone().scatter(pl.Series(rows.astype(np.uint32)), new)

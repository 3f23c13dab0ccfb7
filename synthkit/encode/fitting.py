"""Builds a codec from one noisy look at the table: one table of counts per encoded column.

In: a conformed table, its schema, the privacy unit of each row, a noise level. Out: `Fitted`.
The rows are read once. One secretly chosen row per privacy unit is counted, so adding or removing
a unit changes exactly one cell of each column's table by exactly one: the look is the event
`NoisyTables(sigma=sigma, tables=n_tables(schema))`. All later steps are post-processing of the
noisy counts (Dwork and Roth 2014, proposition 2.1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.artifacts import Codes, OneWayTables
from synthkit.encode import kinds, projection, roundness, smoothing, spikes
from synthkit.encode.codec import Codec, ColumnCodec, check_table
from synthkit.encode.ordered import project_ordered
from synthkit.encode.reading import cells_of, counts_of
from synthkit.errors import InputError
from synthkit.schema.model import NUMERIC_KINDS, TIME_KINDS

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode.kinds import Grid
    from synthkit.encode.line import Line
    from synthkit.schema.model import Column, Schema

LARGEST_MAX = 60_000
"""Codes must fit uint16 with the missing code beside them."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What `fit` gives: the codec, the codes of all rows, the noisy one-way tables."""

    codec: Codec
    codes: Codes
    """Real rows as codes: never released, never stored."""
    one_way: OneWayTables


def n_tables(schema: Schema) -> int:
    """Returns the number of noisy tables that `fit` measures: one per encoded column.

    Public; a plan is priced with it before any row is read, and a domain that no grid can be made
    of is refused before anything is charged.

    Raises:
        InputError: If a column's declared domain is unusable.
    """
    return len(_grids(schema.encoded))


def _grids(columns: Sequence[Column]) -> list[Grid]:
    return [kinds.load(kinds.plugin_name(c.kind)).grid(c) for c in columns]


def fit(
    table: pl.DataFrame,
    schema: Schema,
    units: np.ndarray,
    *,
    sigma: float | None,
    rows_per_unit: int = 1,
    points: Mapping[str, np.ndarray] | None = None,
    levels: roundness.Levels | None = None,
    max_codes: int = 64,
    max_bins: int = 32,
) -> Fitted:
    """Fits the codec, encodes all rows and returns the one-way tables it measured.

    Args:
        table: Conformed table, n_rows rows; values outside a `noisy` domain are brought inside.
        schema: Its schema; the only source of domains.
        units: Privacy unit of each row, shape (n_rows,), int64, 0 .. n_units - 1.
        sigma: Standard deviation of the discrete Gaussian noise on every count. None: exact
            counts over all rows, scaled to the number of units; for generators without a
            guarantee only.
        rows_per_unit: Most rows of a unit that are counted, each into a set of tables of its own
            under noise of its own; what is returned is the sum over these sets.
        points: Positions with a cell of their own, by column (`spikes.find`).
        levels: Counts of how round the numbers of columns are (`roundness.find`), by the grids
            with these points.
        max_codes: Largest number of codes of a column of categories, beside missing.
        max_bins: Largest number of bins of a numeric or time column, beside missing.

    Raises:
        InputError: If an option, a column's declared domain, or the table's shape is unusable.
    """
    _check_options(sigma, max_codes, max_bins)
    columns = schema.encoded
    check_table(table, [c.name for c in columns], units)
    grids = [
        spikes.with_spikes(g, c.name, points or {})
        for c, g in zip(columns, _grids(columns), strict=True)
    ]
    cells = cells_of(table, columns, grids)
    tables, n_units = _measure(cells, columns, grids, units, sigma, rows_per_unit)
    # PRIVACY: from here to the one-way tables everything is a function of the noisy counts, the
    # schema and the options: post-processing, no further charge.
    noise = None if sigma is None else sigma * math.sqrt(rows_per_unit)
    parts = []
    for column, grid, counts in zip(columns, grids, tables, strict=True):
        line = getattr(grid, "line", None) if column.kind in (*NUMERIC_KINDS, *TIME_KINDS) else None
        if line is not None and noise:
            told = spikes.cells_of(grid, column.name, points or {})
            masses = _on_line(line, counts, n_units, noise, told)
        else:
            masses = projection.project(counts, n_units)
        codes = grid.merge(masses, max_codes=max_codes, max_bins=max_bins, sigma=noise or 0.0)
        if line is not None:
            masses = smoothing.shrink_within(masses, counts, codes, noise or 0.0, line.edges)
        grid, rounded = roundness.weights(grid, column.name, masses, levels)
        plugin = kinds.plugin_name(column.kind)
        parts.append(ColumnCodec(column.name, plugin, grid, codes, masses, rounded))
    codec = Codec(tuple(parts))
    one_way = OneWayTables(
        counts=tuple(p.counts for p in parts),
        units=n_units,
        sigma=noise,
        cells=tuple(np.bincount(p.code_of_cell, minlength=p.size) for p in parts),
    )
    return Fitted(codec=codec, codes=codec.codes_of(cells, units), one_way=one_way)


def _on_line(
    line: Line, counts: np.ndarray, total: float, sigma: float, told: np.ndarray
) -> np.ndarray:
    """Masses of the cells of a line, and of the missing cell, if any, after it; see `ordered`."""
    n = line.starts.size
    missing = min(max(float(counts[n:].sum()), 0.0), total)
    if missing >= total:
        return projection.project(counts, total)
    masses = project_ordered(counts[:n], total - missing, sigma, told[:n], edges=line.edges)
    return np.append(masses, [missing] * (counts.size - n))


def _measure(
    cells: Sequence[np.ndarray],
    columns: Sequence[Column],
    grids: Sequence[Grid],
    units: np.ndarray,
    sigma: float | None,
    rows_per_unit: int,
) -> tuple[list[np.ndarray], float]:
    """Counts cells, with noise or exactly; returns the counts per column and the units."""
    from synthkit.privacy import mechanism

    if sigma is None:
        # PRIVACY: exact counts; whatever is built on them has no guarantee and says so.
        tables = _count(cells, grids)
        n_units = float(max(1, np.unique(units).size))
        scale = n_units / max(1, len(units))
        return [t * scale for t in tables], n_units
    # PRIVACY: up to k rows per unit, chosen in secret and uniformly. Each of them is counted into a
    # set of tables of its own, so that a unit with many rows still changes one cell of each table
    # by one. Charged as NoisyTables(tables=k * len(columns)).
    chosen = mechanism.rows_of_units(units, most=rows_per_unit)
    if not columns:
        return [], 1.0
    sizes = np.array([g.n_cells for g in grids])
    exact = np.stack([np.concatenate(_count(cells, grids, rows)) for rows in chosen])

    def places_of(rows: pl.DataFrame) -> np.ndarray:
        places = np.stack(cells_of(rows, columns, grids), axis=1).astype(np.int64)
        return np.asarray(places + (np.cumsum(sizes) - sizes))

    # One call: one event, one vector, L2 sensitivity sqrt(k * len(columns)).
    noisy = mechanism.noisy_counts(exact, sigma=sigma, cells=places_of).sum(axis=0)
    # PRIVACY: the exact counts end here; nothing below reads them.
    tables = np.split(noisy, np.cumsum(sizes)[:-1])
    return tables, projection.estimate_units(tables)


def _count(
    cells: Sequence[np.ndarray], grids: Sequence[Grid], rows: np.ndarray | None = None
) -> list[np.ndarray]:
    """Counts each column's cells, of some rows or of all: int64 arrays of shape (n_cells,)."""
    # PRIVACY: reads real rows; each row adds one to one cell of each table. See the callers.
    return [counts_of(c, g.n_cells, rows) for c, g in zip(cells, grids, strict=True)]


def _check_options(sigma: float | None, max_codes: int, max_bins: int) -> None:
    if sigma is not None and not (math.isfinite(sigma) and sigma > 0):
        raise InputError(
            "The noise level of the one-way tables must be a positive number.",
            hint="Take it from the generator's plan; None means exact counts and no guarantee.",
        )
    for name, value, low in (("max_codes", max_codes, 2), ("max_bins", max_bins, 1)):
        if not low <= value <= LARGEST_MAX:
            raise InputError(
                f"{name} is {value}, outside {low} to {LARGEST_MAX}.",
                hint="Leave it at its default, or choose a value in that range.",
            )

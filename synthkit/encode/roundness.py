"""How round the numbers of each column are: one small noisy table of levels per column.

In: a conformed table, the grids of its columns, a noise level. Out: for each numeric column whose
grid has cells of several values, noisy counts of the levels of its public ladder (`ladder`).
Without them a number that is whole in every row is decoded to anything in its cell.

Of one secretly chosen row per privacy unit, each such column counts the level of its value; values
that have a cell of their own, and missing ones, count as such. So a unit moves one cell of each
column's table by one: the look is one `NoisyTables` event, with the exact discrete Gaussian noise
of the one-way tables. What follows (`leveling`) reads the noisy counts only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from synthkit.encode import kinds, spikes
from synthkit.encode.codec import check_table
from synthkit.encode.leveling import weights_of
from synthkit.encode.subcells import even_shares
from synthkit.errors import IntegrityError
from synthkit.privacy.event import Event, NoisyTables
from synthkit.schema.model import NUMERIC_KINDS

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode.kinds import Grid
    from synthkit.encode.ladder import Ladder
    from synthkit.encode.line import Line
    from synthkit.schema.model import Column, Schema

ROUNDNESS = "roundness of numbers"
"""Name of the event."""
SHARE_KEY = "roundness_share"
FINDS = "finds how round numbers are"
ROWS_PER_SIGMA = 20
"""Where the public number of rows is less than so many standard deviations, no heap would be told
from noise, and nothing is spent."""
_LARGEST_SIGMA = 4e4


@runtime_checkable
class RoundGrid(Protocol):
    """What a grid offers whose numbers have levels; see `NumericGrid`."""

    @property
    def line(self) -> Line:
        """Its cells."""

    @property
    def ladder(self) -> Ladder | None:
        """Round steps, if there are any."""

    def positions(self, series: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """Returns the position of each value, and which are missing, both (n_rows,)."""


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Counts of levels, by the name of their column."""

    counts: Mapping[str, np.ndarray]
    """Each of shape (n_levels + 1,), float64; the last cell is of values that need no level."""
    sigma: float
    """Standard deviation of the noise on each count; 0: none."""


def events(
    schema: Schema,
    *,
    epsilon: float,
    delta: float,
    share: float,
    to_buy: Sequence[str] = (),
) -> tuple[Event, ...]:
    """States the look that `find` will take; pure, and empty where it could find nothing.

    Args:
        schema: Its numeric columns whose grid has cells of several values are looked at.
        epsilon: Budget of the whole job.
        delta: Delta of the whole job.
        share: Share of the budget's mu^2, from 0 (no look) to 0.5.
        to_buy: Names of columns whose domain is not known yet, or may widen; they count as such.

    Raises:
        InputError: If the share is out of range.
    """
    from synthkit.privacy import accountant

    spikes.check_share(share, SHARE_KEY, FINDS)
    numeric = [c for c in schema.encoded if c.kind in NUMERIC_KINDS]
    tables = sum(c.name in to_buy or _has_levels(_grid(c)) for c in numeric)
    if not (tables and share):
        return ()
    sigma = math.sqrt(tables / share) * accountant.gaussian_sigma(epsilon, delta)
    if sigma > _LARGEST_SIGMA:
        return ()
    if schema.rows_public is not None and schema.rows_public < ROWS_PER_SIGMA * sigma:
        return ()
    return (NoisyTables(name=ROUNDNESS, sigma=sigma, tables=tables),)


def find(
    table: pl.DataFrame,
    schema: Schema,
    units: np.ndarray,
    looks: Sequence[Event],
    points: Mapping[str, np.ndarray] | None = None,
) -> Levels | None:
    """Takes the look that `events` stated.

    Args:
        table: Conformed table, n_rows rows; values are brought inside bought domains one by one.
        schema: With the domains of all columns.
        units: Privacy unit of each row, shape (n_rows,), int64.
        looks: What `events` gave; may hold other events too.
        points: Positions with a cell of their own, by column (`spikes.find`).

    Returns:
        None where no look was stated, or no column turned out to need one.

    Raises:
        IntegrityError: If more columns would be looked at than are charged.
    """
    from synthkit.privacy import mechanism

    event = next((e for e in looks if e.name == ROUNDNESS), None)
    if not isinstance(event, NoisyTables):
        return None
    check_table(table, [c.name for c in schema.encoded], units)
    columns, grids = _to_look_at(schema, points or {})
    if len(columns) > event.tables:
        raise IntegrityError(
            f"{len(columns)} columns would be looked at, and {event.tables} are charged.",
            hint="This is a fault of synthkit; nothing was looked at.",
        )
    if not columns:
        return None
    sizes = np.array([_n_cells(c) for c in columns])
    starts = np.cumsum(sizes) - sizes

    def places_of(rows: pl.DataFrame) -> np.ndarray:
        """Returns the cell of each row in each table, laid end to end, (n_rows, n_tables)."""
        pairs = zip(columns, grids, strict=True)
        levels = [_levels(rows.get_column(c.name), c, g) for c, g in pairs]
        return np.asarray(np.stack(levels, axis=1) + starts)

    # PRIVACY: one row per unit, chosen in secret and anew; a unit moves one cell of each column's
    # table by one. Charged as this event, for at least as many columns as are read here: of columns
    # whose domain was bought, some turn out to need no look.
    rows = mechanism.one_row_per_unit(units)
    exact = np.concatenate([_count(table, c, g, rows) for c, g in zip(columns, grids, strict=True)])
    noisy = mechanism.noisy_counts(exact, sigma=event.sigma, cells=places_of)
    # PRIVACY: the exact counts end here; nothing below reads them.
    parts = np.split(noisy.astype(np.float64), starts[1:])
    named = zip((c.name for c in columns), parts, strict=True)
    return Levels(counts=dict(named), sigma=event.sigma)


def exact(
    table: pl.DataFrame, schema: Schema, points: Mapping[str, np.ndarray] | None = None
) -> Levels:
    """As `find`, without noise: for generators that have no guarantee to keep."""
    # PRIVACY: exact counts of levels over all rows: what is built on them has no guarantee and
    # says so.
    columns, grids = _to_look_at(schema, points or {})
    pairs = zip(columns, grids, strict=True)
    counts = {c.name: _count(table, c, g, None).astype(np.float64) for c, g in pairs}
    return Levels(counts=counts, sigma=0.0)


def weights(grid: Grid, name: str, masses: np.ndarray, levels: Levels | None) -> np.ndarray | None:
    """Returns how often numbers of each level occur, relative to evenly; see `leveling`.

    Args:
        grid: Of the column, with the cells of its spikes.
        name: Of the column.
        masses: Noisy masses of its cells, shape (n_cells,).
        levels: What the look gave.

    Returns:
        Shape (n_levels,); None where no look was taken, or noise explains what it gave.
    """
    if levels is None or name not in levels.counts or not isinstance(grid, RoundGrid):
        return None
    ladder = grid.ladder
    if ladder is None:
        return None
    even = even_shares(grid.line, ladder)
    counts = levels.counts[name][: ladder.n_levels]
    return weights_of(counts, masses[: grid.line.starts.size], even, levels.sigma)


def _to_look_at(
    schema: Schema, points: Mapping[str, np.ndarray]
) -> tuple[list[Column], list[RoundGrid]]:
    """Returns the columns that have levels, and their grids with the cells of their spikes."""
    columns: list[Column] = []
    grids: list[RoundGrid] = []
    for column in schema.encoded:
        # By the public grid: what spikes are told must not decide whether a column is charged.
        if _has_levels(_grid(column)):
            grid = spikes.with_spikes(_grid(column), column.name, points)
            assert isinstance(grid, RoundGrid)  # as before its spikes
            columns.append(column)
            grids.append(grid)
    return columns, grids


def _count(
    table: pl.DataFrame, column: Column, grid: RoundGrid, rows: np.ndarray | None
) -> np.ndarray:
    """Counts the levels of a column in some rows (None: all), int64, shape (n_levels + 1,)."""
    series = table.get_column(column.name)
    levels = _levels(series if rows is None else series[rows], column, grid)
    return np.bincount(levels, minlength=_n_cells(column))


def _levels(series: pl.Series, column: Column, grid: RoundGrid) -> np.ndarray:
    """Returns the level of each value, shape (n_rows,), int64; the last: it needs none."""
    from synthkit.encode.domains import mapping  # which reads tables by way of this room

    ladder = _ladder(column)
    positions, is_missing = grid.positions(mapping.inside(series, column))
    is_alone = grid.line.is_point[grid.line.cells(positions)]
    return np.where(is_missing | is_alone, ladder.n_levels, ladder.levels(positions))


def _n_cells(column: Column) -> int:
    return _ladder(column).n_levels + 1


def _ladder(column: Column) -> Ladder:
    """Returns the ladder of the public grid: where all values are spikes, theirs has none."""
    grid = _grid(column)
    assert isinstance(grid, RoundGrid)  # `_has_levels` asked
    assert grid.ladder is not None
    return grid.ladder


def _has_levels(grid: Grid) -> bool:
    return isinstance(grid, RoundGrid) and grid.ladder is not None


def _grid(column: Column) -> Grid:
    return kinds.load(kinds.plugin_name(column.kind)).grid(column)

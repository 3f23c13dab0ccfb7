"""How round the numbers of each column are: small noisy tables of levels and endings per column.

In: a conformed table, the grids of its columns, a noise level. Out: for each numeric column whose
grid has cells of several values, noisy counts of the levels of its public ladder (`ladder`), and of
endings where the ladder has a period. Without them a number that is whole in every row is decoded
to anything in its cell, and a price of 12.99 to any near it.

Of one secretly chosen row per privacy unit, each such column counts the level of its value, and its
ending; values that have a cell of their own, and missing ones, count as such. So a unit moves one
cell of each table by one: the look is one `NoisyTables` event, with the exact discrete Gaussian
noise of the one-way tables. What follows (`leveling`, `endings`) reads the noisy counts only.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from synthkit.encode import kinds, spikes
from synthkit.encode.codec import check_table
from synthkit.encode.endings import told
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
MOST_TABLES = 2
"""Of a column: levels and endings; charged where it is not known yet whether it has both."""
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

    def with_endings(self, endings: tuple[int, ...]) -> Grid:
        """Returns the grid whose ladder has classes for some endings."""


@dataclass(frozen=True)
class Levels:
    """Counts of levels and of endings, by the name of their column."""

    counts: Mapping[str, np.ndarray]
    """Each of shape (n_levels + 1,), float64; the last cell is of values that need no level."""
    endings: Mapping[str, np.ndarray]
    """Each of shape (period + 1,), float64, by remainder; the last cell as above. Of columns whose
    ladder has a period."""
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
    # What is written of a column that is to be bought may come from rows: it decides nothing here.
    tables = sum(MOST_TABLES if c.name in to_buy else len(_sizes(c)) for c in numeric)
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
    sizes = np.array([size for c in columns for size in _sizes(c)])
    if len(sizes) > event.tables:
        raise IntegrityError(
            f"{len(sizes)} tables would be looked at, and {event.tables} are charged.",
            hint="This is a fault of synthkit; nothing was looked at.",
        )
    if not columns:
        return None
    starts = np.cumsum(sizes) - sizes

    def places_of(rows: pl.DataFrame) -> np.ndarray:
        """Returns the cell of each row in each table, laid end to end, (n_rows, n_tables)."""
        pairs = zip(columns, grids, strict=True)
        places = [_places(rows.get_column(c.name), c, g) for c, g in pairs]
        return np.asarray(np.concatenate(places, axis=1) + starts)

    # PRIVACY: one row per unit, chosen in secret and anew; a unit moves one cell of each table by
    # one. Charged as this event, for at least as many tables as are read here: of columns whose
    # domain was bought, some turn out to need no look.
    rows = mechanism.one_row_per_unit(units)
    exact = np.concatenate(_count(table, columns, grids, rows))
    noisy = mechanism.noisy_counts(exact, sigma=event.sigma, cells=places_of)
    # PRIVACY: the exact counts end here; nothing below reads them.
    parts = np.split(noisy.astype(np.float64), starts[1:])
    return _named(columns, parts, event.sigma)


def exact(
    table: pl.DataFrame, schema: Schema, points: Mapping[str, np.ndarray] | None = None
) -> Levels:
    """As `find`, without noise: for generators that have no guarantee to keep."""
    # PRIVACY: exact counts of levels over all rows: what is built on them has no guarantee and
    # says so.
    columns, grids = _to_look_at(schema, points or {})
    parts = [c.astype(np.float64) for c in _count(table, columns, grids, None)]
    return _named(columns, parts, 0.0)


def weights(
    grid: Grid, name: str, masses: np.ndarray, levels: Levels | None
) -> tuple[Grid, np.ndarray | None]:
    """Returns how often numbers of each class occur, relative to evenly; see `leveling`.

    Args:
        grid: Of the column, with the cells of its spikes.
        name: Of the column.
        masses: Noisy masses of its cells, shape (n_cells,).
        levels: What the look gave.

    Returns:
        The grid, with the endings that the look tells, and a weight of each class of its ladder,
        shape (n_classes,); None where no look was taken, or noise explains what it gave.
    """
    if levels is None or name not in levels.counts or not isinstance(grid, RoundGrid):
        return grid, None
    ladder = grid.ladder
    if ladder is None:
        return grid, None
    masses = masses[: grid.line.starts.size]
    counts = levels.counts[name][: ladder.n_levels]
    made_of = np.ones(ladder.n_levels, dtype=np.int64)
    if name in levels.endings:
        remainders = levels.endings[name][: ladder.period]
        own = told(remainders, masses, grid.line, ladder, levels.sigma)
        # What stands by itself is no longer of the level it had.
        had = ladder.levels(np.array(own, dtype=np.int64))
        taken = np.bincount(had, weights=remainders[list(own)], minlength=ladder.n_levels)
        made_of = np.append(made_of + np.bincount(had, minlength=made_of.size), [1] * len(own))
        counts = np.append(counts - taken, remainders[list(own)])
        ladder = dataclasses.replace(ladder, endings=own)
    found = weights_of(
        counts,
        masses,
        even_shares(grid.line, ladder),
        levels.sigma,
        n_counts=made_of,
        n_levels=ladder.n_levels,
    )
    return (grid, None) if found is None else (grid.with_endings(ladder.endings), found)


def _to_look_at(
    schema: Schema, points: Mapping[str, np.ndarray]
) -> tuple[list[Column], list[RoundGrid]]:
    """Returns the columns that have levels, and their grids with the cells of their spikes."""
    columns: list[Column] = []
    grids: list[RoundGrid] = []
    for column in schema.encoded:
        # By the public grid: what spikes are told must not decide whether a column is charged.
        if _sizes(column):
            grid = spikes.with_spikes(_grid(column), column.name, points)
            assert isinstance(grid, RoundGrid)  # as before its spikes
            columns.append(column)
            grids.append(grid)
    return columns, grids


def _count(
    table: pl.DataFrame,
    columns: Sequence[Column],
    grids: Sequence[RoundGrid],
    rows: np.ndarray | None,
) -> list[np.ndarray]:
    """Counts levels and endings in some rows (None: all), int64, each table of its own size."""
    found = []
    for column, grid in zip(columns, grids, strict=True):
        series = table.get_column(column.name)
        places = _places(series if rows is None else series[rows], column, grid)
        pairs = zip(places.T, _sizes(column), strict=True)
        found += [np.bincount(cells, minlength=size) for cells, size in pairs]
    return found


def _places(series: pl.Series, column: Column, grid: RoundGrid) -> np.ndarray:
    """Returns the cell of each value in each table of a column, (n_rows, n_tables), int64.

    The last cell of each is of values that need no level.
    """
    from synthkit.encode.domains import mapping  # which reads tables by way of this room

    ladder = _ladder(column)
    assert ladder is not None  # `_sizes` asked
    positions, is_missing = grid.positions(mapping.inside(series, column))
    needs_none = is_missing | grid.line.is_point[grid.line.cells(positions)]
    places = [np.where(needs_none, ladder.n_levels, ladder.levels(positions))]
    if ladder.period:
        places.append(np.where(needs_none, ladder.period, positions % ladder.period))
    return np.stack(places, axis=1)


def _named(columns: Sequence[Column], parts: Sequence[np.ndarray], sigma: float) -> Levels:
    """Gives each table of each column its name."""
    rest = iter(parts)
    tables = {c.name: [next(rest) for _ in _sizes(c)] for c in columns}
    endings = {name: own[1] for name, own in tables.items() if len(own) > 1}
    return Levels({name: own[0] for name, own in tables.items()}, endings, sigma)


def _sizes(column: Column) -> list[int]:
    """Returns the number of cells of each table of a column, from its public grid."""
    ladder = _ladder(column)
    if ladder is None:
        return []
    return [ladder.n_levels + 1] + [ladder.period + 1] * (ladder.period > 0)


def _ladder(column: Column) -> Ladder | None:
    """Returns the ladder of the public grid: where all values are spikes, theirs has none."""
    grid = _grid(column)
    return grid.ladder if isinstance(grid, RoundGrid) else None


def _grid(column: Column) -> Grid:
    return kinds.load(kinds.plugin_name(column.kind)).grid(column)

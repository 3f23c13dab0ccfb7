"""Values that many rows share (round numbers, defaults, codes for "unknown"): a cell for each.

In: a conformed table, the grids of its columns, a noise level. Out: for each column whose grid has
cells of several values, the positions that deserve a cell of their own. Without them a value that
every tenth row has is decoded to anything in its cell.

Of one secretly chosen row per privacy unit, each such column counts its value: a unit moves one
count of each column's table by one. A value is told if its noisy count reaches a threshold, and
values of fewer than `fewest` units are dropped before any noise (`privacy.threshold`). The look is
one `ThresholdedTables` event; what follows reads what is told only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from synthkit.encode import kinds
from synthkit.encode.codec import check_table
from synthkit.errors import InputError, IntegrityError
from synthkit.privacy.event import Event, ThresholdedTables
from synthkit.schema.model import NUMERIC_KINDS, TIME_KINDS

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode.kinds import Grid
    from synthkit.encode.line import Line
    from synthkit.schema.model import Column, Schema

SPIKES = "values that many share"
"""Name of the event."""
SHARE_KEY = "spike_share"
FINDS = "finds values which many rows share"
THRESHOLD_SHARE = 0.1
"""Share of delta that the thresholds get."""
FEWEST_SIGMAS = 0.25
FEWEST_UNITS = 10
"""Values of fewer units than this, and than a quarter of the noise's standard deviation, get no
noise and are never told, whatever the budget. Noise on tens of thousands of values that occur once
would be most of the work."""
EXACT_SHARE = 0.002
"""Without privacy: the share of rows from which a value counts as shared by many."""
_LARGEST_SIGMA = 4e4


@runtime_checkable
class LineGrid(Protocol):
    """What a grid offers whose values lie on a line; see `NumericGrid`."""

    def positions(self, series: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """Returns the position of each value, and which are missing, both (n_rows,)."""

    def with_points(self, points: np.ndarray) -> Grid:
        """Returns the grid with a cell of its own for each of some positions."""

    @property
    def line(self) -> Line:
        """The cells."""


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
        schema: Its numeric and time columns whose grid has cells of several values are looked at.
        epsilon: Budget of the whole job.
        delta: Delta of the whole job.
        share: Share of the budget's mu^2, from 0 (no look) to 0.5.
        to_buy: Names of columns whose domain is not known yet, or may widen; they count as such.

    Raises:
        InputError: If the share is out of range.
    """
    from synthkit.privacy import accountant, threshold

    check_share(share, SHARE_KEY, FINDS)
    tables = sum(c.name in to_buy or _has_wide_cells(c) for c in schema.encoded if _on_line(c))
    if not (tables and share):
        return ()
    for_names = THRESHOLD_SHARE * delta
    sigma = math.sqrt(tables / share) * accountant.gaussian_sigma(epsilon, delta - for_names)
    if sigma > _LARGEST_SIGMA:
        return ()
    least = threshold.threshold(sigma, for_names / tables, _fewest(sigma))
    if schema.rows_public is not None and least > schema.rows_public / 2:
        return ()
    return (ThresholdedTables(name=SPIKES, sigma=sigma, tables=tables, delta=for_names),)


def check_share(share: float, key: str, finds: str) -> float:
    """Returns a look's share of the budget.

    Args:
        share: Of mu^2.
        key: What users call it.
        finds: What it is for, in words that follow "share of the budget that".

    Raises:
        InputError: If it is not a number from 0 to 0.5.
    """
    if isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 0.5:
        return float(share)
    raise InputError(
        f"{key} must be a number from 0 to 0.5.",
        hint=f"It is the share of the budget that {finds}.",
    )


def find(
    table: pl.DataFrame, schema: Schema, units: np.ndarray, looks: Sequence[Event]
) -> dict[str, np.ndarray]:
    """Takes the look that `events` stated.

    Args:
        table: Conformed table, n_rows rows; values are brought inside bought domains one by one.
        schema: With the domains of all columns.
        units: Privacy unit of each row, shape (n_rows,), int64.
        looks: What `events` gave; may hold other events too.

    Returns:
        Ascending positions by the name of their column; columns without any are absent.

    Raises:
        IntegrityError: If more columns would be looked at than are charged.
    """
    from synthkit.privacy import mechanism, threshold

    event = next((e for e in looks if e.name == SPIKES), None)
    if not isinstance(event, ThresholdedTables):
        return {}
    check_table(table, [c.name for c in schema.encoded], units)
    columns = [c for c in schema.encoded if _on_line(c) and _has_wide_cells(c)]
    if len(columns) > event.tables:
        raise IntegrityError(
            f"{len(columns)} columns would be looked at, and {event.tables} are charged.",
            hint="This is a fault of synthkit; nothing was looked at.",
        )
    # PRIVACY: one row per unit, chosen in secret and anew; a unit moves one count of each column
    # by one. Charged as this event, for at least as many columns as are read here: of columns
    # whose domain was bought, some turn out to need no look.
    rows = mechanism.one_row_per_unit(units)
    found = {}
    for column in columns:
        told = threshold.published_counts(
            _counts(column, table, rows),
            sigma=event.sigma,
            delta=event.delta / event.tables,
            fewest=_fewest(event.sigma),
        )
        if told:
            found[column.name] = np.array(sorted(told))
    return found


def exact(table: pl.DataFrame, schema: Schema) -> dict[str, np.ndarray]:
    """As `find`, without noise: for generators that have no guarantee to keep."""
    # PRIVACY: exact counts of single values: what is built on them has no guarantee and says so.
    least = max(EXACT_SHARE * table.height, 2.0)
    found = {}
    for column in schema.encoded:
        if _on_line(column) and _has_wide_cells(column):
            kept = [k for k, n in _counts(column, table, None).items() if n >= least]
            found[column.name] = np.array(sorted(kept))
    return {name: points for name, points in found.items() if points.size}


def with_spikes(grid: Grid, name: str, spikes: Mapping[str, np.ndarray]) -> Grid:
    """Returns a column's grid with a cell for each of its spikes."""
    if name in spikes and isinstance(grid, LineGrid):
        return grid.with_points(spikes[name])
    return grid


def cells_of(grid: Grid, name: str, spikes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Marks the cells of a column's spikes in its grid with them, shape (n_cells,)."""
    marked = np.zeros(grid.n_cells, dtype=bool)
    if name in spikes and isinstance(grid, LineGrid):
        points = spikes[name]
        line = grid.line
        marked[line.cells(points[(points >= line.starts[0]) & (points <= line.upper)])] = True
    return marked


def _counts(column: Column, table: pl.DataFrame, rows: np.ndarray | None) -> dict[int | float, int]:
    """Counts each value of a column in some rows (None: all), by position; missing is no value."""
    from synthkit.encode.domains import mapping  # which reads tables by way of this room

    grid = _grid(column)
    assert isinstance(grid, LineGrid)  # `_has_wide_cells` asked
    series = table.get_column(column.name)
    inside = mapping.inside(series if rows is None else series[rows], column)
    positions, is_missing = grid.positions(inside)
    values, counts = np.unique(positions[~is_missing], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _fewest(sigma: float) -> int:
    return max(FEWEST_UNITS, math.floor(FEWEST_SIGMAS * sigma))


def _on_line(column: Column) -> bool:
    return column.kind in (*NUMERIC_KINDS, *TIME_KINDS)


def _has_wide_cells(column: Column) -> bool:
    grid = _grid(column)
    return isinstance(grid, LineGrid) and not grid.is_exact


def _grid(column: Column) -> Grid:
    return kinds.load(kinds.plugin_name(column.kind)).grid(column)

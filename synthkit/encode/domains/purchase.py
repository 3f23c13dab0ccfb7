"""The price of domains, stated beforehand, and the one look that buys them.

Budget: a share of mu^2, where mu is the Gaussian-DP parameter that (epsilon, delta) buys as a
whole. All tables have noise of one size but those of decimals and of missing cells of yes/no
columns: their questions are coarse, so they get twice the noise and cost a quarter.

Sensitivity: of one secretly chosen row per unit, each column is counted into at most one cell of
each of its tables; a missing category is counted in a cell of its own instead of under a name.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.encode.codec import check_table
from synthkit.encode.domains import months, names, numbers
from synthkit.encode.domains.occupied import is_occupied
from synthkit.encode.reading import parts
from synthkit.errors import InputError
from synthkit.privacy.event import Event, NoisyTables, ThresholdedTables
from synthkit.schema.model import (
    CATEGORY_KINDS,
    NUMERIC_KINDS,
    TIME_KINDS,
    Bound,
    Column,
    Schema,
)

if TYPE_CHECKING:
    import polars as pl

BOUNDS = "bounds of columns"
CATEGORIES = "categories of columns"
DETAILS = "decimals and missing cells"
THRESHOLD_SHARE = 0.1
"""Share of delta that all thresholds together get."""
_COARSER = 2.0
"""Noise of the tables with coarse questions, as a multiple of the others'."""
_LARGEST_SIGMA = 4e4
_Total = tuple[float, float]
"""A noisy number of units, and the variance of its noise."""


def _to_buy(schema: Schema) -> tuple[Column, ...]:
    return tuple(c for c in schema.encoded if c.domain_source == "data")


def _split(
    columns: Sequence[Column],
) -> tuple[list[Column], list[Column], list[Column], list[Column]]:
    """Returns columns on a grid, with names, with decimals, and yes/no columns."""
    return (
        [c for c in columns if c.kind in (*NUMERIC_KINDS, *TIME_KINDS)],
        [c for c in columns if c.kind in CATEGORY_KINDS],
        [c for c in columns if c.kind == "float"],
        [c for c in columns if c.kind == "boolean"],
    )


def events(schema: Schema, *, epsilon: float, delta: float, share: float) -> tuple[Event, ...]:
    """States the looks that `buy` will take; pure, and empty where nothing is to be bought.

    Args:
        schema: Columns marked `data` are bought.
        epsilon: Budget of the whole job.
        delta: Delta of the whole job.
        share: Share of the budget's mu^2 for domains, above 0 and at most 0.5.

    Raises:
        InputError: If the share is out of range, or the budget too small to buy anything with.
    """
    from synthkit.privacy import accountant

    check_share(share)
    on_grid, named, with_decimals, yes_no = _split(_to_buy(schema))
    n_coarse = len(with_decimals) + len(yes_no)
    weight = len(on_grid) + len(named) + n_coarse / _COARSER**2
    if not weight:
        return ()
    for_names = THRESHOLD_SHARE * delta if named else 0.0
    sigma = math.sqrt(weight / share) * accountant.gaussian_sigma(epsilon, delta - for_names)
    if sigma > _LARGEST_SIGMA:
        raise InputError(
            "The budget is too small to buy the domains of these columns.",
            hint="Declare them in the schema from public knowledge, or raise epsilon.",
        )
    found: list[Event] = []
    if on_grid:
        found.append(NoisyTables(name=BOUNDS, sigma=sigma, tables=len(on_grid)))
    if named:
        found.append(
            ThresholdedTables(name=CATEGORIES, sigma=sigma, tables=len(named), delta=for_names)
        )
    if n_coarse:
        found.append(NoisyTables(name=DETAILS, sigma=_COARSER * sigma, tables=n_coarse))
    return tuple(found)


def check_share(share: float) -> float:
    """Returns the share.

    Raises:
        InputError: If it is not a number above 0 and at most 0.5.
    """
    if isinstance(share, int | float) and not isinstance(share, bool) and 0 < share <= 0.5:
        return float(share)
    raise InputError(
        "domain_share must be above 0 and at most 0.5.",
        hint="It is the share of the budget that buys domains; leave it at its default.",
    )


def buy(table: pl.DataFrame, schema: Schema, units: np.ndarray, looks: Sequence[Event]) -> Schema:
    """Takes the looks that `events` stated and writes what they found into the schema.

    Args:
        table: Conformed table in which the columns to buy were read without their written domain
            (`schema.opening`), n_rows rows; categories are text.
        schema: Its schema; what is written about columns to buy is not read.
        units: Privacy unit of each row, shape (n_rows,), int64.
        looks: What `events` gave for this schema.

    Returns:
        The schema with `noisy` domains, and without missing tokens for them: tokens may have been
        read from the data.

    Raises:
        InputError: If the table lacks a column, or `units` or the looks do not fit.
    """
    from synthkit.privacy import mechanism

    columns = _to_buy(schema)
    if not columns:
        return schema
    check_table(table, [c.name for c in columns], units)
    # PRIVACY: one row per unit, chosen in secret and anew. A unit changes at most one cell of each
    # table by one; charged as the events of this look.
    rows = _Rows(table, mechanism.one_row_per_unit(units))
    on_grid, named, with_decimals, yes_no = _split(columns)
    of = {e.name: e for e in looks if isinstance(e, NoisyTables | ThresholdedTables)}
    bought: dict[str, Column] = {}
    totals: list[_Total] = []
    if on_grid:
        found, seen = _bounded(rows, on_grid, of[BOUNDS].sigma)
        bought.update(found)
        totals += seen
    if with_decimals or yes_no:
        found, seen = _detailed(rows, bought, with_decimals, yes_no, of[DETAILS].sigma)
        bought.update(found)
        totals += seen
    if named:
        event = of[CATEGORIES]
        assert isinstance(event, ThresholdedTables)
        bought.update(_named(rows, named, event, totals))
    return dataclasses.replace(
        schema,
        columns=tuple(bought.get(c.name) or _left_out(c) for c in schema.columns),
        missing=(),
    )


def _left_out(column: Column) -> Column:
    """Returns a column that is not bought; one that is not learned says nothing about its cells."""
    if column.is_encoded or column.domain_source == "public":
        return column
    return Column(
        name=column.name, kind=column.kind, role=column.role, description=column.description
    )


def _bare(column: Column) -> Column:
    """Returns the column with what whoever signs the schema declares, and nothing else."""
    return Column(
        name=column.name,
        kind=column.kind,
        role=column.role,
        date_order=column.date_order,
        domain_source="noisy",
        description=column.description,
    )


def _noisy(tables: Sequence[np.ndarray], sigma: float) -> list[np.ndarray]:
    """Adds noise to all tables in one call: one vector, one event."""
    from synthkit.privacy import mechanism

    noisy = mechanism.noisy_counts(np.concatenate(tables), sigma=sigma)
    # PRIVACY: the exact counts end here.
    return np.split(noisy, np.cumsum([t.size for t in tables])[:-1])


@dataclass(frozen=True)
class _Rows:
    """The rows that count, read column by column and in chunks: the table is never copied."""

    table: pl.DataFrame
    chosen: np.ndarray
    """Which rows count, int64, shape (n_units,)."""

    def of(self, column: Column) -> Iterator[pl.Series]:
        """Yields the chosen values of a column."""
        series = self.table.get_column(column.name)
        for part in parts(len(self.chosen)):
            yield series[self.chosen[part]]

    def count(
        self, column: Column, cells: Callable[[pl.Series], np.ndarray], n_cells: int
    ) -> np.ndarray:
        """Counts the values of each cell, int64, shape (n_cells,)."""
        total = np.zeros(n_cells, dtype=np.int64)
        for series in self.of(column):
            total += np.bincount(cells(series), minlength=n_cells)
        return total

    def names(self, column: Column) -> dict[str, int]:
        """Counts the values that may be told; see `names.counts`."""
        total: dict[str, int] = {}
        for series in self.of(column):
            for name, count in names.counts(series).items():
                total[name] = total.get(name, 0) + count
        return total


def _yes_no_cells(series: pl.Series) -> np.ndarray:
    return np.asarray(series.cast(int).fill_null(2).to_numpy())


def _bounded(
    rows: _Rows, columns: Sequence[Column], sigma: float
) -> tuple[dict[str, Column], list[_Total]]:
    """Buys bounds and nullability of numbers, dates and times."""
    # PRIVACY: reads real rows; each adds one to one cell of each table.
    tables = []
    for column in columns:
        if column.kind in NUMERIC_KINDS:
            is_integer = column.kind == "integer"
            cells = functools.partial(numbers.cells, is_integer=is_integer)
            tables.append(rows.count(column, cells, numbers.n_cells(is_integer)))
        else:
            tables.append(rows.count(column, months.cells, months.N_CELLS))
    found: dict[str, Column] = {}
    totals: list[_Total] = []
    for column, noisy in zip(columns, _noisy(tables, sigma), strict=True):
        bounds: tuple[Bound, Bound]
        if column.kind in NUMERIC_KINDS:
            first, last = numbers.cell_range(noisy, sigma)
            bounds = numbers.bounds(first, last, is_integer=column.kind == "integer")
        else:
            first, last = months.cell_range(noisy, sigma)
            bounds = months.bounds(first, last, is_date=column.kind == "date")
        found[column.name] = dataclasses.replace(
            _bare(column), bounds=bounds, nullable=is_occupied(int(noisy[-1]), sigma)
        )
        inside = noisy[first : last + 1]
        totals.append((float(inside.sum() + noisy[-1]), (inside.size + 1) * sigma**2))
    return found, totals


def _detailed(
    rows: _Rows,
    bought: Mapping[str, Column],
    with_decimals: Sequence[Column],
    yes_no: Sequence[Column],
    sigma: float,
) -> tuple[dict[str, Column], list[_Total]]:
    """Buys decimals of float columns, whose bounds are bought, and nullability of yes/no ones."""
    # PRIVACY: reads real rows; each adds one to at most one cell of each table.
    tables = [
        *(rows.count(c, numbers.decimal_cells, numbers.N_DECIMALS) for c in with_decimals),
        *(rows.count(c, _yes_no_cells, 3) for c in yes_no),
    ]
    found: dict[str, Column] = {}
    totals: list[_Total] = []
    for column, noisy in zip((*with_decimals, *yes_no), _noisy(tables, sigma), strict=True):
        if column.kind == "boolean":
            nullable = is_occupied(int(noisy[2]), sigma)
            found[column.name] = dataclasses.replace(_bare(column), nullable=nullable)
            totals.append((float(noisy.sum()), noisy.size * sigma**2))
            continue
        half = bought[column.name]
        assert half.bounds is not None  # all float columns are on a grid
        n = numbers.decimals(noisy, sigma, half.bounds)
        found[column.name] = dataclasses.replace(half, decimals=n)
    return found, totals


def _named(
    rows: _Rows,
    columns: Sequence[Column],
    event: ThresholdedTables,
    totals: Sequence[_Total],
) -> dict[str, Column]:
    """Buys categories and nullability."""
    from synthkit.privacy import threshold

    # PRIVACY: reads real rows; each adds one to one name or to the missing cell of each column.
    cells = [np.array([sum(s.null_count() for s in rows.of(c))], dtype=np.int64) for c in columns]
    missing = [int(noisy[0]) for noisy in _noisy(cells, event.sigma)]
    told = [
        threshold.published_counts(
            rows.names(c), sigma=event.sigma, delta=event.delta / event.tables
        )
        for c in columns
    ]
    units = _units(totals, told, missing, event.sigma)
    found: dict[str, Column] = {}
    for column, counts, absent in zip(columns, told, missing, strict=True):
        has_leftover = names.has_leftover(counts, absent, event.sigma, units)
        found[column.name] = dataclasses.replace(
            _bare(column),
            categories=names.categories(counts, column.kind, has_leftover=has_leftover),
            nullable=is_occupied(absent, event.sigma),
        )
    return found


def _units(
    totals: Sequence[_Total],
    told: Sequence[Mapping[str, int]],
    missing: Sequence[int],
    sigma: float,
) -> _Total:
    """Estimates the number of units from noisy counts: free of charge.

    Tables in which (nearly) every unit is counted are averaged by the inverse of their variance.
    Without one, no column's names and missing cells can hold more units than there are.
    """
    if totals:
        weights = np.array([1 / variance for _, variance in totals])  # (n_tables,)
        mean = float(weights @ np.array([total for total, _ in totals]) / weights.sum())
        return mean, float(1 / weights.sum())
    counted = [
        (float(sum(counts.values()) + absent), (len(counts) + 1) * sigma**2)
        for counts, absent in zip(told, missing, strict=True)
    ]
    return max(counted)

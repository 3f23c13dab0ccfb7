"""Canaries: made-up units whose presence in a copy of the table is decided by fair coins.

Takes a schema, bought domains included, and rows that lie inside it; gives rows of the same form. A
canary's cell is uniform over the cells of its column's public grid, so that its combination is one
that hardly anybody has. No canary is a function of a real row: adding or removing a person changes
the copy by that person alone, as it does the table. All rows of a canary are alike, so each look
counts as many of them as it may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.schema import Column, Schema
from synthkit.schema.opening import has_domain

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A copy of the table with canaries in it, and who is where."""

    table: pl.DataFrame
    """Real rows, then those of the canaries inside, shape (n_rows, n_columns)."""
    canaries: pl.DataFrame
    """One row of each canary, inside or not, shape (n_canaries, n_columns)."""
    inside: np.ndarray
    """The coins, shape (n_canaries,), booleans."""
    first_row: int
    """Number of the first canary row in `table`; the canaries inside follow in order."""
    rows_each: int
    """Rows of each canary inside."""


def plant(
    train: pl.DataFrame,
    schema: Schema,
    *,
    canaries: int,
    rows_each: int,
    rng: np.random.Generator,
) -> Planted:
    """Puts canaries into a copy of a table, each by a fair coin of its own.

    Args:
        train: Rows inside the schema's domains, shape (n_rows, n_columns).
        schema: Their schema, bought domains included.
        canaries: Number of canaries, inside or not.
        rows_each: Rows of each.
        rng: Secret randomness: who knows the coins beforehand could pass any audit.
    """
    import polars as pl

    made = made_up(train, schema, canaries, rng)
    inside = rng.random(canaries) < 0.5  # (n_canaries,)
    entering = np.repeat(np.flatnonzero(inside), rows_each)
    return Planted(
        table=pl.concat([train, made[entering]]),
        canaries=made,
        inside=inside,
        first_row=train.height,
        rows_each=rows_each,
    )


def made_up(train: pl.DataFrame, schema: Schema, n: int, rng: np.random.Generator) -> pl.DataFrame:
    """Makes `n` rows of as many units that nobody is, in the form of `train`."""
    import polars as pl

    columns = {c.name: c for c in schema.columns}
    made = [
        _cells(train.get_column(name), columns[name], n, rng)
        if columns[name].is_encoded
        else pl.Series(name, _strangers(columns[name], n, rng), dtype=train.schema[name])
        for name in train.columns
    ]
    return pl.DataFrame(made)


def _cells(series: pl.Series, column: Column, n: int, rng: np.random.Generator) -> pl.Series:
    from synthkit.encode import kinds

    if not has_domain(column):
        # PRIVACY: cells of real rows, for neighbours of a replay only, which releases nothing; a
        # copy with canaries is made after all domains have been bought.
        return series.gather(rng.integers(0, len(series), n))
    grid = kinds.load(kinds.plugin_name(column.kind)).grid(column)
    found = grid.values(rng.integers(0, grid.n_cells, n), rng.random(n))
    return found.cast(series.dtype).alias(series.name)


def _strangers(column: Column, n: int, rng: np.random.Generator) -> list[str | None]:
    """Person ids that nobody has; nothing in other columns that are not learned."""
    if column.kind != "person_id":
        return [None] * n
    return [f"canary {rng.bytes(16).hex()}" for _ in range(n)]

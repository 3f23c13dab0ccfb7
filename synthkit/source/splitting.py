"""Who belongs together, and who is held out: split by privacy unit before anyone looks.

Takes a conformed table and its schema, gives the index of each row's privacy unit, and a train
and a holdout table that share no unit. A split by row would put one person's rows on both sides,
and every attack and every utility figure would be wrong (Kaufman et al., "Leakage in data
mining", TKDD 2012).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.errors import InputError
from synthkit.schema import Schema

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, kw_only=True)
class Split:
    """A table in two parts that share no privacy unit."""

    train: pl.DataFrame
    holdout: pl.DataFrame
    description: str
    """How they were separated, in one sentence without a row count."""


def unit_index(table: pl.DataFrame, schema: Schema) -> np.ndarray:
    """Numbers the privacy units of a table.

    Args:
        table: Conformed table, shape (n_rows, n_columns).
        schema: Says whether the unit is the person (by its person id) or the row.

    Returns:
        Unit of each row, shape (n_rows,), int64, 0 .. n_units - 1 without gaps; which number a
        person gets says nothing beyond the order of the ids.

    Raises:
        InputError: If the person id column is absent, or a row has no person id.
    """
    if schema.privacy_unit == "row":
        return np.arange(table.height, dtype=np.int64)
    # PRIVACY: looks at person ids; the index stays in the red rooms and carries no id.
    name = schema.person_id
    if name is None or name not in table.columns:
        raise InputError(
            "The privacy unit is the person, and the table has no person id column.",
            hint="Conform the table with the schema first, or set `unit: row` in the schema.",
        )
    ids = table.get_column(name)
    if ids.null_count():
        n_missing = ids.null_count()
        raise InputError(
            f"Column {name!r} has {n_missing:,} row{'' if n_missing == 1 else 's'} without a "
            "person id.",
            hint="Give every row a person, or take these rows out: they belong to nobody.",
        )
    if not len(ids):
        return np.zeros(0, dtype=np.int64)
    return ids.rank("dense").to_numpy().astype(np.int64) - 1


def split(table: pl.DataFrame, schema: Schema, *, holdout_share: float, seed: int) -> Split:
    """Holds a random share of the privacy units out.

    Args:
        table: Conformed table, shape (n_rows, n_columns), with at least two units.
        schema: Says what the unit is.
        holdout_share: Share of the units to hold out, above 0 and at most 0.5.
        seed: Public randomness; the same table and seed give the same split.

    Returns:
        Train and holdout, each with at least one unit, rows in their old order.

    Raises:
        InputError: If the share is out of range, or there are fewer than two units.
    """
    if not 0.0 < holdout_share <= 0.5:
        raise InputError(
            f"The holdout share must be above 0 and at most 0.5, not {holdout_share}.",
            hint="0.2 is usual: a fifth is held out.",
        )
    units = unit_index(table, schema)
    noun = "person" if schema.privacy_unit == "person" else "row"
    n_units = int(units.max()) + 1 if len(units) else 0
    if n_units < 2:
        raise InputError(
            f"The table has {n_units or 'no'} {noun}{'' if n_units == 1 else 's'}: too few to "
            "hold any out.",
            hint="Give a table with at least two; a useful one has thousands.",
        )
    n_holdout = min(max(1, round(n_units * holdout_share)), n_units - 1)
    held_out = np.zeros(n_units, dtype=bool)  # (n_units,)
    held_out[np.random.default_rng(seed).permutation(n_units)[:n_holdout]] = True
    is_holdout = held_out[units]  # (n_rows,)
    whose = "persons, each with all of their rows," if noun == "person" else "rows"
    return Split(
        train=table.filter(~is_holdout),
        holdout=table.filter(is_holdout),
        description=(
            f"A share of {holdout_share:.3g} of the {whose} was held out at random (seed {seed}) "
            "before anything looked at the table."
        ),
    )

"""Who belongs together, and who is held out: split by privacy unit before anyone looks.

Takes a conformed table and its schema, gives the index of each row's privacy unit, and a train
and a holdout table that share no unit. A split by row would put one person's rows on both sides,
and every attack and every utility figure would be wrong (Kaufman et al., "Leakage in data
mining", TKDD 2012).

Each unit is held out by a number computed from that unit and the seed alone. One more person then
adds that person to one side and moves nobody else, so that a fit that is private for its train
table is private for the whole table. (A shuffle of all units would give a neighbouring table
another train table in many persons, and the guarantee would be off by that factor.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.errors import InputError
from synthkit.schema import Schema

if TYPE_CHECKING:
    import polars as pl

_WORD = 0xFFFF_FFFF_FFFF_FFFF
_STEP = np.uint64(0x9E37_79B9_7F4A_7C15)


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
        holdout_share: Probability with which each unit is held out, above 0 and at most 0.5.
        seed: Public randomness; the same table and seed give the same split (under one version of
            polars, whose hash is used).

    Returns:
        Train and holdout, each with at least one unit, rows in their old order. Adding a unit to
        the table adds it to one of them and moves no other one (where no unit at all would be held
        out, the one of the smallest number is: train still changes by at most one unit).

    Raises:
        InputError: If the share is out of range, there are fewer than two units, or so few that
            all of them would be held out.
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
    # PRIVACY: outside the budget, because stable: each unit's side depends on that unit alone.
    numbers = _numbers(table, schema, seed)  # (n_rows,)
    is_holdout = numbers < holdout_share  # (n_rows,)
    if not is_holdout.any():
        is_holdout = numbers == numbers.min()
    if is_holdout.all():
        raise InputError(
            f"The table has so few {noun}s that all of them would be held out.",
            hint="Give a table with more, or another seed; a useful table has thousands.",
        )
    whose = "persons, each with all of their rows," if noun == "person" else "rows"
    return Split(
        train=table.filter(~is_holdout),
        holdout=table.filter(is_holdout),
        description=(
            f"A share of {holdout_share:.3g} of the {whose} was held out at random (seed {seed}) "
            "before anything looked at the table."
        ),
    )


def _numbers(table: pl.DataFrame, schema: Schema, seed: int) -> np.ndarray:
    """Gives each row a number from 0 to 1 that depends on its privacy unit and the seed alone.

    A person is known by the id. A row is known by its content and, among equal rows, by how many
    of them stand before it: one more of them gets the next number and changes none.

    Returns:
        Shape (n_rows,), float64, equal for all rows of a unit.
    """
    import polars as pl

    if schema.privacy_unit == "person":
        keys, earlier = table.select(str(schema.person_id)), np.zeros(table.height, np.uint64)
    else:
        counted = table.select(pl.int_range(pl.len()).over(table.columns).alias("earlier"))
        keys, earlier = table, counted.to_series().to_numpy().astype(np.uint64)
    start = np.uint64(seed & _WORD)
    mixed = _mix(keys.hash_rows().to_numpy() ^ _mix(start + earlier * _STEP))  # (n_rows,)
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def _mix(words: np.ndarray) -> np.ndarray:
    """Scatters 64-bit words: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    words = words + _STEP
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return np.asarray(words ^ (words >> np.uint64(31)))

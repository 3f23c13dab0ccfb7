"""What the bound on a person's contribution costs: how many rows one look leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synthkit.artifacts import Measurement
from synthkit.schema import Schema

if TYPE_CHECKING:
    import polars as pl

NAME = "privacy.rows_beyond_bound"


def rows_beyond_bound(
    train: pl.DataFrame, schema: Schema, rows_per_person: int
) -> dict[str, Measurement]:
    """Measures the share of rows that one look does not use.

    Args:
        train: Conformed rows, shape (n_rows, n_columns).
        schema: Their schema.
        rows_per_person: Most rows of a person that one look uses.

    Returns:
        The measurement by its name; nothing where the unit is the row.
    """
    from synthkit.source import unit_index

    if schema.privacy_unit == "row":
        return {}
    # PRIVACY: counts rows per person without noise; an internal figure, like the evaluation's.
    rows = np.bincount(unit_index(train, schema))
    used = int(np.minimum(rows, rows_per_person).sum())
    total = int(rows.sum())
    word = "one row" if rows_per_person == 1 else f"{rows_per_person} rows"
    return {
        NAME: Measurement(
            name=NAME,
            value=(total - used) / total,
            n=total,
            note=f"{total - used:,} of {total:,} rows lie beyond the bound of {word} per person: "
            "each look leaves out so many, chosen at random anew",
        )
    }

"""The small verbs of the Python interface, each one call into one room."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from synthkit.schema import Schema, not_public, opened

if TYPE_CHECKING:
    import polars as pl

    from synthkit.release import Verification
    from synthkit.schema.checking import Problem
    from synthkit.source import Split


def read(path: str | Path) -> pl.DataFrame:
    """Reads a CSV or Parquet file as it is: the cells of a CSV stay text until a schema reads them.

    Raises:
        InputError: If the file is missing, empty, has a column twice or cannot be read.
    """
    from synthkit.source import read

    return read(Path(path))


def inspect(table: pl.DataFrame, *, name: str = "table") -> Schema:
    """Proposes a schema for a table; review it, above all what is `from: data`.

    A private `fit` ignores the bounds and categories so marked and buys its own within the budget;
    what is publicly known (`from: public`) is free and better.

    Args:
        table: Raw frame, shape (n_rows, n_columns).
        name: Name of the table; the ledger's population is derived from it.

    Raises:
        InputError: If the table is no polars DataFrame, or has no rows or columns.
    """
    import polars as pl

    from synthkit.pipeline.tables import require_frame
    from synthkit.schema import inspect
    from synthkit.source import with_inferred_types

    require_frame(table, what="table")
    if all(dtype == pl.String for dtype in table.dtypes):  # as a CSV is read
        table = with_inferred_types(table)
    return inspect(table, name=name).schema


def check(table: pl.DataFrame, schema: Schema) -> tuple[Problem, ...]:
    """Lists all violations of a schema by a table, with counts and never a value.

    Raises:
        InputError: If the table is no polars DataFrame.
    """
    from synthkit.pipeline.tables import require_frame
    from synthkit.schema import check

    require_frame(table, what="table")
    return check(table, schema)


def split(
    table: pl.DataFrame, schema: Schema, *, holdout_share: float = 0.2, seed: int = 0
) -> Split:
    """Separates train and holdout rows, by person where the schema names a person id.

    Raises:
        InputError: If the table does not fit the schema, or a side would be empty.
    """
    from synthkit.pipeline.tables import checked
    from synthkit.source import split

    conformed = checked(table, opened(schema, not_public(schema)), what="table")
    return split(conformed, schema, holdout_share=holdout_share, seed=seed)


def verify(bundle: str | Path, public_key: str | Path) -> Verification:
    """Checks a bundle's signature and every file; needs only the bundle and the public key.

    Raises:
        InputError: If the key cannot be read or there is no such bundle.
    """
    from synthkit.release import keys, verify

    return verify(Path(bundle), keys.load_public(Path(public_key)))

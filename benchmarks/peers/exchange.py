"""The same rows and the same public knowledge for every peer, and its rows back into our form.

A peer is given `train.parquet` and `public.json`. Columns are renamed c0, c1, ... by position, so
that no name clashes with a library's own. Categories, ordinals and booleans are text; numbers stay
numbers; dates are days and datetimes seconds since 1970. `public.json` says of every column what
our generator is told: its categories or its bounds, whether cells may be missing, and whether
numbers are whole. What comes back is brought inside the bounds, rounded to the schema's decimals,
and given the schema's types; a category that the schema lacks becomes a missing cell.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.schema import Column, Schema

if TYPE_CHECKING:
    import polars as pl

EPOCH = datetime.datetime(1970, 1, 1)


def public(schema: Schema) -> list[dict[str, Any]]:
    """Returns what a peer is told of each encoded column, in order."""
    return [_told(f"c{i}", column) for i, column in enumerate(schema.encoded)]


def _told(name: str, column: Column) -> dict[str, Any]:
    told: dict[str, Any] = {"name": name, "nullable": column.nullable}
    if column.kind in ("categorical", "ordinal", "boolean"):
        known = ("false", "true") if column.kind == "boolean" else column.categories or ()
        return {
            **told, "kind": "category", "categories": [str(c) for c in known],
            "ordered": column.kind == "ordinal",
        }  # fmt: skip
    if column.bounds is None:
        raise ValueError(f"The column {column.name!r} has no bounds.")
    low, high = (_number(bound) for bound in column.bounds)
    return {**told, "kind": "number", "bounds": [low, high], "whole": column.kind != "float"}


def _number(bound: object) -> float:
    if isinstance(bound, datetime.datetime):
        return (bound.replace(tzinfo=None) - EPOCH).total_seconds()
    if isinstance(bound, datetime.date):
        return float((bound - EPOCH.date()).days)
    assert isinstance(bound, int | float)
    return float(bound)


def one_row_per_unit(train: pl.DataFrame, schema: Schema, seed: int) -> pl.DataFrame:
    """Returns one uniformly chosen row of each person, or all rows where the unit is the row.

    Peers know rows only: with one row per person their guarantee is one of persons, as ours is.
    """
    from synthkit.source import unit_index

    if schema.privacy_unit == "row":
        return train
    order = np.random.default_rng(seed).permutation(train.height)
    _, first = np.unique(unit_index(train, schema)[order], return_index=True)
    return train[np.sort(order[first])]


def outward(train: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Returns the encoded columns as a peer gets them."""
    import polars as pl

    found = []
    for i, column in enumerate(schema.encoded):
        cells = train[column.name].alias(f"c{i}")
        if column.kind in ("categorical", "ordinal", "boolean"):
            cells = cells.cast(pl.String)
        elif column.kind == "date":
            cells = cells.to_physical().cast(pl.Int64)
        elif column.kind == "datetime":
            cells = cells.dt.epoch("s").cast(pl.Int64)
        found.append(cells)
    return pl.DataFrame(found)


def inward(synthetic: pl.DataFrame, train: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Returns a peer's rows as a conformed table of the encoded columns.

    Args:
        synthetic: Columns c0, c1, ..., in any order, shape (n_rows, n_encoded_columns).
        train: Real train, for the types alone.
        schema: Schema of both.
    """
    import polars as pl

    found = []
    for i, column in enumerate(schema.encoded):
        cells, wanted = synthetic[f"c{i}"], train[column.name].dtype
        if column.kind in ("categorical", "ordinal", "boolean"):
            known = ("false", "true") if column.kind == "boolean" else column.categories or ()
            text = cells.cast(pl.String)
            text = pl.select(pl.when(text.is_in([str(c) for c in known])).then(text)).to_series()
            cells = text == "true" if column.kind == "boolean" else text.cast(wanted)
        else:
            assert column.bounds is not None
            low, high = (_number(bound) for bound in column.bounds)
            values = cells.cast(pl.Float64, strict=False).fill_nan(None).clip(low, high)
            decimals = column.decimals if column.kind == "float" else 0
            values = values if decimals is None else values.round(decimals)
            if column.kind == "datetime":
                cells = (values * 1e6).cast(pl.Int64).cast(wanted)
            elif column.kind == "date":
                cells = values.cast(pl.Int32).cast(wanted)
            else:
                cells = values.cast(wanted)
        found.append(cells.alias(column.name))
    return pl.DataFrame(found)


def write(train: pl.DataFrame, schema: Schema, job: dict[str, Any], folder: Path) -> None:
    """Writes train.parquet, public.json and job.json for a peer."""
    outward(train, schema).write_parquet(folder / "train.parquet")
    (folder / "public.json").write_text(json.dumps(public(schema)))
    (folder / "job.json").write_text(json.dumps(job))

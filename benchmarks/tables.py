"""The development tables of a benchmark: train, holdout, and a schema whose domains are public.

The tables lie at SYNTHKIT_DATA (default ../shared/data). Adult has its publisher's split; of any
other table a fifth of the privacy units is held out by seed 0. Schemas are those `inspect` proposes
with every domain **declared public for the benchmark**: what a benchmark of generators compares is
then not how domains are found. That is a convention of the benchmark and no statement about the
tables; `domains="buy"` keeps `inspect`'s word (`from: data`), so that domains are bought.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import polars as pl

    from synthkit import Schema

ROOT = Path(__file__).parents[1]
Domains = Literal["public", "buy"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Development:
    """One development table."""

    name: str
    schema: Schema
    train: pl.DataFrame
    """Conformed rows that generators see."""
    holdout: pl.DataFrame
    """Conformed rows that they do not."""


def folder() -> Path:
    """Returns where the development tables lie."""
    return Path(os.environ.get("SYNTHKIT_DATA", ROOT / ".." / "shared" / "data"))


def load(name: str, *, domains: Domains = "public") -> Development:
    """Reads, splits and describes one development table."""
    import polars as pl

    import synthkit as sk
    from synthkit.pipeline.tables import checked

    path = folder() / name / "data.parquet"
    raw, test = sk.read(path), path.with_name("test.parquet")
    tested = sk.read(test) if test.exists() else None
    whole = raw if tested is None else pl.concat([raw, tested])
    proposed = sk.inspect(whole, name=name)
    columns = tuple(dataclasses.replace(c, domain_source="public") for c in proposed.columns)
    schema = dataclasses.replace(proposed, columns=columns)
    if tested is None:
        parts = sk.split(raw, schema, holdout_share=0.2, seed=0)
        train, holdout = parts.train, parts.holdout
    else:
        train, holdout = (checked(t, schema, what="table") for t in (raw, tested))
    if domains == "buy":
        schema = proposed
    return Development(name=name, schema=schema, train=train, holdout=holdout)


def independent_columns(table: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Returns the same columns, each shuffled by itself: all links lost, all else kept."""
    rng = np.random.default_rng(seed)
    return table.with_columns(
        [table[name].gather(rng.permutation(table.height)) for name in table.columns]
    )

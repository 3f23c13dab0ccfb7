"""A simulated clinic: every column kind, missing cells, names with dots and spaces, persons."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl

from synthkit.schema import Column, Schema

WARDS = ("north", "south", "east", "west", "icu")
CANARY = "zq-canary-7731"


def schema(*, targets: tuple[str, ...] = ("outcome",), persons: bool = True) -> Schema:
    columns = [
        Column(name="age in years", kind="integer", bounds=(0, 110)),
        Column(name="lab.value", kind="float", nullable=True),
        Column(name="dose", kind="float"),
        Column(name="admitted", kind="date"),
        Column(name="ward", kind="categorical", categories=WARDS),
        Column(name="severity", kind="ordinal", categories=(1, 2, 3, 4)),
        Column(name="smoker", kind="boolean", nullable=True),
        Column(name="outcome", kind="categorical", categories=("home", "hospice")),
    ]
    if persons:
        columns = [Column(name="pid", kind="person_id"), *columns, Column(name="note", kind="text")]
    return Schema(name="clinic", population="clinic", columns=tuple(columns), targets=targets)


def rows(n: int, rng: np.random.Generator, *, first_person: int = 0) -> pl.DataFrame:
    """Draws `n` independent rows of the same law; every one its own person."""
    illness = rng.normal(size=n)
    age = np.clip(55 + 12 * illness + 10 * rng.normal(size=n), 0, 110).astype(np.int64)
    lab = np.exp(0.6 * illness + 0.4 * rng.normal(size=n))
    dose = np.where(rng.random(n) < 0.6, 0.0, rng.gamma(2.0, 1.5, n) * (1 + (illness > 0)))
    day = datetime.date(2015, 1, 1)
    smoker = rng.random(n) < np.where(illness > 0, 0.5, 0.2)
    worse = rng.random(n) < 1 / (1 + np.exp(-2.0 * illness))
    return pl.DataFrame(
        {
            "pid": [f"p{first_person + i}" for i in range(n)],
            "age in years": age,
            "lab.value": pl.Series(
                [None if m else v for m, v in zip(rng.random(n) < 0.1, lab, strict=True)],
                dtype=pl.Float64,
            ),
            "dose": dose,
            "admitted": [day + datetime.timedelta(days=int(d)) for d in rng.integers(0, 2500, n)],
            "ward": [WARDS[int(w)] for w in np.clip(illness + 2 + rng.normal(size=n), 0, 4)],
            "severity": np.digitize(illness + 0.3 * rng.normal(size=n), [-1, 0, 1]) + 1,
            "smoker": pl.Series(
                [None if m else bool(s) for m, s in zip(rng.random(n) < 0.05, smoker, strict=True)],
                dtype=pl.Boolean,
            ),
            "outcome": np.where(worse, "hospice", "home"),
            "note": [f"{CANARY} {i}" for i in range(n)],
        }
    )


def tables(
    seed: int, *, n_train: int = 1200, n_holdout: int = 600, n_synthetic: int = 1200
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Draws train, holdout and an honest synthetic table (an independent redraw)."""
    rng = np.random.default_rng(seed)
    train = rows(n_train, rng)
    holdout = rows(n_holdout, rng, first_person=n_train)
    return train, holdout, encoded(rows(n_synthetic, rng))


def large_tables(seed: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """As `tables`, with rows enough for the margins that the statistical tests state."""
    return tables(seed, n_train=6000, n_holdout=3000, n_synthetic=6000)


def encoded(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select([c.name for c in schema().encoded])


def independent(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Shuffles each column on its own: right margins, no association."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame([s.gather(rng.permutation(frame.height)) for s in frame.get_columns()])


def with_copies(synthetic: pl.DataFrame, train: pl.DataFrame, share: float) -> pl.DataFrame:
    """Replaces a share of the synthetic rows by verbatim train rows."""
    n = round(share * synthetic.height)
    return pl.concat([encoded(train)[:n], synthetic[n:]])


def set_column(frame: pl.DataFrame, name: str, values: object) -> pl.DataFrame:
    """Replaces one column by a constant or an expression, keeping its type."""
    expression = values if isinstance(values, pl.Expr) else pl.lit(values)
    return frame.with_columns(expression.cast(frame[name].dtype).alias(name))

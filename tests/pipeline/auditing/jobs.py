"""Plans and tables that the tests of the audit share: the simulated reviews, small fits."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import polars as pl

from synthkit import examples, schema
from synthkit.pipeline.auditing import one_run
from synthkit.pipeline.making import Making, Planned, planned, reading_schema
from synthkit.pipeline.tables import checked
from synthkit.schema import Column, Schema

QUICK = {
    "gradient_share": 0.1,
    "match_steps": 4,
    "batch_size": 32,
    "hidden": 16,
    "critic_hidden": 32,
}
"""Every kind of look, discriminator included, at any epsilon."""
TABLES_ONLY = {**QUICK, "gradient_share": 0}
TARGETS_APART = {**TABLES_ONLY, "tables": "pairs", "target_share": 0.5}
"""Two-way tables with a target are a look of their own."""
GRADIENTS = {**QUICK, "two_way_share": 0, "gradient_share": 0.9, "critic_steps": 100}


@functools.cache
def reviews() -> tuple[pl.DataFrame, Schema]:
    """The simulated reviews, conformed: 17 columns, 9,800 people, most with several rows."""
    found = schema.parse(examples.schema_text("reviews"))
    reading = reading_schema(found, generator="dpctgan", domains="buy")
    return checked(examples.table("reviews"), reading, what="table"), found


def job(epsilon: float, options: dict[str, Any], **making: Any) -> Planned:
    """A fit of the reviews."""
    return planned(reviews()[1], Making(epsilon=epsilon, options=options, **making))


def attacked(fit: Planned, canaries: int) -> one_run.Attacked:
    """One audit of the whole fit of the reviews."""
    table, _ = reviews()
    rng = np.random.default_rng()
    return one_run.attack(fit, table, canaries=canaries, rng=rng, progress=nothing)


def of_every_kind() -> tuple[pl.DataFrame, Schema]:
    """A table by row whose domains are all to be bought."""
    rng = np.random.default_rng(5)
    n = 400
    table = pl.DataFrame(
        {
            "amount": rng.lognormal(3, 1, n).round(2),
            "visits": rng.integers(0, 40, n),
            "day": pl.date_range(pl.date(2023, 1, 1), pl.date(2024, 2, 4), "1d", eager=True)[:n],
            "town": rng.choice(["north", "south", "east", "rare"], n, p=[0.5, 0.3, 0.19, 0.01]),
            "vip": rng.random(n) < 0.2,
        }
    )
    columns = (
        Column(name="amount", kind="float"),
        Column(name="visits", kind="integer"),
        Column(name="day", kind="date"),
        Column(name="town", kind="categorical"),
        Column(name="vip", kind="boolean"),
    )
    return table, Schema(name="t", population="t", columns=columns)


def nothing(event: object) -> None:
    """Ignores progress."""

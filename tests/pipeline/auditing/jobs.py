"""Plans and tables that the tests of the audit share: the simulated reviews, small fits."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import polars as pl

from synthkit import examples, schema
from synthkit.pipeline.auditing.canaries import Planted, plant
from synthkit.pipeline.making import Making, Planned, planned, reading_schema
from synthkit.pipeline.tables import checked
from synthkit.schema import Schema

QUICK = {"match_steps": 4, "batch_size": 32, "hidden": 16, "critic_hidden": 32}
TABLES_ONLY = {**QUICK, "gradient_share": 0}
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


def with_canaries(canaries: int, rows_each: int = 1) -> Planted:
    """The reviews with canaries in them."""
    table, found = reviews()
    return plant(table, found, canaries=canaries, rows_each=rows_each, rng=np.random.default_rng())


def nothing(event: object) -> None:
    """Ignores progress."""

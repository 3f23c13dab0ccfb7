"""Layer A of the audit: record a small fit, replay it on its neighbours, compare what comes out.

Deterministic: no statistics, no chance of a false alarm. Under frozen noise, everything that a fit
makes (bought domains, codec, model, rows drawn from it) must be the same on the neighbour, every
draw must be asked for in the same order, and the exact values under the noise may be apart by no
more than is charged. A single difference is a look past the noise.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.artifacts import AuditCheck
from synthkit.pipeline.auditing.neighbours import Pair, pairs
from synthkit.pipeline.auditing.tape import CourseError, Recorder, Replayer
from synthkit.pipeline.deriving import learned
from synthkit.pipeline.making import Planned, measured, planned, trained
from synthkit.privacy import mechanism

if TYPE_CHECKING:
    import polars as pl

UNITS = 200
"""Units of the small table: what is tested is the course of the fit, not its quality."""
SMALL_OPTIONS = {
    "match_steps": 6,
    "critic_steps": 4,
    "batch_size": 32,
    "bank": 2000,
    "hidden": 16,
    "critic_hidden": 16,
    "two_way_cells": 2000,
}
"""Sizes only; whatever else the plan sets stays. The bank is large: its conditions are spread
evenly over the one-way tables, so that a table which is off by one row moves one of them."""
SAMPLED_ROWS = 200


def checks(job: Planned, train: pl.DataFrame, rng: np.random.Generator) -> Iterator[AuditCheck]:
    """Replays the fit on each neighbour of a small part of the table.

    Args:
        job: The plan that is audited.
        train: Conformed rows, shape (n_rows, n_columns).
        rng: Chooses the part and makes up the neighbours.
    """
    small_job = _small(job)
    small = _small_table(train, job, rng)
    for pair in pairs(small, job.schema, rng):
        yield _check(small_job, pair)


def _small(job: Planned) -> Planned:
    options = {k: SMALL_OPTIONS.get(k, v) for k, v in job.plan.options.items()}
    return planned(job.schema, dataclasses.replace(job.making, options=options, device="cpu"))


def _small_table(train: pl.DataFrame, job: Planned, rng: np.random.Generator) -> pl.DataFrame:
    """All rows of up to `UNITS` random units."""
    import polars as pl

    from synthkit.source import unit_index

    units = unit_index(train, job.schema)
    kept = rng.permutation(int(units.max()) + 1)[:UNITS]
    return train.filter(pl.Series(np.isin(units, kept)))


def _check(job: Planned, pair: Pair) -> AuditCheck:
    with warnings.catch_warnings():
        # A warning on stderr that depends on a cell tells of it: here it counts as an exception.
        warnings.simplefilter("error", RuntimeWarning)
        faults = _faults(job, pair)
    if faults:
        return AuditCheck(
            layer="replay", name=pair.name, outcome="fail", reason="; ".join(faults) + "."
        )
    return AuditCheck(
        layer="replay",
        name=pair.name,
        outcome="pass",
        reason="Same model, domains and rows, to the bit, under the same noise.",
    )


def _faults(job: Planned, pair: Pair) -> list[str]:
    recorder = Recorder()
    try:
        with mechanism.watched(recorder):
            before = _outcome(job, pair.first)
    except Exception as error:
        return [f"the fit on the first table ended in {type(error).__name__}"]
    replayer = Replayer(
        recorder.draws,
        n_rows=pair.first.height,
        n_rows_now=pair.second.height,
        rows_per_unit=job.plan.rows_per_unit,
        events=job.events,
    )
    try:
        with mechanism.watched(replayer):
            after = _outcome(job, pair.second)
    except CourseError as error:
        return [f"the fit took another course: {error}"]
    except Exception as error:  # its words may hold a cell: only its kind is told
        return [f"the fit ended in {type(error).__name__} on the neighbour alone"]
    differing = [name for name in before if not _same(before[name], after[name])]
    leaks = [f"{name} came out differently under the same noise" for name in differing]
    return [*leaks, *replayer.finish()]


def _outcome(job: Planned, table: pl.DataFrame) -> dict[str, Any]:
    """Everything that could be released of a fit, by the name that a reader would give it."""
    found = measured(job, table)
    model = trained(job, found)
    codes = model.sample(SAMPLED_ROWS, np.random.default_rng(0))
    rows = found.fitted.codec.decode(codes, np.random.default_rng(0))
    return {
        "the bought schema": found.schema,
        "the codec": found.fitted.codec.to_dict(),
        "the noisy tables": [c.tolist() for c in found.fitted.one_way.counts],
        "the number of units": found.fitted.one_way.units,
        "the model's arrays": {k: v.tobytes() for k, v in model.arrays().items()},
        "the model's description": model.description(),
        "the sampled rows": codes.tobytes(),
        "the decoded rows": rows.write_csv(),
        "the rules as learned": learned(found.schema, found.fitted.codec, model).constraints,
    }


def _same(one: Any, other: Any) -> bool:
    # As written: two zeros of different sign are equal, and yet one of them tells of a row.
    return repr(one) == repr(other)

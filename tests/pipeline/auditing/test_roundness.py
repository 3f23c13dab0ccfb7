"""The audit on the roundness of numbers: a sound look passes, and known faults do not."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import polars as pl
import pytest

from synthkit.artifacts import AuditCheck
from synthkit.encode import roundness
from synthkit.pipeline.auditing import replay
from synthkit.pipeline.making import Making, planned
from synthkit.privacy import mechanism
from synthkit.schema import Column, Schema

SCHEMA = Schema(
    name="t",
    population="t",
    columns=(
        Column(name="fee", kind="integer", bounds=(0, 9_999), domain_source="public"),
        Column(
            name="rate", kind="float", bounds=(0.0, 50.0), nullable=True, domain_source="public"
        ),
    ),
)


@functools.cache
def table(n: int = 200) -> pl.DataFrame:
    """Fees are multiples of 50, rates of a tenth or of nothing."""
    rng = np.random.default_rng(4)
    rate = rng.uniform(0, 50, n)
    return pl.DataFrame(
        {
            "fee": rng.integers(0, 199, n) * 50,
            "rate": np.where(rng.random(n) < 0.6, np.round(rate, 1), rate),
        }
    )


def failed() -> list[AuditCheck]:
    """Replays the fit on all neighbours of a small table; returns what is not well."""
    making = Making(epsilon=60.0, generator="independent", options={}, spike_share=0)
    job = planned(SCHEMA, making)
    assert [e.name for e in job.round_looks] == ["roundness of numbers"]
    found = list(replay.checks(job, table(), np.random.default_rng()))
    assert len(found) >= 8
    return [c for c in found if c.outcome != "pass"]


def test_a_sound_fit_with_weights_passes_on_all_neighbours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Any] = []
    weights = roundness.weights

    def watching(*arguments: Any) -> np.ndarray | None:
        told.append(weights(*arguments))
        return told[-1]

    monkeypatch.setattr(roundness, "weights", watching)
    assert failed() == []
    assert any(w is not None for w in told), "there are weights, or nothing was tested"


def test_exact_counts_of_levels_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: the look without noise, in a fit that claims a guarantee."""

    def peeking(rows: pl.DataFrame, schema: Schema, *_: Any) -> roundness.Levels:
        return roundness.exact(rows, schema)

    monkeypatch.setattr(roundness, "find", peeking)
    assert failed()


def test_a_value_counted_twice_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: the chosen row of each unit has weight 2."""
    real = mechanism.one_row_per_unit
    monkeypatch.setattr(mechanism, "one_row_per_unit", lambda units: np.repeat(real(units), 2))
    assert any("a noisy count by more than one" in c.reason for c in failed())

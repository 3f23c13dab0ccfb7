"""The audit on the roundness of numbers: a sound look passes, and known faults do not."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from synthkit.artifacts import AuditCheck
from synthkit.encode import roundness
from synthkit.encode.ladder import Ladder
from synthkit.pipeline.auditing import one_run, replay
from synthkit.pipeline.making import Making, Planned, planned
from synthkit.privacy import mechanism
from synthkit.schema import Column, Schema
from tests.pipeline.auditing.jobs import nothing

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
    """Fees are multiples of 50 or one less, rates of a tenth or of nothing."""
    rng = np.random.default_rng(4)
    rate = rng.uniform(0, 50, n)
    return pl.DataFrame(
        {
            "fee": rng.integers(1, 199, n) * 50 - (rng.random(n) < 0.4),
            "rate": np.where(rng.random(n) < 0.6, np.round(rate, 1), rate),
        }
    )


def job_on(schema: Schema = SCHEMA) -> Planned:
    """At a large budget the noise is small, so that 200 rows tell their levels."""
    making = Making(epsilon=60.0, generator="independent", options={}, spike_share=0)
    job = planned(schema, making)
    assert [e.name for e in job.round_looks] == ["roundness of numbers"]
    return job


def failed(rows: pl.DataFrame | None = None, schema: Schema = SCHEMA) -> list[AuditCheck]:
    """Replays the fit on all neighbours of a small table; returns what is not well."""
    audited = table() if rows is None else rows
    found = list(replay.checks(job_on(schema), audited, np.random.default_rng()))
    assert len(found) >= 8
    return [c for c in found if c.outcome != "pass"]


def test_a_sound_fit_with_weights_passes_on_all_neighbours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Any] = []
    weights = roundness.weights

    def watching(*arguments: Any) -> Any:
        found = weights(*arguments)
        told.append(found[1])
        return found

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


# --- persons with several rows, and faults of the look alone ------------------------------------

PERSON = Column(name="who", kind="person_id", role="identifier")
BY_PERSON = dataclasses.replace(SCHEMA, columns=(PERSON, *SCHEMA.columns))
SIGMA = job_on(BY_PERSON).round_looks[0].sigma  # type: ignore[union-attr]
N_FEE = 8
"""Cells of the table of fees: six steps, none of them, and values with a cell of their own."""
N_ENDINGS = 101
"""Cells of the next table: what is left of a fee after whole hundreds, and values as above."""


def persons() -> pl.DataFrame:
    """Two rows of each person."""
    rows = pl.concat([table(), table()])
    return rows.with_columns(who=pl.Series([f"p{i % 200:03d}" for i in range(400)]))


def told(change: Callable[..., np.ndarray]) -> Callable[[pytest.MonkeyPatch], None]:
    """Plants a fault in what the look is told; other noisy counts stay as they are."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        real = mechanism.noisy_counts

        def faulty(counts: np.ndarray, *, sigma: float, cells: Any = None) -> np.ndarray:
            if sigma != SIGMA:
                return real(counts, sigma=sigma, cells=cells)
            return change(real, counts, sigma, cells)

        patch.setattr(mechanism, "noisy_counts", faulty)

    return plant


def noiseless_column(real: Any, counts: np.ndarray, sigma: float, cells: Any) -> np.ndarray:
    noisy = real(counts, sigma=sigma, cells=cells)
    return np.r_[counts[:N_FEE], noisy[N_FEE:]]


def noiseless_endings(real: Any, counts: np.ndarray, sigma: float, cells: Any) -> np.ndarray:
    noisy, last = real(counts, sigma=sigma, cells=cells), N_FEE + N_ENDINGS
    return np.r_[noisy[:N_FEE], counts[N_FEE:last], noisy[last:]]


def repeatable(real: Any, counts: np.ndarray, sigma: float, cells: Any) -> np.ndarray:
    real(counts, sigma=sigma, cells=cells)
    noise = np.random.default_rng(0).normal(0, sigma, counts.size)
    return np.rint(counts + noise).astype(np.int64)


def all_rows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mechanism, "one_row_per_unit", lambda units: np.arange(len(units)))


def levels_by_the_largest_value(patch: pytest.MonkeyPatch) -> None:
    real = Ladder.levels
    patch.setattr(Ladder, "levels", lambda self, at: real(self, at - at.max(initial=0)))


def tolerance_by_the_least_value(patch: pytest.MonkeyPatch) -> None:
    real = Ladder.tolerance
    patch.setattr(
        Ladder, "tolerance", lambda self, of, step: real(self, np.full_like(of, of.min()), step)
    )


def uncharged(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Planned, "events", property(lambda self: self.plan.events))


def one_table_more(patch: pytest.MonkeyPatch) -> None:
    real = roundness.events

    def fewer(*args: Any, **more: Any) -> Any:
        return [dataclasses.replace(e, tables=e.tables - 1) for e in real(*args, **more)]

    patch.setattr(roundness, "events", fewer)


FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "all rows of a person": all_rows,
    "no noise in one column": told(noiseless_column),
    "no noise in what is used": told(lambda real, n, s, c: real(n, sigma=s, cells=c) * 0 + n),
    "noise of half the size": told(lambda real, n, s, c: real(n, sigma=s / 2, cells=c)),
    "noise 2 percent too small": told(lambda real, n, s, c: real(n, sigma=s * 0.98, cells=c)),
    "noise that can be repeated": told(repeatable),
    "levels by the largest value": levels_by_the_largest_value,
    "a tolerance by the least value": tolerance_by_the_least_value,
    "a look that is not charged": uncharged,
    "a table more than is charged": one_table_more,
}


def test_a_sound_fit_of_persons_passes_on_all_neighbours() -> None:
    exact = roundness.exact(persons(), BY_PERSON)
    assert (exact.counts["fee"].size, exact.endings["fee"].size) == (N_FEE, N_ENDINGS)
    assert failed(persons(), BY_PERSON) == []


@pytest.mark.parametrize("plant", FAULTS.values(), ids=FAULTS)
def test_planted_faults_of_the_look_are_caught(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert failed(persons(), BY_PERSON)


def test_endings_without_noise_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault, on fees that all have one of two endings: a copy of a row has, too."""
    rows = persons().with_columns(fee=pl.col("fee") // 50 * 50 + 49)
    assert failed(rows, BY_PERSON) == []
    told(noiseless_endings)(monkeypatch)
    assert failed(rows, BY_PERSON)


def sizes() -> dict[str, str]:
    """What the audit says of the size of each noise."""
    rng = np.random.default_rng()
    job, rows = job_on(BY_PERSON), persons()
    found = one_run.attack(job, rows, canaries=20, rng=rng, progress=nothing)
    return {c.name: c.outcome for c in found.checks if "roundness" in c.name}


def test_noise_that_is_too_small_is_seen_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "size of the noise: roundness of numbers"
    assert sizes() == {name: "pass"}
    real = mechanism._discrete_gaussian
    monkeypatch.setattr(mechanism, "_discrete_gaussian", lambda c, s: real(c, 0.2 * s))
    assert sizes() == {name: "fail"}

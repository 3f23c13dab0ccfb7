"""The audit on values that many rows share: a sound look passes, and known faults do not."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest

from synthkit.artifacts import AuditCheck
from synthkit.encode import spikes
from synthkit.pipeline.auditing import one_run, replay
from synthkit.pipeline.making import Making, Planned, planned
from synthkit.privacy import mechanism, threshold
from synthkit.schema import Column, Schema
from tests.pipeline.auditing.jobs import nothing

LOOK = "values that many share"
SCHEMA = Schema(
    name="t",
    population="t",
    columns=(
        Column(name="fee", kind="integer", bounds=(0, 9_999), domain_source="public"),
        Column(
            name="rate", kind="float", bounds=(0.0, 50.0), nullable=True, domain_source="public"
        ),
        Column(name="town", kind="categorical", categories=("a", "b"), domain_source="public"),
    ),
)


@functools.cache
def table(n: int = 300) -> pl.DataFrame:
    """Half of the rows have a fee of 2,500, a third a rate of 7.5; a unit is a row."""
    rng = np.random.default_rng(4)
    return pl.DataFrame(
        {
            "fee": np.where(rng.random(n) < 0.5, 2_500, rng.integers(0, 10_000, n)),
            "rate": np.where(rng.random(n) < 0.3, 7.5, rng.uniform(0, 50, n)),
            "town": rng.choice(["a", "b"], n),
        }
    )


def job(epsilon: float = 30.0) -> Planned:
    """At a large budget the noise is small, so that a table of 200 rows tells its values."""
    found = planned(SCHEMA, Making(epsilon=epsilon, generator="independent", options={}))
    assert [e.name for e in found.spike_looks] == [LOOK]
    return found


def failed(rows: pl.DataFrame | None = None) -> list[AuditCheck]:
    """Replays the fit on all neighbours of a small part of the table; returns what is not well."""
    audited = table() if rows is None else rows
    found = list(replay.checks(job(), audited, np.random.default_rng()))
    assert len(found) >= 8
    return [c for c in found if c.outcome != "pass"]


def test_a_sound_fit_with_told_values_passes_on_all_neighbours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = []
    find = spikes.find

    def watching(*arguments: Any) -> dict[str, np.ndarray]:
        found = find(*arguments)
        told.append({c: p.tolist() for c, p in found.items()})
        return found

    monkeypatch.setattr(spikes, "find", watching)
    assert failed() == []
    assert {"fee": [2_500], "rate": [7.5]} in told, "values are told, or nothing was tested"


def test_values_published_without_a_threshold_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: every value that occurs is told, with noise on its count and no more."""

    def published(counts: Mapping[Any, int], *, sigma: float, **rest: Any) -> dict[Any, int]:
        exact = np.array(list(counts.values()), dtype=np.int64)
        noisy = mechanism._discrete_gaussian(exact, sigma)
        return dict(zip(counts, noisy.tolist(), strict=True))

    monkeypatch.setattr(threshold, "published_counts", published)
    assert any("another shape" in c.reason or "the codec" in c.reason for c in failed())


def test_values_noised_as_a_table_of_those_that_occur_are_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted fault: the counts pass the mechanism, but which values are counted is the rows'."""

    def published(counts: Mapping[Any, int], *, sigma: float, **rest: Any) -> dict[Any, int]:
        exact = np.array([counts[k] for k in sorted(counts)], dtype=np.int64)
        noisy = mechanism.noisy_counts(exact, sigma=sigma)
        return dict(zip(sorted(counts), noisy.tolist(), strict=True))

    monkeypatch.setattr(threshold, "published_counts", published)
    assert any("another shape" in c.reason for c in failed())


def test_exact_counts_of_values_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: the look without noise, in a fit that claims a guarantee."""
    # No two rows share a value, so that the copy of any makes one that two rows share.
    steps = np.arange(200)
    unique = table()[:200].with_columns(
        fee=pl.Series(13 + 40 * steps), rate=pl.Series(0.1 + 0.2 * steps)
    )
    assert failed(unique) == []
    monkeypatch.setattr(spikes, "EXACT_SHARE", 0.0)
    monkeypatch.setattr(spikes, "find", lambda rows, schema, *rest: spikes.exact(rows, schema))
    found = {c.name: c.reason for c in failed(unique)}
    assert "another shape" in found["one row more: a copy of a row"]


def test_a_threshold_lower_than_its_delta_pays_for_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted fault: the threshold does not rise with the fewest units that are counted."""
    real = threshold.threshold
    monkeypatch.setattr(threshold, "threshold", lambda sigma, delta, fewest=1: real(sigma, delta))
    assert any("below what its event's delta pays for" in c.reason for c in failed())


def test_names_told_below_the_threshold_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: noise and threshold are as charged, but nothing is held against it."""
    real = mechanism._draw

    def careless(kind: str, asked: Any, make: Any) -> Any:
        def all_names() -> dict[Any, int]:
            make()
            return {k: n for k, n in asked["counts"].items() if n >= asked["fewest"]}

        return real(kind, asked, all_names if kind == "published_counts" else make)

    # Thirteen rows share a fee: enough to be counted, too few to be told.
    is_shared = pl.int_range(pl.len()) < 13
    shared = table(200).with_columns(fee=pl.when(is_shared).then(777).otherwise("fee"))
    assert failed(shared) == []
    monkeypatch.setattr(mechanism, "_draw", careless)
    assert any("a name was told that the threshold bars" in c.reason for c in failed(shared))


def test_a_value_counted_twice_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: the chosen row of each unit has weight 2."""
    real = mechanism.one_row_per_unit
    monkeypatch.setattr(mechanism, "one_row_per_unit", lambda units: np.repeat(real(units), 2))
    assert any("more than one name by one" in c.reason for c in failed())


def test_a_zero_that_is_told_with_the_sign_of_a_row_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted fault: 0.0 and -0.0 are one value, but told as the row of one unit writes it."""
    zeros = table().with_columns(
        rate=pl.when(pl.col("rate") == 7.5).then(0.0).otherwise(pl.col("rate"))
    )
    assert failed(zeros) == []
    real = spikes._counts

    def signed(column: Column, rows: pl.DataFrame, *rest: Any) -> dict[int | float, int]:
        cells = rows.get_column(column.name).to_numpy()
        is_negative = bool(np.any((cells == 0) & np.signbit(cells)))
        found = real(column, rows, *rest)
        return {-0.0 if k == 0 and is_negative else k: n for k, n in found.items()}

    monkeypatch.setattr(spikes, "_counts", signed)
    found = {c.name: c.reason for c in failed(zeros)}
    assert "more than one name by one" in found["one row more: a zero with a sign"]


def sizes() -> dict[str, str]:
    # Forty fees that 150 rows each share, so that the size of forty draws is seen.
    rng = np.random.default_rng()
    rows = table(6_000).with_columns(fee=pl.Series(np.arange(6_000) % 40 * 200 + 7))
    found = one_run.attack(job(), rows, canaries=60, rng=rng, progress=nothing)
    return {c.name: c.outcome for c in found.checks}


def test_values_told_without_noise_are_seen_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"size of the noise: {LOOK}"
    assert sizes()[name] == "pass"
    monkeypatch.setattr(mechanism, "_discrete_gaussian", lambda c, s: c.copy())
    assert sizes()[name] == "fail"

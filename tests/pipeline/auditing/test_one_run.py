"""The one-run audit against sound fits and against planted faults of the whole fit.

A sound fit is judged at confidence 1 - 1e-6, so it is accused with at most that probability;
planted faults at the product's 95 %, where power matters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from synthkit.artifacts import AuditBound, AuditCheck, Codes
from synthkit.evaluate.audit import assumption_free, gaussian_fit
from synthkit.generate import dpctgan
from synthkit.generate.critic import PrivateCritic
from synthkit.pipeline.auditing import one_run
from synthkit.pipeline.auditing.canaries import plant
from synthkit.pipeline.auditing.scoring import without_the_others
from synthkit.pipeline.making import Making, Planned, planned
from synthkit.privacy import accountant, mechanism
from tests.pipeline.auditing.jobs import (
    GRADIENTS,
    QUICK,
    TABLES_ONLY,
    TARGETS_APART,
    attacked,
    job,
    nothing,
    of_every_kind,
    reviews,
)

ALPHA = 1e-6
CANARIES = 1000
NOISE = mechanism._discrete_gaussian


def bounds(fit: Planned, confidence: float = 0.95) -> tuple[float, AuditBound, AuditBound]:
    """Returns the claim, the assumption-free and the Gaussian-fit bound of one audit."""
    found = attacked(fit, CANARIES)
    free, fitted = (
        bound(found.scores, found.planted.inside, delta=fit.delta, confidence=confidence)
        for bound in (assumption_free, gaussian_fit)
    )
    return accountant.cost(fit.events, delta=fit.delta).epsilon, free, fitted


@pytest.mark.parametrize(
    ("options", "least"), [(TABLES_ONLY, 1.0), (TARGETS_APART, 1.0), (GRADIENTS, 0.0)]
)
def test_a_sound_fit_is_not_accused_and_the_attack_is_no_blind_one(
    options: dict[str, Any], least: float
) -> None:
    claim, free, fitted = bounds(job(10.0, options), 1 - ALPHA)
    assert free.epsilon < claim
    assert fitted.epsilon < claim
    assert fitted.epsilon > least, "the attack sees a part of epsilon 10, far above chance"


def test_nor_is_one_that_counts_three_rows_of_a_person() -> None:
    claim, free, fitted = bounds(job(10.0, TABLES_ONLY, rows_per_person=3), 1 - ALPHA)
    assert free.epsilon < claim
    assert 1.0 < fitted.epsilon < claim


def test_noise_of_half_the_size_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mechanism, "_discrete_gaussian", lambda c, sigma: NOISE(c, sigma / 2))
    claim, _, fitted = bounds(job(3.0, TABLES_ONLY))
    assert fitted.epsilon > claim


def test_a_forgotten_root_of_the_number_of_tables_is_caught_without_assumptions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit = job(1.0, TABLES_ONLY)
    tables = max(e.tables for e in fit.plan.events)  # type: ignore[union-attr]
    monkeypatch.setattr(
        mechanism, "_discrete_gaussian", lambda c, sigma: NOISE(c, sigma / tables**0.5)
    )
    claim, free, fitted = bounds(fit)
    assert free.epsilon > claim
    assert fitted.epsilon > claim


def test_gradient_noise_of_an_eighth_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    class Quiet(PrivateCritic):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            named["noise_multiplier"] /= 8
            super().__init__(*arguments, **named)

    monkeypatch.setattr("synthkit.generate.session.PrivateCritic", Quiet)
    claim, _, fitted = bounds(job(2.0, GRADIENTS))
    assert fitted.epsilon > claim


def test_a_generator_that_copies_rows_is_caught_by_the_canaries_it_copied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: dict[str, np.ndarray] = {}
    fit, sample = dpctgan.fit, dpctgan.DPCTGANModel.sample

    def copying(codes: Codes, *arguments: Any, **named: Any) -> Any:
        kept["rows"] = codes.values
        return fit(codes, *arguments, **named)

    assert copies(attacked(job(1.0, TABLES_ONLY), 300)).outcome == "pass"
    monkeypatch.setattr(dpctgan, "fit", copying)
    monkeypatch.setattr(dpctgan.DPCTGANModel, "sample", lambda self, n, rng: kept["rows"][:n])
    assert sample is not dpctgan.DPCTGANModel.sample
    assert copies(attacked(job(1.0, TABLES_ONLY), 300)).outcome == "fail"


def test_a_sound_fit_at_a_large_epsilon_is_not_accused_of_copying() -> None:
    # At epsilon 100 canaries may come up because they were in: that is what was claimed.
    assert copies(attacked(job(100.0, TABLES_ONLY), 300)).outcome == "pass"


def copies(found: one_run.Attacked) -> AuditCheck:
    return next(c for c in found.checks if c.layer == "release")


def sizes(found: one_run.Attacked) -> dict[str, str]:
    return {c.name: c.outcome for c in found.checks if c.name.startswith("size of the noise")}


def test_the_sizes_of_all_noise_are_seen() -> None:
    fit = job(1.0, {**GRADIENTS, "two_way_share": 0.3, "gradient_share": 0.6})
    assert len(fit.events) == 5
    found = sizes(attacked(fit, 60))
    assert found == {f"size of the noise: {e.name}": "pass" for e in fit.events}


@pytest.mark.parametrize("rows_per_person", [1, 3])
def test_noise_5_percent_too_small_is_seen_by_its_size(
    rows_per_person: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Thousands of cells beside the one-way tables: power above 0.99 at alpha 1e-6 / 2.
    fit = job(1.0, TABLES_ONLY, rows_per_person=rows_per_person)
    tables = fit.plan.events[1].name
    assert sizes(attacked(fit, 60))[f"size of the noise: {tables}"] == "pass"
    monkeypatch.setattr(mechanism, "_discrete_gaussian", lambda c, s: NOISE(c, 0.95 * s))
    assert sizes(attacked(fit, 60))[f"size of the noise: {tables}"] == "fail"


def test_a_purchase_of_domains_without_noise_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    table, schema = of_every_kind()
    fit = planned(schema, Making(epsilon=20.0, options=QUICK))
    rng = np.random.default_rng()

    def found() -> dict[str, str]:
        return sizes(one_run.attack(fit, table, canaries=60, rng=rng, progress=nothing))

    assert "fail" not in found().values()
    monkeypatch.setattr(mechanism, "_discrete_gaussian", lambda c, s: c.copy())
    assert found()["size of the noise: bounds of columns"] == "fail"
    assert found()["size of the noise: categories of columns"] in ("fail", "inconclusive")


def test_no_canary_is_made_of_a_real_row() -> None:
    # Under the same coins, copies of neighbouring tables differ by the one unit and nothing else.
    table, schema = reviews()
    copies_of = [
        plant(rows, schema, canaries=40, rows_each=2, rng=np.random.default_rng(1)).table
        for rows in (table, table[:-1])
    ]
    shorter = pl.concat([copies_of[0][: table.height - 1], copies_of[0][table.height :]])
    assert shorter.equals(copies_of[1])


def test_the_filter_is_the_likelihood_ratio_where_canaries_do_not_meet() -> None:
    precision = np.array([0.2, 1.0, 4.0])
    along = np.array([0.3, -1.0, 2.0])
    found, variance = without_the_others(np.diag(precision), along, mean=0.5)
    np.testing.assert_allclose(variance, 1 / precision)
    np.testing.assert_allclose((found - 0.5) / variance, along - precision / 2)


def test_the_filter_sees_through_canaries_that_share_every_cell_but_one() -> None:
    # 40 canaries that all count in one cell, and each in one of its own; noise of std 0.3. Without
    # the filter the common cell, with its 20 canaries, drowns the own one.
    rng, n = np.random.default_rng(3), 40
    design = np.vstack([np.full(n, 5.0), np.eye(n)])
    inside = rng.random(n) < 0.5
    seen = design @ inside + rng.normal(0, 0.3, n + 1)
    gram, along = design.T @ design / 0.09, design.T @ seen / 0.09
    found, _ = without_the_others(gram, along, mean=0.5)
    assert ((found > 0.5) == inside).mean() > 0.9


def test_a_canary_that_leaves_no_trace_gets_no_verdict() -> None:
    gram = np.diag([1.0, 0.0])
    found, variance = without_the_others(gram, np.array([0.7, 0.0]), mean=0.5)
    assert variance[1] > 1e11
    assert abs((found[1] - 0.5) / variance[1]) < 1e-9

"""Layer A on sound fits, and on fits that look past the noise in the ways known from elsewhere."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import polars as pl
import pytest

from synthkit import encode
from synthkit.artifacts import AuditCheck, Codes
from synthkit.generate import dpctgan, poisson, session, two_way
from synthkit.generate.critic import PrivateCritic
from synthkit.pipeline.auditing import replay
from synthkit.pipeline.auditing.tape import CourseError, Draw, Replayer
from synthkit.pipeline.making import Making, planned
from synthkit.privacy import mechanism
from synthkit.privacy.event import NoisyGradients, NoisyTables
from synthkit.schema import Schema, parse
from tests.pipeline.auditing.jobs import QUICK, TARGETS_APART, job, of_every_kind, reviews

OPTIONS = {**QUICK, "critic_steps": 3}
FUNCTION = """\
synthkit: schema/1
name: t
population: t
columns:
- {name: town, kind: categorical, categories: [a, b, c], from: public}
- {name: area, kind: categorical, categories: [n, s], from: public}
- {name: size, kind: float, bounds: [0, 2], decimals: 1, from: public}
constraints:
- {column: area, follows: town}
"""


def checks(options: dict[str, Any] = OPTIONS, **making: Any) -> list[AuditCheck]:
    return list(replay.checks(job(1.0, options, **making), reviews()[0], np.random.default_rng()))


def failed(found: list[AuditCheck]) -> list[AuditCheck]:
    assert len(found) >= 8
    return [c for c in found if c.outcome != "pass"]


@pytest.mark.parametrize("rows_per_person", [1, 3])
def test_a_sound_fit_passes_on_all_neighbours(rows_per_person: int) -> None:
    assert failed(checks(rows_per_person=rows_per_person)) == []


@pytest.mark.parametrize("rows_per_person", [1, 3])
def test_so_does_one_that_buys_pairs_with_a_target_apart(rows_per_person: int) -> None:
    fit = job(1.0, TARGETS_APART, rows_per_person=rows_per_person)
    assert fit.plan.events[-1].name == two_way.TARGET_TWO_WAY
    assert failed(checks(TARGETS_APART, rows_per_person=rows_per_person)) == []


def test_so_does_the_independent_generator() -> None:
    assert failed(checks({}, generator="independent")) == []


def bought(epsilon: float = 20.0) -> list[AuditCheck]:
    table, schema = of_every_kind()
    fit = planned(schema, Making(epsilon=epsilon, options=OPTIONS))
    assert fit.looks
    return list(replay.checks(fit, table, np.random.default_rng()))


def test_bought_domains_depend_on_noisy_answers_alone() -> None:
    assert failed(bought()) == []


def test_bounds_read_from_the_rows_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from synthkit.encode import domains

    real = domains.buy

    def exact(table: pl.DataFrame, schema: Schema, *rest: Any) -> Schema:
        import dataclasses

        found = real(table, schema, *rest)
        visits = table.get_column("visits").clip(-1000, 1000)
        columns = [
            dataclasses.replace(c, bounds=(int(visits.min()), int(visits.max())))
            if c.name == "visits"
            else c
            for c in found.columns
        ]
        return dataclasses.replace(found, columns=tuple(columns))

    monkeypatch.setattr(domains, "buy", exact)
    found = failed(bought())
    # Which columns have cells of several values, and are looked at for shared ones, then follows
    # from the rows as well.
    course = "it drew published_counts where the first fit drew"
    signs = (course, "another shape", "the bought schema")
    assert any(sign in c.reason for c in found for sign in signs)


def test_exact_frequencies_in_the_conditions_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    real = session.Conditions
    seen: dict[str, Codes] = {}
    train = session.train

    def watching(codes: Codes, *arguments: Any, **named: Any) -> Any:
        seen["codes"] = codes
        return train(codes, *arguments, **named)

    def exact(probabilities: Any, device: Any) -> Any:
        values = seen["codes"].values.T
        counts = [
            np.bincount(v, minlength=len(p)) for v, p in zip(values, probabilities, strict=True)
        ]
        return real([c / c.sum() for c in counts], device)

    monkeypatch.setattr(session, "train", watching)
    monkeypatch.setattr(session, "Conditions", exact)
    assert any("the model's arrays" in c.reason for c in failed(checks()))


def test_the_exact_number_of_units_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from synthkit.encode import fitting, projection

    monkeypatch.setattr(
        fitting.projection, "estimate_units", lambda tables: float(exact_units["n"])
    )
    exact_units: dict[str, int] = {}
    real = mechanism.rows_of_units

    def watching(units: np.ndarray, *, most: int) -> Any:
        exact_units["n"] = len(np.unique(units))
        return real(units, most=most)

    monkeypatch.setattr(mechanism, "rows_of_units", watching)
    assert projection is fitting.projection
    found = failed(checks())
    assert any("divisor" in c.reason or "the number of units" in c.reason for c in found)


def test_a_row_copied_into_the_output_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    fit, sample = dpctgan.fit, dpctgan.DPCTGANModel.sample
    kept: dict[str, np.ndarray] = {}

    def copying(codes: Codes, *arguments: Any, **named: Any) -> Any:
        kept["row"] = codes.values[-1]
        return fit(codes, *arguments, **named)

    def with_a_row(self: Any, n: int, rng: np.random.Generator) -> np.ndarray:
        drawn = sample(self, n, rng)
        drawn[0] = kept["row"]
        return drawn

    monkeypatch.setattr(dpctgan, "fit", copying)
    monkeypatch.setattr(dpctgan.DPCTGANModel, "sample", with_a_row)
    assert any("the sampled rows" in c.reason for c in failed(checks()))


def test_a_function_learned_from_real_rows_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: which area a town is in is read from the rows, not drawn from the model."""
    rng = np.random.default_rng(2)
    table = pl.DataFrame({"town": rng.choice(["a", "b", "c"], 150)}).with_columns(
        area=pl.col("town").replace_strict({"a": "n", "b": "n", "c": "s"}), size=pl.lit(1.0)
    )
    schema = parse(FUNCTION)
    fit = planned(schema, Making(epsilon=1.0, generator="independent"))

    def found() -> list[AuditCheck]:
        return failed(list(replay.checks(fit, table, np.random.default_rng())))

    assert found() == []
    seen: dict[str, pl.DataFrame] = {}
    encoding, learning = encode.fit, replay.learned

    def watching(rows: pl.DataFrame, *arguments: Any, **named: Any) -> Any:
        seen["rows"] = rows
        return encoding(rows, *arguments, **named)

    def reading(*arguments: Any) -> Schema:
        found = learning(*arguments)
        rows = seen["rows"].select("town", "area").drop_nulls().unique().sort("town", "area")
        (rule,) = found.constraints
        told = dataclasses.replace(rule, learned=tuple(((t,), a) for t, a in rows.rows()))
        return dataclasses.replace(found, constraints=(told,))

    monkeypatch.setattr(encode, "fit", watching)
    monkeypatch.setattr(replay, "learned", reading)
    assert any("the rules as learned" in c.reason for c in found())


def test_counting_every_row_of_a_person_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        mechanism,
        "rows_of_units",
        lambda units, *, most: (np.arange(len(units)),) + (np.arange(0),) * (most - 1),
    )
    found = failed(checks())
    assert [c.name for c in found] == ["one person more: 50 rows"]
    assert "more than one" in found[0].reason or "times what" in found[0].reason


def test_tables_that_are_not_charged_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two-way tables counted twice, charged once.
    real = two_way.measure

    def twice(*arguments: Any, **named: Any) -> Any:
        real(*arguments, **named)
        return real(*arguments, **named)

    monkeypatch.setattr(session, "measure", twice)
    assert any("times what their noise is charged for" in c.reason for c in failed(checks()))


def test_less_noise_on_pairs_with_a_target_than_is_charged_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = two_way.measure

    def clearer(*args: Any, target_sigma: float, **named: Any) -> two_way.JointTables:
        return real(*args, target_sigma=target_sigma / 2, **named)

    monkeypatch.setattr(session, "measure", clearer)
    assert failed(checks(TARGETS_APART))


def test_a_clip_that_is_not_the_charged_one_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loose(PrivateCritic):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._max_grad_norm *= 1.05

    monkeypatch.setattr(session, "PrivateCritic", Loose)
    options = {**OPTIONS, "max_grad_norm": 0.01}  # so that every row reaches the clip
    assert any("sum of gradients" in c.reason for c in failed(checks(options)))


def test_an_exception_that_depends_on_a_cell_is_caught_and_its_words_are_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = encode.fit

    def picky(table: pl.DataFrame, *arguments: Any, **named: Any) -> Any:
        extreme = int(table.get_column("age").fill_null(0).max())
        if extreme > 200:
            raise ValueError(f"age {extreme}")
        return real(table, *arguments, **named)

    monkeypatch.setattr(encode, "fit", picky)
    reasons = [c.reason for c in failed(checks())]
    assert reasons
    assert all("ValueError" in r and "4611686018427387904" not in r for r in reasons)


def test_a_course_that_rows_decide_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    # Early stopping by something that is not noisy: a draw more where the table is longer.
    real = poisson.PoissonUnits.draw

    def restless(self: poisson.PoissonUnits) -> Any:
        if len(self._order) % 2:
            mechanism.secret_numpy_generator()
        return real(self)

    monkeypatch.setattr(poisson.PoissonUnits, "draw", restless)
    assert any("another course" in c.reason for c in failed(checks()))


def _replayer(*draws: Draw) -> Replayer:
    events = (
        NoisyTables(name="t", sigma=2.0, tables=1),
        NoisyGradients(name="g", noise_multiplier=1.0, sample_rate=0.5, steps=1),
    )
    return Replayer(list(draws), n_rows=4, n_rows_now=5, rows_per_unit=1, events=events)


def _counts(*cells: int, sigma: float = 2.0) -> dict[str, Any]:
    return {"counts": np.array(cells), "sigma": sigma, "cells": None}


def test_the_replayer_measures_what_a_unit_moves() -> None:
    old = Draw("noisy_counts", _counts(3, 4), np.array([3, 5]))
    sound = _replayer(old)
    assert sound.answer("noisy_counts", _counts(3, 5), lambda: None).tolist() == [3, 5]
    assert sound.finish() == []
    far = _replayer(old)
    far.answer("noisy_counts", _counts(4, 5), lambda: None)
    assert "1.41 times" in far.finish()[0]
    jump = _replayer(old)
    jump.answer("noisy_counts", _counts(3, 6), lambda: None)
    assert "more than one" in jump.finish()[0]
    with pytest.raises(CourseError, match="another shape or sigma"):
        _replayer(old).answer("noisy_counts", _counts(3, 5, sigma=1.0), lambda: None)
    assert "were not made" in _replayer(old).finish()[0]

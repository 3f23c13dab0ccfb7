from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import synthkit as sk
from synthkit.generate import ProgressEvent
from synthkit.pipeline.making import Making, Planned, planned
from synthkit.pipeline.spending import POINTS, telling_epsilon
from synthkit.privacy.accountant import cost
from synthkit.schema import Column, Schema

SCHEMA = Schema(
    name="t",
    population="spending",
    columns=tuple(Column(name=n, kind="categorical", categories=("x", "y", "z")) for n in "abc"),
    unit="row",
)


GRADIENTS = {"gradient_share": 0.1}


def _job(schema: Schema = SCHEMA, **changes: Any) -> Planned:
    return planned(schema, Making(**{"epsilon": 1.0, "delta": 1e-6, **changes}))


def _told(job: Planned, made: list[int]) -> list[float | None]:
    seen: list[ProgressEvent] = []
    told = telling_epsilon(job, seen.append)
    for i, steps in enumerate(made):
        told(ProgressEvent(step=i, steps=len(made), seconds_left=0.0, private_steps=steps))
    return [e.epsilon_so_far for e in seen]


def test_epsilon_so_far_rises_from_the_tables_price_to_the_plan_s() -> None:
    job = _job(options=GRADIENTS)
    steps = job.plan.events[-1].steps
    told = _told(job, [*range(0, steps + 1, 7), steps])
    assert told[0] == pytest.approx(cost([*job.looks, *job.plan.events[:-1]], delta=1e-6).epsilon)
    assert told[-1] == pytest.approx(cost(job.events, delta=1e-6).epsilon)
    assert told == sorted(told)
    assert len(set(told)) == POINTS + 1
    assert told[0] < 0.99 < told[-1] <= 1.0


def test_epsilon_so_far_never_says_less_than_was_spent() -> None:
    job = _job(options=GRADIENTS)
    *tables, gradients = [*job.looks, *job.plan.events]
    made = [1, 31, 100, gradients.steps - 1]
    for steps, told in zip(made, _told(job, made), strict=True):
        spent = [*tables, dataclasses.replace(gradients, steps=steps)]
        assert told >= cost(spent, delta=1e-6).epsilon


def test_what_finds_shared_values_counts_too() -> None:
    wide = [Column(name=n, kind="integer", bounds=(0, 10**5), domain_source="public") for n in "ab"]
    job = _job(dataclasses.replace(SCHEMA, columns=tuple(wide)), generator="independent")
    assert job.spike_looks
    assert _told(job, [0])[0] >= cost(job.events, delta=1e-6).epsilon


def test_a_generator_of_tables_alone_has_spent_all_from_its_first_report() -> None:
    assert _told(_job(generator="independent"), [0]) == [pytest.approx(1.0, rel=1e-3)]
    assert _told(_job(options={"gradient_share": 0}), [0, 0]) == [pytest.approx(1.0, rel=1e-3)] * 2


def test_without_a_guarantee_there_is_no_epsilon() -> None:
    assert _told(_job(generator="ctgan", epsilon=None), [0, 1]) == [None, None]
    read = [dataclasses.replace(c, domain_source="data") for c in SCHEMA.columns]
    job = _job(dataclasses.replace(SCHEMA, columns=tuple(read)), domains="as_written")
    assert _told(job, [0]) == [None]


def test_a_fit_tells_its_progress_and_an_unwatched_one_prices_nothing(monkeypatch) -> None:
    import polars as pl

    from synthkit.pipeline import spending

    options = {
        **GRADIENTS,
        "match_steps": 20,
        "critic_steps": 20,
        "hidden": 8,
        "critic_hidden": 8,
        "bank": 20,
    }
    table = pl.DataFrame({n: ["x", "y", "z", "z"] * 50 for n in "abc"})
    seen: list[Any] = []

    class Watching:
        def stage(self, name: str) -> None:
            seen.append(name)

        def step(self, event: Any) -> None:
            seen.append(event)

    sk.fit(table, SCHEMA, epsilon=1.0, options=options, device="cpu", progress=Watching())
    events = [e for e in seen if not isinstance(e, str)]
    assert seen[: len(seen) - len(events)] == [
        "check",
        "plan the noise",
        "measure and encode",
        "train",
    ]
    assert events[-1].step == events[-1].steps == 40
    assert events[-1].epsilon_so_far == pytest.approx(1.0, rel=2e-3)
    assert events[-1].loss > 0
    assert events[-1].private_steps == 20

    monkeypatch.setattr(spending.accountant, "epsilon_of", None)
    sk.fit(table, SCHEMA, epsilon=1.0, options=options, device="cpu", population="unwatched")

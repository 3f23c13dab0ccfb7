"""Attacks on the claim about values that many rows share: what each would break is said.

Neighbouring tables differ by one person with all rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import synthkit as sk
from synthkit import schema as sk_schema
from synthkit.encode import spikes
from synthkit.errors import ConfigError, InputError, IntegrityError
from synthkit.pipeline import number_looks
from synthkit.pipeline.making import Making, bought, planned
from synthkit.privacy import accountant, mechanism
from synthkit.privacy.ledger import Ledger
from synthkit.schema import Column, Schema, dump
from synthkit.source import unit_index

PERSON = Column(name="who", kind="person_id", role="identifier")
FEE = Column(name="fee", kind="integer", bounds=(0, 9_999), nullable=True, domain_source="public")
RATE = Column(name="rate", kind="float", bounds=(0.0, 50.0), nullable=True, domain_source="public")
TOWN = Column(name="town", kind="categorical", categories=("a", "b"), domain_source="public")
SCHEMA = Schema(name="t", population="t", columns=(PERSON, FEE, RATE, TOWN))
LOOKS = spikes.events(SCHEMA, epsilon=4.0, delta=1e-6, share=0.2)
TINY = {
    "match_steps": 5, "critic_steps": 2, "hidden": 8, "critic_hidden": 8, "batch_size": 20,
    "blocks": 1, "critic_layers": 1, "bank": 20,
}  # fmt: skip


def people(n: int = 600) -> pl.DataFrame:
    """Every other person has a fee of 2,500, every third a rate of 7.5; two rows each."""
    rng = np.random.default_rng(2)
    who = np.repeat(np.arange(n), 2)
    return pl.DataFrame(
        {
            "who": [f"p{i:04d}" for i in who],
            "fee": np.where(who % 2, rng.integers(0, 10_000, 2 * n), 2_500),
            "rate": np.where(who % 3, rng.uniform(0, 50, 2 * n), 7.5),
            "town": rng.choice(["a", "b"], 2 * n),
        }
    )


def one_more(k: int, fee: int | None = 2_500, rate: float | None = 7.5) -> pl.DataFrame:
    """The table and a further person with `k` rows, last."""
    more = {"who": ["new"] * k, "fee": [fee] * k, "rate": [rate] * k, "town": ["a"] * k}
    return pl.concat([people(), pl.DataFrame(more, schema=people().schema)])


@dataclass
class Frozen:
    """Rows keep their secret keys, new ones win; tells nothing back but what it told first."""

    told: list[Any] | None = None
    asked: list[Mapping[Any, int]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    def answer(self, kind: str, asked: Mapping[str, Any], make: Any) -> Any:
        if kind == "rows_of_units":
            keys = np.random.default_rng(9).integers(1, 2**63, 10_000, dtype=np.uint64)
            keys[people().height :] = 0
            return keys[: asked["rows"]].tobytes()
        assert kind == "published_counts", kind
        self.asked.append(asked["counts"])
        given = make() if self.told is None else self.told[len(self.asked) - 1]
        self.answers.append(given)
        return given


def looked(table: pl.DataFrame, told: list[Any] | None = None) -> tuple[Frozen, dict[str, Any]]:
    """Takes the look under frozen choices, and frozen answers if any are given."""
    frozen = Frozen(told)
    with mechanism.watched(frozen):
        found = spikes.find(table, SCHEMA, unit_index(table, SCHEMA), LOOKS)
    return frozen, {name: points.tolist() for name, points in found.items()}


def moved(k: int, **cells: Any) -> list[int]:
    """How far one person with `k` rows moves the counts of each column, in all."""
    less, _ = looked(people())
    more, _ = looked(one_more(k, **cells))
    assert len(less.asked) == len(more.asked)
    return [
        sum(abs(b.get(key, 0) - a.get(key, 0)) for key in a.keys() | b.keys())
        for a, b in zip(less.asked, more.asked, strict=True)
    ]


@pytest.mark.parametrize("k", [1, 2, 50])
def test_a_person_moves_one_count_of_each_column_by_one_with_however_many_rows(k):
    assert moved(k) == [1, 1] == [1] * LOOKS[0].tables
    assert moved(k, fee=123, rate=0.125) == [1, 1], "a value of their own too"
    assert moved(k, fee=None) == [0, 1], "a missing cell moves none"
    assert moved(k, fee=None, rate=None) == [0, 0]


def test_planted_a_person_who_counts_with_all_rows_is_caught(monkeypatch):
    monkeypatch.setattr(mechanism, "one_row_per_unit", lambda units: np.arange(len(units)))
    assert moved(50) == [50, 50]


NEIGHBOURS = [(1, 2_500, 7.5), (40, 77, 0.125), (40, None, None), (1, 9_999, 50.0), (1, 0, 0.0)]


def leaks() -> list[tuple[Any, ...]]:
    """Neighbours on which something else is found under the same answers: told past the noise."""
    first, found = looked(people())
    return [cells for cells in NEIGHBOURS if looked(one_more(*cells), first.answers)[1] != found]


def test_under_the_same_noise_the_same_values_are_found_whoever_joins():
    assert looked(people())[1] == {"fee": [2_500], "rate": [7.5]}
    assert leaks() == []


def test_planted_exact_counts_in_a_private_fit_are_caught(monkeypatch):
    def peeking(table, schema, units, looks):
        return spikes.exact(table, schema)

    monkeypatch.setattr(spikes, "find", peeking)
    assert (40, 77, 0.125) in leaks(), "forty rows of one person are told as a value of many"


def test_no_fit_with_a_guarantee_takes_exact_counts_and_no_other_takes_noisy_ones(monkeypatch):
    used = []
    for name in ("find", "exact"):
        real = getattr(spikes, name)
        monkeypatch.setattr(
            spikes, name, lambda *a, _n=name, _real=real: used.append(_n) or _real(*a)
        )
    sk.fit(people(), SCHEMA, epsilon=4.0, generator="independent")
    assert used == ["find"]
    used.clear()
    sk.fit(people(), SCHEMA, generator="ctgan", options={"epochs": 1, "batch_size": 50})
    assert used == ["exact"]
    used.clear()
    without = {"epochs": 1, "batch_size": 50}
    sk.fit(people(), SCHEMA, generator="ctgan", options=without, spike_share=0)
    assert used == []


@pytest.mark.parametrize(("generator", "options"), [("independent", {}), ("dpctgan", TINY)])
def test_the_look_is_in_the_ledger_and_in_the_statement_and_inside_the_budget(generator, options):
    model = sk.fit(people(), SCHEMA, epsilon=4.0, generator=generator, options=options)
    statement = model.privacy
    assert statement.private
    assert statement.events[0].name == "values that many share"
    assert statement.events[0].mechanism == "discrete Gaussian with a threshold"
    assert statement.events[0].parameters["tables"] == 2
    assert statement.events[0].covered
    assert statement.events[0].in_release
    assert 0.99 * 4.0 < statement.epsilon <= 4.0
    event, *others = planned(
        SCHEMA, Making(epsilon=4.0, generator=generator, options=options)
    ).events
    assert accountant.cost([event, *others], delta=1e-6).epsilon == statement.epsilon
    assert accountant.cost(others, delta=1e-6).epsilon < statement.epsilon, "it is not free"
    entry = Ledger().history("t")[0]
    assert entry.events[0]["kind"] == "thresholded_tables"
    assert [e["name"] for e in entry.events] == [e.name for e in statement.events]
    assert statement.rho is None
    assert "threshold" in statement.rho_note or "Poisson" in statement.rho_note
    drawn = model.sample(2_000, seed=1)
    if generator == "independent":
        assert float((drawn["fee"] == 2_500).mean()) == pytest.approx(0.5, abs=0.1)


def test_the_statement_s_epsilon_covers_what_is_asked_for_at_every_share():
    for share in (0, 0.01, 0.04, 0.5):
        job = planned(
            SCHEMA, Making(epsilon=2.0, generator="independent", options={}, spike_share=share)
        )
        assert len(job.spike_looks) == (share > 0)
        assert 0.99 * 2.0 < accountant.cost(job.events, delta=job.delta).epsilon <= 2.0


def test_with_a_share_of_nothing_there_is_no_such_look():
    model = sk.fit(people(), SCHEMA, epsilon=4.0, generator="independent", spike_share=0)
    names = [e.name for e in model.privacy.events]
    assert names == ["roundness of numbers", "one-way tables"]
    assert [e["kind"] for e in Ledger().history("t")[0].events] == ["noisy_tables"] * 2


@pytest.mark.parametrize("share", [-0.1, 0.51, 1, float("nan"), True])
def test_a_share_out_of_range_is_refused_before_anything_is_charged(share):
    for generator, epsilon in (("independent", 1.0), ("ctgan", None)):
        with pytest.raises(InputError, match="spike_share must be a number"):
            sk.fit(people(), SCHEMA, epsilon=epsilon, generator=generator, spike_share=share)
    assert Ledger().history("t") == ()


PLAN = """\
synthkit: plan/1
name: T
table: t.csv
schema: t.yaml
output: bundle
generator: independent
epsilon: 4.0
rows: 50
"""


def write_plan(folder: Path, more: str = "") -> Path:
    people().write_csv(folder / "t.csv")
    (folder / "t.yaml").write_text(dump(SCHEMA))
    (folder / "plan.yaml").write_text(PLAN + more)
    return folder / "plan.yaml"


@pytest.mark.parametrize(
    ("more", "is_there"), [("", True), ("spike_share: 0.3\n", True), ("spike_share: 0\n", False)]
)
def test_a_plan_decides_whether_there_is_such_a_look(tmp_path, more, is_there):
    plan = sk.load_plan(write_plan(tmp_path, more))
    evidence = sk.run(plan).evidence
    names = [e.name for e in evidence.privacy.events]
    assert ("values that many share" in names) == is_there
    assert evidence.privacy.private
    assert evidence.privacy.epsilon <= 4.0


@pytest.mark.parametrize("share", ["-0.1", "0.51", ".nan", "half", "true"])
def test_a_share_out_of_range_in_a_plan_is_refused_when_it_is_read(tmp_path, share):
    with pytest.raises(ConfigError, match="one problem") as caught:
        sk.load_plan(write_plan(tmp_path, f"spike_share: {share}\n"))
    assert [d for d in caught.value.details if "spike_share" in d]


def test_domains_that_are_yet_to_be_bought_are_priced_with_the_look():
    opened = dataclasses.replace(
        SCHEMA,
        columns=(PERSON, *(Column(name=c.name, kind=c.kind) for c in (FEE, RATE, TOWN))),
    )
    model = sk.fit(people(), opened, epsilon=8.0, generator="independent")
    names = [e.name for e in model.privacy.events]
    assert "values that many share" in names
    assert names.index("values that many share") > names.index("bounds of columns")
    assert model.privacy.epsilon <= 8.0
    assert model.privacy.mu_delta == pytest.approx(0.2e-6, rel=0.01), "two thresholds"


WIDENED = """\
synthkit: schema/1
name: t
population: widened
unit: row
rows_public: 5000
columns:
  - {name: a, kind: integer, bounds: [0, 200], from: noisy}
  - {name: b, kind: integer}
constraints:
  - order: [b, a]
"""
"""A rule lets what is bought of b widen a, whose own domain was bought before and was narrow."""


def _reads_of_widened() -> tuple[int, int]:
    """Tables that the look reads, and those that are charged."""
    rng = np.random.default_rng(0)
    rows = pl.DataFrame({"a": rng.integers(0, 200, 3_000), "b": rng.integers(2_000, 9_000, 3_000)})
    # At 1 the bought bounds are now and then too narrow to need a look.
    making = Making(generator="independent", epsilon=4.0, delta=1e-6)
    job = planned(sk_schema.parse(WIDENED), making)
    (event,) = job.spike_looks
    with mechanism._recording() as tape:
        schema = bought(job, rows)
        spikes.find(rows, schema, np.arange(rows.height), job.spike_looks)
    assert schema.column("a").bounds[1] > 256
    of_look = [d for d in tape.draws if d.kind == "published_counts"]
    return len(of_look), event.tables


def test_a_column_that_a_rule_may_widen_is_charged_for():
    assert _reads_of_widened() == (2, 2)


def test_planted_a_column_that_a_rule_widened_unpaid_is_refused(monkeypatch):
    monkeypatch.setattr(number_looks, "column_names", lambda rule: ())
    with pytest.raises(IntegrityError, match="2 columns would be looked at, and 1 are charged"):
        _reads_of_widened()


def test_the_schema_of_a_model_whose_domains_a_rule_widened_serves_the_next_fit(tmp_path):
    rng = np.random.default_rng(0)
    rows = pl.DataFrame({"a": rng.integers(0, 200, 3_000), "b": rng.integers(2_000, 9_000, 3_000)})
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    given = {"epsilon": 1.0, "delta": 1e-6, "generator": "independent", "ledger": ledger}
    narrow = sk_schema.parse(WIDENED.split("  - {name: b")[0].replace(
        ", bounds: [0, 200], from: noisy", ""
    ))  # fmt: skip
    first = sk.fit(rows.select("a"), narrow, **given)
    both = sk_schema.parse(WIDENED)
    columns = (first.schema.column("a"), both.column("b"))
    second = sk.fit(rows, dataclasses.replace(both, columns=columns), **given)
    assert second.schema.column("a").bounds != first.schema.column("a").bounds
    third = sk.fit(rows, second.schema, **given)
    assert third.schema.column("a").bounds == second.schema.column("a").bounds

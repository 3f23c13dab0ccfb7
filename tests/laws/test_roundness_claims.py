"""Attacks on the claim about the roundness of numbers: what each would break is said.

Neighbouring tables differ by one person with all rows.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import polars as pl
import pytest

import synthkit as sk
from synthkit import schema as sk_schema
from synthkit.encode import roundness
from synthkit.errors import ConfigError, InputError, IntegrityError
from synthkit.pipeline import number_looks
from synthkit.pipeline.making import Making, bought, planned
from synthkit.privacy import accountant, mechanism
from synthkit.privacy.ledger import Ledger
from synthkit.schema import Column, Schema
from tests.laws.test_spike_claims import SCHEMA, TINY, WIDENED, people, write_plan

LOOK = "roundness of numbers"


def job(epsilon: float = 4.0, **more: Any):
    return planned(SCHEMA, Making(epsilon=epsilon, generator="independent", options={}, **more))


@pytest.mark.parametrize(("generator", "options"), [("independent", {}), ("dpctgan", TINY)])
def test_the_look_is_in_the_ledger_and_in_the_statement_and_inside_the_budget(generator, options):
    model = sk.fit(people(), SCHEMA, epsilon=4.0, generator=generator, options=options)
    statement = model.privacy
    assert statement.private
    (record,) = [e for e in statement.events if e.name == LOOK]
    assert record.mechanism == "discrete Gaussian"
    assert record.parameters["tables"] == 3, "levels of both columns, endings of fees"
    assert record.covered
    assert record.in_release
    assert record.share == pytest.approx(0.02, abs=0.002)
    assert 0.99 * 4.0 < statement.epsilon <= 4.0
    entry = Ledger().history("t")[0]
    assert [e["name"] for e in entry.events] == [e.name for e in statement.events]


def test_the_look_is_not_free():
    events = job().events
    others = [e for e in events if e.name != LOOK]
    assert len(others) == len(events) - 1
    cost = accountant.cost(events, delta=1e-6).epsilon
    assert accountant.cost(others, delta=1e-6).epsilon < cost <= 4.0


def test_a_fit_of_numbers_alone_still_has_a_rho():
    model = sk.fit(people(), SCHEMA, epsilon=4.0, generator="independent", spike_share=0)
    assert model.privacy.rho is not None


def test_no_fit_with_a_guarantee_takes_exact_counts_and_no_other_takes_noisy_ones(monkeypatch):
    used = []
    for name in ("find", "exact"):
        real = getattr(roundness, name)
        monkeypatch.setattr(
            roundness, name, lambda *a, _n=name, _real=real: used.append(_n) or _real(*a)
        )
    sk.fit(people(), SCHEMA, epsilon=4.0, generator="independent")
    assert used == ["find"]
    used.clear()
    sk.fit(people(), SCHEMA, generator="ctgan", options={"epochs": 1, "batch_size": 50})
    assert used == ["exact"]


def test_the_look_is_charged_before_it_is_taken(monkeypatch):
    class Died(Exception):
        pass

    def dies(*_: Any) -> None:
        raise Died

    monkeypatch.setattr(roundness, "find", dies)
    with pytest.raises(Died):
        sk.fit(people(), SCHEMA, epsilon=4.0, generator="independent")
    assert LOOK in [e["name"] for e in Ledger().history("t")[0].events]


def test_domains_that_are_yet_to_be_bought_are_priced_with_the_look():
    columns = (SCHEMA.columns[0], *(Column(name=c.name, kind=c.kind) for c in SCHEMA.columns[1:]))
    opened = dataclasses.replace(SCHEMA, columns=columns)
    model = sk.fit(people(), opened, epsilon=8.0, generator="independent")
    names = [e.name for e in model.privacy.events]
    assert names.index(LOOK) > names.index("bounds of columns")
    assert model.privacy.epsilon <= 8.0


@pytest.mark.parametrize("written", [None, 0, 2, 5])
def test_a_price_to_buy_is_fitted_whatever_decimals_are_written_of_it(written):
    """Two decimals are bought, and endings looked at: paid for whatever the schema says."""
    rng = np.random.default_rng(0)
    rows = pl.DataFrame({"price": np.floor(rng.lognormal(3, 1, 4_000)) + 0.99})
    schema = Schema(
        name="t",
        population="t",
        columns=(Column(name="price", kind="float", decimals=written),),
        unit="row",
    )
    making = Making(epsilon=8.0, generator="independent", options={})
    (look,) = planned(schema, making).round_looks
    assert look.tables == 2
    # The noise makes one fit in about a hundred buy other decimals (2 of 190 counted), and other
    # endings with them: three of five do so by chance with probability 1e-5.
    fits = [
        sk.fit(
            rows, schema, epsilon=8.0, generator="independent", spike_share=0, population=f"t{i}"
        )
        for i in range(5)
    ]
    found = [(m.schema.column("price").decimals, m.codec.parts[0].grid.endings) for m in fits]
    assert all(endings == (99,) for decimals, endings in found if decimals == 2)
    assert [decimals for decimals, _ in found].count(2) >= 3


@pytest.mark.parametrize("share", [0, 0.02, 0.3])
def test_the_share_decides_what_the_look_takes(share):
    events = job(roundness_share=share, spike_share=0).events
    assert [e.name for e in events] == [LOOK] * (share > 0) + ["one-way tables"]
    assert 0.99 * 4.0 < accountant.cost(events, delta=1e-6).epsilon <= 4.0
    if share:
        look, rest = events
        taken = look.tables / look.sigma**2
        assert taken / (taken + rest.tables / rest.sigma**2) == pytest.approx(share, rel=0.01)


def test_a_share_of_nothing_takes_no_exact_look_either(monkeypatch):
    monkeypatch.setattr(roundness, "exact", lambda *a: pytest.fail("it looked"))
    options = {"epochs": 1, "batch_size": 50}
    sk.fit(people(), SCHEMA, generator="ctgan", options=options, roundness_share=0)


@pytest.mark.parametrize("share", [-0.1, 0.51, 1, float("nan"), True, "0.1"])
def test_a_share_out_of_range_is_refused_before_anything_is_charged(share):
    for generator, epsilon in (("independent", 1.0), ("ctgan", None)):
        with pytest.raises(InputError, match=r"roundness_share must be a number from 0 to 0\.5"):
            sk.fit(people(), SCHEMA, epsilon=epsilon, generator=generator, roundness_share=share)
    assert Ledger().history("t") == ()


@pytest.mark.parametrize(("more", "is_there"), [("", True), ("roundness_share: 0\n", False)])
def test_a_plan_decides_whether_there_is_such_a_look(tmp_path, more, is_there):
    evidence = sk.run(sk.load_plan(write_plan(tmp_path, more))).evidence
    assert (LOOK in [e.name for e in evidence.privacy.events]) == is_there


def test_a_share_out_of_range_in_a_plan_is_refused_when_it_is_read(tmp_path):
    with pytest.raises(ConfigError, match="one problem") as caught:
        sk.load_plan(write_plan(tmp_path, "roundness_share: 0.6\n"))
    assert [d for d in caught.value.details if "roundness_share" in d]


@pytest.mark.parametrize(("spikes", "rounds"), [(0.5, 0.46), (0.47, 0.5)])
def test_shares_that_leave_the_generator_nothing_are_refused_by_name(spikes, rounds):
    said = rf"next to nothing of the budget: spike_share {spikes}, roundness_share {rounds}\."
    with pytest.raises(InputError, match=said) as caught:
        job(spike_share=spikes, roundness_share=rounds)
    assert "at most 0.95" in caught.value.hint
    assert len(job(spike_share=0.5, roundness_share=0.45).events) == 3
    # A share of a look that is not taken takes nothing.
    columns = (SCHEMA.columns[0], SCHEMA.columns[-1])
    narrow = Schema(name="t", population="t", columns=columns)
    making = Making(
        epsilon=1.0, generator="independent", options={}, spike_share=spikes, roundness_share=rounds
    )
    assert [e.name for e in planned(narrow, making).events] == ["one-way tables"]


def test_columns_without_wide_cells_have_no_look():
    columns = (SCHEMA.columns[0], SCHEMA.columns[-1])
    narrow = Schema(name="t", population="t", columns=columns)
    making = Making(epsilon=1.0, generator="independent", options={})
    assert [e.name for e in planned(narrow, making).events] == ["one-way tables"]


# --- a rule may widen what was narrow ------------------------------------------------------------


def reads_of_widened() -> tuple[int, int]:
    """Tables that the look reads, and those that are charged."""
    rng = np.random.default_rng(0)
    rows = pl.DataFrame({"a": rng.integers(0, 200, 3_000), "b": rng.integers(2_000, 9_000, 3_000)})
    making = Making(generator="independent", epsilon=4.0, delta=1e-6)
    plan = planned(sk_schema.parse(WIDENED), making)
    (event,) = plan.round_looks
    schema = bought(plan, rows)
    found = roundness.find(rows, schema, np.arange(rows.height), plan.round_looks)
    assert found is not None
    return len(found.counts) + len(found.endings), event.tables


def test_a_column_that_a_rule_may_widen_is_charged_for():
    assert reads_of_widened() == (4, 4), "levels and endings of both columns"


def test_planted_a_column_that_a_rule_widened_unpaid_is_refused(monkeypatch):
    monkeypatch.setattr(number_looks, "column_names", lambda rule: ())
    with pytest.raises(IntegrityError, match="4 tables would be looked at, and 2 are charged"):
        reads_of_widened()


# --- past the noise ------------------------------------------------------------------------------


def released(table: pl.DataFrame, tape: mechanism._Tape | None = None) -> tuple[Any, Any]:
    """Takes the look, under the noise of a tape if there is one; returns what is told, a tape."""
    units = np.arange(table.height)
    watching = mechanism._recording() if tape is None else mechanism._replaying(tape)
    with watching as new:
        found = roundness.find(table, SCHEMA, units, job().round_looks)
    tables = (found.counts, found.endings)
    return [{c: n.tolist() for c, n in named.items()} for named in tables], new


JOINING = {
    "a copy": {},
    "multiples": {"fee": 3_000, "rate": 10.0},
    "none": {"fee": 3_001, "rate": 3.14159265},
    "their own cells": {"fee": 0, "rate": 50.0},
    "missing": {"fee": None, "rate": None},
}


def leaks(cells: dict[str, Any]) -> bool:
    """Whether a row more is told under the same noise."""
    told, tape = released(people())
    row = people()[:1].with_columns(
        **{c: pl.lit(x, people().schema[c]) for c, x in cells.items()},
    )
    return released(pl.concat([people(), row]), tape)[0] != told


@pytest.mark.parametrize("cells", JOINING.values(), ids=JOINING)
def test_under_the_same_noise_the_same_is_told_whoever_joins(cells):
    assert not leaks(cells)


@pytest.mark.parametrize("cells", JOINING.values(), ids=JOINING)
def test_planted_a_look_without_noise_is_caught(cells, monkeypatch):
    monkeypatch.setattr(mechanism, "noisy_counts", lambda exact, **_: exact.copy())
    assert leaks(cells)


def test_planted_a_last_cell_without_noise_is_caught(monkeypatch):
    real = mechanism.noisy_counts
    monkeypatch.setattr(
        mechanism, "noisy_counts", lambda exact, **how: np.r_[real(exact, **how)[:-1], exact[-1:]]
    )
    assert leaks(JOINING["missing"])


def test_the_model_holds_weights_of_public_levels_and_no_count():
    model = sk.fit(people(5_000), SCHEMA, epsilon=8.0, generator="independent", spike_share=0)
    found = {p.name: p.roundness for p in model.codec.parts}
    assert found["fee"] is not None
    for part in model.codec.parts:
        if part.roundness is not None:
            assert part.roundness.shape == (part.grid.ladder.n_classes,)
            assert part.roundness.max() == 1.0

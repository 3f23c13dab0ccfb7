"""The order of a run: refuse what can be refused, charge the ledger, and only then look at rows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import synthkit as sk
from synthkit.errors import BudgetExceeded, InputError, SynthkitError
from synthkit.privacy.ledger import Ledger
from tests.pipeline.jobs import PLAN, SCHEMA, visits, write_job

POPULATION = "visits-test"


@pytest.fixture
def plan(tmp_path: Path) -> sk.Plan:
    return sk.load_plan(write_job(tmp_path / "job"))


@pytest.fixture
def _no_row_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails the test if the run opens a table."""
    import synthkit.source

    def refuse(path: Path) -> None:
        raise AssertionError(f"{path.name} was read")

    monkeypatch.setattr(synthkit.source, "read", refuse)


def history() -> list[str]:
    return [entry.action for entry in Ledger().history(POPULATION)]


class Crash(Exception):
    """A fault planted by a test."""


def crash(*_args: object, **_kwargs: object) -> None:
    raise Crash


@pytest.mark.usefixtures("_no_row_is_read")
class TestWithoutReadingARow:
    """Refused before a row is read and before the ledger is charged."""

    @pytest.mark.parametrize(
        "change",
        [
            {"policy": "interal"},
            {"policy": "/nowhere/policy.yaml"},
            {"signing_key": Path("/nowhere/team.key.pem")},
            {"schema": Path("/nowhere/schema.yaml")},
            {"generator": "independant"},
            {"epsilon": None},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_a_plan_that_cannot_work_costs_nothing(self, plan, change):
        with pytest.raises(InputError):
            sk.run(dataclasses.replace(plan, **change))
        assert history() == []

    def test_an_output_that_is_taken_costs_nothing(self, plan):
        plan.output.mkdir()
        with pytest.raises(InputError, match="already something"):
            sk.run(plan)
        assert history() == []

    def test_replace_does_not_replace_what_is_no_bundle(self, plan):
        plan.output.mkdir()
        (plan.output / "thesis.txt").write_text("years of work")
        with pytest.raises(InputError, match="not a bundle"):
            sk.run(dataclasses.replace(plan, replace=True))
        assert (plan.output / "thesis.txt").exists()
        assert history() == []

    def test_a_schema_with_a_fault_costs_nothing(self, plan):
        plan.schema.write_text(SCHEMA.replace("bounds:", "bonds:"))
        with pytest.raises(InputError):
            sk.run(plan)
        assert history() == []

    def test_a_ledger_that_cannot_be_opened_is_told_first(self, plan, monkeypatch):
        monkeypatch.setenv("SYNTHKIT_LEDGER", f"sqlite:///{plan.schema}/ledger.sqlite")
        with pytest.raises(SynthkitError):
            sk.run(plan)


@pytest.mark.parametrize(
    "change",
    [{"options": (("batch_size", 10),)}, {"device": "abacus", "generator": "dpctgan",
     "options": (("critic_stepz", 3),)}, {"delta": 7.0}],
    ids=["an option it lacks", "a misspelt option", "a delta above one"],
)  # fmt: skip
def test_options_that_cannot_be_used_cost_nothing(plan, change):
    with pytest.raises(InputError):
        sk.run(dataclasses.replace(plan, **change))
    assert history() == []


def test_a_table_that_breaks_its_schema_costs_nothing(plan):
    visits().with_columns(age=200).write_csv(plan.table)
    with pytest.raises(InputError, match="does not fit"):
        sk.run(plan)
    assert history() == []


def test_the_ledger_is_charged_before_any_count_is_taken(plan, monkeypatch):
    import synthkit.encode

    seen = []

    def look(*_args: object, **_kwargs: object) -> None:
        spent = Ledger().spent(POPULATION)
        seen.append((history(), spent.epsilon > 1.5, spent.unsettled))
        raise Crash

    monkeypatch.setattr(synthkit.encode, "fit", look)
    with pytest.raises(Crash):
        sk.run(plan)
    assert seen == [(["reserved"], True, 1)]


def test_a_crash_in_training_stays_charged_and_unsettled(plan, monkeypatch):
    import synthkit.generate.independent as plugin

    monkeypatch.setattr(plugin, "fit", crash)
    with pytest.raises(Crash):
        sk.run(plan)
    spent = Ledger().spent(POPULATION)
    assert 1.5 < spent.epsilon <= 2.0
    assert (spent.releases, spent.unsettled) == (1, 1)
    assert not plan.output.exists()


def test_a_second_run_over_the_cap_is_refused_before_training(plan, monkeypatch, command):
    import synthkit.encode
    import synthkit.generate.independent as plugin

    Ledger().set_cap(POPULATION, 2.5)
    monkeypatch.setattr(plugin, "fit", crash)
    with pytest.raises(Crash):
        sk.run(plan)
    before = Ledger().spent(POPULATION)
    monkeypatch.setattr(synthkit.encode, "fit", crash)
    with pytest.raises(BudgetExceeded):
        sk.run(plan)
    assert command("run", plan.schema.parent / "plan.yaml").code == 4
    assert Ledger().spent(POPULATION) == before
    assert history() == ["cap", "reserved", "refused", "refused"]


def test_a_fault_after_training_keeps_the_model_since_its_budget_is_spent(
    plan, monkeypatch, caplog
):
    import os

    import synthkit.pipeline.run

    monkeypatch.setattr(synthkit.pipeline.run, "gather_evidence", crash)
    with pytest.raises(Crash):
        sk.run(plan)
    kept = list(Path(os.environ["SYNTHKIT_HOME"], "rescued").iterdir())
    assert len(kept) == 1
    assert str(kept[0]) in caplog.text
    assert sk.Model.load(kept[0]).sample(20, seed=0).height == 20
    assert Ledger().spent(POPULATION).unsettled == 0


def test_the_plan_s_population_is_the_one_that_pays(plan, monkeypatch):
    import synthkit.pipeline.run

    monkeypatch.setattr(synthkit.pipeline.run, "gather_evidence", crash)
    with pytest.raises(Crash):
        sk.run(dataclasses.replace(plan, population="somebody-else"))
    assert history() == []
    assert Ledger().spent("somebody-else").releases == 1


def test_a_holdout_with_people_of_the_train_table_is_refused_and_costs_nothing(plan, tmp_path):
    visits(40, seed=9).write_csv(tmp_path / "later.csv")
    with pytest.raises(InputError, match="share people: 20 of 'patient'") as error:
        sk.run(dataclasses.replace(plan, holdout=tmp_path / "later.csv"))
    assert "Sentinel" not in error.value.message + error.value.hint
    assert history() == []


def test_the_same_file_as_train_and_holdout_is_refused_where_the_unit_is_the_row(tmp_path):
    rows = SCHEMA.replace("kind: person_id", "kind: id")
    plan = sk.load_plan(write_job(tmp_path, PLAN + "holdout: visits.csv\n", rows))
    with pytest.raises(InputError, match="same table"):
        sk.run(plan)
    assert history() == []

"""`list`, `budget`, `keys`, `inspect` and `check`."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.pipeline.jobs import SCHEMA


@pytest.mark.parametrize(
    ("what", "some"),
    [
        ("generators", {"ctgan", "dpctgan", "independent"}),
        ("metrics", {"tvd", "sdmetrics_quality", "tstr"}),
        ("attacks", {"exact_copies", "membership_inference"}),
        ("rules", {"max_epsilon", "no_uncovered_look", "schema_validity"}),
    ],
)
def test_list_names_what_there_is_with_one_line_each(command, what, some):
    outcome = command("list", what)
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert {line.split()[0] for line in lines} >= some
    assert all(len(line.split()) > 2 for line in lines), "every plugin says what it is"
    rows = json.loads(command("list", what, "--json").out)
    assert [r["name"] for r in rows] == [line.split()[0] for line in lines]


def test_a_budget_starts_at_nothing_with_a_cap_of_ten(command):
    printed = json.loads(command("budget", "show", "someone", "--json").out)
    assert printed["population"] == "someone"
    assert printed["spent"]["epsilon"] == 0
    assert printed["spent"]["cap"] == 10
    assert "no entry" in command("budget", "history", "someone").out
    assert json.loads(command("budget", "history", "someone", "--json").out)["entries"] == []


def test_a_cap_is_set_shown_and_written_into_the_history(command):
    outcome = command("budget", "cap", "someone", "3.5", "--json")
    assert json.loads(outcome.out)["spent"]["cap"] == 3.5
    assert "epsilon 3.5, about 3.500 left" in command("budget", "show", "someone").out
    entries = json.loads(command("budget", "history", "someone", "--json").out)["entries"]
    assert [(e["action"], e["epsilon"]) for e in entries] == [("cap", 3.5)]
    assert "cap" in command("budget", "history", "someone").out


@pytest.mark.parametrize("cap", ["0", "nan", "inf", "much"])
def test_a_cap_that_is_no_budget_is_refused(command, cap):
    outcome = command("budget", "cap", "someone", cap)
    assert outcome.code == 3
    assert outcome.err.count("error:") == 1
    assert "no entry" in command("budget", "history", "someone").out


def test_a_ledger_whose_past_was_changed_is_refused_with_exit_code_4(command):
    command("budget", "cap", "someone", "3.5")
    path = Path(os.environ["SYNTHKIT_HOME"]) / "ledger.sqlite"
    with sqlite3.connect(path) as database:
        parts = database.execute("select type, name from sqlite_master").fetchall()
        for trigger in (n for t, n in parts if t == "trigger"):
            database.execute(f"drop trigger {trigger}")
        for table in (n for t, n in parts if t == "table"):
            for _, column, *_ in database.execute(f"pragma table_info({table})").fetchall():
                database.execute(f"update {table} set {column} = replace({column}, '3.5', '99.5')")
    outcome = command("budget", "show", "someone")
    assert outcome.code == 4
    assert outcome.err.count("error:") == outcome.err.count("hint:") == 1


def test_keys_are_made_once_and_never_overwritten(command, tmp_path):
    outcome = command("keys", "new", "-o", tmp_path, "--name", "team", "--json")
    assert outcome.code == 0
    private, public = tmp_path / "team.key.pem", tmp_path / "team.pub.pem"
    printed = json.loads(outcome.out)
    assert (printed["private"], printed["public"]) == (str(private), str(public))
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "PRIVATE" not in outcome.out
    before = private.read_bytes(), public.read_bytes()
    again = command("keys", "new", "-o", tmp_path, "--name", "team")
    assert again.code == 3
    assert (private.read_bytes(), public.read_bytes()) == before


class TestInspect:
    def test_the_schema_goes_to_stdout_and_the_notes_to_stderr(self, command, tables):
        from synthkit.schema import parse

        outcome = command("inspect", tables / "train.csv")
        assert outcome.code == 0
        assert parse(outcome.out).person_id == "patient"
        assert outcome.err.startswith("- ")

    def test_json_holds_the_schema_and_the_notes(self, command, tables):
        outcome = command("inspect", tables / "train.csv", "--json")
        printed = json.loads(outcome.out)
        assert printed["schema"] == command("inspect", tables / "train.csv").out
        assert printed["notes"]
        assert printed["output"] is None

    def test_its_proposal_fits_the_table_and_takes_the_name_that_is_given(
        self, command, tables, tmp_path
    ):
        from synthkit.schema import load

        path = tmp_path / "schema.yaml"
        table = tables / "train.csv"
        assert command("inspect", table, "-o", path, "--name", "ward-visits").code == 0
        assert load(path).name == "ward-visits"
        assert command("check", table, "--schema", path).code == 0

    def test_a_schema_that_stands_there_is_replaced_only_on_request(
        self, command, tables, tmp_path
    ):
        path = tmp_path / "schema.yaml"
        path.write_text("reviewed by hand")
        outcome = command("inspect", tables / "train.csv", "-o", path)
        assert (outcome.code, "--replace" in outcome.err) == (3, True)
        assert path.read_text() == "reviewed by hand"
        assert command("inspect", tables / "train.csv", "-o", path, "--replace").code == 0
        assert path.read_text() != "reviewed by hand"

    def test_an_output_folder_that_is_not_there_is_told_first(self, command, tmp_path):
        outcome = command("inspect", tmp_path / "none.csv", "-o", tmp_path / "none" / "s.yaml")
        assert (outcome.code, "There is no folder" in outcome.err) == (3, True)


def test_check_prints_json_for_a_sound_table_and_for_a_broken_one(command, tables, tmp_path):
    sound = command("check", tables / "train.csv", "-s", tables / "schema.yaml", "--json")
    assert (sound.code, json.loads(sound.out)["ok"]) == (0, True)
    (tmp_path / "narrow.yaml").write_text(SCHEMA.replace("[0, 120]", "[0, 30]"))
    broken = command("check", tables / "train.csv", "-s", tmp_path / "narrow.yaml", "--json")
    printed = json.loads(broken.out)
    assert (broken.code, printed["ok"]) == (3, False)
    assert [p["column"] for p in printed["problems"]] == ["age"]


def test_a_population_that_never_spent_is_said_so(command) -> None:
    assert command("budget", "cap", "clinic-a", "3").code == 0
    outcome = command("budget", "show", "clinic-b")
    assert outcome.code == 0
    assert "no entry for clinic-b" in outcome.err
    assert "clinic-a" in outcome.err
    assert "no entry" not in command("budget", "show", "clinic-a").err


def test_a_file_called_data_is_named_after_its_folder(tmp_path) -> None:
    from synthkit.cli.arguments import table_name

    assert table_name(tmp_path / "clinic" / "data.parquet") == "clinic"
    assert table_name(tmp_path / "clinic" / "visits.csv") == "visits"


def test_every_option_that_a_generator_takes_is_listed(command):
    from synthkit.generate import dpctgan

    outcome = command("list", "options")
    assert outcome.code == 0
    for option in dpctgan.OPTIONS:
        assert f"\n{option.name}=" in f"\n{outcome.out}"
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "match_steps=-1  (at least 0 and at most 1,000,000, or -1)\n" in outcome.out
    rows = json.loads(command("list", "options", "dpgan", "--json").out)
    assert {r["name"]: r["default"] for r in rows}["critic_steps"] == 2000
    assert all(set(r) == {"name", "default", "values", "meaning"} for r in rows)
    assert command("list", "options", "independent").out == (
        "The generator 'independent' has no options.\n"
    )


def test_the_options_of_an_unknown_generator_are_a_usage_error(command):
    missing = command("list", "options", "dpgn")
    assert (missing.code, missing.out) == (3, "")
    assert "dpgan" in missing.err

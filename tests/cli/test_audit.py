"""`audit`: what is printed and written, what it is asked for, and the exit codes."""

from __future__ import annotations

import dataclasses
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from synthkit.artifacts import Audit
from synthkit.canonical import canonical_json, read_json
from synthkit.errors import BudgetExceeded
from tests.pipeline.jobs import write_job
from tests.report import samples

CODES = {"pass": 0, "refused": 1, "inconclusive": 2}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Takes the place of the fit: what the command asks for, and the `answer` that it gets."""
    found: dict[str, Any] = {"calls": 0, "answer": samples.audit()}

    def audit(plan: Any, **given: Any) -> Audit:
        found.update(given, plan=plan, calls=found["calls"] + 1)
        if isinstance(found["answer"], Exception):
            raise found["answer"]
        return found["answer"]  # type: ignore[no-any-return]

    stand_in = types.ModuleType("synthkit.pipeline.auditing")
    stand_in.audit = audit  # type: ignore[attr-defined]
    import synthkit.pipeline

    monkeypatch.setitem(sys.modules, "synthkit.pipeline.auditing", stand_in)
    monkeypatch.setattr(synthkit.pipeline, "auditing", stand_in, raising=False)
    return found


@pytest.mark.parametrize("verdict", CODES)
def test_the_exit_code_is_the_verdict(verdict, asked, command, tmp_path):
    asked["answer"] = samples.audit(verdict=verdict)
    assert command("audit", write_job(tmp_path)).code == CODES[verdict]


def test_it_prints_both_bounds_beside_the_claim(asked, command, tmp_path):
    outcome = command("audit", write_job(tmp_path))
    assert outcome.err == ""
    for words in (
        "PASS - nothing found by an audit",
        "1,000 made-up people, 507 of them in the copy",
        "epsilon 0.999 at delta 1e-06",
        "at least epsilon 0.24 (confidence 95%, could show up to 5.42)",
        "at least epsilon 0.61 (confidence 95%)",
        "one person more: Control flow",
        "No bound is above the claim",
    ):
        assert words in outcome.out, outcome.out


def test_a_weak_audit_is_not_called_safe(asked, command, tmp_path):
    asked["answer"] = samples.audit(verdict="inconclusive")
    assert "no sign of safety" in command("audit", write_job(tmp_path)).out


def test_the_plan_and_its_overrides_arrive(asked, command, tmp_path):
    options = ["--canaries", 500, "--confidence", 0.99, "--generator", "dpctgan", "--device", "cpu"]
    command("audit", write_job(tmp_path), *options)
    assert (asked["canaries"], asked["confidence"]) == (500, 0.99)
    assert (asked["plan"].generator, asked["plan"].device) == ("dpctgan", "cpu")
    assert asked["plan"].table == tmp_path / "visits.csv"


def test_the_folder_holds_the_audit_and_its_page(asked, command, tmp_path):
    folder = tmp_path / "some" / "audit"
    outcome = command("audit", write_job(tmp_path), "-o", folder)
    assert outcome.code == 0
    assert read_json(Audit, (folder / "audit.json").read_bytes()) == samples.audit()
    assert "Nothing found by an audit" in (folder / "audit.html").read_text()
    assert sorted(p.name for p in folder.iterdir()) == ["audit.html", "audit.json"]
    assert str(folder / "audit.json") in outcome.out


def test_json_is_the_audit(asked, command, tmp_path):
    printed = json.loads(command("audit", write_job(tmp_path), "--json").out)
    assert read_json(Audit, json.dumps(printed["audit"])) == samples.audit()


@pytest.mark.parametrize(
    "options",
    [
        ["--confidence", "0.5"],
        ["--confidence", "1"],
        ["--confidence", "nan"],
        ["--canaries", "10"],
        ["--device", "tpu"],
        ["--generator", "none-such"],
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_charged(options, asked, command, tmp_path):
    outcome = command("audit", write_job(tmp_path), *options)
    assert outcome.code == 3
    assert "hint:" in outcome.err
    assert asked["calls"] == 0


def test_an_audit_is_not_overwritten_unless_asked(asked, command, tmp_path):
    plan, folder = write_job(tmp_path), tmp_path / "audit"
    folder.mkdir()
    (folder / "audit.json").write_text("old")
    outcome = command("audit", plan, "-o", folder)
    assert (outcome.code, asked["calls"]) == (3, 0)
    assert "--replace" in outcome.err
    assert (folder / "audit.json").read_text() == "old"
    assert command("audit", plan, "-o", folder, "--replace").code == 0
    assert (folder / "audit.json").read_text() != "old"


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_charged(asked, command, tmp_path):
    (tmp_path / "file").write_text("")
    outcome = command("audit", write_job(tmp_path / "job"), "-o", tmp_path / "file" / "audit")
    assert outcome.code != 0
    assert "could not be made" in outcome.err
    assert asked["calls"] == 0


def test_what_was_found_is_printed_even_where_it_cannot_be_written(
    asked, command, tmp_path, monkeypatch
):
    import synthkit.cli.auditing
    from synthkit.errors import PublishError

    def full(*_: object) -> None:
        raise PublishError("The disk is full.", hint="Make room.")

    monkeypatch.setattr(synthkit.cli.auditing, "write_text", full)
    outcome = command("audit", write_job(tmp_path), "-o", tmp_path / "audit")
    assert outcome.code not in (0, 1, 2)
    assert "at least epsilon 0.61" in outcome.out
    assert "The disk is full." in outcome.err


def test_a_spent_budget_is_told_as_such(asked, command, tmp_path):
    asked["answer"] = BudgetExceeded("The cap would be passed.", hint="Ask for less.")
    assert command("audit", write_job(tmp_path)).code == 4


def test_a_name_with_control_codes_does_not_reach_the_terminal(asked, command, tmp_path):
    asked["answer"] = dataclasses.replace(samples.audit(), name="a\x1b[2Jb")
    assert "\x1b" not in command("audit", write_job(tmp_path)).out


def test_a_plan_may_name_an_audit_and_only_an_audit(command, tmp_path: Path):
    from tests.pipeline.jobs import PLAN

    plan = write_job(tmp_path, PLAN + "audit: mine/audit.json\n")
    missing = command("run", plan)
    assert missing.code == 3
    assert "mine/audit.json could not be read" in missing.err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "audit.json").write_text('{"secret": "cell"}')
    wrong = command("run", plan)
    assert wrong.code == 3
    assert "is not an audit" in wrong.err
    assert "cell" not in wrong.err
    assert not (tmp_path / "bundle").exists()
    assert canonical_json(samples.audit())  # what it wants can be written

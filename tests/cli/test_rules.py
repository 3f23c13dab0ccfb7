"""Rules on the command line: counted by `check`, kept and told by `sample` and `run`."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

RULES = """\
constraints:
  - {column: grade, follows: ward}
  - {when: {column: age, range: [60, null]}, then: {column: returned, is: true}, exactly: true}
"""


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    from tests.pipeline.jobs import SCHEMA, visits

    visits(400).write_csv(tmp_path / "visits.csv")
    (tmp_path / "visits.yaml").write_text(SCHEMA + RULES)
    return tmp_path / "visits.yaml"


def test_check_counts_rows_that_break_rules_and_lets_the_table_be_used(command, schema):
    outcome = command("check", schema.with_name("visits.csv"), "--schema", schema, "--json")
    assert outcome.code == 0
    found = json.loads(outcome.out)
    assert found["ok"] is True
    assert [p["column"] for p in found["problems"]] == ["grade", "returned"]
    assert all(p["severity"] == "warning" and 0 < p["rows"] < 400 for p in found["problems"])
    plain = command("check", schema.with_name("visits.csv"), "--schema", schema)
    assert "break the rule: returned is true exactly when age is 60 or more." in plain.out


def test_a_model_carries_its_rules_and_sample_keeps_and_tells_them(command, schema, tmp_path):
    path = tmp_path / "m.model"
    table = schema.with_name("visits.csv")
    fit = ("fit", table, "--schema", schema, "--epsilon", 5, "--generator", "independent")
    assert command(*fit, "-o", path).code == 0
    outcome = command("sample", path, "-n", 500, "-o", tmp_path / "s.parquet", "--json")
    printed = json.loads(outcome.out)
    rows = pl.read_parquet(tmp_path / "s.parquet")
    assert rows.select("ward", "grade").unique().height == rows["ward"].n_unique()
    assert rows.filter((pl.col("age") >= 60) != pl.col("returned")).height == 0
    assert [r["rule"] for r in printed["rules"]] == ["rule1", "rule2"]
    assert 0 < printed["rules"][1]["broken_as_drawn"] < printed["redrawn_share"] < 1
    plain = command("sample", path, "-n", 50, "-o", tmp_path / "s.csv", "--where", "returned=true")
    assert "2 rules hold in all rows" in plain.out
    assert (pl.read_csv(tmp_path / "s.csv")["age"] >= 60).all()
    impossible = ("--where", "returned=true", "--where", "age=..50")
    refused = command("sample", path, "-n", 50, "-o", tmp_path / "t.csv", *impossible)
    assert refused.code == 3
    assert "No row that obeys the schema's rules meets the condition." in refused.err


def test_a_run_writes_rules_into_evidence_suite_and_report(command, schema, tmp_path):
    from tests.pipeline.jobs import PLAN

    (tmp_path / "plan.yaml").write_text(PLAN)
    outcome = command("run", tmp_path / "plan.yaml", "--json")
    assert outcome.code in (0, 1, 2), outcome.err
    bundle = tmp_path / "bundle"
    evidence = json.loads((bundle / "evidence.json").read_text())
    assert [r["rule"] for r in evidence["rules"]] == ["rule1", "rule2"]
    assert evidence["rules"][0]["words"] == "grade follows ward"
    assert 0 < evidence["measurements"]["rules.redrawn_share"]["value"] < 1
    own = [r for r in evidence["validity"]["results"] if r["rule"].startswith("rule")]
    assert {r["outcome"] for r in own} == {"pass"}
    assert {r["rule"] for r in own} == {"rule1.follows", "rule2.implies"}
    assert "rule1.follows" in (bundle / "suite.json").read_text()
    assert "learned:" in (bundle / "schema.yaml").read_text()
    page = (bundle / "report.html").read_text()
    assert "returned is true exactly when age is 60 or more" in page
    assert "Rules that the schema declares of every row" in page

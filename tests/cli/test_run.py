"""`run` and `demo`: what is printed, what overrides the plan, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synthkit.privacy.ledger import Ledger
from tests.cli.test_files import POLICY
from tests.pipeline.jobs import PLAN, write_job


@pytest.fixture
def job(tmp_path: Path, evidence: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plan whose evaluation is taken from the shared evidence: `run` itself is the subject."""
    import synthkit.pipeline.run
    from synthkit.pipeline.documents import read_evidence

    found = read_evidence(evidence)
    monkeypatch.setattr(synthkit.pipeline.run, "gather_evidence", lambda *_a, **_k: (found, b"{}"))
    (tmp_path / "policy.yaml").write_text(POLICY.replace("LIMIT", "300"))
    return write_job(tmp_path, PLAN + "policy: policy.yaml\n")


@pytest.mark.parametrize(
    ("rule", "code", "verdict"),
    [
        ("{rule: min_rows, limit: 300}", 0, "pass"),
        ("{rule: min_rows, limit: 301}", 1, "refused"),
        ("{rule: exact_copies, limit: 0.5, min_n: 1000000}", 2, "inconclusive"),
    ],
)
def test_the_exit_code_of_a_run_is_its_verdict(job, command, rule, code, verdict):
    text = POLICY.replace("{rule: min_rows, limit: LIMIT}", rule)
    (job.parent / "policy.yaml").write_text(text)
    outcome = command("run", job, "--json")
    assert outcome.code == code
    printed = json.loads(outcome.out)
    assert printed["verdict"] == verdict
    assert 1.8 < printed["epsilon"] <= 2
    assert Path(printed["report"]).is_file()
    assert Path(printed["public_key"]).is_file()


def test_it_says_verdict_privacy_and_where_to_look(job, command):
    outcome = command("run", job)
    assert outcome.code == 0
    assert outcome.err == ""
    for word in (
        "PASS",
        "epsilon 2.000 at delta",
        "per person (patient)",
        "visits-test",
        "report.html",
    ):
        assert word in outcome.out
    check = outcome.out.split("synthkit verify ")[1].splitlines()[0].split()
    assert command("verify", *check).code == 0


def test_options_override_the_plan(job, command):
    assert command("run", job, "--population", "others", "--seed", 9, "--device", "cpu").code == 0
    assert Ledger().history("visits-test") == ()
    evidence = json.loads((job.parent / "bundle" / "evidence.json").read_text())
    assert evidence["provenance"]["seed"] == 9
    assert evidence["privacy"]["population"] == "others"


def test_replace_is_asked_for_and_then_replaces(job, command):
    assert command("run", job).code == 0
    before = (job.parent / "bundle" / "manifest.json").read_bytes()
    refused = command("run", job)
    assert (refused.code, "--replace" in refused.err) == (3, True)
    assert (job.parent / "bundle" / "manifest.json").read_bytes() == before
    assert Ledger().spent("visits-test").releases == 1
    assert command("run", job, "--replace").code == 0
    assert (job.parent / "bundle" / "manifest.json").read_bytes() != before


def test_a_private_generator_given_over_a_plan_without_epsilon_is_refused(job, command):
    job.write_text(job.read_text().replace("epsilon: 2.0\n", "").replace("independent", "ctgan"))
    outcome = command("run", job, "--generator", "independent")
    assert (outcome.code, "needs an epsilon" in outcome.err) == (3, True)
    assert Ledger().history("visits-test") == ()


@pytest.mark.parametrize(
    ("option", "value"), [("--device", "abacus"), ("--generator", "none"), ("--seed", "-1"),
    ("--population", "two\nlines")],
)  # fmt: skip
def test_an_override_that_cannot_be_used_costs_nothing(job, command, option, value):
    outcome = command("run", job, option, value)
    assert outcome.code == 3
    assert outcome.err.count("error:") == outcome.err.count("hint:") == 1
    assert Ledger().history("visits-test") == ()
    assert not (job.parent / "bundle").exists()


def test_over_the_cap_the_exit_code_is_4(job, command):
    command("budget", "cap", "visits-test", "1")
    outcome = command("run", job)
    assert (outcome.code, "visits-test" in outcome.err) == (4, True)


class TestDemo:
    def test_an_unknown_example_gets_the_list(self, command, tmp_path):
        outcome = command("demo", "sales", "-o", tmp_path / "demo")
        assert (outcome.code, "reviews" in outcome.err) == (3, True)
        assert not (tmp_path / "demo").exists()

    def test_a_folder_that_holds_something_else_is_left_alone(self, command, tmp_path):
        (tmp_path / "thesis.txt").write_text("years of work")
        outcome = command("demo", "-o", tmp_path)
        assert (outcome.code, "something else" in outcome.err) == (3, True)
        assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]

    @pytest.mark.parametrize("epsilon", ["0", "nan"])
    def test_an_epsilon_that_is_no_budget_makes_no_folder(self, command, tmp_path, epsilon):
        outcome = command("demo", "-o", tmp_path / "demo", "--epsilon", epsilon)
        assert outcome.code == 3
        assert not (tmp_path / "demo").exists()

    def test_the_plan_it_writes_is_a_plan(self, tmp_path):
        from synthkit import load_plan
        from synthkit.pipeline.demo import write_demo

        plan = write_demo(tmp_path / "demo", "patients", epsilon=2.0)
        assert plan == load_plan(tmp_path / "demo" / "plan.yaml")
        assert plan.epsilon == 2.0
        assert plan.table.is_file()
        assert plan.schema.is_file()
        assert plan.signing_key is not None
        assert plan.signing_key.is_file()
        again = write_demo(tmp_path / "demo", "reviews", epsilon=1.0)
        assert again.table.name == "reviews.parquet"
        assert not plan.table.exists(), "an earlier demo's folder is replaced as a whole"


def test_the_audit_that_a_plan_names_is_in_evidence_and_report(job, command):
    from synthkit.canonical import canonical_json
    from synthkit.pipeline.documents import read_evidence
    from tests.report import samples

    (job.parent / "audit.json").write_bytes(canonical_json(samples.audit()))
    job.write_text(job.read_text() + "audit: audit.json\n")
    assert command("run", job).code == 0
    bundle = job.parent / "bundle"
    found = read_evidence(bundle / "evidence.json")
    assert found.audit == samples.audit()
    # It is of another table's plan, so it is printed and does not count.
    assert found.audit_plan_sha256 != samples.audit().plan_sha256
    assert "It says nothing of this release" in (bundle / "report.html").read_text()

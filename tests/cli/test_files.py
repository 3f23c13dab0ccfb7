"""`evaluate`, `gate`, `report` and `verify`: from files to files, each step on the one before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.jobs import NOTE, PATIENT, VISIT

POLICY = """\
synthkit: policy/1
id: own
version: 1.0.0
recipient_class: internal
description: A policy with one rule.
valid_days: 30
rules:
  - {rule: min_rows, limit: LIMIT}
"""


@pytest.fixture
def verdict(evidence: Path, command, tmp_path: Path) -> Path:
    command("gate", evidence, "--policy", "internal", "-o", tmp_path / "verdict.json")
    return tmp_path / "verdict.json"


@pytest.fixture
def policy(tmp_path: Path):
    def write(limit: int) -> Path:
        path = tmp_path / "policy.yaml"
        path.write_text(POLICY.replace("LIMIT", str(limit)))
        return path

    return write


class TestEvaluate:
    def test_any_table_can_be_measured_and_the_numbers_are_printed(
        self, command, evaluate_options, tmp_path
    ):
        outcome = command("evaluate", *evaluate_options, "-o", tmp_path / "evidence.json")
        assert outcome.code == 0
        assert "fidelity.tvd2" in outcome.out
        assert "error" not in outcome.err

    def test_json_holds_what_the_file_holds(self, command, evaluate_options, tmp_path):
        path = tmp_path / "evidence.json"
        outcome = command("evaluate", *evaluate_options, "-o", path, "--json")
        printed = json.loads(outcome.out)
        assert printed["output"] == str(path)
        assert printed["measurements"] == json.loads(path.read_text())["measurements"]

    def test_the_same_tables_and_seed_give_the_same_numbers(
        self, command, evaluate_options, tmp_path, evidence
    ):
        command("evaluate", *evaluate_options, "-o", tmp_path / "again.json")
        again = json.loads((tmp_path / "again.json").read_text())
        assert again["measurements"] == json.loads(evidence.read_text())["measurements"]

    def test_no_cell_of_the_secret_columns_is_in_the_evidence(self, evidence):
        text = evidence.read_text()
        assert not [s for s in (PATIENT, VISIT, NOTE) if s in text]

    def test_an_output_that_cannot_be_written_is_told_before_a_row_is_read(
        self, command, evaluate_options, tmp_path, monkeypatch
    ):
        import synthkit.source

        def refuse(_path: Path) -> None:
            raise AssertionError("a table was read")

        monkeypatch.setattr(synthkit.source, "read", refuse)
        outcome = command("evaluate", *evaluate_options, "-o", tmp_path / "none" / "e.json")
        assert outcome.code == 3
        assert "There is no folder" in outcome.err

    def test_the_train_table_given_as_holdout_is_refused(self, command, evaluate_options, tmp_path):
        options = [evaluate_options[1] if o == evaluate_options[3] else o for o in evaluate_options]
        outcome = command("evaluate", *options, "-o", tmp_path / "e.json")
        assert outcome.code == 3
        assert "share people" in outcome.err
        assert not (tmp_path / "e.json").exists()

    @pytest.mark.parametrize(
        ("option", "named"),
        [("--train", "train table"), ("--holdout", "holdout"), ("--synthetic", "synthetic table")],
    )
    def test_the_table_that_has_another_schema_is_named(
        self, command, evaluate_options, tmp_path, option, named
    ):
        other = tmp_path / "other.csv"
        other.write_text("colour\nred\n")
        options = list(evaluate_options)
        options[options.index(option) + 1] = other
        outcome = command("evaluate", *options, "-o", tmp_path / "e.json")
        assert (outcome.code, f"The {named} does not fit its schema" in outcome.err) == (3, True)


class TestGate:
    def test_a_foreign_table_has_no_privacy_statement_and_is_inconclusive(self, command, evidence):
        outcome = command("gate", evidence, "--policy", "internal", "--json")
        decision = json.loads(outcome.out)
        found = {r["rule"]: r["outcome"] for r in decision["rules"]}
        assert found["max_epsilon"] == found["no_uncovered_look"] == "inconclusive"
        assert decision["verdict"] == ("refused" if "fail" in found.values() else "inconclusive")
        assert outcome.code == {"refused": 1, "inconclusive": 2}[decision["verdict"]]

    def test_only_privacy_is_asked_and_the_exit_code_is_2(self, command, evidence, tmp_path):
        rules = (
            "{rule: max_epsilon, limit: 3}\n  - {rule: no_uncovered_look, allow_data_domains: true}"
        )
        text = POLICY.replace("{rule: min_rows, limit: LIMIT}", rules)
        (tmp_path / "privacy.yaml").write_text(text)
        outcome = command("gate", evidence, "--policy", tmp_path / "privacy.yaml")
        assert outcome.code == 2
        assert "INCONCLUSIVE" in outcome.out

    @pytest.mark.parametrize(("limit", "code", "word"), [(300, 0, "PASS"), (301, 1, "REFUSED")])
    def test_pass_and_refusal_by_one_row(self, command, evidence, policy, limit, code, word):
        outcome = command("gate", evidence, "--policy", policy(limit))
        assert outcome.code == code
        assert word in outcome.out

    def test_the_verdict_file_is_what_json_prints(self, command, evidence, tmp_path):
        outcome = command(
            "gate", evidence, "--policy", "public", "-o", tmp_path / "v.json", "--json"
        )
        assert json.loads((tmp_path / "v.json").read_text()) == json.loads(outcome.out)

    @pytest.mark.parametrize(
        "content",
        ["", "{", "[]", "null", '{"name": "x"}', "measurements: {}",
         '{"name": 5, "measurements": {}, "rows_synthetic": "many"}'],
    )  # fmt: skip
    def test_what_is_no_evidence_is_refused_in_one_sentence(self, command, tmp_path, content):
        (tmp_path / "evidence.json").write_text(content)
        outcome = command("gate", tmp_path / "evidence.json", "--policy", "internal")
        assert outcome.code == 3
        assert "evidence.json is not evidence" in outcome.err
        assert outcome.err.count("error:") == outcome.err.count("hint:") == 1
        assert "Traceback" not in outcome.err

    def test_a_number_that_is_none_is_never_a_pass(self, command, evidence, policy, tmp_path):
        text = POLICY.replace(
            "{rule: min_rows, limit: LIMIT}", "{rule: marginal_fidelity, limit: 0.9}"
        )
        (tmp_path / "fidelity.yaml").write_text(text)
        sound = command("gate", evidence, "--policy", tmp_path / "fidelity.yaml")
        assert sound.code == 0
        document = json.loads(evidence.read_text())
        for number in (float("nan"), None):
            document["measurements"]["fidelity.tvd1"]["value"] = number
            (tmp_path / "e.json").write_text(json.dumps(document))
            outcome = command("gate", tmp_path / "e.json", "--policy", tmp_path / "fidelity.yaml")
            assert outcome.code == 2, outcome

    def test_a_missing_file_and_a_missing_folder_are_named(self, command, evidence, tmp_path):
        outcome = command("gate", tmp_path / "none.json", "--policy", "internal")
        assert (outcome.code, "none.json" in outcome.err) == (3, True)
        outcome = command("gate", evidence, "-p", "internal", "-o", tmp_path / "none" / "v.json")
        assert (outcome.code, "no folder" in outcome.err) == (3, True)


class TestReport:
    def test_evidence_and_its_verdict_give_a_page_and_its_json_twin(
        self, command, evidence, verdict, tmp_path
    ):
        outcome = command("report", evidence, verdict, "-o", tmp_path / "report", "--json")
        assert outcome.code == 0
        printed = json.loads(outcome.out)
        assert Path(printed["report"]).read_text().lstrip().lower().startswith("<!doctype html")
        twin = json.loads(Path(printed["json"]).read_text())
        assert twin["evidence"] == json.loads(evidence.read_text())
        assert twin["decision"] == json.loads(verdict.read_text())

    def test_a_verdict_on_other_evidence_is_refused_with_exit_code_4(
        self, command, evidence, verdict, tmp_path
    ):
        document = json.loads(evidence.read_text())
        document["rows_synthetic"] += 1
        (tmp_path / "tampered.json").write_text(json.dumps(document))
        outcome = command("report", tmp_path / "tampered.json", verdict, "-o", tmp_path / "report")
        assert outcome.code == 4
        assert "other evidence" in outcome.err
        assert not (tmp_path / "report").exists()

    def test_evidence_and_verdict_given_the_wrong_way_round_are_told(
        self, command, evidence, verdict, tmp_path
    ):
        outcome = command("report", verdict, evidence, "-o", tmp_path / "report")
        assert outcome.code == 3
        assert "verdict.json is not evidence" in outcome.err
        outcome = command("report", evidence, evidence, "-o", tmp_path / "report")
        assert outcome.code == 3
        assert "evidence.json is not a verdict" in outcome.err

    def test_an_output_that_is_a_file_is_told(self, command, evidence, verdict):
        outcome = command("report", evidence, verdict, "-o", evidence)
        assert outcome.code == 3
        assert "could not be made" in outcome.err


def test_verify_says_whole_or_what_is_wrong(command, tmp_path):
    from synthkit.release import keys, publish

    pair = keys.new(tmp_path / "keys", name="team")
    private = keys.load_private(pair.private)
    files = {"synthetic.csv": b"age\n3\n"}
    publish(
        tmp_path / "bundle", files, audiences={"synthetic.csv": "release"},
        facts={"verdict": "pass"}, private_key=private,
    )  # fmt: skip
    whole = command("verify", tmp_path / "bundle", "--key", pair.public, "--json")
    assert (whole.code, json.loads(whole.out)["ok"]) == (0, True)
    (tmp_path / "bundle" / "synthetic.csv").write_bytes(b"age\n4\n")
    altered = command("verify", tmp_path / "bundle", "--key", pair.public, "--json")
    assert (altered.code, json.loads(altered.out)["ok"]) == (4, False)
    assert "synthetic.csv" in " ".join(json.loads(altered.out)["problems"])
    nothing = command("verify", tmp_path / "none", "--key", pair.public)
    assert (nothing.code, "none" in nothing.err) == (3, True)

"""Whole runs: what the bundle holds when a plan is carried out to its end."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import polars as pl
import pytest

import synthkit as sk
from synthkit.errors import PublishError
from synthkit.privacy.ledger import Ledger
from tests.pipeline.jobs import ENCODED, NOTE, PATIENT, PLAN, SCHEMA, VISIT, visits, write_job

FULL_STAGES = {
    "read and check", "plan the noise", "measure and encode", "train", "sample", "evaluate",
    "validate",
}  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory):
    """One run as most people start it: a person id, one file, defaults."""
    folder = tmp_path_factory.mktemp("plain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNTHKIT_HOME", str(folder / "home"))
        yield sk.run(sk.load_plan(write_job(folder / "job")))


@pytest.fixture(scope="module")
def clamped(tmp_path_factory: pytest.TempPathFactory):
    """A run on a table that breaks its schema, clamped; by row, with a holdout file and a key."""
    from synthkit.release import keys

    folder = tmp_path_factory.mktemp("clamped")
    text = SCHEMA.replace("kind: person_id", "kind: id").replace("rows_public: 300\n", "")
    text = text.replace("[north, south, east], from: public", "[north, south, east], from: data")
    plan = PLAN + "domains: as_written\ninvalid_values: clamp\nholdout: later.csv\n"
    plan += "signing_key: keys/team.key.pem\n"
    path = write_job(folder / "job", plan, text)
    keys.new(folder / "job" / "keys", name="team")
    ugly = {
        "age": pl.when(pl.int_range(pl.len()) % 9 == 0).then(7000).otherwise("age"),
        "ward": pl.when(pl.int_range(pl.len()) % 11 == 0).then(pl.lit("attic")).otherwise("ward"),
        "admitted": pl.when(pl.int_range(pl.len()) % 13 == 0)
        .then(pl.lit("soon"))
        .otherwise(pl.col("admitted").cast(pl.String)),
    }
    visits().with_columns(**ugly).write_csv(path.parent / "visits.csv")
    visits(120, seed=5, first_patient=900).with_columns(**ugly).write_csv(path.parent / "later.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNTHKIT_HOME", str(folder / "home"))
        yield sk.run(sk.load_plan(path))


def test_the_default_number_of_rows_is_the_public_one(plain):
    assert plain.evidence.rows_synthetic == plain.evidence.provenance.rows_requested == 300
    assert pl.read_parquet(plain.bundle / "synthetic.parquet").height == 300


def test_without_a_public_number_it_is_the_noisy_number_of_units_in_hundreds(clamped):
    rows = clamped.evidence.rows_synthetic
    assert rows % 100 == 0
    assert 300 <= rows <= 500, "400 rows, each its own unit"


def test_csv_and_parquet_of_a_bundle_hold_the_same_rows(plain, clamped):
    from synthkit.schema import Schema, load
    from synthkit.source import conform, read

    for result in (plain, clamped):
        schema = load(result.bundle / "schema.yaml")
        learned = Schema(**{**vars(schema), "columns": schema.encoded, "unit": "row"})
        parquet, csv = (read(result.bundle / f"synthetic.{e}") for e in ("parquet", "csv"))
        assert parquet.columns == ENCODED
        assert conform(csv, learned).equals(conform(parquet, learned))


def test_the_split_is_by_person(plain):
    assert "persons, each with all of their rows" in plain.evidence.provenance.split
    assert plain.evidence.privacy.unit == "person"


def test_a_second_file_is_the_holdout(clamped):
    split = clamped.evidence.provenance.split
    assert split == "train and holdout came as two files: 400 and 120 rows"


def test_clamp_lets_an_invalid_table_through_and_the_result_obeys_the_schema(clamped):
    validity = clamped.evidence.validity
    assert {r.outcome for r in validity.results} == {"pass"}
    rows = pl.read_parquet(clamped.bundle / "synthetic.parquet")
    assert rows["age"].max() <= 120
    assert set(rows["ward"].drop_nulls()) <= {"north", "south", "east"}


def test_the_row_unit_and_domains_from_data_are_warned_of_and_person_units_are_not(plain, clamped):
    assert any("privacy unit is the row" in w for w in clamped.evidence.warnings)
    assert any("read from the data" in w and "ward" in w for w in clamped.evidence.warnings)
    assert not any("privacy unit" in w or "from the data" in w for w in plain.evidence.warnings)
    for result in (plain, clamped):
        assert any("Free text is left out" in w and "note" in w for w in result.evidence.warnings)


def test_domains_from_data_keep_schema_and_suite_inside(plain, clamped):
    for result, audience in ((plain, "release"), (clamped, "internal")):
        manifest = json.loads((result.bundle / "manifest.json").read_text())
        found = {f["path"]: f["audience"] for f in manifest["files"]}
        assert found["schema.yaml"] == found["suite.json"] == audience
        assert found["synthetic.csv"] == found["synthetic.parquet"] == "release"
        inside = {"evidence.json", "verdict.json", "report.html", "report.json"}
        assert {found[name] for name in inside} == {"internal"}


def test_the_signed_facts_are_those_of_evidence_and_verdict(plain):
    facts = sk.verify(plain.bundle, plain.public_key).facts
    assert facts["verdict"] == plain.decision.verdict
    assert facts["epsilon"] == plain.evidence.privacy.epsilon
    assert facts["release_id"] == plain.evidence.release_id
    assert facts["rows"] == 300
    assert facts["private"] is True


def test_the_plan_s_own_key_signs(clamped, plain):
    assert clamped.public_key.name == "team.pub.pem"
    assert sk.verify(clamped.bundle, clamped.public_key).ok
    assert not sk.verify(clamped.bundle, plain.public_key).ok


def test_evidence_names_omitted_columns_stages_and_the_evaluation_as_a_look(plain):
    evidence = plain.evidence
    assert {o.column for o in evidence.omissions} == {"visit", "patient", "note"}
    assert set(evidence.provenance.seconds) >= FULL_STAGES
    looks = [e for e in evidence.privacy.events if not e.covered]
    assert [(e.name, e.in_release) for e in looks] == [("evaluation on real rows", False)]
    assert evidence.privacy.private


def test_evidence_and_verdict_on_disk_are_those_of_the_result(plain):
    from synthkit.pipeline.documents import read_evidence, read_verdict

    assert read_evidence(plain.bundle / "evidence.json") == plain.evidence
    assert read_verdict(plain.bundle / "verdict.json") == plain.decision


def test_no_sentinel_of_the_table_is_in_any_file(plain, clamped):
    for result in (plain, clamped):
        for path in result.bundle.iterdir():
            data = path.read_bytes()
            if path.suffix == ".parquet":
                data = pl.read_parquet(path).write_csv().encode()
            for sentinel in (PATIENT, VISIT, NOTE, "attic"):
                assert sentinel.encode() not in data, (path.name, sentinel)


def test_a_publication_that_fails_keeps_the_model_and_replace_keeps_the_old_bundle(
    plain, tmp_path, monkeypatch
):
    import synthkit.pipeline.run
    import synthkit.release

    plan = sk.load_plan(write_job(tmp_path / "job"))
    evidence, suite = plain.evidence, b"{}"
    monkeypatch.setattr(
        synthkit.pipeline.run, "gather_evidence", lambda *_a, **_k: (evidence, suite)
    )
    first = sk.run(plan)
    manifest = (first.bundle / "manifest.json").read_bytes()
    publish = synthkit.release.publish

    def fails(*_args: object, **_kwargs: object) -> Path:
        raise PublishError("The bundle could not be written.", hint="Make space.")

    monkeypatch.setattr(synthkit.release, "publish", fails)
    with pytest.raises(PublishError, match="could not be written") as error:
        sk.run(dataclasses.replace(plan, replace=True))
    kept = Path(error.value.hint.split("kept at ")[1].split(":")[0])
    assert kept.is_relative_to(os.environ["SYNTHKIT_HOME"])
    assert sk.Model.load(kept).sample(30).height == 30
    assert (first.bundle / "manifest.json").read_bytes() == manifest
    assert Ledger().spent("visits-test").releases == 2

    monkeypatch.setattr(synthkit.release, "publish", publish)
    second = sk.run(dataclasses.replace(plan, replace=True))
    assert second.bundle == first.bundle
    assert (first.bundle / "manifest.json").read_bytes() != manifest
    assert sk.verify(second.bundle, second.public_key).ok
    assert sorted(p.name for p in plan.output.parent.iterdir()) == [
        "bundle", "plan.yaml", "visits.csv", "visits.yaml",
    ]  # fmt: skip


def test_the_bundle_holds_exactly_the_rows_that_the_model_drew(tmp_path, monkeypatch):
    # No filter against real rows between model and table: a run may not drop, say, exact copies.
    from synthkit.pipeline.drawing import Drawing

    monkeypatch.setenv("SYNTHKIT_HOME", str(tmp_path / "home"))
    drawn: list[pl.DataFrame] = []
    table = Drawing.table

    def watched(self: Drawing) -> pl.DataFrame:
        drawn.append(table(self))
        return drawn[-1]

    monkeypatch.setattr(Drawing, "table", watched)
    result = sk.run(sk.load_plan(write_job(tmp_path / "job")))
    assert len(drawn) == 1
    assert pl.read_parquet(result.bundle / "synthetic.parquet").equals(drawn[0])

"""The main job on the bundled examples, from nothing to a verified bundle."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import polars as pl
import pytest

BUNDLE_FILES = {
    "synthetic.parquet", "synthetic.csv", "schema.yaml", "evidence.json", "verdict.json",
    "report.html", "report.json", "suite.json", "manifest.json", "attestation.dsse.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory):
    """One demo run with the network blocked, shared by the tests of this file."""
    from synthkit.pipeline.demo import demo

    folder = tmp_path_factory.mktemp("demo") / "synthkit-demo"
    patch = pytest.MonkeyPatch()
    patch.setenv("SYNTHKIT_HOME", str(tmp_path_factory.mktemp("home")))

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("the main job opened a network connection")

    patch.setattr(socket.socket, "connect", refuse)
    patch.setattr(socket, "getaddrinfo", refuse)
    result = demo("reviews", folder=folder)
    patch.undo()
    return folder, result


def test_the_demo_passes_its_policy(demo_folder):
    _, result = demo_folder
    hindering = [r for r in result.decision.rules if r.outcome != "pass"]
    assert result.decision.verdict == "pass", hindering


def test_the_bundle_is_whole(demo_folder):
    folder, _ = demo_folder
    assert {p.name for p in (folder / "bundle").iterdir()} == BUNDLE_FILES


def test_epsilon_spent_is_at_most_what_was_asked_and_the_ledger_agrees(demo_folder):
    from synthkit.pipeline.making import making_of, planned
    from synthkit.pipeline.plan import load_plan
    from synthkit.privacy import accountant
    from synthkit.privacy.ledger import Ledger
    from synthkit.schema import load

    folder, result = demo_folder
    privacy = result.evidence.privacy
    assert privacy.private
    assert 0.9 < privacy.epsilon <= 1.0
    spent = Ledger(f"sqlite:///{folder / 'ledger.sqlite'}").spent(privacy.population)
    # An account takes the deltas of thresholds on top of its own delta, a claim out of it.
    plan = load_plan(folder / "plan.yaml")
    job = planned(load(plan.schema), making_of(plan))
    account = accountant.cost(job.events, delta=job.delta, thresholds_on_top=True)
    assert spent.epsilon == pytest.approx(account.epsilon, rel=1e-9)
    assert spent.delta == pytest.approx(account.delta, rel=1e-9)
    assert privacy.unit == "person"


def test_the_synthetic_table_has_the_schema_s_columns_and_no_identifier(demo_folder):
    folder, _ = demo_folder
    from synthkit.schema import load

    schema = load(folder / "reviews.schema.yaml")
    parquet = pl.read_parquet(folder / "bundle" / "synthetic.parquet")
    csv = pl.read_csv(folder / "bundle" / "synthetic.csv", infer_schema_length=None)
    assert parquet.columns == csv.columns == [c.name for c in schema.encoded]
    assert parquet.height == csv.height == 20_000
    assert not {"customer_id", "review_id", "review_text"} & set(parquet.columns)


def test_no_identifier_or_free_text_of_the_real_table_is_anywhere_in_the_bundle(demo_folder):
    folder, _ = demo_folder
    real = pl.read_parquet(folder / "reviews.parquet")
    needles = [
        str(v).encode()
        for name in ("customer_id", "review_id", "review_text")
        for v in real[name].cast(pl.String).unique().drop_nulls().sort().head(300)
        if len(str(v)) >= 6
    ]
    assert len(needles) >= 300
    for path in (folder / "bundle").iterdir():
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data = pl.read_parquet(path).write_csv().encode()
        assert not [n for n in needles if n in data], path.name


def test_the_report_is_one_page_that_fetches_nothing(demo_folder):
    folder, _ = demo_folder
    page = (folder / "bundle" / "report.html").read_text()
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "PASS" in page.upper()


def test_the_json_twin_and_the_verdict_agree(demo_folder):
    folder, result = demo_folder
    twin = json.loads((folder / "bundle" / "report.json").read_text())
    assert twin["decision"]["verdict"] == result.decision.verdict
    assert twin["evidence"]["release_id"] == result.evidence.release_id


def test_verify_passes_and_is_quick_and_names_each_altered_file(demo_folder, tmp_path):
    import shutil
    import time

    from synthkit.pipeline.python_api import verify

    folder, result = demo_folder
    start = time.process_time()
    assert verify(folder / "bundle", result.public_key).ok
    assert time.process_time() - start < 2.0
    for name in sorted(BUNDLE_FILES):
        copy = tmp_path / name.replace(".", "-")
        shutil.copytree(folder / "bundle", copy)
        data = bytearray((copy / name).read_bytes())
        data[len(data) // 2] ^= 1
        (copy / name).write_bytes(bytes(data))
        found = verify(copy, result.public_key)
        assert not found.ok, name
        assert any(name in p for p in found.problems), (name, found.problems)


def test_gating_the_bundle_s_evidence_again_gives_the_same_verdict(demo_folder, command, tmp_path):
    folder, _result = demo_folder
    evidence = folder / "bundle" / "evidence.json"
    outcome = command("gate", evidence, "--policy", "internal", "-o", tmp_path / "verdict.json")
    assert outcome.code == 0
    again = (tmp_path / "verdict.json").read_bytes()
    assert again == (folder / "bundle" / "verdict.json").read_bytes()
    assert command("report", evidence, tmp_path / "verdict.json", "-o", tmp_path / "r").code == 0
    page = (tmp_path / "r" / "report.html").read_bytes()
    assert page == (folder / "bundle" / "report.html").read_bytes()


@pytest.mark.slow
def test_the_patients_demo_completes_with_a_verdict(tmp_path: Path):
    from synthkit.pipeline.demo import demo

    result = demo("patients", folder=tmp_path / "demo")
    assert result.decision.verdict == "pass", result.decision.rules


def test_digests_of_internal_files_cannot_be_guessed_from_their_content(demo_folder):
    """The manifest is released: a digest of figures alone could be found by trying figures."""
    folder, result = demo_folder
    bundle = folder / "bundle"
    secret = result.evidence.provenance.source_fingerprint  # keyed by this installation
    assert len(secret) >= 64
    manifest = json.loads((bundle / "manifest.json").read_text())
    internal = {f["path"]: f for f in manifest["files"] if f["audience"] == "internal"}
    assert set(internal) == {"evidence.json", "report.html", "report.json", "verdict.json"}
    for name in internal:
        text = (bundle / name).read_text()
        assert secret in text or internal["evidence.json"]["sha256"] in text, name
    assert secret in (bundle / "evidence.json").read_text()
    released = [f["path"] for f in manifest["files"] if f["audience"] == "release"]
    assert not any(secret.encode() in (bundle / name).read_bytes() for name in released)
    assert secret not in (bundle / "manifest.json").read_text()

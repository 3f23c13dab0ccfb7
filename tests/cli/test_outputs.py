"""What commands do to files that stand where they would write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synthkit.privacy.ledger import Ledger


@pytest.fixture
def job(tables: Path, model: Path, tmp_path: Path):
    """Gives the arguments of a command that writes `out.csv`, on copies that may be lost."""
    for name in ("train.csv", "schema.yaml"):
        (tmp_path / name).write_bytes((tables / name).read_bytes())
    (tmp_path / "m").write_bytes(model.read_bytes())
    (tmp_path / "partial.csv").write_text("age,ward\n44,\n,north\n")

    def arguments(name: str, output: Path = tmp_path / "out.csv") -> list[object]:
        table, schema = tmp_path / "train.csv", tmp_path / "schema.yaml"
        return {
            "fit": ["fit", table, "-s", schema, "--epsilon", 1, "--generator", "independent"],
            "sample": ["sample", tmp_path / "m", "-n", 5],
            "complete": ["complete", tmp_path / "m", tmp_path / "partial.csv"],
        }[name] + ["-o", output]

    return arguments


WRITERS = ("fit", "sample", "complete")


@pytest.mark.parametrize("name", WRITERS)
def test_an_output_that_exists_is_refused_before_anything_is_read_or_spent(
    job, command, tmp_path, monkeypatch, name
):
    import synthkit.source
    from synthkit.generate import storage

    def refuse(_path: Path) -> None:
        raise AssertionError("a file was read")

    with monkeypatch.context() as patch:
        patch.setattr(synthkit.source, "read", refuse)
        patch.setattr(storage, "load", refuse)
        (tmp_path / "out.csv").write_text("paid for")
        outcome = command(*job(name))
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err.splitlines() == [
        f"error: {tmp_path / 'out.csv'} exists already.",
        "hint: Pass --replace to replace it, or choose another name.",
    ]
    assert (tmp_path / "out.csv").read_text() == "paid for"
    assert Ledger().history("visits-test") == ()


@pytest.mark.parametrize("name", WRITERS)
def test_it_is_replaced_where_that_is_asked_for(job, command, tmp_path, name):
    (tmp_path / "out.csv").write_text("old")
    outcome = command(*job(name), "--replace")
    assert outcome.code == 0, outcome
    assert (tmp_path / "out.csv").read_bytes() != b"old"


@pytest.mark.parametrize(
    ("name", "own"),
    [("fit", "train.csv"), ("fit", "schema.yaml"), ("complete", "partial.csv"), ("sample", "m")],
)
@pytest.mark.parametrize("way", ["name", "link", "hard link", "other path"])
def test_no_command_replaces_what_it_reads(job, command, tmp_path, name, own, way):
    if name == "sample":  # it writes tables alone: the model has a table's name here
        (tmp_path / "m").rename(tmp_path / "m.csv")
        (tmp_path / "m").symlink_to(tmp_path / "m.csv")
        own = "m.csv"
    output = tmp_path / own
    if way == "link":
        (tmp_path / "other.csv").symlink_to(output)
    elif way == "hard link":
        os.link(output, tmp_path / "other.csv")
    elif way == "other path":
        output = tmp_path / ".." / tmp_path.name / own
    if "link" in way:
        output = tmp_path / "other.csv"
    before = (tmp_path / own).read_bytes()
    outcome = command(*job(name, output), "--replace")
    assert (outcome.code, "output and an input at once" in outcome.err) == (3, True), outcome
    assert (tmp_path / own).read_bytes() == before
    assert Ledger().history("visits-test") == ()


def test_evaluate_gate_and_inspect_do_not_write_over_what_they_read(
    command, evaluate_options, evidence, job, tmp_path
):
    table = tmp_path / "train.csv"
    before = table.read_bytes()
    measured = [table if o == evaluate_options[1] else o for o in evaluate_options]
    copy = tmp_path / "evidence.json"
    copy.write_bytes(evidence.read_bytes())
    for arguments in (
        ["evaluate", *measured, "-o", table],
        ["inspect", table, "-o", table, "--replace"],
        ["gate", copy, "--policy", "internal", "-o", copy],
    ):
        outcome = command(*arguments)
        assert (outcome.code, "output and an input at once" in outcome.err) == (3, True), outcome
    assert table.read_bytes() == before
    assert copy.read_bytes() == evidence.read_bytes()


def test_evaluate_and_gate_replace_what_they_wrote_themselves_and_no_other_file(
    command, evaluate_options, evidence, tmp_path
):
    """A model or a table of the same name would be lost; last week's evidence is expected to be."""
    gate = ["gate", evidence, "--policy", "internal"]
    for arguments, what in (([*gate], "a verdict"), (["evaluate", *evaluate_options], "evidence")):
        output = tmp_path / "out.json"
        output.write_bytes(b"PAR1 somebody's table")
        outcome = command(*arguments, "-o", output)
        assert (outcome.code, f"out.json is not {what}, and is not replaced." in outcome.err) == (
            3,
            True,
        ), outcome
        assert "delete the file" in outcome.err
        assert output.read_bytes() == b"PAR1 somebody's table"
        output.unlink()
        first, again = (command(*arguments, "-o", output) for _ in range(2))
        assert first.code == again.code != 3
        assert b"PAR1" not in output.read_bytes()
        output.unlink()


def test_a_signed_bundle_is_never_written_into(command, evaluate_options, evidence, tmp_path):
    """Its signature would no longer hold, whatever the file is."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "attestation.dsse.json").write_text("{}")
    verdict = tmp_path / "verdict.json"
    assert command("gate", evidence, "--policy", "internal", "-o", verdict).code != 3
    (bundle / "verdict.json").write_bytes(verdict.read_bytes())
    for arguments in (
        ["gate", evidence, "--policy", "internal", "-o", bundle / "verdict.json"],
        ["evaluate", *evaluate_options, "-o", bundle / "new.json"],
        ["report", evidence, verdict, "-o", bundle],
    ):
        outcome = command(*arguments)
        assert (outcome.code, "bundle is a signed bundle" in outcome.err) == (3, True), outcome
    assert {p.name for p in bundle.iterdir()} == {"attestation.dsse.json", "verdict.json"}


def test_a_name_that_is_too_long_is_said_to_be(command, evidence, tmp_path):
    outcome = command("gate", evidence, "--policy", "internal", "-o", tmp_path / ("x" * 300))
    assert (outcome.code, "name of the output is too long" in outcome.err) == (3, True), outcome


@pytest.mark.parametrize("kind", ["pipe", "link", "link to nothing", "link to a device"])
@pytest.mark.parametrize("name", WRITERS)
def test_what_is_no_file_is_never_replaced(job, command, tmp_path, name, kind):
    output = tmp_path / "out.csv"
    if kind == "pipe":
        os.mkfifo(output)
    elif kind == "link":
        (tmp_path / "there.csv").write_text("there")
        output.symlink_to(tmp_path / "there.csv")
    else:
        output.symlink_to("/dev/null" if kind == "link to a device" else tmp_path / "none")
    outcome = command(*job(name, output), "--replace")
    assert (outcome.code, "a link, a device or a pipe" in outcome.err) == (3, True), outcome
    assert not output.is_file() or output.read_text() == "there"
    assert Ledger().history("visits-test") == ()


def test_a_model_that_comes_up_during_a_fit_is_kept_and_so_is_the_new_one(
    job, command, tmp_path, monkeypatch
):
    """Two fits under one name: neither loses what it has paid for."""
    import synthkit.pipeline.fitting as fitting

    fit = fitting.fit

    def beside_another(*args: object, **kwargs: object):
        found = fit(*args, **kwargs)
        (tmp_path / "out.csv").write_text("the other's")
        return found

    monkeypatch.setattr(fitting, "fit", beside_another)
    outcome = command(*job("fit"))
    assert (outcome.code, "exists already" in outcome.err) == (3, True), outcome
    assert (tmp_path / "out.csv").read_text() == "the other's"
    kept = Path(outcome.err.split("kept at ")[1].split(":")[0])
    assert command("sample", kept, "-n", 5, "-o", tmp_path / "s.csv").code == 0


def test_a_table_that_comes_up_during_a_drawing_is_kept(job, command, tmp_path, monkeypatch):
    from synthkit.pipeline.drawing import Drawing

    chunks = Drawing.chunks

    def beside_another(self: Drawing):
        (tmp_path / "out.csv").write_text("the other's")
        return chunks(self)

    monkeypatch.setattr(Drawing, "chunks", beside_another)
    outcome = command(*job("sample"))
    assert (outcome.code, "exists already" in outcome.err) == (3, True), outcome
    assert (tmp_path / "out.csv").read_text() == "the other's"

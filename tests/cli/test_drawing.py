"""`sample` with shares and segments, `complete` and `segments`, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.generate.conftest import SMALL


@pytest.fixture(scope="module")
def model(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import synthkit as sk
    from synthkit.privacy.ledger import Ledger
    from synthkit.schema import load

    folder = tmp_path_factory.mktemp("mixture")
    ledger = Ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
    sk.fit(
        sk.read(tables / "train.csv"), load(tables / "schema.yaml"),
        epsilon=8.0, options=SMALL, ledger=ledger,
    ).save(folder / "m")  # fmt: skip
    return folder / "m"


def test_a_condition_is_told_with_its_mass_and_what_it_rests_on(model, command, tmp_path):
    outcome = command(
        "sample", model, "-n", 100, "-o", tmp_path / "s.csv", "--where", "age=30..60",
        "--where", "segment=1/3", "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome
    (condition,) = json.loads(outcome.out)["conditions"]
    support = condition["support"]
    assert 0 < support["mass"] < 1
    assert support["effective"] <= support["drawn"]
    assert pl.read_csv(tmp_path / "s.csv")["age"].is_between(30, 60).all()
    plain = command("sample", model, "-n", 100, "-o", tmp_path / "t.csv", "--where", "age=30..60")
    assert "of the model's rows satisfy the condition" in plain.out


def test_shares_and_balance_are_exact(model, command, tmp_path):
    path = tmp_path / "s.csv"
    command("sample", model, "-n", 90, "-o", path, "--balance", "ward")
    assert set(pl.read_csv(path)["ward"].value_counts()["count"]) == {30}
    command(
        "sample", model, "-n", 100, "-o", path, "--share", "ward=north:0.5",
        "--share", "ward=east:0.25", "--replace",
    )  # fmt: skip
    counts = dict(pl.read_csv(path)["ward"].value_counts().iter_rows())
    assert counts == {"north": 50, "east": 25, "south": 25}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--share", "ward"], "COLUMN=VALUE:SHARE"),
        (["--share", "ward=north"], "COLUMN=VALUE:SHARE"),
        (["--share", "ward=north:two"], "COLUMN=VALUE:SHARE"),
        (["--share", "ward=north:1.2"], "COLUMN=VALUE:SHARE"),
        (["--share", "ward=north:0.1", "--share", "ward=north:0.2"], "twice"),
        (["--share", "ward=north:0.1", "--balance", "ward"], "exclude each other"),
        (["--balance", "age"], "no categories"),
        (["--where", "segment=77"], "no segment 77"),
    ],
)
def test_what_cannot_be_balanced_is_refused_and_leaves_nothing(
    model, command, tmp_path, arguments, word
):
    outcome = command("sample", model, "-n", 5, "-o", tmp_path / "s.csv", *arguments)
    assert (outcome.code, word in outcome.err) == (3, True), outcome
    assert outcome.err.count("error:") == outcome.err.count("hint:") == 1
    assert list(tmp_path.iterdir()) == []


def test_rows_of_next_to_one_latent_are_noted_and_others_are_not(model, command, tmp_path):
    ask = ("sample", model, "-n", 60_000, "-o", tmp_path / "s.parquet", "--where")
    outcome = command(*ask, "segment=50/50")
    assert outcome.code == 0, outcome
    assert "they mix about 1.0 of its 64 latents" in outcome.out
    assert "beyond the condition, links between their columns" in outcome.err
    (tmp_path / "s.parquet").unlink()
    outcome = command(*ask, "ward=north")
    assert outcome.code == 0, outcome
    assert "of its 64 latents" in outcome.out
    assert "Note" not in outcome.err


def test_the_help_of_a_condition_says_missing_as_it_is_written(command):
    printed = " ".join(command("sample", "--help").out.split())
    assert "with nothing after the equals sign: cells that are missing" in printed
    assert "(missing)" not in printed


def test_partial_rows_are_completed_and_real_cells_are_called_real(model, command, tmp_path):
    partial = tmp_path / "partial.csv"
    partial.write_text("age,ward,weight\n44,,60.5\n,north,\n")
    outcome = command("complete", model, partial, "-o", tmp_path / "whole.csv", "--seed", 1)
    assert outcome.code == 0, outcome
    assert "real ones stay real" in outcome.err
    rows = pl.read_csv(tmp_path / "whole.csv")
    assert rows.select("age", "weight").row(0) == (44, 60.5)
    assert rows["ward"][1] == "north"
    assert rows.null_count().sum_horizontal().item() == 0
    again = ("complete", model, partial, "-o", tmp_path / "whole.csv", "--replace", "--json")
    printed = command(*again).out
    assert json.loads(printed)["covered_by_epsilon"] is False
    assert "no epsilon covers" in " ".join(command("complete", "--help").out.split())


def test_a_long_drawing_tells_rows_done_and_a_short_one_nothing(
    model, command, tmp_path, monkeypatch
):
    from synthkit.cli import console

    partial = tmp_path / "partial.csv"
    partial.write_text("age,ward\n44,\n,north\n")
    sample = ("sample", model, "-n", 250, "-o", tmp_path / "s.csv", "--replace")
    complete = ("complete", model, partial, "-o", tmp_path / "w.csv", "--replace")
    listed = ("segments", model, "--count", 2)
    assert command(*sample).err == ""
    monkeypatch.setattr(console, "FIRST_LINE_S", 0.0)
    monkeypatch.setattr(console, "BETWEEN_LINES_S", 0.0)
    monkeypatch.setattr("synthkit.pipeline.drawing.CHUNK_ROWS", 100)
    told = command(*sample).err
    assert "read the model, after" in told
    for rows, share in ((100, 40), (200, 80), (250, 100)):
        assert f"sample {share}% ({rows}/250 rows, " in told
    assert "complete 100% (2/2 rows, 0 s left)" in command(*complete).err
    assert "find segments, after" in command(*listed).err


def test_rows_outside_the_domain_are_refused_in_counts(model, command, tmp_path):
    partial = tmp_path / "partial.csv"
    partial.write_text("age,ward\n444,\n,Atlantis\n")
    outcome = command("complete", model, partial, "-o", tmp_path / "whole.csv")
    assert outcome.code == 3
    assert "outside the model's domain" in outcome.err
    assert "Atlantis" not in outcome.err
    assert "444" not in outcome.err
    assert not (tmp_path / "whole.csv").exists()


def test_fewer_segments_than_were_asked_for_are_told(model, command, monkeypatch):
    from synthkit.pipeline.model import Model

    two = Model.load(model).segments(2)
    monkeypatch.setattr(Model, "segments", lambda self, count: two)
    outcome = command("segments", model, "--count", 3)
    assert outcome.code == 0
    assert "The model has 2 segments that differ, not 3." in outcome.err + outcome.out


@pytest.mark.parametrize(
    ("mass", "words"), [(1.0, "100.000%"), (0.12345, "12.345%"), (1.2e-5, "0.0012%")]
)
def test_a_small_mass_does_not_look_like_none(mass, words):
    from synthkit.cli.drawing import _share

    assert _share(mass) == words


def test_segments_are_listed(model, command):
    outcome = command("segments", model, "--count", 3)
    assert outcome.code == 0
    assert "Segment 1" in outcome.out
    assert "overall" in outcome.out
    found = json.loads(command("segments", model, "--count", 3, "--json").out)["segments"]
    assert sum(s["share"] for s in found) == pytest.approx(1)

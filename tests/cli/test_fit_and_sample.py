"""`fit` and `sample`: a model from a table, and tables from the model."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from synthkit.privacy.ledger import Ledger


@pytest.fixture
def fit(command, tables, tmp_path):
    def run(*more: object, output: Path = tmp_path / "model"):
        return command(
            "fit", tables / "train.csv", "--schema", tables / "schema.yaml", "-o", output,
            "--generator", "independent", *more,
        )  # fmt: skip

    return run


def test_fit_says_what_was_spent_and_the_model_samples(fit, command, tmp_path):
    outcome = fit("--epsilon", 1, "--json")
    assert outcome.code == 0
    printed = json.loads(outcome.out)
    assert printed["model"] == str(tmp_path / "model")
    assert 0.9 < printed["privacy"]["epsilon"] <= 1
    assert printed["privacy"]["population"] == "visits-test"
    drawn = command("sample", tmp_path / "model", "-n", 10, "-o", tmp_path / "s.csv", "--json")
    assert json.loads(drawn.out) == {"output": str(tmp_path / "s.csv"), "rows": 10}
    assert pl.read_csv(tmp_path / "s.csv").height == 10


def test_fit_charges_the_population_that_is_named(fit):
    assert fit("--epsilon", 1, "--population", "others").code == 0
    assert Ledger().spent("visits-test").releases == 0
    assert Ledger().spent("others").releases == 1


def test_a_private_generator_without_an_epsilon_is_refused(fit, tmp_path):
    outcome = fit()
    assert outcome.code == 3
    assert "--epsilon" in outcome.err
    assert not (tmp_path / "model").exists()


def test_options_reach_the_generator_as_numbers(command, tables, tmp_path, monkeypatch):
    import synthkit.generate.dpctgan as plugin

    seen: dict[str, object] = {}

    class Seen(Exception):
        pass

    def plan(*, options, **_rest):
        seen.update(options)
        raise Seen

    monkeypatch.setattr(plugin, "plan", plan)
    outcome = command(
        "fit", tables / "train.csv", "--schema", tables / "schema.yaml", "-o", tmp_path / "m",
        "--epsilon", 1, "--option", "critic_steps=20", "--option", "sample_rate=0.1",
        "--option", "flag=true", "--option", "word=a=b",
    )  # fmt: skip
    assert "Seen" in outcome.err
    assert seen == {"critic_steps": 20, "sample_rate": 0.1, "flag": True, "word": "a=b"}
    assert type(seen["critic_steps"]) is int


@pytest.mark.parametrize(
    ("option", "word"),
    [("critic_steps=many", "whole number"), ("critic_stepz=3", "critic_steps"),
     ("critic_steps", "NAME=VALUE"), ("=3", "NAME=VALUE")],
)  # fmt: skip
def test_an_option_that_cannot_be_used_is_refused_and_costs_nothing(
    command, tables, tmp_path, option, word
):
    outcome = command(
        "fit", tables / "train.csv", "--schema", tables / "schema.yaml", "-o", tmp_path / "m",
        "--epsilon", 1, "--option", option,
    )  # fmt: skip
    assert outcome.code == 3
    assert word in outcome.err
    assert Ledger().history("visits-test") == ()


def test_an_output_folder_that_is_not_there_costs_nothing(fit, tmp_path):
    outcome = fit("--epsilon", 1, output=tmp_path / "none" / "model")
    assert outcome.code == 3
    assert Ledger().history("visits-test") == ()


def test_an_unknown_device_costs_nothing(fit):
    outcome = fit("--epsilon", 1, "--device", "abacus")
    assert (outcome.code, "auto, cpu or cuda" in outcome.err) == (3, True)
    assert Ledger().history("visits-test") == ()


def test_a_model_that_cannot_be_written_is_kept_elsewhere(fit, command, tmp_path, monkeypatch):
    from synthkit.errors import PublishError
    from synthkit.generate import storage

    save = storage.save

    def full(path: Path, *rest: object) -> None:
        if path.parent == tmp_path:
            raise PublishError("The disk is full.", hint="Make space.")
        save(path, *rest)

    monkeypatch.setattr(storage, "save", full)
    outcome = fit("--epsilon", 1)
    assert outcome.code == 3
    kept = Path(outcome.err.split("kept at ")[1].split(":")[0])
    assert command("sample", kept, "-n", 5, "-o", tmp_path / "s.csv").code == 0


def test_a_seed_gives_the_same_file_and_csv_and_parquet_the_same_rows(model, command, tmp_path):
    for name in ("a.csv", "b.csv", "a.parquet"):
        outcome = command("sample", model, "-n", 200, "-o", tmp_path / name, "--seed", 5)
        assert outcome.code == 0
        assert outcome.out.startswith("200 synthetic rows")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    csv, parquet = (
        pl.read_csv(tmp_path / "a.csv", try_parse_dates=True),
        pl.read_parquet(tmp_path / "a.parquet"),
    )
    assert csv.rows() == parquet.rows()


def test_conditions_come_from_the_command_line(model, command, tmp_path):
    outcome = command(
        "sample", model, "-n", 40, "-o", tmp_path / "s.csv",
        "--where", "ward=north", "--where", "returned=true",
    )  # fmt: skip
    assert outcome.code == 0
    rows = pl.read_csv(tmp_path / "s.csv")
    assert rows.select("ward", "returned").unique().rows() == [("north", True)]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["-n", "0"], "number of rows"),
        (["-n", "-5"], "number of rows"),
        (["-n", "ten"], "--rows"),
        (["-n", "5", "--seed", "-1"], "--seed"),
        (["-n", "5", "--where", "ward"], "NAME=VALUE"),
        (["-n", "5", "--where", "wards=north"], "no column named 'wards'"),
        (["-n", "5", "--where", "ward=west"], "not a category"),
        (["-n", "5", "--where", "ward=north", "--where", "ward=south"], "'ward' twice"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_leaves_nothing(
    model, command, tmp_path, arguments, word
):
    outcome = command("sample", model, "-o", tmp_path / "s.csv", *arguments)
    assert outcome.code == 3
    assert word in outcome.err
    assert outcome.err.count("error:") == outcome.err.count("hint:") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_refused_before_the_model_is_read(command, tmp_path):
    outcome = command("sample", tmp_path / "none", "-n", 5, "-o", tmp_path / "s.xlsx")
    assert (outcome.code, "s.xlsx" in outcome.err) == (3, True)

"""Files that the commands work on, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.jobs import SCHEMA, visits


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.csv, holdout.csv, foreign.csv (another tool's output) and schema.yaml."""
    folder = tmp_path_factory.mktemp("tables")
    visits(400, seed=1).write_csv(folder / "train.csv")
    visits(200, seed=2, first_patient=500).write_csv(folder / "holdout.csv")
    other_tool = visits(300, seed=3).drop("visit", "patient", "note")
    other_tool.write_csv(folder / "foreign.csv")
    (folder / "schema.yaml").write_text(SCHEMA)
    return folder


@pytest.fixture(scope="module")
def model(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model file for the tests of a module."""
    import synthkit as sk
    from synthkit.privacy.ledger import Ledger
    from synthkit.schema import load

    folder = tmp_path_factory.mktemp("model")
    ledger = Ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
    table, schema = sk.read(tables / "train.csv"), load(tables / "schema.yaml")
    sk.fit(table, schema, epsilon=8.0, generator="independent", ledger=ledger).save(folder / "m")
    return folder / "m"


@pytest.fixture
def evaluate_options(tables: Path) -> list[object]:
    """The options of `synthkit evaluate` for these tables."""
    return [
        "--train", tables / "train.csv", "--holdout", tables / "holdout.csv",
        "--synthetic", tables / "foreign.csv", "--schema", tables / "schema.yaml",
    ]  # fmt: skip


@pytest.fixture(scope="session")
def evidence(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """evidence.json of the foreign table."""
    from synthkit.cli import run_command

    path = tmp_path_factory.mktemp("evidence") / "evidence.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNTHKIT_HOME", str(path.parent / "home"))
        options = ["train", "holdout", "synthetic"]
        files = ["train.csv", "holdout.csv", "foreign.csv"]
        pairs = [x for o, f in zip(options, files, strict=True) for x in (f"--{o}", tables / f)]
        arguments = ["evaluate", *pairs, "--schema", tables / "schema.yaml", "-o", path]
        assert run_command([str(a) for a in arguments]) == 0
    return path

"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


LONGEST_FILES = ("test_readme.py", "test_main_job.py")
"""Run first, so that no worker is left alone with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first; the order of all others stays."""
    items.sort(key=lambda item: item.path.name not in LONGEST_FILES)


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps keys and ledgers of tests away from the user's own."""
    monkeypatch.setenv("SYNTHKIT_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.delenv("SYNTHKIT_LEDGER", raising=False)


@pytest.fixture
def real_table() -> Callable[[str], Path]:
    """Gives the path of a public development table, or skips with a clear word."""

    def find(name: str, file: str = "data.parquet") -> Path:
        folder = Path(os.environ.get("SYNTHKIT_DATA", ROOT / ".." / "shared" / "data"))
        path = folder / name / file
        if not path.exists():
            pytest.skip(f"the public table {name} is not at SYNTHKIT_DATA")
        return path

    return find


@pytest.fixture
def without_privileges() -> Iterator[None]:
    """Lets a test meet file permissions as an ordinary user, also where root runs the tests."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def unreadable() -> Iterator[Path]:
    """Gives a file that nobody may read, in a folder that everybody may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "t.csv"
        path.write_text("a,b\n1,2\n")
        path.chmod(0)
        yield path


@dataclass(frozen=True)
class Outcome:
    """What one command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Outcome]:
    """Runs one synthkit command in this process and captures its output.

    However slow the machine is, no line tells that a job is alive.
    """
    from synthkit.cli import console, run_command

    monkeypatch.setattr(console, "FIRST_LINE_S", math.inf)

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = run_command([str(a) for a in arguments])
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run

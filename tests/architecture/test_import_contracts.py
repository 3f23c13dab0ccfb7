"""The import contracts hold, and each is seen to fail on a planted violation."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PLANTED = {
    "a room imports another room": ("synthkit/gate/planted.py", "import synthkit.evaluate"),
    "a generator imports polars": ("synthkit/generate/planted.py", "import polars"),
    "privacy imports pandas": ("synthkit/privacy/planted.py", "import pandas"),
    "the gate imports torch in a function": (
        "synthkit/gate/planted.py",
        "def f() -> None:\n    import torch",
    ),
    "a room imports the pipeline": ("synthkit/report/planted.py", "import synthkit.pipeline"),
    "ctgan is imported outside its wrapper": ("synthkit/evaluate/planted.py", "import ctgan"),
}


def contracts_hold(folder: Path) -> bool:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=folder, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )  # fmt: skip
    if "Contracts:" not in done.stdout and "kept" not in done.stdout:
        raise AssertionError(done.stdout + done.stderr)
    return done.returncode == 0


@pytest.fixture
def house(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT / "synthkit", tmp_path / "synthkit", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(house):
    assert contracts_hold(house)


@pytest.mark.parametrize("fault", sorted(PLANTED))
def test_a_planted_violation_is_caught(house, fault):
    file, code = PLANTED[fault]
    (house / file).write_text(f'"""Planted."""\n{code}\n')
    assert not contracts_hold(house)

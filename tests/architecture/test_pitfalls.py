"""The page of known pitfalls: complete, and no test that it names is missing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from synthkit.errors import InputError
from synthkit.generate import dpctgan

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "pitfalls.md"
CLAIM = ROOT / "docs" / "explanation" / "privacy.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FORBIDDEN = re.compile(
    r"\bmultiprocessing\b|ProcessPool|os\.fork\(|\bDataLoader\b|num_workers|get_rng_state"
    r"|\bautocast\b|\.half\(|bfloat16|float16|load_checkpoint"
)
"""Would repeat noise (forked or resumed generators) or overflow the clip (low precision)."""


def rows(text: str) -> dict[int, str]:
    """The cell "tested by" of each numbered row."""
    found = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", text, flags=re.MULTILINE)
    return {int(number): cell for number, cell in found}


def missing_tests(text: str) -> list[str]:
    missing = []
    for file, name in TEST.findall(text):
        path = ROOT / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
        if name not in {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}:
            missing.append(f"{file}::{name}")
    return missing


def unanswered(text: str) -> list[int]:
    """Numbers of the pitfalls that name neither a test nor what is open."""
    return [n for n, cell in rows(text).items() if not TEST.search(cell) and "open: " not in cell]


def test_every_test_that_the_page_names_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert sorted(rows(text)) == list(range(1, 25))
    assert missing_tests(text) == []
    assert unanswered(text) == []


def test_every_proof_obligation_and_every_known_violation_names_a_test_that_exists() -> None:
    text = CLAIM.read_text(encoding="utf-8")
    assert missing_tests(text) == []
    obligations, violations = (part.split("\n## ")[0] for part in text.split("tested by |\n")[1:])
    for table, least in ((obligations, 10), (violations, 12)):
        lines = [line for line in table.splitlines()[1:] if line.startswith("|")]
        assert len(lines) >= least
        assert [line for line in lines if not TEST.search(line)] == []


def test_a_test_that_is_gone_would_be_noticed() -> None:
    here = "`tests/architecture/test_pitfalls.py::"
    planted = f"| 1 | a | b | {here}rows` |\n| 2 | a | b | {here}gone` |\n| 3 | a | b | none |\n"
    assert missing_tests(planted) == ["tests/architecture/test_pitfalls.py::gone"]
    assert unanswered(planted) == [3]
    assert missing_tests("`tests/no/such_file.py::test_a`") == ["tests/no/such_file.py::test_a"]


@pytest.mark.parametrize(
    "option",
    ["pac", "gradient_penalty", "poisson_sampling", "secure_mode", "noise_seed", "dropout",
     "log_frequency", "early_stopping", "max_batch_size", "expected_batch", "clip_per_layer"],
)  # fmt: skip
def test_options_that_would_void_the_claim_do_not_exist(option: str) -> None:
    with pytest.raises(InputError, match=option):
        dpctgan.plan(epsilon=1.0, delta=1e-6, n_tables=4, options={option: 1})


def test_no_room_forks_resumes_or_lowers_precision() -> None:
    assert FORBIDDEN.search("with torch.autocast('cuda'):")
    assert FORBIDDEN.search("from torch.utils.data import DataLoader")
    sources = [
        path
        for room in ("encode", "generate", "pipeline", "privacy")
        for path in (ROOT / "synthkit" / room).glob("*.py")
    ]
    found = {
        path.name: match.group()
        for path in sources
        if (match := FORBIDDEN.search(path.read_text(encoding="utf-8")))
    }
    assert len(sources) > 30
    assert found == {}

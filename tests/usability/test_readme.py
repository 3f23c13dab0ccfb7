"""The README's commands, run as a new user would: from the top, in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Returns the fenced code blocks of one language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines), lines
    return [shlex.split(line[2:]) for line in lines]


def test_the_readme_s_commands_and_python_work_from_the_top(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = 0
    for words in commands():
        if words == ["make", "run"]:
            words = ["synthkit", "demo", "reviews"]
        assert words[0] == "synthkit", words
        outcome = command(*words[1:])
        assert outcome.code == 0, (words, outcome)
        ran += 1
    assert ran >= 10
    (program,) = blocks("python")
    names: dict[str, object] = {}
    exec(compile(program, "README.md", "exec"), names)
    assert names["decision"].verdict == "pass", names["decision"].rules
    assert names["synthetic"].height == 10_000


def test_make_run_is_the_demo():
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^run: setup\n\t\$\(BIN\)/synthkit demo reviews$", makefile, re.MULTILINE)


def test_every_link_in_readme_and_docs_leads_somewhere():
    pages = [ROOT / "README.md", ROOT / "reports/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    broken = [
        (page.name, target)
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
        if not target.startswith("http") and not (page.parent / target).exists()
    ]
    assert not broken


@pytest.mark.parametrize("folder", ["docs", "policies", "README.md", "reports/README.md"])
def test_no_document_is_empty(folder):
    path = ROOT / folder
    pages = [path] if path.is_file() else sorted(path.rglob("*.md"))
    assert pages
    assert not [p for p in pages if len(p.read_text().strip()) < 100]

"""The tables of figures in `docs/` are those of the runs that are kept in the repository."""

from __future__ import annotations

import re
from typing import Any

import pytest

from benchmarks.published import DOCUMENTS, MEASURED, TABLES, filled, kept, label
from benchmarks.summary import grouped, read_runs


def run(name: str, tvd2: float | None = 0.1, **more: Any) -> dict[str, Any]:
    result = {"failed": "passed the limit of 9 CPU s"} if tvd2 is None else {
        "tvd1": 0.01, "tvd2": tvd2, "tvd3": 0.3, "tstr": 0.9, "fit_cpu_s": 12.34, "peak_mb": 580.4,
    }  # fmt: skip
    return {
        "table": "adult", "name": name, "epsilon": 1.0, "seed": 0, "date": "2026-01-01",
        "machine": "m", "versions": {"python": "3"}, "result": result, **more,
    }  # fmt: skip


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_documents_show_the_runs_that_are_kept(path: Any) -> None:
    text = path.read_text()
    assert text == filled(text, read_runs(MEASURED)), (
        f"{path.name} has figures that no kept run gave: run `python -m benchmarks.published`."
    )


def test_a_figure_that_no_run_gave_is_seen() -> None:
    text = DOCUMENTS[0].read_text()
    row = re.search(r"^\| adult \| MST \|.*?(\.\d{4})", text, re.MULTILINE)
    assert row
    other = text[: row.start(1)] + ".0001" + text[row.end(1) :]
    assert filled(other, read_runs(MEASURED)) == text != other


def test_each_table_of_figures_stands_in_a_document() -> None:
    found = [name for path in DOCUMENTS
             for name in re.findall(r"<!-- figures: (.*?) -->", path.read_text())]  # fmt: skip
    assert sorted(found) == sorted(TABLES)


def test_each_run_is_kept_once_and_says_when_it_was_made_and_on_what() -> None:
    runs = read_runs(MEASURED)
    assert kept(runs, []) == runs
    assert all({"table", "name", "date", "machine", "versions", "result"} <= set(r) for r in runs)


def test_a_newer_run_replaces_the_older_one_of_its_name_and_no_other() -> None:
    old = [run("a"), run("a", seed=1), run("a", epsilon=3.0), run("b")]
    new = run("a", 0.2)
    found = kept(old, [new])
    assert len(found) == 4
    assert new in found
    assert old[0] not in found
    assert all(one in found for one in old[1:])


def test_a_short_table_has_means_intervals_and_failures() -> None:
    runs = [
        {**run("real holdout", 0.02), "epsilon": None},
        run("dpctgan", 0.02), run("dpctgan", 0.03, seed=1), run("dpctgan", 0.04, seed=2),
        run("dpmm AIM (n_iters 300, max_model_size 4)", None),
    ]  # fmt: skip
    del runs[0]["seed"]
    shown = TABLES["every table"](runs).splitlines()[2:]
    assert shown == [
        "| adult | *real holdout* |  | .0100 | .0200 | .3000 | .900 | 12.3 | 580 |",
        "| adult | AIM, 300 iterations, 4 MB | | | | | passed the limit of 9 CPU s | | |",
        "| adult | **dpctgan** | 3 | .0100 ± .0000 | **.0300 ± .0248** | .3000 ± .0000 "
        "| .900 ± .000 | 12.3 ± 0.0 | 580 ± 0 |",
    ]


def test_the_parts_stand_beside_the_default_where_they_were_run() -> None:
    runs = [
        run("dpctgan", 0.02), run("dpctgan", 0.03, seed=1), run("dpctgan, discriminator", 0.04),
        run("dpgan", 0.05), run("dpctgan", epsilon=3.0), run("dpmm MST"),
    ]  # fmt: skip
    assert TABLES["parts"](runs).splitlines()[2:] == [
        "| adult | 1 | tables alone (the default) | 2 | .0250 ± .0635 | .3000 ± .0000 "
        "| .900 ± .000 | 12.3 ± 0.0 |",
        "| adult | 1 | both | 1 | .0400 | .3000 | .900 | 12.3 |",
        "| adult | 1 | discriminator alone (`dpgan`) | 1 | .0500 | .3000 | .900 | 12.3 |",
    ]
    assert "discriminator" not in TABLES["every budget"]([*runs, run("dpgan", epsilon=3.0)])


def test_a_mean_over_the_seeds_that_ended_does_not_pass_for_all() -> None:
    runs = [run("dpmm MST"), run("dpmm MST", None, seed=1), run("dpmm MST", epsilon=3.0),
            run("dpmm MST", None, epsilon=3.0, seed=1)]  # fmt: skip
    assert "| adult | MST | 1 of 2 | .0100 |" in TABLES["every table"](runs)
    assert TABLES["every budget"](runs).count("(1 of 2)") == 2


def test_the_table_of_budgets_has_what_was_run_at_more_than_one() -> None:
    runs = [run("dpctgan"), run("dpctgan", 0.05, epsilon=3.0), run("dpctgan", 0.07, epsilon=3.0,
            seed=1), run("dpmm MST")]  # fmt: skip
    shown = TABLES["every budget"](runs).splitlines()[2:]
    assert shown == [
        "| adult | **dpctgan** |  | .1000 / .3000 / .900 | .0600 / .3000 / .900 (2) |  |"
    ]


@pytest.mark.parametrize(
    ("name", "epsilon", "words"),
    [
        ("dpmm MST (bins public)", 1.0, "MST, public bins"),
        ("dpmm AIM (rounds 48, n_iters 200, max_model_size 2)", 1.0,
         "AIM, 48 rounds, 200 iterations, 2 MB"),
        ("ctgan (epochs 20)", None, "ctgan, 20 epochs, no privacy"),
        ("SmartNoise DPCTGAN (sigma 2.5)", 1.0, "SmartNoise DPCTGAN, sigma 2.5"),
        ("dpctgan, 3 rows per person", 1.0, "dpctgan, 3 rows per person"),
    ],
)  # fmt: skip
def test_labels_say_how_a_peer_was_run(name: str, epsilon: float | None, words: str) -> None:
    assert label(grouped([run(name, epsilon=epsilon)])[0]) == words

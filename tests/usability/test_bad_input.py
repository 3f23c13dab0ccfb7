"""What a tired person gets wrong, and the words and exit code each mistake must get.

Every mistake: exit code 3 (or 4), one sentence, a hint, no traceback, no cell value, and nothing
left behind.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

SCHEMA = """\
synthkit: schema/1
name: visits
population: visits-test
rows_public: 400
targets: [returned]
columns:
  - {name: age, kind: integer, role: quasi_identifier, bounds: [0, 120], from: public}
  - {name: ward, kind: categorical, categories: [north, south, east], from: public}
  - {name: returned, kind: boolean, from: public}
"""
PLAN = """\
synthkit: plan/1
name: Visits
table: visits.csv
schema: visits.yaml
output: bundle
generator: independent
epsilon: 1.0
rows: 200
"""
SENTINEL = 98123
"""A value that must never be seen in a message."""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A folder with a small table, its schema and its plan; all well."""
    n = 400
    frame = pl.DataFrame(
        {
            "age": [20 + (i * 7) % 60 for i in range(n)],
            "ward": [("north", "south", "east")[(i * i) % 3] for i in range(n)],
            "returned": [i % 4 == 0 for i in range(n)],
        }
    )
    frame.write_csv(tmp_path / "visits.csv")
    (tmp_path / "visits.yaml").write_text(SCHEMA)
    (tmp_path / "plan.yaml").write_text(PLAN)
    return tmp_path


def assert_told(outcome, code: int, *words: str) -> None:
    """One sentence, one hint, these words, no traceback, no cell value."""
    assert outcome.code == code, outcome
    assert outcome.err.count("error:") == 1, outcome.err
    assert outcome.err.count("hint:") >= 1, outcome.err
    assert "Traceback" not in outcome.err + outcome.out
    assert str(SENTINEL) not in outcome.err + outcome.out
    for word in words:
        assert word in outcome.err, (word, outcome.err)


def assert_nothing_left(job: Path) -> None:
    """No bundle, no staging folder, no partial file."""
    names = {p.name for p in job.iterdir()}
    assert "bundle" not in names
    assert not [n for n in names if "partial" in n or "staging" in n], names


def run(command: Callable, job: Path):
    return command("run", job / "plan.yaml")


def test_a_missing_table_is_named(command, job):
    (job / "visits.csv").unlink()
    assert_told(run(command, job), 3, "visits.csv")
    assert_nothing_left(job)


def test_an_empty_file_is_called_empty(command, job):
    (job / "visits.csv").write_text("")
    assert_told(run(command, job), 3, "empty")
    assert_nothing_left(job)


def test_a_header_without_rows_is_said_so(command, job):
    (job / "visits.csv").write_text("age,ward,returned\n")
    assert_told(run(command, job), 3, "no rows")
    assert_nothing_left(job)


def test_a_column_that_stands_twice_is_named(command, job):
    (job / "visits.csv").write_text(f"age,ward,age,returned\n30,north,{SENTINEL},true\n")
    assert_told(run(command, job), 3, "age", "2 times")


def test_columns_that_the_table_lacks_are_all_listed(command, job):
    text = SCHEMA.replace("name: age", "name: years").replace("name: ward", "name: unit")
    (job / "visits.yaml").write_text(text)
    assert_told(run(command, job), 3, "years", "unit")


def test_values_out_of_bounds_and_unknown_categories_are_counted_not_shown(command, job):
    frame = pl.read_csv(job / "visits.csv").with_columns(
        age=pl.when(pl.int_range(pl.len()) < 3).then(SENTINEL).otherwise("age"),
        ward=pl.when(pl.int_range(pl.len()) == 5).then(pl.lit("secretward")).otherwise("ward"),
    )
    frame.write_csv(job / "visits.csv")
    outcome = run(command, job)
    assert_told(outcome, 3, "age", "3", "ward")
    assert "secretward" not in outcome.err
    assert_nothing_left(job)


def test_check_lists_every_problem_at_once_and_changes_nothing(command, job):
    frame = pl.read_csv(job / "visits.csv").with_columns(
        age=pl.lit(SENTINEL), ward=pl.lit("secretward")
    )
    frame.write_csv(job / "visits.csv")
    outcome = command("check", job / "visits.csv", "--schema", job / "visits.yaml")
    assert outcome.code == 3
    assert "age" in outcome.out
    assert "ward" in outcome.out
    assert str(SENTINEL) not in outcome.out
    assert "secretward" not in outcome.out


def test_an_all_null_column_is_noticed(command, job):
    frame = pl.read_csv(job / "visits.csv").with_columns(age=pl.lit(None, dtype=pl.Int64))
    frame.write_csv(job / "visits.csv")
    outcome = command("check", job / "visits.csv", "--schema", job / "visits.yaml")
    assert outcome.code == 3
    assert "age" in outcome.out
    assert_told(run(command, job), 3, "age")


def test_a_constant_column_is_a_warning_and_the_job_goes_on(command, job):
    frame = pl.read_csv(job / "visits.csv").with_columns(ward=pl.lit("north"))
    frame.write_csv(job / "visits.csv")
    outcome = command("check", job / "visits.csv", "--schema", job / "visits.yaml")
    assert outcome.code == 0
    assert "ward" in outcome.out
    assert "warning" in outcome.out


def test_one_row_is_not_a_table(command, job):
    (job / "visits.csv").write_text("age,ward,returned\n30,north,true\n")
    assert_told(run(command, job), 3, "row")
    assert_nothing_left(job)


@pytest.mark.parametrize("epsilon", ["0", "-1", ".nan", ".inf", "high"])
def test_an_epsilon_that_is_no_budget_is_refused_in_the_plan(command, job, epsilon):
    (job / "plan.yaml").write_text(PLAN.replace("epsilon: 1.0", f"epsilon: {epsilon}"))
    assert_told(run(command, job), 3, "epsilon")


@pytest.mark.parametrize("epsilon", ["0", "-1", "nan", "inf"])
def test_an_epsilon_that_is_no_budget_is_refused_on_the_command_line(command, job, epsilon):
    outcome = command(
        "fit", job / "visits.csv", "--schema", job / "visits.yaml",
        "-o", job / "model", f"--epsilon={epsilon}", "--generator", "independent",
    )  # fmt: skip
    assert_told(outcome, 3, "psilon")
    assert not (job / "model").exists()


def test_an_epsilon_that_bounds_nothing_is_refused_at_once_and_not_charged(command, job):
    (job / "plan.yaml").write_text(PLAN.replace("epsilon: 1.0", "epsilon: 1.0e+9"))
    assert_told(run(command, job), 3, "epsilon", "100")
    assert '"releases": 0' in command("budget", "show", "visits-test", "--json").out


def test_bounds_that_no_grid_can_be_made_of_are_refused_before_the_charge(command, job):
    (job / "visits.yaml").write_text(SCHEMA.replace("[0, 120]", "[0, 9223372036854775807]"))
    assert_told(run(command, job), 3, "age", "2^62")
    assert '"releases": 0' in command("budget", "show", "visits-test", "--json").out
    assert_nothing_left(job)


def test_a_file_that_is_not_utf8_gets_the_line(command, job):
    (job / "visits.csv").write_bytes(b"age,ward,returned\n30,north,true\n31,\xe9st,true\n")
    assert_told(run(command, job), 3, "not UTF-8", "line 3")


def test_a_file_where_the_demo_wants_a_folder_is_left_alone(command, job):
    assert_told(command("demo", "-o", job / "visits.csv"), 3, "visits.csv is a file")
    assert (job / "visits.csv").read_text().startswith("age,ward")


def test_a_full_disk_leaves_no_half_of_a_demo(command, job, monkeypatch):
    import synthkit.pipeline.tables as tables
    from synthkit.errors import PublishError

    def full(*_args: object, **_kwargs: object) -> None:
        raise PublishError("No space left on device.", hint="Make space.")

    monkeypatch.setattr(tables, "write_table", full)
    assert_told(command("demo", "-o", job / "demo"), 3, "No space")
    assert not (job / "demo").exists()


def test_an_unknown_key_gets_the_nearest_known_one(command, job):
    (job / "plan.yaml").write_text(PLAN.replace("epsilon:", "epsilom:"))
    assert_told(run(command, job), 3, "epsilom", "epsilon")
    (job / "plan.yaml").write_text(PLAN)
    (job / "visits.yaml").write_text(SCHEMA.replace("bounds:", "bonds:"))
    assert_told(run(command, job), 3, "bonds", "bounds")


def test_all_problems_of_a_plan_are_told_at_once(command, job):
    (job / "plan.yaml").write_text(PLAN.replace("rows: 200", "rows: 0\nseed: -3\ndevice: abacus"))
    assert_told(run(command, job), 3, "rows", "seed", "device")


def test_an_unknown_generator_gets_the_list(command, job):
    (job / "plan.yaml").write_text(PLAN.replace("independent", "independant"))
    assert_told(run(command, job), 3, "independent", "dpctgan")


def test_an_unknown_policy_gets_the_list(command, job):
    (job / "plan.yaml").write_text(PLAN + "policy: interal\n")
    assert_told(run(command, job), 3, "internal")


def test_an_existing_bundle_is_not_overwritten_and_costs_no_budget(command, job):
    assert run(command, job).code in (0, 1, 2)
    before = {p: p.read_bytes() for p in (job / "bundle").iterdir()}
    assert_told(run(command, job), 3, "bundle", "--replace")
    assert {p: p.read_bytes() for p in (job / "bundle").iterdir()} == before
    spent = command("budget", "show", "visits-test", "--json").out
    assert '"releases": 1' in spent


def test_a_full_disk_on_publish_leaves_nothing_and_keeps_the_model(command, job, monkeypatch):
    import synthkit.release.bundle as bundle

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bundle, "_write", full)
    outcome = run(command, job)
    assert_told(outcome, 3, "No space left on device", "synthkit sample")
    assert_nothing_left(job)
    monkeypatch.undo()
    kept = Path(outcome.err.split("kept at ")[1].split(":")[0])
    again = command("sample", kept, "-n", 50, "-o", job / "again.csv")
    assert again.code == 0
    assert pl.read_csv(job / "again.csv").height == 50


def test_an_altered_bundle_is_named_with_exit_code_4(command, job):
    assert run(command, job).code in (0, 1, 2)
    import os

    key = Path(os.environ["SYNTHKIT_HOME"]) / "keys" / "synthkit.pub.pem"
    assert command("verify", job / "bundle", "--key", key).code == 0
    with (job / "bundle" / "synthetic.csv").open("a") as file:
        file.write("1,north,true\n")
    outcome = command("verify", job / "bundle", "--key", key)
    assert outcome.code == 4
    assert "synthetic.csv" in outcome.out


def test_over_the_cap_nothing_is_trained_and_the_exit_code_is_4(command, job):
    assert command("budget", "cap", "visits-test", "0.5").code == 0
    assert_told(run(command, job), 4, "visits-test", "0.5")
    assert_nothing_left(job)


def test_a_gpu_that_is_not_there_costs_no_budget(command, job):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert_told(command("run", job / "plan.yaml", "--device", "cuda"), 3, "cuda")
    assert '"releases": 0' in command("budget", "show", "visits-test", "--json").out


def test_a_fault_of_our_own_shows_no_cell(command, job, monkeypatch):
    import synthkit.encode

    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError(f"cell {SENTINEL}")

    monkeypatch.setattr(synthkit.encode, "fit", broken)
    assert_told(run(command, job), 3, "RuntimeError")
    assert_nothing_left(job)


def test_usage_errors_exit_with_3_and_point_to_help(command):
    assert_told(command("run"), 3, "plan")
    assert_told(command("sampel"), 3, "sampel")
    assert_told(command("fit", "--epsilom", "1"), 3, "--epsilom")


def test_one_problem_is_counted_as_one(command, job):
    (job / "visits.csv").write_text("age,ward,returned\n30,north,true\n")
    outcome = command("check", job / "visits.csv", "--schema", job / "visits.yaml")
    assert "\n1 error, 0 warnings.\n" in outcome.out


def test_a_column_name_cannot_write_to_the_terminal():
    from synthkit.cli.results import printable

    assert printable("a\nb\x1b[2J é 列") == "a\\nb\\x1b[2J é 列"

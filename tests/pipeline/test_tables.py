"""Tables in and out: refused when they break the schema, written whole or not at all."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from synthkit.errors import InputError, PublishError
from synthkit.pipeline.tables import checked, require_apart, require_folder, write_table
from tests.pipeline.jobs import SCHEMA, schema, visits

ROWS_ONLY = SCHEMA.replace("kind: person_id", "kind: id")


def test_a_table_is_conformed_once_and_passes_unchanged_the_second_time():
    conformed = checked(visits(), schema(), what="table")
    assert checked(conformed, schema(), what="table").equals(conformed)


def test_all_problems_come_at_once_with_counts_and_without_values():
    broken = visits().with_columns(age=pl.lit(98123), ward=pl.lit("secretward"))
    with pytest.raises(InputError) as error:
        checked(broken, schema(), what="holdout")
    assert "holdout" in error.value.message
    said = " ".join(error.value.details)
    assert "age" in said
    assert "ward" in said
    assert "400" in said
    assert "98123" not in said
    assert "secretward" not in said


def test_clamp_moves_what_is_invalid_into_the_domain_and_leaves_the_rest():
    table = visits()
    broken = table.with_columns(age=pl.when(pl.int_range(pl.len()) == 3).then(500).otherwise("age"))
    clamped = checked(broken, schema(), what="table", invalid_values="clamp")
    assert clamped["age"].max() <= 120
    assert clamped["age"][3] == 120
    untouched = pl.int_range(pl.len()) != 3
    whole = checked(table, schema(), what="table")
    assert clamped.filter(untouched).equals(whole.filter(untouched))


def test_people_on_both_sides_are_counted_and_refused():
    table = checked(visits(), schema(), what="table")
    with pytest.raises(InputError, match="share people: 5 "):
        require_apart(table.head(210), table.tail(200), schema())
    require_apart(table.head(200), table.tail(200), schema())


def test_rows_may_look_alike_on_both_sides_but_not_all_of_them():
    table = checked(visits(), schema(ROWS_ONLY), what="table")
    require_apart(table.head(210), table.tail(200), schema(ROWS_ONLY))
    with pytest.raises(InputError, match="same table"):
        require_apart(table, table.clone(), schema(ROWS_ONLY))


def test_a_name_without_a_known_ending_is_refused_before_a_row_is_drawn(tmp_path):
    def never():
        raise AssertionError("a chunk was drawn")
        yield

    with pytest.raises(InputError, match="no known table format"):
        write_table(never(), tmp_path / "table.xlsx")


def test_a_fault_in_the_middle_leaves_what_stood_there(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("before\n")

    def chunks():
        yield visits(20)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_table(chunks(), target)
    assert target.read_text() == "before\n"
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupted_parquet_file_is_closed_without_a_word(tmp_path):
    def chunks():
        yield visits(20)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_table(chunks(), tmp_path / "table.parquet")
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told_in_one_sentence(tmp_path):
    with pytest.raises(PublishError, match="could not be written"):
        write_table([visits(4)], tmp_path / "none" / "table.csv")
    with pytest.raises(InputError, match="no folder"):
        require_folder(tmp_path / "none" / "table.csv")
    with pytest.raises(InputError, match="is a folder"):
        require_folder(tmp_path)


FULL_DISK = """\
import resource, sys
from pathlib import Path
import numpy as np, polars as pl
from synthkit.errors import PublishError
from synthkit.pipeline.tables import write_table
folder = Path(sys.argv[1])
frame = pl.DataFrame({"x": np.random.default_rng(0).random(20_000)})
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
for name in ("a.csv", "a.parquet"):
    try:
        write_table([frame, frame], folder / name)
    except PublishError as error:
        print(error.message)
"""


def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path):
    """The size limit of the process stands for the disk: a write fails in the middle."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("could not be written") == 2
    assert list(tmp_path.iterdir()) == []


def test_evidence_and_reports_are_readable_by_their_owner_alone(tmp_path):
    from synthkit.pipeline.documents import write_whole

    write_whole(tmp_path / "evidence.json", b"{}")
    assert (tmp_path / "evidence.json").stat().st_mode & 0o777 == 0o600

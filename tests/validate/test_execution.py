"""Every planted fault is caught, nothing passes by having no value, no cell is kept."""

from __future__ import annotations

import datetime
import json
import logging
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from synthkit import canonical, validate
from synthkit.artifacts import Validity
from synthkit.schema import Schema

SENTINEL_NUMBER = 987654321
SENTINEL_WORD = "leaked-secret-word"


def outcomes(validity: Validity) -> dict[str, str]:
    return {r.rule: r.outcome for r in validity.results}


def found(table: pl.DataFrame, schema: Schema) -> dict[str, str]:
    return outcomes(validate.validate(table, schema)[0])


def test_a_table_that_obeys_its_schema_passes_every_check(
    table: pl.DataFrame, schema: Schema
) -> None:
    validity, _ = validate.validate(table, schema)
    assert set(outcomes(validity).values()) == {"pass"}
    assert len(validity.results) == len({r.rule for r in validity.results}) > 30
    assert validity.rows == 4
    assert validity.library.startswith("great_expectations 1.")


def put(name: str, row: int, value: object) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def change(table: pl.DataFrame) -> pl.DataFrame:
        values = table[name].to_list()
        values[row] = value
        return table.with_columns(pl.Series(name, values, dtype=table[name].dtype))

    return change


def cast(name: str, dtype: pl.DataType) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda table: table.with_columns(pl.col(name).cast(dtype))


def nulls(name: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda table: table.with_columns(pl.lit(None, dtype=table[name].dtype).alias(name))


FAULTS: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "value above its bound": (put("age", 1, 121), "age.bounds"),
    "value below its bound": (put("age", 1, -1), "age.bounds"),
    "nullable value above its bound": (put("stays", 2, 10), "stays.bounds"),
    "unknown category": (put("ward", 0, "c"), "ward.categories"),
    "unknown whole-number category": (put("grade", 0, 4), "grade.categories"),
    "null in a column without nulls": (put("age", 0, None), "age.not_null"),
    "null word": (put("ward", 0, None), "ward.not_null"),
    "null date": (put("admitted", 0, None), "admitted.not_null"),
    "missing column": (lambda t: t.drop("alive"), "alive.exists"),
    "missing column, for the table": (lambda t: t.drop("alive"), "table.columns"),
    "extra column": (lambda t: t.with_columns(extra=pl.lit(1)), "table.columns"),
    "person id in the table": (lambda t: t.with_columns(patient=pl.lit("x")), "table.columns"),
    "float in an integer column": (
        lambda t: t.with_columns(pl.Series("age", [0.5, 1.0, 2.0, 3.0])),
        "age.type",
    ),
    "whole floats in an integer column": (cast("age", pl.Float64()), "age.type"),
    "words in an integer column": (cast("age", pl.String()), "age.type"),
    "short integers": (cast("age", pl.Int32()), "age.type"),
    "integers in a float column": (
        lambda t: t.with_columns(pl.Series("score", [1, 2, 3, 4])),
        "score.type",
    ),
    "integers in a boolean column": (cast("alive", pl.Int64()), "alive.type"),
    "words in a date column": (cast("admitted", pl.String()), "admitted.type"),
    "polars categories instead of words": (cast("ward", pl.Categorical()), "ward.type"),
    "times of day in a datetime column": (
        lambda t: t.with_columns(pl.col("measured").dt.time()),
        "measured.type",
    ),
    "datetimes in a date column": (
        lambda t: t.with_columns(pl.col("admitted").cast(pl.Datetime("us")).dt.offset_by("1h")),
        "admitted.whole_days",
    ),
    "all-null column": (nulls("stays"), "stays.some_values"),
    "all-null words": (nulls("ward"), "ward.some_values"),
    "column of no type": (
        lambda t: t.with_columns(pl.lit(None).alias("alive")),
        "alive.some_values",
    ),
    "empty frame": (lambda t: t.clear(), "table.rows"),
    "infinity": (put("score", 0, float("inf")), "score.finite"),
    "minus infinity": (put("weight", 0, float("-inf")), "weight.bounds"),
    "NaN": (put("score", 0, float("nan")), "score.finite"),
    "NaN beside nulls": (put("weight", 0, float("nan")), "weight.finite"),
    "too many decimals": (put("weight", 0, 81.55), "weight.decimals"),
    "date after its bound": (put("admitted", 0, datetime.date(2021, 1, 1)), "admitted.bounds"),
    "date long before": (put("admitted", 0, datetime.date(1020, 1, 1)), "admitted.bounds"),
    "time after its bound": (
        put("measured", 0, datetime.datetime(2020, 12, 31, 12, 30, 0, 1)),
        "measured.bounds",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name: str, table: pl.DataFrame, schema: Schema) -> None:
    change, rule = FAULTS[name]
    assert found(change(table), schema)[rule] == "fail"


def test_an_empty_frame_passes_no_check_on_values(table: pl.DataFrame, schema: Schema) -> None:
    by_rule = found(table.clear(), schema)
    for rule in ("age.bounds", "ward.categories", "age.not_null", "weight.decimals"):
        assert by_rule[rule] == "inconclusive"


def test_an_all_null_column_passes_no_check_on_values(table: pl.DataFrame, schema: Schema) -> None:
    by_rule = found(nulls("grade")(table), schema)
    assert by_rule["grade.categories"] == "inconclusive"
    assert by_rule["age.bounds"] == "pass"


def test_a_check_that_raises_is_inconclusive_and_not_failed(
    table: pl.DataFrame, schema: Schema
) -> None:
    by_rule = found(cast("age", pl.String())(table), schema)
    assert by_rule["age.bounds"] == "inconclusive"
    missing = found(table.drop("alive"), schema)
    assert missing["alive.some_values"] == "inconclusive"


def test_a_result_that_never_came_back_is_inconclusive(
    table: pl.DataFrame, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthkit.validate import execution as module

    honest = module._results
    monkeypatch.setattr(
        module, "_results", lambda f, d: {k: v for k, v in honest(f, d).items() if "age" not in k}
    )
    assert found(table, schema)["age.bounds"] == "inconclusive"


def test_no_cell_is_kept_printed_or_logged(
    table: pl.DataFrame,
    schema: Schema,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad = put("age", 0, SENTINEL_NUMBER)(put("ward", 0, SENTINEL_WORD)(table))
    bad = bad.with_columns(pl.Series("measured", [SENTINEL_WORD] * 4))
    with caplog.at_level(logging.DEBUG):
        validity, suite = validate.validate(bad, schema)
    assert outcomes(validity)["ward.categories"] == "fail"
    assert outcomes(validity)["measured.bounds"] == "inconclusive"
    out, err = capfd.readouterr()
    everything = out + err + caplog.text + repr(validity) + suite.decode()
    everything += canonical.canonical_json(validity).decode()
    assert SENTINEL_WORD not in everything
    assert str(SENTINEL_NUMBER) not in everything
    assert out + err == ""


def test_shares_count_all_rows(table: pl.DataFrame, schema: Schema) -> None:
    validity, _ = validate.validate(put("stays", 0, 10)(table), schema)
    result = next(r for r in validity.results if r.rule == "stays.bounds")
    assert (result.unexpected_share, result.rows) == (0.25, 4)


def test_the_same_table_gives_the_same_bytes(table: pl.DataFrame, schema: Schema) -> None:
    first, second = (validate.validate(table, schema) for _ in range(2))
    assert first[1] == second[1]
    assert canonical.digest(first[0]) == canonical.digest(second[0])


def test_the_saved_suite_loads_in_great_expectations_and_runs_on_the_saved_table(
    table: pl.DataFrame, schema: Schema, tmp_path: Path
) -> None:
    import great_expectations as gx

    validity, suite = validate.validate(table, schema)
    (tmp_path / "suite.json").write_bytes(suite)
    table.write_parquet(tmp_path / "synthetic.parquet")
    document = json.loads((tmp_path / "suite.json").read_bytes())
    loaded = gx.ExpectationSuite(**document)
    assert len(loaded.expectations) == len(validity.results)
    frame = validate.to_pandas(pl.read_parquet(tmp_path / "synthetic.parquet"))
    batch = (
        gx.get_context(mode="ephemeral")
        .data_sources.add_pandas("any")
        .add_dataframe_asset("any")
        .add_batch_definition_whole_dataframe("any")
        .get_batch({"dataframe": frame})
    )
    assert batch.validate(loaded).success
    bad = table.with_columns(age=pl.lit(121, dtype=pl.Int64))
    assert outcomes(validate.run(bad, suite))["age.bounds"] == "fail"


def test_measurements_count_and_are_public(table: pl.DataFrame, schema: Schema) -> None:
    validity, _ = validate.validate(put("age", 0, 121)(table), schema)
    numbers = validate.measurements(validity)
    total = len(validity.results)
    assert {k: m.value for k, m in numbers.items()} == {
        "validity.failed": 1.0,
        "validity.inconclusive": 0.0,
        "validity.passed_share": (total - 1) / total,
        "validity.rows": 4.0,
    }
    assert {m.disclosure for m in numbers.values()} == {"public"}
    assert all(name == m.name for name, m in numbers.items())


def test_no_checks_is_no_measurement() -> None:
    numbers = validate.measurements(Validity(results=(), rows=3, library="x"))
    assert numbers["validity.failed"].value is None
    assert numbers["validity.passed_share"].value is None


def test_the_room_is_imported_without_any_table_library_and_runs_without_network() -> None:
    script = """
        import socket, sys

        tried = []

        def blocked(*args, **kwargs):
            tried.append(args)
            raise OSError("no network in this test")

        socket.socket.connect = socket.socket.connect_ex = blocked
        socket.getaddrinfo = socket.create_connection = blocked
        socket.gethostbyname = socket.socket.sendto = blocked
        from synthkit import validate
        heavy = {"polars", "pandas", "great_expectations"} & set(sys.modules)
        assert not heavy, heavy
        import polars as pl
        from synthkit.schema import Column, Schema
        schema = Schema(name="t", population="t",
                        columns=(Column(name="a", kind="integer", bounds=(0, 1)),))
        validity, _ = validate.validate(pl.DataFrame({"a": [0, 1]}), schema)
        assert {r.outcome for r in validity.results} == {"pass"}
        assert not tried, tried
        print("silent")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "silent\n", done.stderr
    assert done.stderr == ""

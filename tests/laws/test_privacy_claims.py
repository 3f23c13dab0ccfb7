"""Attacks on the claim of docs/explanation/privacy.md, end to end: what each would break is said.

Neighbouring tables differ by one person with all rows (or one row, where the row is the unit).
"""

from __future__ import annotations

import dataclasses
import datetime
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthkit import encode
from synthkit.pipeline.fitting import fit
from synthkit.pipeline.model import Model
from synthkit.pipeline.plan import load_plan
from synthkit.pipeline.run import run, warnings
from synthkit.pipeline.tables import checked
from synthkit.privacy import mechanism
from synthkit.schema import Column, Schema, load
from synthkit.source import read, split, unit_index

PERSON = Column(name="who", kind="person_id", role="identifier")
AGE = Column(name="age", kind="integer", bounds=(0, 99), nullable=True, domain_source="public")
TOWN = Column(name="town", kind="categorical", categories=("a", "b", "c"), domain_source="public")
SCHEMA = Schema(name="t", population="t", missing=("NA",), columns=(PERSON, AGE, TOWN))


def people(n: int, rng: np.random.Generator) -> pl.DataFrame:
    rows = rng.integers(1, 5, n).repeat(1)
    who = np.repeat([f"p{i:04d}" for i in rng.permutation(n)], rows)
    return pl.DataFrame(
        {
            "who": who,
            "age": rng.integers(0, 100, len(who)),
            "town": rng.choice(["a", "b", "c"], len(who)),
        }
    )


ONE = pl.DataFrame({"who": ["new"] * 3, "age": [99, 0, None], "town": ["c", "c", "a"]})


@pytest.mark.parametrize("unit", ["person", "row"])
def test_the_split_gives_neighbouring_tables_neighbouring_train_tables(unit):
    # A shuffle of all units gave trains that differed in dozens of people: epsilon times dozens.
    schema = dataclasses.replace(SCHEMA, unit=unit)
    one = checked(people(500, np.random.default_rng(1)), schema, what="table")
    more = ONE if unit == "person" else ONE.head(1)
    two = pl.concat([checked(more, schema, what="t", invalid_values="clamp"), one])
    for seed in range(20):
        a = split(one, schema, holdout_share=0.2, seed=seed).train
        b = split(two, schema, holdout_share=0.2, seed=seed).train
        assert b.filter(pl.col("who") != "new").equals(a)
        assert b.filter(pl.col("who") == "new").height in (0, more.height)


def test_one_person_moves_one_cell_of_each_table_by_one_all_the_way_from_the_file(tmp_path):
    """Sensitivity as charged, measured on the counts that the mechanism was asked to noise."""
    rng = np.random.default_rng(2)
    raw = people(300, rng)
    asked = []
    for i, frame in enumerate((raw, pl.concat([raw, ONE]))):
        path = Path(tmp_path, f"{i}.csv")
        frame.write_csv(path, null_value="NA")
        table = checked(read(path), SCHEMA, what="table")
        with mechanism._recording() as tape:
            encode.fit(table, SCHEMA, unit_index(table, SCHEMA), sigma=2.0)
        asked.append(next(d.asked["counts"] for d in tape.draws if d.kind == "noisy_counts"))
    assert asked[0].shape == asked[1].shape
    assert asked[0].sum() == 300 * 2
    assert asked[1].sum() == 301 * 2


@pytest.mark.parametrize("token", ["NA", "", "1e3", "7"])
def test_no_row_decides_how_the_cells_of_others_are_read(tmp_path, token):
    # A column is stored as numbers only if all its cells are: one person with an `NA` turned
    # everybody's `999.0` from missing (the token 999) to a value.
    schema = Schema(
        name="t",
        population="t",
        missing=("NA", "999"),
        columns=(
            TOWN,
            Column(name="x", kind="float", bounds=(0.0, 1000.0), nullable=True),
            Column(name="n", kind="integer", bounds=(0, 1000), nullable=True),
        ),
    )
    lines = ["town,x,n", "a,999.0,+999", "b,1.5,3.0", "c,+999,999.0", "a,9.99e2,12"]
    read_as = []
    for i, more in enumerate(([], [f"a,{token},{token}"])):
        path = Path(tmp_path, f"{i}.csv")
        path.write_text("\n".join([*lines, *more]) + "\n")
        read_as.append(checked(read(path), schema, what="table").head(4))
    assert read_as[0]["x"].to_list() == [None, 1.5, None, None]
    assert read_as[0].equals(read_as[1])


def test_clamping_refuses_nothing_by_value_not_even_a_row_of_nobody():
    raw = pl.read_csv(
        io.StringIO("who,age,town\np1,1000,a\n,5,b\np2,x,zzz\nNA,7,c\np1,-4,b\n"),
        infer_schema=False,
    )
    table = checked(raw, SCHEMA, what="table", invalid_values="clamp")
    assert table["who"].to_list() == ["p1", "p2", "p1"]
    assert table["age"].to_list() == [99, None, 0]
    assert unit_index(table, SCHEMA).tolist() == [0, 1, 0]


def test_no_person_blurs_the_ids_of_others(tmp_path):
    # One id with a fraction made the column floats, in which ids beyond 2^53 fell together.
    ids = [str(10**16 + i) for i in range(50)]
    n_units = []
    for i, more in enumerate(([], ["1.0"])):
        path = Path(tmp_path, f"{i}.csv")
        path.write_text("\n".join(["who,age,town", *(f"{w},3,a" for w in [*ids, *more])]) + "\n")
        n_units.append(len(set(unit_index(checked(read(path), SCHEMA, what="t"), SCHEMA))))
    assert n_units == [50, 51]


def test_names_in_a_column_that_is_left_out_reach_no_model_and_no_bundle(tmp_path):
    # `role: identifier` on a column whose categories `inspect` had read: no learned column was
    # `from: data`, so the schema with all the names was marked for release.
    rng = np.random.default_rng(3)
    frame = people(200, rng).with_columns(doctor=pl.lit("Sentinel Jones"))
    frame.write_csv(tmp_path / "t.csv")
    (tmp_path / "t.yaml").write_text(
        "synthkit: schema/1\nname: t\npopulation: t\ncolumns:\n"
        "  - {name: who, kind: person_id}\n"
        "  - {name: age, kind: integer, bounds: [0, 99], from: public}\n"
        "  - {name: town, kind: categorical, categories: [a, b, c], from: public}\n"
        "  - {name: doctor, kind: categorical, role: identifier, categories: [Sentinel Jones], "
        "from: data}\n"
    )
    (tmp_path / "plan.yaml").write_text(
        "synthkit: plan/1\nname: T\ntable: t.csv\nschema: t.yaml\noutput: bundle\n"
        "generator: independent\nepsilon: 1.0\nrows: 50\n"
    )
    result = run(load_plan(tmp_path / "plan.yaml"))
    assert not any("charged to" in w for w in result.evidence.warnings)
    assert result.evidence.privacy is not None
    assert result.evidence.privacy.private
    for name in ("schema.yaml", "suite.json", "synthetic.csv", "manifest.json"):
        assert "Sentinel" not in (result.bundle / name).read_text(), name
    schema = load(tmp_path / "t.yaml")
    model = fit(frame, schema, epsilon=1.0, generator="independent", population="other")
    assert any("charged to other, not to t" in w for w in warnings(model, schema, result.evidence))
    model.save(tmp_path / "m.safetensors")
    assert b"Sentinel" not in (tmp_path / "m.safetensors").read_bytes()
    again = Model.load(tmp_path / "m.safetensors")
    assert again.sample(20, seed=1).equals(model.sample(20, seed=1))


Y2K, Y2030 = datetime.date(2000, 1, 1), datetime.date(2030, 1, 1)
READINGS = (
    (Column(name="x", kind="integer", bounds=(0, 9999)), ["1", "2.0", "1e3"]),
    (Column(name="x", kind="float", bounds=(0, 99)), ["1.50", "2", "true"]),
    (Column(name="x", kind="categorical", categories=("1", "2.50")), ["1", "2.50", "1.0"]),
    (Column(name="x", kind="ordinal", categories=(1, 2)), ["1", "2.0", "+1"]),
    (Column(name="x", kind="boolean"), ["TRUE", "true", "0"]),
    (Column(name="x", kind="date", bounds=(Y2K, Y2030)), ["2024-01-02", "03.04.2024", "5/6/2024"]),
    (Column(name="x", kind="id"), ["1", "01", "1e3"]),
)


@pytest.mark.parametrize(("column", "cells"), READINGS, ids=[c.kind for c, _ in READINGS])
def test_no_row_of_a_csv_decides_how_another_is_read(tmp_path, column, cells):
    column = dataclasses.replace(column, nullable=True)
    schema = dataclasses.replace(SCHEMA, columns=(column, AGE), unit="row")

    def seen(*more: str) -> list[object]:
        path = tmp_path / "t.csv"
        path.write_text("x,age\n" + "".join(f"{cell},1\n" for cell in (*cells, *more)))
        table = checked(read(path), schema, what="table", invalid_values="clamp")
        return table["x"].to_list()[: len(cells)]

    alone = seen()
    for other in ("", "NA", "odd", "1.5", "12345678901234567890", "true", "1e9", "2024-31-12"):
        assert seen(other) == alone, other

"""A model on disk and the tables it draws: same seed same rows, no real row, no endless search."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import synthkit as sk
from synthkit.errors import InputError, IntegrityError
from synthkit.pipeline.tables import write_table
from synthkit.schema.model import Column
from tests.pipeline.jobs import ENCODED, NOTE, PATIENT, VISIT, schema, visits


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> sk.Model:
    """One fit for the tests of this file; epsilon is high so that all categories appear."""
    from synthkit.privacy.ledger import Ledger

    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.sqlite'}")
    return sk.fit(visits(), schema(), epsilon=8.0, generator="independent", ledger=ledger)


@pytest.fixture(scope="module")
def file(model: sk.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "visits.model"
    model.save(path)
    return path


class TestOnDisk:
    def test_a_loaded_model_draws_the_same_rows_from_the_same_seed(self, model, file):
        loaded = sk.Model.load(file)
        assert loaded.sample(500, seed=3).equals(model.sample(500, seed=3))
        assert loaded.privacy == model.privacy
        assert loaded.schema == model.schema
        assert (loaded.generator, loaded.units) == (model.generator, model.units)

    def test_saving_a_loaded_model_gives_the_same_arrays_and_header(self, file, tmp_path):
        from synthkit.generate import storage

        sk.Model.load(file).save(tmp_path / "again")
        (arrays, header), (again, header_again) = (
            storage.load(f) for f in (file, tmp_path / "again")
        )
        assert header == header_again
        assert arrays.keys() == again.keys()
        assert all(arrays[name].tobytes() == again[name].tobytes() for name in arrays)

    def test_no_identifier_and_no_text_of_the_table_is_in_the_file(self, model, file):
        data = file.read_bytes() + model.sample(2_000).write_csv().encode()
        for sentinel in (PATIENT, VISIT, NOTE):
            assert sentinel.encode() not in data

    def test_the_sentinels_would_be_found_if_a_row_were_kept(self, model, tmp_path):
        """The test above looks at the right bytes: a planted cell is seen."""
        leaky = dataclasses.replace(model, generator=visits()["note"][7])
        leaky.save(tmp_path / "leaky")
        assert f"{NOTE} 7".encode() in (tmp_path / "leaky").read_bytes()

    @pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
    def test_a_cut_file_is_refused_with_exit_code_4(self, file, tmp_path, command, share):
        data = file.read_bytes()
        (tmp_path / "cut").write_bytes(data[: int(len(data) * share)])
        refused_with_4(command, tmp_path / "cut")

    @pytest.mark.parametrize("place", [0.0, 0.2, 0.6, 0.99])
    def test_a_changed_byte_is_refused_with_exit_code_4(self, file, tmp_path, command, place):
        data = bytearray(file.read_bytes())
        data[int(len(data) * place)] ^= 1
        (tmp_path / "changed").write_bytes(bytes(data))
        refused_with_4(command, tmp_path / "changed")

    @pytest.mark.parametrize("content", [b"age,ward\n1,north\n", b"\x80\x04pickle", b"{}"])
    def test_a_file_of_another_kind_is_refused_with_exit_code_4(self, tmp_path, command, content):
        (tmp_path / "foreign").write_bytes(content)
        refused_with_4(command, tmp_path / "foreign")

    def test_a_whole_file_of_another_format_or_content_is_refused(self, file, tmp_path, command):
        from synthkit.generate import storage

        arrays, header = storage.load(file)
        for change in (
            {"synthkit": "model/2"}, {"codec": {}}, {"units": None}, {"privacy": {}},
            {"description": {}},
        ):  # fmt: skip
            storage.save(tmp_path / "odd", arrays, {**header, **change})
            refused_with_4(command, tmp_path / "odd")

    def test_a_missing_file_is_bad_input(self, command, tmp_path):
        outcome = command("sample", tmp_path / "none", "-n", 5, "-o", tmp_path / "x.csv")
        assert outcome.code == 3
        assert "none" in outcome.err


def refused_with_4(command, path: Path) -> None:
    with pytest.raises(IntegrityError):
        sk.Model.load(path)
    outcome = command("sample", path, "-n", 5, "-o", path.parent / "out.csv")
    assert outcome.code == 4, outcome
    assert outcome.err.count("error:") == outcome.err.count("hint:") == 1
    assert "Traceback" not in outcome.err
    assert not (path.parent / "out.csv").exists()


class TestDrawing:
    def test_rows_have_the_encoded_columns_in_order_and_obey_the_schema(self, model):
        from synthkit.schema import Schema, check

        rows = model.sample(1_000, seed=0)
        assert rows.columns == ENCODED
        assert rows.height == 1_000
        learned = Schema(**{**vars(model.schema), "columns": model.schema.encoded, "unit": "row"})
        assert [p for p in check(rows, learned) if p.severity == "error"] == []

    def test_a_seed_gives_the_same_rows_and_no_seed_gives_others(self, model):
        assert model.sample(50, seed=4).equals(model.sample(50, seed=4))
        assert not model.sample(50, seed=4).equals(model.sample(50, seed=5))
        assert not model.sample(50).equals(model.sample(50))

    def test_chunks_are_the_whole_sample_in_pieces(self, model, monkeypatch):
        monkeypatch.setattr("synthkit.pipeline.drawing.CHUNK_ROWS", 300)
        for where in (None, {"ward": "east"}):
            chunks = list(model.sample_chunks(1_000, seed=8, where=where))
            assert len(chunks) >= 4
            assert max(c.height for c in chunks) <= 300
            assert pl.concat(chunks).equals(model.sample(1_000, seed=8, where=where))

    @pytest.mark.parametrize("n", [0, -1, 2.5, True, "10"])
    def test_no_other_number_of_rows_than_a_positive_whole_one(self, model, n):
        with pytest.raises(InputError, match="number of rows"):
            model.sample(n)

    @pytest.mark.parametrize("seed", [-1, 1.5, True, "a"])
    def test_no_other_seed_than_a_whole_one(self, model, seed):
        with pytest.raises(InputError, match="seed"):
            model.sample(5, seed=seed)

    @pytest.mark.parametrize("column", ENCODED)
    def test_a_condition_holds_in_every_row(self, model, column):
        """The value is the model's most frequent one, so that it has mass whatever the noise."""
        value = model.sample(2_000, seed=0)[column].drop_nulls().mode()[0]
        rows = model.sample(60, seed=1, where={column: str(value)})
        assert rows.height == 60
        assert rows[column].unique().to_list() == [value]
        assert model.sample(60, seed=1, where={column: value}).equals(rows), "typed, as well"

    @pytest.mark.parametrize("text", ["true", "True", "TRUE"])
    def test_true_may_be_written_as_people_write_it(self, model, text):
        assert model.sample(20, seed=1, where={"returned": text})["returned"].all()

    def test_conditions_hold_together(self, model):
        rows = model.sample(100, seed=1, where={"ward": "north", "returned": "true", "grade": "1"})
        distinct = rows.select("ward", "returned", "grade").unique()
        assert distinct.rows() == [("north", True, 1)]

    def test_a_condition_without_mass_ends_with_an_error(self, model):
        class OneRowOnly:
            """Draws one and the same row, so that no other ward has any mass."""

            drawn = 0

            def sample(self, n, rng):
                self.drawn += n
                return model.inner.sample(1, np.random.default_rng(0)).repeat(n, axis=0)

        inner = OneRowOnly()
        stuck = dataclasses.replace(model, inner=inner)
        ward = stuck.sample(1)["ward"][0]
        other = next(w for w in ("north", "south", "east") if w != ward)
        with pytest.raises(InputError, match=r"0 of [\d,]+ sampled rows satisfy"):
            stuck.sample(10, where={"ward": other})
        assert inner.drawn < 200_000

    @pytest.mark.parametrize(
        ("where", "words"),
        [
            ({"wards": "east"}, "no column named 'wards'"),
            ({"patient": f"{PATIENT}1"}, "no column named 'patient'"),
            ({"note": "x"}, "no column named 'note'"),
            ({"ward": "west"}, "not a category of 'ward'"),
            ({"ward": ""}, "column 'ward' is never missing"),
            ({"grade": "4"}, "not a category of 'grade'"),
            ({"age": ""}, "column 'age' is never missing"),
            ({"age": "forty"}, "not a value of the integer column 'age'"),
            ({"age": "40.5"}, "not a value of the integer column 'age'"),
            ({"age": "121"}, "outside the domain"),
            ({"age": "9" * 30}, "outside the domain"),
            ({"weight": "nan"}, "outside the domain"),
            ({"weight": "inf"}, "outside the domain"),
            ({"returned": "yes"}, "not a value of the boolean column"),
            ({"admitted": "03/02/2020"}, "not a value of the date column"),
            ({"admitted": "2021-01-01"}, "outside the domain"),
        ],
    )
    def test_a_condition_on_what_the_model_does_not_know_is_refused(self, model, where, words):
        with pytest.raises(InputError, match=words):
            model.sample(5, where=where)

    def test_a_time_with_a_zone_is_refused_beside_times_without(self):
        from synthkit.pipeline.conditions import parse_value

        bounds = (datetime.datetime(2020, 1, 1), datetime.datetime(2021, 1, 1))
        column = Column(name="at", kind="datetime", bounds=bounds)
        assert parse_value(column, "2020-05-01T10:00:00") == datetime.datetime(2020, 5, 1, 10)
        with pytest.raises(InputError, match="outside the domain"):
            parse_value(column, "2020-05-01T10:00:00+02:00")

    def test_bounds_are_not_named_since_they_may_have_been_read_from_the_data(self):
        from synthkit.pipeline.conditions import parse_value

        with pytest.raises(InputError) as error:
            parse_value(Column(name="pay", kind="integer", bounds=(17, 98123)), "99999")
        assert "98123" not in error.value.message + error.value.hint

    def test_csv_and_parquet_hold_the_same_rows(self, model, tmp_path):
        from synthkit.schema import Schema
        from synthkit.source import conform, read

        rows = model.sample(500, seed=2)
        learned = Schema(**{**vars(model.schema), "columns": model.schema.encoded, "unit": "row"})
        for name in ("a.csv", "a.parquet", "a.pq"):
            chunks = [rows.head(200), rows.tail(300)]
            assert write_table(chunks, tmp_path / name) == 500
            assert conform(read(tmp_path / name), learned).equals(rows), name

from __future__ import annotations

import csv
import io

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.errors import InputError
from synthkit.source import read

SECRET = "Ms-Unmistakable-77"


def write(tmp_path, content: bytes | str, name: str = "t.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.hint
    whole = "\n".join((caught.value.message, caught.value.hint, *caught.value.details))
    assert SECRET not in whole
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return whole


def test_cells_of_a_csv_stay_text_until_a_schema_reads_them(tmp_path):
    table = read(write(tmp_path, "whole,part\n1,1.50\n 2 ,x\n"))
    assert table.rows() == [("1", "1.50"), (" 2 ", "x")]


def test_for_a_proposal_columns_get_the_type_that_all_cells_have(tmp_path):
    text = (
        "whole,part,flag,word,code,long\n1,1.5,true,a,007,12345678901234567890\n"
        ' 2 ,2,FALSE,,010,1\n,,,"b, c",,\n'
    )
    table = read(write(tmp_path, text), infer_types=True)
    assert table.schema == {
        "whole": pl.Int64, "part": pl.Float64, "flag": pl.Boolean,
        "word": pl.String, "code": pl.String, "long": pl.String,
    }  # fmt: skip
    assert table.rows() == [
        (1, 1.5, True, "a", "007", "12345678901234567890"),
        (2, 2.0, False, None, "010", "1"),
        (None, None, None, "b, c", None, None),
    ]


def test_the_type_is_taken_from_the_whole_file(tmp_path):
    text = "x\n" + "1\n" * 20_000 + "late\n"
    assert read(write(tmp_path, text)).schema == {"x": pl.String}


def test_missing_tokens_stay_as_they_are_stored(tmp_path):
    assert read(write(tmp_path, "x\n1\n?\n"))["x"].to_list() == ["1", "?"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path, separator):
    rows = [["name", "price, net", "note"], ["a", "1,5", "x"], ["b", "2,5", "y; z"]]
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows(rows)
    table = read(write(tmp_path, out.getvalue()))
    assert table.columns == rows[0]
    assert table.rows() == [tuple(r) for r in rows[1:]]


def test_marks_blanks_lines_and_line_breaks_are_read_as_meant(tmp_path):
    content = b'\xef\xbb\xbf a ,b\r\n1,"two\nlines"\r\n\r\n2,"say ""hi"""\r\n\r\n'
    table = read(write(tmp_path, content))
    assert table.columns == ["a", "b"]
    assert table.rows() == [("1", "two\nlines"), ("2", 'say "hi"')]


def test_one_column_keeps_its_blank_cells(tmp_path):
    assert read(write(tmp_path, "a\n1\n\n3\n"))["a"].to_list() == ["1", None, "3"]


def test_a_path_with_glob_characters_is_one_file(tmp_path):
    assert read(write(tmp_path, "a,b\n1,2\n", "t[1]*.csv")).height == 1
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "u[1].parquet")
    assert read(tmp_path / "u[1].parquet").height == 1


def test_parquet_is_read_as_stored(tmp_path):
    table = pl.DataFrame({"a": [1, None], "b": ["x", "?"], "c": [1.5, float("nan")]})
    table.write_parquet(tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet").equals(table)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"a,b\n1\n2,{SECRET}\n3,4,{SECRET}\n", "has 2 rows with too few or too many fields"),
        (f"a,b\n1,2,{SECRET}\n", "Line 2: 3 fields instead of 2."),
        ("a,b,a\n1,2,3\n", "Column 'a' stands 2 times"),
        ("a, a\n1,2\n", "Column 'a' stands 2 times"),
        (",a\n0,1\n", "Column 1 has no name"),
        ("a,b\n", "has a header and no rows"),
        ("a,b\n\n\n", "has a header and no rows"),
        ("", "is empty"),
        (f'a,b\n1,"{SECRET}\n3,4\n', "do not pair up"),
        (f'a,b\n1,2\n3,"{SECRET}"y\n', "do not pair up"),
        (f"a,b\n{SECRET},é\n".encode("latin-1"), "is not UTF-8 text"),
        (f"a,b\n{SECRET},2\n".encode("utf-16"), "is UTF-16 text"),
        (f"1987,2.5,{SECRET}\n1988,3,x\n", "looks like data, not like column names"),
        (b"PAR1" + SECRET.encode(), "is a Parquet file"),
        (b"PK\3\4" + SECRET.encode(), "is packed"),
    ],
)
def test_what_is_no_table_is_refused_without_a_cell(tmp_path, content, said):
    assert said in refused(write(tmp_path, content))


def test_files_that_are_not_there_or_not_tables_are_named(tmp_path):
    assert "There is no file" in refused(tmp_path / "absent.csv")
    assert "is a folder" in refused(tmp_path)
    assert "neither CSV nor Parquet" in refused(write(tmp_path, SECRET, "t.xlsx"))
    assert "not a whole Parquet file" in refused(write(tmp_path, SECRET, "t.parquet"))
    assert "cannot be read" in refused("a\0b.csv")


@pytest.mark.usefixtures("without_privileges")
def test_a_file_without_permission_is_named(unreadable):
    assert "Permission denied" in refused(unreadable)


def test_odd_parquet_files_are_refused(tmp_path):
    whole = tmp_path / "t.parquet"
    pl.DataFrame({"a": [SECRET] * 100}).write_parquet(whole)
    assert "not a whole Parquet" in refused(
        write(tmp_path, whole.read_bytes()[:-30], "cut.parquet")
    )
    damaged = bytearray(whole.read_bytes())
    damaged[4:60] = b"\xff" * 56
    assert "not a whole Parquet" in refused(write(tmp_path, bytes(damaged), "bad.parquet"))
    twice = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    assert "Column 'a' stands 2 times" in refused(tmp_path / "twice.parquet")
    pl.DataFrame({"a": [[1]], "b": [{"c": 1}], "d": [1]}).write_parquet(tmp_path / "n.parquet")
    told = refused(tmp_path / "n.parquet")
    assert "'a' is nested" in told
    assert "'b' is nested" in told
    assert "'d'" not in told
    pl.DataFrame({"a": []}, schema={"a": pl.Int64}).write_parquet(tmp_path / "e.parquet")
    assert "no rows" in refused(tmp_path / "e.parquet")


def test_the_field_size_limit_of_the_process_is_left_alone(tmp_path):
    before = csv.field_size_limit()
    table = read(write(tmp_path, f"a,b\n1,{'x' * (before + 10)}\n"))
    assert len(table["b"][0]) == before + 10
    assert csv.field_size_limit() == before


_cell = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")) | st.sampled_from(',;"|\n'),
    min_size=1, max_size=6,
).filter(lambda s: s.strip())  # fmt: skip


@given(rows=st.lists(st.tuples(_cell, _cell, _cell), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_whatever_is_written_is_read_back(tmp_path_factory, rows):
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("first", "second", "third"), *rows])
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(out.getvalue().encode())
    table = read(path)
    assert table.height == len(rows)
    for column, cells in zip(table.get_columns(), zip(*rows, strict=True), strict=True):
        if column.dtype == pl.String:
            assert column.to_list() == list(cells)
        elif column.dtype == pl.Boolean:
            assert column.to_list() == [c.strip().lower() == "true" for c in cells]
        else:
            assert column.null_count() == 0

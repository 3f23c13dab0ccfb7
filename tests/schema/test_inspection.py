from __future__ import annotations

import datetime
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.errors import InputError
from synthkit.schema import Column, check, dump, inspect, parse
from synthkit.schema._domains import round_dates_outward, round_outward
from synthkit.schema._patterns import banded, is_card_number, is_iban
from synthkit.source import conform

N = 400
DAY = datetime.date(2019, 1, 1)
RNG = np.random.default_rng(7)


def one(values: list, name: str = "x", dtype: pl.DataType | None = None) -> Column:
    """Inspects a table of one column."""
    table = pl.DataFrame({name: pl.Series(name, values, dtype=dtype, strict=False)})
    return inspect(table, name="t").schema.columns[0]


def repeated(*values: object) -> list:
    return [values[i % len(values)] for i in range(N)]


def spread(low: int, high: int) -> list[int]:
    return [int(v) for v in RNG.integers(low, high, N)]


@pytest.mark.parametrize(
    ("name", "values", "kind", "role"),
    [
        ("is_member", repeated(0, 1), "categorical", "other"),
        ("active", repeated(True, False), "boolean", "other"),
        ("smoker", repeated("yes", "no"), "categorical", "other"),
        ("stars", repeated(1, 2, 3, 4, 5), "ordinal", "other"),
        ("stars", repeated(1.0, 2.0, 5.0), "ordinal", "other"),
        ("sex", repeated(1, 2), "categorical", "quasi_identifier"),
        ("admission_type_id", repeated(1, 2, 3, 7), "categorical", "other"),
        ("REASONCODE", repeated(10509002, 195662009), "categorical", "sensitive"),
        ("areacode", [v * 7 for v in spread(100, 150)], "categorical", "other"),
        ("num_visits", repeated(0, 1, 2, 3), "integer", "other"),
        ("age", spread(18, 90), "integer", "quasi_identifier"),
        ("income", [v * 1.25 for v in spread(100, 9000)], "float", "sensitive"),
        ("order_id", [i * 17 for i in range(N)], "id", "identifier"),
        ("sno", list(range(1, N + 1)), "id", "identifier"),
        ("patient_nbr", spread(1000, 1100), "person_id", "identifier"),
        ("reviewerID", [f"A{v}" for v in spread(1000, 1100)], "person_id", "identifier"),
        ("id_student", spread(10**6, 10**6 + 200), "person_id", "identifier"),
        ("customer_id", [f"c{i}" for i in range(N)], "person_id", "identifier"),
        ("userId", [float(v) for v in spread(1000, 1100)], "person_id", "identifier"),
        ("contact", [f"u{i}@example.org" for i in range(N)], "id", "identifier"),
        ("email", [f"u{i} at example" for i in range(N)], "text", "identifier"),
        ("Last Name", [f"Name{i}" for i in range(N)], "id", "identifier"),
        ("ref", [f"{100 + i}-{10 + i % 80:02d}-{1000 + i}" for i in range(N)], "id", "identifier"),
        ("line", [f"+44 20 7946 {1000 + i}" for i in range(N)], "text", "identifier"),
        ("host", [f"10.0.{i % 256}.{i // 256}" for i in range(N)], "id", "identifier"),
        ("mobile", [790000000 + i * 31 for i in range(N)], "id", "identifier"),
        ("comment", [f"the shirt was nice {i} but small" for i in range(N)], "text", "other"),
        ("token", [f"k{i:x}z" for i in range(N)], "id", "identifier"),
        ("colour", repeated("red", "green", "blue"), "categorical", "other"),
        ("zip", repeated("02139", "02140", "90210"), "categorical", "quasi_identifier"),
        ("Division Name", repeated("General", "Petite"), "categorical", "other"),
        ("age_band", repeated("0-35", "35-55", "55<="), "ordinal", "quasi_identifier"),
        ("day", [str(DAY + datetime.timedelta(i)) for i in range(N)], "date", "other"),
        ("at", [f"2020-01-01T10:{i % 60:02d}:00Z" for i in range(N)], "datetime", "other"),
        ("dob", ["12/31/1980", *(["01/02/1990"] * (N - 1))], "date", "quasi_identifier"),
    ],
)  # fmt: skip
def test_kinds_and_roles_are_recognised(name, values, kind, role):
    column = one(values, name)
    assert (column.kind, column.role) == (kind, role)


def test_the_order_of_day_and_month_is_proposed_and_told():
    dates = pl.DataFrame({"dob": ["12/31/1980", *(["01/02/1990"] * (N - 1))]})
    proposal = inspect(dates, name="t")
    assert proposal.schema.column("dob").date_order == "month_first"
    assert any("month first" in note for note in proposal.notes)
    plain = pl.DataFrame({"dob": ["1980-12-31", *(["1990-01-02"] * (N - 1))]})
    assert inspect(plain, name="t").schema.column("dob").date_order is None


def test_ambiguous_dates_are_not_guessed():
    column = one(repeated("01/02/1990", "03/04/1991"), "when")
    assert column.kind == "categorical"


@pytest.mark.parametrize("token", ["?", "NULL", "N/A", "nan", "None", "NA", "<NA>", "-", "\\N"])
def test_missing_tokens_are_found_in_words_and_in_numbers(token):
    words = one([*repeated("red", "green"), *([token] * 20)])
    assert (words.kind, words.missing, words.nullable) == ("categorical", (token,), True)
    assert words.categories == ("green", "red")
    numbers = one([*(str(v) for v in spread(0, 500)), *([token] * 20)])
    assert (numbers.kind, numbers.missing, numbers.nullable) == ("integer", (token,), True)


def test_a_blank_cell_is_missing_without_any_token():
    column = one([*repeated("red", "green"), "", "  "])
    assert (column.missing, column.nullable, column.categories) == ((), True, ("green", "red"))


def test_namibia_is_not_missing():
    column = one(repeated("DE", "FR", "NA", "US", "GB"), "country")
    assert "NA" in (column.categories or ())
    assert column.missing == ()


def test_a_strange_word_among_numbers_is_proposed_as_missing_and_asked_about():
    table = pl.DataFrame({"score": [*map(str, spread(0, 500)), *(["refused"] * 20)]})
    proposal = inspect(table, name="t")
    assert proposal.schema.columns[0].missing == ("refused",)
    assert any("can also be a real value" in note for note in proposal.notes)


def test_tokens_that_columns_share_move_to_the_table():
    table = pl.DataFrame(
        {"a": [*repeated("x", "y"), "?", "?"], "b": [*repeated("u", "v"), "?", "NULL"]}
    )
    schema = inspect(table, name="t").schema
    assert schema.missing == ("?",)
    assert [c.missing for c in schema.columns] == [(), ("NULL",)]


def test_codes_with_leading_zeros_stay_text():
    column = one(repeated("007", "012", "100"), "branch")
    assert column.categories == ("007", "012", "100")


def test_only_one_column_becomes_the_person():
    table = pl.DataFrame(
        {"account_id": spread(0, 90), "patient_id": spread(0, 90), "user_id": spread(0, 90)}
    ).with_columns(x=pl.Series(repeated(1, 2)))
    schema = inspect(table, name="t").schema
    assert schema.person_id == "patient_id"
    assert [c.kind for c in schema.columns].count("person_id") == 1


def test_a_table_without_a_person_says_so():
    notes = inspect(pl.DataFrame({"age": spread(1, 90)}), name="t").notes
    assert any("No column looks like a person id" in note for note in notes)


def test_what_the_data_says_is_marked_and_told():
    table = pl.DataFrame({"age": spread(1, 90), "active": repeated(True, False)})
    proposal = inspect(table, name="t")
    assert [c.domain_source for c in proposal.schema.columns] == ["data", "data"]
    assert any("of 2 columns were read from the data" in note for note in proposal.notes)
    assert any("buys" in note and "is free and better" in note for note in proposal.notes)


def test_constant_and_empty_columns_are_told():
    table = pl.DataFrame({"a": [5] * N, "b": [None] * N, "c": repeated("x", "y"), "d": [""] * N})
    proposal = inspect(table, name="t")
    assert [c.kind for c in proposal.schema.columns] == [
        "categorical",
        "text",
        "categorical",
        "text",
    ]
    assert any("'a' has the same value in every row" in note for note in proposal.notes)
    assert sum("has no value at all" in note for note in proposal.notes) == 2


def test_no_value_of_a_cell_stands_in_the_notes():
    secret = "zebra-unmistakable"
    table = pl.DataFrame(
        {
            "patient_id": [f"{secret}{i}" for i in range(N)],
            "email": [f"{secret}{i}@example.org" for i in range(N)],
            "story": [f"{secret} went {i} home" for i in range(N)],
            "ward": [secret, *["a"] * (N - 1)],
            "code": [f"{secret}{i}" for i in range(N)],
            "score": [*map(str, spread(0, 500))][:-20] + [secret] * 20,
        }
    )
    proposal = inspect(table, name="t")
    assert len(proposal.notes) >= 6
    assert not any(secret in note for note in proposal.notes)


def test_the_population_comes_from_the_name():
    table = pl.DataFrame({"x": repeated(1, 2)})
    assert (
        inspect(table, name="Our Reviews (2024).final").schema.population
        == "our-reviews-2024-.final"
    )
    assert inspect(table, name="  !!").schema.population == "table"


def test_tables_that_cannot_be_inspected_are_refused():
    with pytest.raises(InputError, match="no rows or no columns"):
        inspect(pl.DataFrame({"a": []}), name="t")
    with pytest.raises(InputError, match="nested") as caught:
        inspect(pl.DataFrame({"a": [[1], [2]]}), name="t")
    assert caught.value.details == ("Column 'a' is nested.",)


@given(
    low=st.floats(-1e12, 1e12, allow_subnormal=False),
    size=st.floats(0, 1e12, allow_subnormal=False),
    is_whole=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_bounds_are_rounded_outward_past_the_extremes(low, size, is_whole):
    high = low + size
    if is_whole:
        low, high = int(low), int(high)
    first, last = round_outward(low, high, is_whole=is_whole)
    assert first <= low <= high <= last
    assert first < low or low == 0 or (low >= 0 and first == 0)
    assert last > high or high == 0 or high in (1, 100)
    span = max(high - low, abs(low), abs(high), 1)
    assert last - first <= 2.5 * span + 2


@pytest.mark.parametrize(
    ("low", "high", "is_whole", "expected"),
    [
        (18, 99, True, (15, 100)),
        (0, 122, True, (0, 130)),
        (-9000, 1_327_000, True, (-10_000, 1_400_000)),
        (0.0, 1.0, False, (0.0, 1.0)),
        (0.1, 100.0, False, (0.0, 100.0)),
        (31.7, 41.7, False, (31.0, 42.0)),
        (5, 5, True, (4, 6)),
        (-(2**63), 2**63 - 1, True, (-(2**63), 2**63 - 1)),
    ],
)
def test_bounds_are_round_numbers(low, high, is_whole, expected):
    assert round_outward(low, high, is_whole=is_whole) == expected


@given(days=st.tuples(st.dates(), st.dates()).map(sorted))
@settings(max_examples=200, deadline=None)
def test_dates_are_rounded_outward(days):
    first, last = round_dates_outward(*days)
    assert first <= days[0] <= days[1] <= last
    assert first.day == 1


def test_bands_are_put_in_order():
    assert banded(["35-55", "55<=", "0-35"]) == ["0-35", "35-55", "55<="]
    assert banded([">$50k", "under $11k", "$25-$50k", "$11-$25k"]) == [
        "under $11k", "$11-$25k", "$25-$50k", ">$50k"
    ]  # fmt: skip
    assert banded(["[10-20)", "[0-10)", "[100-110)"]) == ["[0-10)", "[10-20)", "[100-110)"]
    assert banded(["a-b", "c"]) is None
    assert banded(["01-01301", "06-07502"]) is None


def test_checksums_are_the_published_ones():
    assert is_card_number("4111 1111 1111 1111")
    assert not is_card_number("4111 1111 1111 1112")
    assert is_iban("GB82 WEST 1234 5698 7654 32")
    assert not is_iban("GB82 WEST 1234 5698 7654 33")


_cells = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        ["?", "NA", "yes", "2020-01-01", "1", "2.5", "a b", "", "01/02/2020", "x@y.zz"]
    ),
)
_columns = st.one_of(
    st.lists(st.none() | _cells, min_size=6, max_size=6).map(
        lambda v: pl.Series(v, dtype=pl.String)
    ),
    st.lists(st.none() | st.sampled_from(["1", "2", "?", "30"]), min_size=6, max_size=6).map(
        lambda v: pl.Series(v, dtype=pl.String)
    ),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=6, max_size=6).map(
        lambda v: pl.Series(v, dtype=pl.Int64)
    ),
    st.lists(st.none() | st.integers(0, 3), min_size=6, max_size=6).map(
        lambda v: pl.Series(v, dtype=pl.Int8)
    ),
    st.lists(st.none() | st.floats(allow_infinity=False), min_size=6, max_size=6).map(
        lambda v: pl.Series(v, dtype=pl.Float64)
    ),
    st.lists(st.none() | st.datetimes(), min_size=6, max_size=6).map(
        lambda v: pl.Series(v, dtype=pl.Datetime("us"))
    ),
    st.lists(st.none() | st.booleans(), min_size=6, max_size=6).map(
        lambda v: pl.Series(v, dtype=pl.Boolean)
    ),
)


@given(parts=st.lists(_columns, min_size=1, max_size=4), names=st.permutations(
    ["age", "patient_id", "code", "note", "x"]))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_whatever_is_proposed_loads_and_fits_its_table(parts, names):
    table = pl.DataFrame([p.alias(n) for p, n in zip(parts, names, strict=False)])
    schema = inspect(table, name="t").schema
    errors = [p for p in check(table, schema) if p.severity == "error" and p.column != "patient_id"]
    assert errors == []
    assert not [p for p in check(table, schema) if "bounds" in p.message or "declared" in p.message]
    conform(table, schema)
    if schema.encoded:
        assert parse(dump(schema)) == schema


def test_the_proposal_does_not_depend_on_the_order_of_the_rows():
    table = pl.DataFrame({"a": spread(0, 50), "b": repeated("x", "y", "?"), "c": spread(0, 3)})
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=3)
    assert inspect(table, name="t") == inspect(shuffled, name="t")


TRUTH = {"row_id": {"id"}, "person_id": {"person_id"}, "text": {"text"}}
TABLES = ("clothing_reviews", "diabetes130", "adult", "support2", "oulad", "nist_acs2019",
          "credit_default", "synthea")  # fmt: skip


@pytest.mark.realdata
@pytest.mark.parametrize("name", TABLES)
def test_real_tables_get_a_schema_that_loads_and_fits(real_table, name):
    path = real_table(name)
    meta = json.loads((path.parent / "meta.json").read_text())
    table = pl.read_parquet(path)
    schema = inspect(table, name=name).schema
    assert schema.person_id == meta["person_id"]
    for told in meta["columns"]:
        column = schema.column(told["name"])
        assert column.kind in TRUTH.get(told["kind"], {column.kind}), told["name"]
        assert column.is_encoded == (told["kind"] not in TRUTH), told["name"]
        if told["kind"] == "binary":
            assert len(column.categories or ()) == 2
        if told["kind"] == "numeric":
            assert column.kind in ("integer", "float", "ordinal"), told["name"]
    assert parse(dump(schema)) == schema
    assert not [p for p in check(table, schema) if p.severity == "error"]
    assert conform(table, schema).height == table.height


@pytest.mark.realdata
def test_the_essentials_of_the_real_tables_are_seen(real_table):
    def schema(name: str):
        return inspect(pl.read_parquet(real_table(name)), name=name).schema

    diabetes, adult = schema("diabetes130"), schema("adult")
    assert "?" in diabetes.missing
    assert adult.missing == ("?",)
    assert diabetes.column("age").categories[:2] == ("[0-10)", "[10-20)")
    assert diabetes.column("diag_1").role == "sensitive"
    assert adult.column("native-country").nullable
    assert "?" not in adult.column("workclass").categories
    reviews = schema("clothing_reviews")
    assert reviews.column("Clothing ID").kind == "categorical"
    assert reviews.column("Rating").categories == (1, 2, 3, 4, 5)
    assert reviews.targets == ("Rating", "Recommended IND")
    support = schema("support2")
    assert (support.column("charges").kind, support.column("charges").nullable) == ("float", True)
    assert schema("synthea").column("DATE").kind == "date"


def test_a_name_is_left_out_as_an_identifier_and_a_note_as_free_text():
    name = Column(name="patient_name", kind="text", role="identifier")
    note = Column(name="note", kind="text")
    assert "identifier" in name.omission_reason
    assert "free text" in note.omission_reason

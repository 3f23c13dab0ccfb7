from __future__ import annotations

import datetime

import pytest
import yaml
from hypothesis import given, settings

from synthkit.errors import ConfigError
from synthkit.schema import dump, json_schema, load, parse
from tests.schema.strategies import example, schemas

TEXT = """\
synthkit: schema/1
name: reviews
population: reviews-shop
description: Reviews of clothes.
rows_public: 20000
missing: ["?", NULL-ISH, -1]
targets: [rating]
columns:
- {name: customer, kind: person_id, role: identifier}
- {name: age, kind: integer, role: quasi_identifier, nullable: true, bounds: [0, 120], from: public}
- {name: price, kind: float, bounds: [0, 1e3], decimals: 2, missing: [N]}
- {name: rating, kind: ordinal, categories: [1, 2, 3, 4, 5], from: public}
- {name: answer, kind: categorical, categories: [yes, no, on, off, 007, 12:30]}
- {name: bought, kind: date, bounds: [2020-01-01, "2021-12-31"]}
- {name: sent, kind: datetime, bounds: [2020-01-01, 2021-12-31]}
- {name: text, kind: text, description: "What they say: free."}
"""


def details(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return "\n".join(caught.value.details)


def test_a_schema_is_read_as_written(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text(TEXT)
    schema = load(path)
    assert schema.population == "reviews-shop"
    assert schema.missing == ("?", "NULL-ISH", "-1")
    assert schema.person_id == "customer"
    assert schema.column("age").bounds == (0, 120)
    assert schema.column("age").domain_source == "public"
    assert schema.column("price").bounds == (0.0, 1000.0)
    assert isinstance(schema.column("price").bounds[0], float)
    assert schema.column("price").domain_source == "data"
    assert schema.column("answer").categories == ("yes", "no", "on", "off", "007", "12:30")
    assert schema.column("bought").bounds == (
        datetime.date(2020, 1, 1),
        datetime.date(2021, 12, 31),
    )
    low, high = schema.column("sent").bounds
    assert low == datetime.datetime(2020, 1, 1)
    assert high == datetime.datetime(2021, 12, 31, 23, 59, 59, 999999)


@given(schema=schemas())
@settings(max_examples=120, deadline=None)
def test_dump_and_parse_are_inverse(schema):
    assert parse(dump(schema)) == schema


@given(schema=schemas())
@settings(max_examples=40, deadline=None)
def test_other_yaml_readers_see_the_same_names(schema):
    plain = yaml.safe_load(dump(schema))
    assert [c["name"] for c in plain["columns"]] == [c.name for c in schema.columns]
    for entry, column in zip(plain["columns"], schema.columns, strict=True):
        assert entry.get("categories", None) == (
            None if column.categories is None else list(column.categories)
        )


def test_the_file_says_what_to_review():
    text = dump(example())
    assert "ignores them and buys its own" in text
    assert "from: data" in text
    assert text.count("\n\n- name:") == len(example().columns) - 1 or "\n\n- name: visit" in text
    assert "bounds: [0, 120]" in text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: age,", "name: rating,", "column 'rating' is declared 2 times"),
        ("name: text, kind: text", "name: text, kind: person_id", "only one column can be the"),
        ("[0, 120]", "[120, 0]", "column 'age' has its bounds reversed"),
        ("[0, 120]", "[0, .inf]", "column 'age' must have finite bounds"),
        ("[0, 1e3]", "[.nan, 3]", "column 'price' must have finite bounds"),
        ("[0, 120]", "[0, 120.5]", "its bounds must be whole numbers"),
        ("[0, 120]", "[a, b]", "column 'age' is integer; its bounds must be numbers"),
        ("[0, 120]", "[0, 2020-01-01]", "its bounds must be numbers"),
        ("[0, 120]", "[0, true]", "must be a whole number or a number or"),
        ("[0, 120]", "[0]", "must have at least 2 entries"),
        ("[0, 120]", "[0, 99999999999999999999]", "do not fit into 64 bits"),
        ("bounds: [0, 120], ", "", "column 'age' is integer and needs bounds"),
        ("[2020-01-01, \"2021-12-31\"]", "[2020-01-01, soon]", "its bounds must be dates"),
        ("[2020-01-01, 2021-12-31]", "[1, 2]", "written YYYY-MM-DD HH:MM:SS"),
        ("categories: [1, 2, 3, 4, 5], ", "", "'rating' is ordinal and needs its categories"),
        ("[1, 2, 3, 4, 5]", "[]", "must have at least one category"),
        ("[1, 2, 3, 4, 5]", "[1, 2, 2]", "has categories twice: 2"),
        ("[1, 2, 3, 4, 5]", "[1, '2']", "mixes numbers and text"),
        ("[1, 2, 3, 4, 5]", "[1, -1]", "has categories that also mean missing: -1"),
        ("[1, 2, 3, 4, 5]", "[a, '?']", "has categories that also mean missing: '?'"),
        ("[1, 2, 3, 4, 5]", "[a, '']", "has an empty category"),
        ("[1, 2, 3, 4, 5]", "[a, ' b']", "begin or end with a space"),
        ("[1, 2, 3, 4, 5]", "[true, false]", "put it in quotes"),
        ("bounds: [0, 120]", "categories: [1]", "only categorical and ordinal columns have"),
        ("categories: [1, 2, 3, 4, 5]", "bounds: [1, 5]", "only numbers, dates and datetimes have"),
        ("targets: [rating]", "targets: [text]", "is left out, so it cannot be a target"),
        ("targets: [rating]", "targets: [stars]", "there is no column 'stars' to predict"),
        ("population: reviews-shop", "population: The Shop", "small letters, digits"),
        ("population: reviews-shop", f"population: {'x' * 101}", "1 to 100"),
        ("decimals: 2", "decimals: 13", "between 0 and 12 decimals"),
        ("[0, 120]", "[0, 120], decimals: 1", "only float columns have decimals"),
        ("name: age,", "name: '',", "must have a name"),
        ("name: age,", "name: ' age',", "must not begin or end with a space"),
        ("rows_public: 20000", "rows_public: 0", "must be more than 0"),
        ("rows_public: 20000", "row_public: 20000", "did you mean 'rows_public'?"),
        ("kind: integer", "kind: integr", "did you mean 'integer'?"),
        ("from: public", "form: public", "did you mean 'from'?"),
        ("schema/1", "schema/2", "synthkit: must be 'schema/1'"),
        ("kind: person_id, role: identifier}", "kind: id}\nunit: person", "not valid YAML"),
    ],
)  # fmt: skip
def test_every_contradiction_has_one_clear_sentence(old, new, said):
    assert old in TEXT
    assert said in details(TEXT.replace(old, new, 1))


def test_a_person_unit_needs_a_person():
    text = TEXT.replace("kind: person_id", "kind: id").replace(
        "rows_public", "unit: person\nrows_public"
    )
    assert "is person, but no column has the kind person_id" in details(text)


def test_a_table_of_identifiers_alone_cannot_be_learned():
    text = "synthkit: schema/1\nname: x\npopulation: x\ncolumns:\n- {name: a, kind: id}\n"
    assert "no column can be learned" in details(text)
    assert "must have at least one column" in details(text.split("columns")[0] + "columns: []\n")


def test_contradictions_are_told_all_at_once():
    text = (
        TEXT.replace("[0, 120]", "[120, 0]").replace("[rating]", "[stars]").replace("[N]", "['']")
    )
    assert len(details(text).splitlines()) == 3


def test_the_json_schema_describes_the_file():
    described = json_schema()
    assert described["additionalProperties"] is False
    assert "from" in described["$defs"]["ColumnForm"]["properties"]
    assert "synthkit" in described["required"]

from __future__ import annotations

import subprocess
import sys

import pytest

import synthkit.schema
from synthkit.schema import dictionary
from tests.schema.strategies import example

KEYS = {"column", "kind", "role", "domain", "domain_source", "treatment"}


def test_every_column_has_one_row_of_plain_words():
    rows = dictionary(example())
    assert [r["column"] for r in rows] == [c.name for c in example().columns]
    assert all(set(r) == KEYS and all(isinstance(v, str) for v in r.values()) for r in rows)
    by_name = {r["column"]: r for r in rows}
    assert by_name["age"]["domain"] == "0 to 120, may be missing"
    assert by_name["weight"]["domain"] == "0 to 300, 1 decimal"
    assert by_name["pain"]["domain"] == "3 categories, in order"
    assert by_name["smoker"]["domain"] == "true or false"
    assert by_name["day"]["domain"] == "2020-01-01 to 2021-12-31"
    assert by_name["age"]["treatment"] == "learned"
    assert by_name["note"]["treatment"].startswith("left out: free text")
    assert by_name["patient"]["treatment"].startswith("left out: identifiers")


def test_every_public_name_can_be_loaded():
    for name in synthkit.schema.__all__:
        assert getattr(synthkit.schema, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'inspekt'"):
        _ = synthkit.schema.inspekt


@pytest.mark.parametrize("room", ["schema", "source"])
def test_importing_the_room_loads_nothing_heavy(room):
    heavy = ("polars", "pydantic", "pandas", "pyarrow", "torch", "yaml")
    code = f"import sys, synthkit.{room}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

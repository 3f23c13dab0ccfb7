"""The schema as a Great Expectations suite for the synthetic table.

Takes a `Schema`, gives a `Suite`: our own frozen checks, and the JSON that Great Expectations 1.24
loads (`ExpectationSuite(**json)`), with the schema's rules (`rule_checks`). Only encoded columns
are in it: a synthetic table has no others. Nothing here imports Great Expectations, and the same
schema gives the same bytes.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synthkit.canonical import canonical_json
from synthkit.schema import Column, Schema, in_words
from synthkit.schema.model import TIME_KINDS
from synthkit.validate.rule_checks import EXPECTATION, queries

LIBRARY = "great_expectations"

TYPES = {
    "integer": "Int64Dtype",
    "float": "Float64Dtype",
    "boolean": "BooleanDtype",
    "text": "StringDtype",
    "time": "datetime64[us]",
}
"""Names by which Great Expectations compares pandas dtypes, of `frame.to_pandas`'s columns.

`Int64`, the name pandas prints, never matches: the comparison is with the class of that name.
"""

WHOLE_DAYS = r"^\d{4}-\d{2}-\d{2}$"
"""How pandas writes times when all of them are midnight."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One expectation about the table or one of its columns."""

    rule: str
    """Stable id, `column.check` or `table.check`; `meta.rule_id` in the JSON."""
    expectation: str
    """Great Expectations type, for example `expect_column_values_to_be_between`."""
    column: str | None
    kwargs: Mapping[str, Any]
    """JSON values only."""
    says: str = ""
    """What a rule of the schema says, in words."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """All checks of one schema."""

    name: str
    rows: int
    """Number of rows of the table it was written for; told in the JSON, not checked."""
    checks: tuple[Check, ...]

    def to_json(self) -> bytes:
        """Returns canonical JSON that `great_expectations.ExpectationSuite(**json)` accepts."""
        expectations = [
            {
                "type": check.expectation,
                "kwargs": check.kwargs,
                "meta": {"rule_id": check.rule} | ({"says": check.says} if check.says else {}),
                "severity": "critical",
            }
            for check in self.checks
        ]
        meta = {
            "great_expectations_version": importlib.metadata.version(LIBRARY),
            "synthkit": {"rows": self.rows, "frame": "synthkit.validate.to_pandas"},
        }
        document = {"name": self.name, "expectations": expectations, "meta": meta, "notes": None}
        return canonical_json(document)


def write_suite(schema: Schema, *, rows: int) -> Suite:
    """Writes the suite of a synthetic table.

    Args:
        schema: What the columns are; its bounds and categories end in the suite.
        rows: Number of rows of the table, for the record.
    """
    names = [column.name for column in schema.encoded]
    checks = [
        # An empty frame satisfies every check on values, so this one stands first.
        Check(
            rule="table.rows",
            expectation="expect_table_row_count_to_be_between",
            column=None,
            kwargs={"min_value": 1},
        ),
        Check(
            rule="table.columns",
            expectation="expect_table_columns_to_match_set",
            column=None,
            kwargs={"column_set": names, "exact_match": True},
        ),
    ]
    for column in schema.encoded:
        checks.extend(_checks(column))
    checks.extend(
        Check(
            rule=name,
            expectation=EXPECTATION,
            column=None,
            kwargs={"value": 0, "row_condition": query, "condition_parser": "pandas"},
            says=in_words(rule),
        )
        for name, rule, query in queries(schema)
    )
    return Suite(name=schema.name, rows=rows, checks=tuple(checks))


def _checks(column: Column) -> Iterator[Check]:
    """Writes the checks of one column."""

    def check(what: str, expectation: str, **kwargs: Any) -> Check:
        return Check(
            rule=f"{column.name}.{what}",
            expectation=f"expect_column_{expectation}",
            column=column.name,
            kwargs={"column": column.name, **kwargs},
        )

    yield check("exists", "to_exist")
    yield check("type", "values_to_be_in_type_list", type_list=[_type(column)])
    # Checks on values skip nulls: only this one sees a column that has nothing else.
    yield check(
        "some_values",
        "proportion_of_non_null_values_to_be_between",
        min_value=0.0,
        strict_min=True,
    )
    if not column.nullable:
        yield check("not_null", "values_to_not_be_null")
    if column.kind == "float":
        largest = sys.float_info.max
        yield check("finite", "values_to_be_between", min_value=-largest, max_value=largest)
        if column.decimals is not None:
            yield check("decimals", "values_to_match_regex", regex=decimals_regex(column.decimals))
    if column.kind == "date":
        yield check("whole_days", "values_to_match_regex", regex=WHOLE_DAYS)
    if column.bounds is not None:
        low, high = (_bound(column, bound) for bound in column.bounds)
        yield check("bounds", "values_to_be_between", min_value=low, max_value=high)
    if column.categories is not None:
        yield check("categories", "values_to_be_in_set", value_set=list(column.categories))


def _type(column: Column) -> str:
    """Returns the dtype name of a conformed column's kind."""
    if column.kind in ("integer", "float", "boolean"):
        return TYPES[column.kind]
    if column.kind in TIME_KINDS:
        return TYPES["time"]
    categories = column.categories
    whole = bool(categories) and all(isinstance(c, int) for c in categories or ())
    return TYPES["integer"] if whole else TYPES["text"]


def _bound(column: Column, bound: Any) -> Any:
    """Writes a bound so that Great Expectations reads it back as something comparable.

    Times need a time of day: a bare date is read as `date`, which no pandas time compares with.
    """
    if column.kind in TIME_KINDS and isinstance(bound, datetime.date):
        if not isinstance(bound, datetime.datetime):
            bound = datetime.datetime.combine(bound, datetime.time())
        return bound.replace(tzinfo=None).isoformat(timespec="auto")
    return bound


def decimals_regex(decimals: int) -> str:
    """Returns what a float64 with at most that many decimals looks like in Python.

    Python writes the shortest digits that give the number back, and small or large ones with an
    exponent: 1.25e-05 has seven decimals.
    """

    def mantissa(digits: int) -> str:
        # Python writes a whole number as 3.0, so one zero is always allowed.
        return rf"(?:\.\d{{1,{digits}}})?" if digits else r"(?:\.0)?"

    forms = [rf"\d+{mantissa(decimals)}", r"\d(?:\.\d+)?e\+\d+"]
    forms += [rf"\d{mantissa(decimals - e)}e-{e:02d}" for e in range(5, decimals + 1)]
    return f"^-?(?:{'|'.join(forms)})$"

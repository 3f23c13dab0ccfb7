"""Validation: the synthetic table against its schema, by Great Expectations.

`write_suite` turns a schema into a suite, `validate` runs it on a synthetic table, `run` runs suite
JSON again on any table, `measurements` counts the outcomes. Great Expectations (1.24 to below 2)
is imported only while a suite runs, and no cell of the table is kept.
"""

from __future__ import annotations

from synthkit.validate.execution import measurements, run, validate
from synthkit.validate.frame import to_pandas
from synthkit.validate.suite import Check, Suite, decimals_regex, write_suite

__all__ = [
    "Check",
    "Suite",
    "decimals_regex",
    "measurements",
    "run",
    "to_pandas",
    "validate",
    "write_suite",
]

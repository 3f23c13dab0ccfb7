"""Runs a suite with Great Expectations and keeps outcomes and counts, never a cell.

Takes a synthetic table and suite JSON (the very bytes that are published), gives `Validity`. What
Great Expectations leaves to the reader is settled here: a check that raised is inconclusive, not
failed; a check that had no value to look at is inconclusive, not passed; a check that returned
nothing is inconclusive; and order, ids and times of the library's own result are dropped.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from synthkit.artifacts import ExpectationResult, Measurement, Outcome, Validity
from synthkit.schema import Schema
from synthkit.validate.frame import to_pandas
from synthkit.validate.suite import LIBRARY, write_suite

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
"""Counts only: the default would list twenty unexpected values."""


def validate(synthetic: pl.DataFrame, schema: Schema) -> tuple[Validity, bytes]:
    """Checks a synthetic table against its schema.

    Args:
        synthetic: Rows of the encoded columns, shape (n_rows, n_columns).
        schema: What the columns should be.

    Returns:
        What was found, and the suite's JSON, which Great Expectations can load and run again.
    """
    suite = write_suite(schema, rows=synthetic.height).to_json()
    return run(synthetic, suite), suite


def run(synthetic: pl.DataFrame, suite_json: bytes) -> Validity:
    """Runs a suite that `write_suite` wrote on a table.

    Args:
        synthetic: Rows to check, shape (n_rows, n_columns).
        suite_json: The suite's JSON.
    """
    document = json.loads(suite_json)
    with _quiet():
        found = _results(to_pandas(synthetic), document)
    return Validity(
        results=tuple(_read(entry, found, synthetic.height) for entry in document["expectations"]),
        rows=synthetic.height,
        library=f"{LIBRARY} {importlib.metadata.version(LIBRARY)}",
    )


def measurements(validity: Validity) -> dict[str, Measurement]:
    """Counts the outcomes; all of them are functions of the synthetic table alone.

    Returns:
        `validity.failed`, `validity.inconclusive`, `validity.passed_share`, `validity.rows`.
    """
    total = len(validity.results)
    counts = {
        outcome: sum(1 for r in validity.results if r.outcome == outcome)
        for outcome in ("pass", "fail", "inconclusive")
    }

    def public(name: str, value: float | None, goal: Any, note: str = "") -> Measurement:
        return Measurement(
            name=f"validity.{name}", value=value, n=total, goal=goal, disclosure="public", note=note
        )

    share = counts["pass"] / total if total else None
    note = "" if total else "the suite has no check"
    found = (
        public("failed", float(counts["fail"]) if total else None, "minimize", note),
        public("inconclusive", float(counts["inconclusive"]) if total else None, "minimize", note),
        public("passed_share", share, "maximize", note),
        public("rows", float(validity.rows), "none"),
    )
    return {m.name: m for m in found}


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the library: its log quotes values of failed checks, its imports warn."""
    # Some of its modules set their loggers' levels themselves: only the switch of all reaches them.
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            for module in (r"great_expectations(\..*)?", r"marshmallow(\..*)?"):
                warnings.filterwarnings("ignore", module=module)
            yield
    finally:
        logging.disable(before)


def _results(frame: pd.DataFrame, document: Mapping[str, Any]) -> dict[str, Any]:
    """Runs the suite and returns the library's results by `meta.rule_id`."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("synthetic")
        .add_dataframe_asset("table")
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": frame})
    )
    result = batch.validate(gx.ExpectationSuite(**document), result_format=RESULT_FORMAT)
    return {r.expectation_config.meta["rule_id"]: r for r in result.results}


def _read(entry: Mapping[str, Any], found: Mapping[str, Any], rows: int) -> ExpectationResult:
    """Keeps outcome and counts of one result."""
    rule = entry["meta"]["rule_id"]
    result = found.get(rule)
    share: float | None = None
    looked_at: int | None = None
    if result is None:
        outcome: Outcome = "inconclusive"
        note = "Great Expectations returned no result for this check"
    elif _raised(result.exception_info):
        # Only the fact: the library's message may quote the cell that it stumbled on.
        outcome, note = "inconclusive", "the check could not be evaluated"
    else:
        if "row_condition" in entry["kwargs"]:
            share = _counted_share(result.result, rows)
        else:
            share, looked_at = _share(result.result)
        outcome, note = _outcome(result, looked_at)
    return ExpectationResult(
        rule=rule,
        expectation=entry["type"],
        column=entry["kwargs"].get("column"),
        outcome=outcome,
        unexpected_share=share,
        rows=rows if share is not None else None,
        note=note,
    )


def _outcome(result: Any, looked_at: int | None) -> tuple[Outcome, str]:
    """Reads pass or fail, but lets nothing pass that had no value to look at."""
    if not result.success:
        return "fail", ""
    if looked_at == 0:
        return "inconclusive", "there is no value to check"
    return "pass", ""


def _share(result: Mapping[str, Any]) -> tuple[float | None, int | None]:
    """Returns the unexpected share of all rows, and the number of values looked at."""
    rows, unexpected = result.get("element_count"), result.get("unexpected_count")
    if rows is None or unexpected is None:
        return None, None
    looked_at = int(rows) - int(result.get("missing_count", 0))
    return (float(unexpected / rows) if rows else None), looked_at


def _counted_share(result: Mapping[str, Any], rows: int) -> float | None:
    """Returns the share of rows that break a rule: the rows that its query finds."""
    found = result.get("observed_value")
    return float(found / rows) if found is not None and rows else None


def _raised(info: Any) -> bool:
    """Says whether a check raised; `exception_info` is one record, or one per metric."""
    if not info:
        return False
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(bool(record.get("raised_exception")) for record in info.values())

"""SDMetrics' QualityReport and DiagnosticReport (DataCebo), beside the same for a holdout.

Kept because readers know these numbers; decide on others. Known limits of the library (0.32):
missing cells are dropped from numeric scores, each table is binned on its own for mixed pairs, and
its scores rise with the number of rows. The pair trends are noisy for small tables: on 600
simulated rows two honest redraws differed with a standard deviation of .023, over a third of what
destroying every association cost (.062), so a small table's trend score decides nothing. Hence the
reference: n holdout rows against the same n train rows that the n synthetic rows are compared with.
Both thresholds of the pair trends are 0, so that every pair counts. The library averages over what
it could score, so a column without values would raise the average, and one that has a single value
in the rows drawn has no correlations: what it scored for the holdout and not for the synthetic
table counts as 0. The figure is then a lower bound, and its note says so.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.artifacts import Measurement
from synthkit.evaluate.bins import is_ordered, ordered_values
from synthkit.evaluate.context import Context, Table
from synthkit.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 10_000
"""Rows per table: 1,128 pairs of a wide table stay within seconds."""

_SHAPES = "Column Shapes"
_TRENDS = "Column Pair Trends"
_KEYS = ("Column", "Column 1", "Column 2", "Metric")
"""What tells the lines of the library's details apart."""


@dataclass(frozen=True, kw_only=True)
class _Report:
    """What one report says about one table against train."""

    scores: Mapping[str, float]
    """Score per property; NaN where the library gives none."""
    scored: Mapping[str, frozenset[tuple[str, ...]]]
    """Columns or pairs behind each property's score."""
    listed: Mapping[str, int]
    """Columns or pairs the property was tried on."""


def names(schema: Schema) -> tuple[str, ...]:
    """Returns the measurements that this file gives."""
    return (
        "fidelity.sdmetrics_quality",
        "fidelity.sdmetrics_column_shapes",
        "fidelity.sdmetrics_column_pair_trends",
        "fidelity.sdmetrics_diagnostic",
    )


def measure(context: Context) -> tuple[Measurement, ...]:
    """Runs both reports on synthetic and on holdout rows; see the module docstring.

    Raises:
        NotMeasurable: If a table has too few rows.
    """
    context.require_rows()
    n_rows = min(context.train.n_rows, context.holdout.n_rows, context.synthetic.n_rows, MAX_ROWS)
    # PRIVACY: real rows are handed to a library in this process; only scores come back.
    train, holdout, synthetic = (
        _to_pandas(context, table, context.draw(table, n_rows, f"sdmetrics {name}"))
        for name, table in (
            ("train", context.train),
            ("holdout", context.holdout),
            ("synthetic", context.synthetic),
        )
    )
    metadata = _metadata(context)
    seed = int(context.rng("sdmetrics").integers(2**32))
    quality = [_run("QualityReport", train, t, metadata, seed) for t in (synthetic, holdout)]
    diagnostic = [_run("DiagnosticReport", train, t, metadata, seed) for t in (synthetic, holdout)]
    about = f"{n_rows:,} rows of each table; library average; higher for more rows"
    empty = [
        c.name
        for i, c in enumerate(context.columns)
        if context.synthetic.frame[f"c{i}"].null_count() == context.synthetic.n_rows
    ]
    if empty:
        about += f"; columns without any value in the synthetic table: {', '.join(empty)}"
    parts = (
        ("fidelity.sdmetrics_quality", quality, (_SHAPES, _TRENDS)),
        ("fidelity.sdmetrics_column_shapes", quality, (_SHAPES,)),
        ("fidelity.sdmetrics_column_pair_trends", quality, (_TRENDS,)),
        ("fidelity.sdmetrics_diagnostic", diagnostic, ("Data Validity", "Data Structure")),
    )
    return tuple(
        _measurement(name, pair[0], pair[1], properties, n_rows, about)
        for name, pair, properties in parts
    )


def _measurement(
    name: str,
    synthetic: _Report,
    holdout: _Report,
    properties: tuple[str, ...],
    n_rows: int,
    about: str,
) -> Measurement:
    """Averages the properties as the library does; what it scored for the holdout alone is 0."""
    coverage, reasons, values = [], [], []
    for p in properties:
        scored, lacking = synthetic.scored[p], holdout.scored[p] - synthetic.scored[p]
        coverage.append(f"{p}: {len(scored):,} of {synthetic.listed[p]:,} scored")
        if lacking:
            words = "that have a score for the holdout count as 0, so the score is a lower bound"
            coverage.append(f"{len(lacking):,} {words}")
        if not scored and not lacking:
            reasons.append(f"the library gives no {p} score")
        elif not scored:
            values.append(0.0)
        else:
            values.append(synthetic.scores[p] * len(scored) / (len(scored) + len(lacking)))
    note = "; ".join([*coverage, about])
    if reasons:
        text = f"could not be measured: {', '.join(reasons)}; {note}"
        return Measurement(name=name, value=None, n=n_rows, goal="maximize", note=text)
    reference = float(np.mean([holdout.scores[p] for p in properties]))
    return Measurement(
        name=name,
        value=float(np.mean(values)),
        reference=None if math.isnan(reference) else reference,
        n=n_rows,
        goal="maximize",
        note=note,
    )


def _to_pandas(context: Context, table: Table, rows: np.ndarray) -> pd.DataFrame:
    """Returns rows as the library wants them: float64, datetime64, or strings with None."""
    import pandas as pd
    import polars as pl

    frame = table.frame[rows]
    data: dict[str, Any] = {}
    for i, column in enumerate(context.columns):
        series = frame[f"c{i}"]
        if column.kind in ("date", "datetime"):
            data[series.name] = series.cast(pl.Datetime("ns")).to_numpy()
        elif is_ordered(column):
            data[series.name] = ordered_values(series)
        else:
            data[series.name] = np.array(series.cast(pl.String).to_list(), dtype=object)
    return pd.DataFrame(data)


def _metadata(context: Context) -> dict[str, Any]:
    """Describes the columns to the library, under their positional names."""
    columns = {}
    for i, column in enumerate(context.columns):
        if column.kind in ("date", "datetime"):
            columns[f"c{i}"] = {"sdtype": "datetime"}
        elif is_ordered(column):
            columns[f"c{i}"] = {"sdtype": "numerical"}
        else:
            columns[f"c{i}"] = {"sdtype": "categorical"}
    return {"tables": {"table": {"columns": columns}}, "relationships": []}


def _run(
    kind: str, train: pd.DataFrame, other: pd.DataFrame, metadata: dict[str, Any], seed: int
) -> _Report:
    """Runs one report quietly, with the global generator seeded for its length."""
    from sdmetrics import reports

    report = getattr(reports, kind)()
    if kind == "QualityReport":
        report.real_correlation_threshold = 0
        report.real_association_threshold = 0
    with _seeded(seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report.generate({"table": train}, {"table": other}, metadata, verbose=False)
        table = report.get_properties()
        scores = {str(p): float(s) for p, s in zip(table["Property"], table["Score"], strict=True)}
        scored, listed = {}, {}
        for name in scores:
            # Details may hold cells of the real table in their error texts: of them only positional
            # names of columns and names of metrics are kept.
            details = report.get_details(name)
            listed[name] = len(details)
            keys = [c for c in _KEYS if c in details.columns]
            found = details[details["Score"].notna()] if len(details) else details
            scored[name] = frozenset(found[keys].itertuples(index=False, name=None))
    return _Report(scores=scores, scored=scored, listed=listed)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seeds numpy's global generator, which the library draws from, and restores it."""
    before = np.random.get_state()  # noqa: NPY002 (the library uses the global generator)
    np.random.set_state(np.random.RandomState(seed).get_state())  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002

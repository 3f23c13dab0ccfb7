"""Figure: shares of each column's bins in train, holdout and synthetic rows.

Numbers and times: about 20 bins between round edges that cover the middle 98 % of the train rows,
with an open bin at either end. Categories: up to 15 by train frequency, and "other". No label is a
lone cell value of the real table: edges are round numbers, categories are those the schema
declares (anything else is "other"). Bins with fewer than 10 train or 10 holdout rows are merged
with a neighbour.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.artifacts import MarginalFigure
from synthkit.evaluate.bins import Bins, count_levels, is_ordered, level_codes, ordered_values
from synthkit.evaluate.context import Context, Table
from synthkit.schema import Column

if TYPE_CHECKING:
    import polars as pl

MAX_CATEGORIES = 15
MAX_BINS = 20
MIN_REAL_ROWS = 10
OTHER = "(other)"
MISSING = "(missing)"
ANY = "(any value)"
_DAY = 86_400.0
_TIME_STEPS = (
    *(
        (unit, step)
        for unit, steps in (("s", (1, 10)), ("m", (1, 10)), ("h", (1, 6)))
        for step in steps
    ),
    *(("D", step) for step in (1, 2, 7, 14)),
    *(("M", step) for step in (1, 2, 3, 6)),
    *(("Y", step) for step in (1, 2, 5, 10, 20, 50, 100, 1000)),
)


@dataclass(frozen=True, kw_only=True)
class _Bin:
    """One bar: label and counts in train, holdout, synthetic."""

    label: str
    counts: tuple[int, int, int]


def marginal_figures(context: Context) -> tuple[MarginalFigure, ...]:
    """Draws one figure per encoded column, in order.

    Raises:
        NotMeasurable: If a table has too few rows.
    """
    context.require_rows()
    return tuple(_figure(context, i) for i in range(len(context.columns)))


def _figure(context: Context, i: int) -> MarginalFigure:
    # PRIVACY: shares of real rows without noise; internal, and no bar stands for fewer than ten.
    tables = (context.train, context.holdout, context.synthetic)
    name = f"c{i}"
    bins = context.bins[i]
    if is_ordered(context.columns[i]):
        found = _merge_ordered(_ordered_bins(tables, name, bins))
    else:
        found = _merge_categories(_category_bins(tables, name, bins))
    counts = np.array([b.counts for b in found], dtype=np.float64)  # (n_bins, 3)
    shares = counts / counts.sum(axis=0)
    train, holdout, synthetic = (tuple(round(float(v), 6) for v in s) for s in shares.T)
    return MarginalFigure(
        column=context.columns[i].name,
        labels=tuple(b.label for b in found),
        train=train,
        holdout=holdout,
        synthetic=synthetic,
        tvd=round(float(np.abs(shares[:, 2] - shares[:, 0]).sum() / 2), 6),
    )


def _triple(counts: list[int]) -> tuple[int, int, int]:
    first, second, third = counts
    return first, second, third


# --- categories ---------------------------------------------------------------------------------


def _category_bins(tables: tuple[Table, ...], name: str, bins: Bins) -> list[_Bin]:
    """Counts the most frequent declared categories, "other" and "missing"."""
    column = bins.column
    categories = _as_stored(column, tables[0].frame[name]) or tuple(
        # No domain is declared: what the synthetic table shows may be named, and nothing else.
        level
        for level, _ in count_levels(tables[2].frame[name])
    )
    declared: set[str | int] = {0, 1} if column.kind == "boolean" else set(categories)
    ranked = [level for level, _ in count_levels(tables[0].frame[name]) if level in declared]
    shown = tuple(ranked[:MAX_CATEGORIES])
    if column.kind == "ordinal":
        order = {level: at for at, level in enumerate(categories)}
        shown = tuple(sorted(shown, key=lambda level: order[level]))
    per_table = []
    for table in tables:
        series = table.frame[name]
        codes = level_codes(series, shown)
        codes[series.is_null().to_numpy()] = len(shown) + 1
        per_table.append(np.bincount(codes, minlength=len(shown) + 2))
    labels = [_category_label(level, column.kind) for level in shown] + [OTHER, MISSING]
    return [
        _Bin(label=label, counts=_triple([int(c[at]) for c in per_table]))
        for at, label in enumerate(labels)
    ]


def _as_stored(column: Column, series: pl.Series) -> tuple[str | int, ...]:
    """Returns the categories as the real table stores them.

    Where the domain was bought, real rows were read before their categories were known to be whole
    numbers: they are text.
    """
    import polars as pl

    categories = column.categories or ()
    return tuple(map(str, categories)) if series.dtype == pl.String else categories


def _category_label(level: str | int, kind: str) -> str:
    if kind == "boolean":
        return "true" if level else "false"
    return str(level)


def _is_small(counts: tuple[int, int, int]) -> bool:
    return min(counts[0], counts[1]) < MIN_REAL_ROWS


def _add(a: tuple[int, int, int], b: tuple[int, int, int]) -> tuple[int, int, int]:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def _merge_categories(bins: list[_Bin]) -> list[_Bin]:
    """Moves small categories into "(other)"; if that stays small, it joins the smallest bar.

    Args:
        bins: The categories, then "(other)", then "(missing)".
    """
    other = (0, 0, 0)
    kept = []
    for at, b in enumerate(bins):
        if at == len(bins) - 2 or _is_small(b.counts):
            other = _add(other, b.counts)
        else:
            kept.append(b)
    if not any(other):
        return kept
    if not kept:
        return [_Bin(label=ANY, counts=other)]
    if not _is_small(other):
        return [*kept, _Bin(label=OTHER, counts=other)]
    return _join_smallest(kept, _Bin(label="other", counts=other))


def _join_smallest(bins: list[_Bin], extra: _Bin) -> list[_Bin]:
    """Joins a bar that stands for a handful of people to the smallest of the others."""
    at = min(range(len(bins)), key=lambda k: bins[k].counts[0])
    joined = _Bin(
        label=f"{bins[at].label} or {extra.label}", counts=_add(bins[at].counts, extra.counts)
    )
    return [*bins[:at], joined, *bins[at + 1 :]]


# --- numbers and times --------------------------------------------------------------------------


def _ordered_bins(tables: tuple[Table, ...], name: str, bins: Bins) -> tuple[list[_Bin], _Bin]:
    """Counts bins between round edges, and the missing cells."""
    values = [ordered_values(t.frame[name]) for t in tables]
    known = [v[~np.isnan(v)] for v in values]
    missing = _Bin(
        label=MISSING, counts=_triple([len(v) - len(k) for v, k in zip(values, known, strict=True)])
    )
    if not len(known[0]):
        return [_Bin(label=ANY, counts=_triple([len(k) for k in known]))], missing
    low, high = (float(q) for q in np.quantile(known[0], (0.01, 0.99)))
    if bins.column.kind in ("date", "datetime"):
        edges, names = _time_edges(low, high, is_date=bins.column.kind == "date")
    else:
        edges, names = _number_edges(low, high, is_integer=bins.column.kind == "integer")
    labels = [f"< {names[0]}"]
    labels += [f"{a} to < {b}" for a, b in itertools.pairwise(names)]
    labels.append(f">= {names[-1]}")
    per_table = [
        np.bincount(np.searchsorted(edges, k, side="right"), minlength=len(labels)) for k in known
    ]
    return [
        _Bin(label=label, counts=_triple([int(c[at]) for c in per_table]))
        for at, label in enumerate(labels)
    ], missing


def _number_edges(low: float, high: float, *, is_integer: bool) -> tuple[np.ndarray, list[str]]:
    """Returns at most about 20 edges at multiples of 1, 2 or 5 times a power of ten."""
    span = max(high - low, abs(high) * 1e-6, 1e-9)
    exponent = math.floor(math.log10(span / MAX_BINS))
    for power in (exponent, exponent + 1):
        for factor in (1, 2, 5):
            step = factor * 10.0**power
            if is_integer:
                step = max(step, 1.0)
            if span / step <= MAX_BINS:
                first, last = math.floor(low / step), math.floor(high / step) + 1
                decimals = 0 if step >= 1 else -power
                edges = np.array(
                    [round(k * step, max(decimals, 0)) for k in range(first, last + 1)]
                )
                return edges, [f"{e:,.{max(decimals, 0)}f}" for e in edges]
    raise AssertionError("some step of three decades fits")


def _time_edges(low: float, high: float, *, is_date: bool) -> tuple[np.ndarray, list[str]]:
    """Returns at most about 20 edges at whole seconds, minutes, hours, days, months or years."""
    scale = _DAY if is_date else 1.0
    ends = np.array([low * scale, high * scale]).astype("int64").astype("datetime64[s]")
    for unit, step in _TIME_STEPS:
        if is_date and unit in "smh":
            continue
        first, last = (int(v) // step for v in ends.astype(f"datetime64[{unit}]").astype("int64"))
        if last - first < MAX_BINS:
            break
    ticks = (np.arange(first, last + 2) * step).astype(f"datetime64[{unit}]")
    edges = ticks.astype("datetime64[s]").astype("int64") / scale
    return edges, [str(t).replace("T", " ") for t in ticks]


def _merge_ordered(found: tuple[list[_Bin], _Bin]) -> list[_Bin]:
    """Merges each small bin with the next one (the last with the one before)."""
    bins, missing = found
    merged: list[_Bin] = []
    for b in bins:
        if merged and _is_small(merged[-1].counts):
            merged[-1] = _join(merged[-1], b)
        else:
            merged.append(b)
    while len(merged) > 1 and _is_small(merged[-1].counts):
        merged[-2:] = [_join(merged[-2], merged[-1])]
    if len(merged) == 1 and (" to < " not in merged[0].label):
        merged = [_Bin(label=ANY, counts=merged[0].counts)]
    if not any(missing.counts):
        return merged
    if _is_small(missing.counts) or _is_small(merged[0].counts):
        return _join_smallest(merged, _Bin(label="missing", counts=missing.counts))
    return [*merged, missing]


def _join(a: _Bin, b: _Bin) -> _Bin:
    """Joins two neighbouring bins and their labels."""
    low = a.label.partition(" to < ")[0] if " to < " in a.label else None
    high = b.label.partition(" to < ")[2] if " to < " in b.label else None
    if low is None and high is None:
        label = ANY
    elif low is None:
        label = f"< {high}"
    elif high is None:
        label = f">= {low}"
    else:
        label = f"{low} to < {high}"
    return _Bin(label=label, counts=_add(a.counts, b.counts))

"""Real tables go through the codec and come back in the same codes."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest

from synthkit.encode import codec_from_dict, fit
from synthkit.schema.model import Column, Schema

DROPPED = ("text", "row_id", "person_id", "entity_id")


def column_of(facts: dict, series: pl.Series) -> Column:
    """A column from meta.json; what is not documented there comes from the table."""
    name, bounds = facts["name"], facts["documented_bounds"]
    public = facts["documented_bounds"] or facts["documented_categories"]
    more = {"name": name, "nullable": True, "domain_source": "public" if public else "data"}
    if series.dtype.is_numeric() and facts["kind"] not in ("categorical", "ordinal", "binary"):
        is_integer = series.dtype.is_integer()
        low, high = bounds or (series.min(), series.max())
        low, high = min(low, series.min()), max(high, series.max())
        kind = "integer" if is_integer else "float"
        return Column(kind=kind, bounds=(low, high), **more)
    seen = series.drop_nulls().unique().sort().to_list()
    return Column(kind="categorical", categories=tuple(seen), **more)


def load(real_table, name: str) -> tuple[pl.DataFrame, Schema, np.ndarray]:
    path = real_table(name)
    meta = json.loads((path.parent / "meta.json").read_text())
    table = pl.read_parquet(path)
    strings = pl.selectors.string()
    table = table.with_columns(pl.when(strings != "?").then(strings).name.keep())
    kept = [f for f in meta["columns"] if f["kind"] not in DROPPED]
    columns = tuple(column_of(f, table.get_column(f["name"])) for f in kept)
    person = meta["person_id"]
    ids = table.get_column(person).rank("dense").to_numpy() - 1 if person else None
    units = np.arange(table.height) if ids is None else ids.astype(np.int64)
    return table, Schema(name=name, population=name, columns=columns), units


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["clothing_reviews", "adult", "diabetes130", "support2"])
@pytest.mark.parametrize("sigma", [None, 30.0])
def test_a_real_table_round_trips(real_table, name, sigma):
    table, schema, units = load(real_table, name)
    fitted = fit(table, schema, units, sigma=sigma)
    codec = codec_from_dict(json.loads(json.dumps(fitted.codec.to_dict(), allow_nan=False)))
    decoded = codec.decode(fitted.codes.values, np.random.default_rng(0))
    again = codec.encode(decoded, units)
    assert np.array_equal(again.values, fitted.codes.values)
    assert fitted.codes.values.dtype == np.uint8
    assert decoded.schema == table.select(decoded.columns).schema
    for column in schema.encoded:
        real, drawn = table.get_column(column.name), decoded.get_column(column.name)
        assert drawn.null_count() == real.null_count()
        if column.bounds and drawn.null_count() < len(drawn):
            assert column.bounds[0] <= drawn.min()
            assert drawn.max() <= column.bounds[1]
    if sigma is not None:
        # Weighted estimate: sd sigma / sqrt(sum 1/cells), at most sigma; 6 sd: alpha 2e-9.
        assert abs(fitted.one_way.units - np.unique(units).size) < 6 * sigma


@pytest.mark.realdata
def test_exact_codes_keep_the_one_way_distribution_of_a_real_table(real_table):
    """Mean over numeric columns of the Kolmogorov distance between real and decoded values."""
    table, schema, units = load(real_table, "adult")
    fitted = fit(table, schema, units, sigma=None)
    decoded = fitted.codec.decode(fitted.codes.values, np.random.default_rng(0))
    for column in schema.encoded:
        if column.bounds is None:
            continue
        real = np.sort(table.get_column(column.name).to_numpy())
        drawn = np.sort(decoded.get_column(column.name).to_numpy())
        points = np.unique(real)
        gap = np.searchsorted(real, points, "right") - np.searchsorted(drawn, points, "right")
        assert np.abs(gap).max() / real.size < 0.03, column.name


def test_a_time_column_survives_with_its_spikes():
    start, end = dt.datetime(2020, 1, 1), dt.datetime(2023, 1, 1)
    columns = (Column(name="at", kind="datetime", bounds=(start, end), nullable=True),)
    schema = Schema(name="t", population="t", columns=columns)
    at = [start] * 500 + [start + dt.timedelta(hours=7 * i) for i in range(1, 500)] + [None] * 9
    table = pl.DataFrame({"at": pl.Series(at, dtype=pl.Datetime("us"))})
    fitted = fit(table, schema, np.arange(len(at)), sigma=None)
    decoded = fitted.codec.decode(fitted.codes.values, np.random.default_rng(0)).get_column("at")
    assert decoded.dtype == pl.Datetime("us")
    assert decoded.null_count() == 9
    assert (decoded == start).sum() == 500

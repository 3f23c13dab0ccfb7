"""Laws of the codec: there and back, row by row, and through its file form."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.encode import codec_from_dict, fit
from synthkit.errors import InputError, IntegrityError
from synthkit.schema.model import Column, Schema
from tests.encode import strategies

sigmas = st.sampled_from([None, 0.5, 3.0])
few = {"max_codes": 4, "max_bins": 5}


@settings(max_examples=100, deadline=None)
@given(strategies.tables(), sigmas, st.integers(0, 2**32))
def test_decoding_codes_gives_values_of_the_same_codes(made, sigma, seed):
    table, schema, units = made
    fitted = fit(table, schema, units, sigma=sigma, **few)
    decoded = fitted.codec.decode(fitted.codes.values, np.random.default_rng(seed))
    assert decoded.schema == table.schema
    again = fitted.codec.encode(decoded, units)
    assert np.array_equal(again.values, fitted.codes.values)


@settings(max_examples=60, deadline=None)
@given(strategies.tables(), sigmas)
def test_every_code_decodes_inside_the_domain_and_null_is_the_missing_code(made, sigma):
    table, schema, units = made
    codec = fit(table, schema, units, sigma=sigma, **few).codec
    rng = np.random.default_rng(0)
    for column, part in zip(schema.encoded, codec.parts, strict=True):
        codes = np.repeat(np.arange(part.size), 5)
        drawn = part.decode(codes, rng)
        assert np.array_equal(part.encode(drawn), codes)
        is_last = codes == part.size - 1
        assert np.array_equal(drawn.is_null().to_numpy(), is_last & column.nullable)
        known = drawn.drop_nulls()
        if column.bounds is not None:
            assert len(known) == 0 or known.min() >= column.bounds[0]
            assert len(known) == 0 or known.max() <= column.bounds[1]
        elif column.kind != "boolean":
            assert set(known.to_list()) <= set(column.categories)


@settings(max_examples=60, deadline=None)
@given(strategies.tables(min_rows=2), sigmas, st.randoms(use_true_random=False))
def test_a_row_is_encoded_alike_in_any_company(made, sigma, random):
    table, schema, units = made
    fitted = fit(table, schema, units, sigma=sigma)
    order = list(range(table.height))
    random.shuffle(order)
    shuffled = fitted.codec.encode(table[order], units[order])
    assert np.array_equal(shuffled.values, fitted.codes.values[order])
    assert np.array_equal(shuffled.units, units[order])
    alone = [fitted.codec.encode(table[i : i + 1], units[i : i + 1]).values for i in order]
    assert np.array_equal(np.concatenate(alone), fitted.codes.values[order])


@settings(max_examples=60, deadline=None)
@given(strategies.tables(), sigmas)
def test_a_codec_from_its_json_form_decodes_identically(made, sigma):
    table, schema, units = made
    codec = fit(table, schema, units, sigma=sigma, **few).codec
    text = json.dumps(codec.to_dict(), allow_nan=False)
    again = codec_from_dict(json.loads(text))
    assert again.columns == codec.columns
    assert again.sizes == codec.sizes
    rng = np.random.default_rng(1)
    values = np.stack([rng.integers(0, s, 40) for s in codec.sizes], axis=1)
    left = codec.decode(values, np.random.default_rng(2))
    right = again.decode(values, np.random.default_rng(2))
    assert left.equals(right, null_equal=True)
    assert np.array_equal(again.encode(table, units).values, codec.encode(table, units).values)


def simple(n_categories: int = 3) -> tuple[pl.DataFrame, Schema, np.ndarray]:
    columns = (
        Column(name="who", kind="person_id"),
        Column(name="kind", kind="categorical", categories=tuple(range(n_categories))),
        Column(name="amount", kind="float", bounds=(0.0, 50.0), decimals=1, nullable=True),
        Column(name="name", kind="categorical", role="identifier", categories=("Ann",)),
        Column(name="day", kind="date", bounds=(dt.date(2020, 1, 1), dt.date(2024, 12, 31))),
    )
    rng = np.random.default_rng(5)
    n = 3_000
    table = pl.DataFrame(
        {
            "who": pl.Series(np.arange(n)).cast(pl.String),
            "kind": rng.integers(0, n_categories, n),
            "amount": pl.Series(np.round(rng.exponential(4.0, n).clip(0, 50), 1)).set(
                pl.Series(rng.random(n) < 0.2), None
            ),
            "name": ["Ann"] * n,
            "day": pl.Series(np.datetime64("2020-01-01") + rng.integers(0, 1000, n)).cast(pl.Date),
        }
    )
    return table, Schema(name="t", population="t", columns=columns), np.arange(n)


def test_only_encoded_columns_have_codes():
    table, schema, units = simple()
    fitted = fit(table, schema, units, sigma=2.0)
    assert fitted.codec.columns == fitted.codes.columns == ("kind", "amount", "day")
    assert fitted.codes.sizes == fitted.codec.sizes
    assert fitted.codes.values.max(axis=0).tolist() <= [s - 1 for s in fitted.codec.sizes]


@pytest.mark.parametrize(("n_categories", "dtype"), [(256, np.uint8), (257, np.uint16)])
def test_codes_are_as_small_as_their_number_allows(n_categories, dtype):
    table, schema, units = simple(n_categories)
    fitted = fit(table, schema, units, sigma=None, max_codes=300)
    assert fitted.codes.values.dtype == dtype
    assert fitted.codes.sizes[0] == n_categories
    decoded = fitted.codec.decode(fitted.codes.values, np.random.default_rng(0))
    assert decoded.get_column("kind").equals(table.get_column("kind"))


def test_decoded_values_follow_the_noisy_masses():
    """Within a bin cells are drawn by mass: the decoded table's distribution is the original's.

    Kolmogorov distance of two samples of 3,000 and 60,000: below 0.055 at alpha 1e-6.
    """
    table, schema, units = simple()
    fitted = fit(table, schema, units, sigma=None, max_bins=3)
    values = np.tile(fitted.codes.values, (20, 1))
    decoded = fitted.codec.decode(values, np.random.default_rng(0)).get_column("amount")
    real = table.get_column("amount").drop_nulls().to_numpy()
    points = np.arange(0.0, 50.0, 0.1)
    drawn = np.sort(decoded.drop_nulls().to_numpy())
    gaps = np.searchsorted(np.sort(real), points, "right") / real.size
    gaps = gaps - np.searchsorted(drawn, points, "right") / drawn.size
    assert np.abs(gaps).max() < 0.055


def test_all_missing_and_constant_columns_have_codes():
    _, schema, units = simple()
    n = units.size
    table = pl.DataFrame(
        {
            "kind": [1] * n,
            "amount": pl.Series([None] * n, dtype=pl.Float64),
            "day": [dt.date(2021, 5, 5)] * n,
        }
    )
    for sigma in (None, 5.0):
        fitted = fit(table, schema, units, sigma=sigma)
        decoded = fitted.codec.decode(fitted.codes.values, np.random.default_rng(0))
        assert decoded.get_column("amount").null_count() == n
        assert decoded.get_column("kind").to_list() == [1] * n


def test_an_empty_table_and_no_codes_at_all_pass_through():
    table, schema, units = simple()
    fitted = fit(table[:0], schema, units[:0], sigma=3.0)
    assert fitted.codes.values.shape == (0, 3)
    assert fitted.one_way.units >= 1
    empty = fitted.codec.decode(fitted.codes.values, np.random.default_rng(0))
    assert empty.schema == table.select("kind", "amount", "day").schema
    bare = Schema(name="t", population="t", columns=(Column(name="who", kind="id"),))
    nothing = fit(table, bare, units, sigma=3.0)
    assert nothing.codes.values.shape == (units.size, 0)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((2, 2), dtype=np.uint8),
        np.zeros(3, dtype=np.uint8),
        np.full((1, 3), 200, dtype=np.uint8),
        np.full((1, 3), -1),
        np.zeros((1, 3)),
    ],
)
def test_codes_that_do_not_fit_are_refused(values):
    table, schema, units = simple()
    codec = fit(table, schema, units, sigma=None).codec
    with pytest.raises(InputError):
        codec.decode(values, np.random.default_rng(0))


def damage(d: dict, what: str) -> dict:
    first = d["columns"][0]
    if what == "version":
        d["version"] = "codec/0"
    elif what == "gap":
        first["code_of_cell"] = [c * 2 for c in first["code_of_cell"]]
    elif what == "short":
        first["masses"] = first["masses"][1:]
    elif what == "negative":
        first["masses"][0] = -1.0
    elif what == "infinite":
        first["masses"][0] = float("inf")
    else:
        del first["grid"]
    return d


@pytest.mark.parametrize("what", ["version", "gap", "short", "negative", "infinite", "absent"])
def test_a_damaged_codec_is_an_integrity_error(what):
    table, schema, units = simple()
    d = fit(table, schema, units, sigma=None).codec.to_dict()
    with pytest.raises(IntegrityError):
        codec_from_dict(damage(d, what))


def test_the_codec_holds_no_row():
    table, schema, units = simple()
    codec = fit(table, schema, units, sigma=4.0).codec
    cells = sum(p.grid.n_cells for p in codec.parts)
    leaves = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            for v in value.values():
                walk(v)
        elif isinstance(value, list):
            for v in value:
                walk(v)
        else:
            leaves.append(value)

    walk(codec.to_dict())
    # Starts or categories, codes and masses of each cell, and a few words per column.
    assert len(leaves) <= 3 * cells + 10 * len(codec.parts)


@pytest.mark.slow
def test_decoding_is_fast():
    import time

    table, schema, units = simple()
    codec = fit(table, schema, units, sigma=4.0).codec
    values = np.stack([np.arange(500_000) % s for s in codec.sizes], axis=1)
    codec.decode(values[:1000], np.random.default_rng(0))
    start = time.process_time()
    codec.decode(values, np.random.default_rng(0))
    assert time.process_time() - start < 2.0

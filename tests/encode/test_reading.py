"""One pass in chunks against each column in one go, and its memory against the number of rows."""

from __future__ import annotations

import tracemalloc

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.encode import fit, kinds, reading
from synthkit.encode.domains import mapped
from synthkit.schema import Column, Schema

from . import strategies


def _grids(schema: Schema) -> list[kinds.Grid]:
    return [kinds.load(kinds.plugin_name(c.kind)).grid(c) for c in schema.encoded]


@settings(max_examples=60, deadline=None)
@given(made=strategies.tables(min_rows=1), chunk=st.sampled_from([1, 3, 1 << 18]))
def test_cells_codes_and_counts_do_not_depend_on_the_chunks(made, chunk) -> None:
    table, schema, units = made
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_CHUNK_ROWS", chunk)
        cells = reading.cells_of(table, schema.encoded, _grids(schema))
        fitted = fit(table, schema, units, sigma=2.0)
        again = fitted.codec.encode(table, units)
        rows = np.flatnonzero(units % 2 == 0)
        counts = [
            reading.counts_of(c, g.n_cells, rows)
            for c, g in zip(cells, _grids(schema), strict=True)
        ]
    for column, grid, found, counted in zip(
        schema.encoded, _grids(schema), cells, counts, strict=True
    ):
        whole = grid.cells(table.get_column(column.name))
        np.testing.assert_array_equal(found, whole)
        assert found.max() < grid.n_cells <= np.iinfo(found.dtype).max + 1
        slow = [int((whole[rows] == cell).sum()) for cell in range(grid.n_cells)]
        assert counted.tolist() == slow
    np.testing.assert_array_equal(fitted.codes.values, again.values)
    for i, part in enumerate(fitted.codec.parts):
        whole = part.encode(table.get_column(part.name))
        np.testing.assert_array_equal(fitted.codes.values[:, i], whole)


NOISY = Schema(
    name="t",
    population="t",
    columns=(
        Column(name="n", kind="integer", bounds=(0, 50), domain_source="noisy"),
        Column(
            name="c", kind="categorical", categories=("a", "b", "<other>"), domain_source="noisy"
        ),
        Column(
            name="k", kind="categorical", categories=(1, 5), domain_source="noisy", nullable=True
        ),
    ),
)
OUTSIDE = pl.DataFrame(
    {"n": [-3, 7, None, 99], "c": ["a", "zebra", None, "b"], "k": ["1", "4", None, "2"]}
)


def test_rows_outside_a_bought_domain_are_brought_inside_while_they_are_read() -> None:
    inside = mapped(OUTSIDE, NOISY)
    units = np.arange(4)
    ours, theirs = (fit(t, NOISY, units, sigma=None) for t in (OUTSIDE, inside))
    np.testing.assert_array_equal(ours.codes.values, theirs.codes.values)
    assert mapped(inside, NOISY).equals(inside), "bringing rows inside twice changes nothing"
    left_out = OUTSIDE.with_columns(n=pl.Series([0, 7, 0, 50]), c=inside["c"])
    assert left_out["k"].to_list() != inside["k"].to_list(), "the rows did lie outside"


def test_memory_beside_the_cells_does_not_grow_with_the_number_of_rows() -> None:
    schema = Schema(name="t", population="t", columns=NOISY.columns[:1])
    peaks = []
    for n in (1 << 19, 1 << 21):
        table = pl.DataFrame({"n": np.arange(n) % 60})
        tracemalloc.start()
        reading.cells_of(table, schema.encoded, _grids(schema))
        peaks.append(tracemalloc.get_traced_memory()[1] - n)
        tracemalloc.stop()
    assert abs(peaks[1] - peaks[0]) < 0.1 * peaks[0]

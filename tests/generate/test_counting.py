"""Joint counts against a loop over rows, and their memory against the number of rows."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.generate import counting
from synthkit.generate.counting import joint_counts


def slow_counts(
    values: np.ndarray,
    groups: np.ndarray,
    sizes: tuple[int, ...],
    rows: np.ndarray,
    target: int | None,
) -> np.ndarray:
    """The definition, row by row and pair by pair."""
    code_starts = _code_starts(groups, sizes)
    n_slices = 1 if target is None else sizes[target]
    table = np.zeros((n_slices, sum(sizes), sum(sizes)), dtype=np.int64)
    for row in values[rows]:
        places = groups[row.astype(np.int64) + code_starts]
        own = 0 if target is None else places[target] - sum(sizes[:target])
        for a, one in enumerate(places):
            for b, other in enumerate(places):
                if target not in (a, b):
                    table[own, one, other] += 1
    return table


def _code_starts(groups: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    ends = np.cumsum(sizes)
    return np.concatenate([[0], np.searchsorted(groups, ends[:-1])])


@st.composite
def tables(draw):
    """Codes of a few columns, some folded, some rows chosen (with a target or without one)."""
    codes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=7))
    sizes = tuple(draw(st.integers(1, n)) for n in codes)
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    groups, start = [], 0
    for n, size in zip(codes, sizes, strict=True):
        own = np.sort(np.concatenate([np.arange(size), rng.integers(size, size=n - size)]))
        groups.append(own + start)
        start += size
    n_rows = draw(st.integers(0, 40))
    values = np.stack([rng.integers(n, size=n_rows) for n in codes], axis=1).astype(np.uint8)
    rows = np.flatnonzero(rng.random(n_rows) < 0.7)
    target = draw(st.none() | st.integers(0, len(codes) - 1))
    return values, np.concatenate(groups), sizes, rows, target


@settings(deadline=None, max_examples=150)
@given(made=tables(), chunk=st.sampled_from([7, 1 << 17]), largest=st.sampled_from([1, 4, 64]))
def test_one_pass_counts_as_a_loop_over_rows_does(made, chunk, largest) -> None:
    values, groups, sizes, rows, target = made
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_CHUNK_ROWS", chunk)
        patch.setattr(counting, "_LARGEST_DIGIT", largest)
        fast = joint_counts(values, groups, sizes, rows=rows, target=target)
        every = joint_counts(values, groups, sizes, target=target)
    np.testing.assert_array_equal(fast, slow_counts(values, groups, sizes, rows, target))
    everyone = np.arange(len(values))
    np.testing.assert_array_equal(every, slow_counts(values, groups, sizes, everyone, target))


def test_many_wide_columns_are_counted_in_small_digits() -> None:
    # 40 columns of 60 codes: no two fit in a digit; of two codes, six do.
    assert [d.n for d in counting._digits((60,) * 40, 2, skip=3)] == [60] * 39
    narrow = counting._digits((2,) * 40, 1, skip=None)
    assert [d.n for d in narrow] == [64] * 6 + [16]
    assert sorted(c for d in narrow for c in d.columns) == list(range(40))


def test_digits_shrink_where_their_counts_would_take_too_much_memory() -> None:
    cells = [
        sum(a.n * b.n for i, a in enumerate(found) for b in found[:i])
        for found in (counting._digits((8,) * n, 3, skip=None) for n in (40, 160))
    ]
    assert max(cells) * 3 <= counting._MOST_CELLS


def test_memory_does_not_grow_with_the_number_of_rows() -> None:
    rng = np.random.default_rng(0)
    sizes = (3, 40, 7, 2)
    peaks = []
    for n in (2 << 17, 8 << 17):
        values = np.stack([rng.integers(s, size=n) for s in sizes], axis=1).astype(np.uint8)
        rows = np.arange(n)
        tracemalloc.start()
        joint_counts(values, np.arange(sum(sizes)), sizes, rows=rows, target=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]

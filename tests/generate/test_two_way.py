from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from synthkit.artifacts import Codes
from synthkit.generate.counting import joint_counts
from synthkit.generate.layout import Layout, shares
from synthkit.generate.two_way import (
    ThreeWayTables,
    TwoWayTables,
    fold,
    folded_sizes,
    measure,
    n_pairs,
)
from synthkit.privacy import mechanism

from .conftest import linked_codes, measured

ALPHA = 1e-6


def _slow_counts(values: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    starts = np.cumsum(sizes) - sizes
    table = np.zeros((sum(sizes), sum(sizes)), dtype=np.int64)
    for row in values:
        for a, code_a in enumerate(row):
            for b, code_b in enumerate(row):
                table[starts[a] + code_a, starts[b] + code_b] += 1
    return table


def test_folded_counts_are_sums_of_counts() -> None:
    codes = linked_codes(80, sizes=(12, 5, 9))
    groups, sizes = fold(shares(measured(codes, None)), max_cells=50)
    assert sum(sizes) < sum(codes.sizes)
    slow = _slow_counts(codes.values, codes.sizes)
    summed = np.zeros((sum(sizes), sum(sizes)), dtype=np.int64)
    np.add.at(summed, (groups[:, None], groups[None, :]), slow)
    np.testing.assert_array_equal(joint_counts(codes.values, groups, sizes)[0], summed)


def test_a_person_with_many_rows_moves_each_table_by_one_cell_and_one() -> None:
    few = linked_codes(60)
    person = linked_codes(1, rows_per_unit=50, seed=1)
    many = Codes(
        columns=few.columns,
        sizes=few.sizes,
        values=np.concatenate([few.values, person.values]),
        units=np.concatenate([few.units, np.full(50, 60)]),
    )
    from synthkit.privacy.mechanism import one_row_per_unit

    groups = np.arange(sum(few.sizes))
    gaps = [
        joint_counts(c.values, groups, c.sizes, rows=one_row_per_unit(c.units))[0]
        for c in (few, many)
    ]
    moved = np.triu(gaps[1] - gaps[0]) * Layout(few.sizes).off_block.numpy()
    assert moved.min() == 0
    assert moved.max() == 1
    assert moved.sum() == n_pairs(len(few.sizes))


def test_with_three_rows_a_person_moves_one_cell_of_each_table_of_three_sets() -> None:
    codes = linked_codes(40, rows_per_unit=5)
    kept = codes.units < 39
    fewer = Codes(
        columns=codes.columns,
        sizes=codes.sizes,
        values=codes.values[kept],
        units=codes.units[kept],
    )
    parts = shares(measured(codes, None))
    tapes = []
    for table in (codes, fewer):
        with mechanism._recording() as tape:
            measure(table, parts, units=40.0, sigma=3.0, max_cells=10_000, rows_per_unit=3)
        tapes.append(tape.draws)
    assert [d.kind for d in tapes[0]] == ["rows_of_units"] + ["noisy_counts"] * 3
    sums = [[int(d.asked["counts"].sum()) for d in tape[1:]] for tape in tapes]
    assert sums == [[40 * n_pairs(4)] * 3, [39 * n_pairs(4)] * 3]


def test_a_row_counts_in_the_cells_that_audits_are_told() -> None:
    codes = linked_codes(50)
    with mechanism._recording() as tape:
        measure(codes, shares(measured(codes, None)), units=50.0, sigma=3.0, max_cells=60)
    asked = tape.draws[-1].asked
    cells = asked["cells"](codes.values)
    assert cells.shape == (50, n_pairs(4))
    np.testing.assert_array_equal(
        np.bincount(cells.ravel(), minlength=asked["counts"].size), asked["counts"]
    )


def test_noise_has_the_sigma_that_is_charged() -> None:
    # Sum of squares of 600 rounded Gaussians, alpha 1e-6; a sigma off by 30 % has power > 0.9999.
    codes = linked_codes(100, sizes=(10, 10, 10, 10))
    noisy = measure(codes, shares(measured(codes, None)), units=100.0, sigma=7.0, max_cells=10_000)
    exact = joint_counts(codes.values, noisy.groups, noisy.sizes)[0]
    block = np.triu(Layout(noisy.sizes).off_block.numpy()).astype(bool)
    noise = noisy.shares[block].astype(float) * 100 - exact[block]
    squares, n = float((noise / 7.0) @ (noise / 7.0)), block.sum()
    assert n == 600
    assert 2 * min(stats.chi2.cdf(squares, n), stats.chi2.sf(squares, n)) > ALPHA
    assert not 2 * min(stats.chi2.cdf(squares * 1.69, n), stats.chi2.sf(squares * 1.69, n)) > ALPHA


def test_tables_are_symmetric_and_empty_within_a_column() -> None:
    codes = linked_codes(100)
    noisy = measure(codes, shares(measured(codes, None)), units=100.0, sigma=2.0, max_cells=1000)
    np.testing.assert_array_equal(noisy.shares, noisy.shares.T)
    assert not (noisy.shares * (1 - Layout(noisy.sizes).off_block.numpy())).any()


@pytest.mark.parametrize("max_cells", [4, 100, 5000, 10**6])
def test_folding_keeps_to_the_number_of_cells(max_cells: int) -> None:
    sizes = (2, 40, 300, 7, 25)
    folded = folded_sizes(sizes, max_cells)
    cells = sum(folded[a] * folded[b] for a in range(5) for b in range(a))
    assert cells <= max_cells or max(folded) == 2
    assert all(2 <= f <= s for f, s in zip(folded, sizes, strict=True))


def test_folding_groups_neighbours_of_about_equal_mass() -> None:
    share = np.random.default_rng(0).dirichlet(np.ones(200))
    groups, sizes = fold([share, np.array([0.5, 0.5])], max_cells=20)
    own = groups[:200]
    assert (np.diff(own) >= 0).all()
    mass = np.bincount(own, weights=share)
    assert len(mass) == sizes[0] == 10
    assert mass.max() < 0.2


def test_three_way_tables_count_as_a_loop_over_rows_does() -> None:
    codes = linked_codes(80)
    with mechanism._recording() as tape:
        noisy = measure(
            codes, shares(measured(codes, None)), units=1.0, sigma=1e-3, max_cells=10_000, target=2
        )
    assert isinstance(noisy, ThreeWayTables)
    expected = np.zeros((3, 18, 18))
    for row in codes.values:
        expected[row[2]] += _slow_counts(row[None], codes.sizes)
    expected *= Layout(codes.sizes).off_block.numpy()
    expected[:, 10:13] = expected[:, :, 10:13] = 0  # the target's own rows and columns
    np.testing.assert_array_equal(noisy.slices, expected)
    assert tape.draws[-1].asked["counts"].sum() == 80 * n_pairs(3)


def test_with_a_target_too_a_row_counts_in_the_cells_that_audits_are_told() -> None:
    codes = linked_codes(50)
    with mechanism._recording() as tape:
        measure(codes, shares(measured(codes, None)), units=50.0, sigma=3.0, max_cells=60, target=1)
    asked = tape.draws[-1].asked
    cells = asked["cells"](codes.values)
    assert cells.shape == (50, n_pairs(3))
    np.testing.assert_array_equal(
        np.bincount(cells.ravel(), minlength=asked["counts"].size), asked["counts"]
    )


def test_a_person_with_many_rows_moves_each_three_way_table_by_one_cell() -> None:
    few, person = linked_codes(40), linked_codes(1, rows_per_unit=50, seed=1)
    many = Codes(
        columns=few.columns,
        sizes=few.sizes,
        values=np.concatenate([few.values, person.values]),
        units=np.concatenate([few.units, np.full(50, 40)]),
    )
    parts, counts = shares(measured(few, None)), []
    for table in (few, many):
        with mechanism._recording() as tape:
            measure(table, parts, units=40.0, sigma=3.0, max_cells=10_000, target=0)
        counts.append(tape.draws[-1].asked["counts"])
    moved = counts[1] - counts[0]
    assert moved.min() == 0
    assert moved.max() == 1
    assert moved.sum() == n_pairs(3)


def test_margins_of_three_way_tables_are_the_columns_distributions() -> None:
    # Nearly no noise: every table (a, b, target) gives every column's distribution again.
    codes = linked_codes(60)
    noisy = measure(
        codes, shares(measured(codes, None)), units=60.0, sigma=1e-3, max_cells=10_000, target=2
    )
    for column, size in enumerate(codes.sizes):
        estimates, cells = noisy.margins(column)
        truth = np.bincount(codes.values[:, column], minlength=size) / 60
        np.testing.assert_allclose(estimates, np.tile(truth[:, None], len(cells)), atol=1e-6)
    # Columns have 4, 6, 3 and 5 codes; the target is the third.
    np.testing.assert_array_equal(noisy.margins(0)[1], [6 * 3, 5 * 3])
    np.testing.assert_array_equal(noisy.margins(2)[1], [4 * 6, 4 * 5, 6 * 5])


def test_a_target_of_many_codes_is_folded_and_all_keeps_to_the_number_of_cells() -> None:
    share = [np.full(s, 1 / s) for s in (30, 40, 50)]
    _, sizes = fold(share, 3000, 1)
    assert sizes[1] == 3
    assert sizes[0] * sizes[2] * sizes[1] <= 3000


def _with_targets(sigma: float = 7.0, target_sigma: float = 2.0) -> tuple[Codes, TwoWayTables, Any]:
    """Tables of ten columns, of which the third and the sixth are targets, and the draws."""
    codes = linked_codes(100, sizes=(10, 4, 10, 6, 10, 3, 8, 5, 7, 9))
    with mechanism._recording() as tape:
        noisy = measure(
            codes, shares(measured(codes, None)), units=100.0, sigma=sigma, max_cells=10_000,
            targets=(2, 5), target_sigma=target_sigma,
        )  # fmt: skip
    assert isinstance(noisy, TwoWayTables)
    return codes, noisy, [d.asked for d in tape.draws if d.kind == "noisy_counts"]


def test_pairs_with_a_target_are_a_look_of_their_own_of_which_a_row_moves_as_many_cells() -> None:
    codes, noisy, asked = _with_targets()
    assert [a["sigma"] for a in asked] == [7.0, 2.0]
    for look, tables in zip(asked, (n_pairs(8), n_pairs(10) - n_pairs(8)), strict=True):
        cells = look["cells"](codes.values)
        assert cells.shape == (100, tables)  # what the event charges
        counted = np.bincount(cells.ravel(), minlength=look["counts"].size)
        np.testing.assert_array_equal(counted, look["counts"])
    layout = Layout(noisy.sizes)
    above = np.triu(layout.off_block.numpy()).astype(bool)
    assert sum(a["counts"].size for a in asked) == above.sum()  # each cell is in one look


def test_each_kind_of_pair_has_the_noise_that_is_charged_for_it() -> None:
    # Sums of squares of over 700 rounded Gaussians each; a sigma off by 30 % has power > .9999.
    codes, noisy, _ = _with_targets()
    exact = joint_counts(codes.values, noisy.groups, noisy.sizes)[0]
    layout = Layout(noisy.sizes)
    owner = layout.owner.numpy()
    above = np.triu(layout.off_block.numpy()).astype(bool)
    is_first = np.isin(owner, (2, 5))[:, None] | np.isin(owner, (2, 5))
    for cells, sigma in ((above & is_first, 2.0), (above & ~is_first, 7.0)):
        noise = noisy.shares[cells].astype(float) * 100 - exact[cells]
        squares, n = float((noise / sigma) @ (noise / sigma)), cells.sum()
        assert n > 700
        assert 2 * min(stats.chi2.cdf(squares, n), stats.chi2.sf(squares, n)) > ALPHA
        wrong = squares * 1.69
        assert not 2 * min(stats.chi2.cdf(wrong, n), stats.chi2.sf(wrong, n)) > ALPHA


def test_weights_and_margins_know_which_pairs_are_less_noisy() -> None:
    _, noisy, _ = _with_targets()
    ratio = (2.0 / 7.0) ** 2
    weights = noisy.weights()
    owner = Layout(noisy.sizes).owner.numpy()
    is_first = np.isin(owner, (2, 5))[:, None] | np.isin(owner, (2, 5))
    is_pair = owner[:, None] != owner
    np.testing.assert_allclose(weights[is_pair & is_first], 1 / ratio)
    np.testing.assert_allclose(weights[is_pair & ~is_first], 1)
    assert not weights[~is_pair].any()
    others = np.array([4, 10, 6, 10, 3, 8, 5, 7, 9])  # sizes of all but the first column
    own = np.where(np.isin(np.arange(9), (1, 4)), ratio, 1.0)
    np.testing.assert_allclose(noisy.margins(0)[1], others * own)
    np.testing.assert_allclose(noisy.margins(2)[1], np.delete(noisy.sizes, 2) * ratio)


def test_without_a_noise_of_their_own_there_is_one_look() -> None:
    codes = linked_codes(50)
    with mechanism._recording() as tape:
        noisy = measure(
            codes, shares(measured(codes, None)), units=50.0, sigma=3.0, max_cells=10_000,
            targets=(1,),
        )  # fmt: skip
    assert [d.kind for d in tape.draws].count("noisy_counts") == 1
    assert isinstance(noisy, TwoWayTables)
    assert (noisy.variances == 1).all()

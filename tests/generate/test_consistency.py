"""One-way distributions are averaged with the margins of the pairs, each by its precision."""

from __future__ import annotations

import numpy as np
import pytest

from synthkit.artifacts import OneWayTables
from synthkit.generate.consistency import reconciled, variances
from synthkit.generate.two_way import TwoWayTables

UNITS = 1000.0


def two_way_of(joint: np.ndarray, noise: float, rng: np.random.Generator) -> TwoWayTables:
    """A pair table of two columns as `two_way.measure` would give it."""
    a, b = joint.shape
    block = joint + rng.normal(0, noise, joint.shape) / UNITS
    shares = np.zeros((a + b, a + b), dtype=np.float32)
    shares[:a, a:], shares[a:, :a] = block, block.T
    return TwoWayTables(
        groups=np.arange(a + b), sizes=(a, b), shares=shares, variances=np.ones((2, 2))
    )


def one_way_of(*counts: np.ndarray, sigma: float, cells: tuple | None = None) -> OneWayTables:
    return OneWayTables(counts=counts, units=UNITS, sigma=sigma, cells=cells)


def test_a_code_of_many_cells_carries_the_noise_of_them_all() -> None:
    table = one_way_of(np.ones(2), sigma=3.0, cells=(np.array([1, 50]),))
    np.testing.assert_allclose(variances(table)[0], [9.0, 450.0])


def test_the_average_counted_by_hand() -> None:
    # Own table: 0.5 each, sigma 10 in counts: variance 100. Margin over 2 codes: 2 * 10^2 = 200.
    own = one_way_of(np.array([500.0, 500.0]), np.array([300.0, 700.0]), sigma=10.0)
    exact = np.array([[0.14, 0.06], [0.24, 0.56]])  # margins .2 .8 and .38 .62
    pairs = two_way_of(exact, 0.0, np.random.default_rng(0))
    first, second = reconciled(own, ([0.5, 0.5], [0.3, 0.7]), pairs, 10.0)
    np.testing.assert_allclose(first, [0.4, 0.6], atol=1e-6)  # (2 * .5 + .2) / 3
    np.testing.assert_allclose(second, [(2 * 0.3 + 0.38) / 3, (2 * 0.7 + 0.62) / 3], atol=1e-6)


def test_it_is_closer_to_the_truth_than_either_source() -> None:
    """Mean squared error over 300 draws, within one column of 6 codes of 10 cells each."""
    rng = np.random.default_rng(1)
    joint = rng.dirichlet(np.ones(18)).reshape(6, 3)
    truth = joint.sum(1)
    cells = (np.full(6, 10), np.ones(3, dtype=int))
    errors = np.zeros(3)
    for _ in range(300):
        counts = truth * UNITS + rng.normal(0, 20 * np.sqrt(10), 6)
        other = joint.sum(0) * UNITS + rng.normal(0, 20, 3)
        own = one_way_of(counts, other, sigma=20.0, cells=cells)
        pairs = two_way_of(joint, 30.0, rng)
        mixed = reconciled(own, (counts / UNITS, other / UNITS), pairs, 30.0)[0]
        margin = pairs.shares[:6, 6:].sum(1)
        for i, estimate in enumerate((mixed, counts / UNITS, margin)):
            errors[i] += np.square(estimate - truth).sum()
    assert errors[0] < 0.95 * min(errors[1:])


@pytest.mark.parametrize("seed", range(5))
def test_the_result_is_a_distribution_whatever_the_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own = one_way_of(np.zeros(4), rng.exponential(100, 3), sigma=500.0)
    pairs = two_way_of(np.full((4, 3), 1 / 12), 500.0, rng)
    for share in reconciled(own, (np.full(4, 0.25), np.full(3, 1 / 3)), pairs, 500.0):
        assert (share >= 0).all()
        assert share.sum() == pytest.approx(1)


def test_inside_a_folded_group_the_column_s_own_table_decides() -> None:
    own = one_way_of(np.array([100.0, 300.0, 600.0]), np.array([500.0, 500.0]), sigma=1.0)
    shares = np.zeros((4, 4), dtype=np.float32)
    shares[:2, 2:], shares[2:, :2] = 0.25, 0.25
    folded = TwoWayTables(
        groups=np.array([0, 0, 1, 2, 3]), sizes=(2, 2), shares=shares, variances=np.ones((2, 2))
    )
    first, _ = reconciled(own, (np.array([0.1, 0.3, 0.6]), np.array([0.5, 0.5])), folded, 1.0)
    assert first[1] / first[0] == pytest.approx(3)

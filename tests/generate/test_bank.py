"""Rows of a mixture: each follows its latent's distributions, and tables of many scatter less."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from synthkit.generate.bank import Mixture
from synthkit.generate.conditions import Conditions
from synthkit.generate.training import _table_distance, information

ALPHA = 1e-6


def _probabilities() -> np.ndarray:
    """Three latents; columns of 2 and 3 codes."""
    return np.array(
        [[0.5, 0.5, 0.1, 0.2, 0.7], [0.9, 0.1, 1.0, 0.0, 0.0], [0.0, 1.0, 0.3, 0.3, 0.4]]
    )


def _joint(probabilities: np.ndarray) -> np.ndarray:
    return np.einsum("ka,kb->ab", probabilities[:, :2], probabilities[:, 2:]) / len(probabilities)


@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_a_single_row_of_a_draw_has_the_distribution_of_the_mixture(n: int) -> None:
    # The first row of 6,000 draws of n rows: chi-square on the 6 cells of both columns.
    mixture, rng = Mixture(_probabilities(), (2, 3)), np.random.default_rng(n)
    first = np.array([mixture.draw(n, rng)[0] for _ in range(6000)])
    counts = np.bincount(first[:, 0] * 3 + first[:, 1], minlength=6)
    expected = _joint(_probabilities()).ravel() * 6000
    assert stats.chisquare(counts, expected).pvalue > ALPHA


def test_two_rows_of_one_latent_do_not_share_their_draws() -> None:
    # One latent, two fair columns: all four cells come up, each as often as the others.
    mixture, rng = Mixture(np.full((1, 4), 0.5), (2, 2)), np.random.default_rng(0)
    drawn = np.concatenate([mixture.draw(8, rng) for _ in range(2000)])
    counts = np.bincount(drawn[:, 0] * 2 + drawn[:, 1], minlength=4)
    np.testing.assert_allclose(counts / counts.sum(), 0.25, atol=0.01)


def test_columns_come_out_as_often_as_the_mixture_says_to_within_a_row_per_latent() -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(5), 20).astype(np.float32)
    drawn = Mixture(shares, (5,)).draw(20 * 500, np.random.default_rng(1))
    counts = np.bincount(drawn[:, 0], minlength=5)
    assert np.abs(counts - shares.sum(0) * 500).max() <= 20


def test_the_same_generator_gives_the_same_rows() -> None:
    mixture = Mixture(_probabilities(), (2, 3))
    one, other = (mixture.draw(100, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_spread_conditions_hit_every_part_of_the_distribution() -> None:
    drawn = Conditions([np.array([0.2, 0.8]), np.array([1.0])]).spread(
        1000, torch.Generator().manual_seed(0)
    )
    np.testing.assert_allclose(np.bincount(drawn.numpy()), [100, 400, 500], atol=1)


def test_the_distance_of_tables_and_its_gradient_are_those_of_the_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    rows, weights, slices = (
        torch.rand(*shape, dtype=torch.float64, generator=generator)
        for shape in ((7, 5), (7, 2), (2, 5, 5))
    )
    slices = slices + slices.transpose(1, 2)
    precision = torch.rand(5, 5, dtype=torch.float64, generator=generator).round(decimals=1)
    precision = (precision + precision.T) * (1 - torch.eye(5, dtype=torch.float64))
    rows.requires_grad_(True)
    weights.requires_grad_(True)

    def slow(rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for s, a, b in itertools.product(range(2), range(5), range(5)):
            if a != b:
                joint = (weights[:, s] * rows[:, a] * rows[:, b]).mean()
                total = total + 0.5 * precision[a, b] * (joint - slices[s, a, b]) ** 2
        return total

    fast = _table_distance()(rows, weights, slices, precision)
    torch.testing.assert_close(fast, slow(rows, weights))
    expected = torch.autograd.grad(slow(rows, weights), (rows, weights))
    torch.testing.assert_close(torch.autograd.grad(fast, (rows, weights)), expected)
    alone = _table_distance()(rows, None, slices[:1], precision)
    ones = torch.ones(7, 1, dtype=torch.float64)
    torch.testing.assert_close(alone, _table_distance()(rows, ones, slices[:1], precision))


def test_information_counted_by_hand() -> None:
    # Two latents that name a fair column's code: log 2. Two that agree: nothing.
    named = information(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    assert float(named) == pytest.approx(np.log(2), abs=1e-5)
    assert float(information(torch.full((2, 2), 0.5))) == pytest.approx(0.0, abs=1e-6)

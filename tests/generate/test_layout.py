from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from synthkit.artifacts import Codes, OneWayTables
from synthkit.errors import InputError
from synthkit.generate.conditions import Conditions
from synthkit.generate.device import resolve
from synthkit.generate.layout import Layout, check_codes, code_dtype, shares
from synthkit.generate.sampling import _categorical

from .conftest import linked_codes, measured

SIZES = (4, 1, 6, 300)


def test_softmax_of_all_columns_equals_one_column_at_a_time() -> None:
    logits = torch.randn(7, sum(SIZES), generator=torch.Generator().manual_seed(0)) * 50
    slow = torch.cat([part.softmax(1) for part in logits.split(SIZES, dim=1)], dim=1)
    torch.testing.assert_close(Layout(SIZES).softmax(logits), slow)


def test_its_gradient_equals_that_of_one_column_at_a_time() -> None:
    logits = torch.randn(5, 10, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weights = torch.arange(10.0)
    slow = torch.cat([part.softmax(1) for part in logits.split((4, 6), dim=1)], dim=1)
    expected = torch.autograd.grad((slow * weights).square().sum(), logits)
    fast = (Layout((4, 6)).softmax(logits) * weights).square().sum()
    torch.testing.assert_close(torch.autograd.grad(fast, logits), expected)


def test_one_hot_rows_hold_one_per_column() -> None:
    hot = Layout((2, 3)).one_hot(torch.tensor([[1, 0], [0, 2]]))
    assert hot.tolist() == [[0, 1, 1, 0, 0], [1, 0, 0, 0, 1]]


def test_categorical_draws_follow_the_probabilities() -> None:
    # Chi-square per column, alpha 1e-6 over three columns.
    generator = torch.Generator().manual_seed(1)
    layout = Layout((3, 1, 40))
    one = torch.cat([torch.tensor([0.0, 0.3, 0.7, 1.0]), torch.full((40,), 1 / 40)])
    drawn = _categorical(one.expand(40_000, -1), layout, generator).numpy()
    assert (drawn[:, 0] > 0).all()
    assert (drawn[:, 1] == 0).all()
    for column, expected in ((0, [0.3, 0.7]), (2, [1 / 40] * 40)):
        counts = np.bincount(drawn[:, column])[-len(expected) :]
        assert stats.chisquare(counts, np.array(expected) * 40_000).pvalue > 1e-6 / 3


def test_rows_that_share_a_latent_are_drawn_apart_and_follow_it() -> None:
    # 20,000 draws from each of two rows; chi-square, alpha 1e-6 over two rows.
    generator = torch.Generator().manual_seed(2)
    rows = torch.tensor([[0.5, 0.5, 1.0], [0.1, 0.9, 1.0]])
    drawn = _categorical(rows, Layout((2, 1)), generator, times=20_000).numpy()
    assert drawn.shape == (40_000, 2)
    for row, first in enumerate((0.5, 0.1)):
        counts = np.bincount(drawn[row::2, 0], minlength=2)
        expected = [first * 20_000, (1 - first) * 20_000]
        assert stats.chisquare(counts, expected).pvalue > 1e-6 / 2


def test_conditions_follow_the_noisy_tables() -> None:
    drawn = Conditions([np.array([0.2, 0.8]), np.array([1.0])]).draw(
        30_000, torch.Generator().manual_seed(0)
    )
    counts = np.bincount(drawn.numpy(), minlength=3)
    assert stats.chisquare(counts, [3000, 12_000, 15_000]).pvalue > 1e-6


def test_a_column_whose_noisy_counts_are_all_zero_is_uniform() -> None:
    tables = OneWayTables(counts=(np.zeros(4), np.array([1.0, 3.0])), units=4.0, sigma=9.0)
    assert [s.tolist() for s in shares(tables)] == [[0.25] * 4, [0.25, 0.75]]


def test_codes_take_the_smallest_type_that_holds_them() -> None:
    assert code_dtype((2, 256)) is np.uint8
    assert code_dtype((2, 257)) is np.uint16


def test_codes_out_of_range_are_refused_without_naming_them() -> None:
    codes = linked_codes(10)
    values = codes.values.copy()
    values[3, 1] = 77
    broken = Codes(columns=codes.columns, sizes=codes.sizes, values=values, units=codes.units)
    with pytest.raises(InputError) as caught:
        check_codes(broken, measured(codes, None))
    assert "77" not in caught.value.message + caught.value.hint
    check_codes(codes, measured(codes, None))


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "mps"])
def test_unknown_devices_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="no device named"):
        resolve(name)


def test_auto_finds_a_device_and_cuda_is_refused_where_there_is_none() -> None:
    assert resolve("cpu").type == "cpu"
    if torch.cuda.is_available():
        assert resolve("auto").type == "cuda"
    else:
        assert resolve("auto").type == "cpu"
        with pytest.raises(InputError, match="no device"):
            resolve("cuda")

from __future__ import annotations

import pytest
import torch

from synthkit.errors import InputError
from synthkit.generate.device import one_thread, resolve


@pytest.mark.parametrize("name", ["abacus", "cpu:1", "cuda:x", ""])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        resolve(name)


def test_auto_is_the_gpu_where_there_is_one() -> None:
    assert resolve("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_one_thread_is_given_back_even_after_a_fault() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError):
            _fail_on_one_thread()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def _fail_on_one_thread() -> float:
    with one_thread():
        return 1 / (torch.get_num_threads() - 1)

"""Resolves the name of a device, and keeps small CPU work on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from synthkit.errors import InputError

if TYPE_CHECKING:
    import torch


def resolve(name: str) -> torch.device:
    """Turns `cpu`, `cuda`, `cuda:1` or `auto` (CUDA where there is one) into a device.

    Raises:
        InputError: If the name is unknown or this machine has no such device.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    kind, _, index = name.partition(":")
    if kind != "cuda" or not (index == "" or index.isdigit()):
        raise InputError(f"There is no device named {name!r}.", hint="Use auto, cpu or cuda.")
    if not torch.cuda.is_available() or int(index or 0) >= torch.cuda.device_count():
        raise InputError(f"This machine has no device {name!r}.", hint="Use auto or cpu.")
    return torch.device(name)


@contextmanager
def one_thread() -> Iterator[None]:
    """Runs torch's CPU work on one thread, and restores the setting.

    The networks are small: two threads cost nearly twice the CPU seconds for the same fit (53
    against 29 on the example reviews) and, on a machine that others use too, wait for each other
    ten times longer than they compute.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

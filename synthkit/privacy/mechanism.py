"""The only noise and the only secret randomness of the package.

Takes exact counts (or nothing) and gives noisy counts, generators seeded by the operating system,
and secret choices of rows. Nothing here takes a seed: no argument, environment variable, plan or
global generator reaches a draw, because whoever can repeat the noise can subtract it (the noise of
DP-SGD drawn from a user's seed is an attack that shipped in two well-known libraries).

- Counts: exact discrete Gaussian by OpenDP, rational arithmetic, entropy of the operating system
  (C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS
  2020), so floating-point attacks on noisy sums (Mironov 2012) have nothing to hold.
- Tensors: `torch.Generator`. Its draws are floating point and not cryptographic: it serves DP-SGD,
  whose noisy gradients are never released. On the CPU all 624 words of the Mersenne Twister come
  from the operating system, since `manual_seed` keeps only 32 bits of a seed.

Every draw passes `_draw`, the one seam for tests and audits. `_recording` keeps what was asked and
answered, `_replaying` answers from such a tape, so that a test can run on neighbouring tables under
the same noise; both refuse to start unless pytest is running the process. `watched` lets
`synthkit audit` see the draws of fits that release nothing; while it does, `require_unwatched`
refuses every job that would. Nothing else in the package names them (a test reads the sources), and
there is no switch: not by plan, option or environment.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from synthkit.errors import InputError, SynthkitError

if TYPE_CHECKING:
    import torch

_MAX_SIGMA = 1e5
_MAX_COUNT = 2**62
_MERSENNE_WORDS = 624
_CPU_STATE_BYTES = 5056


class Watcher(Protocol):
    """What sees every draw, and may answer it: a test's tape, or an audit."""

    def answer(self, kind: str, asked: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """Returns the answer of a draw of this kind; `make` makes a fresh one."""


_watcher: contextvars.ContextVar[Watcher | None] = contextvars.ContextVar("watcher", default=None)
"""Of this thread (or task) alone: a release in another thread is never seen or answered."""


def is_watched() -> bool:
    """Whether a test or an audit sees the draws of this thread now."""
    return _watcher.get() is not None


def require_unwatched() -> None:
    """Refuses a job that would release something while an audit sees its noise.

    Raises:
        SynthkitError: If an audit runs in this thread; the tapes of tests are let through.
    """
    watcher = _watcher.get()
    if watcher is not None and not isinstance(watcher, _Tape):
        raise SynthkitError(
            "An audit is running here; nothing may be released meanwhile.",
            hint="Run the audit and the release one after the other.",
        )


@contextlib.contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Lets an audit see every draw of the block; `require_unwatched` guards all releases.

    Whoever sees exact values beside noisy ones sees the rows: what is made in the block must never
    leave the audit. A test reads the sources: only the audit names this function.
    """
    if _watcher.get() is not None:
        raise SynthkitError("Noise is being watched already.", hint="Do not nest audits or tapes.")
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def shown(kind: str, asked: Mapping[str, Any], answer: Any) -> Any:
    """Passes a draw that a library has made by the seam; unwatched, it comes back as it is."""
    return _draw(kind, asked, lambda: answer)


def _draw(kind: str, asked: Mapping[str, Any], make: Callable[[], Any]) -> Any:
    """Makes one draw; a watcher sees it and may answer in its place."""
    watcher = _watcher.get()
    return make() if watcher is None else watcher.answer(kind, asked, make)


@dataclass(frozen=True)
class _Draw:
    """One request for randomness, as a test sees it."""

    kind: str
    asked: Mapping[str, Any]
    answer: Any


@dataclass
class _Tape:
    """Keeps draws in order, answering afresh or from an older tape; tests only."""

    draws: list[_Draw] = field(default_factory=list)
    answers: Iterator[_Draw] | None = None

    def answer(self, kind: str, asked: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """Keeps what was asked and what is answered."""
        given = make() if self.answers is None else _replayed(kind, next(self.answers, None))
        self.draws.append(_Draw(kind, asked, given))
        return given


def _replayed(kind: str, old: _Draw | None) -> Any:
    if old is None or old.kind != kind:
        was = "no further draw" if old is None else f"a draw of kind {old.kind}"
        raise AssertionError(f"replay asks for {kind} where the tape holds {was}")
    return old.answer


@contextlib.contextmanager
def _recording() -> Iterator[_Tape]:
    """Keeps every draw of the block on a tape. Only under pytest."""
    with _taped(None) as tape:
        yield tape


@contextlib.contextmanager
def _replaying(tape: _Tape) -> Iterator[_Tape]:
    """Answers every draw of the block from `tape`; yields a tape of what was asked now.

    The release is thereby frozen, so what a caller does next may depend only on it; the two tapes
    hold the exact values side by side, so their difference is the sensitivity. Only under pytest.
    """
    with _taped(iter(tuple(tape.draws))) as new:
        yield new


@contextlib.contextmanager
def _taped(answers: Iterator[_Draw] | None) -> Iterator[_Tape]:
    if "_pytest.runner" not in sys.modules or "PYTEST_CURRENT_TEST" not in os.environ:
        raise SynthkitError(
            "Noise can be recorded or replayed only inside a test.",
            hint="Run this under pytest; a release never fixes its noise.",
        )
    tape = _Tape(answers=answers)
    with watched(tape):
        yield tape


def noisy_counts(
    counts: np.ndarray,
    *,
    sigma: float,
    cells: Callable[[Any], np.ndarray] | None = None,
) -> np.ndarray:
    """Adds exact discrete Gaussian noise to every cell.

    Args:
        counts: Integer counts of any shape, each within 62 bits.
        sigma: Parameter of the discrete Gaussian, above 0 and at most 1e5; its standard deviation
            to within 1e-7 from sigma = 1 upwards (Canonne, Kamath, Steinke 2020, section 3).
        cells: From rows, in the form that the asking room has them in, to the cells (along the
            last axis of `counts`) that each of them counts in, shape (n_rows, n_tables). Called
            by audits alone.

    Returns:
        Noisy counts, int64, of the same shape; may be negative.

    Raises:
        InputError: If the counts are not integers or sigma is out of range.
    """
    exact = np.asarray(counts)
    is_countable = exact.dtype.kind in "iu" and not (
        exact.size and (int(exact.max()) >= _MAX_COUNT or int(exact.min()) <= -_MAX_COUNT)
    )
    if not is_countable:
        raise InputError(
            "Noise of the exact discrete Gaussian goes on integer counts below 2**62 only.",
            hint="Count units per cell; weights and rounded floats have another sensitivity.",
        )
    if isinstance(sigma, bool) or not isinstance(sigma, int | float | np.number):
        raise InputError("sigma is not a number.", hint="Give a standard deviation above 0.")
    if not (math.isfinite(sigma) and 0 < sigma <= _MAX_SIGMA):
        raise InputError(
            f"sigma must be above 0 and at most {_MAX_SIGMA:g}, not {sigma}.",
            hint="Let synthkit.privacy.accountant.calibrate choose it for an epsilon.",
        )
    asked = {"counts": exact, "sigma": float(sigma), "cells": cells}
    answer: np.ndarray = _draw(
        "noisy_counts", asked, lambda: _discrete_gaussian(exact, float(sigma))
    )
    return answer.copy()


def _discrete_gaussian(exact: np.ndarray, sigma: float) -> np.ndarray:
    import opendp.prelude as dp

    dp.enable_features("contrib")
    cells = dp.vector_domain(dp.atom_domain(T="i64"))
    measure = dp.m.make_gaussian(cells, dp.l2_distance(T=float), sigma)
    flat = [int(v) for v in exact.reshape(-1)]
    return np.asarray(measure(flat), dtype=np.int64).reshape(exact.shape)


def secret_torch_generator(device: torch.device | str = "cpu") -> torch.Generator:
    """Returns a generator for noise and Poisson sampling, seeded by the operating system.

    On the CPU the whole state (19,968 bits) is drawn; on other devices the generator is
    counter-based (Philox) and takes a 64-bit key.
    """
    generator: torch.Generator = _draw(
        "secret_torch_generator", {"device": str(device)}, lambda: _torch_generator(device)
    )
    if is_watched():  # a replayed generator must start where the recorded one started
        return generator.clone_state()
    return generator


def _torch_generator(device: torch.device | str) -> torch.Generator:
    import torch

    generator = torch.Generator(device=device)
    if generator.device.type != "cpu":
        generator.manual_seed(int.from_bytes(os.urandom(8), "little", signed=True))
        return generator
    state = generator.get_state().numpy().copy()
    if state.nbytes != _CPU_STATE_BYTES:
        raise SynthkitError(
            "This version of torch keeps its CPU generator in an unknown layout.",
            hint="Install a torch version that synthkit's constraints.txt names.",
        )
    # Legacy layout of ATen's CPU generator, in 8-byte slots: seed, (left, seeded), next, 624 words.
    slots = state.view(np.uint64)
    slots[0] = 0
    slots[1] = 1 | (1 << 32)  # left = 1: the first draw mixes the words below before it uses them
    slots[2] = 0
    slots[3 : 3 + _MERSENNE_WORDS] = np.frombuffer(os.urandom(4 * _MERSENNE_WORDS), np.uint32)
    generator.set_state(torch.from_numpy(state))
    return generator


def require_same_process(pid: int) -> None:
    """Refuses to draw in a process that was forked off the one a generator was made in.

    Both would draw the same noise, and whoever has two results under the same noise subtracts it.

    Args:
        pid: Process in which the generator was made.

    Raises:
        SynthkitError: If this is another process.
    """
    if os.getpid() != pid:
        raise SynthkitError(
            "A fit goes on in a process that was forked in its middle: its noise would repeat.",
            hint="Fork before a fit begins, or start the fit in the new process.",
        )


def secret_numpy_generator() -> np.random.Generator:
    """Returns a NumPy generator seeded with 256 bits from the operating system."""
    entropy: bytes = _draw("secret_numpy_generator", {}, lambda: os.urandom(32))
    seed = np.random.SeedSequence(int.from_bytes(entropy, "little"))
    return np.random.Generator(np.random.PCG64DXSM(seed))


def one_row_per_unit(units: np.ndarray) -> np.ndarray:
    """Chooses one row of each privacy unit, uniformly and in secret; see `rows_of_units`.

    Returns:
        Row indices, int64 of shape (n_units,), in the order of the unit indices.
    """
    return rows_of_units(units, most=1)[0]


def rows_of_units(units: np.ndarray, *, most: int) -> tuple[np.ndarray, ...]:
    """Chooses up to `most` rows of each privacy unit, uniformly, without repeats and in secret.

    Each row draws a 64-bit key from the operating system; the smallest keys of a unit win.
    The choice of one unit never depends on another unit's rows.

    Args:
        units: Index of the privacy unit of each row, integers of shape (n_rows,).
        most: Largest number of rows of a unit, at least 1.

    Returns:
        `most` arrays of row indices, int64, each in the order of the unit indices: the first holds
        one row of every unit, the second a further row of each unit that has one, and so on. A
        unit is in each of them at most once.

    Raises:
        InputError: If `units` is not a one-dimensional array of integers, or `most` is below 1.
    """
    index = np.asarray(units)
    if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
        raise InputError(
            "The privacy units are not one integer per row.",
            hint="Pass the array that synthkit.source.unit_index returns.",
        )
    if isinstance(most, bool) or most < 1:
        raise InputError("Rows per unit must be at least 1.", hint="1 is the usual choice.")
    raw: bytes = _draw("rows_of_units", {"rows": index.size}, lambda: os.urandom(8 * index.size))
    if bool((index[1:] > index[:-1]).all()):
        # Every unit has one row, and they are in order: whatever the keys are, each row is chosen.
        return (np.arange(index.size), *(np.zeros(0, np.int64) for _ in range(most - 1)))
    keys = np.frombuffer(raw, np.uint64)  # (n_rows,)
    order = np.lexsort((keys, index))  # (n_rows,) by unit, then by key
    ranked = index[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])[: index.size])  # (n_units,)
    sizes = np.diff(np.append(starts, index.size))  # (n_units,)
    return tuple(order[starts[sizes > j] + j].astype(np.int64) for j in range(most))

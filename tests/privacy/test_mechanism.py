"""Noise and secret choices: nobody can repeat them, and nothing but a test can freeze them."""

from __future__ import annotations

import ast
import inspect
import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch

from synthkit.errors import InputError, SynthkitError
from synthkit.privacy import mechanism

PACKAGE = Path(mechanism.__file__).parents[1]
PUBLIC = (
    mechanism.noisy_counts,
    mechanism.secret_torch_generator,
    mechanism.secret_numpy_generator,
    mechanism.one_row_per_unit,
    mechanism.rows_of_units,
)


def draw_everything() -> list[np.ndarray]:
    return [
        mechanism.noisy_counts(np.zeros(64, dtype=np.int64), sigma=50.0),
        torch.rand(64, generator=mechanism.secret_torch_generator("cpu")).numpy(),
        mechanism.secret_numpy_generator().random(64),
        mechanism.one_row_per_unit(np.repeat(np.arange(64), 9)),
    ]


def seed_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (the global generator is what must not matter)
    torch.manual_seed(0)
    for name in ("PYTHONHASHSEED", "SYNTHKIT_SEED", "SEED", "PL_GLOBAL_SEED"):
        monkeypatch.setenv(name, "0")


def test_no_global_seed_and_no_environment_repeats_a_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    seed_everything(monkeypatch)
    first = draw_everything()
    seed_everything(monkeypatch)
    second = draw_everything()
    for one, other in zip(first, second, strict=True):
        assert not np.array_equal(one, other)


def test_draws_leave_the_global_generators_alone() -> None:
    before = np.random.get_state()[1], torch.get_rng_state()  # noqa: NPY002
    draw_everything()
    after = np.random.get_state()[1], torch.get_rng_state()  # noqa: NPY002
    assert np.array_equal(before[0], after[0])
    assert torch.equal(before[1], after[1])


def test_no_function_takes_a_seed_or_a_generator() -> None:
    names = {p for f in PUBLIC for p in inspect.signature(f).parameters}
    assert names == {"counts", "sigma", "cells", "device", "units", "most"}


def test_the_environment_is_read_only_to_recognise_a_test() -> None:
    tree = ast.parse(inspect.getsource(mechanism))
    readers = [
        f.name
        for f in ast.walk(tree)
        if isinstance(f, ast.FunctionDef)
        and any(
            isinstance(n, ast.Attribute) and n.attr in ("environ", "getenv") for n in ast.walk(f)
        )
    ]
    assert readers == ["_taped"]


def names_the_seam(source: str) -> bool:
    return any(word in source for word in ("_recording", "_replaying", "_tape", "_Tape"))


def test_nothing_else_in_the_package_names_the_seam() -> None:
    files = [p for p in PACKAGE.rglob("*.py") if p.name != "mechanism.py"]
    assert len(files) > 10
    assert [p.name for p in files if names_the_seam(p.read_text(encoding="utf-8"))] == []
    assert names_the_seam("with mechanism._replaying(t):")  # the guard sees a planted use


@pytest.mark.parametrize("preamble", ["", "import _pytest.runner; "])
def test_the_seam_is_refused_outside_a_running_test(preamble: str) -> None:
    code = (
        f"{preamble}from synthkit.privacy import mechanism as m\n"
        "from synthkit.errors import SynthkitError\n"
        "try:\n"
        "    with m._recording(): pass\n"
        "except SynthkitError: print('refused')\n"
    )
    environment = dict(os.environ)
    if preamble:  # pytest imported, but no test is running
        environment.pop("PYTEST_CURRENT_TEST", None)
    else:  # the variable alone, as an attacker of the command line could set it
        environment["PYTEST_CURRENT_TEST"] = "fake"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == "refused"


def test_replay_freezes_every_draw_and_lays_exact_values_side_by_side() -> None:
    counts = np.array([5, 9, 0])
    with mechanism._recording() as tape:
        first = [
            mechanism.noisy_counts(counts, sigma=9.0),
            torch.rand(5, generator=mechanism.secret_torch_generator("cpu")).numpy(),
            mechanism.secret_numpy_generator().random(5),
        ]
    neighbour = counts + np.array([0, 1, 0])
    with mechanism._replaying(tape) as now:
        second = [
            mechanism.noisy_counts(neighbour, sigma=9.0),
            torch.rand(5, generator=mechanism.secret_torch_generator("cpu")).numpy(),
            mechanism.secret_numpy_generator().random(5),
        ]
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one, other)
    exact = [t.draws[0].asked["counts"] for t in (tape, now)]
    assert np.linalg.norm(exact[1] - exact[0]) == 1.0


def test_replay_notices_another_course_of_draws() -> None:
    with mechanism._recording() as tape:
        mechanism.secret_numpy_generator()
    with mechanism._replaying(tape):
        mechanism.secret_numpy_generator()
        with pytest.raises(AssertionError, match="no further draw"):
            mechanism.secret_numpy_generator()
    with mechanism._replaying(tape), pytest.raises(AssertionError, match="noisy_counts"):
        mechanism.noisy_counts(np.zeros(1, dtype=np.int64), sigma=1.0)


def test_after_a_tape_noise_is_fresh_again_and_tapes_do_not_nest() -> None:
    with mechanism._recording() as tape:
        first = mechanism.noisy_counts(np.zeros(50, dtype=np.int64), sigma=50.0)
        with pytest.raises(SynthkitError, match="already"), mechanism._recording():
            pass
    assert len(tape.draws) == 1
    second = mechanism.noisy_counts(np.zeros(50, dtype=np.int64), sigma=50.0)
    assert not np.array_equal(first, second)


def test_the_whole_state_of_the_cpu_generator_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    # torch keeps 32 bits of a seed: a seeded generator could be found by trying them all.
    seeded = [torch.Generator().manual_seed(s) for s in (5, 5 + 2**32)]
    assert torch.equal(*(torch.rand(4, generator=g) for g in seeded))

    words = np.arange(1, 625, dtype=np.uint32) * np.uint32(2654435761)
    monkeypatch.setattr(os, "urandom", lambda n: words.tobytes()[:n])
    ours = torch.rand(2000, generator=mechanism.secret_torch_generator("cpu"))
    reference = np.random.MT19937()
    state = reference.state
    state["state"] = {"key": words, "pos": 624}
    reference.state = state
    expected = (reference.random_raw(2000) & 0xFFFFFF) / 2.0**24
    assert np.array_equal(ours.numpy(), expected.astype(np.float32))


def test_noisy_counts_keep_shape_and_type() -> None:
    for shape in [(3, 4), (0,), (), (2, 1, 5)]:
        noisy = mechanism.noisy_counts(np.full(shape, 7), sigma=2.0)
        assert noisy.shape == shape
        assert noisy.dtype == np.int64
    assert mechanism.noisy_counts(np.zeros(500, dtype=np.uint8), sigma=5.0).min() < 0


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan"), float("inf"), 1e6, True, "3", None])
def test_a_sigma_out_of_range_is_refused(sigma: object) -> None:
    with pytest.raises(InputError) as caught:
        mechanism.noisy_counts(np.zeros(2, dtype=np.int64), sigma=sigma)  # type: ignore[arg-type]
    assert caught.value.hint


@pytest.mark.parametrize(
    "counts",
    [
        np.zeros(2),
        np.array([True]),
        np.array(["1"]),
        np.array([2**62]),
        np.array([2**63], dtype=np.uint64),
    ],
)
def test_only_integer_counts_get_integer_noise(counts: np.ndarray) -> None:
    with pytest.raises(InputError, match="integer counts"):
        mechanism.noisy_counts(counts, sigma=1.0)


def test_one_row_of_each_unit_is_chosen_in_unit_order() -> None:
    units = np.array([7, 2, 2, 9, 7, 7, 0, 2])
    for _ in range(20):
        rows = mechanism.one_row_per_unit(units)
        assert rows.dtype == np.int64
        assert units[rows].tolist() == [0, 2, 7, 9]
    assert mechanism.one_row_per_unit(np.arange(50)[::-1]).tolist() == list(range(50))[::-1]
    assert mechanism.one_row_per_unit(np.array([], dtype=np.int64)).shape == (0,)


def test_further_rows_come_in_sets_with_one_row_of_a_unit_in_each() -> None:
    units = np.array([7, 2, 2, 9, 7, 7, 0, 2])
    firsts = set()
    for _ in range(60):
        sets = mechanism.rows_of_units(units, most=4)
        assert [units[rows].tolist() for rows in sets] == [[0, 2, 7, 9], [2, 7], [2, 7], []]
        chosen = np.concatenate(sets)
        assert len(set(chosen)) == len(chosen) == len(units)
        firsts.add(sets[0].tobytes())
    assert len(firsts) == 9, "each of a unit's three rows may come first (missed: chance 0.01)"


def test_rows_of_a_unit_are_chosen_with_equal_chances_for_every_set() -> None:
    # 3 of 5 rows: each of the 10 subsets equally often; alpha 1e-6.
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(4000):
        rows = tuple(sorted(np.concatenate(mechanism.rows_of_units(np.zeros(5, int), most=3))))
        counts[rows] = counts.get(rows, 0) + 1
    assert len(counts) == 10
    assert scipy.stats.chisquare(list(counts.values())).pvalue > 1e-6


@pytest.mark.parametrize("most", [0, -1, True])
def test_at_least_one_row_of_a_unit_must_count(most: int) -> None:
    with pytest.raises(InputError, match="at least 1"):
        mechanism.rows_of_units(np.zeros(3, dtype=int), most=most)


class _Spy:
    def __init__(self) -> None:
        self.kinds: list[str] = []

    def answer(self, kind: str, asked: object, make: Any) -> Any:
        self.kinds.append(kind)
        return make()


def test_an_audit_sees_draws_and_nothing_may_be_released_meanwhile() -> None:
    spy = _Spy()
    mechanism.require_unwatched()
    with mechanism.watched(spy):
        assert mechanism.is_watched()
        mechanism.rows_of_units(np.zeros(3, dtype=int), most=1)
        with pytest.raises(SynthkitError, match="nothing may be released"):
            mechanism.require_unwatched()
        with pytest.raises(SynthkitError, match="already"), mechanism.watched(spy):
            pass
    assert not mechanism.is_watched()
    assert spy.kinds == ["rows_of_units"]


def test_a_release_in_another_thread_is_neither_seen_nor_answered() -> None:
    spy, may_draw, drawn = _Spy(), threading.Event(), []

    def release() -> None:
        mechanism.require_unwatched()
        may_draw.wait(10)  # parked between the check and the draw
        drawn.append(mechanism.noisy_counts(np.zeros(3, dtype=np.int64), sigma=5.0))

    thread = threading.Thread(target=release)
    thread.start()
    with mechanism.watched(spy):
        may_draw.set()
        thread.join(10)
        mechanism.secret_numpy_generator()
    assert len(drawn) == 1
    assert spy.kinds == ["secret_numpy_generator"]


def names_the_watch(source: str) -> bool:
    return "mechanism.watched(" in source or "import watched" in source


def test_only_the_audit_watches() -> None:
    files = [p for p in PACKAGE.rglob("*.py") if names_the_watch(p.read_text(encoding="utf-8"))]
    assert {p.parent.name for p in files} <= {"auditing"}
    assert names_the_watch("with mechanism.watched(spy):")  # the guard sees a planted use


@pytest.mark.parametrize("units", [np.zeros((2, 2), dtype=int), np.array([0.0, 1.0])])
def test_units_must_be_one_integer_per_row(units: np.ndarray) -> None:
    with pytest.raises(InputError, match="one integer per row"):
        mechanism.one_row_per_unit(units)

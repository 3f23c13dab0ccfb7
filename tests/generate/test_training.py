"""Training against the tables: what it sets for itself, it sets back."""

from __future__ import annotations

import pytest
import torch

from synthkit.generate import dpctgan, training
from tests.generate.conftest import linked_codes, measured


def is_flushed() -> bool:
    return float(torch.tensor(1e-40) * 1.0) == 0.0


@pytest.fixture(autouse=True)
def flush_as_found():
    before = is_flushed()
    yield
    torch.set_flush_denormal(before)


needs_flush = pytest.mark.skipif(
    not (torch.set_flush_denormal(True) and torch.set_flush_denormal(False)),
    reason="this CPU cannot take tiny numbers as zero",
)


@needs_flush
@pytest.mark.parametrize("before", [False, True])
def test_tiny_numbers_are_zero_within_and_what_they_were_after(before: bool) -> None:
    torch.set_flush_denormal(before)
    with training.tiny_numbers_as_zero():
        assert is_flushed()
    assert is_flushed() is before


@needs_flush
def test_an_error_within_leaves_nothing_behind() -> None:
    torch.set_flush_denormal(False)
    with pytest.raises(KeyError), training.tiny_numbers_as_zero():
        raise KeyError("anything")
    assert not is_flushed()


@needs_flush
def test_steps_against_the_tables_are_taken_so_and_private_steps_are_not(monkeypatch) -> None:
    seen: dict[str, set[bool]] = {"match": set(), "refine": set()}
    for name in seen:
        original = getattr(training.Trainer, f"_{name}")

        def watched(trainer, *given, _name=name, _original=original, **more):
            seen[_name].add(is_flushed())
            return _original(trainer, *given, **more)

        monkeypatch.setattr(training.Trainer, f"_{name}", watched)
    torch.set_flush_denormal(False)
    codes = linked_codes(200)
    options = {"hidden": 8, "bank": 8, "latent": 4, "match_steps": 2, "critic_steps": 2,
               "gradient_share": 0.2, "critic_hidden": 8}  # fmt: skip
    plan = dpctgan.plan(epsilon=5.0, delta=1e-6, n_tables=len(codes.sizes), options=options)
    dpctgan.fit(codes, measured(codes, plan.table_sigma), plan, seed=0)
    assert seen == {"match": {True}, "refine": {False}}
    assert not is_flushed()

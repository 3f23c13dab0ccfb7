"""Layer B on the plan's own step and sampler, and on the twins that the statistics tests plant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from synthkit.generate import critic, poisson
from synthkit.pipeline.auditing import step
from tests.pipeline.auditing.jobs import QUICK, job
from tests.statistical.test_step_audit import TWINS

UNITS = np.repeat(np.arange(300), [1, 2, 3] * 100)


@pytest.mark.parametrize("clip", [0.5, 10.0])
def test_the_shipped_step_passes(clip: float) -> None:
    check = step.gradient_check(job(1.0, {**QUICK, "max_grad_norm": clip}), 40)
    assert check.outcome == "pass", check.reason


@pytest.mark.parametrize("twin", TWINS)
def test_a_broken_step_is_caught_at_one_clip_norm_at_least(
    twin: type[critic.PrivateCritic], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, _ = TWINS[twin]
    monkeypatch.setattr(critic, "PrivateCritic", twin)
    check = step.gradient_check(job(1.0, {**QUICK, "max_grad_norm": clip}), 40)
    assert check.outcome == "fail", check.reason


@pytest.mark.parametrize("rows_per_unit", [1, 2])
def test_the_shipped_sampler_passes(rows_per_unit: int) -> None:
    check = step.sampler_check(UNITS, 0.05, rows_per_unit)
    assert check.outcome == "pass", check.reason


class ByCategory(poisson.PoissonUnits):
    """Planted fault: training-by-sampling. The rare tenth of the units is drawn as often as all
    others together."""

    def draw(self) -> torch.Tensor:
        n = len(self._starts)
        rare = torch.arange(n) >= n - n // 10
        one_side = rare if float(self._uniform(1)) < 0.5 else ~rare
        rate = min(1.0, self._rate * n / int(one_side.sum()))
        picked = ((self._uniform(n) < rate) & one_side).nonzero().squeeze(1)
        return self._order[self._starts[picked]]


class FixedSize(poisson.PoissonUnits):
    """Planted fault: batches of one size, charged as Poisson."""

    def draw(self) -> torch.Tensor:
        n = len(self._starts)
        return self._order[self._starts[self._uniform(n).argsort()[: int(self._rate * n)]]]


class AllRows(poisson.PoissonUnits):
    """Planted fault: an entering person brings all rows."""

    def draw(self) -> torch.Tensor:
        entered = (self._uniform(len(self._starts)) < self._rate).numpy()
        return torch.as_tensor(np.flatnonzero(entered[UNITS]))


@pytest.mark.parametrize("twin", [ByCategory, FixedSize, AllRows])
def test_a_broken_sampler_is_caught(twin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poisson, "PoissonUnits", twin)
    assert step.sampler_check(UNITS, 0.05, 1).outcome == "fail"


def test_a_generator_without_gradients_has_no_step_to_audit() -> None:
    fit = job(1.0, {**QUICK, "gradient_share": 0})
    assert list(step.checks(fit, None)) == []  # type: ignore[arg-type]

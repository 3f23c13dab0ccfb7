from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from synthkit.artifacts import Codes, OneWayTables
from synthkit.errors import InputError
from synthkit.generate import dpctgan, session
from synthkit.generate.layout import Layout
from synthkit.privacy.event import NoisyGradients, NoisyTables
from tests.generate.conftest import linked_codes, measured

PLAN = dpctgan.plan(
    epsilon=1.0,
    delta=1e-6,
    n_tables=4,
    options={"critic_hidden": 8, "sample_rate": 0.1, "gradient_share": 0.1},
)
EVENT = next(e for e in PLAN.events if isinstance(e, NoisyGradients))


def _part(codes: Codes, tables: OneWayTables) -> tuple[Any, Any]:
    layout = Layout(codes.sizes, torch.device("cpu"))
    source = torch.Generator().manual_seed(0)
    return session._private_part(codes, tables, PLAN, EVENT, layout, source)


def test_rate_noise_and_divisor_come_from_public_and_noisy_numbers_alone() -> None:
    codes, other = linked_codes(50), linked_codes(51, seed=5)
    tables = dataclasses.replace(measured(codes, PLAN.table_sigma), units=317.0)
    for rows in (codes, other):  # one row more, other rows; the noisy tables are the same
        critic, _ = _part(rows, tables)
        assert critic.optimizer.expected_batch_size == pytest.approx(0.1 * 317.0)
        assert critic.optimizer.noise_multiplier == EVENT.noise_multiplier
        assert critic.optimizer.max_grad_norm == PLAN.options["max_grad_norm"]


def test_rows_of_a_step_are_one_hot_rows_of_the_units_that_entered() -> None:
    codes = linked_codes(50, rows_per_unit=3)
    _, rows = _part(codes, measured(codes, PLAN.table_sigma))
    sizes = [len(rows()) for _ in range(50)]
    assert len(set(sizes)) > 1, "the size of a Poisson batch is random"
    assert max(sizes) < 50
    batch = rows()
    assert batch.shape[1] == sum(codes.sizes)
    np.testing.assert_array_equal(batch.sum(1), np.full(len(batch), 4.0))


def test_rows_of_a_unit_share_its_part_of_the_clip_and_the_noise_stays() -> None:
    # Up to 4 rows, each clipped to C / 4: together at most C, under noise of std nm C.
    plan = dpctgan.plan(
        epsilon=1.0,
        delta=1e-6,
        n_tables=4,
        options={
            "critic_hidden": 8,
            "sample_rate": 0.1,
            "max_grad_norm": 2.0,
            "gradient_share": 0.1,
        },
        rows_per_unit=4,
    )
    event = next(e for e in plan.events if isinstance(e, NoisyGradients))
    codes = linked_codes(50, rows_per_unit=9)
    tables = dataclasses.replace(measured(codes, plan.one_way_sigma), units=317.0)
    layout = Layout(codes.sizes, torch.device("cpu"))
    critic, rows = session._private_part(
        codes, tables, plan, event, layout, torch.Generator().manual_seed(0)
    )
    assert critic._max_grad_norm == pytest.approx(0.5)
    std = critic.optimizer.noise_multiplier * critic.optimizer.max_grad_norm
    assert std == pytest.approx(event.noise_multiplier * 2.0)
    assert all(len(rows()) % 4 == 0 for _ in range(20))


@pytest.mark.parametrize("rows_per_unit", [1, 4])
def test_a_plan_charges_a_set_of_tables_for_each_row_of_a_unit(rows_per_unit: int) -> None:
    plan = dpctgan.plan(
        epsilon=1.0, delta=1e-6, n_tables=4, options={}, rows_per_unit=rows_per_unit
    )
    tables = [e.tables for e in plan.events if isinstance(e, NoisyTables)]
    assert tables == [4 * rows_per_unit, 6 * rows_per_unit]
    assert plan.rows_per_unit == rows_per_unit


def test_one_way_tables_under_the_noise_of_one_set_are_refused_for_a_plan_of_several() -> None:
    plan = dpctgan.plan(epsilon=1.0, delta=1e-6, n_tables=4, options={}, rows_per_unit=4)
    codes = linked_codes(50, rows_per_unit=9)
    with pytest.raises(InputError, match="noise of the plan"):
        dpctgan.fit(codes, measured(codes, plan.table_sigma), plan, seed=0)

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from synthkit.artifacts import OneWayTables
from synthkit.generate import independent, storage
from synthkit.privacy.accountant import cost

from .conftest import linked_codes, measured


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("n_tables", [1, 40])
def test_the_plan_spends_the_budget_and_no_more(epsilon: float, n_tables: int) -> None:
    plan = independent.plan(epsilon=epsilon, delta=1e-6, n_tables=n_tables, options={})
    assert 0.95 * epsilon <= cost(plan.events, delta=1e-6).epsilon <= epsilon
    assert plan.table_sigma == plan.events[0].sigma


def test_columns_follow_their_tables() -> None:
    # Chi-square per column, alpha 1e-6 over four columns.
    codes = linked_codes(500)
    tables = measured(codes, 3.0)
    plan = independent.plan(epsilon=1.0, delta=1e-6, n_tables=4, options={})
    values = independent.fit(codes, tables, plan, seed=0).sample(20_000, np.random.default_rng(0))
    for column, counts in enumerate(tables.counts):
        met = np.bincount(values[:, column], minlength=len(counts))
        expected = counts / counts.sum() * 20_000
        assert not met[expected == 0].any()
        assert stats.chisquare(met[expected > 0], expected[expected > 0]).pvalue > 1e-6 / 4


def test_real_rows_are_not_looked_at() -> None:
    one, other = linked_codes(500), linked_codes(500, seed=9)
    tables = measured(one, 3.0)
    plan = independent.plan(epsilon=1.0, delta=1e-6, n_tables=4, options={})
    arrays = [independent.fit(c, tables, plan, seed=0).arrays() for c in (one, other)]
    np.testing.assert_array_equal(arrays[0]["probabilities"], arrays[1]["probabilities"])


def test_wide_columns_come_as_uint16() -> None:
    codes = linked_codes(500)
    tables = OneWayTables(counts=(np.ones(1000),) * 4, units=500.0, sigma=1.0)
    plan = independent.plan(epsilon=1.0, delta=1e-6, n_tables=4, options={})
    values = independent.fit(codes, tables, plan, seed=0).sample(5000, np.random.default_rng(0))
    assert values.dtype == np.uint16
    assert values.max() > 255


def test_a_saved_model_draws_the_same(tmp_path) -> None:  # type: ignore[no-untyped-def]
    codes = linked_codes(50)
    plan = independent.plan(epsilon=1.0, delta=1e-6, n_tables=4, options={})
    model = independent.fit(codes, measured(codes, plan.table_sigma), plan, seed=0)
    storage.save(tmp_path / "m", model.arrays(), model.description())
    again = independent.load(*storage.load(tmp_path / "m"))
    drawn = [m.sample(99, np.random.default_rng(5)) for m in (model, again)]
    np.testing.assert_array_equal(*drawn)

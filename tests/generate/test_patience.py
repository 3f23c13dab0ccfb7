"""How many steps are taken: by noise and units, never by more rows than are enough."""

from __future__ import annotations

import itertools

import pytest

from synthkit.generate import dpctgan, dpgan, patience
from synthkit.generate.patience import automatic_steps
from tests.generate.conftest import linked_codes, measured


@pytest.mark.parametrize(
    ("sigma", "units", "steps"),
    [
        (46.7, 32_561, 500),  # Adult at epsilon 1
        (17.1, 32_561, 1050),  # at 3
        (6.0, 32_561, 2000),  # at 10
        (89.2, 32_561, 500),  # at 0.5
        (77.9, 24_002, 450),  # credit_default at 1
        (10.0, 24_002, 1450),  # at 10
        (157.6, 7_300, 150),  # support2 at 1
        (300.6, 7_300, 150),  # at 0.5
        (143.7, 395_142, 500),  # kddcup99_10pct at 1: all of its units count here
        (158.7, 57_140, 450),
        (0.0, 30_000, 500),  # no joint tables
        (1e-9, 30_000, 2000),
        (5.0, -40.0, 150),  # a noisy number of units may lie below zero
    ],
)
def test_steps_follow_the_noise_on_a_cell_relative_to_the_units(sigma, units, steps):
    assert automatic_steps(sigma, units) == steps


def test_less_noise_never_takes_fewer_steps():
    found = [automatic_steps(10.0**-k, 20_000) for k in range(-4, 4)]
    assert all(a <= b for a, b in itertools.pairwise(found))
    assert (found[0], found[-1]) == (150, 2000)


def test_ten_million_rows_take_no_more_steps_than_thirty_thousand():
    for sigma in (1.0, 20.0, 46.7, 75.0):
        assert automatic_steps(sigma, 10_000_000) == automatic_steps(sigma, 30_000)


def test_where_noise_is_large_more_rows_take_no_more_than_the_usual_steps():
    for sigma in (100.0, 500.0, 1e4):
        found = [automatic_steps(sigma, 10.0**k) for k in range(8)]
        assert all(a <= b for a, b in itertools.pairwise(found))
        assert (found[0], found[-1]) == (150, 500)


@pytest.mark.parametrize(("asked", "taken"), [(-1, 7), (3, 3), (0, 0)])
def test_a_fit_takes_the_automatic_steps_unless_a_number_is_given(monkeypatch, asked, taken):
    asked_for = []

    def seven(sigma, units):
        asked_for.append((sigma, units))
        return 7

    monkeypatch.setattr("synthkit.generate.patience.automatic_steps", seven)
    codes = linked_codes(200)
    small = {"hidden": 8, "bank": 8, "latent": 4, "gradient_share": 0, "match_steps": asked}
    plan = dpctgan.plan(epsilon=5.0, delta=1e-6, n_tables=len(codes.sizes), options=small)
    one_way = measured(codes, plan.table_sigma)
    seen = []
    dpctgan.fit(codes, one_way, plan, seed=0, progress=lambda e: seen.append(e.steps))
    assert set(seen) <= {taken}
    joint = plan.events[1].sigma
    assert asked_for == ([(joint, one_way.units)] if asked == -1 else [])


def test_the_plan_says_how_many_before_it_knows():
    said = dpctgan.plan(epsilon=1.0, delta=1e-6, n_tables=4, options={}).recipe
    assert "in 150 to 2,000 steps (more for less noise)" in said
    said = dpctgan.plan(epsilon=1.0, delta=1e-6, n_tables=4, options={"match_steps": 250}).recipe
    assert "in 250 steps" in said
    assert patience.AUTOMATIC == -1
    assert next(o for o in dpgan.OPTIONS if o.name == "match_steps").default == 200

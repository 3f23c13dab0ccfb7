"""What information costs: by the noise, the units and the columns, and never by anything else."""

from __future__ import annotations

import itertools

import pytest

from synthkit.errors import InputError
from synthkit.generate import dpctgan, price, session
from synthkit.generate.price import automatic_weight
from synthkit.generate.table_budget import automatic_share
from tests.generate.conftest import SMALL, linked_codes, measured


@pytest.mark.parametrize(
    ("sigma", "units", "n_columns", "weight"),
    [
        (46.7, 32_561, 15, 800),  # Adult at epsilon 1
        (89.2, 32_561, 15, 756),  # at 0.5
        (77.9, 24_002, 24, 800),  # credit_default at 1
        (157.6, 7_300, 47, 200),  # support2 at 1: the least for so many columns
        (60.0, 7_300, 47, 446),  # at 3
        (15.6, 916, 5, 70),  # synthea at 1
        (0.0, 30_000, 15, 800),  # no joint tables
        (1e-9, 30_000, 15, 800),
        (5.0, -40.0, 14, 59.5),  # a noisy number of units may lie below zero
        (1e6, 100, 500, 800),
    ],
)
def test_the_weight_falls_where_noise_is_large(sigma, units, n_columns, weight):
    assert automatic_weight(sigma, units, n_columns) == pytest.approx(weight, rel=0.01)


def test_more_noise_never_costs_more_weight_and_more_columns_never_less():
    by_noise = [automatic_weight(2.0**k, 5_000, 10) for k in range(-3, 14)]
    assert all(a >= b for a, b in itertools.pairwise(by_noise))
    assert by_noise[0] == price.USUAL_WEIGHT
    assert by_noise[-1] == price.LEAST_PER_COLUMN * 10
    by_columns = [automatic_weight(60.0, 5_000, k) for k in range(2, 300)]
    assert all(a <= b for a, b in itertools.pairwise(by_columns))


@pytest.mark.parametrize(("asked", "taken"), [(-1.0, 7.0), (3.0, 3.0), (0.0, 0.0)])
def test_a_fit_takes_the_automatic_weight_unless_a_number_is_given(monkeypatch, asked, taken):
    seen = []

    class Watched(session.Trainer):
        def __post_init__(self) -> None:
            seen.append(self.options["information_weight"])
            super().__post_init__()

    monkeypatch.setattr(session, "Trainer", Watched)
    monkeypatch.setattr(price, "automatic_weight", lambda sigma, units, n_columns: 7.0)
    codes = linked_codes(60)
    options = {**SMALL, "information_weight": asked, "gradient_share": 0, "match_steps": 1}
    plan = dpctgan.plan(epsilon=1.0, delta=1e-6, n_tables=4, options=options)
    dpctgan.fit(codes, measured(codes, plan.table_sigma), plan, seed=0, device="cpu")
    assert seen == [taken]


def test_a_weight_between_minus_one_and_zero_means_nothing():
    with pytest.raises(InputError) as caught:
        dpctgan.plan(epsilon=1.0, delta=1e-6, n_tables=4, options={"information_weight": -0.5})
    assert "at least 0 and at most 1,000,000,000, or -1" in caught.value.message


@pytest.mark.parametrize(
    ("n_pairs", "n_columns", "share"),
    [(1, 2, 0.6), (3, 3, 0.6), (10, 5, 0.6), (28, 8, 0.7), (91, 15, 0.8), (1081, 47, 0.8)],
)
def test_few_columns_leave_more_for_their_own_tables(n_pairs, n_columns, share):
    assert automatic_share(n_pairs, n_columns) == pytest.approx(share, abs=0.002)


def test_the_plan_says_the_share_it_chose_and_keeps_one_that_is_given():
    def shared(n_tables: int, **options: float) -> tuple[float, float]:
        plan = dpctgan.plan(epsilon=1.0, delta=1e-6, n_tables=n_tables, options=options)
        one, two = plan.events[:2]
        mu = [e.tables / e.sigma**2 for e in (one, two)]
        return plan.options["two_way_share"], mu[1] / sum(mu)

    assert shared(5) == pytest.approx((0.6, 0.6))
    assert shared(30) == pytest.approx((0.8, 0.8))
    assert shared(5, two_way_share=0.3) == pytest.approx((0.3, 0.3))
    # A discriminator takes its share, and one-way tables keep a tenth of the rest.
    assert shared(30, gradient_share=0.1)[0] == 0.8
    assert shared(30, gradient_share=0.5)[0] == pytest.approx(0.45)
    alone = dpctgan.plan(epsilon=1.0, delta=1e-6, n_tables=1, options={})
    assert (len(alone.events), alone.options["two_way_share"]) == (1, 0.0)

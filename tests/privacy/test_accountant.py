"""Prices: known values, laws of composition, slow truth, and calibration that never overspends."""

from __future__ import annotations

import dataclasses
import itertools
import math
import time

import numpy as np
import pytest
from scipy import integrate, stats

from synthkit.errors import ConvergenceError, InputError
from synthkit.privacy import accountant, loss
from synthkit.privacy.event import Event, NoisyGradients, NoisyTables, UncoveredLook
from synthkit.privacy.gaussian import gaussian_delta, gaussian_mu

DELTA = 1e-6
ONE_WAY = NoisyTables(name="one-way", sigma=60.0, tables=15)
TWO_WAY = NoisyTables(name="two-way", sigma=120.0, tables=40)
GRADIENTS = NoisyGradients(name="d", noise_multiplier=3.0, sample_rate=0.0512, steps=1000)
LOOK = UncoveredLook(name="peek", reason="bounds read from the data", in_release=True)


def epsilon_of(*events: Event, delta: float = DELTA) -> float:
    return accountant.cost(events, delta=delta).epsilon


# Known values (two independent accountants, agreed to 0.2 %).


def test_the_reference_plan_costs_what_it_is_known_to_cost() -> None:
    assert epsilon_of(ONE_WAY, TWO_WAY, GRADIENTS) == pytest.approx(2.613, abs=0.003)
    assert epsilon_of(GRADIENTS) == pytest.approx(2.583, abs=0.003)


def test_rounding_does_not_pile_up_over_many_tables() -> None:
    many = NoisyTables(name="all pairs", sigma=45.0, tables=105)
    assert epsilon_of(many) == pytest.approx(0.9591, rel=1e-3)  # 1.011 on a grid of 1e-3


@pytest.mark.parametrize("delta", [1e-2, 1e-4, 1e-6, 1e-9, 1e-12])
def test_many_tables_cost_what_one_gaussian_of_their_mu_costs(delta: float) -> None:
    cost = accountant.cost([ONE_WAY, TWO_WAY], delta=delta)
    exact = math.sqrt(15 / 60**2 + 40 / 120**2)
    assert exact <= cost.mu <= 1.02 * exact
    assert 1 / accountant.gaussian_sigma(cost.epsilon, delta) == pytest.approx(exact, rel=1e-3)


# Slow truth.


def exact_delta_of_tables(sigma: float, tables: int, epsilon: float) -> float:
    """Hockey-stick divergence of `tables` discrete Gaussians, by exact sums over all outcomes.

    The losses of one table lie on the lattice (2x - 1) / (2 sigma^2), so that the sum over tables
    is a plain convolution of probabilities.
    """
    reach = math.ceil(14 * sigma)
    x = np.arange(-reach, reach + 1)
    one = np.exp(-(x**2) / (2 * sigma**2))
    one /= one.sum()
    total = np.ones(1)
    for _ in range(tables):
        total = np.convolve(total, one)
    sums = np.arange(total.size) - tables * reach
    losses = (2 * sums - tables) / (2 * sigma**2)
    # Outcomes drawn under the data set with the unit: noise sums shift by `tables`.
    kept = np.clip(-np.expm1(epsilon - losses), 0.0, None)
    shifted = np.exp(losses) * total
    return float(np.sum(np.where(losses > epsilon, shifted * kept, 0.0)))


@pytest.mark.parametrize(("sigma", "tables"), [(1.0, 1), (1.5, 3), (0.7, 2), (4.0, 6)])
@pytest.mark.parametrize("delta", [1e-3, 1e-6])
def test_tables_agree_with_exact_sums(sigma: float, tables: int, delta: float) -> None:
    found = epsilon_of(NoisyTables(name="t", sigma=sigma, tables=tables), delta=delta)
    assert exact_delta_of_tables(sigma, tables, found) <= delta * (1 + 1e-6)
    assert exact_delta_of_tables(sigma, tables, found * (1 - 2e-3)) > delta


def exact_delta_of_one_step(noise: float, rate: float, epsilon: float) -> float:
    """Worse direction of one Poisson-subsampled Gaussian, by numerical integration."""
    points = np.linspace(-12 * noise, 1 + 12 * noise, 40_001)
    without = stats.norm.pdf(points, 0, noise)
    with_unit = (1 - rate) * without + rate * stats.norm.pdf(points, 1, noise)

    def divergence(p: np.ndarray, q: np.ndarray) -> float:
        return float(integrate.simpson(np.clip(p - math.exp(epsilon) * q, 0, None), x=points))

    return max(divergence(with_unit, without), divergence(without, with_unit))


@pytest.mark.parametrize(("noise", "rate", "delta"), [(1.0, 0.1, 1e-3), (0.8, 0.5, 1e-2)])
def test_one_subsampled_step_agrees_with_integration(
    noise: float, rate: float, delta: float
) -> None:
    event = NoisyGradients(name="g", noise_multiplier=noise, sample_rate=rate, steps=1)
    found = epsilon_of(event, delta=delta)
    assert exact_delta_of_one_step(noise, rate, found) <= delta * (1 + 1e-3)
    assert exact_delta_of_one_step(noise, rate, found * 0.99) > delta


def test_adding_and_removing_a_unit_are_both_priced() -> None:
    group = loss.merged([dataclasses.replace(GRADIENTS, steps=10)])[0]
    both = loss._pld(group, 2.0**-12)
    one_way = [p.get_epsilon_for_delta(DELTA) for p in (both._pmf_remove, both._pmf_add)]
    assert both.get_epsilon_for_delta(DELTA) == max(one_way)
    assert min(one_way) < 0.9 * max(one_way)  # an accountant of one direction would be caught


# Laws.


@pytest.mark.parametrize("times", [2, 7])
def test_n_uses_of_an_event_cost_what_one_event_of_n_uses_costs(times: int) -> None:
    tables = dataclasses.replace(ONE_WAY, tables=15 * times)
    gradients = dataclasses.replace(GRADIENTS, steps=1000 * times)
    assert epsilon_of(*[ONE_WAY] * times) == epsilon_of(tables)
    assert epsilon_of(*[GRADIENTS] * times) == epsilon_of(gradients)


def test_unmerged_composition_agrees_with_merged() -> None:
    near = [dataclasses.replace(ONE_WAY, sigma=60.0 + k * 1e-9) for k in range(4)]
    assert len(loss.merged(near)) == 4
    merged = epsilon_of(dataclasses.replace(ONE_WAY, tables=60))
    assert epsilon_of(*near) == pytest.approx(merged, rel=1e-4)


def test_the_order_of_events_does_not_matter() -> None:
    events = [GRADIENTS, TWO_WAY, LOOK, ONE_WAY]
    assert (
        epsilon_of(*events)
        == epsilon_of(*reversed(events))
        == epsilon_of(*sorted(events, key=lambda e: e.name))
    )


def test_more_noise_never_costs_more() -> None:
    tables = [epsilon_of(dataclasses.replace(TWO_WAY, sigma=s)) for s in (0.5, 1, 3, 30, 300, 3e4)]
    gradients = [
        epsilon_of(dataclasses.replace(GRADIENTS, noise_multiplier=s)) for s in (0.5, 1, 3, 10, 100)
    ]
    rates = [epsilon_of(dataclasses.replace(GRADIENTS, sample_rate=q)) for q in (0.2, 0.05, 0.01)]
    for prices in (tables, gradients, rates):
        assert all(a > b > 0 for a, b in itertools.pairwise(prices))


def test_a_larger_delta_never_costs_more() -> None:
    prices = [epsilon_of(ONE_WAY, GRADIENTS, delta=d) for d in (1e-9, 1e-6, 1e-3, 0.1)]
    assert prices == sorted(prices, reverse=True)


def test_together_costs_less_than_apart_and_more_than_the_dearest() -> None:
    parts = [epsilon_of(e) for e in (ONE_WAY, TWO_WAY, GRADIENTS)]
    assert max(parts) < epsilon_of(ONE_WAY, TWO_WAY, GRADIENTS) < sum(parts)


def test_nothing_and_uncovered_looks_cost_nothing() -> None:
    assert accountant.cost([], delta=DELTA).epsilon == 0.0
    assert accountant.cost([LOOK], delta=DELTA).epsilon == 0.0
    assert epsilon_of(ONE_WAY, LOOK) == epsilon_of(ONE_WAY)


@pytest.mark.parametrize(
    "events",
    [[GRADIENTS], [ONE_WAY, TWO_WAY, GRADIENTS], [ONE_WAY, TWO_WAY]],
    ids=["gradients", "both", "tables"],
)
def test_mu_bounds_the_price_at_every_delta_and_not_by_much(events) -> None:
    mu = accountant.cost(events, delta=DELTA).mu
    assert mu is not None
    ratios = []
    for delta in (1e-9, 1e-7, 1e-5, 1e-3, 1e-2):
        epsilon = accountant.cost(events, delta=delta).epsilon
        assert gaussian_delta(epsilon, mu) >= delta * (1 - 1e-6)
        ratios.append(gaussian_mu(epsilon, delta) / mu)
    assert max(ratios) > 0.9


def test_the_mu_of_one_epsilon_and_delta_is_no_bound_and_would_be_caught() -> None:
    """Planted fault: a subsampled Gaussian is not Gaussian, so one point does not speak for all."""
    few = NoisyGradients(name="g", noise_multiplier=0.6, sample_rate=0.01, steps=20)
    at_one_point = accountant.cost([few], delta=1e-2)
    naive = gaussian_mu(max(at_one_point.epsilon, 1e-3), 1e-2)
    tail = accountant.cost([few], delta=1e-8)
    assert gaussian_delta(tail.epsilon, naive) < 1e-8
    assert at_one_point.mu > naive


# Other accountants.


def test_renyi_is_above_and_prv_within_one_percent() -> None:
    events = [ONE_WAY, TWO_WAY, GRADIENTS]
    found = accountant.cross_check(events, delta=DELTA)
    ours = epsilon_of(*events)
    assert found["opacus_rdp"] >= ours
    assert found["opacus_rdp"] == pytest.approx(2.811, abs=0.003)
    assert found["opacus_prv"] == pytest.approx(ours, rel=0.01)


def test_cross_check_of_nothing_is_zero() -> None:
    assert set(accountant.cross_check([LOOK], delta=DELTA).values()) == {0.0}


# Calibration.


def plan_of(scale: float) -> list[Event]:
    return [
        NoisyTables(name="t", sigma=20 * scale, tables=15),
        NoisyGradients(name="g", noise_multiplier=scale, sample_rate=0.05, steps=1000),
        LOOK,
    ]


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0, 10.0])
def test_a_calibrated_plan_spends_the_budget_and_never_more(epsilon: float) -> None:
    scale = accountant.calibrate(plan_of, epsilon=epsilon, delta=DELTA)
    assert 0.999 * epsilon <= epsilon_of(*plan_of(scale)) <= epsilon


def test_a_calibrated_plan_of_tables_is_close_to_the_gaussian() -> None:
    scale = accountant.calibrate(
        lambda s: [NoisyTables(name="t", sigma=s, tables=105)], epsilon=1.0, delta=DELTA
    )
    best = accountant.gaussian_sigma(1.0, DELTA) * math.sqrt(105)
    assert best * 0.9999 < scale < best * 1.002


def test_a_price_that_jumps_is_still_never_passed() -> None:
    def coarse(scale: float) -> list[Event]:
        return [NoisyTables(name="t", sigma=float(math.floor(scale)) + 1, tables=9)]

    scale = accountant.calibrate(coarse, epsilon=1.5, delta=DELTA)
    assert epsilon_of(*coarse(scale)) <= 1.5 < epsilon_of(*coarse(scale - 1))


def test_calibrating_a_thousand_steps_takes_less_than_three_seconds() -> None:
    loss._pld.cache_clear()
    start = time.process_time()
    accountant.calibrate(plan_of, epsilon=1.7, delta=DELTA)
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    "make_events",
    [
        lambda _: [ONE_WAY],
        lambda _: [LOOK],
        lambda _: [dataclasses.replace(ONE_WAY, sigma=0.02)],
        lambda s: [dataclasses.replace(ONE_WAY, sigma=1 / s)],
    ],
)
def test_a_plan_that_cannot_be_calibrated_is_an_error_and_not_a_hang(make_events: object) -> None:
    with pytest.raises((ConvergenceError, InputError)):
        accountant.calibrate(make_events, epsilon=1.0, delta=DELTA)  # type: ignore[arg-type]


def test_gaussian_sigma_satisfies_the_budget_and_is_the_smallest() -> None:
    for epsilon, delta in [(0.1, 1e-6), (1.0, 1e-6), (8.0, 1e-9)]:
        sigma = accountant.gaussian_sigma(epsilon, delta)

        def delta_of(std: float, epsilon: float = epsilon) -> float:
            upper = stats.norm.cdf(0.5 / std - epsilon * std)
            return float(upper - math.exp(epsilon) * stats.norm.cdf(-0.5 / std - epsilon * std))

        assert delta_of(sigma) <= delta < delta_of(sigma * 0.9999)


# Bad input.

BAD_NUMBERS = [0, -1, -1e-9, math.nan, math.inf, -math.inf, True, False, "1", None, [1.0]]


@pytest.mark.parametrize("epsilon", BAD_NUMBERS)
def test_a_bad_epsilon_is_refused_with_a_remedy(epsilon: object) -> None:
    for call in (
        lambda: accountant.gaussian_sigma(epsilon, DELTA),  # type: ignore[arg-type]
        lambda: accountant.calibrate(plan_of, epsilon=epsilon, delta=DELTA),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match="epsilon") as caught:
            call()
        assert caught.value.hint


@pytest.mark.parametrize("delta", [*BAD_NUMBERS, 1, 1.0, 2.0, 1e-13])
def test_a_bad_delta_is_refused_with_a_remedy(delta: object) -> None:
    for call in (
        lambda: accountant.cost([ONE_WAY], delta=delta),  # type: ignore[arg-type]
        lambda: accountant.calibrate(plan_of, epsilon=1.0, delta=delta),  # type: ignore[arg-type]
        lambda: accountant.cross_check([ONE_WAY], delta=delta),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match="delta") as caught:
            call()
        assert caught.value.hint


@pytest.mark.parametrize(
    "event",
    [
        dataclasses.replace(ONE_WAY, sigma=0.0),
        dataclasses.replace(ONE_WAY, sigma=math.nan),
        dataclasses.replace(ONE_WAY, sigma=1e7),
        dataclasses.replace(ONE_WAY, tables=0),
        dataclasses.replace(ONE_WAY, tables=1.5),  # type: ignore[arg-type]
        dataclasses.replace(GRADIENTS, noise_multiplier=-3.0),
        dataclasses.replace(GRADIENTS, sample_rate=0.0),
        dataclasses.replace(GRADIENTS, sample_rate=1.1),
        dataclasses.replace(GRADIENTS, steps=0),
        dataclasses.replace(GRADIENTS, steps=True),
        "one-way",
    ],
)
def test_an_event_out_of_range_is_refused(event: Event) -> None:
    with pytest.raises(InputError):
        epsilon_of(event)


def test_default_delta_follows_the_public_size() -> None:
    assert accountant.default_delta(None) == 1e-6
    assert accountant.default_delta(100) == 1e-6
    assert accountant.default_delta(10**7) == pytest.approx(10**-7.7)
    for bad in (0, -5, True, 3.5, "100"):
        with pytest.raises(InputError):
            accountant.default_delta(bad)  # type: ignore[arg-type]


def test_what_bounds_nothing_is_refused_and_never_searched_for() -> None:
    for number in (100.1, 1e9):
        with pytest.raises(InputError, match="bounds nothing"):
            accountant.check_epsilon(number)
    with pytest.raises(ConvergenceError, match="bounds nothing"):
        accountant.cost([NoisyTables(name="t", sigma=0.02, tables=3)], delta=1e-6)

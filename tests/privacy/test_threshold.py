"""Which keys are told: the chance that a lone key is, exactly; what the event costs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping

import numpy as np
import pytest

from synthkit.errors import BudgetExceeded, InputError
from synthkit.privacy import accountant, mechanism, threshold
from synthkit.privacy.event import NoisyGradients, NoisyTables, ThresholdedTables, UncoveredLook
from synthkit.privacy.ledger import Ledger

SIGMAS = (0.4, 1.0, 3.7, 53.7, 410.0)
DELTAS = (1e-2, 1e-7, 1e-8 / 37, 1e-13)


def exact_tail(sigma: float, at_least: int) -> float:
    """P[N >= at_least] of the discrete Gaussian by its mass function, summed without rounding."""
    reach = math.ceil(20 * sigma)
    mass = [math.exp(-(k**2) / (2 * sigma**2)) for k in range(reach + 1)]
    return math.fsum(mass[at_least:]) / (2 * math.fsum(mass[1:]) + 1)


def names(n: int, *, delta: float = 1e-7, sigma: float = 50.0) -> ThresholdedTables:
    return ThresholdedTables(name="names", sigma=sigma, tables=n, delta=delta)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("delta", DELTAS)
def test_a_lone_key_is_told_with_at_most_delta_and_a_threshold_one_lower_would_break_it(
    sigma, delta
):
    least = threshold.threshold(sigma, delta)
    assert exact_tail(sigma, least - 1) <= delta, "1 + noise >= threshold"
    if least > 2:
        assert exact_tail(sigma, least - 2) > delta * (1 - 1e-8), "the planted fault: one lower"


@pytest.mark.parametrize("sigma", SIGMAS)
def test_tails_are_those_of_the_mass_function_and_never_below(sigma):
    for at_least in (1, 2, round(sigma) + 1, round(5 * sigma) + 1):
        exact = exact_tail(sigma, at_least)
        assert exact <= threshold.tail(sigma, at_least) <= exact * (1 + 1e-8)


@pytest.mark.parametrize("chance", [0.0, 1e-26, 1.0, math.nan])
def test_a_chance_that_the_sum_does_not_reach_is_refused(chance):
    with pytest.raises(InputError):
        threshold.least_above(10.0, chance)


def test_only_keys_at_the_threshold_are_told_and_the_draw_is_the_release():
    with mechanism._recording() as tape:
        told = threshold.published_counts({"many": 9_000, "one": 1}, sigma=20.0, delta=1e-9)
    assert list(told) == ["many"]
    assert told["many"] == pytest.approx(9_000, abs=200)
    (draw,) = tape.draws
    assert draw.answer == told
    assert draw.asked["counts"] == {"many": 9_000, "one": 1}
    with mechanism._replaying(tape):
        again = threshold.published_counts({"other": 5}, sigma=20.0, delta=1e-9)
    assert again == told, "frozen, the release no longer depends on the counts"


def test_no_key_costs_no_draw_and_a_count_of_nobody_is_refused():
    assert threshold.published_counts({}, sigma=20.0, delta=1e-9) == {}
    with pytest.raises(InputError):
        threshold.published_counts({"ghost": 0}, sigma=20.0, delta=1e-9)


def test_a_thresholded_table_costs_what_the_same_tables_cost_at_the_delta_that_is_left():
    tables = [NoisyTables(name="tables", sigma=50.0, tables=5)]
    priced = accountant.cost([names(5)], delta=1e-6)
    assert priced.epsilon == accountant.cost(tables, delta=1e-6 - 1e-7).epsilon
    assert priced.epsilon > accountant.cost(tables, delta=1e-6).epsilon
    assert priced.mu == accountant.cost(tables, delta=1e-6).mu
    assert priced.mu_delta == pytest.approx(1e-7 + 1e-10)


def test_composing_n_times_is_n_times_the_event():
    six = accountant.cost([names(2, delta=1e-8)] * 6, delta=1e-6)
    one = accountant.cost([names(12, delta=6e-8)], delta=1e-6)
    assert six.epsilon == pytest.approx(one.epsilon, rel=1e-12)
    assert (six.mu, six.mu_delta) == (one.mu, pytest.approx(one.mu_delta))


def test_thresholds_that_eat_the_whole_delta_are_refused():
    with pytest.raises(InputError, match="leave nothing of delta"):
        accountant.cost([names(5, delta=1e-7)] * 10, delta=1e-6)


@pytest.mark.parametrize("delta", [0.0, 1.0, -1e-9, math.nan, True, "1e-7"])
def test_a_threshold_s_delta_out_of_range_is_refused(delta):
    with pytest.raises(InputError, match="out of range"):
        accountant.cost([names(5, delta=delta)], delta=1e-6)


def test_calibration_leaves_thresholds_and_fixed_tables_inside_the_target():
    before = (names(9, sigma=73.5), NoisyTables(name="bounds", sigma=73.5, tables=6))

    def events(sigma):
        return (*before, NoisyTables(name="tables", sigma=sigma, tables=15))

    sigma = accountant.calibrate(events, epsilon=1.0, delta=1e-6)
    assert 0.99 < accountant.cost(events(sigma), delta=1e-6).epsilon <= 1.0
    alone = accountant.calibrate(lambda s: events(s)[2:], epsilon=1.0, delta=1e-6)
    assert sigma > alone, "what is bought before leaves less"


def test_other_accountants_price_the_event_too():
    checked = accountant.cross_check([names(5)], delta=1e-6)
    epsilon = accountant.cost([names(5)], delta=1e-6).epsilon
    assert checked["opacus_rdp"] > epsilon
    assert checked["opacus_prv"] == pytest.approx(epsilon, abs=0.02)


def test_rho_is_stated_for_plain_tables_and_refused_with_a_reason_elsewhere():
    tables = NoisyTables(name="tables", sigma=10.0, tables=8)
    look = UncoveredLook(name="peek", reason="none", in_release=False)
    plain = accountant.cost([tables, tables, look], delta=1e-6)
    assert (plain.rho, plain.rho_note) == (pytest.approx(16 / 200), "")
    # Bun and Steinke 2016, proposition 1.3: rho-zCDP gives this epsilon, above the exact one.
    assert plain.rho + 2 * math.sqrt(plain.rho * math.log(1e6)) > plain.epsilon
    gradients = NoisyGradients(name="steps", noise_multiplier=1.0, sample_rate=0.01, steps=10)
    for other, word in ((gradients, "Poisson"), (names(1), "threshold")):
        cost = accountant.cost([tables, other], delta=1e-6)
        assert cost.rho is None
        assert word in cost.rho_note
    assert accountant.cost([], delta=1e-6).rho is None


def test_the_ledger_keeps_the_event_and_prices_it_again():
    ledger = Ledger()
    events = [names(3), NoisyTables(name="tables", sigma=40.0, tables=3)]
    ledger.settle(ledger.reserve("people", "person", events, delta=1e-6))
    ledger.verify_chain()
    kept = Ledger().history("people")[0].events
    assert [e["kind"] for e in kept] == ["thresholded_tables", "noisy_tables"]
    assert kept[0] == {
        "kind": "thresholded_tables", "name": "names", "sigma": 50.0, "tables": 3, "delta": 1e-7,
    }  # fmt: skip
    spent = Ledger().spent("people")
    assert spent.delta == pytest.approx(1.1e-6), "thresholds come on top"
    assert spent.epsilon == accountant.cost(events, delta=1.1e-6).epsilon


def test_a_population_can_be_released_more_often_than_its_delta_has_tenths():
    ledger = Ledger()
    for _ in range(12):
        ledger.reserve("people", "person", [names(3, sigma=400.0)], delta=1e-6)
    assert ledger.spent("people").delta == pytest.approx(1e-6 + 12e-7)


def test_thresholds_have_a_lifetime_cap_of_their_own():
    ledger = Ledger()
    ledger.reserve("people", "person", [names(3, delta=9e-6)], delta=1e-4)
    with pytest.raises(BudgetExceeded, match="thresholds"):
        ledger.reserve("people", "person", [names(3, delta=2e-6)], delta=1e-4)
    assert [e.action for e in ledger.history("people")] == ["reserved", "refused"]
    ledger.reserve("people", "person", [NoisyTables(name="t", sigma=90.0, tables=1)], delta=1e-6)


@pytest.mark.parametrize(("sigma", "delta"), [(3.0, 1e-2)])
def test_in_draws_a_lone_key_is_told_as_rarely_as_the_mass_function_says(sigma, delta):
    # 40,000 lone keys; expected share p <= 1 %, tested at alpha 1e-6: 4.9 standard errors.
    n = 40_000
    p = exact_tail(sigma, threshold.threshold(sigma, delta) - 1)
    told = threshold.published_counts(dict.fromkeys(range(n), 1), sigma=sigma, delta=delta)
    assert abs(len(told) / n - p) <= 4.9 * math.sqrt(p * (1 - p) / n)
    assert np.all(np.array(list(told.values())) >= threshold.threshold(sigma, delta))


def test_an_account_with_a_tiny_delta_still_takes_jobs_with_thresholds():
    # The thresholds of the new job are far above the account's delta: they come on top of it, and
    # must not be looked for inside it.
    ledger = Ledger()
    ledger.reserve("people", "person", [NoisyTables(name="t", sigma=300.0, tables=1)], delta=1e-11)
    ledger.reserve("people", "person", [names(3, sigma=400.0)], delta=1e-6)
    spent = ledger.spent("people")
    assert spent.delta == pytest.approx(1e-7 + 1e-11)
    assert 0 < spent.epsilon < 1


# --- keys of fewer than `fewest` units -----------------------------------------------------------

FEWEST = 12
Publish = Callable[..., dict[Hashable, int]]


def forgets_to_drop(counts: Mapping[Hashable, int], **settings) -> dict[Hashable, int]:
    """Planted fault: keys below `fewest` get noise like all others."""
    return threshold.published_counts(counts, **{**settings, "fewest": 1})


def drops_one_more(counts: Mapping[Hashable, int], **settings) -> dict[Hashable, int]:
    """Planted fault: the key at `fewest` is dropped too, under the threshold of one that is not."""
    kept = {k: n for k, n in counts.items() if n > settings["fewest"]}
    return threshold.published_counts(kept, **settings)


@pytest.fixture
def enormous_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise that lifts every count that gets any over every threshold."""
    monkeypatch.setattr(mechanism, "_discrete_gaussian", lambda exact, sigma: exact + 10**9)


def told_below(publish: Publish, sigma: float) -> list[Hashable]:
    """Keys told of counts 1 .. FEWEST + 3, named by their counts, that are below FEWEST."""
    counts = {n: n for n in range(1, FEWEST + 4)}
    told = publish(counts, sigma=sigma, delta=0.5, fewest=FEWEST)
    assert set(told) >= set(range(FEWEST, FEWEST + 4)), "all others are told"
    return [k for k in told if k < FEWEST]


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.usefixtures("enormous_noise")
def test_a_key_of_fewer_units_is_never_told_whatever_the_noise(sigma):
    assert told_below(threshold.published_counts, sigma) == []
    assert len(told_below(forgets_to_drop, sigma)) == FEWEST - 1, "the planted fault tells them"


def test_keys_of_fewer_units_cost_no_noise_at_all(monkeypatch):
    noised = []

    def watching(exact, sigma):
        noised.append(exact.tolist())
        return exact

    monkeypatch.setattr(mechanism, "_discrete_gaussian", watching)
    assert threshold.published_counts({"a": 3, "b": 4}, sigma=9.0, delta=1e-6, fewest=5) == {}
    threshold.published_counts({"a": 3, "b": 4, "c": 5}, sigma=9.0, delta=1e-6, fewest=4)
    assert noised == [[4, 5]]


@pytest.mark.parametrize("fewest", [0, -3])
def test_fewest_below_one_is_refused(fewest):
    with pytest.raises(InputError, match="fewest"):
        threshold.published_counts({"a": 3}, sigma=9.0, delta=1e-6, fewest=fewest)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("fewest", [1, 2, 12, 900])
def test_the_threshold_rises_by_as_many_units_as_a_key_must_have_more(sigma, delta, fewest):
    least = threshold.threshold(sigma, delta, fewest)
    assert least == threshold.threshold(sigma, delta) + fewest - 1
    assert exact_tail(sigma, least - fewest) <= delta, "fewest + noise >= threshold"
    if least - fewest > 1:
        assert exact_tail(sigma, least - 1 - fewest) > delta * (1 - 1e-8), "the planted fault"
    with mechanism._recording() as tape:
        threshold.published_counts({"a": 1}, sigma=sigma, delta=delta, fewest=fewest)
    assert tape.draws[0].asked["threshold"] == least, "and it is the one that is used"


def releases(publish: Publish, count: int, *, sigma: float, delta: float) -> dict[object, float]:
    """Probability of everything that can be told of a key: run once for each size of the noise."""
    reach = math.ceil(12 * sigma)
    mass = {v: math.exp(-(v**2) / (2 * sigma**2)) for v in range(-reach, reach + 1)}
    total = math.fsum(mass.values())
    found: dict[object, float] = defaultdict(float)
    with pytest.MonkeyPatch.context() as patch:
        for noise, weight in mass.items():
            patch.setattr(mechanism, "_discrete_gaussian", lambda exact, _, v=noise: exact + v)
            told = publish({"key": count}, sigma=sigma, delta=delta, fewest=FEWEST)
            found[told.get("key")] += weight / total
    return found


def hockey_stick(
    one: Mapping[object, float], other: Mapping[object, float], epsilon: float
) -> float:
    """The smallest delta with which two releases are (epsilon, delta)-close, both ways."""
    return max(
        math.fsum(max(p - math.exp(epsilon) * b.get(k, 0.0), 0.0) for k, p in a.items())
        for a, b in ((one, other), (other, one))
    )


def noisy(count: int, sigma: float) -> dict[object, float]:
    """A count that is always told, under discrete Gaussian noise."""
    reach = math.ceil(12 * sigma)
    mass = {count + v: math.exp(-(v**2) / (2 * sigma**2)) for v in range(-reach, reach + 1)}
    total = math.fsum(mass.values())
    return {k: m / total for k, m in mass.items()}


EPSILONS = (0.0, 0.1, 0.5, 1.0, 3.0, 8.0)


def breaks(publish: Publish, sigma: float, delta: float) -> list[tuple[int, float]]:
    """Counts (with one unit more) and epsilons at which more is told than is charged.

    Charged: a key that becomes tellable costs `delta` at any epsilon; any other costs what a count
    under this noise costs.
    """
    found = []
    counts = range(FEWEST - 2, FEWEST + 4)
    tellable = [releases(publish, c, sigma=sigma, delta=delta) for c in (*counts, FEWEST + 4)]
    for i, count in enumerate(counts):
        for epsilon in EPSILONS:
            gaussian = hockey_stick(noisy(5, sigma), noisy(6, sigma), epsilon)
            allowed = delta if count < FEWEST else gaussian
            if hockey_stick(tellable[i], tellable[i + 1], epsilon) > allowed * (1 + 1e-9) + 1e-15:
                found.append((count, epsilon))
    return found


SMALL = [(1.0, 1e-4), (3.0, 1e-7), (3.0, 0.05)]


@pytest.mark.parametrize(("sigma", "delta"), SMALL)
def test_one_unit_more_costs_delta_at_fewest_and_the_gaussian_s_price_above(sigma, delta):
    assert breaks(threshold.published_counts, sigma, delta) == []
    at = [
        releases(threshold.published_counts, c, sigma=sigma, delta=delta)
        for c in (FEWEST - 2, FEWEST - 1, FEWEST)
    ]
    assert hockey_stick(at[0], at[1], 0.0) == 0.0, "below, nothing is ever told of either"
    chance = exact_tail(sigma, threshold.threshold(sigma, delta) - 1)
    for epsilon in EPSILONS:
        assert hockey_stick(at[1], at[2], epsilon) == pytest.approx(chance, rel=1e-9)


@pytest.mark.parametrize(("sigma", "delta"), SMALL)
def test_far_above_the_threshold_one_unit_more_costs_exactly_the_gaussian_s_price(sigma, delta):
    far = threshold.threshold(sigma, delta, FEWEST) + math.ceil(12 * sigma)
    one, two = (
        releases(threshold.published_counts, c, sigma=sigma, delta=delta) for c in (far, far + 1)
    )
    for epsilon in EPSILONS:
        gaussian = hockey_stick(noisy(far, sigma), noisy(far + 1, sigma), epsilon)
        assert hockey_stick(one, two, epsilon) == pytest.approx(gaussian, rel=1e-9, abs=1e-18)


@pytest.mark.parametrize(("sigma", "delta"), SMALL)
def test_planted_faults_around_fewest_tell_more_than_is_charged(monkeypatch, sigma, delta):
    # A key that is dropped at `fewest` too: the step into telling is one unit further up.
    assert {count for count, _ in breaks(drops_one_more, sigma, delta)} == {FEWEST}
    # A threshold that does not rise with `fewest`.
    sound = threshold.threshold
    monkeypatch.setattr(threshold, "threshold", lambda sigma, delta, fewest: sound(sigma, delta))
    found = breaks(threshold.published_counts, sigma, delta)
    assert {e for count, e in found if count == FEWEST - 1} == set(EPSILONS)


@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_the_gaussian_s_price_is_the_one_that_the_accountant_charges(sigma):
    for epsilon in (0.5, 1.0, 3.0):
        gaussian = hockey_stick(noisy(5, sigma), noisy(6, sigma), epsilon)
        if gaussian < 1e-9:
            continue
        tables = [NoisyTables(name="t", sigma=sigma, tables=1)]
        priced = accountant.cost(tables, delta=gaussian).epsilon
        assert epsilon * (1 - 1e-9) <= priced <= epsilon * 1.05

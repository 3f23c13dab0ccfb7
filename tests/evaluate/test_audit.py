"""The bounds of an audit, on simulated attacks whose truth is known.

The simulated mechanism is the best case for an attacker: every canary's score is normal with
standard deviation 1, and mu higher inside, so that exactly mu-GDP is lost on each canary, and the
true epsilon at delta is `gaussian_epsilon(mu, delta)`.

Coverage: a bound at confidence 0.95 may be above the truth in at most 5 % of audits. Each of the
tests below refuses at alpha = 1e-6, and sees with power 0.99 a bound that is wrong in 7 % of them.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from functools import lru_cache

import numpy as np
import pytest
from scipy.stats import binom

from synthkit.artifacts import AuditBound, AuditCheck
from synthkit.errors import InputError
from synthkit.evaluate.audit import assumption_free, gaussian_fit, judge, one_run
from synthkit.evaluate.audit.gaussian_fit import mu_bound
from synthkit.evaluate.audit.scored import LARGEST_EPSILON
from synthkit.privacy.gaussian import gaussian_epsilon, gaussian_mu

DELTA, CONFIDENCE = 1e-5, 0.95
AUDITS = 9_000
ALPHA = 1e-6


def attack(mu: float, canaries: int, audits: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores and coins of many audits, each of shape (audits, canaries)."""
    draw = np.random.default_rng(seed)
    inside = draw.random((audits, canaries)) < 0.5
    return draw.standard_normal((audits, canaries)) + mu * inside, inside


def allowed_misses(share: float) -> int:
    """Most misses of AUDITS that a sound bound makes, but for ALPHA."""
    return int(binom.isf(ALPHA, AUDITS, share))


def test_the_coverage_tests_would_see_a_bound_that_is_wrong_in_seven_percent() -> None:
    assert binom.sf(allowed_misses(0.05), AUDITS, 0.07) > 0.99


@pytest.mark.parametrize("epsilon", [1.0, 4.0])
def test_the_gaussian_fit_is_above_the_truth_no_more_often_than_it_says(epsilon: float) -> None:
    mu = gaussian_mu(epsilon, DELTA)
    scores, inside = attack(mu, 500, AUDITS, seed=1)
    n_inside = inside.sum(axis=1)
    n_outside = 500 - n_inside
    means = (scores * inside).sum(1) / n_inside, (scores * ~inside).sum(1) / n_outside
    squares = (scores**2).sum(1) - n_inside * means[0] ** 2 - n_outside * means[1] ** 2
    stds = np.sqrt(squares / 498)
    # The bound is above mu exactly where the t statistic is in the 5 % tail under mu.
    from scipy.stats import nct

    roots = 1 / np.sqrt(1 / n_inside + 1 / n_outside)
    misses = nct.sf((means[0] - means[1]) / stds * roots, 498, mu * roots) < 1 - CONFIDENCE
    assert misses.sum() <= allowed_misses(0.05)
    assert misses.sum() >= 0.03 * AUDITS  # exact, not merely safe
    for i in [*np.flatnonzero(misses)[:3], *np.flatnonzero(~misses)[:3]]:
        bound = gaussian_fit(scores[i], inside[i], delta=DELTA, confidence=CONFIDENCE)
        assert bound.mu is not None
        assert (bound.mu > mu) == (bound.epsilon > epsilon * (1 + 1e-8)) == misses[i]


@pytest.mark.parametrize("epsilon", [1.0, 4.0])
def test_the_assumption_free_bound_is_above_the_truth_no_more_often_than_it_says(
    epsilon: float,
) -> None:
    level = (1 - CONFIDENCE) / 4

    @lru_cache
    def bound(number: int, correct: int) -> float:
        return one_run.lower_bound(500, number, correct, delta=DELTA, level=level)

    scores, inside = attack(gaussian_mu(epsilon, DELTA), 500, AUDITS, seed=2)
    found = [
        max(bound(r, one_run.right(s, c, r)) for r in one_run.guesses(500))
        for s, c in zip(scores, inside, strict=True)
    ]
    assert sum(f > epsilon for f in found) <= allowed_misses(0.05)
    direct = assumption_free(scores[0], inside[0], delta=DELTA, confidence=CONFIDENCE)
    assert direct.epsilon == found[0]


def test_randomised_response_the_worst_case_of_the_theorem_does_not_pass_its_epsilon() -> None:
    # Each coin is told truly with probability e / (1 + e): pure 1-DP, and the bound is tight.
    draw = np.random.default_rng(3)
    right = draw.binomial(500, math.e / (1 + math.e), AUDITS)
    bounds = {
        v: one_run.lower_bound(500, 500, int(v), delta=1e-12, level=0.05) for v in np.unique(right)
    }
    misses = sum(bounds[v] > 1.0 for v in right)
    assert misses <= allowed_misses(0.05)
    assert misses >= 0.02 * AUDITS  # it is tight: a stricter rule would have no misses


def brute_force(canaries: int, number: int, correct: int, epsilon: float, delta: float) -> float:
    """The p-value by summing over all outcomes of the guesses, one by one."""
    q = math.exp(epsilon) / (1 + math.exp(epsilon))
    law = [math.comb(number, k) * q**k * (1 - q) ** (number - k) for k in range(number + 1)]
    tail = sum(law[k] for k in range(number + 1) if k >= correct)
    worst = max(
        sum(law[k] for k in range(number + 1) if correct > k >= correct - i) / i
        for i in range(1, canaries + 1)
    )
    return min(1.0, tail + 2 * canaries * delta * worst)


def test_the_p_value_is_that_of_the_theorem() -> None:
    for canaries in (1, 2, 5, 12):
        for number in range(1, canaries + 1):
            for correct in range(1, number + 1):
                for epsilon, delta in ((0.0, 1e-12), (0.7, 1e-3), (3.0, 0.01), (8.0, 1e-6)):
                    assert one_run.p_value(
                        canaries, number, correct, epsilon=epsilon, delta=delta
                    ) == pytest.approx(brute_force(canaries, number, correct, epsilon, delta))


def test_the_bound_agrees_with_the_example_that_the_paper_prints() -> None:
    # Appendix D: 1,000 canaries, 100 guesses, 75 right, delta 1e-4, 95 %.
    found = one_run.lower_bound(1000, 100, 75, delta=1e-4, level=0.05)
    assert found == pytest.approx(0.673, abs=5e-4)


def test_every_right_guess_more_gives_no_lower_bound_and_no_higher_p_value() -> None:
    bounds = [one_run.lower_bound(200, 60, v, delta=DELTA, level=0.0125) for v in range(61)]
    assert bounds == sorted(bounds)
    assert bounds[30] == 0.0 < bounds[60]


@pytest.mark.parametrize(
    ("canaries", "most"), [(50, 2.78), (100, 3.49), (500, 5.10), (1000, 5.78), (5000, 7.28)]
)
def test_the_ceiling_is_what_all_guesses_right_can_show(canaries: int, most: float) -> None:
    alone = one_run.ceiling(canaries, canaries, delta=DELTA, level=0.05)
    assert alone == pytest.approx(most, abs=0.015)
    inside = np.arange(canaries) % 2 == 0
    perfect = assumption_free(inside.astype(float), inside, delta=DELTA, confidence=CONFIDENCE)
    # Four numbers of guesses are tried, so each has a quarter of the level.
    assert perfect.epsilon == perfect.ceiling
    assert alone - 0.6 < perfect.epsilon < alone


def test_the_bounds_stay_numbers_for_many_canaries_and_the_smallest_delta() -> None:
    for delta in (1e-12, 1e-5, 0.5):
        for correct in (0, 1, 10_000, 10_500, 19_999, 20_000):
            found = one_run.lower_bound(20_000, 20_000, correct, delta=delta, level=0.0125)
            assert 0 <= found < 12
    scores, inside = attack(1.0, 20_000, 1)
    for bound in both(scores[0], inside[0], delta=1e-12):
        assert 0 < bound.epsilon < gaussian_epsilon(1.0, 1e-12) * 1.05


def both(
    scores: np.ndarray, inside: np.ndarray, delta: float = DELTA
) -> tuple[AuditBound, AuditBound]:
    return (
        assumption_free(scores, inside, delta=delta, confidence=CONFIDENCE),
        gaussian_fit(scores, inside, delta=delta, confidence=CONFIDENCE),
    )


def test_the_power_of_both_bounds_is_what_the_documents_say() -> None:
    # Mean of 40 audits with 500 canaries; standard errors of 0.02 to 0.1.
    for epsilon, free, fit in ((1.0, 0.10, 0.38), (4.0, 1.17, 3.40)):
        scores, inside = attack(gaussian_mu(epsilon, DELTA), 500, 40, seed=4)
        found = np.array(
            [[b.epsilon for b in both(s, c)] for s, c in zip(scores, inside, strict=True)]
        )
        assert found[:, 0].mean() == pytest.approx(free, abs=0.1)
        assert found[:, 1].mean() == pytest.approx(fit, abs=0.3)


def test_half_of_the_noise_is_found_out_by_the_gaussian_fit_and_hardly_by_the_other() -> None:
    scores, inside = attack(2 * gaussian_mu(1.0, DELTA), 1000, 60, seed=5)
    bounds = [both(s, c) for s, c in zip(scores, inside, strict=True)]
    assert sum(free.epsilon > 1.0 for free, _ in bounds) <= 10
    # Power about 0.99 each; 50 of 60 would be missed with a probability under 1e-9.
    assert sum(judge(1.0, pair, ())[0] == "refused" for pair in bounds) >= 50


def test_no_noise_at_all_is_refused_by_both_bounds_and_stays_a_number() -> None:
    _, inside = attack(0.0, 500, 1)
    for scores in (inside[0] * 1.0, inside[0] * 1e-300, inside[0] + 0.1):
        free, fit = both(scores, inside[0])
        assert 3.0 < free.epsilon < (free.ceiling or 0)  # a few coins too many fell on one side
        assert fit.epsilon == LARGEST_EPSILON
        assert fit.mu == gaussian_mu(LARGEST_EPSILON, DELTA)
        assert judge(4.0, (free, fit), ())[0] == "refused"


def test_next_to_no_noise_is_refused() -> None:
    scores, inside = attack(25.0, 500, 1)
    _, fit = both(scores[0], inside[0])
    assert fit.mu is not None
    assert 15 < fit.mu < 25
    scores, _ = attack(0.0, 500, 1)
    assert both(1e-12 * scores[0] + inside[0], inside[0])[1].epsilon == LARGEST_EPSILON


def test_the_wrong_direction_and_the_wrong_coins_show_nothing() -> None:
    scores, inside = attack(3.0, 1000, 1, seed=6)
    assert [b.epsilon for b in both(-scores[0], inside[0])] == [0.0, 0.0]
    shuffled = np.random.default_rng(7).permutation(inside[0])
    assert all(b.epsilon < 0.6 for b in both(scores[0], shuffled))


def test_equal_scores_tell_nothing_even_where_the_inside_canaries_are_listed_first() -> None:
    inside = np.arange(1000) < 500
    assert [b.epsilon for b in both(np.zeros(1000), inside)] == [0.0, 0.0]
    two_values = np.where(np.arange(1000) % 2 == 0, 1.0, 2.0)
    assert all(b.epsilon < 0.6 for b in both(two_values, inside))


def test_the_order_of_equal_scores_does_not_depend_on_the_coins() -> None:
    draw = np.random.default_rng(8)
    scores = draw.integers(0, 3, 400).astype(float)
    inside = draw.random(400) < 0.5
    for number in one_run.guesses(400):
        # The same places are guessed the same way, so each coin that is turned changes one guess.
        assert (
            one_run.right(scores, inside, number) + one_run.right(scores, ~inside, number) == number
        )


def test_too_few_canaries_on_a_side_show_nothing() -> None:
    for inside in ([True] * 6, [False] * 6, [True] + [False] * 5):
        coins = np.array(inside)
        assert both(coins * 5.0, coins)[1].mu == 0.0
    assert one_run.guesses(1) == (1,)


def test_the_bound_on_mu_rises_with_the_difference_through_its_two_forms() -> None:
    bounds = [mu_bound(d, 1.0, (250, 250), 0.05) for d in np.linspace(0, 20, 81)]
    assert bounds[:1] == [0.0]
    drops = [a - b for a, b in itertools.pairwise(bounds) if b < a]
    # The form for large estimates is a little wider, so one step down is allowed where it begins.
    assert len(drops) <= 1
    assert all(d < 0.2 for d in drops)


@pytest.mark.parametrize(
    ("scores", "inside", "delta", "confidence"),
    [
        ([1.0, math.nan], [True, False], DELTA, 0.95),
        ([1.0, math.inf], [True, False], DELTA, 0.95),
        ([1.0, 2.0], [True], DELTA, 0.95),
        ([1.0, 2.0], [1, 0], DELTA, 0.95),
        ([[1.0, 2.0]], [[True, False]], DELTA, 0.95),
        ([], [], DELTA, 0.95),
        ([1.0, 2.0], [True, False], 0.0, 0.95),
        ([1.0, 2.0], [True, False], DELTA, 1.0),
        ([1.0, 2.0], [True, False], DELTA, 0.3),
        ([1.0, 2.0], [True, False], DELTA, math.nan),
    ],
)
def test_what_is_no_audit_is_refused(scores, inside, delta, confidence) -> None:
    coins = np.array(inside, dtype=bool) if not inside else np.array(inside)
    for bound in (assumption_free, gaussian_fit):
        with pytest.raises(InputError):
            bound(np.array(scores), coins, delta=delta, confidence=confidence)


def bounds(free: float, fit: float | None) -> tuple[AuditBound, ...]:
    made = AuditBound(name="one_run", epsilon=free, delta=DELTA, confidence=0.95)
    if fit is None:
        return (made,)
    return made, dataclasses.replace(made, name="gaussian_fit", epsilon=fit)


def check(outcome: str) -> AuditCheck:
    return AuditCheck(layer="replay", name="one unit more", outcome=outcome, reason="Because.")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "checks", "verdict"),
    [
        (bounds(0.1, 0.3), (), "pass"),
        (bounds(1.0, 1.0), (), "pass"),
        (bounds(0.1, 0.3), ("pass", "pass"), "pass"),
        (bounds(0.1, 0.2999), (), "inconclusive"),
        (bounds(0.9, 0.0), (), "inconclusive"),
        (bounds(0.1, None), (), "inconclusive"),
        ((), (), "inconclusive"),
        (bounds(0.1, math.nan), (), "inconclusive"),
        (bounds(math.nan, 0.5), (), "inconclusive"),
        (bounds(0.1, 0.5), ("pass", "inconclusive"), "inconclusive"),
        (bounds(0.1, 1.0001), ("inconclusive",), "refused"),
        (bounds(1.0001, 0.0), (), "refused"),
        (bounds(1.0001, None), (), "refused"),
        (bounds(0.1, math.inf), (), "refused"),
        (bounds(0.1, 0.5), ("pass", "fail"), "refused"),
    ],
)
def test_the_verdict_is_the_worst_of_bounds_and_checks(found, checks, verdict) -> None:
    decided, reasons = judge(1.0, found, [check(c) for c in checks])
    assert decided == verdict
    assert reasons
    assert all(r.endswith(".") for r in reasons)


def test_a_weak_audit_is_called_no_sign_of_safety_and_a_bound_just_above_is_told_apart() -> None:
    assert "not a sign of safety" in judge(1.0, bounds(0.1, 0.1), ())[1][0]
    sentence = judge(1.0, bounds(0.1, 1.0001), ())[1][0]
    assert "1.0001" in sentence
    assert "95%" in sentence


@pytest.mark.parametrize("claim", [0.0, -1.0, math.nan, math.inf])
def test_without_a_claim_there_is_nothing_to_judge(claim: float) -> None:
    with pytest.raises(InputError):
        judge(claim, bounds(0.1, 0.5), ())

"""The assumption-free bound of a one-run audit: how many coins were guessed.

T. Steinke, M. Nasr, M. Jagielski, "Privacy Auditing with One (1) Training Run", NeurIPS 2023
(arXiv:2305.08846): their main theorem for approximate DP, in the form of the p-value of their
appendix D. Of m canaries, each in the table by an independent fair coin, the auditor guesses r
coins from the mechanism's output, and v guesses are right. If the mechanism is (epsilon, delta)-DP
for adding or removing one canary, then

    P[V >= v] <= P[B >= v] + 2 m delta max_{1 <= i <= v} P[v > B >= v - i] / i

with B binomial of r draws, each right with probability e^epsilon / (1 + e^epsilon). Nothing is
assumed of the mechanism, of the scores, or of how canaries influence each other. The price is
power: even with every guess right the bound has a ceiling (`ceiling`), and an attack as strong as
Gaussian noise permits shows a tenth to a third of epsilon.

How many to guess is chosen among four shares that are fixed in advance; each is tested at a
quarter of the level, so that the largest of the four bounds holds at the full one (Bonferroni).
"""

from __future__ import annotations

import math

import numpy as np

from synthkit.artifacts import AuditBound
from synthkit.evaluate.audit.scored import LARGEST_EPSILON, checked

SHARES = (0.02, 0.1, 0.3, 1.0)
"""Shares of the canaries whose coins are guessed; half for the highest scores, half the lowest."""
_HALVINGS = 40


def assumption_free(
    scores: np.ndarray, inside: np.ndarray, *, delta: float, confidence: float
) -> AuditBound:
    """Bounds epsilon from below by the number of coins that the scores tell.

    The highest scores are guessed inside, the lowest outside. Equal scores are put in an order
    that depends on nothing but their positions (a fixed shuffle), so that a caller who lists the
    inside canaries first gains nothing by it.

    Args:
        scores: Shape (n_canaries,), finite; high where the attack believes the canary inside.
        inside: The coins, shape (n_canaries,), booleans.
        delta: Delta of the claim.
        confidence: Probability with which the bound holds, 0.5 up to 1.

    Raises:
        InputError: If an argument is out of range.
    """
    found, coins = checked(scores, inside, delta=delta, confidence=confidence)
    numbers = guesses(found.size)
    level = (1 - confidence) / len(numbers)
    best = max(
        lower_bound(found.size, r, right(found, coins, r), delta=delta, level=level)
        for r in numbers
    )
    return AuditBound(
        name="one_run",
        epsilon=best,
        delta=delta,
        confidence=confidence,
        ceiling=max(ceiling(found.size, r, delta=delta, level=level) for r in numbers),
    )


def guesses(canaries: int) -> tuple[int, ...]:
    """Returns the numbers of guesses that are tried: a function of the number of canaries only."""
    return tuple(sorted({max(1, round(share * canaries)) for share in SHARES}))


def right(scores: np.ndarray, inside: np.ndarray, number: int) -> int:
    """Counts the right ones of `number` guesses: highest scores inside, lowest outside."""
    shuffled = np.random.Generator(np.random.Philox(2305)).permutation(scores.size)
    order = shuffled[np.argsort(scores[shuffled], kind="stable")]  # (n_canaries,), lowest first
    low, high = number // 2, number - number // 2
    return int((~inside[order[:low]]).sum() + inside[order[scores.size - high :]].sum())


def lower_bound(canaries: int, number: int, correct: int, *, delta: float, level: float) -> float:
    """Returns an epsilon that `correct` right ones of `number` guesses reject at `level`; or 0.

    A bisection for the largest such epsilon. The bound holds wherever it ends, because every
    epsilon it may return is rejected itself and a mechanism that is epsilon-DP is epsilon'-DP for
    each larger epsilon': P[bound > epsilon] is at most P[V >= the smallest v whose bound is above
    epsilon], which that v's p-value, at most `level`, bounds.
    """

    def is_rejected(epsilon: float) -> bool:
        return p_value(canaries, number, correct, epsilon=epsilon, delta=delta) <= level

    if not is_rejected(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while is_rejected(high):
        low, high = high, 2 * high
        if low >= LARGEST_EPSILON:
            return LARGEST_EPSILON
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_rejected(middle) else (low, middle)
    return low


def ceiling(canaries: int, number: int, *, delta: float, level: float) -> float:
    """Returns the bound that `number` guesses out of `canaries` would give, all of them right."""
    return lower_bound(canaries, number, number, delta=delta, level=level)


def p_value(canaries: int, number: int, correct: int, *, epsilon: float, delta: float) -> float:
    """Bounds the probability of so many right guesses under (epsilon, delta)-DP.

    Counted in wrong guesses, whose probability 1 / (1 + e^epsilon) keeps its digits where that of
    a right one rounds to 1.
    """
    from scipy.stats import binom

    if correct <= 0:
        return 1.0
    wrong = number - correct
    chance = math.exp(-epsilon) / (1 + math.exp(-epsilon))  # of a wrong guess
    tail = float(binom.cdf(wrong, number, chance))
    between = np.cumsum(binom.pmf(np.arange(wrong + 1, number + 1), number, chance))
    worst = float((between / np.arange(1, correct + 1)).max())
    return min(1.0, tail + 2 * canaries * delta * worst)

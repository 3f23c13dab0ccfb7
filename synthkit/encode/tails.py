"""The far ends of a line under noise: masses between what was measured and what a slope expects.

In: the noisy counts of ordered cells and their edges, how many of them are the tail. Out: the
masses of these. Numpy only; touches no row (post-processing).

A long tail has dozens of cells up to its public bound. Their noise together may be several times
what the tail holds, so that half of its far stretches come out with hundreds of people and the
others with none. The cells beside it are told well, and a density seldom jumps: one slope
(`slopes`) says what each stretch may be expected to hold. What was measured and what is expected
are averaged by their precision (empirical Bayes: Efron and Morris 1973), the whole tail first, then
its halves and the halves of these (Hay, Rastogi, Miklau and Suciu 2010, arXiv:0904.0942).
"""

from __future__ import annotations

import math

import numpy as np

from synthkit.encode.halves import by_halves
from synthkit.encode.slopes import density

LARGEST_SHARE = 0.2
"""Of all mass, in what is taken for a tail."""
SURPRISE, MOST_SURPRISE = 1.5, 4.0
"""Standard deviations above what is expected from which on the measurement alone is believed: it is
no tail of what lies beside it. So many for the whole tail; more for its parts, as there are more of
them (the largest of n draws of noise is about the root of 2 log n), up to the latter."""
BESIDE_SHARE = 2.0
BESIDE_SIGMAS = 5.0
"""How much the cells beside a tail hold that help to tell its slope: so many times its mass, and so
many standard deviations of their noise. They are told better than its own."""
HEAP_SHARE = 3.0
"""Times what is enough: a single cell that holds more is a heap, and ends what helps."""


def tail_masses(
    counts: np.ndarray, edges: np.ndarray, sigma: float, *, n_tail: int, end: int, total: float
) -> np.ndarray | None:
    """Returns the masses of the outermost cells of a line.

    Args:
        counts: Noisy counts of all cells in value order, shape (n_cells,): unbiased.
        edges: Where each cell starts, and where the last one ends, shape (n_cells + 1,).
        sigma: Std of the noise on each, positive.
        n_tail: How many of the outermost cells are the tail, below n_cells.
        end: 1: the last ones; -1: the first ones.
        total: Mass of the whole line.

    Returns:
        Non-negative masses in value order, shape (n_tail,); None where this is no tail, or where
        nothing beside it helps.
    """
    if end < 0:
        flipped = tail_masses(counts[::-1], -edges[::-1], sigma, n_tail=n_tail, end=1, total=total)
        return None if flipped is None else flipped[::-1]
    first = counts.size - n_tail
    own = counts[first:]
    measured = max(float(own.sum()), 0.0)
    n_beside = beside(counts[:first][::-1], measured, sigma)
    if measured > LARGEST_SHARE * total or n_beside == 0:
        return None
    low = first - n_beside
    expected = density(edges[low:], counts[low:], sigma, n_beside=n_beside)[n_beside:]
    return _averaged(own, expected, sigma)


def beside(counts: np.ndarray, total: float, sigma: float) -> int:
    """Returns how many of the cells beside a tail help to tell its slope.

    None of them is a heap, which follows no density: zeros, of whom a column may consist but for
    its tail, would else make the steepest slope of all.

    Args:
        counts: Noisy counts of all cells on that side, nearest first, shape (n,).
        total: Mass of the tail.
        sigma: Std of the noise on each count.
    """
    enough = max(BESIDE_SHARE * total, BESIDE_SIGMAS * sigma)
    is_heap = counts > HEAP_SHARE * enough
    counts = counts[: int(np.argmax(is_heap))] if is_heap.any() else counts
    if not counts.size:
        return 0
    held = np.cumsum(counts)
    noise = sigma * np.sqrt(np.arange(1, counts.size + 1))
    is_enough = held >= np.maximum(BESIDE_SHARE * total, BESIDE_SIGMAS * noise)
    is_enough[0] = False  # one cell shows no slope: a second one helps, if there is one
    return int(np.argmax(is_enough)) + 1 if is_enough.any() else counts.size


def _averaged(counts: np.ndarray, expected: np.ndarray, sigma: float) -> np.ndarray:
    """Averages sums of stretches with what is expected of them, from the whole down to cells."""
    n = counts.size
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    wants = np.concatenate([[0.0], np.cumsum(expected)])
    surprising = _surprising(0, n, 0, sums, wants, sigma)
    held = float(sums[n])
    if not surprising:
        held = _average(held, sigma * math.sqrt(n), float(wants[n]))

    def share(start: int, middle: int, stop: int, held: float, right: float) -> float:
        if surprising & {(start, middle), (middle, stop)}:
            return right
        # Given what both halves hold, the noise of one is that of the other.
        noise = sigma * math.sqrt((middle - start) * (stop - middle) / (stop - start))
        want = float(wants[stop] - wants[start])
        even = (stop - middle) / (stop - start)
        part = float(wants[stop] - wants[middle]) / want if want > 0 else even
        return _average(right, noise, held * part)

    return by_halves(counts, max(held, 0.0), share)


def _surprising(
    start: int, stop: int, depth: int, sums: np.ndarray, wants: np.ndarray, sigma: float
) -> set[tuple[int, int]]:
    """Returns the stretches that hold far more than is expected, and all stretches around them."""
    found: set[tuple[int, int]] = set()
    if stop - start > 1:
        middle = (start + stop) // 2
        found |= _surprising(start, middle, depth + 1, sums, wants, sigma)
        found |= _surprising(middle, stop, depth + 1, sums, wants, sigma)
    want = float(wants[stop] - wants[start])
    too_much = float(sums[stop] - sums[start]) - want
    limit = min(SURPRISE + math.sqrt(2 * depth * math.log(2)), MOST_SURPRISE)
    if found or too_much > limit * math.hypot(sigma * math.sqrt(stop - start), want):
        found.add((start, stop))
    return found


def _average(measured: float, noise: float, expected: float) -> float:
    """Averages by precision; what is expected is as uncertain as it is large (an exponential)."""
    if expected <= 0:
        return 0.0
    kept = (expected / math.hypot(expected, noise)) ** 2
    return max(kept * measured + (1 - kept) * expected, 0.0)

"""How values thin out within one bin: the mean over slopes, weighted by what each explains.

In: the edges and the noisy counts of a bin's cells, and of cells beside it that may help, the
noise. Out: the share of each cell. Numpy only; touches no row (post-processing).

The last bin of a column with a long tail holds dozens of cells up to the public bound, each of them
with less than the noise. Evenly filled, it would put most of its rows far beyond where any are. One
slope for all cells together can be told where no single cell can: power laws (the tails of incomes,
costs and counts: Pareto) and exponentials, rising and falling, each weighted by the likelihood of
the noisy counts under it with the best amplitude. The prior over slopes is even within a bin; at
the ends of a column it leans to those that thin out soon (`THINNING`).
"""

from __future__ import annotations

import numpy as np

POWERS = (-2.0, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)
"""Density as x to the power of minus this, away from zero; 0 is even."""
RATES = (-16.0, -8.0, -4.0, -2.0, 2.0, 4.0, 8.0, 16.0)
"""Density as exp(-rate x / length of the stretch)."""
STEEP_RATES = (32.0, 64.0, 128.0, 256.0)
"""Of tails alone, towards their end: public bounds may lie far beyond all values."""
THINNING = 10.0
"""At the ends of a column a slope weighs exp(-this x the mean place of its mass, 0 .. 1 outwards)
before any count: where counts tell no slope, a tail that thins out is likelier than an even one."""
LEAST_NOISE = 1e-6
"""Std of the noise, relative to the largest count; less than that is none."""
LARGEST_RATIO = 1e9
"""Of the ends of a bin that may have a power law."""


def shares(
    edges: np.ndarray,
    counts: np.ndarray,
    sigma: float,
    *,
    end: int = 0,
    own: slice = slice(None),
) -> np.ndarray:
    """Returns the expected share of each cell of a bin.

    Args:
        edges: Where cells start, and where the last one ends, increasing, shape (n_cells + 1,).
        counts: Noisy counts, shape (n_cells,).
        sigma: Std of the noise on each, positive.
        end: 1 for the last bin of a column, which thins out upwards, -1 for the first, which thins
            out downwards; 0: any slope.
        own: The cells of the bin, n_own of them; the others only help to tell the slope.

    Returns:
        Shape (n_own,), non-negative, summing to 1.
    """
    n_own = counts[own].size
    if n_own == 1:
        return np.ones(1)
    weights, _, candidates = _weighed(np.asarray(edges, dtype=np.float64), counts, sigma, end)
    expected = (weights @ candidates)[own]
    total = float(expected.sum())
    # Where a slope leaves nothing that a double can hold, the bin is even.
    return np.asarray(expected / total if total > 0 else np.full(n_own, 1 / n_own))


def density(edges: np.ndarray, counts: np.ndarray, sigma: float, *, n_beside: int) -> np.ndarray:
    """Returns the expected mass of each cell at the upper end of a line, and of those beside it.

    Each slope has its best amplitude. One more is even beside the tail and leaves it empty: public
    bounds may lie beyond where values end at once.

    Args:
        edges: As in `shares`.
        counts: As in `shares`.
        sigma: As in `shares`.
        n_beside: How many of the cells, the first ones, are not of the tail; at least one.

    Returns:
        Shape (n_cells,), non-negative.
    """
    edges = np.asarray(edges, dtype=np.float64)
    ended = np.zeros((1, counts.size))
    widths = np.diff(edges[: n_beside + 1] / counts.size)  # none of them may overflow
    ended[0, :n_beside] = widths / widths.sum() if widths.sum() > 0 else 1 / n_beside
    weights, amplitudes, candidates = _weighed(edges, counts, sigma, 1, ended)
    return np.asarray((weights * amplitudes) @ candidates)


def _weighed(
    edges: np.ndarray,
    counts: np.ndarray,
    sigma: float,
    end: int,
    further: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns how likely each slope is, and the mass that fits the counts best under it.

    Args:
        edges: As in `shares`.
        counts: As in `shares`.
        sigma: As in `shares`.
        end: As in `shares`.
        further: Shares of cells under slopes beside the usual ones, shape (n, n_cells).

    Returns:
        Weights, shape (n_slopes,), summing to 1; masses, shape (n_slopes,), non-negative; shares of
        cells, shape (n_slopes, n_cells).
    """
    candidates, direction, middles = _candidates(edges, end)
    candidates = candidates[direction * end >= 0]
    if further is not None:
        candidates = np.concatenate([candidates, further])
    lengths = np.sqrt(np.square(candidates).sum(1))  # (n_slopes,)
    along = np.maximum((candidates / lengths[:, None]) @ counts, 0.0)
    sigma = max(sigma, LEAST_NOISE * float(np.abs(counts).max()))
    likely = np.square(along) / (2 * sigma**2)
    if end:
        likely = likely - THINNING * (candidates @ (middles if end > 0 else 1 - middles))
    weights = np.exp(likely - likely.max())
    return weights / weights.sum(), along / lengths, candidates


def _candidates(edges: np.ndarray, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the share of each cell under each slope, where each thins out, and where cells lie.

    Returns:
        Shape (n_slopes, n_cells); (n_slopes,): 1 upwards, -1 downwards, 0 nowhere; (n_cells,): the
        middle of each cell, where 0 is the first edge and 1 the last.
    """
    n, length = edges.size - 1, edges[-1] / 2 - edges[0] / 2  # half of it: no sum may overflow
    found, direction = [np.full(n, 1.0 / n)], [0.0]
    middles = np.full(n, 0.5)
    if length > 0:
        place = (edges / 2 - edges[0] / 2) / length  # 0 .. 1
        middles = (place[:-1] + place[1:]) / 2
        rates = RATES + tuple(end * rate for rate in STEEP_RATES if end)
        found += [np.diff(-np.exp(-rate * place)) / rate for rate in rates]
        found.append(np.diff(place))
        direction += [*np.sign(rates), 0.0]
        away, outwards = (edges, 1.0) if edges[0] >= 0 else (-edges[::-1], -1.0)
        # Not from zero, nor from the first number after it: there no power law has a mass.
        if away[0] > away[-1] / LARGEST_RATIO:
            scaled = np.log(away / away[0])
            laws = [
                np.diff(scaled if power == 1 else np.exp((1 - power) * scaled) / (1 - power))
                for power in POWERS
            ]
            found += laws if outwards > 0 else [law[::-1] for law in laws]
            direction += [*(outwards * np.sign(POWERS))]
    shares_of = np.maximum(np.stack(found), 0.0)
    totals = shares_of.sum(1)
    has_mass = (totals > 0) & np.isfinite(totals)
    return shares_of[has_mass] / totals[has_mass, None], np.array(direction)[has_mass], middles

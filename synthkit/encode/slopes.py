"""How values thin out within one bin: the mean over slopes, weighted by what each explains.

In: the edges and the noisy counts of a bin's cells, and of cells beside it that may help, the
noise. Out: the share of each cell. Numpy only; touches no row (post-processing).

The last bin of a column with a long tail holds dozens of cells up to the public bound, each of them
with less than the noise. Evenly filled, it would put most of its rows far beyond where any are. One
slope for all cells together can be told where no single cell can: power laws (the tails of incomes,
costs and counts: Pareto) and exponentials, rising and falling, each weighted by the likelihood of
the noisy counts under it with the best amplitude (a uniform prior over slopes).
"""

from __future__ import annotations

import numpy as np

POWERS = (-2.0, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)
"""Density as x to the power of minus this, away from zero; 0 is even."""
RATES = (-16.0, -8.0, -4.0, -2.0, 2.0, 4.0, 8.0, 16.0)
"""Density as exp(-rate x / length of the stretch)."""
STEEP_RATES = (32.0, 64.0, 128.0, 256.0)
"""Of tails alone, towards their end: public bounds may lie far beyond all values."""
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
    edges = np.asarray(edges, dtype=np.float64)
    candidates, direction = _candidates(edges, end)  # (n_slopes, n_cells), (n_slopes,)
    candidates = candidates[direction * end >= 0]
    units = candidates / np.sqrt(np.square(candidates).sum(1, keepdims=True))
    explained = np.square(np.maximum(units @ counts, 0.0)) / (2 * sigma**2)  # (n_slopes,)
    weights = np.exp(explained - explained.max())
    expected = (weights @ candidates)[own]
    total = float(expected.sum())
    # Where a slope leaves nothing that a double can hold, the bin is even.
    return np.asarray(expected / total if total > 0 else np.full(n_own, 1 / n_own))


def _candidates(edges: np.ndarray, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the share of each cell under each slope, and where each thins out.

    Returns:
        Shape (n_slopes, n_cells), and (n_slopes,): 1 upwards, -1 downwards, 0 nowhere.
    """
    n, length = edges.size - 1, edges[-1] / 2 - edges[0] / 2  # half of it: no sum may overflow
    found, direction = [np.full(n, 1.0 / n)], [0.0]
    if length > 0:
        place = (edges / 2 - edges[0] / 2) / length  # 0 .. 1
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
    return shares_of[has_mass] / totals[has_mass, None], np.array(direction)[has_mass]

"""Segments: groups of latents that give alike rows, found in the model alone.

In: a product mixture. Out: the centre of each segment, its share, and the mean distribution of
each column within it. Latents are drawn under a fixed seed and their distributions grouped by
k-means (Lloyd 1982; seeding: Arthur and Vassilvitskii 2007, k-means++) on square roots of
probabilities, where squared distance is twice the squared Hellinger distance summed over columns.
A function of the model and the number of segments: post-processing, so free of charge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthkit.generate import ProductMixture

LATENTS = 16_384
_SEED = 20_240_917
"""Fixed: the same model has the same segments wherever they are listed or used."""
_ROUNDS = 50


@dataclass(frozen=True, kw_only=True)
class Segments:
    """A partition of the latents; segments are in order of falling share."""

    centres: np.ndarray
    """Mean square-root probabilities, shape (n_segments, width)."""
    shares: np.ndarray
    """Share of the model's rows, shape (n_segments,), summing to 1."""
    profiles: np.ndarray
    """Mean distributions of all columns within each segment, shape (n_segments, width)."""
    overall: np.ndarray
    """Mean distributions of all columns, shape (width,)."""

    def of(self, cells: np.ndarray) -> np.ndarray:
        """Returns the segment of each latent from its distributions (n, width); shape (n,)."""
        return _nearest(np.sqrt(cells), self.centres)

    def member(self, segment: int, cells: np.ndarray) -> np.ndarray:
        """Returns 1.0 for latents of a segment, else 0.0, shape (n,)."""
        return np.asarray(self.of(cells) == segment, dtype=np.float64)


def find(mixture: ProductMixture, count: int) -> Segments:
    """Groups the latents of a model into at most `count` segments."""
    rng = np.random.default_rng(_SEED)
    cells = mixture.distributions(mixture.latents(LATENTS, rng))  # (LATENTS, width)
    points = np.sqrt(np.asarray(cells, dtype=np.float32))
    centres = _seeded(points, count, rng)
    owner = _nearest(points, centres)
    for _ in range(_ROUNDS):
        centres = np.stack([points[owner == k].mean(0) for k in np.unique(owner)])
        moved = _nearest(points, centres)
        if np.array_equal(moved, owner):
            break
        owner = moved
    kept, counts = np.unique(owner, return_counts=True)
    order = kept[np.argsort(-counts, kind="stable")]
    return Segments(
        centres=centres[order],
        shares=np.sort(counts)[::-1] / len(points),
        profiles=np.stack([cells[owner == k].mean(0, dtype=np.float64) for k in order]),
        overall=cells.mean(0, dtype=np.float64),
    )


def _seeded(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Chooses far-apart points as first centres; fewer where all points coincide with one."""
    chosen = [int(rng.integers(len(points)))]
    gap = np.full(len(points), np.inf)
    while len(chosen) < count:
        gap = np.minimum(gap, np.square(points - points[chosen[-1]]).sum(1, dtype=np.float64))
        if gap.sum() <= 1e-9:
            break
        chosen.append(int(rng.choice(len(points), p=gap / gap.sum())))
    return points[chosen]


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Returns the place of the nearest centre, shape (n,); ties go to the first."""
    halves = 0.5 * np.square(centres).sum(1)  # (n_segments,)
    return np.asarray((points @ centres.T - halves).argmax(1))

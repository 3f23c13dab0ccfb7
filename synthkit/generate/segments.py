"""Segments: groups of latents that give alike rows, found in the model alone.

In: a product mixture. Out: the centre of each segment, its share, and the mean distribution of
each column within it. All latents (of a mixture that cannot list them, many, drawn under a fixed
seed) are grouped by their distributions: k-means (Lloyd 1982; seeding: Arthur and Vassilvitskii
2007, k-means++) on square roots of probabilities, where squared distance is twice the squared
Hellinger distance summed over columns. A function of the model and the number of segments:
post-processing, so free of charge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthkit.generate import FiniteMixture, ProductMixture

LATENTS = 16_384
"""Drawn where they cannot be listed."""
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
        return _nearest(_points(cells), self.centres)

    def member(self, segment: int, cells: np.ndarray) -> np.ndarray:
        """Returns 1.0 for latents of a segment, else 0.0, shape (n,)."""
        return np.asarray(self.of(cells) == segment, dtype=np.float64)


def find(mixture: ProductMixture, count: int) -> Segments:
    """Groups the latents of a model into at most `count` segments."""
    rng = np.random.default_rng(_SEED)
    if isinstance(mixture, FiniteMixture):
        latents, prior = mixture.all_latents()
    else:
        latents, prior = mixture.latents(LATENTS, rng), np.full(LATENTS, 1.0 / LATENTS)
    cells = mixture.distributions(latents)  # (n_latents, width)
    points = _points(cells)
    centres = _seeded(points, prior, count, rng)
    owner = _nearest(points, centres)
    for _ in range(_ROUNDS):
        kept = np.unique(owner)
        centres = np.stack([_mean(points, prior, owner == k) for k in kept]).astype(np.float32)
        moved = _nearest(points, centres)
        if np.array_equal(moved, owner):
            break
        owner = moved
    kept = np.unique(owner)
    shares = np.array([prior[owner == k].sum() for k in kept])
    order = np.argsort(-shares, kind="stable")
    return Segments(
        centres=centres[kept[order]],
        shares=shares[order],
        profiles=np.stack([_mean(cells, prior, owner == k) for k in kept[order]]),
        overall=_mean(cells, prior, np.ones(len(cells), dtype=bool)),
    )


def _points(cells: np.ndarray) -> np.ndarray:
    return np.sqrt(np.asarray(cells, dtype=np.float32))


def _mean(rows: np.ndarray, prior: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Returns the mean of chosen rows (n, width) by their prior, shape (width,), float64."""
    weights = prior[chosen]
    return np.asarray(weights @ rows[chosen].astype(np.float64) / weights.sum())


def _seeded(
    points: np.ndarray, prior: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Chooses far-apart points as first centres; fewer where all points coincide with one."""
    chosen = [int(rng.choice(len(points), p=prior))]
    gap = np.full(len(points), np.inf)
    while len(chosen) < count:
        gap = np.minimum(gap, np.square(points - points[chosen[-1]]).sum(1, dtype=np.float64))
        if gap.sum() <= 1e-9:
            break
        share = prior * gap
        chosen.append(int(rng.choice(len(points), p=share / share.sum())))
    return points[chosen]


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Returns the place of the nearest centre, shape (n,); ties go to the first."""
    halves = 0.5 * np.square(centres).sum(1)  # (n_segments,)
    return np.asarray((points @ centres.T - halves).argmax(1))

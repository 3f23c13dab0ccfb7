"""A mixture small enough to enumerate, and a test of draws against an enumerated distribution."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from scipy import stats

ALPHA = 1e-6
POWER = 0.99


class TinyMixture:
    """A few latents, each with its own distribution of every column; they are drawn, not listed."""

    def __init__(self, sizes: tuple[int, ...] = (3, 4, 2), n_latents: int = 5, seed: int = 0):
        rng = np.random.default_rng(seed)
        self.sizes = sizes
        blocks = [rng.dirichlet(np.full(size, 0.5), n_latents) for size in sizes]
        self.table = np.concatenate(blocks, axis=1)  # (n_latents, width)
        self.prior = np.full(n_latents, 1 / n_latents)
        self.asked = 0

    def latents(self, n: int, rng: np.random.Generator) -> np.ndarray:
        self.asked += n
        return rng.choice(len(self.prior), (n, 1), p=self.prior).astype(np.float32)

    def distributions(self, latents: np.ndarray) -> np.ndarray:
        return self.table[latents[:, 0].astype(int)]

    def block(self, column: int) -> np.ndarray:
        start = sum(self.sizes[:column])
        return self.table[:, start : start + self.sizes[column]]

    def joint(self, evidence: Mapping[int, np.ndarray] | None = None) -> dict[tuple, float]:
        """Probability of each row of codes together with the evidence; sums to the mass."""
        result = {}
        for row in itertools.product(*(range(s) for s in self.sizes)):
            given = np.ones(len(self.table))
            for column, code in enumerate(row):
                given = given * self.block(column)[:, code]
                if evidence and column in evidence:
                    given = given * evidence[column][code]
            result[row] = float(given @ self.prior)
        return result


class ListedMixture(TinyMixture):
    """The same with latents that are listed, and not equally likely."""

    def __init__(self, sizes: tuple[int, ...] = (3, 4, 2), n_latents: int = 5, seed: int = 0):
        super().__init__(sizes, n_latents, seed)
        self.prior = np.random.default_rng(seed + 1).dirichlet(np.full(n_latents, 3.0))

    def latents(self, n: int, rng: np.random.Generator) -> np.ndarray:
        raise AssertionError("latents that are listed need not be drawn")

    def all_latents(self) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(len(self.prior), dtype=np.float32)[:, None], self.prior

    def alone(self, latent: int) -> ListedMixture:
        """Returns the mixture of one of the latents."""
        one = ListedMixture(self.sizes, 1)
        one.table = self.table[latent : latent + 1]
        return one


def exact(joint: Mapping[tuple, float]) -> dict[tuple, float]:
    """Normalises, and leaves out what has no probability."""
    total = sum(joint.values())
    return {row: p / total for row, p in joint.items() if p > 0}


def statistic(values: np.ndarray, expected: Mapping[tuple, float]) -> tuple[float, int]:
    """Pearson's chi-square of draws, rare cells (below 5 expected) put together; and its df."""
    places = {row: i for i, row in enumerate(expected)}
    found = np.bincount([places[tuple(v)] for v in values.tolist()], minlength=len(places))
    wanted = np.array(list(expected.values())) * len(values)
    is_rare = wanted < 5
    found = np.append(found[~is_rare], found[is_rare].sum())
    wanted = np.append(wanted[~is_rare], wanted[is_rare].sum())
    found, wanted = found[wanted > 0], wanted[wanted > 0]
    return float(((found - wanted) ** 2 / wanted).sum()), len(wanted) - 1


def follows(values: np.ndarray, expected: Mapping[tuple, float], effective: float) -> bool:
    """Whether draws may come from a distribution (alpha 1e-6).

    A pool of latents worth `effective` adds at most n / effective to the variance of every cell.
    """
    found, df = statistic(values, expected)
    if df == 0:  # all mass in one cell
        return found == 0.0
    return found / (1 + len(values) / effective) < stats.chi2.isf(ALPHA, df)


def power(n: int, true: Mapping[tuple, float], defect: Mapping[tuple, float]) -> float:
    """Chance that `n` draws of `defect` are told from `true`, at the same alpha."""
    distance = sum((defect.get(row, 0.0) - p) ** 2 / p for row, p in true.items())
    df = len(true) - 1
    return float(stats.ncx2.sf(stats.chi2.isf(ALPHA, df) * 1.5, df, n * distance))

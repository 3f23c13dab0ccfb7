"""Conditions a product mixture exactly: latents re-weighted by what each says of the condition.

In a mixture of products the columns are independent given the latent u, so by Bayes' theorem
p(u | condition) is proportional to p(u) times the product, over the conditioned columns, of the
probability that the column satisfies it given u. Rows get latents by these weights, and the columns
then follow from each latent.

Of a mixture whose latents can be enumerated (`FiniteMixture`) every latent is weighted: mass and
posterior are exact. Of any other, latents are drawn from their prior, weighted, and drawn again by
weight (sampling importance resampling: Rubin 1988; Smith and Gelfand 1992,
doi:10.1080/00031305.1992.10475856). Either way 1 / sum of squared weights (Kish 1965; Kong 1992)
says how many latents of equal weight the weighted ones are worth: of enumerated ones, how many
products of distributions the rows mix. Post-processing: no real row is read here.

`evidence` is, for each conditioned column, the probability of the condition given each code,
shape (size,): several codes may satisfy a condition, and each of them in part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthkit.errors import InputError
from synthkit.generate import FiniteMixture, ProductMixture
from synthkit.generate.batches import Batch
from synthkit.generate.layout import code_dtype

BATCH = 8_192
"""Latents per look at the mixture."""
MAX_LATENTS = 2**19
"""Most latents that are drawn for one condition, where they cannot be enumerated."""
MIN_LATENTS = 2**14
WANTED_EFFECTIVE = 50_000
"""Effective latents at which drawing stops, however many rows are asked for."""
FEWEST_EFFECTIVE = 100
"""Below this a condition is refused where latents are drawn: too few to know its posterior."""
LEAST_MASS = 1e-6
"""Below this a condition is refused: the model says next to nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Support:
    """What the model says of a condition, and on how many latents (or rows) that rests."""

    mass: float
    """Probability of the condition under the model: exact, or estimated."""
    standard_error: float
    """Of `mass`; 0.0 where it is exact."""
    drawn: int
    """Latents looked at (by enumeration: all that the model has), or rows."""
    effective: float
    """How many latents of equal weight those are worth (by enumeration: how many products of
    distributions the rows mix), or number of rows that satisfied the condition."""
    method: str
    """`enumeration`, `re-weighting` or `rejection`."""

    @staticmethod
    def of_rows(met: int, drawn: int) -> Support:
        """Returns what is known of a condition that some of the rows drawn satisfied."""
        mass = met / drawn
        return Support(
            mass=mass,
            standard_error=float(np.sqrt(mass * (1 - mass) / drawn)),
            drawn=drawn,
            effective=float(met),
            method="rejection",
        )


class Posterior:
    """Draws rows of a product mixture that satisfy a condition.

    Args:
        mixture: The model.
        sizes: Number of codes of each column.
        evidence: Probability of the condition given each code, by the column's place.
        n: About how many rows will be drawn; decides how many latents are looked at, where they
            cannot be enumerated.
        rng: Source of the latents, where they cannot.
        member: Further weight of each latent, shape (n_latents,), from latents and their
            distributions; None: 1.

    Raises:
        InputError: If the condition has next to no mass under the model.
    """

    def __init__(
        self,
        mixture: ProductMixture,
        sizes: Sequence[int],
        evidence: Mapping[int, np.ndarray],
        *,
        n: int,
        rng: np.random.Generator,
        member: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self._mixture, self._sizes, self._evidence = mixture, tuple(sizes), dict(evidence)
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)])
        self._member = member
        if isinstance(mixture, FiniteMixture):
            latents, weights, self.support = self._enumerated(mixture)
        else:
            latents, weights, self.support = self._looked_for(n, rng)
        _require(self.support)
        self._latents = latents
        self._steps = np.cumsum(weights)  # (n_kept,)

    def _enumerated(self, mixture: FiniteMixture) -> tuple[np.ndarray, np.ndarray, Support]:
        """Weighs every latent that there is."""
        latents, prior = mixture.all_latents()
        parts = [latents[i : i + BATCH] for i in range(0, len(latents), BATCH)]
        given = [self._weights(mixture.distributions(part)) for part in parts]
        weights = prior * np.concatenate(given)  # (n_latents,)
        support = Support(
            mass=float(weights.sum()),
            standard_error=0.0,
            drawn=len(latents),
            effective=float(worth(weights)),
            method="enumeration",
        )
        return latents[weights > 0], weights[weights > 0], support

    def _looked_for(
        self, n: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, Support]:
        """Draws latents and weighs them until they are worth enough, or are too many."""
        wanted = min(max(n, FEWEST_EFFECTIVE * 50), WANTED_EFFECTIVE)
        latents, weights, drawn = [], [], 0
        total, squared = 0.0, 0.0
        while drawn < MIN_LATENTS or (total**2 < wanted * squared or total == 0.0):
            if drawn >= MAX_LATENTS:
                break
            part = self._mixture.latents(BATCH, rng)
            weight = self._weights(self._mixture.distributions(part))  # (BATCH,)
            drawn += BATCH
            total, squared = total + weight.sum(), squared + np.square(weight).sum()
            latents.append(part[weight > 0])
            weights.append(weight[weight > 0])
        found = np.concatenate(weights)
        return np.concatenate(latents), found, _estimated(found, drawn)

    def _block(self, column: int) -> slice:
        return slice(int(self._starts[column]), int(self._starts[column + 1]))

    def _weights(self, cells: np.ndarray) -> np.ndarray:
        """Returns p(condition | latent) from distributions (n, width), shape (n,), float64."""
        weights = np.ones(len(cells)) if self._member is None else self._member(cells)
        for column, evidence in self._evidence.items():
            weights = weights * (cells[:, self._block(column)].astype(np.float64) @ evidence)
        return weights

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws `n` rows of codes that satisfy the condition, shape (n, n_columns).

        Latents are drawn by systematic resampling (Kitagawa 1996): each in proportion to its
        weight, evenly rather than independently, then in random order.
        """
        values = np.empty((n, len(self._sizes)), dtype=code_dtype(self._sizes))
        own, row_of = self._chosen(n, rng)
        order = rng.permutation(n)
        for first, batch in self._drawn(own, row_of, rng):
            values[order[first : first + len(batch.values)]] = batch.values
        return values

    def batches(self, n: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Yields the same rows with their latents, those of one latent beside each other."""
        own, row_of = self._chosen(n, rng)
        for _, batch in self._drawn(own, row_of, rng):
            yield batch

    def _chosen(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Resamples latents: which are chosen, and which of those each row has, ascending."""
        points = (np.arange(n) + rng.random()) * (self._steps[-1] / max(n, 1))
        chosen = np.searchsorted(self._steps, points, side="right")
        chosen = np.minimum(chosen, len(self._steps) - 1)  # (n,), ascending
        own, row_of = np.unique(chosen, return_inverse=True)
        return own, row_of

    def _drawn(
        self, own: np.ndarray, row_of: np.ndarray, rng: np.random.Generator
    ) -> Iterator[tuple[int, Batch]]:
        """Draws the rows of chosen latents; with each batch, the place of its first row."""
        for start in range(0, len(own), BATCH):
            cells = self._mixture.distributions(self._latents[own[start : start + BATCH]])
            first, last = np.searchsorted(row_of, [start, start + len(cells)])
            for at in range(first, last, BATCH):
                latent_of = row_of[at : min(at + BATCH, last)] - start
                drawn = draw_columns(cells, latent_of, self._sizes, self._evidence, rng)
                yield at, Batch(drawn, cells, latent_of)


def worth(weights: np.ndarray) -> np.ndarray:
    """Returns the number of equal weights that these are worth, along the last axis; 0 of none."""
    total = weights.sum(-1)
    share = weights / np.maximum(total, np.finfo(np.float64).tiny)[..., None]
    squared = np.square(share).sum(-1)
    return np.asarray(np.where(squared > 0, 1.0 / np.maximum(squared, 1e-300), 0.0))


def _estimated(weights: np.ndarray, drawn: int) -> Support:
    """Describes drawn latents; `weights` of those that have any, shape (n_kept,)."""
    mass = float(weights.sum()) / drawn
    variance = max(float(np.square(weights).sum()) / drawn - mass**2, 0.0)
    return Support(
        mass=mass,
        standard_error=float(np.sqrt(variance / drawn)),
        drawn=drawn,
        effective=float(worth(weights)),
        method="re-weighting",
    )


def _require(support: Support) -> None:
    """Refuses a condition that the model says next to nothing of."""
    is_known = support.method == "enumeration" or support.effective >= FEWEST_EFFECTIVE
    if support.mass >= LEAST_MASS and is_known:
        return
    about = f"about {support.mass:.2g}" if support.mass > 0 else "no measurable share"
    looked = f", and {support.drawn:,} latents are worth {support.effective:,.0f} for it"
    raise InputError(
        f"The condition has next to no mass: {about} of the model's rows satisfy it"
        f"{'' if support.method == 'enumeration' else looked}.",
        hint=f"Loosen the condition (a wider range, fewer columns) until at least {LEAST_MASS:g} "
        "of the rows satisfy it; rows made to order from nothing would not follow the model.",
    )


def drawn_by_weight(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws a place for each row in proportion to its weights (n, size), shape (n,)."""
    steps = weights.cumsum(1)
    sought = rng.random(len(weights)) * steps[:, -1]
    # Rounding must not pass the last place with any weight.
    last = (steps < steps[:, -1:]).sum(1)
    return np.asarray(np.minimum((steps <= sought[:, None]).sum(1), last))


def draw_columns(
    cells: np.ndarray,
    rows: np.ndarray,
    sizes: Sequence[int],
    evidence: Mapping[int, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Draws every column by itself given its row's latent, by inverting running sums.

    Args:
        cells: Distributions of all columns given each latent, shape (n_latents, width).
        rows: Latent of each row, shape (n,).
        sizes: Number of codes of each column.
        evidence: Weight of each code of the conditioned columns, by the column's place.
        rng: Source of the draws.

    Returns:
        Codes, shape (n, n_columns), int64; a code without evidence is never drawn where its
        latent gives the condition any probability.
    """
    values = np.empty((len(rows), len(sizes)), dtype=np.int64)
    uniform = rng.random((len(sizes), len(rows)))
    start = 0
    for column, size in enumerate(sizes):
        block = cells[:, start : start + size].astype(np.float64)  # (n_latents, size)
        start += size
        if column in evidence:
            block = block * evidence[column]
        steps = block.cumsum(1)  # (n_latents, size)
        total = steps[:, -1]
        # The last code with any probability: rounding of uniform * total must not pass it.
        last = (steps < total[:, None]).sum(1)
        # Row r of the flat array lies between 2r and 2r + 1: one sorted search serves all rows.
        flat = steps / np.maximum(total, 1e-300)[:, None] + 2.0 * np.arange(len(steps))[:, None]
        places = np.searchsorted(flat.ravel(), uniform[column] + 2.0 * rows, side="right")
        values[:, column] = np.minimum(places - rows * size, last[rows])
    return values

"""Tables of pairs against enumeration; rows with their latents against the rows without."""

from __future__ import annotations

import numpy as np
import pytest

from synthkit.generate.bank import Mixture
from synthkit.generate.batches import FreeRows
from synthkit.generate.joints import group_table, pair_tables
from tests.generate.mixtures import ListedMixture, TinyMixture, exact, follows


class Sampling(TinyMixture):
    """The tiny mixture with rows of its own."""

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        rows = [b.values for b in FreeRows(self, self.sizes).batches(n, rng)]
        return np.concatenate(rows)


class OnlySamples:
    """A model of which only rows are known."""

    def __init__(self, inner: Sampling) -> None:
        self._inner = inner

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._inner.sample(n, rng)


class Telling(TinyMixture):
    """The tiny mixture as a bank that tells the latent of each row."""

    def sample_with_latents(self, n: int, rng: np.random.Generator):
        values, latents = Mixture(self.table, self.sizes).draw_with_latents(n, rng)
        return values, latents[:, None].astype(np.float32)


@pytest.mark.parametrize("is_mixture", [True, False])
def test_pair_tables_are_the_model_s(is_mixture: bool):
    tiny = Sampling(seed=1)
    model = tiny if is_mixture else OnlySamples(tiny)
    table = pair_tables(model, tiny.sizes, [(0, 2)])[0, 2]
    expected = np.zeros((3, 2))
    for (a, _, c), p in tiny.joint().items():
        expected[a, c] += p
    # 32,768 latents of 5, or 200,000 rows: 5 standard deviations are below 0.015.
    assert np.abs(table - expected).max() < 0.015
    grouped = group_table(tiny, tiny.sizes, (0, 1), 2)
    assert grouped.shape == (12, 2)
    assert grouped.sum() == 200_000


def test_pair_tables_of_listed_latents_are_exact():
    listed = ListedMixture(seed=1)
    table = pair_tables(listed, listed.sizes, [(0, 2)])[0, 2]
    expected = np.zeros((3, 2))
    for (a, _, c), p in listed.joint().items():
        expected[a, c] += p
    np.testing.assert_allclose(table, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "model", [Sampling(seed=2), Telling(seed=2), OnlySamples(Sampling(seed=2))]
)
def test_free_rows_follow_the_model_and_have_the_latents_they_say(model):
    tiny = Sampling(seed=2)
    batches = list(FreeRows(model, tiny.sizes).batches(20_000, np.random.default_rng(0)))
    values = np.concatenate([b.values for b in batches])
    assert len(values) == 20_000
    assert follows(values, exact(tiny.joint()), effective=20_000)
    for batch in batches:
        weights = batch.weights(np.arange(len(batch.values)), slice(0, 3))
        if isinstance(model, OnlySamples):
            assert weights is None
            continue
        assert np.allclose(weights.sum(1), 1.0)
        own = weights[np.arange(len(weights)), batch.values[:, 0].astype(int)]
        # A row's code is likelier under its own latent than under any other, on the whole.
        assert own.mean() > 1.2 * weights.mean(0)[batch.values[:, 0].astype(int)].mean()


def test_a_bank_draws_the_same_rows_whether_or_not_it_tells_latents():
    tiny = TinyMixture(seed=3)
    bank = Mixture(tiny.table, tiny.sizes)
    alone = bank.draw(1_003, np.random.default_rng(5))
    values, latents = bank.draw_with_latents(1_003, np.random.default_rng(5))
    assert np.array_equal(alone, values)
    assert set(np.bincount(latents)) == {200, 201}

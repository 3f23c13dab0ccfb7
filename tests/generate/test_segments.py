"""Segments of a mixture whose groups are known."""

from __future__ import annotations

import numpy as np
import pytest

from synthkit.generate.segments import find
from tests.generate.mixtures import ListedMixture, TinyMixture


@pytest.fixture
def grouped() -> TinyMixture:
    """Nine latents in three groups of 4, 3 and 2, each group around a code of its own."""
    mixture = TinyMixture(n_latents=9)
    rng = np.random.default_rng(1)
    for latent, group in enumerate([0] * 4 + [1] * 3 + [2] * 2):
        near = 0.02 * rng.random(3)
        mixture.table[latent, :3] = np.eye(3)[group] * (1 - near.sum()) + near
        mixture.table[latent, 3:7] = np.eye(4)[group] * 0.8 + 0.05
        mixture.table[latent, 7:] = 0.5
    return mixture


def test_known_groups_are_found_largest_first(grouped):
    found = find(grouped, 3)
    assert found.shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(found.shares, [4 / 9, 3 / 9, 2 / 9], atol=0.02)
    owner = found.of(grouped.table)
    assert owner.tolist() == [0] * 4 + [1] * 3 + [2] * 2
    for k in range(3):
        np.testing.assert_allclose(
            found.profiles[k], grouped.table[owner == k].mean(0), atol=0.02
        )  # fmt: skip
        np.testing.assert_array_equal(found.member(k, grouped.table), owner == k)


def test_listed_latents_are_grouped_by_their_prior_exactly(grouped):
    listed = ListedMixture(n_latents=9)
    listed.table = grouped.table
    found = find(listed, 3)
    groups = [listed.prior[:4].sum(), listed.prior[4:7].sum(), listed.prior[7:].sum()]
    np.testing.assert_allclose(found.shares, np.sort(groups)[::-1], rtol=1e-12)
    np.testing.assert_allclose(found.overall, listed.prior @ listed.table, rtol=1e-12)
    np.testing.assert_allclose(found.shares @ found.profiles, found.overall, rtol=1e-12)


def test_the_same_model_has_the_same_segments(grouped):
    first, second = find(grouped, 3), find(grouped, 3)
    np.testing.assert_array_equal(first.centres, second.centres)
    np.testing.assert_array_equal(first.shares, second.shares)


def test_the_profiles_together_are_the_model(grouped):
    found = find(grouped, 5)
    np.testing.assert_allclose(found.shares @ found.profiles, found.overall, atol=1e-9)


def test_a_model_without_latents_is_one_segment(grouped):
    grouped.table[:] = grouped.table[0]
    assert find(grouped, 4).shares.tolist() == [1.0]

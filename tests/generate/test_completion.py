"""Completion of partial rows against the enumerated posterior."""

from __future__ import annotations

import numpy as np
import pytest

from synthkit.generate.completion import WANTED_EFFECTIVE, complete
from tests.generate.mixtures import (
    POWER,
    ListedMixture,
    TinyMixture,
    exact,
    follows,
    power,
)

N = 4_000


def filled(mixture, row, known, *, seed=0, **more):
    values = np.tile(row, (N, 1))
    mask = np.tile(known, (N, 1))
    rng = np.random.default_rng(seed)
    return complete(mixture, mixture.sizes, values, mask, rng=rng, **more)


def evidence_of(mixture, row, known):
    return {
        c: np.eye(size)[row[c]] for c, size in enumerate(mixture.sizes) if known[c]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ((1, 0, 0), (True, False, False)),
        ((1, 2, 0), (True, True, False)),
        ((0, 3, 1), (False, True, True)),
        ((0, 0, 0), (False, False, False)),
    ],
)
def test_unknown_cells_follow_the_posterior_of_the_known_ones(row, known):
    mixture = TinyMixture()
    done = filled(mixture, row, known)
    true = exact(mixture.joint(evidence_of(mixture, row, known)))
    # One pool serves all rows here, so its latents are shared by all of them.
    assert follows(done.values, true, done.effective.min())
    for column in np.flatnonzero(known):
        assert set(done.values[:, column].tolist()) == {row[column]}


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ((1, 0, 0), (True, False, False)),
        ((0, 3, 1), (False, True, True)),
        ((0, 0, 0), (False, False, False)),
    ],
)
def test_by_listed_latents_the_posterior_is_exact_and_rows_say_how_many_they_rest_on(row, known):
    mixture = ListedMixture()
    done = filled(mixture, row, known)
    evidence = evidence_of(mixture, row, known)
    assert follows(done.values, exact(mixture.joint(evidence)), np.inf)
    weights = mixture.prior.copy()
    for column, given in evidence.items():
        weights *= mixture.block(column) @ given
    expected = weights.sum() ** 2 / np.square(weights).sum()
    np.testing.assert_allclose(done.effective, expected, rtol=1e-5)
    assert done.latents == 5


def test_each_row_has_the_posterior_of_its_own_cells_whatever_the_blocks(monkeypatch):
    mixture = ListedMixture(n_latents=40)
    rng = np.random.default_rng(5)
    values = np.stack([rng.integers(0, s, N) for s in mixture.sizes], axis=1)
    known = rng.random(values.shape) < 0.5
    allowed = {1: np.array([1.0, 0.0, 0.0, 1.0])}
    restricted = ~known & np.array([False, True, False])
    ask = {"allowed": allowed, "restricted": restricted}
    told: list[int] = []
    monkeypatch.setattr("synthkit.generate.completion.CELLS", 40 * 700)
    done = complete(
        mixture, mixture.sizes, values, known, rng=rng, settled=told.append, **ask
    )  # fmt: skip
    assert told == [700, 1_400, 2_100, 2_800, 3_500, N]
    np.testing.assert_array_equal(done.values[known], values[known])
    assert set(done.values[restricted[:, 1], 1].tolist()) == {0, 3}
    for first in range(3):
        mine = known[:, 0] & ~known[:, 1] & ~known[:, 2] & (values[:, 0] == first)
        true = exact(mixture.joint({0: np.eye(3)[first]} | allowed))
        assert follows(done.values[mine], true, np.inf)


def test_a_row_of_next_to_one_latent_is_thin_where_it_has_cells_to_link():
    mixture = ListedMixture(n_latents=500)
    mixture.prior[:] = 1 / 500
    mixture.table[:, :3] = [0.5, 0.5, 0.0]
    mixture.table[17, :3] = [0.0, 0.0, 1.0]
    values = np.tile([2, 0, 0], (3, 1))
    known = np.array([[True, False, False], [True, True, False], [False, False, True]])
    done = complete(mixture, mixture.sizes, values, known, rng=np.random.default_rng(0))
    np.testing.assert_allclose(done.effective[:2], 1.0, rtol=1e-6)
    assert done.effective[2] > 100
    assert done.thin.tolist() == [True, False, False]
    alone = mixture.alone(17)
    done = complete(alone, alone.sizes, values, known, rng=np.random.default_rng(0))
    assert not done.thin.any(), "a model of one latent never linked anything"


def test_a_completion_that_ignores_the_known_cells_would_be_caught():
    mixture = TinyMixture()
    row, known = (1, 2, 0), (True, True, False)
    true = exact(mixture.joint(evidence_of(mixture, row, known)))
    prior = exact(mixture.joint())
    defect = {r: sum(p for q, p in prior.items() if q[2] == r[2]) for r in true}
    assert power(N, true, defect) > POWER
    blind = filled(mixture, row, (False, False, False)).values
    blind[:, :2] = row[:2]
    assert not follows(blind, true, 1e9)


def test_a_restricted_cell_is_part_of_the_row_s_condition():
    mixture = TinyMixture()
    row, known = (1, 0, 0), (True, False, False)
    allowed = {1: np.array([1.0, 1.0, 0.0, 1.0])}
    restricted = np.tile([False, True, False], (N, 1))
    done = filled(mixture, row, known, allowed=allowed, restricted=restricted)
    evidence = evidence_of(mixture, row, known) | allowed
    assert follows(done.values, exact(mixture.joint(evidence)), done.effective.min())
    free = filled(mixture, row, known, allowed=allowed)
    assert 2 in free.values[:, 1], "the restriction applies where it is asked for, only"


def test_every_row_has_its_own_posterior():
    mixture = TinyMixture()
    rng = np.random.default_rng(5)
    values = np.stack([rng.integers(0, s, N) for s in mixture.sizes], axis=1)
    known = rng.random(values.shape) < 0.5
    done = complete(mixture, mixture.sizes, values, known, rng=rng)
    np.testing.assert_array_equal(done.values[known], values[known])
    for first in range(3):
        mine = known[:, 0] & ~known[:, 1] & ~known[:, 2] & (values[:, 0] == first)
        true = exact(mixture.joint({0: np.eye(3)[first]}))
        assert follows(done.values[mine], true, done.effective[mine].min())
    assert (done.effective >= WANTED_EFFECTIVE).all()


def test_a_row_that_few_latents_explain_says_so_and_is_completed_all_the_same():
    mixture = TinyMixture(n_latents=2)
    mixture.table[:, :3] = [[1.0, 0.0, 0.0], [1.0 - 1e-20, 1e-20, 0.0]]

    class Rare(TinyMixture):
        def latents(self, n, rng):
            return (np.arange(n)[:, None] == 0).astype(np.float32)

    rare = Rare(n_latents=2)
    rare.table = mixture.table
    done = complete(
        rare, rare.sizes, np.array([[1, 0, 0]]), np.array([[True, False, False]]),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert done.values[0, 0] == 1
    assert done.latents is None
    assert not done.thin.any()
    assert done.effective[0] < WANTED_EFFECTIVE


def test_a_row_that_one_drawn_latent_explains_is_thin():
    class Once(TinyMixture):
        def latents(self, n, rng):
            self.asked += n
            return (np.arange(n)[:, None] == (0 if self.asked == n else n)).astype(np.float32)

    once = Once(n_latents=2)
    once.table[:, :3] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]
    values, known = np.array([[1, 0, 0]]), np.array([[True, False, False]])
    done = complete(once, once.sizes, values, known, rng=np.random.default_rng(0))
    assert done.effective[0] == pytest.approx(1.0)
    assert done.thin.tolist() == [True]


def test_a_seed_gives_the_same_completion():
    mixture = TinyMixture()
    for one in (mixture, ListedMixture()):
        first, second, other = (
            filled(one, (1, 0, 0), (True, False, False), seed=s).values for s in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, second)
        assert not np.array_equal(first, other)

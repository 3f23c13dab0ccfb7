"""Conditioning by re-weighted latents, against enumeration and against long rejection."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from synthkit.errors import InputError
from synthkit.generate import load_generator, posterior
from synthkit.generate.posterior import Posterior, draw_columns, drawn_by_weight, worth
from synthkit.generate.rejection import Rejection
from tests.generate.conftest import SMALL, linked_codes, measured
from tests.generate.mixtures import (
    ALPHA,
    POWER,
    ListedMixture,
    TinyMixture,
    exact,
    follows,
    power,
)

N = 20_000
CONDITIONS = [
    {0: np.array([0.0, 1.0, 0.0])},
    {0: np.array([1.0, 0.0, 1.0]), 2: np.array([0.0, 1.0])},
    {1: np.array([0.25, 0.0, 0.5, 1.0]), 2: np.array([0.9, 0.1])},
    {0: np.array([0.0, 0.0, 1.0]), 1: np.array([0.0, 0.0, 0.0, 1.0]), 2: np.array([0.0, 1.0])},
]


def drawn(mixture: TinyMixture, evidence: dict[int, np.ndarray], *, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    source = Posterior(mixture, mixture.sizes, evidence, n=posterior.WANTED_EFFECTIVE, rng=rng)
    return source, source.draw(N, rng)


@pytest.mark.parametrize("evidence", CONDITIONS)
def test_draws_follow_the_enumerated_posterior(evidence):
    mixture = TinyMixture()
    source, values = drawn(mixture, evidence)
    joint = mixture.joint(evidence)
    assert follows(values, exact(joint), source.support.effective)
    gap = abs(source.support.mass - sum(joint.values()))
    assert gap < stats.norm.isf(ALPHA / 2) * source.support.standard_error


class TestListedLatents:
    """What can be enumerated is: nothing of it is a guess, and it says on how little it rests."""

    @pytest.mark.parametrize("evidence", CONDITIONS)
    def test_mass_and_posterior_are_exact(self, evidence):
        mixture = ListedMixture()
        source, values = drawn(mixture, evidence)
        joint = mixture.joint(evidence)
        support = source.support
        assert support.mass == pytest.approx(sum(joint.values()), rel=1e-12)
        assert (support.standard_error, support.drawn) == (0.0, 5)
        assert support.method == "enumeration"
        assert follows(values, exact(joint), np.inf)

    @pytest.mark.parametrize("evidence", CONDITIONS)
    def test_it_says_how_many_latents_the_rows_mix(self, evidence):
        mixture = ListedMixture()
        weights = mixture.prior.copy()
        for column, given in evidence.items():
            weights *= mixture.block(column) @ given
        expected = weights.sum() ** 2 / np.square(weights).sum()
        effective = drawn(mixture, evidence)[0].support.effective
        assert effective == pytest.approx(expected, rel=1e-12)
        assert 1 <= effective <= 5

    @pytest.mark.parametrize("n", [1, 5_000, 500_000])
    def test_a_condition_that_one_latent_carries_says_one_however_many_rows(self, n):
        mixture = ListedMixture(n_latents=500)
        mixture.prior[:] = 1 / 500
        mixture.table[:, :3] = [0.5, 0.5, 0.0]
        mixture.table[17, :3] = [0.0, 0.0, 1.0]
        evidence = {0: np.array([0.0, 0.0, 1.0])}
        source = Posterior(mixture, mixture.sizes, evidence, n=n, rng=np.random.default_rng(0))
        assert source.support.effective == pytest.approx(1.0, rel=1e-12)
        assert source.support.mass == pytest.approx(1 / 500, rel=1e-12)
        # Its rows are no copies: all columns vary, each by itself.
        values = source.draw(N, np.random.default_rng(1))
        assert follows(values, exact(mixture.alone(17).joint()), np.inf)

    def test_latents_that_are_drawn_in_their_place_are_taken_for_others(self):
        """What the list is for: 5 latents, drawn again and again, pass for thousands."""
        source, _ = drawn(TinyMixture(), CONDITIONS[0])
        assert source.support.effective > 5_000

    def test_parts_of_the_latents_have_masses_that_sum_to_one(self):
        mixture = ListedMixture()
        masses = []
        for latent in range(5):
            rng = np.random.default_rng(0)
            member = lambda cells, k=latent: (cells == mixture.table[k]).all(1) * 1.0  # noqa: E731
            source = Posterior(mixture, mixture.sizes, {}, n=10, rng=rng, member=member)
            assert source.support.effective == pytest.approx(1.0)
            masses.append(source.support.mass)
        assert sum(masses) == pytest.approx(1.0, rel=1e-12)
        np.testing.assert_allclose(masses, mixture.prior)

    def test_mass_alone_decides_what_is_refused(self):
        mixture = ListedMixture()
        mixture.table[:, 0] = 1e-8
        with pytest.raises(InputError, match=r"about 1e-08 of the model's rows satisfy it\.$"):
            drawn(mixture, {0: np.array([1.0, 0.0, 0.0])})
        mixture.table[:, 0] = 0.0
        with pytest.raises(InputError, match="no measurable share of the model's rows"):
            drawn(mixture, {0: np.array([1.0, 0.0, 0.0])})


def test_weights_are_worth_as_many_equal_ones():
    weights = [[1.0, 1.0, 1.0, 1.0], [0.0, 3.0, 0.0, 0.0], [1e-200, 1e-200, 0.0, 0.0], [0.0] * 4]
    np.testing.assert_allclose(worth(np.array(weights)), [4.0, 1.0, 2.0, 0.0])


@pytest.mark.parametrize("evidence", CONDITIONS[:3])
def test_latents_that_are_not_weighted_would_be_caught(evidence, monkeypatch):
    """The defect: the condition is forced on each row, whatever its latent says of it."""
    mixture = TinyMixture()
    defect: dict[tuple, float] = {}
    for k in range(len(mixture.table)):
        alone = TinyMixture(n_latents=1)
        alone.table = mixture.table[k : k + 1]
        for row, p in exact(alone.joint(evidence)).items():
            defect[row] = defect.get(row, 0.0) + p / len(mixture.table)
    true = exact(mixture.joint(evidence))
    assert power(N, true, defect) > POWER
    monkeypatch.setattr(Posterior, "_weights", lambda self, cells: np.ones(len(cells)))
    _, values = drawn(mixture, evidence)
    assert not follows(values, true, posterior.WANTED_EFFECTIVE)


def test_the_effective_sample_size_is_that_of_the_weights():
    mixture = TinyMixture()
    evidence = CONDITIONS[0]
    given = mixture.block(0) @ evidence[0]  # (n_latents,)
    source, _ = drawn(mixture, evidence)
    share = given.mean() ** 2 / np.square(given).mean()
    assert source.support.effective / source.support.drawn == pytest.approx(share, rel=0.05)
    _, whole = drawn(mixture, {0: np.ones(3)})
    assert len(whole) == N
    every = Posterior(mixture, mixture.sizes, {0: np.ones(3)}, n=1, rng=np.random.default_rng(0))
    assert every.support.effective == pytest.approx(every.support.drawn)


def test_a_condition_without_mass_is_refused_after_so_many_latents():
    mixture = TinyMixture()
    mixture.table[:, 0] = 0.0
    with pytest.raises(InputError, match="next to no mass") as error:
        drawn(mixture, {0: np.array([1.0, 0.0, 0.0])})
    assert "no measurable share" in error.value.message
    assert mixture.asked == posterior.MAX_LATENTS
    mixture.table[:, 0] = 1e-8
    with pytest.raises(InputError, match="about 1e-08 of the model's rows"):
        drawn(mixture, {0: np.array([1.0, 0.0, 0.0])})


def test_a_condition_that_a_handful_of_latents_carry_is_refused():
    class OneInAMillion(TinyMixture):
        def latents(self, n, rng):
            self.asked += n
            return (rng.random((n, 1)) < 2e-5).astype(np.float32)

    mixture = OneInAMillion(n_latents=2)
    mixture.table[:, :3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    with pytest.raises(InputError, match="are worth"):
        drawn(mixture, {0: np.array([0.0, 1.0, 0.0])})


def test_a_seed_gives_the_same_rows_in_any_portions():
    mixture = TinyMixture()
    first, second, other = (drawn(mixture, CONDITIONS[1], seed=s)[1] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert drawn(mixture, CONDITIONS[1])[0].draw(0, np.random.default_rng(0)).shape == (0, 3)


def test_each_column_is_drawn_by_its_own_distribution():
    mixture = TinyMixture()
    rows = np.repeat(np.arange(5), 4_000)
    values = draw_columns(mixture.table, rows, mixture.sizes, {}, np.random.default_rng(0))
    for latent in range(5):
        alone = TinyMixture(n_latents=1)
        alone.table = mixture.table[latent : latent + 1]
        assert follows(values[rows == latent], exact(alone.joint()), np.inf)


def test_no_code_without_evidence_or_probability_is_ever_drawn():
    cells = np.tile([0.0, 1e-12, 0.5, 0.5 - 1e-12, 0.0, 0.5, 0.5], (7, 1)).astype(np.float32)

    class Ends:
        """Uniform draws at the very ends of the interval."""

        def random(self, shape):
            return np.resize([0.0, np.nextafter(1.0, 0.0)], shape)

    evidence = {0: np.array([1.0, 1.0, 1.0, 0.0, 1.0])}
    values = draw_columns(cells, np.repeat(np.arange(7), 2), (5, 2), evidence, Ends())
    assert set(values[:, 0].tolist()) <= {1, 2}
    assert set(values[:, 1].tolist()) == {0, 1}


@pytest.fixture(scope="module")
def network_model() -> Any:
    codes = linked_codes(2_000)
    generator = load_generator("dpctgan")
    plan = generator.plan(epsilon=8.0, delta=1e-6, n_tables=4, options=SMALL)
    return generator.fit(codes, measured(codes, plan.table_sigma), plan, seed=1, device="cpu")


SIZES = (4, 6, 3, 5)
TWO = {0: np.array([0.0, 1.0, 0.0, 0.0]), 2: np.array([0.0, 0.5, 1.0])}


def _differ(a: np.ndarray, b: np.ndarray) -> bool:
    """Two-sample chi-square on the joint of the two columns without a condition, alpha 1e-6."""
    counts = np.stack([np.bincount(v[:, 1] * 5 + v[:, 3], minlength=30) for v in (a, b)])
    counts = counts[:, counts.sum(0) >= 20]
    found = stats.chi2_contingency(counts, correction=False)
    return bool(found.statistic > stats.chi2.isf(ALPHA, found.dof))


@pytest.mark.slow
def test_two_conditions_give_what_long_rejection_gives(network_model):
    rng = np.random.default_rng(3)
    source = Posterior(network_model, SIZES, TWO, n=50_000, rng=rng)
    ours = source.draw(20_000, rng).astype(int)
    long = Rejection(network_model, SIZES, TWO, n=20_000, rng=rng).draw(20_000, rng).astype(int)
    assert source.support.method == "enumeration"
    assert not _differ(ours, long)
    # The named defect, rows of the model with the condition written over them, is told apart.
    overwritten = network_model.sample(20_000, rng).astype(int)
    assert _differ(overwritten, long)


def test_a_network_s_rows_are_its_mixture(network_model):
    """The means of `distributions` over `latents` are the shares of codes in `sample`."""
    rng = np.random.default_rng(0)
    n = 40_000
    mean = network_model.distributions(network_model.latents(n, rng)).mean(0)
    values = network_model.sample(n, rng)
    shares = np.concatenate(
        [np.bincount(values[:, c], minlength=s) / n for c, s in enumerate(SIZES)]
    )
    # Each side has at most the variance of n Bernoulli draws.
    limit = stats.norm.isf(ALPHA / len(mean)) * np.sqrt(2 * mean * (1 - mean) / n)
    assert (np.abs(shares - mean) < limit).all()


class TestRejection:
    def test_it_follows_the_enumerated_posterior_too(self):
        mixture, evidence = TinyMixture(), CONDITIONS[2]

        class Sampler:
            def sample(self, n, rng):
                rows = rng.integers(0, 5, n)
                return draw_columns(mixture.table, rows, mixture.sizes, {}, rng)

        rng = np.random.default_rng(0)
        values = Rejection(Sampler(), mixture.sizes, evidence, n=N, rng=rng).draw(N, rng)
        assert follows(values, exact(mixture.joint(evidence)), np.inf)

    def test_it_gives_up_on_a_condition_without_mass(self):
        class Constant:
            drawn = 0

            def sample(self, n, rng):
                self.drawn += n
                return np.zeros((n, 1), dtype=np.uint8)

        model = Constant()
        with pytest.raises(InputError, match=r"0 of 50,\d+ sampled rows"):
            Rejection(model, (2,), {0: np.array([0.0, 1.0])}, n=10, rng=np.random.default_rng(0))
        assert model.drawn < 60_000


def test_draw_by_weights_follows_them_and_takes_no_place_without_weight() -> None:
    weights = np.tile([0.0, 3.0, 1.0, 0.0], (40_000, 1))

    places = drawn_by_weight(weights, np.random.default_rng(0))

    counts = np.bincount(places, minlength=4)
    assert counts[0] == counts[3] == 0
    assert stats.binomtest(int(counts[1]), 40_000, 0.75).pvalue > ALPHA


class _Last:
    """A source of random numbers that gives the greatest float below one, where rounding bites."""

    def random(self, n: int) -> np.ndarray:
        return np.full(n, np.nextafter(1.0, 0.0))


def test_draw_by_weights_stays_within_them_at_the_edge_of_rounding() -> None:
    weights = np.array([[1.0, 0.0, 0.0], [0.1, 0.2, 0.0], [5e-324, 0.0, 0.0]])

    places = drawn_by_weight(weights, _Last())  # type: ignore[arg-type]

    assert places.tolist() == [0, 1, 0]

"""Laws that every generator keeps, ours or a third party's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from synthkit import registry
from synthkit.artifacts import Codes
from synthkit.canonical import canonical_json
from synthkit.errors import InputError
from synthkit.generate import (
    FiniteMixture,
    ProductMixture,
    ProgressEvent,
    load_generator,
    storage,
)
from synthkit.generate.posterior import Posterior
from synthkit.generate.rejection import Rejection
from synthkit.privacy.accountant import cost
from synthkit.privacy.event import NoisyTables, UncoveredLook
from tests.generate.conftest import SMALL, linked_codes, measured

NAMES = registry.names("synthkit.generate")
QUICK: dict[str, dict[str, Any]] = {
    "dpctgan": {**SMALL, "match_steps": 10, "critic_steps": 3},
    "ctgan": {"epochs": 1, "batch_size": 50},
}
SIZES = (4, 1, 300, 5)


def _codes() -> Codes:
    base = linked_codes(60, rows_per_unit=2, sizes=(4, 1, 250, 5))
    values = base.values.astype(np.uint16)
    return Codes(columns=base.columns, sizes=SIZES, values=values, units=base.units)


@pytest.fixture(scope="module", params=NAMES)
def fitted(request: pytest.FixtureRequest) -> tuple[str, Any, Any]:
    name = request.param
    generator = load_generator(name)
    options = QUICK.get(name, {})
    plan = generator.plan(epsilon=1.0, delta=1e-6, n_tables=4, options=options)
    codes, seen = _codes(), []
    model = generator.fit(
        codes, measured(codes, plan.table_sigma), plan, seed=1, device="cpu", progress=seen.append
    )
    assert isinstance(seen[-1], ProgressEvent)
    assert seen[-1].step == seen[-1].steps
    return name, generator, model


def test_helpers_of_the_room_are_no_generators() -> None:
    assert set(NAMES) >= {"ctgan", "dpctgan", "independent"}
    for name in NAMES:
        assert load_generator(name).THEOREM


def test_samples_have_the_shape_type_and_range_of_codes(fitted: Any) -> None:
    model = fitted[2]
    for n in (0, 1, 1001):
        values = model.sample(n, np.random.default_rng(0))
        assert values.shape == (n, 4)
        assert values.dtype == np.uint16
        assert (values < np.array(SIZES)).all()


def test_the_same_generator_gives_the_same_rows(fitted: Any) -> None:
    first, second = (fitted[2].sample(500, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    rng = np.random.default_rng(4)
    np.testing.assert_array_equal(first, fitted[2].sample(500, rng))
    assert not np.array_equal(first, fitted[2].sample(500, rng))


def test_a_saved_model_is_the_same_model(fitted: Any, tmp_path: Path) -> None:
    name, generator, model = fitted
    storage.save(tmp_path / "model", model.arrays(), model.description())
    arrays, description = storage.load(tmp_path / "model")
    again = generator.load(arrays, description)
    assert description["generator"] == name
    assert again.description() == model.description()
    drawn = [m.sample(700, np.random.default_rng(2)) for m in (model, again)]
    np.testing.assert_array_equal(*drawn)


def test_a_model_says_whether_it_is_personal_data(fitted: Any) -> None:
    _, generator, model = fitted
    description = json.loads(canonical_json(model.description()))
    assert description["personal_data"] is (not generator.IS_PRIVATE)
    assert description["columns"] == [f"column {i}" for i in range(4)]


def test_sampling_does_not_change_the_model(fitted: Any) -> None:
    model = fitted[2]
    before = {name: array.copy() for name, array in model.arrays().items()}
    model.sample(100, np.random.default_rng(0))
    for name, array in model.arrays().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("name", NAMES)
def test_plans_are_pure_and_keep_to_the_budget(name: str) -> None:
    generator = load_generator(name)
    for epsilon in (0.3, 4.0):
        plans = [
            generator.plan(epsilon=epsilon, delta=1e-6, n_tables=7, options={}) for _ in range(2)
        ]
        assert plans[0] == plans[1]
        plan = plans[0]
        if generator.IS_PRIVATE:
            assert not any(isinstance(e, UncoveredLook) for e in plan.events)
            assert cost(plan.events, delta=1e-6).epsilon <= epsilon
            first = plan.events[0]
            assert isinstance(first, NoisyTables)
            assert (first.sigma, first.tables) == (plan.table_sigma, 7)
        else:
            assert any(isinstance(e, UncoveredLook) and e.in_release for e in plan.events)
            assert plan.table_sigma is None
            assert plan.notes


@pytest.mark.parametrize("name", NAMES)
def test_nonsense_is_refused_before_any_data_is_there(name: str) -> None:
    generator = load_generator(name)
    good: dict[str, Any] = {"epsilon": 1.0, "delta": 1e-6, "n_tables": 3, "options": {}}
    for bad in (
        {"epsilon": 0.0}, {"epsilon": float("nan")}, {"delta": 0.0}, {"n_tables": 0},
        {"options": {"no_such_option": 1}},
    ):  # fmt: skip
        with pytest.raises(InputError):
            generator.plan(**{**good, **bad})


@pytest.mark.parametrize("name", NAMES)
def test_only_generators_without_a_guarantee_do_without_epsilon(name: str) -> None:
    generator = load_generator(name)
    if generator.IS_PRIVATE:
        with pytest.raises(InputError, match="epsilon"):
            generator.plan(epsilon=None, delta=1e-6, n_tables=3, options={})
    else:
        plan = generator.plan(epsilon=None, delta=1e-6, n_tables=3, options={})
        assert any(isinstance(e, UncoveredLook) for e in plan.events)


def _evidence(model: Any) -> dict[int, np.ndarray]:
    """Weights of two columns' codes: of the model's most and least frequent ones, none between.

    By the model's own frequencies: under noise any fixed code can have next to no mass.
    """
    drawn = model.sample(2000, np.random.default_rng(0))
    evidence = {}
    for column, weights in {0: (1.0, 0.0, 0.0, 0.5), 3: (1.0, 0.0, 0.0, 0.25, 1.0)}.items():
        order = np.argsort(-np.bincount(drawn[:, column], minlength=SIZES[column]), kind="stable")
        evidence[column] = np.zeros(SIZES[column])
        evidence[column][order] = weights
    return evidence


def _conditioned(model: Any, evidence: dict[int, np.ndarray], n: int, seed: int) -> np.ndarray:
    """Rows under a condition, by whichever way the generator offers."""
    rng = np.random.default_rng(seed)
    way = Posterior if isinstance(model, ProductMixture) else Rejection
    return way(model, SIZES, evidence, n=n, rng=rng).draw(n, rng)


def test_conditions_hold_in_every_row_and_seeds_decide_them(fitted: Any) -> None:
    model = fitted[2]
    evidence = _evidence(model)
    for n in (0, 1, 1001):
        values = _conditioned(model, evidence, n, 0)
        assert values.shape == (n, 4)
        assert values.dtype == np.uint16
        assert (values < np.array(SIZES)).all()
        for column, weights in evidence.items():
            assert (weights[values[:, column]] > 0).all()
    first, again, other = (_conditioned(model, evidence, 300, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_mixture_s_distributions_are_distributions_and_give_its_rows(fitted: Any) -> None:
    name, _, model = fitted
    if not isinstance(model, ProductMixture):
        assert name not in ("dpctgan", "independent")
        return
    rng = np.random.default_rng(0)
    n = 20_000
    latents = model.latents(n, rng)
    cells = model.distributions(latents)
    assert len(latents) == n
    assert cells.shape == (n, sum(SIZES))
    assert (cells >= 0).all()
    starts = np.cumsum((0, *SIZES[:-1]))
    np.testing.assert_allclose(np.add.reduceat(cells, starts, axis=1), 1.0, atol=1e-5)
    values = model.sample(n, rng)
    shares = [np.bincount(values[:, c], minlength=s) / n for c, s in enumerate(SIZES)]
    mean = cells.mean(0, dtype=np.float64)
    # Twice the variance of n Bernoulli draws bounds that of the difference; alpha 1e-6 in all,
    # and one draw of grace where a share is too small for a normal law.
    limit = stats.norm.isf(1e-6 / len(mean)) * np.sqrt(2 * mean * (1 - mean) / n) + 10 / n
    assert (np.abs(np.concatenate(shares) - mean) < limit).all()


def test_a_mixture_that_is_not_what_is_sampled_would_be_caught(fitted: Any) -> None:
    """The law above with a planted fault: distributions that give one code to its neighbour."""
    model = fitted[2]
    if not isinstance(model, ProductMixture):
        return
    rng = np.random.default_rng(0)
    mean = model.distributions(model.latents(5_000, rng)).mean(0, dtype=np.float64)
    wrong, heaviest = mean[:4].copy(), int(mean[:4].argmax())
    wrong[heaviest] = 0.0
    wrong[(heaviest + 1) % 4] += mean[heaviest]
    shares = np.bincount(model.sample(20_000, rng)[:, 0], minlength=4) / 20_000
    spread = np.sqrt(2 * np.maximum(wrong * (1 - wrong), 0.0) / 20_000)
    limit = stats.norm.isf(1e-6 / len(mean)) * spread + 5e-4
    assert (np.abs(shares - wrong) > limit).any()


def _hides_its_latents(model: Any) -> bool:
    """Whether latents that are drawn come again, and yet cannot be listed."""
    drawn = model.latents(2_000, np.random.default_rng(0))
    comes_again = drawn.shape[1] == 0 or len(np.unique(drawn, axis=0)) < len(drawn)
    return comes_again and not isinstance(model, FiniteMixture)


class _Unlisted:
    """The planted fault: a mixture of few latents that does not say so."""

    def __init__(self, inner: Any) -> None:
        self.latents, self.distributions = inner.latents, inner.distributions


def test_a_mixture_of_few_latents_lists_them_all(fitted: Any) -> None:
    model = fitted[2]
    if not isinstance(model, ProductMixture):
        return
    assert not _hides_its_latents(model)
    assert _hides_its_latents(_Unlisted(model))


def test_listed_latents_are_those_that_are_drawn(fitted: Any) -> None:
    model = fitted[2]
    if not isinstance(model, FiniteMixture):
        return
    latents, prior = model.all_latents()
    assert latents.dtype == np.float32
    assert prior.dtype == np.float64
    assert (prior > 0).all()
    assert prior.sum() == pytest.approx(1.0, rel=1e-12)
    assert latents.shape[1] == 0 or len(np.unique(latents, axis=0)) == len(latents)
    assert len(prior) == len(latents)
    n = 40_000
    drawn = model.latents(n, np.random.default_rng(0))
    together = np.concatenate([latents, drawn])
    if latents.shape[1] == 0:
        assert len(latents) == 1
        return
    _, place = np.unique(together, axis=0, return_inverse=True)
    place = place.reshape(-1)
    counts = np.bincount(place[len(latents) :], minlength=len(latents))
    assert len(counts) == len(latents), "a latent was drawn that is not listed"
    wanted = np.empty(len(latents))
    wanted[place[: len(latents)]] = prior * n
    found = float(((counts - wanted) ** 2 / wanted).sum())
    assert found < stats.chi2.isf(1e-6, max(len(latents) - 1, 1))


def test_what_a_listed_mixture_says_of_a_condition_is_summed_over_its_latents(fitted: Any) -> None:
    model = fitted[2]
    if not isinstance(model, FiniteMixture):
        return
    latents, prior = model.all_latents()
    cells = model.distributions(latents).astype(np.float64)
    evidence = _evidence(model)
    weights, starts = prior.copy(), np.cumsum((0, *SIZES))
    for column, given in evidence.items():
        weights *= cells[:, starts[column] : starts[column + 1]] @ given
    support = Posterior(
        model, SIZES, evidence, n=100_000, rng=np.random.default_rng(0)
    ).support  # fmt: skip
    assert support.mass == pytest.approx(weights.sum(), rel=1e-9)
    assert support.effective == pytest.approx(
        weights.sum() ** 2 / np.square(weights).sum(), rel=1e-9
    )
    assert support.effective <= len(latents) == support.drawn

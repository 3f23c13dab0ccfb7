from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from synthkit.artifacts import Codes
from synthkit.errors import InputError, IntegrityError
from synthkit.generate import Plan, ProgressEvent, dpctgan, independent, storage, training
from synthkit.generate.two_way import TWO_WAY
from synthkit.privacy import mechanism
from synthkit.privacy.accountant import cost, cross_check
from synthkit.privacy.event import NoisyGradients, NoisyTables

from .conftest import SMALL, global_numpy_state, linked_codes, measured, two_way_distance


def _plan(epsilon: float = 1.0, n_tables: int = 4, **options: Any) -> Plan:
    return dpctgan.plan(epsilon=epsilon, delta=1e-6, n_tables=n_tables, options=options)


def _fit(codes: Codes, plan: Plan, seed: int = 0, tables: Any = None, **more: Any) -> Any:
    one_way = tables or measured(codes, plan.table_sigma)
    return dpctgan.fit(codes, one_way, plan, seed=seed, device="cpu", **more)


@pytest.fixture(scope="module")
def small_model() -> Any:
    codes = linked_codes(300)
    return _fit(codes, _plan(**SMALL))


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("n_tables", [1, 15])
def test_the_plan_never_costs_more_than_the_budget(epsilon: float, n_tables: int) -> None:
    plan = _plan(epsilon, n_tables)
    assert 0.9 * epsilon <= cost(plan.events, delta=1e-6).epsilon <= epsilon


@pytest.mark.parametrize(
    "options",
    [
        {"two_way_share": 0}, {"gradient_share": 0}, {"sample_rate": 1.0, "critic_steps": 3},
        {"two_way_share": 0.0, "gradient_share": 0.9, "sample_rate": 0.01, "critic_steps": 2000},
    ],
)  # fmt: skip
def test_nor_does_it_under_other_options(options: dict[str, Any]) -> None:
    assert cost(_plan(2.0, 6, **options).events, delta=1e-6).epsilon <= 2.0


def test_other_accountants_agree_on_the_cost() -> None:
    plan = _plan(1.0, 15)
    ours = cost(plan.events, delta=1e-6).epsilon
    others = cross_check(plan.events, delta=1e-6)
    assert others["opacus_rdp"] >= ours
    assert abs(others["opacus_prv"] - ours) <= 0.01 * ours


def test_too_little_noise_would_be_seen_by_the_other_accountants() -> None:
    plan = _plan(1.0, 15)
    halved = [
        replace(e, sigma=e.sigma / 2) if isinstance(e, NoisyTables) else e for e in plan.events
    ]
    assert cross_check(halved, delta=1e-6)["opacus_prv"] > 1.3


def _gradients(**arguments: Any) -> NoisyGradients:
    options = {"gradient_share": 0.1, **arguments.pop("options", {})}
    arguments = {"epsilon": 1.0, "delta": 1e-6, "n_tables": 15, **arguments}
    plan = dpctgan.plan(options=options, **arguments)
    [found] = [e for e in plan.events if isinstance(e, NoisyGradients)]
    assert plan.options["sample_rate"] == found.sample_rate
    return found


@pytest.mark.parametrize(
    ("rows_public", "rate"),
    [(None, 0.05), (50, 0.05), (32_000, 0.05), (1_000_000, 1.6e-3), (10_000_000, 1.6e-4)],
)
def test_the_sample_rate_falls_with_the_public_number_of_rows(
    rows_public: int | None, rate: float
) -> None:
    assert _gradients(rows_public=rows_public).sample_rate == pytest.approx(rate)


def test_a_sample_rate_that_is_given_stays() -> None:
    gradients = _gradients(rows_public=10_000_000, options={"sample_rate": 0.01})
    assert gradients.sample_rate == 0.01


def _table_sigma(**arguments: Any) -> float:
    plan = dpctgan.plan(
        epsilon=1.0, delta=1e-6, n_tables=15, options={"gradient_share": 0.1}, **arguments
    )
    assert plan.table_sigma is not None
    return plan.table_sigma


@pytest.mark.parametrize("rows_public", [300_000, 1_000_000, 10_000_000, 10**9])
def test_a_small_rate_costs_the_tables_no_noise(rows_public: int) -> None:
    assert _gradients(rows_public=rows_public).noise_multiplier >= dpctgan.LEAST_NOISE
    assert _table_sigma(rows_public=rows_public) <= _table_sigma()


def test_without_a_least_noise_a_small_rate_would_multiply_the_noise_of_the_tables(
    monkeypatch,
) -> None:
    # By the central limit alone the multiplier is 0.6, and the tables pay for its tail.
    fair = _table_sigma(rows_public=10_000_000)
    monkeypatch.setattr(dpctgan, "LEAST_NOISE", 0.0)
    assert _table_sigma(rows_public=10_000_000) > 3 * fair


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 3.0, 10.0])
def test_at_the_largest_rate_the_least_noise_changes_nothing(epsilon: float, monkeypatch) -> None:
    usual = _gradients(epsilon=epsilon)
    monkeypatch.setattr(dpctgan, "LEAST_NOISE", 0.0)
    assert _gradients(epsilon=epsilon).noise_multiplier == pytest.approx(
        usual.noise_multiplier, rel=1e-3
    )


def test_other_accountants_agree_on_the_cost_of_small_rates() -> None:
    # The gradients alone, with so little noise that they cost: what the tables cost is known.
    event = NoisyGradients(name="g", noise_multiplier=0.6, sample_rate=1.6e-4, steps=30_000)
    ours = cost([event], delta=1e-6).epsilon
    others = cross_check([event], delta=1e-6)
    assert 0.5 < ours < 10.0
    assert others["opacus_rdp"] >= ours
    assert abs(others["opacus_prv"] - ours) <= 0.02 * ours
    less = replace(event, noise_multiplier=0.5)
    assert cross_check([less], delta=1e-6)["opacus_prv"] > 1.3 * ours


def test_the_plan_follows_its_shares() -> None:
    shares = {"two_way_share": 0.7, "gradient_share": 0.2}
    one, two, gradients = _plan(1.0, 10, **shares).events
    assert isinstance(one, NoisyTables)
    assert isinstance(two, NoisyTables)
    assert isinstance(gradients, NoisyGradients)
    assert (one.tables, two.tables) == (10, 45)
    ratio = (two.tables / two.sigma**2) / (one.tables / one.sigma**2)
    assert ratio == pytest.approx(0.7 / 0.1)


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 10.0])
def test_the_discriminator_is_trained_on_request_alone(epsilon: float) -> None:
    plan = _plan(epsilon, 10)
    assert [e.name for e in plan.events] == ["one-way tables", TWO_WAY]
    assert plan.recipe.endswith("no discriminator.")
    # The plan's options say what was decided, so the same plan follows from them again.
    assert _plan(epsilon, 10, **plan.options).events == plan.events
    asked = _plan(epsilon, 10, gradient_share=0.1)
    assert isinstance(asked.events[-1], NoisyGradients)
    assert "refined by a discriminator" in asked.recipe


def test_a_negative_share_is_refused() -> None:
    with pytest.raises(InputError, match="gradient_share"):
        _plan(gradient_share=-0.5)


def test_with_a_target_the_plan_buys_its_three_way_tables_in_place_of_pairs() -> None:
    def bought(two_valued: list[int], **options: Any) -> Any:
        plan = dpctgan.plan(
            epsilon=1.0, delta=1e-6, n_tables=10, options=options, targets=[3, 5, 7],
            two_valued=two_valued,
        )  # fmt: skip
        assert cost(plan.events, delta=1e-6).epsilon <= 1.0
        joint = plan.events[1]
        assert isinstance(joint, NoisyTables)
        return plan.targets, joint.name, joint.tables

    assert bought([3, 7]) == ((3,), "three-way tables with the target", 36)
    # Of ten columns 24 of the 45 pairs have one of three targets: more than a fifth as it is.
    assert bought([]) == ((3, 5, 7), "two-way tables", 45)
    assert bought([3], tables="pairs") == ((3, 5, 7), "two-way tables", 45)


@pytest.mark.parametrize("rows_per_unit", [1, 3])
def test_pairs_with_a_target_get_a_fifth_of_the_tables_budget_where_they_are_few(
    rows_per_unit: int,
) -> None:
    plan = dpctgan.plan(
        epsilon=1.0, delta=1e-6, n_tables=40, options={}, targets=[7], rows_per_unit=rows_per_unit
    )
    assert 0.999 < cost(plan.events, delta=1e-6).epsilon <= 1.0
    one_way, others, firsts = plan.events
    assert isinstance(one_way, NoisyTables)
    assert isinstance(others, NoisyTables)
    assert isinstance(firsts, NoisyTables)
    assert (others.name, others.tables) == ("two-way tables", 741 * rows_per_unit)
    assert (firsts.name, firsts.tables) == ("two-way tables with a target", 39 * rows_per_unit)
    mu = [e.tables / e.sigma**2 for e in (one_way, others, firsts)]
    assert mu[2] / (mu[1] + mu[2]) == pytest.approx(0.2)
    assert (mu[1] + mu[2]) / sum(mu) == pytest.approx(float(plan.options["two_way_share"]))
    assert "less noise where one is a target" in plan.recipe


@pytest.mark.parametrize(
    ("n_columns", "targets", "options"),
    [
        (40, [], {}),
        (40, [7], {"target_share": 0.0}),
        (40, [7], {"target_share": 0.05}),  # 39 of 780 pairs: as much as their number asks for
        (8, [7], {}),
        (3, [0, 1, 2], {"target_share": 0.9}),  # no pair is without a target
    ],
)
def test_else_all_pairs_have_one_noise(
    n_columns: int, targets: list[int], options: dict[str, float]
) -> None:
    plan = dpctgan.plan(
        epsilon=1.0, delta=1e-6, n_tables=n_columns, options=options, targets=targets
    )
    assert [e.name for e in plan.events] == ["one-way tables", TWO_WAY]
    assert plan.events[1].tables == n_columns * (n_columns - 1) // 2  # type: ignore[union-attr]


def test_links_with_the_target_are_learned_from_three_way_tables() -> None:
    # The target is the exclusive or of two columns: no pair of columns shows any of it.
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2, (3000, 3)).astype(np.uint8)
    values[:, 2] = values[:, 0] ^ values[:, 1]
    codes = Codes(
        columns=("a", "b", "target"), sizes=(2, 2, 2), values=values, units=np.arange(3000)
    )
    options = {**SMALL, "match_steps": 300, "gradient_share": 0}
    agreed = []
    for targets in ([2], []):
        plan = dpctgan.plan(
            epsilon=20.0, delta=1e-6, n_tables=3, options=options, targets=[2], two_valued=targets
        )
        drawn = _fit(codes, plan).sample(3000, np.random.default_rng(0))
        agreed.append(float((drawn[:, 0] ^ drawn[:, 1] == drawn[:, 2]).mean()))
    assert agreed[0] > 0.9
    assert agreed[1] < 0.7


def test_shares_that_leave_nothing_for_the_one_way_tables_are_refused() -> None:
    with pytest.raises(InputError, match="leave less than"):
        _plan(two_way_share=0.7, gradient_share=0.3)


def test_a_single_column_has_no_pairs_and_can_be_learned() -> None:
    codes = linked_codes(200, sizes=(5,))
    plan = _plan(5.0, 1, **SMALL)
    assert sum(isinstance(e, NoisyTables) for e in plan.events) == 1
    assert _fit(codes, plan).sample(10, np.random.default_rng(0)).shape == (10, 1)


def test_tables_with_other_noise_than_planned_are_refused() -> None:
    codes = linked_codes(50)
    for sigma in (None, 1.0):
        with pytest.raises(InputError, match="noise of the plan"):
            _fit(codes, _plan(**SMALL), tables=measured(codes, sigma))


def test_links_between_columns_are_learned() -> None:
    # At a generous budget the pairs must come out far better than independent columns can.
    codes = linked_codes(2000)
    plan = _plan(20.0, **{**SMALL, "match_steps": 300, "hidden": 64, "learning_rate": 5e-3})
    drawn = _fit(codes, plan).sample(4000, np.random.default_rng(0))
    alone = independent.plan(epsilon=20.0, delta=1e-6, n_tables=4, options={})
    baseline = independent.fit(codes, measured(codes, alone.table_sigma), alone, seed=0)
    apart = two_way_distance(codes, baseline.sample(4000, np.random.default_rng(0)))
    assert two_way_distance(codes, drawn) < 0.5 * apart


def test_the_discriminator_alone_teaches_links() -> None:
    # No two-way tables: what the generator knows of links came through DP-SGD.
    codes = linked_codes(1500, sizes=(4, 4, 2))
    options = {
        **SMALL, "two_way_share": 0, "gradient_share": 0.9, "match_steps": 50, "batch_size": 128,
        "critic_steps": 150, "sample_rate": 0.2, "critic_steps_per_step": 1, "hidden": 64,
        "critic_hidden": 64, "adversarial_learning_rate": 2e-3, "anchor_weight": 10.0,
    }  # fmt: skip
    drawn = _fit(codes, _plan(100.0, 3, **options)).sample(4000, np.random.default_rng(0))
    shuffled = np.random.default_rng(0).permuted(codes.values, axis=0)
    assert two_way_distance(codes, drawn) < 0.8 * two_way_distance(codes, shuffled)


def test_a_saved_model_draws_the_same(small_model: Any, tmp_path: Path) -> None:
    storage.save(tmp_path / "m", small_model.arrays(), small_model.description())
    again = dpctgan.load(*storage.load(tmp_path / "m"))
    drawn = [m.sample(9000, np.random.default_rng(5)) for m in (small_model, again)]
    np.testing.assert_array_equal(*drawn)
    assert not np.array_equal(drawn[0], again.sample(9000, np.random.default_rng(6)))


def test_a_model_whose_arrays_and_description_disagree_is_refused(small_model: Any) -> None:
    arrays, description = small_model.arrays(), small_model.description()
    with pytest.raises(IntegrityError):
        dpctgan.load(arrays, {**description, "sizes": [1, 2]})
    with pytest.raises(IntegrityError):
        dpctgan.load({"latents": arrays["latents"]}, description)
    with pytest.raises(IntegrityError):
        dpctgan.load({**arrays, "positions": arrays["positions"] + 1000}, description)
    with pytest.raises(IntegrityError):
        dpctgan.load({**arrays, "latents": arrays["latents"][1:]}, description)


def test_sampling_leaves_global_generators_alone(small_model: Any) -> None:
    before = torch.random.get_rng_state(), global_numpy_state()
    small_model.sample(10, np.random.default_rng(0))
    _fit(linked_codes(30), _plan(**{**SMALL, "match_steps": 2, "critic_steps": 2}))
    assert torch.equal(before[0], torch.random.get_rng_state())
    np.testing.assert_array_equal(before[1], global_numpy_state())


# What depends on the seed, and what must not.

GRADIENTS_ONLY = {**SMALL, "two_way_share": 0, "gradient_share": 0.5, "match_steps": 0}


def _is_repeatable(seed: int) -> bool:
    codes, plan = linked_codes(100), _plan(**GRADIENTS_ONLY)
    tables = measured(codes, plan.table_sigma)
    weights = [_fit(codes, plan, seed, tables).arrays()["network.2.weight"] for _ in range(2)]
    return bool(np.array_equal(*weights))


def test_the_same_seed_gives_other_noise_each_time() -> None:
    assert not _is_repeatable(7)


def test_noise_that_a_seed_reaches_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def seeded(device: Any = "cpu") -> torch.Generator:
        return torch.Generator(device).manual_seed(7)

    monkeypatch.setattr(mechanism, "secret_torch_generator", seeded)
    assert _is_repeatable(7)


def test_global_seeds_do_not_reach_the_noise() -> None:
    codes, plan = linked_codes(100), _plan(**GRADIENTS_ONLY)
    tables, weights = measured(codes, plan.table_sigma), []
    state = torch.random.get_rng_state()
    for _ in range(2):
        torch.manual_seed(0)
        weights.append(_fit(codes, plan, 0, tables).arrays()["network.2.weight"])
    torch.random.set_rng_state(state)
    assert not np.array_equal(*weights)


# What the model holds.


def _tables_only(codes: Codes, plan: Plan, tables: Any) -> dict[str, np.ndarray]:
    return dpctgan.fit(codes, tables, plan, seed=0).arrays()


def test_under_the_same_noisy_tables_other_rows_give_the_same_model() -> None:
    # Noise is recorded on one table and its answers replayed on another: whatever still differs
    # would have come from the rows past the noise.
    plan = _plan(**{**SMALL, "gradient_share": 0})
    codes, other = linked_codes(120), linked_codes(120, seed=5)
    tables = measured(codes, plan.table_sigma)
    with mechanism._recording() as tape:
        first = _tables_only(codes, plan, tables)
    with mechanism._replaying(tape):
        second = _tables_only(other, plan, tables)
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


def test_a_fit_that_peeks_past_the_noise_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from synthkit.generate import session

    real = session.Conditions

    def peeking(probabilities: Any, device: Any) -> Any:
        return real([np.bincount(v, minlength=len(p)) + 0.0 for v, p in
                     zip(peeking.rows.T, probabilities, strict=True)], device)  # fmt: skip

    monkeypatch.setattr(session, "Conditions", peeking)
    plan = _plan(**{**SMALL, "gradient_share": 0})
    codes, other = linked_codes(120), linked_codes(120, seed=5)
    tables = measured(codes, plan.table_sigma)
    peeking.rows = codes.values  # type: ignore[attr-defined]
    with mechanism._recording() as tape:
        first = _tables_only(codes, plan, tables)
    peeking.rows = other.values  # type: ignore[attr-defined]
    with mechanism._replaying(tape):
        second = _tables_only(other, plan, tables)
    assert any(not np.array_equal(array, second[name]) for name, array in first.items())


def _holds(blob: bytes, row: np.ndarray) -> bool:
    kinds = (np.uint8, np.uint16, np.int32, np.int64, np.float32, np.float64)
    return any(row.astype(kind).tobytes() in blob for kind in kinds)


def test_no_row_lies_in_the_model_file(tmp_path: Path) -> None:
    sizes = (251, 241, 239, 233, 229, 227, 223, 211)
    sentinel = np.array([250, 240, 238, 232, 228, 226, 222, 210], dtype=np.uint8)
    codes = linked_codes(400, sizes=sizes)
    rng = np.random.default_rng(0)
    codes.values[:] = np.stack([rng.integers(0, size, 400) for size in sizes], axis=1)
    codes.values[:40] = sentinel
    plan = _plan(5.0, 8, **{**SMALL, "two_way_cells": 2000, "match_steps": 5})
    model = _fit(codes, plan)
    path = tmp_path / "m"
    storage.save(path, model.arrays(), model.description())
    blob = path.read_bytes()
    for row in codes.values[39:70]:
        assert not _holds(blob, row)
    n_rows_or_units = {400}
    for name, array in model.arrays().items():
        assert name in ("latents", "positions") or name.startswith("network.")
        assert not n_rows_or_units & set(array.shape)
    leaking = {**model.arrays(), "sampler": codes.values[:1].astype(np.int64)}
    storage.save(path, leaking, model.description())
    assert _holds(path.read_bytes(), sentinel), "the search would find a row if there were one"


def test_neither_discriminator_nor_exact_size_is_kept(small_model: Any) -> None:
    text = str(small_model.description()) + str(list(small_model.arrays()))
    for word in ("critic", "optim", "300", "exp_avg", "seed"):
        assert word not in text


# Progress.


def test_progress_counts_to_the_end_and_says_nothing_of_the_rows() -> None:
    seen: list[ProgressEvent] = []
    _fit(linked_codes(80), _plan(**SMALL), progress=seen.append)
    total = SMALL["match_steps"] + SMALL["critic_steps"]
    assert [e.step for e in seen] == sorted({e.step for e in seen})
    assert seen[-1].step == seen[-1].steps == total
    assert seen[0].seconds_left is None
    assert all(e.seconds_left >= 0 for e in seen[1:])
    assert {f for e in seen for f in vars(e)} == {
        "step", "steps", "seconds_left", "loss", "private_steps", "epsilon_so_far"
    }  # fmt: skip
    made = [e.private_steps for e in seen]
    assert made == sorted(made)
    assert (made[0], made[-1]) == (0, SMALL["critic_steps"])
    assert all(e.epsilon_so_far is None for e in seen), "the pipeline knows delta, and adds it"


def test_a_slow_first_step_says_nothing_of_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    forward = training.Trainer._forward

    def slow_at_first(trainer: Any, batch: int | None = None) -> Any:
        now[0] += 60.0 if now[0] < 60 else 0.0
        return forward(trainer, batch)

    monkeypatch.setattr(training.time, "monotonic", clock)
    monkeypatch.setattr(training.Trainer, "_forward", slow_at_first)
    seen: list[ProgressEvent] = []
    plan = _plan(**{**SMALL, "match_steps": 100, "gradient_share": 0})
    _fit(linked_codes(80), plan, progress=seen.append)
    assert now[0] > 60
    assert len(seen) > 20
    assert seen[0].seconds_left is None, "one slow step tells nothing"
    assert seen[-1].seconds_left == 0
    assert all(0.5 < e.seconds_left / (e.steps - e.step) < 3 for e in seen[1:-1])


def test_under_the_same_noise_progress_is_the_same_for_other_rows() -> None:
    # The loss is worked out from noisy tables: with these given, the rows do not matter.
    plan = _plan(**{**SMALL, "gradient_share": 0})
    tables = measured(linked_codes(80), plan.table_sigma)

    def losses(seed: int, tape: mechanism._Tape | None) -> tuple[list[float | None], Any]:
        codes, seen = linked_codes(80, seed=seed), []
        context = mechanism._recording() if tape is None else mechanism._replaying(tape)
        with context as made:
            dpctgan.fit(codes, tables, plan, seed=1, progress=seen.append)
        return [e.loss for e in seen], made

    first, tape = losses(0, None)
    assert losses(7, tape)[0] == first
    assert losses(7, None)[0] != first
    assert None not in first


def test_the_loss_is_about_one_where_only_noise_is_left_to_fit() -> None:
    # Independent columns, much noise: a model that knows the truth misses each noisy cell by its
    # noise, and one that fits 60 cells with more weights than that comes closer.
    seen: list[ProgressEvent] = []
    plan = _plan(1.0, **{**SMALL, "match_steps": 150, "gradient_share": 0})
    _fit(linked_codes(3000), plan, progress=seen.append)
    assert seen[0].loss is not None
    assert seen[-1].loss is not None
    assert seen[0].loss > 3 * seen[-1].loss
    assert 0.05 < seen[-1].loss < 3


@pytest.mark.parametrize("n_units", [1, 2])
def test_tiny_tables_train_too(n_units: int) -> None:
    model = _fit(linked_codes(n_units), _plan(**{**SMALL, "match_steps": 5}))
    values = model.sample(50, np.random.default_rng(0))
    assert (values < np.array([4, 6, 3, 5])).all()


def test_zero_rows_may_be_asked_for(small_model: Any) -> None:
    assert small_model.sample(0, np.random.default_rng(0)).shape == (0, 4)

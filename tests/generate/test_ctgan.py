from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from synthkit.artifacts import Codes
from synthkit.errors import InputError
from synthkit.generate import ctgan, storage
from synthkit.privacy.event import UncoveredLook

from .conftest import global_numpy_state, linked_codes, measured, two_way_distance

FAST = {"epochs": 2, "batch_size": 50}


def _plan(**options: Any) -> Any:
    return ctgan.plan(epsilon=1.0, delta=1e-6, n_tables=4, options=options)


def _fit(codes: Codes, seed: int = 0, **options: Any) -> Any:
    plan = _plan(**{**FAST, **options})
    return ctgan.fit(codes, measured(codes, None), plan, seed=seed, device="cpu")


@pytest.fixture(scope="module")
def model() -> Any:
    return _fit(linked_codes(300))


def test_the_plan_says_that_nothing_is_covered_and_epsilon_unused() -> None:
    plan = _plan()
    assert not ctgan.IS_PRIVATE
    assert plan.table_sigma is None
    assert all(isinstance(e, UncoveredLook) and e.in_release for e in plan.events)
    assert "epsilon" in plan.notes[0]
    assert "not used" in plan.events[0].reason


def test_the_model_says_that_it_is_personal_data(model: Any) -> None:
    assert model.description()["personal_data"] is True


def test_batches_must_suit_the_package() -> None:
    with pytest.raises(InputError, match="multiple of 10"):
        _plan(batch_size=55)


def test_codes_that_no_row_has_are_never_drawn() -> None:
    base = linked_codes(200)
    values = base.values.copy()
    values[:, 1] = np.where(values[:, 1] == 2, 5, values[:, 1])
    codes = Codes(columns=base.columns, sizes=base.sizes, values=values, units=base.units)
    drawn = _fit(codes, epochs=1).sample(3000, np.random.default_rng(0))
    assert 2 not in drawn[:, 1]
    assert 5 in drawn[:, 1]


def test_a_saved_model_draws_the_same(model: Any, tmp_path: Path) -> None:
    storage.save(tmp_path / "m", model.arrays(), model.description())
    again = ctgan.load(*storage.load(tmp_path / "m"))
    drawn = [m.sample(777, np.random.default_rng(5)) for m in (model, again)]
    np.testing.assert_array_equal(*drawn)


def test_the_same_seed_gives_the_same_model_and_leaves_global_generators_alone() -> None:
    codes = linked_codes(100)
    before = torch.random.get_rng_state(), global_numpy_state()
    first, second = _fit(codes, seed=3).arrays(), _fit(codes, seed=3).arrays()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])
    assert torch.equal(before[0], torch.random.get_rng_state())
    np.testing.assert_array_equal(before[1], global_numpy_state())


def test_row_ids_and_sampler_of_the_package_are_not_kept(model: Any) -> None:
    for name, array in model.arrays().items():
        assert name in ("categories", "frequencies") or name.startswith("network.seq.")
        assert 300 not in array.shape


def test_the_rebuilt_network_draws_what_the_package_draws() -> None:
    # Two samples of 5,000 rows from one distribution over 4 x 6 cells differ by about .03 in
    # two-way distance; a network with other weights, or with running statistics, by .1 and more.
    import pandas as pd
    from ctgan import CTGAN

    codes = linked_codes(300)
    names = [str(i) for i in range(4)]
    package = CTGAN(epochs=2, batch_size=50, enable_gpu=False)
    package.set_random_state(0)
    package.fit(pd.DataFrame(codes.values.astype(np.int64), columns=names), names)
    theirs = package.sample(5000).to_numpy()
    ours = _fit(codes, seed=0)
    reference = replace(codes, values=theirs)
    assert two_way_distance(reference, ours.sample(5000, np.random.default_rng(0))) < 0.06
    another = _fit(codes, seed=5).sample(5000, np.random.default_rng(0))
    assert two_way_distance(reference, another) > 0.06

"""CTGAN without privacy: the `ctgan` package as the reference that private generators chase.

Takes codes, gives a model with NO guarantee: the package learns from exact frequencies and rows
(Xu et al. 2019, arXiv:1907.00503). Its output may stand beside a private release in an internal
comparison; it is personal data as the table itself is.

The `ctgan` package is licensed under BUSL-1.1 (source available, not open source; see its licence
for what production use is granted). It is imported and called here, never copied; this is the only
file that does so. A fitted model is reduced to the generator's weights, the layout and the
frequencies of conditions; row ids and the sampler that the package keeps are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from synthkit.errors import InputError, IntegrityError
from synthkit.generate import Plan, Progress, ProgressEvent
from synthkit.generate.device import resolve
from synthkit.generate.layout import check_codes, code_dtype
from synthkit.generate.options import Option, check_budget, validate
from synthkit.privacy.event import Event, UncoveredLook

if TYPE_CHECKING:
    import torch

    from synthkit.artifacts import Codes, OneWayTables

IS_PRIVATE = False

THEOREM = "No guarantee: CTGAN learns from exact frequencies and unclipped gradients of rows."

_PAC = 10
"""Rows that the package's discriminator judges together; batches are multiples of it."""
_LATENT = 128
_HIDDEN = (256, 256)

OPTIONS = (
    Option(name="epochs", default=50, low=1, high=100_000, meaning="passes over the rows"),
    Option(
        name="batch_size", default=500, low=_PAC, high=1_000_000,
        meaning=f"rows per step, a multiple of {_PAC}",
    ),
)  # fmt: skip


def plan(
    *,
    epsilon: float | None,
    delta: float,
    n_tables: int,
    options: Mapping[str, Any],
    before: Sequence[Event] = (),
    rows_per_unit: int = 1,
    targets: Sequence[int] = (),
    two_valued: Sequence[int] = (),
    rows_public: int | None = None,
) -> Plan:
    """States that nothing is covered; epsilon (may be None) and delta are checked, then not used.

    All rows are used however many a unit has: `rows_per_unit` bounds nothing here.

    Raises:
        InputError: On a meaningless budget or unusable options.
    """
    check_budget(epsilon=1.0 if epsilon is None else epsilon, delta=delta, n_tables=n_tables)
    checked = validate(options, OPTIONS, generator="ctgan")
    if int(checked["batch_size"]) % _PAC:
        raise InputError(
            f"The batch_size of generator 'ctgan' is not a multiple of {_PAC}.",
            hint="Use 500, as its paper does.",
        )
    look = UncoveredLook(
        name="CTGAN training",
        reason="CTGAN reads rows and exact frequencies without noise; epsilon is not used",
        in_release=True,
    )
    note = "Generator 'ctgan' gives no privacy guarantee: epsilon and delta were not used."
    return Plan(
        table_sigma=None,
        events=(look,),
        options=checked,
        notes=(note,),
        recipe=f"The ctgan package as it is, {checked['epochs']} epochs.",
    )


class CTGANModel:
    """Weights of the package's generator network, with what is needed to draw from it.

    Args:
        columns: Names of the columns.
        sizes: Number of codes of each column.
        categories: Codes of each column that training met, in the network's order.
        frequencies: Distribution from which conditions are drawn, per column.
        weights: Parameters of the network by name.
        batch_size: Rows per forward pass; the network normalises within a batch, as in training.
    """

    def __init__(
        self,
        *,
        columns: Sequence[str],
        sizes: Sequence[int],
        categories: Sequence[np.ndarray],
        frequencies: Sequence[np.ndarray],
        weights: Mapping[str, np.ndarray],
        batch_size: int,
    ) -> None:
        self.columns = tuple(columns)
        self.sizes = tuple(sizes)
        self.categories = tuple(categories)
        self.frequencies = tuple(frequencies)
        self.weights = dict(weights)
        self.batch_size = batch_size
        self._network = _rebuild(sum(len(c) for c in categories), self.weights)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws `n` rows of codes, shape (n, n_columns), as the package draws them."""
        from synthkit.generate.sampling import sample_codes

        met = sample_codes(
            self._network,
            self.frequencies,
            latent=_LATENT,
            n=n,
            rng=rng,
            batch_rows=self.batch_size,
            max_rows_per_latent=1,
        )
        values = np.empty(met.shape, dtype=code_dtype(self.sizes))
        for column, codes in enumerate(self.categories):
            values[:, column] = codes[met[:, column]]
        return values

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns weights, categories and frequencies."""
        return {
            "categories": np.concatenate(self.categories),
            "frequencies": np.concatenate(self.frequencies),
            **{f"network.{name}": array for name, array in self.weights.items()},
        }

    def description(self) -> dict[str, Any]:
        """Returns the layout; says that the model is personal data."""
        return {
            "generator": "ctgan",
            "columns": list(self.columns),
            "sizes": list(self.sizes),
            "categories": [len(c) for c in self.categories],
            "batch_size": self.batch_size,
            "personal_data": True,
        }


def fit(
    codes: Codes,
    one_way: OneWayTables,
    plan: Plan,
    *,
    seed: int,
    device: str = "cpu",
    progress: Progress | None = None,
) -> CTGANModel:
    """Trains the package's CTGAN with every column as a discrete one.

    Args:
        codes: The real rows.
        one_way: Not used; CTGAN counts by itself.
        plan: Of this module's `plan`.
        seed: Everything random; the package's global generators are restored afterwards.
        device: `cpu`, `cuda` or `auto`.
        progress: Called once at the end: the package offers no hook in between.

    Raises:
        InputError: If the device is missing, or there are no rows.
    """
    import pandas as pd
    from ctgan import CTGAN

    check_codes(codes, one_way)
    if len(codes.values) == 0:
        raise InputError("There are no rows to learn from.", hint="CTGAN needs at least one row.")
    names = [str(i) for i in range(len(codes.columns))]
    batch_size = int(plan.options["batch_size"])
    synthesizer = CTGAN(
        epochs=int(plan.options["epochs"]),
        batch_size=batch_size,
        embedding_dim=_LATENT,
        generator_dim=_HIDDEN,
        pac=_PAC,
        enable_gpu=resolve(device).type == "cuda",
    )
    synthesizer.set_random_state(seed)
    # PRIVACY: real rows and exact frequencies, no noise; stated as `UncoveredLook` in the plan.
    synthesizer.fit(pd.DataFrame(codes.values.astype(np.int64), columns=names), names)
    model = _reduced(synthesizer, codes, batch_size)
    if progress is not None:
        progress(ProgressEvent(step=1, steps=1, seconds_left=0.0))
    return model


def load(arrays: Mapping[str, np.ndarray], description: Mapping[str, Any]) -> CTGANModel:
    """Rebuilds a model from its arrays and description.

    Raises:
        IntegrityError: If arrays and description do not fit each other.
    """
    try:
        ends = np.cumsum(description["categories"])[:-1]
        prefix = "network."
        return CTGANModel(
            columns=description["columns"],
            sizes=description["sizes"],
            categories=np.split(arrays["categories"], ends),
            frequencies=np.split(arrays["frequencies"], ends),
            weights={
                name.removeprefix(prefix): array
                for name, array in arrays.items()
                if name.startswith(prefix)
            },
            batch_size=int(description["batch_size"]),
        )
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise IntegrityError(
            "The model's arrays do not fit its description.", hint="Make or fetch the model again."
        ) from error


def _reduced(synthesizer: Any, codes: Codes, batch_size: int) -> CTGANModel:
    """Takes out of a fitted synthesizer what sampling needs, and nothing else."""
    infos = synthesizer._transformer._column_transform_info_list
    categories = [np.asarray(info.transform.dummies, dtype=np.int64) for info in infos]
    table = synthesizer._data_sampler._discrete_column_category_prob  # (n_columns, widest)
    weights = {
        name: tensor.detach().cpu().numpy()
        for name, tensor in synthesizer._generator.state_dict().items()
        if not _is_running_statistic(name)
    }
    return CTGANModel(
        columns=codes.columns,
        sizes=codes.sizes,
        categories=categories,
        frequencies=[row[: len(own)].copy() for row, own in zip(table, categories, strict=True)],
        weights=weights,
        batch_size=batch_size,
    )


def _is_running_statistic(name: str) -> bool:
    return name.rpartition(".")[2] in ("running_mean", "running_var", "num_batches_tracked")


def _rebuild(width: int, weights: Mapping[str, np.ndarray]) -> torch.nn.Module:
    """Builds the package's own network with these weights.

    The package samples with normalisation by batch, not by running statistics; the same here.
    """
    import torch
    from ctgan.synthesizers.ctgan import Generator

    with torch.random.fork_rng(devices=[]):  # building draws weights that are then replaced
        network: torch.nn.Module = Generator(_LATENT + width, _HIDDEN, width)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.track_running_stats = False
            module.running_mean = module.running_var = module.num_batches_tracked = None
    network.load_state_dict({n: torch.as_tensor(np.array(a)) for n, a in weights.items()})
    return network.eval()

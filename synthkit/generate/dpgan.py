"""Discriminator alone: the generator network of `dpctgan`, trained by DP-SGD gradients only.

Takes what `dpctgan` takes, gives its model. No table of several columns is bought: nine tenths of
the budget are planned for the gradients of the discriminator (Opacus), as in DPGAN (Xie, Lin, Wang,
Wang and Zhou 2018, arXiv:1802.06739), one tenth for the one-way tables that conditions are drawn
from. It is what a GAN under differential privacy can do by itself; `dpctgan` is better where both
were measured (docs/benchmarks.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from synthkit.generate import Plan, Progress, dpctgan, patience
from synthkit.generate.dpctgan import IS_PRIVATE, THEOREM, DPCTGANModel, load
from synthkit.generate.options import validate
from synthkit.privacy.event import Event

if TYPE_CHECKING:
    from synthkit.artifacts import Codes, OneWayTables

__all__ = ["IS_PRIVATE", "OPTIONS", "THEOREM", "fit", "load", "plan"]

GRADIENT_SHARE = 0.9
_FIXED = {"two_way_share": 0.0, "gradient_share": GRADIENT_SHARE, "tables": "pairs"}
"""What makes this generator what it is."""
_DEFAULTS: Mapping[str, float | int] = {"match_steps": 200, "critic_steps": 2000}
# What noise decides in `dpctgan` is decided by its joint tables, and there are none here.
_MEANINGS = {
    "match_steps": "steps against the one-way tables before the discriminator; -1: "
    f"{patience.USUAL_STEPS:,}",
    "information_weight": "what it costs a latent to tell of columns; -1: 800",
}
OPTIONS = tuple(
    dataclasses.replace(
        o, default=_DEFAULTS.get(o.name, o.default), meaning=_MEANINGS.get(o.name, o.meaning)
    )
    for o in dpctgan.OPTIONS
    if o.name not in (*_FIXED, "two_way_cells", "target_share")
)


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
    """As `dpctgan.plan`, for one-way tables and gradients.

    Raises:
        InputError: On a meaningless budget, unknown or impossible options.
    """
    checked = validate(options, OPTIONS, generator="dpgan")
    found = dpctgan.plan(
        epsilon=epsilon,
        delta=delta,
        n_tables=n_tables,
        options={**checked, **_FIXED},
        before=before,
        rows_per_unit=rows_per_unit,
        targets=targets,
        two_valued=two_valued,
        rows_public=rows_public,
    )
    own = {o.name for o in OPTIONS}
    return dataclasses.replace(
        found, options={name: value for name, value in found.options.items() if name in own}
    )


def fit(
    codes: Codes,
    one_way: OneWayTables,
    plan: Plan,
    *,
    seed: int,
    device: str = "cpu",
    progress: Progress | None = None,
) -> DPCTGANModel:
    """Trains within the plan; see `dpctgan.fit`."""
    model = dpctgan.fit(codes, one_way, plan, seed=seed, device=device, progress=progress)
    model.generator = "dpgan"
    return model

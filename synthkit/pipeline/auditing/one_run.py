"""Layer C of the audit: the whole fit once, on a copy of the table with canaries, attacked.

Makes the release exactly as planned, watches every noisy answer, scores every canary. Also looks
whether rows drawn from the model are canaries: a generator that copies rows is found out so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.artifacts import AuditCheck
from synthkit.pipeline.auditing.canaries import Planted, plant
from synthkit.pipeline.auditing.scoring import Scorer
from synthkit.pipeline.auditing.sizes import NoiseSizes
from synthkit.pipeline.making import Measured, Planned, bought, encoded, trained
from synthkit.privacy import mechanism
from synthkit.privacy.event import NoisyGradients

if TYPE_CHECKING:
    import polars as pl
    import torch

    from synthkit.artifacts import Codes
    from synthkit.generate import Model as InnerModel
    from synthkit.generate import Progress

COPIES_ALPHA = 1e-4


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """What the attack found."""

    planted: Planted
    scores: np.ndarray
    """Shape (n_canaries,); high: believed inside."""
    scored: tuple[str, ...]
    checks: tuple[AuditCheck, ...]
    codes: Codes
    """Of the copy; for further checks, never released."""


def attack(
    job: Planned,
    train: pl.DataFrame,
    *,
    canaries: int,
    rng: np.random.Generator,
    progress: Progress,
) -> Attacked:
    """Fits once under watch; the model is attacked and thrown away.

    Args:
        job: What is audited; its events are charged by the caller.
        train: Frame conformed to the job's reading schema, shape (n_rows, n_columns).
        canaries: Number of canaries, inside or not.
        rng: Secret randomness of canaries and coins.
        progress: Receives the steps of the training.
    """
    from synthkit.encode.domains import mapped

    gradients = next((e for e in job.plan.events if isinstance(e, NoisyGradients)), None)
    sizes = NoiseSizes(job.plan.rows_per_unit)
    # PRIVACY: the looks of `job.events`; domains are bought on the table, the rest is measured on a
    # copy with canaries. Nothing of it is released.
    with mechanism.watched(sizes):
        schema = bought(job, train)
    inside = mapped(train, schema)
    planted = plant(inside, schema, canaries=canaries, rows_each=job.plan.rows_per_unit, rng=rng)
    scorer = Scorer(planted, gradients, sizes)
    with mechanism.watched(scorer):
        found = encoded(job, schema, planted.table)
        codes = found.fitted.codec.encode(planted.canaries, np.arange(canaries)).values
        scorer.see_codes(codes, _one_hot(job, found, codes))
        model = trained(job, found, progress)
    sizes.probe(job.events)
    return Attacked(
        planted=planted,
        scores=scorer.scores(),
        scored=tuple(sorted(scorer.kinds)),
        checks=(*sizes.checks(job.events), copies_check(job, model, codes, planted)),
        codes=found.fitted.codes,
    )


def _one_hot(job: Planned, found: Measured, codes: np.ndarray) -> torch.Tensor:
    import torch

    from synthkit.generate.device import resolve
    from synthkit.generate.layout import Layout

    layout = Layout(found.fitted.codes.sizes, resolve(job.making.device))
    return layout.one_hot(torch.as_tensor(codes.astype(np.int64), device=layout.device))


def copies_check(
    job: Planned, model: InnerModel, codes: np.ndarray, planted: Planted
) -> AuditCheck:
    """Looks for canaries among rows drawn from the model, as many as the copy has.

    A canary outside comes up by chance alone, one inside by chance or because it was copied. Each
    hit is a guess "inside", and (epsilon, delta)-DP limits how many such guesses are right.
    """
    from synthkit.evaluate.audit.one_run import p_value
    from synthkit.privacy import accountant

    drawn = model.sample(planted.table.height, np.random.default_rng(0))
    seen = {row.tobytes() for row in np.ascontiguousarray(drawn)}
    hits = np.array([row.astype(drawn.dtype).tobytes() in seen for row in codes])
    inside, all_hits = int(hits[planted.inside].sum()), int(hits.sum())
    claim = accountant.cost(job.events, delta=job.delta).epsilon
    tail = (
        p_value(len(codes), all_hits, inside, epsilon=claim, delta=job.delta) if all_hits else 1.0
    )
    return AuditCheck(
        layer="release",
        name="canaries among the drawn rows",
        outcome="fail" if tail < COPIES_ALPHA else "pass",
        reason=f"{inside} canaries from inside the copy and {all_hits - inside} from outside came "
        "up among as many rows as the copy has.",
    )

"""Layer C of the audit: the whole fit once, on a copy of the table with canaries, attacked.

Makes the release exactly as planned, watches every noisy answer, scores every canary. Also looks
whether rows drawn from the model are canaries: a generator that copies rows is found out so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthkit.artifacts import AuditCheck
from synthkit.pipeline.auditing.canaries import Planted
from synthkit.pipeline.auditing.scoring import Scorer
from synthkit.pipeline.making import Measured, Planned, measured, trained
from synthkit.privacy import mechanism
from synthkit.privacy.event import NoisyGradients

if TYPE_CHECKING:
    from synthkit.artifacts import Codes
    from synthkit.generate import Model as InnerModel
    from synthkit.generate import Progress

COPIES_ALPHA = 1e-4


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """What the attack found."""

    scores: np.ndarray
    """Shape (n_canaries,); high: believed inside."""
    scored: tuple[str, ...]
    copies: AuditCheck
    codes: Codes
    """Of the copy; for further checks, never released."""


def attack(job: Planned, planted: Planted, progress: Progress) -> Attacked:
    """Fits once under watch; the model is attacked and thrown away.

    Args:
        job: What is audited; its events are charged by the caller.
        planted: The copy of the table with canaries.
        progress: Receives the steps of the training.
    """
    import torch

    from synthkit.encode import domains as shop
    from synthkit.generate.device import resolve
    from synthkit.generate.layout import Layout

    gradients = next((e for e in job.plan.events if isinstance(e, NoisyGradients)), None)
    scorer = Scorer(planted, gradients)
    # PRIVACY: the looks of `job.events` at a copy with canaries; nothing of it is released.
    with mechanism.watched(scorer):
        found = measured(
            job,
            planted.table,
            before_encoding=lambda s: scorer.see_rows(shop.mapped(planted.canaries, s)),
        )
        codes = _codes_of(planted, found)
        layout = Layout(found.fitted.codes.sizes, resolve(job.making.device))
        hot = layout.one_hot(torch.as_tensor(codes.astype(np.int64), device=layout.device))
        scorer.see_codes(codes, hot)
        model = trained(job, found, progress)
    return Attacked(
        scores=scorer.scores(),
        scored=tuple(sorted(scorer.kinds)),
        copies=copies_check(model, codes, planted),
        codes=found.fitted.codes,
    )


def _codes_of(planted: Planted, found: Measured) -> np.ndarray:
    """The canaries as codes, inside or not, shape (n_canaries, n_columns)."""
    from synthkit.encode import domains as shop

    rows = shop.mapped(planted.canaries, found.schema)
    return found.fitted.codec.encode(rows, np.arange(rows.height)).values


def copies_check(model: InnerModel, codes: np.ndarray, planted: Planted) -> AuditCheck:
    """Looks for canaries among rows drawn from the model, as many as the copy has.

    A canary outside is found by chance alone, one inside by chance or because it was copied: given
    how many were found, those inside are Binomial(found, share of canaries inside).
    """
    from scipy import stats

    drawn = model.sample(planted.table.height, np.random.default_rng(0))
    seen = {row.tobytes() for row in np.ascontiguousarray(drawn)}
    kind = drawn.dtype
    hits = np.array([row.astype(kind).tobytes() in seen for row in codes])
    inside, outside = int(hits[planted.inside].sum()), int(hits[~planted.inside].sum())
    share = float(planted.inside.mean())
    tail = float(stats.binom.sf(inside - 1, inside + outside, share)) if inside else 1.0
    return AuditCheck(
        layer="release",
        name="canaries among the drawn rows",
        outcome="fail" if tail < COPIES_ALPHA else "pass",
        reason=f"Of {len(drawn):,} drawn rows, {inside} canaries from inside the copy and "
        f"{outside} from outside came up.",
    )

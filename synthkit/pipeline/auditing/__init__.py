"""`synthkit audit`: attack a plan's own fit, and set what is found beside what it claims.

Takes a plan, gives an `Audit`; releases no model and no row. Three layers: `replay` (A: the course
of a fit on neighbouring tables under the same noise), `step` (B: one noisy gradient, one sampler),
`one_run` (C: the whole fit on a copy with canaries). Layers A and B are checks that pass or fail;
layer C gives lower bounds on epsilon.

The fit of layer C is a fit on real people: it is charged to their account like any other. Layers A
and B look at real rows as well; that is recorded, and what they leave behind (pass or fail, and how
many rows and units the copy had) stays inside: an audit is for the operator, never for release.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from synthkit.artifacts import Audit, AuditCheck
from synthkit.errors import InputError
from synthkit.pipeline.making import Planned, making_of, planned, reading_schema, way_of_making
from synthkit.pipeline.plan import Plan
from synthkit.pipeline.progress import Progress, Stages
from synthkit.pipeline.versions import versions
from synthkit.privacy.event import UncoveredLook

if TYPE_CHECKING:
    import polars as pl

    from synthkit.pipeline.auditing.one_run import Attacked
    from synthkit.privacy.ledger import Ledger

REPLAY = UncoveredLook(
    name="audit on real rows",
    reason="the replay on neighbours, the sampler's test and the sizes of noise look at real rows; "
    "pass or fail stays inside",
    in_release=False,
)
LEAST_CANARIES, MOST_CANARIES = 50, 1_000_000
MOST_SHARE = 0.1
"""Canaries beyond this share of the units would disturb the fit that is audited, and each other."""


def audit(
    plan: Plan,
    *,
    canaries: int = 1000,
    confidence: float = 0.95,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Audits the fit of a plan.

    Args:
        plan: What `synthkit run` would do; only table, schema and the way of fitting matter.
        canaries: Made-up units, each in the copy of the table by a fair coin; fewer are used where
            they would be more than a tenth of the table's units.
        confidence: Of each of the two bounds.
        ledger: None: the ledger at `SYNTHKIT_LEDGER`, or the user's own.
        progress: Receives stages and steps.

    Returns:
        Bounds, checks and verdict; `synthkit run` prints it if the plan names the file.

    Raises:
        InputError: If the table, schema or an option is unusable, the generator makes no claim,
            or the table has too few units to hide canaries among.
        BudgetExceeded: If the population's cap would be passed; nothing is fitted then.
    """
    from synthkit.generate.device import one_thread
    from synthkit.pipeline.run import train_and_holdout
    from synthkit.privacy.ledger import Ledger
    from synthkit.schema import load
    from synthkit.source import unit_index

    _check_arguments(canaries, confidence)
    stages = Stages(progress)
    schema = load(plan.schema)
    with stages("plan the noise"):
        job = planned(schema, making_of(plan))
    if not job.plugin.IS_PRIVATE:
        raise InputError(
            f"The generator {plan.generator!r} makes no claim that an audit could test.",
            hint="Audit a private generator, for example --generator dpctgan.",
        )
    reading = reading_schema(schema, generator=plan.generator, domains=plan.domains)
    train, _, _ = train_and_holdout(plan, reading, stages)
    canaries = _affordable(canaries, int(unit_index(train, schema).max()) + 1)
    ledger = ledger or Ledger()
    population = plan.population or schema.population
    # PRIVACY: the fit of the audit is charged before it looks, like any; a crash keeps it spent.
    reservation = ledger.reserve(
        population,
        schema.privacy_unit,
        [*job.events, REPLAY],
        delta=job.delta,
        note=f"audit: {plan.name}",
    )
    with one_thread():
        attacked, checks = _attack(job, train, canaries, stages)
    found = _written(plan, job, population, attacked, checks, confidence)
    ledger.settle(reservation)
    return found


def _attack(
    job: Planned, train: pl.DataFrame, canaries: int, stages: Stages
) -> tuple[Attacked, tuple[AuditCheck, ...]]:
    """Runs the three layers on rows whose look has been charged."""
    from synthkit.pipeline.auditing import one_run, replay, step
    from synthkit.privacy.mechanism import secret_numpy_generator

    rng = secret_numpy_generator()
    with stages("replay on neighbours"):
        checks = list(replay.checks(job, train, rng))
    with stages("fit beside canaries"):
        attacked = one_run.attack(
            job, train, canaries=canaries, rng=rng, progress=stages.progress.step
        )
    with stages("audit one step"):
        checks += step.checks(job, attacked.codes)
    return attacked, (*checks, *attacked.checks)


def _written(
    plan: Plan,
    job: Planned,
    population: str,
    attacked: Attacked,
    checks: tuple[AuditCheck, ...],
    confidence: float,
) -> Audit:
    """Bounds epsilon from the scores and sets everything beside the claim."""
    from synthkit.evaluate.audit import assumption_free, gaussian_fit, judge
    from synthkit.privacy import accountant

    price = accountant.cost(job.events, delta=job.delta)
    inside = attacked.planted.inside
    bounds = tuple(
        bound(attacked.scores, inside, delta=job.delta, confidence=confidence)
        for bound in (assumption_free, gaussian_fit)
    )
    verdict, reasons = judge(price.epsilon, bounds, checks)
    return Audit(
        name=plan.name,
        generator=plan.generator,
        options=job.plan.options,
        unit=job.schema.privacy_unit,
        claim_epsilon=price.epsilon,
        claim_delta=job.delta,
        claim_mu=price.mu,
        canaries=len(inside),
        canaries_inside=int(inside.sum()),
        rows=attacked.planted.table.height,
        scored=attacked.scored,
        bounds=bounds,
        checks=checks,
        verdict=verdict,
        reasons=reasons,
        population=population,
        created=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        plan_sha256=way_of_making(job),
        versions=versions(),
    )


def _check_arguments(canaries: int, confidence: float) -> None:
    """Refuses what would be refused after the charge.

    Raises:
        InputError: If either is out of range.
    """
    if isinstance(canaries, bool) or not LEAST_CANARIES <= canaries <= MOST_CANARIES:
        raise InputError(
            f"An audit takes from {LEAST_CANARIES} to {MOST_CANARIES:,} canaries.",
            hint="1000 is usual.",
        )
    if not 0.5 <= confidence < 1:
        raise InputError(
            "The confidence of an audit is from 0.5 up to, but not including, 1.",
            hint="0.95 is usual.",
        )


def _affordable(canaries: int, units: int) -> int:
    """Returns how many canaries to use among so many units.

    Raises:
        InputError: If they would be too few for any bound.
    """
    # PRIVACY: the exact number of units decides only how many canaries an internal audit uses.
    most = int(units * MOST_SHARE)
    if most < LEAST_CANARIES:
        raise InputError(
            "The table has too few people or rows to audit: 50 canaries among at least 500 are "
            "needed.",
            hint="Audit a plan of the same schema and options on a larger or a simulated table.",
        )
    return min(canaries, most)

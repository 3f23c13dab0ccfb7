"""The privacy statement of one fit: what is claimed, for whom, on which grounds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synthkit.artifacts import EventRecord, PrivacyStatement
from synthkit.privacy.event import (
    Event,
    NoisyGradients,
    NoisyTables,
    ThresholdedTables,
    UncoveredLook,
)
from synthkit.privacy.gaussian import squared_mu
from synthkit.schema import Schema

if TYPE_CHECKING:
    from synthkit.pipeline.making import Planned

CONTRIBUTION = {
    "person": "Of each person's rows, one (chosen at random, anew at every look) is counted in the "
    "tables and one enters a training step, so a person counts once however many rows they have.",
    "row": "Each row is its own unit; a person with several rows is protected less.",
}
SEVERAL_ROWS = (
    "Of each person's rows, up to {most} (chosen at random, anew at every look) are used: each is "
    "counted in a set of tables with noise of its own, and together they bring at most one clipped "
    "gradient to a training step."
)
RANDOMNESS = (
    "Noise, unit sampling and row choice come from generators seeded by the operating system's "
    "entropy for this run alone: no user seed reaches them and their state is never stored."
)
ASSUMPTIONS = (
    "Names, kinds and roles of columns, the order of day and month, the words that mean missing, "
    "the targets, the constraints and the public number of rows are taken as declared by whoever "
    "signs the schema: what was learned from the table in writing them down is not bounded here."
)
EXACT_COUNTS = "Counts are noised exactly on integers (OpenDP)."
NO_GRADIENTS = f"{EXACT_COUNTS} No other noise was used."
GRADIENTS = (
    f"{EXACT_COUNTS} Gradient noise is floating-point (sum of four normals per value, against "
    "precision attacks) and priced as ideal noise, which no proof covers; noised gradients and the "
    "discriminator are never released."
)


def event_record(event: Event) -> EventRecord:
    """Writes one event as a line of the statement."""
    match event:
        case NoisyTables():
            return EventRecord(
                name=event.name,
                mechanism="discrete Gaussian",
                covered=True,
                in_release=True,
                parameters={"sigma": event.sigma, "tables": event.tables},
            )
        case ThresholdedTables():
            return EventRecord(
                name=event.name,
                mechanism="discrete Gaussian with a threshold",
                covered=True,
                in_release=True,
                parameters={"sigma": event.sigma, "tables": event.tables, "delta": event.delta},
                note="a value that only one unit has is told with probability at most delta",
            )
        case NoisyGradients():
            return EventRecord(
                name=event.name,
                mechanism="Poisson-subsampled Gaussian",
                covered=True,
                in_release=True,
                parameters={
                    "noise_multiplier": event.noise_multiplier,
                    "sample_rate": event.sample_rate,
                    "steps": event.steps,
                },
            )
        case UncoveredLook():
            return EventRecord(
                name=event.name,
                mechanism="no noise",
                covered=False,
                in_release=event.in_release,
                parameters={},
                note=event.reason,
            )


def _records(events: Sequence[Event]) -> tuple[EventRecord, ...]:
    """Writes all events, each with its share of what all of them take."""
    squares = [squared_mu(e) for e in events]
    whole = math.fsum(squares)
    return tuple(
        dataclasses.replace(event_record(e), share=square / whole if square else None)
        for e, square in zip(events, squares, strict=True)
    )


def _floating_point(events: Sequence[Event]) -> str:
    """Says how exact the noise of the covered looks is."""
    covered = [e for e in events if not isinstance(e, UncoveredLook)]
    if not covered:
        return "No noise was used."
    return GRADIENTS if any(isinstance(e, NoisyGradients) for e in covered) else NO_GRADIENTS


def contribution(unit: str, rows_per_person: int) -> str:
    """Says how a unit's contribution is bounded."""
    if unit == "row" or rows_per_person == 1:
        return CONTRIBUTION[unit]
    return SEVERAL_ROWS.format(most=rows_per_person)


def write_statement(
    schema: Schema,
    job: Planned,
    *,
    events: Sequence[Event],
    population: str,
    spent: Any,
) -> PrivacyStatement:
    """Prices the events and writes down the claim.

    Args:
        schema: The table's schema, with the domains that were bought.
        job: How the model was made.
        events: Every look at real rows, the job's and others'.
        population: Whom the ledger charged.
        spent: `Ledger.spent(population)` after the charge.
    """
    from synthkit.privacy import accountant, theorems

    is_private, delta = job.plugin.IS_PRIVATE, job.delta
    uncovered = any(isinstance(e, UncoveredLook) and e.in_release for e in events)
    cost = accountant.cost(events, delta=delta) if is_private else None
    proofs = theorems.of_looks(events, unit=schema.privacy_unit)
    return PrivacyStatement(
        private=is_private and not uncovered,
        generator=job.making.generator,
        epsilon=cost.epsilon if cost else None,
        delta=delta if cost else None,
        target_epsilon=job.making.epsilon if cost else None,
        mu=cost.mu if cost else None,
        mu_delta=cost.mu_delta if cost else None,
        rho=cost.rho if cost else None,
        rho_note=cost.rho_note if cost else "",
        cross_check=accountant.cross_check(events, delta=delta) if cost else {},
        unit=schema.privacy_unit,
        unit_column=schema.person_id if schema.privacy_unit == "person" else None,
        neighboring_relation="add or remove one " + schema.privacy_unit,
        contribution=contribution(schema.privacy_unit, job.plan.rows_per_unit),
        accountant=cost.accountant if cost else "none",
        events=_records(events),
        public_columns=tuple(c.name for c in schema.encoded if c.domain_source == "public"),
        data_columns=job.data_columns,
        bought_columns=tuple(c.name for c in schema.encoded if c.domain_source == "noisy"),
        assumptions=ASSUMPTIONS,
        theorem=f"{proofs} {job.plugin.THEOREM}".strip(),
        recipe=job.plan.recipe,
        randomness=RANDOMNESS,
        floating_point=_floating_point(events),
        population=population,
        population_epsilon=spent.epsilon,
        population_delta=spent.delta,
        epsilon_at_population_delta=(
            accountant.cost(events, delta=spent.delta).epsilon if cost else None
        ),
        population_cap=spent.cap,
        population_releases=spent.releases,
    )

"""The privacy statement of one fit: what is claimed, for whom, on which grounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthkit.artifacts import EventRecord, PrivacyStatement
from synthkit.privacy.event import Event, NoisyGradients, NoisyTables, UncoveredLook
from synthkit.schema import Schema

CONTRIBUTION = {
    "person": "Of each person's rows, one (chosen at random, anew at every look) is counted in the "
    "tables and one enters a training step, so a person counts once however many rows they have.",
    "row": "Each row is its own unit; a person with several rows is protected less.",
}
RANDOMNESS = (
    "Noise, unit sampling and row choice come from generators seeded by the operating system's "
    "entropy for this run alone: no user seed reaches them and their state is never stored."
)
FLOATING_POINT = (
    "Counts are noised exactly on integers (OpenDP). Gradient noise is floating-point (sum of "
    "four normals per value, against precision attacks); noised gradients and the discriminator "
    "are never released."
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


def write_statement(
    schema: Schema,
    *,
    generator: str,
    is_private: bool,
    target_epsilon: float | None,
    delta: float,
    events: Sequence[Event],
    data_columns: tuple[str, ...],
    theorem: str,
    population: str,
    spent: Any,
) -> PrivacyStatement:
    """Prices the events and writes down the claim.

    Args:
        schema: The table's schema.
        generator: Name of the generator.
        is_private: Whether the generator claims a guarantee at all.
        target_epsilon: What was asked for.
        delta: At which delta epsilon is stated.
        events: Every look at real rows of this job.
        data_columns: Columns whose domain was read from the data.
        theorem: The generator's guarantee and where it is proved, or "no guarantee" and why.
        population: Whom the ledger charged.
        spent: `Ledger.spent(population)` after the charge.
    """
    from synthkit.privacy import accountant

    uncovered = any(isinstance(e, UncoveredLook) and e.in_release for e in events)
    cost = accountant.cost(events, delta=delta) if is_private else None
    return PrivacyStatement(
        private=is_private and not uncovered,
        generator=generator,
        epsilon=cost.epsilon if cost else None,
        delta=delta if cost else None,
        target_epsilon=target_epsilon if cost else None,
        mu=cost.mu if cost else None,
        cross_check=accountant.cross_check(events, delta=delta) if cost else {},
        unit=schema.privacy_unit,
        unit_column=schema.person_id if schema.privacy_unit == "person" else None,
        neighboring_relation="add or remove one " + schema.privacy_unit,
        contribution=CONTRIBUTION[schema.privacy_unit],
        accountant=cost.accountant if cost else "none",
        events=tuple(event_record(e) for e in events),
        public_columns=tuple(c.name for c in schema.encoded if c.name not in data_columns),
        data_columns=data_columns,
        theorem=theorem,
        randomness=RANDOMNESS,
        floating_point=FLOATING_POINT,
        population=population,
        population_epsilon=spent.epsilon,
        population_cap=spent.cap,
        population_releases=spent.releases,
    )

"""How a model is made, in three steps that a fit and an audit share: plan, measure, train.

`planned` decides all noise from public facts; whoever calls must charge its `events` before
`measured` or `trained` is called, for these two look at rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthkit import canonical
from synthkit.errors import InputError
from synthkit.pipeline.deriving import covering
from synthkit.pipeline.number_looks import check_rest, looks_for_roundness, looks_for_spikes
from synthkit.pipeline.plan import (
    DOMAIN_SHARE,
    ROUNDNESS_SHARE,
    SPIKE_SHARE,
    Domains,
    require_epsilon,
)
from synthkit.pipeline.plan import Plan as ReleasePlan
from synthkit.privacy.event import Event, UncoveredLook
from synthkit.schema import (
    Column,
    Follows,
    Schema,
    column_names,
    from_data,
    not_public,
    opened,
    require_domains,
)
from synthkit.schema.feasibility import require_possible

if TYPE_CHECKING:
    import polars as pl

    from synthkit.encode import Fitted
    from synthkit.generate import Generator, Plan, Progress
    from synthkit.generate import Model as InnerModel
    from synthkit.privacy.ledger import Ledger

DOMAINS_FROM_DATA = "domains read from the data"
PROPOSED_SCHEMA = "schema as proposed from the data"


@dataclass(frozen=True, kw_only=True)
class Making:
    """Everything that decides how a model is made, but for the rows."""

    epsilon: float | None
    """Target of the fit; None only for a generator without privacy."""
    delta: float | None = None
    """None: the default of the schema's public row count."""
    generator: str = "dpctgan"
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    seed: int = 0
    """Public randomness only."""
    device: str = "auto"
    domains: Domains = "buy"
    """`buy`: domains of columns marked `from: data` are bought within the budget. `as_written`:
    they are taken from the schema, outside it; so are all domains of a generator without privacy.
    """
    domain_share: float = DOMAIN_SHARE
    """Share of the budget's mu^2 that buys domains."""
    spike_share: float = SPIKE_SHARE
    """Share of the budget's mu^2 that finds values which many rows share."""
    roundness_share: float = ROUNDNESS_SHARE
    """Share of the budget's mu^2 that finds how round numbers are."""
    rows_per_person: int = 1
    """Most rows of a person that one look uses."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A making with its noise, before any look."""

    making: Making
    schema: Schema
    plugin: Generator
    plan: Plan
    delta: float
    looks: tuple[Event, ...]
    """Those that buy domains."""
    spike_looks: tuple[Event, ...]
    """Those that find values which many rows share."""
    round_looks: tuple[Event, ...]
    """Those that count how round numbers are."""
    data_columns: tuple[str, ...]
    """Columns whose domain is taken from the data, outside the budget."""

    @property
    def events(self) -> tuple[Event, ...]:
        """Every look at rows that measuring and training will take."""
        uncovered = uncovered_schema(self.schema, self.data_columns)
        return (*self.looks, *self.spike_looks, *self.round_looks, *self.plan.events, *uncovered)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the looks before training gave."""

    schema: Schema
    """With the domains that were bought."""
    fitted: Fitted


def making_of(plan: ReleasePlan) -> Making:
    """Returns what a release plan says about how its model is made."""
    return Making(
        epsilon=plan.epsilon,
        delta=plan.delta,
        generator=plan.generator,
        options=dict(plan.options),
        seed=plan.seed,
        device=plan.device,
        domains=plan.domains,
        domain_share=plan.domain_share,
        spike_share=plan.spike_share,
        roundness_share=plan.roundness_share,
        rows_per_person=plan.rows_per_person,
    )


def planned(schema: Schema, making: Making) -> Planned:
    """Decides all noise from the schema and the making; looks at no row.

    Raises:
        InputError: On unusable options, a missing domain or a missing device.
    """
    from synthkit import encode
    from synthkit.encode import domains as shop
    from synthkit.generate import load_generator
    from synthkit.generate.device import resolve
    from synthkit.privacy import accountant

    plugin = load_generator(making.generator)
    require_epsilon(making.generator, making.epsilon)
    if making.device not in ("auto", "cpu"):
        resolve(making.device)  # a missing GPU is told before anything is charged
    if making.rows_per_person != 1 and schema.privacy_unit == "row":
        raise InputError(
            "rows_per_person needs a person: the schema's privacy unit is the row.",
            hint="Declare a person_id column, or leave rows_per_person out.",
        )
    delta = making.delta
    if delta is None:
        delta = accountant.default_delta(schema.rows_public)
    schema = _unlearned(schema)
    to_buy = from_data(schema) if buys(making.generator, making.domains) else ()
    require_possible(schema, as_written=not to_buy)
    # Refuses an unusable declared domain; those to be bought are not looked at.
    declared = tuple(c for c in schema.columns if c.name not in to_buy)
    encode.n_tables(dataclasses.replace(schema, columns=declared))
    looks: tuple[Event, ...] = ()
    if to_buy:
        assert making.epsilon is not None  # required of every private generator, above
        looks = shop.events(schema, epsilon=making.epsilon, delta=delta, share=making.domain_share)
    spike_looks = looks_for_spikes(schema, making, delta, to_buy)
    round_looks = looks_for_roundness(schema, making, delta, to_buy)
    check_rest(
        making,
        buys=bool(looks),
        finds_spikes=bool(spike_looks),
        finds_roundness=bool(round_looks),
    )
    plan = plugin.plan(
        epsilon=making.epsilon,
        delta=delta,
        n_tables=len(schema.encoded),
        options=making.options,
        before=(*looks, *spike_looks, *round_looks),
        rows_per_unit=making.rows_per_person,
        targets=[p for p, c in enumerate(schema.encoded) if c.name in schema.targets],
        two_valued=_two_valued_targets(schema, to_buy),
        rows_public=schema.rows_public,
    )
    return Planned(
        making=making,
        schema=schema,
        plugin=plugin,
        plan=plan,
        delta=delta,
        looks=looks,
        spike_looks=spike_looks,
        round_looks=round_looks,
        data_columns=() if to_buy else from_data(schema),
    )


def _unlearned(schema: Schema) -> Schema:
    """Returns the schema without what an earlier fit wrote into its rules.

    That fit may have had no guarantee, and the values that a rule names join bought domains.
    """
    rules = tuple(
        dataclasses.replace(rule, learned=()) if isinstance(rule, Follows) else rule
        for rule in schema.constraints
    )
    return dataclasses.replace(schema, constraints=rules)


def _two_valued_targets(schema: Schema, to_buy: tuple[str, ...]) -> list[int]:
    """Returns the positions of the targets that are known beforehand to have two values.

    A table with such a target costs each pair of columns little. How many values a column has whose
    domain is yet to be bought is not public, whatever the schema lists.
    """
    return [
        position
        for position, column in enumerate(schema.encoded)
        if column.name in schema.targets and _has_two_values(column, to_buy)
    ]


def _has_two_values(column: Column, to_buy: tuple[str, ...]) -> bool:
    if column.kind == "boolean":
        return True  # by its kind, whatever is bought of it
    return column.name not in to_buy and len(column.categories or ()) == 2


def measured(job: Planned, train: pl.DataFrame) -> Measured:
    """Buys the domains that are to be bought, encodes the rows and measures one-way tables.

    Args:
        job: What was planned, and charged.
        train: Frame conformed to `reading_schema`, shape (n_rows, n_schema_columns).
    """
    return encoded(job, bought(job, train), train)


def bought(job: Planned, train: pl.DataFrame) -> Schema:
    """Buys the domains that are to be bought; returns the schema with them."""
    from synthkit.encode import domains as shop
    from synthkit.source import unit_index

    if not job.looks:
        return job.schema
    # PRIVACY: the looks of `job.looks`, which the caller has charged.
    return covering(shop.buy(train, job.schema, unit_index(train, job.schema), job.looks))


def encoded(job: Planned, schema: Schema, train: pl.DataFrame) -> Measured:
    """Encodes rows, brought inside bought domains one by one, and measures one-way tables."""
    from synthkit import encode
    from synthkit.encode import roundness, spikes
    from synthkit.source import unit_index

    units = unit_index(train, schema)
    levels: roundness.Levels | None
    # PRIVACY: looks of `job.spike_looks`, `job.round_looks` and `job.plan.events`, which the caller
    # has charged; exact ones where the generator has no guarantee.
    if job.plugin.IS_PRIVATE:
        points = spikes.find(train, schema, units, job.spike_looks)
        levels = roundness.find(train, schema, units, job.round_looks, points)
    else:
        points = spikes.exact(train, schema) if job.making.spike_share else {}
        levels = roundness.exact(train, schema, points) if job.making.roundness_share else None
    fitted = encode.fit(
        train,
        schema,
        units,
        sigma=job.plan.table_sigma,
        rows_per_unit=job.plan.rows_per_unit,
        points=points,
        levels=levels,
    )
    return Measured(schema=schema, fitted=fitted)


def trained(job: Planned, found: Measured, progress: Progress | None = None) -> InnerModel:
    """Trains the generator on what was measured, within the plan."""
    # PRIVACY: the looks of `job.plan.events`, which the caller has charged.
    return job.plugin.fit(
        found.fitted.codes,
        found.fitted.one_way,
        job.plan,
        seed=job.making.seed,
        device=job.making.device,
        progress=progress,
    )


def way_of_making(job: Planned) -> str:
    """Names how a model is made by a digest: same digest, same noise on the same schema.

    An audit speaks of a release only if both were made in the same way, by the same versions.
    """
    from synthkit.generate.device import resolve
    from synthkit.pipeline.versions import versions

    columns = [dataclasses.replace(c, description="") for c in job.schema.columns]
    # Rules change no noise and no look, but the values that they name join bought domains.
    rules = [
        rule
        for rule in job.schema.constraints
        if any(job.schema.column(n).domain_source != "public" for n in column_names(rule))
    ]
    return canonical.digest(
        {
            **({"constraints": rules} if rules else {}),
            "columns": columns,
            "unit": job.schema.privacy_unit,
            "generator": job.making.generator,
            "options": job.plan.options,
            "rows_per_unit": job.plan.rows_per_unit,
            "events": [[type(e).__name__, e] for e in job.events],
            "delta": job.delta,
            "device": resolve(job.making.device).type,
            "versions": versions(),
        }
    )


def buys(generator: str, domains: Domains) -> bool:
    """Whether a job buys the domains that its schema does not declare."""
    from synthkit.generate import load_generator

    return domains == "buy" and load_generator(generator).IS_PRIVATE


def reading_schema(schema: Schema, *, generator: str, domains: Domains) -> Schema:
    """Returns the schema by which a job reads and checks its rows.

    Domains that the job will buy, and those that were bought before, bind no row: rows are brought
    inside them one by one, after the charge.

    Raises:
        InputError: If a domain is not written and none is bought, or `domains` is neither word.
    """
    if domains not in ("buy", "as_written"):
        raise InputError(
            f"domains is {domains!r}, neither 'buy' nor 'as_written'.",
            hint="buy: from noisy counts within the budget; as_written: from the schema.",
        )
    if buys(generator, domains):
        return opened(schema, not_public(schema))
    require_domains(schema)
    return opened(schema, [c.name for c in schema.encoded if c.domain_source == "noisy"])


def uncovered_schema(schema: Schema, data_columns: tuple[str, ...]) -> list[Event]:
    """States the looks behind a schema that no budget covers, if there were any.

    Their names are part of the contract with the gate's rule `no_uncovered_look`.
    """
    found: list[Event] = []
    if data_columns:
        reason = f"bounds or categories of {len(data_columns)} columns were not declared public"
        found.append(UncoveredLook(name=DOMAINS_FROM_DATA, reason=reason, in_release=True))
    if schema.proposed:
        reason = "kinds of columns and words for missing were read from the data, not yet reviewed"
        found.append(UncoveredLook(name=PROPOSED_SCHEMA, reason=reason, in_release=True))
    return found


def digest_of_domain(column: Column) -> str:
    """Names a column with its domain; descriptions and roles do not count."""
    return canonical.digest(
        [
            column.name,
            column.kind,
            column.bounds,
            column.categories,
            column.decimals,
            column.nullable,
        ]
    )[:32]


def require_bought(schema: Schema, ledger: Ledger, population: str) -> None:
    """Refuses domains that are marked as bought and that this population's account never paid for.

    Raises:
        InputError: If a `noisy` column was not bought by an earlier job of the population.
    """
    noisy = [c for c in schema.encoded if c.domain_source == "noisy"]
    if not noisy:
        return
    paid = {d for entry in ledger.history(population) for d in entry.domains}
    unknown = [c.name for c in noisy if digest_of_domain(c) not in paid]
    if unknown:
        listed = ", ".join(repr(n) for n in unknown[:8]) + (", ..." if len(unknown) > 8 else "")
        raise InputError(
            f"The account of {population} never bought the domains that the schema marks "
            f"`from: noisy`: {listed}.",
            hint="Mark them `from: data` to buy them now, or `from: public` if they are publicly "
            "known; or charge the population and the ledger that bought them.",
        )

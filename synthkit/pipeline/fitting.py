"""Table -> model: plan the noise, charge the ledger, then look at the rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from synthkit.pipeline.deriving import learned
from synthkit.pipeline.making import (
    Making,
    Planned,
    digest_of_domain,
    measured,
    planned,
    reading_schema,
    require_bought,
    trained,
)
from synthkit.pipeline.model import Model
from synthkit.pipeline.plan import DOMAIN_SHARE, ROUNDNESS_SHARE, SPIKE_SHARE, Domains
from synthkit.pipeline.progress import Progress, Stages
from synthkit.pipeline.spending import telling_epsilon
from synthkit.pipeline.statement import write_statement
from synthkit.privacy import mechanism
from synthkit.privacy.event import Event
from synthkit.schema import Schema

if TYPE_CHECKING:
    import polars as pl

    from synthkit.privacy.ledger import Ledger

LOG = logging.getLogger("synthkit")


def plan_fit(schema: Schema, making: Making, stages: Stages) -> Planned:
    """Decides all noise of a fit from public facts, before any row is looked at.

    Raises:
        InputError: On unusable options, a missing domain or a missing device.
    """
    with stages("plan the noise"):
        job = planned(schema, making)
    for column in schema.columns:
        if not column.is_encoded:
            LOG.info("%s is left out: %s", column.name, column.omission_reason)
    return job


def fit_checked(
    train: pl.DataFrame,
    job: Planned,
    *,
    ledger: Ledger,
    population: str,
    also: Sequence[Event] = (),
    note: str = "",
    stages: Stages,
) -> Model:
    """Fits a generator to a conformed table, charging the ledger before the first look.

    Args:
        train: Frame conformed to `reading_schema`, shape (n_rows, n_schema_columns).
        job: What `plan_fit` decided.
        ledger: Where the spend is written.
        population: Whom it is charged to.
        also: Further events of the same job (for example the evaluation), recorded with it.
        note: A word for the ledger's history.
        stages: Times and announces the stages.

    Raises:
        BudgetExceeded: If the population's cap would be passed; nothing has been trained then.
        InputError: If the schema marks domains as bought that this account never paid for.
        SynthkitError: If an audit watches the noise of this thread.
    """
    mechanism.require_unwatched()
    require_bought(job.schema, ledger, population)
    events = [*job.events, *also]
    generator = job.making.generator
    # PRIVACY: the spend is written before any row is used; a crash from here on keeps it spent.
    reservation = ledger.reserve(
        population,
        job.schema.privacy_unit,
        events,
        delta=job.delta,
        note=note or f"fit {generator}",
    )
    with stages("measure and encode"):
        found = measured(job, train)
    with stages("train"):
        # Priced for whoever looks on; where nobody does, it is not worked out.
        step = None if stages.is_silent else telling_epsilon(job, stages.progress.step)
        inner = trained(job, found, step)
    # Those bought before too: rules may have widened them, which is public and costs nothing.
    noisy = [c for c in found.schema.encoded if c.domain_source == "noisy"]
    ledger.settle(reservation, domains=[digest_of_domain(c) for c in noisy] if job.looks else ())
    # From the model and public facts alone: whether real rows obey the rules is never looked at.
    schema = learned(found.schema, found.fitted.codec, inner)
    return Model(
        schema=schema,
        generator=generator,
        codec=found.fitted.codec,
        inner=inner,
        units=found.fitted.one_way.units,
        privacy=write_statement(
            schema,
            job,
            events=events,
            population=population,
            spent=ledger.spent(population),
        ),
    )


def fit(
    table: pl.DataFrame,
    schema: Schema,
    *,
    epsilon: float | None = None,
    delta: float | None = None,
    generator: str = "dpctgan",
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
    population: str | None = None,
    domains: Domains = "buy",
    domain_share: float = DOMAIN_SHARE,
    spike_share: float = SPIKE_SHARE,
    roundness_share: float = ROUNDNESS_SHARE,
    rows_per_person: int = 1,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
) -> Model:
    """Fits a generator to all rows of a table.

    Example:
        >>> import synthkit as sk                                       # doctest: +SKIP
        >>> table = sk.read("reviews.csv")                              # doctest: +SKIP
        >>> model = sk.fit(table, sk.inspect(table), epsilon=1.0)       # doctest: +SKIP

    Args:
        table: Raw or conformed frame, shape (n_rows, n_columns).
        schema: Its schema; `synthkit.inspect` proposes one.
        epsilon: Privacy budget of this fit; needed by every private generator.
        delta: Probability that the bound may fail; None: min(1e-6, rows_public ** -1.1).
        generator: `dpctgan`, `dpgan`, `independent` or `ctgan` (no privacy).
        options: The generator's options.
        seed: Public randomness only; the noise cannot be seeded.
        device: `auto`, `cpu` or `cuda`.
        population: Whom the ledger charges; None: the schema's population.
        domains: `buy`: bounds, categories and nullability of columns marked `from: data` come from
            noisy counts within the budget; what the schema says of them is ignored. `as_written`:
            they come from the schema, outside the budget, and no guarantee holds end to end. A
            generator without privacy always takes them as written.
        domain_share: Share of the budget (of mu^2, above 0, at most 0.5) that buys domains.
        spike_share: Share of the budget (of mu^2, from 0 to 0.5) that finds numbers and times which
            many rows share; each gets a cell of its own. 0: no look.
        roundness_share: Share of the budget (of mu^2, from 0 to 0.5) that finds how round the
            numbers of a column are (whole, tens, twentieths) and on what they end. 0: no look.
        rows_per_person: Most rows of a person that one look uses, chosen at random. More moves
            weight from persons towards rows, under more noise.
        ledger: None: the ledger at `SYNTHKIT_LEDGER`, or the user's own.
        progress: Receives stages and steps.

    Raises:
        InputError: If the table does not fit the schema, or an option is unusable.
        BudgetExceeded: If the population's cap would be passed; nothing is trained then.
    """
    from synthkit.pipeline.tables import checked
    from synthkit.privacy.ledger import Ledger

    stages = Stages(progress)
    with stages("check"):
        reading = reading_schema(schema, generator=generator, domains=domains)
        conformed = checked(table, reading, what="table")
    making = Making(
        epsilon=epsilon,
        delta=delta,
        generator=generator,
        options=options or {},
        seed=seed,
        device=device,
        domains=domains,
        domain_share=domain_share,
        spike_share=spike_share,
        roundness_share=roundness_share,
        rows_per_person=rows_per_person,
    )
    return fit_checked(
        conformed,
        plan_fit(schema, making, stages),
        ledger=ledger or Ledger(),
        population=population or schema.population,
        stages=stages,
    )

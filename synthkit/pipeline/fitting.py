"""Table -> model: plan the noise, charge the ledger, then look at the rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from synthkit.pipeline.model import Model
from synthkit.pipeline.plan import require_epsilon
from synthkit.pipeline.progress import Progress, Stages
from synthkit.pipeline.statement import write_statement
from synthkit.privacy.event import Event, UncoveredLook
from synthkit.schema import Schema

if TYPE_CHECKING:
    import polars as pl

    from synthkit.privacy.ledger import Ledger

LOG = logging.getLogger("synthkit")
DOMAINS_FROM_DATA = "domains read from the data"


def fit_checked(
    train: pl.DataFrame,
    schema: Schema,
    *,
    epsilon: float | None,
    delta: float | None,
    generator: str,
    options: Mapping[str, Any],
    seed: int,
    device: str,
    ledger: Ledger,
    population: str,
    also: Sequence[Event] = (),
    note: str = "",
    stages: Stages,
) -> Model:
    """Fits a generator to a conformed table, charging the ledger before the first look.

    Args:
        train: Conformed frame, shape (n_rows, n_schema_columns).
        schema: Its schema.
        epsilon: Target of this fit; None only for a non-private generator.
        delta: None for the default of the schema's public row count.
        generator: Name of a plugin under `synthkit.generate`.
        options: The generator's options.
        seed: Public randomness only.
        device: `auto`, `cpu` or `cuda`.
        ledger: Where the spend is written.
        population: Whom it is charged to.
        also: Further events of the same job (for example the evaluation), recorded with it.
        note: A word for the ledger's history.
        stages: Times and announces the stages.

    Raises:
        BudgetExceeded: If the population's cap would be passed; nothing has been trained then.
        InputError: On unusable options.
    """
    from synthkit import encode
    from synthkit.generate import load_generator
    from synthkit.generate.device import resolve
    from synthkit.privacy import accountant
    from synthkit.source import unit_index

    plugin = load_generator(generator)
    require_epsilon(generator, epsilon)
    if device not in ("auto", "cpu"):
        resolve(device)  # a missing GPU is told before anything is charged
    delta = accountant.default_delta(schema.rows_public) if delta is None else delta
    with stages("plan the noise"):
        plan = plugin.plan(
            epsilon=epsilon, delta=delta, n_tables=encode.n_tables(schema), options=options
        )
    data_columns = domains_from_data(schema)
    events = [*plan.events, *uncovered_domains(data_columns), *also]
    for column in schema.columns:
        if not column.is_encoded:
            LOG.info("%s is left out: %s", column.name, column.omission_reason)
    # PRIVACY: the spend is written before any row is used; a crash from here on keeps it spent.
    reservation = ledger.reserve(
        population, schema.privacy_unit, events, delta=delta, note=note or f"fit {generator}"
    )
    with stages("measure and encode"):
        units = unit_index(train, schema)
        fitted = encode.fit(train, schema, units, sigma=plan.table_sigma)
    with stages("train"):
        inner = plugin.fit(
            fitted.codes,
            fitted.one_way,
            plan,
            seed=seed,
            device=device,
            progress=stages.progress.step,
        )
    ledger.settle(reservation)
    return Model(
        schema=schema,
        generator=generator,
        codec=fitted.codec,
        inner=inner,
        units=fitted.one_way.units,
        privacy=write_statement(
            schema,
            generator=generator,
            is_private=plugin.IS_PRIVATE,
            target_epsilon=epsilon,
            delta=delta,
            events=events,
            data_columns=data_columns,
            theorem=plugin.THEOREM,
            population=population,
            spent=ledger.spent(population),
        ),
    )


def domains_from_data(schema: Schema) -> tuple[str, ...]:
    """Names the learned columns whose domain (with kind and nullability) is not public."""
    return tuple(c.name for c in schema.encoded if c.domain_source == "data")


def uncovered_domains(columns: tuple[str, ...]) -> list[Event]:
    """States the look that read domains from the data, if there was one.

    The name is part of the contract with the gate's rule `no_uncovered_look`.
    """
    if not columns:
        return []
    reason = f"bounds or categories of {len(columns)} columns were not declared public"
    return [UncoveredLook(name=DOMAINS_FROM_DATA, reason=reason, in_release=True)]


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
        generator: `dpctgan`, `independent` or `ctgan` (no privacy).
        options: The generator's options.
        seed: Public randomness only; the noise cannot be seeded.
        device: `auto`, `cpu` or `cuda`.
        population: Whom the ledger charges; None: the schema's population.
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
        conformed = checked(table, schema, what="table")
    return fit_checked(
        conformed,
        schema,
        epsilon=epsilon,
        delta=delta,
        generator=generator,
        options=options or {},
        seed=seed,
        device=device,
        ledger=ledger or Ledger(),
        population=population or schema.population,
        stages=stages,
    )

"""Runs every measurement on one context; a measurement that fails has no value, never a default.

A plugin module under `fidelity/`, `utility/` or `attacks/` offers `names(schema)`, the names it
will give, and `measure(context)`, a tuple of `Measurement`s. Whatever a plugin promised and did
not deliver (it raised, returned NaN, or left a name out) becomes a `Measurement` without a value,
so that the gate says "inconclusive" rather than "pass".
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING

from synthkit import registry
from synthkit.artifacts import AssociationFigure, MarginalFigure, Measurement
from synthkit.evaluate.context import Context, NotMeasurable, build_context
from synthkit.schema import Schema

if TYPE_CHECKING:
    import polars as pl

FAMILIES = ("fidelity", "utility", "attacks")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the evaluation, for a progress display."""

    step: int
    """Measurements finished so far."""
    steps: int
    name: str
    """The measurement that begins now."""
    seconds_left: float | None
    """Rough guess from the pace so far; None at the start."""


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What was found about one synthetic table. Internal: all of it is a function of real rows."""

    measurements: dict[str, Measurement]
    marginals: tuple[MarginalFigure, ...]
    associations: AssociationFigure | None
    """None: could not be drawn; `fidelity.figures` among the measurements says why."""


def evaluate(
    train: pl.DataFrame,
    holdout: pl.DataFrame,
    synthetic: pl.DataFrame,
    schema: Schema,
    *,
    seed: int,
    progress: Callable[[Step], object] | None = None,
) -> Evaluated:
    """Measures fidelity, utility and attacks of a synthetic table.

    Args:
        train: Conformed real rows the generator saw, shape (n_train, n_schema_columns).
        holdout: Conformed real rows it did not see, shape (n_holdout, n_schema_columns). Its
            persons must not be in train.
        synthetic: Conformed synthetic rows with the schema's encoded columns.
        schema: Schema of all three.
        seed: Public randomness; same inputs in any row order and same seed, same result.
        progress: Called before each measurement.

    Returns:
        Measurements by name, and the figures.

    Raises:
        InputError: If a table lacks an encoded column or has one of the wrong type.
    """
    # PRIVACY: everything below looks at real rows and no epsilon covers it; the pipeline records
    # it as an uncovered look, and every result is `disclosure="internal"`.
    context = build_context(train, holdout, synthetic, schema, seed=seed)
    plugins = [
        (family, name)
        for family in FAMILIES
        for name in registry.names(f"synthkit.evaluate.{family}")
    ]
    steps = len(plugins) + 1
    start = time.monotonic()

    def announce(done: int, name: str) -> None:
        if progress is not None:
            took = time.monotonic() - start
            left = took / done * (steps - done) if done else None
            progress(Step(step=done, steps=steps, name=name, seconds_left=left))

    found: dict[str, Measurement] = {}
    for done, (family, name) in enumerate(plugins):
        announce(done, f"{family}.{name}")
        for measurement in run_plugin(context, family, name):
            found.setdefault(measurement.name, measurement)
    announce(len(plugins), "figures")
    marginals, associations, failure = _figures(context)
    if failure is not None:
        found[failure.name] = failure
    return Evaluated(
        measurements=dict(sorted(found.items())), marginals=marginals, associations=associations
    )


def run_plugin(context: Context, family: str, name: str) -> tuple[Measurement, ...]:
    """Runs one plugin; every name it promised comes back, without a value where it failed."""
    promised: tuple[str, ...] = (f"{family}.{name}",)
    try:
        plugin = registry.load(f"synthkit.evaluate.{family}", name)
        promised = tuple(plugin.names(context.schema))
        return _checked(plugin, context, promised)
    except NotMeasurable as reason:
        return tuple(_without_value(n, str(reason)) for n in promised)
    except Exception as error:  # noqa: BLE001, RUF100 (one failing measurement must not hide the others)
        # The message may hold a cell of a real table; the type cannot.
        return tuple(_without_value(n, type(error).__name__) for n in promised)


def _checked(
    plugin: ModuleType, context: Context, promised: tuple[str, ...]
) -> tuple[Measurement, ...]:
    """Measures, and turns what is absent or not finite into measurements without a value."""
    given = {m.name: _finite(m) for m in plugin.measure(context)}
    absent = [n for n in promised if n not in given]
    return (*given.values(), *(_without_value(n, "no result was given") for n in absent))


def _finite(measurement: Measurement) -> Measurement:
    """Withdraws a value that is NaN or infinite, and an interval or reference that is."""
    if measurement.value is not None and not math.isfinite(measurement.value):
        return _without_value(measurement.name, "the result is not a finite number")

    def known(number: float | None) -> float | None:
        return number if number is not None and math.isfinite(number) else None

    finite = replace(
        measurement,
        low=known(measurement.low),
        high=known(measurement.high),
        reference=known(measurement.reference),
    )
    if finite == measurement:
        return measurement
    note = f"{measurement.note}; an interval or reference is not a finite number"
    return replace(finite, note=note.removeprefix("; "))


def _without_value(name: str, reason: str) -> Measurement:
    return Measurement(name=name, value=None, note=f"could not be measured: {reason}")


def _figures(
    context: Context,
) -> tuple[tuple[MarginalFigure, ...], AssociationFigure | None, Measurement | None]:
    """Draws the figures; a failure is told as a measurement, not as an empty plot alone."""
    from synthkit.evaluate.fidelity.association import association_figure
    from synthkit.evaluate.fidelity.marginals import marginal_figures

    try:
        return marginal_figures(context), association_figure(context), None
    except NotMeasurable as reason:
        return (), None, _without_value("fidelity.figures", str(reason))
    except Exception as error:  # noqa: BLE001, RUF100 (as in run_plugin)
        return (), None, _without_value("fidelity.figures", type(error).__name__)

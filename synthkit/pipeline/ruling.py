"""What evidence says of the schema's rules: each in words, and how well the model knew it.

In: a schema and what was drawn. Out: records and a measurement. Functions of the model, the schema
and the synthetic table; whether real rows obey the rules is never asked.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from synthkit.artifacts import Measurement, RuleRecord
from synthkit.schema import Follows, Schema, column_names, in_words

if TYPE_CHECKING:
    import polars as pl

    from synthkit.pipeline.drawing import Drawing
    from synthkit.pipeline.tally import Tally

REDRAWN = "rules.redrawn_share"


def records(schema: Schema, tally: Tally | None = None) -> tuple[RuleRecord, ...]:
    """Lists the rules of a schema.

    Args:
        schema: With the rules.
        tally: Of the rows that were drawn; None: the table was made elsewhere.
    """
    return tuple(
        RuleRecord(
            rule=f"rule{i + 1}",
            words=in_words(rule),
            broken_as_drawn=tally.broken_share(i) if tally is not None else None,
        )
        for i, rule in enumerate(schema.constraints)
    )


def measurements(drawing: Drawing) -> dict[str, Measurement]:
    """Says how many rows had to change so that all obey; nothing where there is no rule."""
    tally = drawing.tally
    if drawing.obedience is None or not tally.rows:
        return {}
    note = (
        f"{tally.redrawn:,} of {tally.rows:,} rows broke a rule as the model drew them and were "
        "drawn again within the rules"
    )
    if tally.borrowed or tally.constructed:
        note += f" ({tally.borrowed:,} took cells of another row, {tally.constructed:,} of none)"
    found = Measurement(
        name=REDRAWN,
        value=tally.redrawn_share,
        n=tally.rows,
        disclosure="public",
        note=note,
    )
    return {REDRAWN: found}


def completed(schema: Schema, synthetic: pl.DataFrame) -> Schema:
    """Completes functions that no model completed, by what most synthetic rows have.

    A table from elsewhere may keep to a function that nobody wrote down; it is checked for that.
    """
    from synthkit.schema.rules import agreed, stored

    columns = {c.name: c for c in schema.columns}
    rules = tuple(
        agreed(synthetic, rule, columns)
        if isinstance(rule, Follows) and set(column_names(rule)) <= set(synthetic.columns)
        else rule
        for rule in (stored(r, columns) for r in schema.constraints)
    )
    return dataclasses.replace(schema, constraints=rules)

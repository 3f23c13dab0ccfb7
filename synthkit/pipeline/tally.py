"""How many drawn rows had to change so that all obey the schema's rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from synthkit.schema import Column, Constraint, Implies
from synthkit.schema.rules import breaks, is_in

if TYPE_CHECKING:
    import polars as pl

MOST_BROKEN = 0.5
"""Where more of the rows that a rule bears on break it, the model does not know the rule."""


@dataclass
class Tally:
    """What had to be done so that every row obeys: it says how well the model knew the rules."""

    rows: int = 0
    """Rows that were drawn."""
    broke: dict[int, int] = field(default_factory=dict)
    """Rows that broke each rule as the model drew them, by the rule's place in the schema."""
    redrawn: int = 0
    """Rows that broke a rule (or lay outside what a condition implies) as they were drawn."""
    borrowed: int = 0
    """Of these, rows that took linked columns from a row that obeys."""
    constructed: int = 0
    """Of these, rows that took them from a row that was searched for."""
    is_before_rules: bool = False
    """Whether latents were weighted for a condition by the model as it is before its rules."""
    left_empty: Mapping[str, int] = field(default_factory=dict)
    """Cells that were to be completed and stay empty, since a rule leaves no value there."""

    @property
    def redrawn_share(self) -> float:
        """Share of rows that did not obey as they were drawn."""
        return self.redrawn / self.rows if self.rows else 0.0

    def broken_share(self, rule: int) -> float | None:
        """Share of rows that broke a rule as the model drew them; None: no row was drawn."""
        return self.broke.get(rule, 0) / self.rows if self.rows else None

    def in_words(self) -> str:
        """Says in a sentence what had to be done."""
        many = "1 rule holds" if len(self.broke) == 1 else f"{len(self.broke)} rules hold"
        text = f"{many} in all rows; {self.redrawn_share:.1%} were drawn again for it"
        if self.borrowed:
            text += f", {self.borrowed:,} of them with cells of another row"
        if self.constructed:
            text += f", {self.constructed:,} of them with cells that were searched for"
        text += "."
        if self.is_before_rules:
            text += (
                " The condition is too rare to wait for rows that obey: its share is the model's"
                " before the rules, and so are the latents of its rows."
            )
        if self.left_empty:
            n = sum(self.left_empty.values())
            named = ", ".join(f"{k:,} of {name!r}" for name, k in self.left_empty.items())
            text += f" {n:,} empty {'cell stays' if n == 1 else 'cells stay'} empty, "
            text += f"since the rules leave no value there: {named}."
        return text


def knows(frame: pl.DataFrame, rule: Constraint, columns: Mapping[str, Column]) -> bool:
    """Whether the model knows a rule, going by how many of its rows obey it as drawn.

    Args:
        frame: Rows as the model drew them.
        rule: Of the schema; one that says when it holds is judged on the rows it bears on.
        columns: Of the schema, by name.
    """
    wrong = breaks(frame, rule, columns).to_numpy()
    sides = [np.ones(frame.height, dtype=bool)]
    if isinstance(rule, Implies):
        when = frame.select(is_in(columns[rule.when.column], rule.when)).to_series().to_numpy()
        sides = [when, ~when] if rule.exactly else [when]
    return all(bool(wrong[side].mean() <= MOST_BROKEN) for side in sides if side.any())

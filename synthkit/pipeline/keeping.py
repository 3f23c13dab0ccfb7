"""Rows under a condition from rows without one: those are kept that meet it.

In: a model with rules, and a condition on columns that they speak of. Rules change such columns
after their latents are drawn, so that weighting latents by the model before its rules is near, not
exact. Rows that obey, drawn freely and kept if they meet the condition, are exact, and so is the
share told: as long as the condition is frequent enough to wait for them. No real row is read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from synthkit.errors import SynthkitError
from synthkit.pipeline.cells import inside
from synthkit.schema import Column
from synthkit.schema.regions import Region

if TYPE_CHECKING:
    import polars as pl

    from synthkit.generate.posterior import Support

PILOT = 20_000
"""Rows that say how frequent a condition is."""
FEWEST = 50
"""Rows of these that must meet it: with fewer nobody knows how long to wait."""
MOST = 1_000_000
"""Rows that are drawn without a condition at most, or `PER_ROW` for each one asked for."""
PER_ROW = 4
_BLOCK = 800_000
_PATIENCE = 10
"""Times the expected number of rows, after which something is wrong."""
Draw = Callable[[int], "Iterator[pl.DataFrame]"]


@dataclass(eq=False)
class Kept:
    """Rows that meet a condition, of those that a model draws under its rules."""

    draw: Draw
    """Frames of rows that obey, as many as are asked for."""
    columns: Mapping[str, Column]
    asked: Mapping[str, Region]
    drawn: int
    """Rows looked at so far, those of the pilot first."""
    met: int
    """Rows of these that met the condition."""
    _left: list[pl.DataFrame] = field(default_factory=list)

    @staticmethod
    def of(
        draw: Draw,
        columns: Mapping[str, Column],
        asked: Mapping[str, Region],
        pilot: pl.DataFrame,
        n: int,
    ) -> Kept | None:
        """Returns where rows come from, or None where a condition is too rare for `n` of them."""
        met = int(_meets(pilot, columns, asked).sum())
        most = max(MOST, PER_ROW * n)
        if met < FEWEST or n * pilot.height > most * met:
            return None
        return Kept(draw, columns, asked, pilot.height, met)

    @property
    def support(self) -> Support:
        """How frequent the condition is among rows that obey, as far as they were drawn."""
        from synthkit.generate.posterior import Support

        return Support.of_rows(self.met, self.drawn)

    def rows(self, n: int) -> pl.DataFrame:
        """Returns `n` rows that meet the condition.

        Raises:
            SynthkitError: If they take far longer than the pilot said.
        """
        import polars as pl

        found, self._left = self._left, []
        have = sum(frame.height for frame in found)
        patience = _PATIENCE * (n * self.drawn / self.met + PILOT)
        while have < n:
            if patience <= 0:
                raise SynthkitError(
                    "Rows that meet the condition come far more rarely than they did at first.",
                    hint="This is a fault of synthkit; please report it.",
                )
            many = int(np.clip((n - have) * self.drawn / self.met * 1.02, PILOT, _BLOCK))
            patience -= many
            for frame in self.draw(many):
                keeps = _meets(frame, self.columns, self.asked)
                self.drawn += frame.height
                self.met += int(keeps.sum())
                found.append(frame.filter(pl.Series(keeps)))
                have += found[-1].height
        rows = pl.concat(found)
        self._left = [rows[n:]]
        return rows[:n]


def _meets(
    frame: pl.DataFrame, columns: Mapping[str, Column], asked: Mapping[str, Region]
) -> np.ndarray:
    """Says of each row whether it meets the condition, shape (n_rows,)."""
    found = np.ones(frame.height, dtype=bool)
    for name, held in asked.items():
        found &= inside(columns[name], frame.get_column(name), held)
    return found

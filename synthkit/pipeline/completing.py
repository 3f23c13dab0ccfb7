"""Partial rows to whole ones: unknown cells from the posterior of each row's known cells.

In: a model and a table that has some of its columns, with empty cells. Out: the same rows, whole.
The rows given may be real. Nothing of them reaches the model, so its guarantee stays; but a
completed real row carries that row's own cells, which no epsilon covers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from synthkit.errors import InputError
from synthkit.pipeline.drawing import generator_of
from synthkit.pipeline.obeying import Obedience
from synthkit.pipeline.progress import Progress, RowCounter, Silent
from synthkit.pipeline.tables import require_frame
from synthkit.pipeline.tally import Tally

if TYPE_CHECKING:
    import polars as pl

    from synthkit.generate.completion import Completed
    from synthkit.pipeline.model import Model
    from synthkit.schema import Schema

CHUNK_ROWS = 20_000


@dataclass(frozen=True, kw_only=True)
class Completion:
    """Completed rows, and how well the model's latents cover them."""

    table: pl.DataFrame
    """Shape (n_rows, n_columns of the model)."""
    effective: np.ndarray
    """How many latents of the model each row rests on, shape (n_rows,): what its posterior's
    weights are worth in equal ones."""
    thin: int
    """Rows that rest on too few latents (`generate.completion`): next to one of the model's, so
    that several cells drawn in a row hardly follow each other."""
    latents: int | None
    """Latents that the model has; None: they are drawn, not enumerated."""
    filled: int
    """Number of cells that were drawn."""
    tally: Tally | None = None
    """What the schema's rules changed among the drawn cells; None: it has none."""

    def note(self) -> str | None:
        """Says what thin rows are; None: there are none."""
        if not self.thin:
            return None
        rows = "1 row rests" if self.thin == 1 else f"{self.thin:,} rows rest"
        if self.latents is None:
            return f"{rows} on fewer than 10 effective latents: their cells are a rough guess."
        return (
            f"{rows} on next to one of the model's {self.latents:,} latents: what was filled in "
            "follows the given cells, but other filled cells of its row hardly."
        )


def complete(
    model: Model,
    table: pl.DataFrame,
    *,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Completion:
    """Fills the unknown cells of a table; see `Model.complete`."""
    import polars as pl

    from synthkit.generate import ProductMixture

    rng = generator_of(seed)
    require_frame(table, what="table")
    if not isinstance(model.inner, ProductMixture):
        raise InputError(
            f"The generator {model.generator!r} cannot complete rows: it is no mixture whose "
            "posterior is known.",
            hint="Fit the generator 'dpctgan' or 'independent'.",
        )
    given = _conformed(model, table)
    obedience = Obedience(model) if model.schema.constraints else None
    tally = Tally()
    counter = RowCounter(given.height, progress or Silent())
    frames, done, filled = [], [], 0
    for start in range(0, given.height, CHUNK_ROWS):
        part = given.slice(start, CHUNK_ROWS)
        frame, codes, cells, known = _completed(
            model, part, rng, settled=partial(counter.tell, before=start)
        )
        if obedience is not None:
            frame = obedience.enforce(frame, None, rng, tally, pinned=known)
        frames.append(frame)
        done.append(codes)
        filled += cells
        counter.tell(part.height, before=start)
    return Completion(
        table=pl.concat(frames),
        effective=np.concatenate([d.effective for d in done]),
        thin=sum(int(d.thin.sum()) for d in done),
        latents=done[0].latents,
        filled=filled,
        tally=None if obedience is None else tally,
    )


def _conformed(model: Model, table: pl.DataFrame) -> pl.DataFrame:
    """Conforms the given columns and refuses what the model does not know.

    Raises:
        InputError: All problems at once, in counts and never a value.
    """
    from synthkit.schema import check
    from synthkit.source import conform

    known = {column.name for column in model.schema.encoded}
    unknown = [name for name in table.columns if name not in known]
    if unknown or table.height == 0 or table.width == 0:
        found = (
            f"The model has no column named {', '.join(repr(u) for u in unknown)}."
            if unknown
            else "The table has no row or no column."
        )
        raise InputError(
            found,
            hint="Give some of its columns: "
            + ", ".join(c.name for c in model.schema.encoded)
            + ".",
        )
    schema = _open_schema(model, table)
    # PRIVACY: the rows may be real. They are read to be completed and go back to whoever gave
    # them; nothing of them reaches the model, and messages hold counts alone.
    problems = [p for p in check(table, schema) if p.severity == "error" and p.column is not None]
    if problems:
        raise InputError(
            f"The table does not fit the model's domain: {len(problems)} "
            f"problem{'' if len(problems) == 1 else 's'}.",
            hint="Empty the cells that the model cannot know, or correct them.",
            # Bounds and categories may have been read from the data: they are not named.
            details=[
                f"Column {p.column!r}: {p.rows or 'some'} cells outside the model's domain."
                for p in problems
            ],
        )
    return conform(table, schema)


def _open_schema(model: Model, table: pl.DataFrame) -> Schema:
    """The model's own columns that the table has, nullable, with domains that bind."""
    columns = tuple(
        dataclasses.replace(column, nullable=True, domain_source="public")
        for column in model.schema.encoded
        if column.name in table.columns
    )
    return dataclasses.replace(
        model.schema, columns=columns, targets=(), unit="row", constraints=()
    )


def _completed(
    model: Model,
    given: pl.DataFrame,
    rng: np.random.Generator,
    settled: Callable[[int], None],
) -> tuple[pl.DataFrame, Completed, int, dict[str, np.ndarray]]:
    """Returns whole rows, their codes, how many cells were drawn, and which were given."""
    import polars as pl

    from synthkit.generate.completion import complete as complete_codes

    parts = model.codec.parts
    values = np.zeros((given.height, len(parts)), dtype=np.int64)
    known = np.zeros(values.shape, dtype=bool)
    restricted = np.zeros(values.shape, dtype=bool)
    allowed: dict[int, np.ndarray] = {}
    for i, part in enumerate(parts):
        if part.name not in given.columns:
            continue
        series = given.get_column(part.name)
        is_null = series.is_null().to_numpy()
        known[:, i] = ~is_null
        values[:, i] = np.where(is_null, 0, part.encode(series))
        if part.missing_code is not None and is_null.any():
            # An empty cell is unknown: it has a value, which the posterior must find.
            restricted[:, i] = is_null
            allowed[i] = (np.arange(part.size) != part.missing_code).astype(np.float64)
    done = complete_codes(
        model.inner, model.codec.sizes, values, known,
        rng=rng, allowed=allowed, restricted=restricted, settled=settled,
    )  # fmt: skip
    drawn = model.codec.decode(done.values, rng)
    columns = [
        drawn[p.name].zip_with(pl.Series(~known[:, i]), given[p.name])
        if p.name in given.columns
        else drawn[p.name]
        for i, p in enumerate(parts)
    ]
    is_known = {part.name: known[:, i] for i, part in enumerate(parts)}
    return pl.DataFrame(columns), done, int((~known).sum()), is_known

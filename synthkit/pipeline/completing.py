"""Partial rows to whole ones: unknown cells from the posterior of each row's known cells.

In: a model and a table that has some of its columns, with empty cells. Out: the same rows, whole.
The rows given may be real. Nothing of them reaches the model, so its guarantee stays; but a
completed real row carries that row's own cells, which no epsilon covers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from synthkit.errors import InputError
from synthkit.pipeline.drawing import generator_of
from synthkit.pipeline.needs import Given
from synthkit.pipeline.obeying import Obedience
from synthkit.pipeline.progress import Progress, RowCounter, Silent
from synthkit.pipeline.tables import require_frame
from synthkit.pipeline.tally import Tally

if TYPE_CHECKING:
    import polars as pl

    from synthkit.generate.batches import Batch
    from synthkit.generate.completion import Completed
    from synthkit.pipeline.model import Model
    from synthkit.schema import Schema

CHUNK_ROWS = 20_000
LATENTS = 4_096
"""Latents among which rules find one for each completed row, where they cannot be enumerated."""
BLOCK = 1_024
_LITTLE = 1e-30


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
    """Number of cells that were drawn: all unknown ones but those of `left_empty`."""
    left_empty: Mapping[str, int] = field(default_factory=dict)
    """Empty cells of the table given that stay empty, since a rule leaves no value there, by
    column; columns without any are left out."""
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
    frames, done, unknown = [], [], 0
    for start in range(0, given.height, CHUNK_ROWS):
        part = given.slice(start, CHUNK_ROWS)
        frame, codes, known = _completed(
            model, part, rng, settled=partial(counter.tell, before=start)
        )
        if obedience is not None:
            batch = _placed(model, frame, known, obedience, rng)
            cells = Given(
                pinned=known, wanted={n: ~known[n] for n in part.columns if not known[n].all()}
            )
            frame = obedience.enforce(frame, batch, rng, tally, given=cells)
        frames.append(frame)
        done.append(codes)
        unknown += int(sum((~cells).sum() for cells in known.values()))
        counter.tell(part.height, before=start)
    whole = pl.concat(frames)
    nulls = {name: whole.get_column(name).null_count() for name in given.columns}
    tally.left_empty = {name: many for name, many in nulls.items() if many}
    return Completion(
        table=whole,
        effective=np.concatenate([d.effective for d in done]),
        thin=sum(int(d.thin.sum()) for d in done),
        latents=done[0].latents,
        filled=unknown - sum(tally.left_empty.values()),
        left_empty=tally.left_empty,
        tally=None if obedience is None else tally,
    )


def _placed(
    model: Model,
    frame: pl.DataFrame,
    known: Mapping[str, np.ndarray],
    obedience: Obedience,
    rng: np.random.Generator,
) -> Batch:
    """Finds a latent for each completed row, from which rules may draw cells again.

    It is drawn from the posterior given the row's cells, among all latents of the model, or among
    a number that all rows share; cells that rules may change are not asked. By Bayes' theorem
    (latent, row) then has the law of the model given what is known.
    """
    from synthkit.generate import FiniteMixture, ProductMixture
    from synthkit.generate.batches import Batch
    from synthkit.generate.completion import MAX_LATENTS

    inner: object = model.inner
    assert isinstance(inner, ProductMixture)  # refused before
    latents, prior = np.zeros(0), np.zeros(0)
    if isinstance(inner, FiniteMixture):
        latents, prior = inner.all_latents()
    if not 0 < len(latents) <= MAX_LATENTS:
        latents, prior = inner.latents(LATENTS, rng), np.full(LATENTS, 1 / LATENTS)
    cells = inner.distributions(latents)  # (n_latents, width)
    logs = np.log(np.maximum(np.asarray(cells, dtype=np.float32), _LITTLE)).T  # (width, n_latents)
    starts = np.concatenate([[0], np.cumsum(model.codec.sizes)])
    latent_of = np.empty(frame.height, dtype=np.int64)
    for at in range(0, frame.height, BLOCK):
        rows = slice(at, at + BLOCK)
        scores = np.tile(np.log(prior), (len(latent_of[rows]), 1))
        # PRIVACY: given cells may be real; each row's decide where its own other cells are drawn
        # from, and go back to whoever gave them.
        for i, part in enumerate(model.codec.parts):
            says = known[part.name][rows] | (part.name not in obedience.book.names)
            codes = part.encode(frame.get_column(part.name)[rows])
            scores[says] += logs[starts[i] + codes[says]]
        scores += rng.gumbel(size=scores.shape)  # the largest is one in proportion to its weight
        latent_of[rows] = scores.argmax(1)
    return Batch(np.zeros((frame.height, 0)), cells, latent_of)


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
                f"Column {p.column!r}: {p.rows or 'some'} cell{'' if p.rows == 1 else 's'} outside "
                "the model's domain."
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
) -> tuple[pl.DataFrame, Completed, dict[str, np.ndarray]]:
    """Returns whole rows, their codes, and which cells were given."""
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
    return pl.DataFrame(columns), done, is_known

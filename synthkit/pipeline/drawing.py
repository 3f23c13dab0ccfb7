"""From a request for rows to frames of rows: conditions, balance, seeds, in chunks.

In: a model and what is asked of it. Out: a `Drawing`, which has already found that every condition
has mass, says on what it rests, and yields frames. One seed decides everything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from synthkit.encode import Condition, Within
from synthkit.errors import InputError
from synthkit.pipeline.conditions import (
    categories_of,
    column_of,
    parse_condition,
    parse_shares,
    require_mappings,
)
from synthkit.pipeline.keeping import PILOT, Kept
from synthkit.pipeline.obeying import Obedience
from synthkit.pipeline.rulebook import Base, hull, region_of
from synthkit.pipeline.tally import Tally

if TYPE_CHECKING:
    import polars as pl

    from synthkit.generate.posterior import Posterior, Support
    from synthkit.generate.rejection import Rejection
    from synthkit.pipeline.model import Model

LOG = logging.getLogger("synthkit")
CHUNK_ROWS = 100_000
BLOCK_ROWS = 800_000
"""Rows that a generator draws at a time without conditions: with so many, several rows share a
latent (see `generate.sampling`) and the network runs less often."""
SEGMENT = "segment"
"""The name under which `where` takes a segment, unless a column has it."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows under one condition: all of a drawing, or one category of a balanced one."""

    label: str
    """What the rows satisfy beyond `where`: `rating=3`, or empty."""
    share: float
    source: Posterior | Rejection | Kept
    within: Mapping[int, Within]
    base: Base | None = None
    """With rules: the regions in which the condition leaves each column."""
    asked: AbstractSet[str] = frozenset()
    """Columns that the latents' weights, or the rows kept, account for."""

    @property
    def support(self) -> Support:
        """What the model says of the condition."""
        return self.source.support


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Rows that a model is about to draw."""

    model: Model
    n: int
    rng: np.random.Generator
    parts: tuple[Part, ...]
    """Empty: no condition."""
    obedience: Obedience | None = None
    """The schema's rules; None: it has none."""
    tally: Tally = field(default_factory=Tally)
    """What the rules changed in the rows drawn so far."""

    def chunks(self) -> Iterator[pl.DataFrame]:
        """Yields frames of at most `CHUNK_ROWS` rows that add up to `n`."""
        if self.parts:
            return self._conditioned()
        return self._free() if self.obedience is None else self._obeying(self.obedience)

    def table(self) -> pl.DataFrame:
        """Draws all rows."""
        import polars as pl

        found = pl.concat(list(self.chunks()))
        if self.obedience is not None:
            LOG.info("%s", self.tally.in_words())
        return found

    def _obeying(self, obedience: Obedience) -> Iterator[pl.DataFrame]:
        """Yields rows without a condition, each made to obey the rules."""
        import polars as pl

        height = 0
        frames: list[pl.DataFrame] = []
        for frame in obeying(self.model, obedience, self.n, self.rng, self.tally):
            if frames and height + frame.height > CHUNK_ROWS:
                yield self._mixed(pl.concat(frames))
                frames, height = [], 0
            frames.append(frame)
            height += frame.height
        yield self._mixed(pl.concat(frames))

    def _mixed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Returns rows in random order: several of one latent were drawn beside each other."""
        mixed: pl.DataFrame = frame[self.rng.permutation(frame.height).astype(np.uint32)]
        return mixed

    def _of_part(self, part: Part, n: int) -> pl.DataFrame:
        """Draws rows under one condition."""
        import polars as pl

        decode = self.model.codec.decode
        if isinstance(part.source, Kept):
            return self._mixed(part.source.rows(n))
        if self.obedience is None:
            drawn: pl.DataFrame = decode(part.source.draw(n, self.rng), self.rng, part.within)
            return drawn
        frames = []
        for batch in part.source.batches(n, self.rng):
            frame = decode(batch.values, self.rng, part.within)
            frame = self.obedience.enforce(
                frame, batch, self.rng, self.tally, base=part.base, asked=part.asked
            )
            frames.append(frame)
        return self._mixed(pl.concat(frames))

    def _free(self) -> Iterator[pl.DataFrame]:
        left = self.n
        while left > 0:
            block = self.model.inner.sample(min(BLOCK_ROWS, left), self.rng)
            left -= len(block)
            for start in range(0, len(block), CHUNK_ROWS):
                yield self.model.codec.decode(block[start : start + CHUNK_ROWS], self.rng)

    def _conditioned(self) -> Iterator[pl.DataFrame]:
        import polars as pl

        counts = whole_rows([part.share for part in self.parts], self.n)
        # The order of parts is random: a sorted table would tell nothing, and mislead a reader.
        owner = np.repeat(np.arange(len(self.parts), dtype=np.int32), counts)
        if len(self.parts) > 1:
            owner = self.rng.permutation(owner)
        for start in range(0, self.n, CHUNK_ROWS):
            chunk = owner[start : start + CHUNK_ROWS]
            frames = []
            for i, part in enumerate(self.parts):
                many = int((chunk == i).sum())
                if many:
                    frames.append(self._of_part(part, many))
            place = np.argsort(np.argsort(chunk, kind="stable"), kind="stable")
            yield pl.concat(frames)[place.astype(np.uint32)] if len(frames) > 1 else frames[0]


def obeying(
    model: Model, obedience: Obedience, n: int, rng: np.random.Generator, tally: Tally
) -> Iterator[pl.DataFrame]:
    """Yields `n` rows without a condition, batch by batch, each made to obey the rules."""
    from synthkit.generate.batches import FreeRows

    for batch in FreeRows(model.inner, model.codec.sizes).batches(n, rng):
        frame = model.codec.decode(batch.values, rng)
        yield obedience.enforce(frame, batch, rng, tally)


def whole_rows(shares: list[float], n: int) -> np.ndarray:
    """Splits `n` rows by shares that sum to 1, by largest remainders; shape (len(shares),)."""
    exact = np.asarray(shares) * n
    counts = np.floor(exact + 1e-9).astype(np.int64)
    order = np.argsort(-(exact - counts), kind="stable")
    counts[order[: n - int(counts.sum())]] += 1
    return counts


def draw(
    model: Model,
    n: int,
    *,
    seed: int | None = None,
    where: Mapping[str, object] | None = None,
    balance: Mapping[str, object] | None = None,
) -> Drawing:
    """Prepares `n` rows of a model; see `Model.sample` for the arguments.

    Raises:
        InputError: On a request that the model cannot meet.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise InputError(
            "The number of rows must be a whole number of at least 1.",
            hint="Ask for as many rows as you need, for example 10000.",
        )
    require_mappings(where, balance)
    rng = generator_of(seed)
    obedience = Obedience(model) if model.schema.constraints else None
    conditions, segment = _conditions(model, where or {})
    if not conditions and segment is None and not balance:
        return Drawing(model=model, n=n, rng=rng, parts=(), obedience=obedience)
    balanced = _balanced(model, balance or {}, conditions)
    tally = Tally()
    keeping = None if segment is not None else _keeping(model, obedience, rng, tally)
    parts = []
    for label, share, more in balanced:
        if share > 0:
            asked, base = {**conditions, **more}, None
            given, many = asked.keys(), max(round(n * share), 1)
            kept = None
            if obedience is not None:
                own = asked
                asked, base = _implied(model, obedience, own)
            within = {
                place: model.codec.parts[place].within(condition)
                for place, condition in asked.items()
            }
            _require_values(model, within, given=given, label=label)
            if obedience is not None and keeping is not None:
                kept = keeping(own, many)
            source = kept or _source(model, within, segment, many, rng, label)
            names = frozenset(model.codec.columns[place] for place in asked)
            if kept is None and obedience is not None and names & set(obedience.book.names):
                tally.is_before_rules = True
            parts.append(
                Part(label=label, share=share, source=source, within=within, base=base, asked=names)
            )
    return Drawing(model=model, n=n, rng=rng, parts=tuple(parts), obedience=obedience, tally=tally)


def _keeping(
    model: Model, obedience: Obedience | None, rng: np.random.Generator, tally: Tally
) -> Callable[[Mapping[int, Condition], int], Kept | None] | None:
    """Returns what finds rows under a condition among those that obey, or None without rules."""
    if obedience is None:
        return None
    pilots: list[pl.DataFrame] = []

    def draw(n: int) -> Iterator[pl.DataFrame]:
        return obeying(model, obedience, n, rng, tally)

    def keeping(asked: Mapping[int, Condition], n: int) -> Kept | None:
        import polars as pl

        names, columns = model.codec.columns, obedience.book.columns
        if not {names[place] for place in asked} & set(obedience.book.names):
            return None  # weights of latents are exact
        if not pilots:
            pilots.append(pl.concat(obeying(model, obedience, PILOT, rng, Tally())))
        regions = {names[p]: region_of(columns[names[p]], c) for p, c in asked.items()}
        return Kept.of(draw, columns, regions, pilots[0], n)

    return keeping


def _implied(
    model: Model, obedience: Obedience, asked: Mapping[int, Condition]
) -> tuple[dict[int, Condition], Base]:
    """Turns conditions into all that the rules make of them: a follower's is one on its decider.

    What an order rule implies is among the regions alone: its columns keep their distributions, so
    that it weighs no latent.
    """
    book, names = obedience.book, model.codec.columns
    given = {
        names[place]: region_of(book.columns[names[place]], condition)
        for place, condition in asked.items()
    }
    base = book.narrowed(given)
    found = {place: c for place, c in asked.items() if names[place] not in book.domains}
    for name, held in book.narrowed(given, orders=False).items():
        if name in book.domains and held != book.domains[name]:
            found[names.index(name)] = hull(book.columns[name], held)
    return found, base


def generator_of(seed: int | None) -> np.random.Generator:
    """Returns the generator of a seed; None draws a fresh one.

    Raises:
        InputError: If the seed is no whole number of at least 0.
    """
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
        raise InputError("The seed must be a whole number of at least 0.", hint="Or leave it out.")
    return np.random.default_rng(seed)


def _conditions(
    model: Model, where: Mapping[str, object]
) -> tuple[dict[int, Condition], object | None]:
    """Reads `where`: conditions by the column's place, and the segment, if one is asked for."""
    places = {name: i for i, name in enumerate(model.codec.columns)}
    found: dict[int, Condition] = {}
    segment = None
    for name, given in where.items():
        if name == SEGMENT and name not in places:
            segment = given
            continue
        column = column_of(model.schema, name)
        found[places[name]] = parse_condition(column, given)
    return found, segment


def _balanced(
    model: Model, balance: Mapping[str, object], conditions: Mapping[int, Condition]
) -> list[tuple[str, float, dict[int, Condition]]]:
    """Returns label, share and further condition of each part of the rows."""
    if not balance:
        return [("", 1.0, {})]
    if len(balance) > 1:
        raise InputError(
            f"Only one column can be balanced, not {len(balance)}.",
            hint="Balance one, and set the others with a condition (`where`).",
        )
    ((name, given),) = balance.items()
    column = column_of(model.schema, name)
    place = model.codec.columns.index(name)
    if place in conditions:
        raise InputError(
            f"The column {name!r} is balanced and has a condition at once.",
            hint="Leave one of the two out.",
        )
    shares = parse_shares(column, given)
    parts = [
        (f"{name}={category}", share, {place: Condition(values=(category,))})
        for category, share in shares.items()
    ]
    rest = 1.0 - sum(shares.values())
    others = tuple(c for c in categories_of(column) if c not in shares)
    if rest > 1e-9:
        condition = Condition(values=others, missing=column.nullable)
        parts.append((f"{name}: the others", rest, {place: condition}))
    return parts


def _require_values(
    model: Model, within: Mapping[int, Within], *, given: AbstractSet[int], label: str
) -> None:
    """Refuses conditions that no value of a column meets; `given` are the places of the user's."""
    for place, part in within.items():
        if part.evidence.any():
            continue
        name = model.codec.columns[place]
        column = column_of(model.schema, name)
        if place in given and column.kind in ("categorical", "ordinal", "boolean"):
            asked = label if label.startswith(f"{name}=") else f"the condition on {name!r}"
            raise InputError(
                f"The model draws no row for {asked}: under noise nothing was seen of it.",
                hint="Leave it out: with --share (`balance` in Python), name the categories that "
                "you want and give them all of the rows.",
            )
        if place in given:
            raise InputError(
                f"No value of the column {name!r} meets the condition exactly.",
                hint="Give a range (LOW..HIGH): single values of a continuous column, and values "
                "between those that the column can have, have no mass.",
            )
        raise InputError(
            f"Under this condition, the schema's rules leave no value of the column {name!r} that "
            "the model can draw.",
            hint="Widen the condition, or the rule: a single value of a continuous column has no "
            "mass.",
        )


def _source(
    model: Model,
    within: Mapping[int, Within],
    segment: object | None,
    n: int,
    rng: np.random.Generator,
    label: str,
) -> Posterior | Rejection:
    from synthkit.generate import ProductMixture
    from synthkit.generate.posterior import Posterior
    from synthkit.generate.rejection import Rejection
    from synthkit.pipeline.segmenting import member_of

    evidence = {place: part.evidence for place, part in within.items()}
    try:
        if isinstance(model.inner, ProductMixture):
            member = None if segment is None else member_of(model, segment)
            return Posterior(model.inner, model.codec.sizes, evidence, n=n, rng=rng, member=member)
        if segment is not None:
            raise InputError(
                f"The generator {model.generator!r} has no segments: it is no mixture.",
                hint="Fit the generator 'dpctgan'.",
            )
        return Rejection(model.inner, model.codec.sizes, evidence, n=n, rng=rng)
    except InputError as error:
        if not label:
            raise
        raise InputError(f"{label}: {error.message}", hint=error.hint) from None

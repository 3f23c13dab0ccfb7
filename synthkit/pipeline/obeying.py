"""Makes drawn rows obey the schema's rules, all of them, always, and says how many had to change.

In: rows as a model draws them, with their latents where it has any. Out: the same rows, in which
every rule holds. Linked columns are drawn again together until they agree; columns that ascend are
drawn so that each keeps its distribution given the latent (`ordering`); then, column by column,
those that decide first, a cell that breaks a rule is drawn again from the model's distribution of
its column given the latent, restricted to what the rules leave (`redrawing`). What two passes
cannot mend (a dead end) takes the linked columns of a row that obeys; where no row does, those of a
row that a search finds (`constructing`). Nothing is tried more than a fixed number of times.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from synthkit.errors import InputError, SynthkitError
from synthkit.pipeline.cells import inside, places_of, scattered
from synthkit.pipeline.constructing import constructed
from synthkit.pipeline.needs import Cells, Given, grouped, limits_of, needs_of
from synthkit.pipeline.ordering import Chains
from synthkit.pipeline.redrawing import Redrawer
from synthkit.pipeline.rulebook import Base, Rulebook
from synthkit.pipeline.tally import Tally, knows
from synthkit.schema.regions import Region
from synthkit.schema.rules import breaks, following

if TYPE_CHECKING:
    import polars as pl

    from synthkit.generate.batches import Batch
    from synthkit.pipeline.model import Model

JOINT_TRIES = 10
"""Times that the linked columns of a row are drawn again together, before one after the other."""


class Obedience:
    """The rules of one model, applied to what it draws."""

    def __init__(self, model: Model) -> None:
        self.book = Rulebook.of(model.schema)
        self._redrawer = Redrawer(model.codec, model.inner, self.book.columns)
        self._chains = Chains(self.book, self._redrawer)

    @cached_property
    def always(self) -> Base:
        """What the rules say of columns whatever is asked for."""
        return self.book.narrowed({})

    def enforce(
        self,
        frame: pl.DataFrame,
        batch: Batch | None,
        rng: np.random.Generator,
        tally: Tally,
        *,
        base: Mapping[str, Region] | None = None,
        asked: AbstractSet[str] = frozenset(),
        given: Given | None = None,
    ) -> pl.DataFrame:
        """Returns the rows with every rule obeyed.

        Args:
            frame: Rows as they were drawn, shape (n_rows, n_columns).
            batch: Their latents; None: unknown.
            rng: Public randomness.
            tally: Counts what is done.
            base: Regions that all rows must lie in, as `Rulebook.narrowed` gives them.
            asked: Columns that were drawn within their region; of a chain, one of them stays.
            given: Of rows that are completed, the cells that stay and those that are wanted.

        Raises:
            InputError: If no row of the model's domain obeys, or pinned cells leave no way to.
        """
        book, base, given = self.book, base or self.always, given or Given()
        tally.rows += frame.height
        self._count(frame, base, tally)
        if batch is not None and batch.cells is not None:
            if not given.pinned:
                frame = self._jointly(frame, batch, base, rng)
            limits = {name: base[name] for name in asked if name in base}
            frame = self._ordered(frame, batch, limits, given, rng)
        cells: Cells = {n: frame.get_column(n) for n in (*book.names, *base) if n in frame.columns}
        for names in (book.order, tuple(reversed(book.order))):
            self._sweep(names, cells, batch, base, given, rng)
            done = frame.with_columns(cells.values())
            if not self._broken(done, base).any():
                break
        else:
            done = self._mended(done, base, given, rng, tally)
            if self._broken(done, base).any():
                raise SynthkitError(
                    "Rows that break the schema's rules were about to be given out.",
                    hint="This is a fault of synthkit; nothing was written. Please report it.",
                )
        return self._filled(done, batch, base, given, rng)

    def _filled(
        self,
        frame: pl.DataFrame,
        batch: Batch | None,
        base: Mapping[str, Region],
        given: Given,
        rng: np.random.Generator,
    ) -> pl.DataFrame:
        """Gives wanted cells that are empty a value, wherever the row's other cells leave one."""
        import polars as pl

        for name in self.book.names:
            wanted = given.wanted.get(name)
            if wanted is None or not (wanted & frame.get_column(name).is_null().to_numpy()).any():
                continue
            cells: Cells = {n: frame.get_column(n) for n in (*self.book.names, *base)}
            others = {n for n in self.book.names if n != name}
            self._column(name, others, cells, batch, base, given, rng)
            new = frame.with_columns(cells[name])
            is_well = pl.Series(~self._broken(new, base))
            frame = frame.with_columns(new[name].zip_with(is_well, frame[name]).alias(name))
        return frame

    def _count(self, frame: pl.DataFrame, base: Mapping[str, Region], tally: Tally) -> None:
        """Counts the rows that break a rule as they were drawn."""
        wrong = self._broken_in(frame, base, self.book.names, ())
        for i, rule in enumerate(self.book.rules):
            found = breaks(frame, rule, self.book.columns).to_numpy()
            tally.broke[i] = tally.broke.get(i, 0) + int(found.sum())
            wrong |= found
        tally.redrawn += int(wrong.sum())

    def _ordered(
        self,
        frame: pl.DataFrame,
        batch: Batch,
        base: Mapping[str, Region],
        given: Given,
        rng: np.random.Generator,
    ) -> pl.DataFrame:
        """Puts the columns of order rules in order, each with the distribution that it has."""
        if not self.book.chains:
            return frame
        narrow = {
            name: self._redrawer.share(name, held)
            for name, held in base.items()
            if name in self.book.domains and held != self.book.domains[name]
        }
        # Where other rules speak of a column as well, it stays as they left it.
        linked = {name for group, _ in self.book.unordered for name in group}
        narrow = {**dict.fromkeys(linked, 0.999), **narrow}
        return self._chains.ordered(frame, batch, rng, narrow=narrow, pinned=given.pinned)

    def _jointly(
        self,
        frame: pl.DataFrame,
        batch: Batch,
        base: Mapping[str, Region],
        rng: np.random.Generator,
    ) -> pl.DataFrame:
        """Draws linked columns again, together, from each row's latent, until they agree.

        What is accepted has the model's distribution given the latent and the rules. Tries are
        bounded: a row whose latent hardly knows how to obey is left to what comes next; so are all
        where the model does not know a rule, for then it would thin out the rows that the rule
        bears on until hardly any is left. Which cells are missing stays as it was drawn, unless a
        rule turns on it: rows with a missing cell obey more easily, and would become more.
        """
        import polars as pl

        for group, rules in self.book.unordered:
            if not all(knows(frame, self.book.rules[i], self.book.columns) for i in rules):
                continue
            names = tuple(n for n in self.book.names if n in group)
            left = np.flatnonzero(self._broken_in(frame, base, names, rules))
            for _ in range(JOINT_TRIES):
                if left.size == 0:
                    break
                new = pl.DataFrame(
                    self._again(frame[n], left, base.get(n), batch, rng) for n in names
                )
                good = ~self._broken_in(new, base, names, rules)
                taken = new.filter(pl.Series(good))
                frame = frame.with_columns(scattered(frame[n], left[good], taken[n]) for n in names)
                left = left[~good]
        return frame

    def _again(
        self,
        cells: pl.Series,
        rows: np.ndarray,
        held: Region | None,
        batch: Batch,
        rng: np.random.Generator,
    ) -> pl.Series:
        """Draws a column again in some rows; missing ones stay missing if no rule turns on that."""
        name = cells.name
        own = cells[rows.astype(np.uint32)]
        whole = held or self.book.domains[name]
        if not whole.missing or not whole.has_values or name in self.book.decisive:
            return self._redrawer.again(name, rows, held, batch=batch, rng=rng).alias(name)
        present = dataclasses.replace(whole, missing=False)
        new = self._redrawer.again(name, rows, present, batch=batch, rng=rng)
        return new.zip_with(own.is_not_null(), own).alias(name)

    def _sweep(
        self,
        names: tuple[str, ...],
        cells: Cells,
        batch: Batch | None,
        base: Mapping[str, Region],
        given: Given,
        rng: np.random.Generator,
    ) -> None:
        """Goes through the columns once and draws again what the columns before do not allow."""
        done: set[str] = set()
        for name in names:
            if name not in self.book.followers:
                self._column(name, done, cells, batch, base, given, rng)
            done.add(name)
        for name in self.book.order:
            if name in self.book.followers:
                self._follow(name, cells, given.pinned)

    def _follow(self, name: str, cells: Cells, pinned: Mapping[str, np.ndarray]) -> None:
        import polars as pl

        value, is_known = following(
            pl.DataFrame(list(cells.values())), self.book.followers[name], self.book.columns
        )
        if name in pinned:
            is_known = is_known & ~pl.Series(pinned[name])
        cells[name] = value.zip_with(is_known, cells[name]).alias(name)

    def _column(
        self,
        name: str,
        done: set[str],
        cells: Cells,
        batch: Batch | None,
        base: Mapping[str, Region],
        given: Given,
        rng: np.random.Generator,
    ) -> None:
        import polars as pl

        n = len(cells[name])
        needs = needs_of(self.book, name, done, cells, given)
        floor, ceiling = limits_of(self.book, name, done, cells)
        whole = base.get(name, self.book.domains[name])
        wrong = np.zeros(n, dtype=bool)
        for held in {need.held for need in needs}:
            outside = ~inside(self.book.columns[name], cells[name], held)
            for need in needs:
                if need.held == held:
                    wrong |= need.rows & outside
        if name in base:
            wrong |= ~inside(self.book.columns[name], cells[name], whole)
        if floor is not None or ceiling is not None:
            places = places_of(self.book.columns[name], cells[name])
            beyond = np.zeros(n, dtype=bool)
            beyond |= False if floor is None else places < floor
            beyond |= False if ceiling is None else places > ceiling
            wrong |= beyond & ~cells[name].is_null().to_numpy()
        is_null = cells[name].is_null().to_numpy()
        if name in given.wanted and len(done) == len(self.book.names) - 1:
            lost = given.wanted[name] & is_null
            wrong, is_null = wrong | lost, is_null & ~lost
        if name in given.pinned:
            wrong &= ~given.pinned[name]
        rows = np.flatnonzero(wrong)
        if rows.size == 0:
            return
        for mine, held, because in grouped(rows, needs, whole, is_null):
            if held.is_empty:
                continue
            new, could = self._redrawer.draw(
                name,
                mine,
                held,
                batch=batch,
                beside=(because, cells[because][mine.astype(np.uint32)]) if because else None,
                floor=None if floor is None else floor[mine],
                ceiling=None if ceiling is None else ceiling[mine],
                rng=rng,
            )
            cells[name] = scattered(cells[name], mine[could], new.filter(pl.Series(could)))

    def _broken(self, frame: pl.DataFrame, base: Mapping[str, Region]) -> np.ndarray:
        """Says of each row whether it breaks a rule or lies outside a region."""
        rules = range(len(self.book.rules))
        return self._broken_in(frame, base, self.book.names, tuple(rules))

    def _broken_in(
        self,
        frame: pl.DataFrame,
        base: Mapping[str, Region],
        names: tuple[str, ...],
        rules: tuple[int, ...],
    ) -> np.ndarray:
        wrong = np.zeros(frame.height, dtype=bool)
        for i in rules:
            wrong |= breaks(frame, self.book.rules[i], self.book.columns).to_numpy()
        for name in names:
            if name in base:
                wrong |= ~inside(self.book.columns[name], frame.get_column(name), base[name])
        return wrong

    def _mended(
        self,
        frame: pl.DataFrame,
        base: Mapping[str, Region],
        given: Given,
        rng: np.random.Generator,
        tally: Tally,
    ) -> pl.DataFrame:
        """Gives rows that still break a rule the linked columns of one that does not."""
        stuck = np.zeros(frame.height, dtype=bool)
        for group, rules in self.book.components:
            names = tuple(n for n in self.book.names if n in group)
            wrong = self._broken_in(frame, base, names, rules)
            rows, good = np.flatnonzero(wrong), np.flatnonzero(~wrong)
            if rows.size == 0:
                continue
            stays = [*given.pinned.items(), *given.wanted.items()]
            # A column that was given is pinned or wanted in every row: no given cell is borrowed.
            is_pinned = any(cells[rows].any() for n, cells in stays if n in names)
            if good.size and not is_pinned:
                chosen = rng.choice(good, rows.size).astype(np.uint32)
                frame = frame.with_columns(
                    scattered(frame[n], rows, frame[n][chosen]) for n in names
                )
                tally.borrowed += rows.size
                continue
            frame, impossible = constructed(self.book, frame, rows, names, rules, base, given)
            stuck[impossible] = True
            tally.constructed += rows.size
        if stuck.any():
            raise InputError(
                f"{stuck.sum():,} of {frame.height:,} rows cannot obey the schema's rules: no row "
                "of the model's domain does under what is asked.",
                hint="Correct the cells that are given, or loosen the condition or the rules "
                "(`constraints` in the schema).",
            )
        return frame

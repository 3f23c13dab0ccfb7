"""Makes drawn rows obey the schema's rules, all of them, always, and says how many had to change.

In: rows as a model draws them, with their latents where it has any. Out: the same rows, in which
every rule holds. Column by column, those that decide first, a cell that breaks a rule is drawn
again from the model's distribution of its column given the row's own latent, restricted to what the
rules leave (`redrawing`): exactly the model's conditional distribution given the latent and the
columns before. What two passes cannot mend (rules that leave a dead end) takes the linked columns
of a row that obeys; where no row does, those of a row that the search of `schema.feasibility`
finds. Nothing is tried more than a fixed number of times. No real row is read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from synthkit.errors import InputError, SynthkitError
from synthkit.pipeline.cells import differs, inside, limit, places_of, scattered
from synthkit.pipeline.redrawing import Redrawer
from synthkit.pipeline.rulebook import Base, Rulebook
from synthkit.pipeline.tally import Tally, knows
from synthkit.schema import dtype_of
from synthkit.schema.feasibility import find_row
from synthkit.schema.regions import Region, is_on_line
from synthkit.schema.rules import breaks, following

if TYPE_CHECKING:
    import polars as pl

    from synthkit.generate.batches import Batch
    from synthkit.pipeline.model import Model

JOINT_TRIES = 10
"""Times that the linked columns of a row are drawn again together, before one after the other."""
Cells = dict[str, "pl.Series"]


@dataclass(frozen=True)
class Need:
    """Rows in which a column must lie in a region because of another column."""

    rows: np.ndarray
    """Booleans, shape (n_rows,)."""
    held: Region
    because: str


class Obedience:
    """The rules of one model, applied to what it draws."""

    def __init__(self, model: Model) -> None:
        self.book = Rulebook.of(model.schema)
        self._redrawer = Redrawer(model.codec, model.inner, self.book.columns)

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
        pinned: Mapping[str, np.ndarray] | None = None,
    ) -> pl.DataFrame:
        """Returns the rows with every rule obeyed.

        Args:
            frame: Rows as they were drawn, shape (n_rows, n_columns).
            batch: Their latents; None: unknown.
            rng: Public randomness.
            tally: Counts what is done.
            base: Regions that all rows must lie in, as `Rulebook.narrowed` gives them.
            pinned: Of some columns, cells that must stay, Booleans of shape (n_rows,).

        Raises:
            InputError: If no row of the model's domain obeys, or pinned cells leave no way to.
        """
        book, base, pinned = self.book, base or self.always, pinned or {}
        tally.rows += frame.height
        for i, rule in enumerate(book.rules):
            n = int(breaks(frame, rule, book.columns).sum())
            tally.broke[i] = tally.broke.get(i, 0) + n
        drawn = frame
        if batch is not None and batch.cells is not None and not pinned:
            frame = self._jointly(frame, batch, base, rng)
        cells: Cells = {n: frame.get_column(n) for n in (*book.names, *base) if n in frame.columns}
        for names in (book.order, tuple(reversed(book.order))):
            self._sweep(names, cells, batch, base, pinned, rng)
            done = frame.with_columns(cells.values())
            if not self._broken(done, base).any():
                break
        else:
            done = self._mended(done, base, pinned, rng, tally)
            if self._broken(done, base).any():
                raise SynthkitError(
                    "Rows that break the schema's rules were about to be given out.",
                    hint="This is a fault of synthkit; nothing was written. Please report it.",
                )
        tally.redrawn += int(differs(drawn, done, list(cells)).sum())
        return done

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
        bears on until hardly any is left.
        """
        import polars as pl

        for group, rules in self.book.components:
            if not all(knows(frame, self.book.rules[i], self.book.columns) for i in rules):
                continue
            names = tuple(n for n in self.book.names if n in group)
            left = np.flatnonzero(self._broken_in(frame, base, names, rules))
            for _ in range(JOINT_TRIES):
                if left.size == 0:
                    break
                new = pl.DataFrame(
                    self._redrawer.again(n, left, base.get(n), batch=batch, rng=rng).alias(n)
                    for n in names
                )
                good = ~self._broken_in(new, base, names, rules)
                taken = new.filter(pl.Series(good))
                frame = frame.with_columns(scattered(frame[n], left[good], taken[n]) for n in names)
                left = left[~good]
        return frame

    def _sweep(
        self,
        names: tuple[str, ...],
        cells: Cells,
        batch: Batch | None,
        base: Mapping[str, Region],
        pinned: Mapping[str, np.ndarray],
        rng: np.random.Generator,
    ) -> None:
        """Goes through the columns once and draws again what the columns before do not allow."""
        done: set[str] = set()
        for name in names:
            if name not in self.book.followers:
                self._column(name, done, cells, batch, base, pinned, rng)
            done.add(name)
        for name in self.book.order:
            if name in self.book.followers:
                self._follow(name, cells, pinned)

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
        pinned: Mapping[str, np.ndarray],
        rng: np.random.Generator,
    ) -> None:
        import polars as pl

        n = len(cells[name])
        needs = self._needs(name, done, cells, pinned)
        floor, ceiling = self._limits(name, done, cells)
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
        if name in pinned:
            wrong &= ~pinned[name]
        rows = np.flatnonzero(wrong)
        if rows.size == 0:
            return
        for mine, held, because in _grouped(rows, needs, whole):
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

    def _needs(
        self, name: str, done: set[str], cells: Cells, pinned: Mapping[str, np.ndarray]
    ) -> list[Need]:
        """Lists where columns that are done say in which region a column must lie."""
        needs = []
        for link in self.book.links:
            if link.y == name and link.x in done:
                rows = inside(self.book.columns[link.x], cells[link.x], link.when)
                needs.append(Need(rows, link.then, link.x))
                if link.exactly:
                    needs.append(Need(~rows, link.not_then, link.x))
            elif link.x == name and link.y in done:
                rows = inside(self.book.columns[link.y], cells[link.y], link.then)
                needs.append(Need(~rows, link.not_when, link.y))
                if link.exactly:
                    needs.append(Need(rows, link.when, link.y))
        for follower, rule in self.book.followers.items():
            # A cell that must stay says what decides it.
            if follower in pinned and rule.of == (name,):
                for value in cells[follower].filter(pinned[follower]).unique().to_list():
                    rows = pinned[follower] & cells[follower].eq_missing(value).to_numpy()
                    held = self.book.decided(follower, self._point(follower, value))[1]
                    needs.append(Need(rows, held, follower))
        return needs

    def _point(self, name: str, value: object) -> Region:
        if value is None:
            return Region(missing=True)
        if not is_on_line(self.book.columns[name]):
            return Region(items=(value,))
        import polars as pl

        series = pl.Series([value], dtype=dtype_of(self.book.columns[name]))
        place = places_of(self.book.columns[name], series)[0].item()
        return Region(spans=((place, place),))

    def _limits(
        self, name: str, done: set[str], cells: Cells
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Returns the least and the largest place that done columns leave in each row."""
        columns = self.book.columns
        floors: list[np.ndarray] = []
        ceilings: list[np.ndarray] = []
        for low, high, strict in self.book.pairs:
            other = low if high == name else high if low == name else None
            if other is None or other not in done:
                continue
            up = high == name
            places = limit(
                columns[name],
                columns[other],
                places_of(columns[other], cells[other]),
                strict=strict,
                up=up,
            )
            is_free = cells[other].is_null().to_numpy()
            if places.dtype.kind == "f":
                free: float = -np.inf if up else np.inf
            else:
                free = np.iinfo(np.int64).min if up else np.iinfo(np.int64).max
            (floors if up else ceilings).append(np.where(is_free, free, places))
        floor = np.max(floors, axis=0) if floors else None
        ceiling = np.min(ceilings, axis=0) if ceilings else None
        return floor, ceiling

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
        pinned: Mapping[str, np.ndarray],
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
            is_pinned = any(pinned[n][rows].any() for n in names if n in pinned)
            if good.size and not is_pinned:
                chosen = rng.choice(good, rows.size).astype(np.uint32)
                frame = frame.with_columns(
                    scattered(frame[n], rows, frame[n][chosen]) for n in names
                )
                tally.borrowed += rows.size
                continue
            frame, impossible = self._constructed(frame, rows, names, rules, base, pinned)
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

    def _constructed(
        self,
        frame: pl.DataFrame,
        rows: np.ndarray,
        names: tuple[str, ...],
        rules: tuple[int, ...],
        base: Mapping[str, Region],
        pinned: Mapping[str, np.ndarray],
    ) -> tuple[pl.DataFrame, list[int]]:
        """Puts values that were searched for into linked columns; pinned cells stay.

        Also returns the rows for which there are none: their linked columns are empty.
        """
        import polars as pl

        columns = self.book.columns
        book = [self.book.rules[i] for i in rules]
        found: dict[tuple[object, ...], Mapping[str, object]] = {}
        new: dict[str, list[object]] = {n: [] for n in names}
        given = {n: frame[n][rows.astype(np.uint32)].to_list() for n in names}
        impossible: list[int] = []
        for k, row in enumerate(rows.tolist()):
            stays = {n: given[n][k] for n in names if n in pinned and pinned[n][row]}
            key = (tuple(stays), tuple(stays.values()))
            if key not in found:
                fixed = {n: base[n] for n in names if n in base}
                for n, value in stays.items():
                    fixed[n] = self._point(n, value)
                searched = find_row(columns, book, fixed).row
                found[key] = searched or {}
            if not found[key]:
                impossible.append(row)
            for n in names:
                new[n].append(found[key].get(n))
        mended = frame.with_columns(
            scattered(frame[n], rows, pl.Series(new[n], dtype=frame[n].dtype)) for n in names
        )
        return mended, impossible


def _grouped(
    rows: np.ndarray, needs: list[Need], whole: Region
) -> list[tuple[np.ndarray, Region, str]]:
    """Splits rows by which needs they have: rows, the region left, and a column that decides."""
    if not needs:
        return [(rows, whole, "")]
    marks = np.stack([need.rows[rows] for need in needs], axis=1)  # (n, n_needs)
    kinds, kind_of = np.unique(marks, axis=0, return_inverse=True)
    found = []
    for i, kind in enumerate(kinds):
        held, because = whole, ""
        for is_needed, need in zip(kind, needs, strict=True):
            if is_needed:
                held, because = held & need.held, because or need.because
        found.append((rows[kind_of.reshape(-1) == i], held, because))
    return found

"""Linked columns of rows that nothing else mends: values that a search finds, or none.

In: rows, and which of them break a rule. Out: the same rows, those with the values of a row that
obeys (`schema.feasibility`), and which cannot obey. No real row is read here,
but for those that are completed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from synthkit.pipeline.cells import point, scattered
from synthkit.schema.feasibility import find_row

if TYPE_CHECKING:
    import polars as pl

    from synthkit.pipeline.needs import Given
    from synthkit.pipeline.rulebook import Rulebook
    from synthkit.schema.regions import Region


def constructed(
    book: Rulebook,
    frame: pl.DataFrame,
    rows: np.ndarray,
    names: tuple[str, ...],
    rules: tuple[int, ...],
    base: Mapping[str, Region],
    given: Given,
) -> tuple[pl.DataFrame, list[int]]:
    """Puts values that were searched for into linked columns; pinned cells stay as they are.

    Cells that are wanted get a value wherever a row that obeys has one.

    Also returns the rows for which there are none: their linked columns are empty.
    """
    import polars as pl

    columns = book.columns
    own = [book.rules[i] for i in rules]
    found: dict[tuple[object, ...], Mapping[str, object]] = {}
    new: dict[str, list[object]] = {n: [] for n in names}
    # PRIVACY: of rows that are completed, given cells may be real; they go back in their own rows
    # to whoever gave them, and nothing else is made of them.
    now = {n: frame[n][rows.astype(np.uint32)].to_list() for n in names}
    impossible: list[int] = []
    for k, row in enumerate(rows.tolist()):
        stays = {n: now[n][k] for n in names if n in given.pinned and given.pinned[n][row]}
        wanted = [n for n in names if n in given.wanted and given.wanted[n][row]]
        key = (tuple(stays), tuple(stays.values()), tuple(wanted))
        if key not in found:
            fixed = {n: base[n] for n in names if n in base}
            for n, value in stays.items():
                fixed[n] = point(columns[n], value)
            whole = {n: fixed.get(n, book.domains[n]) for n in wanted}
            full = {n: dataclasses.replace(held, missing=False) for n, held in whole.items()}
            searched = find_row(columns, own, {**fixed, **full}).row if full else None
            found[key] = searched or find_row(columns, own, fixed).row or {}
        if not found[key]:
            impossible.append(row)
        for n in names:
            new[n].append(found[key].get(n))
    mended = frame.with_columns(
        scattered(frame[n], rows, pl.Series(new[n], dtype=frame[n].dtype)) for n in names
    )
    return mended, impossible

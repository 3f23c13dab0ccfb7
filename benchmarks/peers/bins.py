"""Bins from public bounds alone, for peers that need discrete columns and bring no bins of use.

A whole number with fewer than 150 possible values: each by itself. Otherwise the union of 16
equal-width bins, of 16 bins on a logarithmic scale on each side of zero, and zero by itself. Inside
a bin values are drawn evenly. Missing cells are a further code.
"""

from __future__ import annotations

from typing import Any

from benchmarks.peers.job import Job
from benchmarks.peers.missing import MISSING

MOST_VALUES = 150
N_BINS = 16


def edges(column: dict[str, Any]) -> Any:
    """Returns the edges of a number column's bins, increasing, shape (n_bins + 1,).

    Bin i holds edges[i] <= x < edges[i + 1]; the last edge lies above the upper bound.
    """
    import numpy as np

    low, high = column["bounds"]
    if column["whole"] and high - low < MOST_VALUES:
        return np.arange(low, high + 2)
    least = 1.0 if column["whole"] else (high - low) / 1e4
    found = [np.linspace(low, high, N_BINS + 1)]
    if high > least:
        found.append(np.geomspace(least, high, N_BINS + 1))
    if low < -least:
        found.append(-np.geomspace(least, -low, N_BINS + 1))
    if low <= 0 <= high:
        found.append(np.array([0.0, min(least, high)]))
    whole = np.concatenate(found)
    whole = whole[(whole >= low) & (whole <= high)]
    if column["whole"]:
        whole = np.ceil(whole)
    return np.append(np.unique(whole)[:-1], high + (1.0 if column["whole"] else 1e-9))


def encode(values: Any, at: Any) -> Any:
    """Returns the bin of each value, shape (n_rows,)."""
    import numpy as np

    return np.clip(np.searchsorted(at, values, side="right") - 1, 0, len(at) - 2)


def decode(codes: Any, at: Any, *, whole: bool, rng: Any) -> Any:
    """Returns a value drawn evenly from each bin, shape (n_rows,)."""
    import numpy as np

    codes = np.asarray(codes, dtype=np.int64)
    drawn = at[codes] + rng.random(len(codes)) * (at[codes + 1] - at[codes])
    return np.floor(drawn) if whole else drawn


def encode_table(job: Job) -> tuple[Any, list[int]]:
    """Returns train as codes, and the number of codes of each column.

    The codes are whole numbers from 0 under the columns' names, shape (n_rows, n_columns); the last
    code of a column that may have missing cells is theirs.
    """
    import pandas as pd

    found, sizes = {}, []
    for column in job.columns:
        cells = job.train[column["name"]]
        if column["kind"] == "category":
            known = {category: i for i, category in enumerate(column["categories"])}
            codes, size = cells.map(known), len(known)
        else:
            at = edges(column)
            codes, size = pd.Series(encode(cells.to_numpy(), at)).where(cells.notna()), len(at) - 1
        found[column["name"]] = codes.fillna(size).astype(int)
        sizes.append(size + bool(column["nullable"]))
    return pd.DataFrame(found), sizes


def decode_table(job: Job, codes: Any) -> Any:
    """Returns cells for codes, as `encode_table` gives them; columns go by position."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(job.seed)
    found = {}
    for i, column in enumerate(job.columns):
        code = np.asarray(codes.iloc[:, i], dtype=np.int64)
        if column["kind"] == "category":
            texts = np.array([*column["categories"], MISSING], dtype=object)[code]
            found[column["name"]] = pd.Series(np.where(texts == MISSING, None, texts))
        else:
            at = edges(column)
            is_known = code < len(at) - 1
            values = decode(np.where(is_known, code, 0), at, whole=column["whole"], rng=rng)
            found[column["name"]] = pd.Series(np.where(is_known, values, np.nan))
    return pd.DataFrame(found)

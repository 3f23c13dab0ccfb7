"""SmartNoise Synth's MST (OpenDP, MIT) at its defaults, delta apart (its own would be 1e-9).

It needs discrete columns. Its own bins are 10 of equal width, decoded to their middles, which would
put every zero of a heavy-tailed column in the middle of the first tenth; it is given the bins of
`bins.py` instead, from public bounds alone. Categories are the public ones, with a further one for
missing cells.
"""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.peers.bins import decode, edges, encode
from benchmarks.peers.job import Job, finish, read
from benchmarks.peers.missing import MISSING


def main() -> None:
    """Fits as the job says; there are no options."""
    import numpy as np

    kinds = importlib.import_module("snsynth.transform")
    job = read()
    assert job.epsilon is not None
    np.random.seed(job.seed)  # noqa: NPY002 (the package draws from the global generator)
    codes, sizes = _codes(job)
    transformers = []
    for size in sizes:
        label = kinds.LabelTransformer(nullable=False)
        label.fit(range(size))
        transformers.append(label)
    model = importlib.import_module("snsynth").Synthesizer.create(
        "mst", epsilon=job.epsilon, delta=job.delta, **job.options
    )
    model.fit(codes, transformer=kinds.TableTransformer(transformers))
    finish(
        job,
        lambda n: _cells(job, model.sample(n)),
        packages=("smartnoise-synth", "mbi", "jax", "numpy", "pandas"),
        epsilon_spent=job.epsilon,
    )


def _codes(job: Job) -> tuple[Any, list[int]]:
    """Returns train as codes, and the number of codes of each column; the last is for missing."""
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


def _cells(job: Job, codes: Any) -> Any:
    """Returns cells for codes."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(job.seed)
    found = {}
    for i, column in enumerate(job.columns):
        code = np.asarray(codes.iloc[:, i], dtype=np.int64)
        if column["kind"] == "category":
            texts = np.array([*column["categories"], MISSING], dtype=object)[code]
            found[column["name"]] = pd.Series(texts).replace(MISSING, None)
        else:
            at = edges(column)
            is_known = code < len(at) - 1
            values = decode(np.where(is_known, code, 0), at, whole=column["whole"], rng=rng)
            found[column["name"]] = pd.Series(np.where(is_known, values, np.nan))
    return pd.DataFrame(found)


if __name__ == "__main__":
    main()

"""dpmm's pipelines (SAS, Apache-2.0): PrivTree bins, then a graphical model of noisy tables.

Numbers go through dpmm's own default, the PrivTree binner with `n_bins="auto"`, between the public
bounds; categories are the public ones. Of epsilon a tenth is for bins and nine tenths for the
model, so that the sum is what was asked for (by default dpmm spends 0.1 on top). What dpmm reads
off the rows without noise stays as it is: their number, which columns have missing cells or one
value only, and the cell that stands in for missing ones.

With the option `bins=public` numbers go through the bins of `bins.py` instead, from public bounds
alone, a missing cell is a category of its own, and all of epsilon is the model's.
"""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.peers.bins import decode_table, encode_table
from benchmarks.peers.job import Job, finish, read

BINS_SHARE = 0.1


def main(pipeline: str, **settings: Any) -> None:
    """Fits one of dpmm's pipelines as the job says.

    Args:
        pipeline: Its class under `dpmm.pipelines`.
        settings: Arguments of the pipeline; `gen_kwargs` are the model's.
    """
    job = read()
    assert job.epsilon is not None
    options = dict(job.options)
    is_coded = options.pop("bins", "own") == "public"
    share = 0.0 if is_coded else BINS_SHARE
    if "max_model_size" in options:
        settings["max_model_size"] = options.pop("max_model_size")
    model = getattr(importlib.import_module("dpmm.pipelines"), pipeline)(
        epsilon=job.epsilon * (1 - share),
        proc_epsilon=job.epsilon * share,
        delta=job.delta,
        n_jobs=1,
        gen_kwargs=options,
        **settings,
    )
    if is_coded:
        codes, sizes = encode_table(job)
        known = {
            name: {"categories": [str(code) for code in range(size)]}
            for name, size in zip(codes.columns, sizes, strict=True)
        }
        model.fit(codes.astype(str), domain=known, random_state=job.seed)
    else:
        model.fit(job.train, domain=domain(job), random_state=job.seed)

    def draw(n: int) -> Any:
        drawn = model.generate(n_records=n, random_state=job.seed)
        return decode_table(job, drawn[list(job.train.columns)]) if is_coded else drawn

    size = model.model_size
    finish(
        job,
        draw,
        packages=("dpmm", "numpy", "pandas"),
        epsilon_spent=job.epsilon,
        model_size=None if size is None else float(size),
    )


def domain(job: Job) -> dict[str, dict[str, Any]]:
    """Returns the public knowledge in dpmm's form."""
    return {
        c["name"]: {"categories": c["categories"]}
        if c["kind"] == "category"
        else {"lower": c["bounds"][0], "upper": c["bounds"][1]}
        for c in job.columns
    }

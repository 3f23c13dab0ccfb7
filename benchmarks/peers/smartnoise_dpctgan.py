"""SmartNoise Synth's DPCTGAN (OpenDP, MIT) at its defaults, and what it really spends.

Numbers are scaled between the public bounds by its own MinMaxTransformer; categories are one-hot
over the public ones (its own LabelTransformer would collect them from the rows). Missing numbers
have an indicator beside them and the middle of the bounds in their place: its own way of marking
them is never drawn.

The package looks at its accountant before an epoch and spends in it, so it stops above the epsilon
that was asked for: `epsilon_spent` is what its accountant said when it stopped. The accountant
covers neither the exact frequencies of categories from which rows are drawn nor drawing them so.
"""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.peers.job import Job, finish, read
from benchmarks.peers.missing import MISSING, SUFFIX, with_missing, without_missing


def main() -> None:
    """Fits as the job says; options are the synthesizer's."""
    import numpy as np
    import torch

    job = read()
    assert job.epsilon is not None
    np.random.seed(job.seed)  # noqa: NPY002 (the package draws from the global generator)
    torch.manual_seed(job.seed)
    frame, _ = without_missing(job, fill="middle")
    model = importlib.import_module("snsynth").Synthesizer.create(
        "dpctgan", epsilon=job.epsilon, delta=job.delta, cuda=False, verbose=False, **job.options
    )
    model.fit(frame, transformer=_transformer(job, list(frame.columns)))
    finish(
        job,
        lambda n: with_missing(job, model.sample(n)),
        packages=("smartnoise-synth", "opacus", "torch", "numpy", "pandas"),
        epsilon_spent=float(model.epsilon_list[-1]),
        epochs=len(model.loss_d_list),
    )


def _transformer(job: Job, names: list[str]) -> Any:
    """Returns its transformer, fitted to public knowledge and to no row."""
    kinds = importlib.import_module("snsynth.transform")
    told = {column["name"]: column for column in job.columns}
    found = []
    for name in names:
        column = told.get(name)
        if column is not None and column["kind"] == "number":
            low, high = column["bounds"]
            part = kinds.MinMaxTransformer(lower=low, upper=high)
            part.fit([low, high])
        else:
            known = ["no", "yes"] if name.endswith(SUFFIX) else list(told[name]["categories"])
            if column is not None and column["nullable"]:
                known.append(MISSING)
            label, bits = kinds.LabelTransformer(nullable=False), kinds.OneHotEncoder()
            label.fit(known)
            bits.fit(range(len(known)))
            part = kinds.ChainTransformer([label, bits])
            # The chain clears what it is given, and would fit it to the rows of train.
            label.fit(known)
            bits.fit(range(len(known)))
            part.output_width = bits.output_width
        found.append(part)
    return kinds.TableTransformer(found)


if __name__ == "__main__":
    main()

"""SmartNoise Synth's MST (OpenDP, MIT) at its defaults, delta apart (its own would be 1e-9).

It needs discrete columns. Its own bins are 10 of equal width, decoded to their middles, which would
put every zero of a heavy-tailed column in the middle of the first tenth; it is given the bins of
`bins.py` instead, from public bounds alone. Categories are the public ones, with a further one for
missing cells.
"""

from __future__ import annotations

import importlib

from benchmarks.peers.bins import decode_table, encode_table
from benchmarks.peers.job import finish, read


def main() -> None:
    """Fits as the job says; there are no options."""
    import numpy as np

    kinds = importlib.import_module("snsynth.transform")
    job = read()
    assert job.epsilon is not None
    np.random.seed(job.seed)  # noqa: NPY002 (the package draws from the global generator)
    codes, sizes = encode_table(job)
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
        lambda n: decode_table(job, model.sample(n)),
        packages=("smartnoise-synth", "mbi", "jax", "numpy", "pandas"),
        epsilon_spent=job.epsilon,
    )


if __name__ == "__main__":
    main()

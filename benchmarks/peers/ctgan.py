"""The ctgan package (DataCebo, Business Source License 1.1) at its defaults, without privacy.

300 epochs is what the package asks for.
Numbers go through its own transformer (a Gaussian mixture per column); it takes no missing cells,
so numbers that may be missing have an indicator beside them and the mean in place of missing ones.
"""

from __future__ import annotations

from typing import Any

from benchmarks.peers.job import finish, read
from benchmarks.peers.missing import with_missing, without_missing


def main(name: str = "CTGAN") -> None:
    """Fits a model of the package as the job says; options are its constructor's."""
    import ctgan

    job = read()
    frame, categories = without_missing(job, fill="mean")
    kind: Any = getattr(ctgan, name)
    model = kind(enable_gpu=False, **job.options)
    model.set_random_state(job.seed)
    model.fit(frame, categories)
    finish(
        job,
        lambda n: with_missing(job, model.sample(n)),
        packages=("ctgan", "rdt", "torch", "numpy", "pandas"),
    )


if __name__ == "__main__":
    main()

"""What every peer's script does around its library: reads the job, times sampling, writes.

Runs under the peer's Python: the standard library, and pandas inside functions.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """A peer's task as the parent wrote it (`benchmarks.peers.exchange`)."""

    folder: Path
    epsilon: float | None
    delta: float
    seed: int
    rows: int
    """How many rows to draw."""
    options: dict[str, Any]
    columns: list[dict[str, Any]]
    """Public knowledge of each column: name, kind, nullable, categories or bounds."""
    train: Any
    """A pandas frame: text with None, integers, floats with NaN."""

    def names(self, kind: str) -> list[str]:
        """Returns the names of the columns of a kind: `category` or `number`."""
        return [c["name"] for c in self.columns if c["kind"] == kind]


def read() -> Job:
    """Reads the job whose folder is the first argument."""
    import pandas as pd

    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    return Job(
        folder=folder,
        epsilon=job["epsilon"],
        delta=job["delta"],
        seed=job["seed"],
        rows=job["rows"],
        options=job["options"],
        columns=json.loads((folder / "public.json").read_text()),
        train=pd.read_parquet(folder / "train.parquet"),
    )


def finish(
    job: Job, draw: Callable[[int], Any], *, packages: Sequence[str], **noted: object
) -> None:
    """Draws the synthetic rows, times that, and writes them with what is to be noted.

    Args:
        job: The task.
        draw: Takes a number of rows, gives a pandas frame with the columns of train.
        packages: Whose versions decide the result.
        noted: epsilon_spent, and what else is worth knowing.
    """
    started = time.process_time()
    synthetic = draw(job.rows)
    sample_cpu_s = time.process_time() - started
    for column in job.columns:
        if column["kind"] == "category":
            cells = synthetic[column["name"]].astype(object)
            synthetic[column["name"]] = cells.where(cells.notna(), None)
        else:
            synthetic[column["name"]] = synthetic[column["name"]].astype(float)
    synthetic.to_parquet(job.folder / "synthetic.parquet", index=False)
    used = {name: importlib.metadata.version(name) for name in packages}
    found = {
        **noted,
        "sampled": len(synthetic),
        "sample_cpu_s": sample_cpu_s,
        "peer_versions": {"python": platform.python_version(), **used},
    }
    (job.folder / "noted.json").write_text(json.dumps(found))

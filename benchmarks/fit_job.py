"""One fit in a process of its own: reads a job, writes the synthetic table; run by `in_process`.

The operating system counts the CPU seconds (user and system) and the peak resident memory of the
whole process, imports, reading and writing included; the job also notes how long sampling took.
"""

from __future__ import annotations

import compileall
import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.cost import measured

ROOT = Path(__file__).parents[1]


def in_process(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Runs one job and returns what it and the operating system noted.

    Args:
        job: table, domains, generator, options, epsilon, delta, seed, repeat, rows (to sample; 0:
            as many as train has), ledger; rows_public and rows_per_person, if
            they are to be declared.
        folder: Where the job and the synthetic table (`synthetic.parquet`) are written.
    """
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    # An installed package comes compiled: so are these modules, before anything is counted.
    for package, depth in (("synthkit", None), ("benchmarks", 0)):
        compileall.compile_dir(ROOT / package, maxlevels=depth, quiet=2)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "benchmarks.fit_job", str(path)]
    cost = measured(command, folder=ROOT, environment=environment)
    if cost.code != 0:
        raise SystemExit(f"The job {path} ended with {cost.code}.")
    noted: dict[str, Any] = json.loads((folder / "noted.json").read_text())
    return {
        **noted,
        # Sampling is measured by itself; all else of the process is the fit's.
        "fit_cpu_s": cost.cpu_s - noted["sample_cpu_s"],
        "peak_mb": cost.peak_mb,
    }


class StageClock:
    """Notes the CPU seconds of each stage of a fit, and of the parts of training.

    Joint tables, the network against them, and DP-SGD follow each other within `train`: the first
    report of progress ends the tables (and the first few steps), the first private step the next.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._name, self._since = "start", 0.0  # from the start of the process

    def stage(self, name: str) -> None:
        """Ends the last stage and begins the next."""
        now = time.process_time()
        self.seconds[self._name] = self.seconds.get(self._name, 0.0) + now - self._since
        self._name, self._since = name, now

    def step(self, event: Any) -> None:
        """Tells the parts of training apart by how far it has come."""
        if self._name == "train":
            self.stage("against the tables")
            self.seconds["joint tables"] = self.seconds.pop("train")
        elif self._name == "against the tables" and getattr(event, "private_steps", 0):
            self.stage("DP-SGD")


def main() -> None:
    """Fits, samples and writes, as the job says."""
    import polars as pl

    import synthkit as sk
    from benchmarks.tables import load
    from synthkit.privacy.ledger import Ledger

    path = Path(sys.argv[1])
    job = json.loads(path.read_text())
    table = load(job["table"], domains=job["domains"])
    train = pl.concat([table.train] * job["repeat"]) if job["repeat"] > 1 else table.train
    schema = table.schema
    if job.get("rows_public"):
        schema = dataclasses.replace(schema, rows_public=job["rows_public"])
    clock = StageClock()
    model = sk.fit(
        train,
        schema,
        epsilon=job["epsilon"],
        delta=job["delta"],
        generator=job["generator"],
        options=job["options"],
        seed=job["seed"],
        device="cpu",
        population=job["population"],
        ledger=Ledger(job["ledger"]),
        rows_per_person=job.get("rows_per_person", 1),
        progress=clock,
    )
    clock.stage("end")
    started = time.process_time()
    rows = job["rows"] or train.height
    if job["keep"]:
        model.sample(rows, seed=job["seed"]).write_parquet(path.with_name("synthetic.parquet"))
        sample_cpu = time.process_time() - started
    else:
        # In chunks that are dropped: what is measured is drawing and decoding, not keeping.
        for _ in model.sample_chunks(rows, seed=job["seed"]):
            pass
        sample_cpu = time.process_time() - started
    noted = {
        "rows": train.height,
        "sampled": rows,
        "sample_cpu_s": sample_cpu,
        "epsilon_spent": model.privacy.epsilon,
        "codes": sum(model.codec.sizes),
        # The codes of all rows, and the privacy unit of each.
        "codes_mb": train.height
        * (len(model.codec.sizes) * model.codec.dtype.itemsize + 8)
        / 2**20,
        "stages": clock.seconds,
    }
    path.with_name("noted.json").write_text(json.dumps(noted))


if __name__ == "__main__":
    main()

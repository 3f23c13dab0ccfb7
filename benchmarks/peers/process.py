"""Runs one peer in a process of its own, under limits, and takes its cost from the system.

The limits are the kernel's: CPU seconds (RLIMIT_CPU, user and system, all threads) and address
space (RLIMIT_AS). A peer that passes one, or fails, is a result: `failed` says what happened, and
the CPU seconds and the peak memory until then are kept.
"""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cost import measured
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.environment import python
from benchmarks.peers.exchange import inward, one_row_per_unit, write
from benchmarks.scoring import scores

if TYPE_CHECKING:
    from benchmarks.tables import Development

ROOT = Path(__file__).parents[2]
EXCEPTION = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception|Exit|Interrupt))(?::|$)")
ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1", "PYTHONWARNINGS": "ignore", "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "HF_HUB_OFFLINE": "1",
}  # fmt: skip


def run(
    table: Development, job: dict[str, Any], *, log: Path, sdmetrics: bool = False
) -> dict[str, Any]:
    """Fits a peer, scores what it draws, and returns scores, costs and what it noted.

    Args:
        table: The development table.
        job: peer, options, epsilon (None: no privacy), delta, seed, limit_cpu_s, limit_gb.
        log: Where what the peer prints is kept (it may hold cells of the table).
        sdmetrics: Whether to score by SDMetrics too.
    """
    import polars as pl

    peer = PEERS[job["peer"]]
    train = one_row_per_unit(table.train, table.schema, job["seed"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(train, table.schema, {**job, "rows": table.train.height}, folder)
        command = [str(python(peer.environment)), "-m", f"benchmarks.peers.{peer.module}", name]
        noted = limited(
            command, folder, log, limit_cpu_s=job["limit_cpu_s"], limit_gb=job["limit_gb"]
        )
        noted["rows_learned"] = train.height
        if "failed" in noted:
            return noted
        synthetic = inward(pl.read_parquet(folder / "synthetic.parquet"), table.train, table.schema)
    return {**scores(table, synthetic, sdmetrics=sdmetrics), **noted}


def limited(
    command: list[str], folder: Path, log: Path, *, limit_cpu_s: int, limit_gb: float
) -> dict[str, Any]:
    """Runs a command under limits; returns its `noted.json` with the costs, or `failed`.

    Args:
        command: Writes FOLDER/noted.json (`sampled`, `sample_cpu_s`, and what else it notes).
        folder: Where that is.
        log: Where what it prints is kept.
        limit_cpu_s: CPU seconds of the process.
        limit_gb: Address space of the process, in units of 10^9 bytes.
    """

    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        cost = measured(
            command, folder=ROOT, environment={**os.environ, **ONE_THREAD}, said=said,
            limit_cpu_s=limit_cpu_s, limit_gb=limit_gb,
        )  # fmt: skip
    if cost.code != 0:
        lines = log.read_text(errors="replace").strip().splitlines()
        failed = failure(cost.code, cost.cpu_s, limit_cpu_s, lines)
        return {"failed": failed, "cpu_s": cost.cpu_s, "peak_mb": cost.peak_mb}
    noted: dict[str, Any] = json.loads((folder / "noted.json").read_text())
    return {
        **noted,
        # Sampling is measured by itself; all else of the process is the fit's.
        "fit_cpu_s": cost.cpu_s - noted["sample_cpu_s"],
        "rows_per_cpu_s": noted["sampled"] / max(noted["sample_cpu_s"], 1e-9),
        "peak_mb": cost.peak_mb,
    }


def failure(code: int, cpu_s: float, limit_cpu_s: int, lines: Sequence[str]) -> str:
    """Says in a few words why a process did not end well.

    Args:
        code: Its exit code; a negative one names the signal.
        cpu_s: CPU seconds it had used.
        limit_cpu_s: CPU seconds it was given.
        lines: What it printed; of a traceback, the kind of the exception is told.
    """
    if cpu_s >= limit_cpu_s or code == -signal.SIGXCPU:
        return f"passed the limit of {limit_cpu_s:,} CPU s"
    # The kind alone: the text of an exception may hold a cell of the table.
    kinds = [found[1] for line in lines if (found := EXCEPTION.match(line))]
    if code == -signal.SIGKILL:
        return "killed by the system"
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"failed: {kinds[-1]}" if kinds else f"failed with exit code {code}"

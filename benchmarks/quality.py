"""How close a generator comes to the real table, what it costs, beside the floors of the table.

    python -m benchmarks.quality --tables adult credit_default --epsilons 1 --seeds 0 1 2 \
        [--generator dpctgan] [--option gradient_share=0] [--domains buy] [--sdmetrics] \
        [--rows-per-person 3] [--out benchmarks/results] [--name default]
    python -m benchmarks.quality --peers aim mst ctgan --tables adult --seeds 0 \
        [--peer-option n_iters=200] [--limit-cpu-s 2400] [--limit-gb 12]
    python -m benchmarks.quality --markdown-only benchmarks/results

One JSON per run under OUT; a run whose JSON is there is not repeated, so an interrupted benchmark
goes on where it stopped. Afterwards a Markdown table of all runs is written to OUT/quality.md:
means over seeds, with a 95 % t interval where there are at least two. Every fit is charged to the
ledger OUT/ledger.sqlite, each seed to a population of its own (they are draws of one experiment).
Schemas: see `benchmarks.tables` (domains declared public for the benchmark, or bought).

`--peers` runs other generators in place of ours, each in its own environment (`benchmarks.peers`:
`python -m benchmarks.peers.environment` makes them); a peer without private noise is run once per
seed, whatever the epsilons. A peer that fails or passes a limit gets a row that says so.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import platform
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.fit_job import in_process
from benchmarks.peers import process
from benchmarks.peers.catalogue import PEERS, title
from benchmarks.peers.environment import python
from benchmarks.scoring import scores
from benchmarks.summary import DIGITS, markdown, read_runs
from benchmarks.tables import Development, independent_columns, load
from synthkit.pipeline.versions import versions

DELTA = 1e-6


def main() -> None:
    """Runs what is missing, then writes the table."""
    given = _arguments()
    if given.markdown_only:
        print(markdown(read_runs(given.markdown_only)), end="")
        return
    _require_environments(given.peers)
    given.out.mkdir(parents=True, exist_ok=True)
    for name in given.tables:
        table = load(name, domains=given.domains)
        for job in [*_floors(given, name), *_jobs(given, name)]:
            _once(given.out, job, lambda j=job, t=table: _run(j, t, given.out))
    (given.out / "quality.md").write_text(markdown(read_runs(given.out)))
    print(f"{given.out / 'quality.md'} is written.")


def _require_environments(peers: list[str]) -> None:
    """Stops before anything runs if a peer's environment is missing."""
    problems = []
    for name in sorted({PEERS[peer].environment for peer in peers}):
        try:
            python(name)
        except FileNotFoundError as problem:
            problems.append(str(problem))
    if problems:
        raise SystemExit("\n".join(problems))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=["adult"])
    parser.add_argument("--generator", default="dpctgan")
    parser.add_argument("--option", nargs="*", default=[], help="name=value of the generator")
    parser.add_argument("--epsilons", nargs="+", type=float, default=[1.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows-per-person", type=int, default=1)
    parser.add_argument("--domains", choices=("public", "buy"), default="public")
    parser.add_argument("--sdmetrics", action="store_true", help="also SDMetrics (slow)")
    parser.add_argument("--name", default="", help="what the runs are called in the table")
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=[])
    parser.add_argument("--peer-option", nargs="*", default=[], help="name=value of the peers")
    parser.add_argument("--limit-cpu-s", type=int, default=2400, help="CPU seconds of a peer")
    parser.add_argument("--limit-gb", type=float, default=12.0, help="address space of a peer")
    parser.add_argument("--markdown-only", type=Path, help="print the table of this folder")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    return parser.parse_args()


def _common(given: argparse.Namespace, table: str) -> dict[str, Any]:
    """Returns what each run of a table says; what is measured is a part of it."""
    return {"table": table, **({"sdmetrics": True} if given.sdmetrics else {})}


def _floors(given: argparse.Namespace, table: str) -> list[dict[str, Any]]:
    """Returns what a table's generators are to be seen beside."""
    return [{**_common(given, table), "name": name} for name in FLOORS]


def _jobs(given: argparse.Namespace, table: str) -> list[dict[str, Any]]:
    """Returns the runs of one table: ours, or those of the peers that are asked for."""
    common = {**_common(given, table), "delta": DELTA}
    if not given.peers:
        options = dict(_option(text) for text in given.option)
        return [
            {
                **common, "name": given.name or given.generator, "domains": given.domains,
                "generator": given.generator, "options": options, "epsilon": epsilon, "seed": seed,
                "rows_per_person": given.rows_per_person,
            }
            for epsilon in given.epsilons
            for seed in given.seeds
        ]  # fmt: skip
    options = dict(_option(text) for text in given.peer_option)
    return [
        {
            **common, "name": title(name, options), "peer": name, "options": options,
            "epsilon": epsilon, "seed": seed, "limit_cpu_s": given.limit_cpu_s,
            "limit_gb": given.limit_gb,
        }
        for name in given.peers
        for epsilon in (given.epsilons if PEERS[name].is_private else [None])
        for seed in given.seeds
    ]  # fmt: skip


def _option(text: str) -> tuple[str, float | int | str]:
    name, _, value = text.partition("=")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


def _once(out: Path, job: dict[str, Any], run: Any) -> None:
    """Runs a job unless its result is there; a result is written whole or not at all."""
    path = out / f"{job['table']}-{_digest(job)}.json"
    if path.exists():
        return
    found = {
        **job,
        "result": run(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": versions(),
        "machine": platform.processor() or platform.machine(),
    }
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(found, indent=1))
    partial.replace(path)
    shown = {k: round(v, 4) for k, v in found["result"].items() if k in DIGITS and v is not None}
    shown |= {k: v for k, v in found["result"].items() if k == "failed"}
    print(job["table"], job["name"], job.get("epsilon", ""), job.get("seed", ""), shown, flush=True)


def _digest(job: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()[:12]


def _holdout(table: Development, *, sdmetrics: bool) -> dict[str, float]:
    columns = [c.name for c in table.schema.encoded]
    found = scores(table, table.holdout.select(columns), sdmetrics=sdmetrics)
    # A model tested on the rows it learned from says nothing; the floor is a model of train.
    return {**found, "tstr": found["trtr"]} if "trtr" in found else found


def _independent(table: Development, *, sdmetrics: bool) -> dict[str, float]:
    columns = [c.name for c in table.schema.encoded]
    return scores(table, independent_columns(table.train.select(columns)), sdmetrics=sdmetrics)


FLOORS: Mapping[str, Callable[..., dict[str, float]]] = {
    "real holdout": _holdout,
    "independent columns": _independent,
}


def _run(job: dict[str, Any], table: Development, out: Path) -> dict[str, Any]:
    import polars as pl

    sdmetrics = bool(job.get("sdmetrics"))
    if job["name"] in FLOORS and "seed" not in job:
        return FLOORS[job["name"]](table, sdmetrics=sdmetrics)
    if "peer" in job:
        return process.run(
            table, job, log=out / "logs" / f"{_digest(job)}.txt", sdmetrics=sdmetrics
        )
    more = {
        "repeat": 1,
        "rows": 0,
        "keep": True,
        "ledger": f"sqlite:///{(out / 'ledger.sqlite').absolute()}",
        "population": f"benchmark {hashlib.sha256(json.dumps(job).encode()).hexdigest()[:16]}",
    }
    with tempfile.TemporaryDirectory() as folder:
        noted = in_process({**job, **more}, Path(folder))
        synthetic = pl.read_parquet(Path(folder) / "synthetic.parquet")
    found = scores(table, synthetic, sdmetrics=sdmetrics)
    return {**found, **noted, "rows_per_cpu_s": noted["sampled"] / max(noted["sample_cpu_s"], 1e-9)}


if __name__ == "__main__":
    main()

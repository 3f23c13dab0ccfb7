"""What a fit and a sample cost: CPU seconds, peak memory, decoded rows per CPU second.

    python -m benchmarks.speed [--rows 30000 1000000 10000000] [--sample 1000000] [--ctgan]

Adult, repeated to the number of rows that is asked for (the accounting does not care, quality is
not read off here), epsilon 1, defaults, `rows_public` set to that number. Each fit has a process of
its own, one thread; seconds and memory are the operating system's for the whole process, start and
reading included. A table that repeats another takes no memory of its own: what is measured is what
a fit needs beside the caller's table. Samples are drawn and decoded chunk by chunk in the same
process, and dropped. `--ctgan` also fits the ctgan package at its defaults on Adult as it is (about
ten minutes), in the same go, and prints the ratio.

"One pass over the data" is what must be done once with every row, in CPU seconds of the same fit:
check it against the schema, encode it, count it in the one-way and in the joint tables (with the
noise of these).
"""

from __future__ import annotations

import argparse
import datetime
import platform
import secrets
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.fit_job import in_process
from benchmarks.tables import load
from synthkit.pipeline.versions import versions

BAR_FIT_S, BAR_ROWS_PER_S, BAR_PEAK_MB = 30.0, 500_000.0, 1000.0
PASS = ("check", "measure and encode", "joint tables")
STAGES = (
    "start", "check", "plan the noise", "measure and encode", "joint tables", "against the tables",
    "DP-SGD",
)  # fmt: skip


def measure(generator: str, *, repeat: int, rows: int, sample: int) -> dict[str, Any]:
    """Fits once in a process of its own; see `fit_job`."""
    with tempfile.TemporaryDirectory() as folder:
        job = {
            "table": "adult", "domains": "public", "generator": generator, "options": {},
            "epsilon": None if generator == "ctgan" else 1.0, "delta": 1e-6, "seed": 0,
            "repeat": repeat, "rows_public": rows, "rows": sample, "keep": False,
            "population": secrets.token_hex(8),
            "ledger": f"sqlite:///{folder}/ledger.sqlite",
        }  # fmt: skip
        return in_process(job, Path(folder))


def line_of(found: dict[str, Any]) -> str:
    """One row of the table of fits."""
    speed = found["sampled"] / found["sample_cpu_s"]
    return (
        f"| {found['generator']} | {found['rows']:,} | {found['codes']} | "
        f"{found['fit_cpu_s']:.1f} | {found['peak_mb']:,.0f} | "
        f"{found['peak_mb'] - found['codes_mb']:,.0f} | {speed:,.0f} |"
    )


def stages_of(fits: list[dict[str, Any]]) -> list[str]:
    """A table of CPU seconds per stage, one column per fit."""
    lines = [
        "| stage, CPU s | " + " | ".join(f"{f['rows']:,}" for f in fits) + " |",
        "|---|" + "---|" * len(fits),
    ]
    for stage in STAGES:
        cells = [f"{f['stages'].get(stage, 0.0):.1f}" for f in fits]
        lines.append(f"| {stage} | " + " | ".join(cells) + " |")
    return lines


def one_pass(found: dict[str, Any]) -> float:
    """CPU seconds of what is done once with every row; see above."""
    return float(sum(found["stages"].get(stage, 0.0) for stage in PASS))


def bars(fits: list[dict[str, Any]]) -> list[str]:
    """One sentence per bar: what is asked, what was found, met or missed."""
    first, last = fits[0], fits[-1]
    speed = min(f["sampled"] / f["sample_cpu_s"] for f in fits)
    peak = max(f["peak_mb"] - f["codes_mb"] for f in fits)
    grown, whole_pass = last["fit_cpu_s"] - first["fit_cpu_s"], one_pass(last)
    found = [
        (f"fit of {first['rows']:,} rows in {BAR_FIT_S:g} CPU s: {first['fit_cpu_s']:.1f}",
         first["fit_cpu_s"] <= BAR_FIT_S),
        (f"peak memory at most {BAR_PEAK_MB:g} MB beside the codes: {peak:,.0f}",
         peak <= BAR_PEAK_MB),
        (f"{BAR_ROWS_PER_S:,.0f} rows sampled per CPU s: {speed:,.0f}", speed >= BAR_ROWS_PER_S),
        (f"{last['rows']:,} rows cost at most one pass ({whole_pass:.1f} CPU s) more than "
         f"{first['rows']:,}: {grown:.1f}", grown <= whole_pass),
    ]  # fmt: skip
    return [f"- {text}: {'met' if is_met else 'missed'}." for text, is_met in found]


def main() -> None:
    """Prints one line per size, the stages, and the bars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[30_000, 1_000_000, 10_000_000])
    parser.add_argument("--sample", type=int, default=1_000_000)
    parser.add_argument("--ctgan", action="store_true", help="also ctgan at its defaults (slow)")
    parser.add_argument("--out", type=Path, help="also write the table there")
    given = parser.parse_args()
    lines = [
        "| generator | rows | codes | fit CPU s | peak MB | less codes | rows sampled per CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    height = load("adult").train.height
    fits = []
    jobs = [("dpctgan", rows) for rows in given.rows] + [("ctgan", height)] * given.ctgan
    for generator, rows in jobs:
        repeat = max(1, round(rows / height))
        found = measure(generator, repeat=repeat, rows=rows, sample=given.sample)
        fits.append({**found, "generator": generator})
        lines.append(line_of(fits[-1]))
        print(lines[-1], flush=True)
    told = len(lines)
    ours = [f for f in fits if f["generator"] == "dpctgan"]
    if given.ctgan:
        ratio = fits[-1]["fit_cpu_s"] / ours[0]["fit_cpu_s"]
        lines.append(f"\nctgan takes {ratio:.1f} times the CPU seconds of the first line.")
    lines += ["", *stages_of(ours), "", *bars(ours), ""]
    used = ", ".join(f"{k} {v}" for k, v in versions().items())
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    lines.append(f"{today}; {platform.processor() or platform.machine()}, one thread; {used}.")
    print("\n".join(lines[told:]))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

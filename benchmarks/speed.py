"""What a fit and a sample cost: CPU seconds, peak memory, decoded rows per CPU second.

    python -m benchmarks.speed [--rows 30000 1000000 10000000] [--sample 1000000] [--ctgan]

Adult, repeated to the number of rows that is asked for (the accounting does not care, quality is
not read off here), epsilon 1, defaults. Each fit has a process of its own, one thread; seconds and
memory are the operating system's for the whole process, start and reading included. Samples are
drawn and decoded chunk by chunk in the same process, and dropped. `--ctgan` also fits the ctgan
package at its defaults on Adult as it is (about ten minutes), in the same go, and prints the ratio.
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


def measure(generator: str, *, repeat: int, sample: int) -> dict[str, Any]:
    """Fits once in a process of its own; see `fit_job`."""
    with tempfile.TemporaryDirectory() as folder:
        job = {
            "table": "adult", "domains": "public", "generator": generator, "options": {},
            "epsilon": None if generator == "ctgan" else 1.0, "delta": 1e-6, "seed": 0,
            "repeat": repeat, "rows": sample, "keep": False, "population": secrets.token_hex(8),
            "ledger": f"sqlite:///{folder}/ledger.sqlite",
        }  # fmt: skip
        return in_process(job, Path(folder))


def main() -> None:
    """Prints one line per size, and the bars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[30_000, 1_000_000, 10_000_000])
    parser.add_argument("--sample", type=int, default=1_000_000)
    parser.add_argument("--ctgan", action="store_true", help="also ctgan at its defaults (slow)")
    parser.add_argument("--out", type=Path, help="also write the table there")
    given = parser.parse_args()
    lines = [
        "| generator | rows | fit CPU s | peak MB | rows sampled per CPU s |",
        "|---|---|---|---|---|",
    ]
    height = load("adult").train.height
    first: dict[str, Any] | None = None
    jobs = [("dpctgan", max(1, round(rows / height))) for rows in given.rows]
    for generator, repeat in [*jobs, *([("ctgan", 1)] if given.ctgan else [])]:
        found = measure(generator, repeat=repeat, sample=given.sample)
        speed = found["sampled"] / found["sample_cpu_s"]
        lines.append(
            f"| {generator} | {found['rows']:,} | {found['fit_cpu_s']:.1f} | "
            f"{found['peak_mb']:,.0f} | {speed:,.0f} |"
        )
        print(lines[-1], flush=True)
        first = first or found
        if generator == "ctgan":
            ratio = found["fit_cpu_s"] / first["fit_cpu_s"]
            lines.append(f"\nctgan takes {ratio:.1f} times the CPU seconds of the first line.")
    assert first is not None  # --rows has at least one number
    is_met = (
        first["fit_cpu_s"] <= BAR_FIT_S
        and first["sampled"] / first["sample_cpu_s"] >= BAR_ROWS_PER_S
        and first["peak_mb"] <= BAR_PEAK_MB
    )
    bars = f"{BAR_FIT_S:g} CPU s, {BAR_ROWS_PER_S:,.0f} rows per CPU s, {BAR_PEAK_MB:g} MB"
    lines.append(f"\nBars at the first size ({bars}): {'met' if is_met else 'missed'}.")
    used = ", ".join(f"{k} {v}" for k, v in versions().items())
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    lines.append(f"{today}; {platform.processor() or platform.machine()}, one thread; {used}.")
    print("\n".join(lines))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

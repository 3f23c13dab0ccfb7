"""Runs of the quality benchmark as one line per table, generator and budget.

In: runs as `benchmarks.quality` writes them, one JSON each in a folder, or one per line of a file.
Out: groups over seeds, means with intervals, and the full Markdown table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.peers.catalogue import PEERS

Run = dict[str, Any]
"""What was run (`table`, `name`, `epsilon`, `seed`, ...), when and with what, and its `result`."""

DIGITS = {
    "tvd1": 4, "tvd2": 4, "tvd3": 4, "tstr": 4, "sdmetrics": 4, "fit_cpu_s": 1, "rows_per_cpu_s": 0,
    "peak_mb": 0, "epsilon_spent": 3,
}  # fmt: skip
"""What the table shows of a result, and with how many digits."""


class Group(NamedTuple):
    """The runs of one generator on one table at one budget."""

    table: str
    epsilon: float
    """0: no privacy, or nothing that has a budget."""
    name: str
    ended: list[Run]
    failures: list[str]
    """What stopped the runs that did not end, one entry each."""

    def values(self, key: str) -> list[float]:
        """Returns a figure of all runs that ended and have it, shape (n_runs,)."""
        found = [run["result"].get(key) for run in self.ended]
        return [float(value) for value in found if value is not None]

    @property
    def is_seeded(self) -> bool:
        """Returns whether seeds were drawn: the floors of a table have none."""
        return bool(self.failures) or "seed" in self.ended[0]


def read_runs(path: Path) -> list[Run]:
    """Returns the runs of a folder of `*.json`, or of a file with one JSON per line."""
    if path.is_dir():
        return [json.loads(one.read_text()) for one in sorted(path.glob("*.json"))]
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def grouped(runs: Iterable[Run]) -> list[Group]:
    """Returns the groups in the order of table, epsilon and name."""
    found: dict[tuple[str, float, str], list[Run]] = {}
    for run in runs:
        key = (run["table"], float(run.get("epsilon") or 0), run["name"])
        found.setdefault(key, []).append(run)
    return [
        Group(
            *key,
            ended=[run for run in found[key] if "failed" not in run["result"]],
            failures=[run["result"]["failed"] for run in found[key] if "failed" in run["result"]],
        )
        for key in sorted(found)
    ]


def half_width(values: Sequence[float]) -> float | None:
    """Returns half of the 95 % t interval of a mean; None for fewer than two values."""
    from scipy import stats

    if len(values) < 2:
        return None
    n = len(values)
    return float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))


def markdown(runs: Sequence[Run]) -> str:
    """Returns the table of all runs, with dates, machines and versions below it."""
    columns = [c for c in DIGITS if any(c in run["result"] for run in runs)]
    lines = [
        "| table | what | epsilon | seeds | " + " | ".join(columns) + " |",
        "|" + "---|" * (4 + len(columns)),
    ]
    for group in grouped(runs):
        cells = [shown(group.values(c), DIGITS[c]) for c in columns]
        if group.failures:
            # Said in the row itself: a mean over the seeds that ended must not pass for all.
            words = ", ".join(sorted(set(group.failures)))
            many = f"{len(group.failures)} of {len(group.ended) + len(group.failures)}"
            cells[0] = f"{cells[0]} ({many}: {words})".strip()
        start = [
            group.table,
            group.name,
            f"{group.epsilon:g}" if group.epsilon else "",
            str(len(group.ended)) if group.is_seeded else "",
        ]
        lines.append(f"| {' | '.join([*start, *cells])} |")
    return "\n".join([*lines, "", *_sources(runs)]) + "\n"


def shown(values: Sequence[float], digits: int) -> str:
    """Returns the mean, with its half-width where there are two values and more; none: nothing."""
    if not values:
        return ""
    text, width = f"{np.mean(values):,.{digits}f}", half_width(values)
    return text if width is None else f"{text} ± {width:,.{digits}f}"


def _sources(runs: Sequence[Run]) -> list[str]:
    """Returns when, where and with which versions the runs were made, a line each."""
    dates = sorted({run["date"] for run in runs})
    machines = sorted({run["machine"] for run in runs})
    used = sorted({_listed(run["versions"]) for run in runs if "versions" in run})
    used += sorted(
        {
            f"{PEERS[run['peer']].title}: {_listed(run['result']['peer_versions'])}"
            for run in runs
            if "peer" in run and "peer_versions" in run["result"]
        }
    )
    return [
        f"Dates: {', '.join(dates)}. Machine: {', '.join(machines)}, one thread.",
        *(f"Versions: {text}." for text in used),
    ]


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())

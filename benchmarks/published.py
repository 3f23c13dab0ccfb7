"""The tables of figures in `docs/`, made from the runs that are kept in the repository.

    python -m benchmarks.published [--keep benchmarks/results ...]

`benchmarks/measured.jsonl` has one line per run: what `benchmarks.quality` wrote, whole. `--keep`
takes the runs of result folders into it; a run of the same table, name, budget and seed replaces
the older one. Then the tables between `<!-- figures: NAME -->` and `<!-- end of figures -->` are
written anew. A test makes them too, so that no figure in them is one that no run gave.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.peers.catalogue import PEERS
from benchmarks.summary import Group, Run, grouped, markdown, read_runs, shown
from synthkit.whole_file import whole_file

ROOT = Path(__file__).parents[1]
MEASURED = Path(__file__).with_name("measured.jsonl")
DOCUMENTS = (ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "peers.md")
OURS = "dpctgan"
BUDGETS = (0.5, 1.0, 3.0, 10.0)
PARTS = {
    OURS: "tables alone (the default)",
    f"{OURS}, discriminator": "both",
    "dpgan": "discriminator alone (`dpgan`)",
}
"""What the parts of our generator are called, by the name of the run."""
_BLOCK = re.compile(
    r"(<!-- figures: (?P<name>[a-z ]+) -->\n\n).*?(\n<!-- end of figures -->)", re.DOTALL
)


def main() -> None:
    """Keeps what is given, then writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", nargs="*", type=Path, default=[], help="folders of results")
    runs = kept(read_runs(MEASURED), [run for path in parser.parse_args().keep
                                      for run in read_runs(path)])  # fmt: skip
    _write(MEASURED, "".join(f"{json.dumps(run)}\n" for run in runs))
    for path in DOCUMENTS:
        _write(path, filled(path.read_text(), runs))
        print(f"The figures of {path.relative_to(ROOT)} are written.")


def _write(path: Path, text: str) -> None:
    """Writes a file whole: what it holds is measured once, and not in minutes."""
    with whole_file(path) as file:
        file.write(text.encode())


def kept(old: Iterable[Run], new: Iterable[Run]) -> list[Run]:
    """Returns all runs in a fixed order, new ones in place of older ones of the same name."""
    found = {_key(run): run for run in (*old, *new)}
    return [found[key] for key in sorted(found)]


def _key(run: Run) -> tuple[str, float, str, int]:
    seed = run.get("seed", -1)
    return run["table"], float(run.get("epsilon") or 0), run["name"], int(seed)


def filled(text: str, runs: Sequence[Run]) -> str:
    """Returns a document with its tables made from `runs`."""
    return _BLOCK.sub(lambda found: f"{found[1]}{TABLES[found['name']](runs)}{found[3]}", text)


def _every_table(runs: Sequence[Run]) -> str:
    """All that was run at epsilon 1, or without any; ours last."""
    lines = [
        "| table | what | seeds | TVD1 | TVD2 | TVD3 | TSTR | fit, CPU s | peak MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    groups = [group for group in grouped(runs) if group.epsilon in (0, 1)]
    for group in sorted(groups, key=lambda g: (g.table, _rank(g), g.name)):
        start = f"| {group.table} | {label(group)} | "
        if not group.ended:
            words = ", ".join(sorted(set(group.failures)))
            lines.append(f"{start}| | | | {words} | | |")
            continue
        many = _seeds(group) if group.is_seeded else ""
        figures = [
            *(_share(group, f"tvd{ways}", 4) for ways in (1, 2, 3)),
            _share(group, "tstr", 3),
        ]
        costs = [shown(group.values("fit_cpu_s"), 1), shown(group.values("peak_mb"), 0)]
        if group.name == OURS:
            figures[1] = f"**{figures[1]}**"
        lines.append(f"{start}{many} | {' | '.join([*figures, *costs])} |")
    return "\n".join(lines) + "\n"


def _budgets(runs: Sequence[Run]) -> str:
    """TVD2, TVD3 and TSTR by budget, of all that was run at another one than 1 too."""
    lines = [
        f"| table | what | {' | '.join(f'{epsilon:g}' for epsilon in BUDGETS)} |",
        "|---|---|" + "---|" * len(BUDGETS),
    ]
    of: dict[tuple[str, str], dict[float, Group]] = {}
    for group in grouped(runs):
        if group.epsilon and group.name not in PARTS.keys() - {OURS}:
            of.setdefault((group.table, group.name), {})[group.epsilon] = group
    rows = [(next(iter(found.values())), found) for found in of.values() if set(found) - {1.0}]
    for first, found in sorted(rows, key=lambda row: (row[0].table, _rank(row[0]), row[0].name)):
        cells = [_three(found[e]) if e in found else "" for e in BUDGETS]
        lines.append(f"| {first.table} | {label(first)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _parts(runs: Sequence[Run]) -> str:
    """What each part of our generator is worth, wherever more than the default was run."""
    lines = [
        "| table | epsilon | what | seeds | TVD2 | TVD3 | TSTR | fit, CPU s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    names = list(PARTS)
    groups = [group for group in grouped(runs) if group.name in PARTS and group.ended]
    compared = {(group.table, group.epsilon) for group in groups if group.name != OURS}
    for group in sorted(groups, key=lambda g: (g.table, g.epsilon, names.index(g.name))):
        if (group.table, group.epsilon) not in compared:
            continue
        figures = [_share(group, "tvd2", 4), _share(group, "tvd3", 4), _share(group, "tstr", 3)]
        cells = [
            group.table, f"{group.epsilon:g}", PARTS[group.name], _seeds(group), *figures,
            shown(group.values("fit_cpu_s"), 1),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


TABLES: Mapping[str, Callable[[Sequence[Run]], str]] = {
    "every table": _every_table,
    "every budget": _budgets,
    "parts": _parts,
    "every run": markdown,
}


def label(group: Group) -> str:
    """Returns what a generator is called in the short tables."""
    if not group.is_seeded:
        return f"*{group.name}*"
    if group.name == OURS:
        return f"**{group.name}**"
    name = group.name.removeprefix("dpmm ")
    for pattern, words in (
        (r"bins public", "public bins"),
        (r"max_model_size (\d+)", r"\1 MB"),
        (r"n_iters (\d+)", r"\1 iterations"),
        (r"(epochs|rounds) (\d+)", r"\2 \1"),
        (r" \((.*)\)$", r", \1"),
    ):
        name = re.sub(pattern, words, name)
    return name if group.epsilon else f"{name}, no privacy"


def _rank(group: Group) -> int:
    """Floors first, then our other generators, private peers, peers without privacy, and ours."""
    if not group.is_seeded:
        return 0
    if group.name.startswith(OURS):
        return 4
    peers = tuple(peer.title for peer in PEERS.values())
    return (2 if group.epsilon else 3) if group.name.startswith(peers) else 1


def _share(group: Group, key: str, digits: int) -> str:
    """Returns a figure between 0 and 1 without its leading zero: `.0266 ± .0005`."""
    return re.sub(r"\b0\.", ".", shown(group.values(key), digits))


def _three(group: Group) -> str:
    """Returns `TVD2 / TVD3 / TSTR` of a group, and its seeds where there is more than one."""
    if not group.ended:
        return ", ".join(sorted(set(group.failures)))
    figures = [
        (group.values(key), digits) for key, digits in (("tvd2", 4), ("tvd3", 4), ("tstr", 3))
    ]
    text = " / ".join(f"{np.mean(v):.{d}f}".removeprefix("0") for v, d in figures if v)
    is_one = len(group.ended) == 1 and not group.failures
    return text if is_one else f"{text} ({_seeds(group)})"


def _seeds(group: Group) -> str:
    """Returns how many seeds a mean is of; one over those that ended must not pass for all."""
    tried = len(group.ended) + len(group.failures)
    return f"{len(group.ended)} of {tried}" if group.failures else f"{tried}"


if __name__ == "__main__":
    main()

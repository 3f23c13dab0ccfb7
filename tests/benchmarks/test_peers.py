"""The harness of the peers: what they are told, what comes back, what a failure looks like."""

from __future__ import annotations

import ast
import datetime
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.peers import bins, catalogue, environment, exchange, missing, process
from benchmarks.quality import _digest, _floors, _jobs
from benchmarks.summary import markdown, read_runs
from benchmarks.tables import Development
from synthkit.schema import Column, Schema

HERE = Path(process.__file__).parent
PARENTS = {"__init__", "catalogue", "environment", "exchange", "process"}
"""The files that run under our own Python."""

EPOCH = datetime.datetime(1970, 1, 1)
SCHEMA = Schema(
    name="t",
    population="t",
    columns=(
        Column(name="who", kind="person_id", role="identifier"),
        Column(name="colour", kind="categorical", categories=("red", "green"), nullable=True),
        Column(name="stars", kind="ordinal", categories=(1, 2, 3)),
        Column(name="is-new", kind="boolean"),
        Column(name="age", kind="integer", bounds=(0, 100), nullable=True),
        Column(name="price", kind="float", bounds=(0.0, 10.0), decimals=2),
        Column(
            name="day",
            kind="date",
            bounds=(datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)),
        ),
        Column(
            name="time",
            kind="datetime",
            bounds=(datetime.datetime(1970, 1, 1), datetime.datetime(1970, 1, 2)),
        ),
    ),
)


def table(n: int = 40) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "who": [f"p{i // 4}" for i in range(n)],
            "colour": [["red", "green", None][i % 3] for i in range(n)],
            "stars": pl.Series([i % 3 + 1 for i in range(n)], dtype=pl.Int64),
            "is-new": [i % 2 == 0 for i in range(n)],
            "age": [None if i % 7 == 0 else i % 100 for i in range(n)],
            "price": rng.integers(0, 1000, n) / 100,
            "day": [datetime.date(2020, 1, 1) + datetime.timedelta(days=i % 300) for i in range(n)],
            "time": pl.Series(
                [EPOCH + datetime.timedelta(minutes=i) for i in range(n)], dtype=pl.Datetime("us")
            ),
        }
    )


def test_a_peer_is_told_the_public_domain_and_no_name() -> None:
    told = exchange.public(SCHEMA)
    assert [c["name"] for c in told] == ["c0", "c1", "c2", "c3", "c4", "c5", "c6"]
    assert told[0]["categories"] == ["red", "green"]
    assert told[0]["nullable"] is True
    assert told[1] == {
        "name": "c1", "nullable": False, "kind": "category", "categories": ["1", "2", "3"],
        "ordered": True,
    }  # fmt: skip
    assert told[2]["categories"] == ["false", "true"]
    assert told[3]["bounds"] == [0.0, 100.0]
    assert told[3]["whole"] is True
    assert told[4]["whole"] is False
    assert told[5]["bounds"] == [18262.0, 18628.0]  # days since 1970
    assert told[6]["bounds"] == [0.0, 86400.0]
    json.dumps(told)


def test_rows_come_back_as_they_went_out() -> None:
    train = table()
    out = exchange.outward(train, SCHEMA)
    assert out.columns == [c["name"] for c in exchange.public(SCHEMA)]
    back = exchange.inward(out, train, SCHEMA)
    assert back.equals(train.drop("who"))
    assert back.schema == train.drop("who").schema


def test_what_a_peer_draws_is_brought_inside_the_schema() -> None:
    train = table()
    drawn = pl.DataFrame(
        {
            "c0": ["red", "blue", None], "c1": ["2", "9", "3"], "c2": ["true", "false", "true"],
            "c3": [-5.0, 50.4, float("nan")], "c4": [3.14159, 11.0, 0.005],
            "c5": [18262.4, 0.0, 1e9], "c6": [59.6, 0.0, 1e9],
        }
    )  # fmt: skip
    back = exchange.inward(drawn, train, SCHEMA)
    assert back["colour"].to_list() == ["red", None, None]
    assert back["stars"].to_list() == [2, None, 3]
    assert back["is-new"].to_list() == [True, False, True]
    assert back["age"].to_list() == [0, 50, None]
    assert back["price"][:2].to_list() == [3.14, 10.0]
    assert back["day"].to_list() == [
        datetime.date(2020, 1, 1), datetime.date(2020, 1, 1), datetime.date(2021, 1, 1),
    ]  # fmt: skip
    assert back["time"][0] == datetime.datetime(1970, 1, 1, 0, 1)
    assert back["time"][2] == datetime.datetime(1970, 1, 2)


def test_every_person_gives_one_row_chosen_by_the_seed() -> None:
    train = table(400)
    picked = exchange.one_row_per_unit(train, SCHEMA, seed=0)
    assert picked.height == picked["who"].n_unique() == 100
    assert picked.join(train, on=train.columns, how="anti", nulls_equal=True).is_empty()
    # Of the four rows of a person each is chosen by some seed: the choice is no fixed one.
    first = [
        exchange.one_row_per_unit(train, SCHEMA, seed=seed).filter(pl.col("who") == "p3")["day"][0]
        for seed in range(40)
    ]
    assert len(set(first)) == 4


def test_where_the_row_is_the_unit_all_rows_stay() -> None:
    by_row = Schema(name="t", population="t", columns=SCHEMA.columns[1:])
    train = table().drop("who")
    assert exchange.one_row_per_unit(train, by_row, seed=0).equals(train)


def run(tmp_path: Path, code: str, *, limit_cpu_s: int = 60, limit_gb: float = 4) -> dict[str, Any]:
    command = [sys.executable, "-c", code, str(tmp_path)]
    log = tmp_path / "logs" / "log.txt"
    return process.limited(command, tmp_path, log, limit_cpu_s=limit_cpu_s, limit_gb=limit_gb)


def test_a_process_that_ends_well_is_charged_for_all_but_sampling(tmp_path: Path) -> None:
    code = (
        "import json, pathlib, sys, time\n"
        "x = bytearray(100_000_000)\n"
        "while time.process_time() < 0.6: pass\n"
        "noted = {'sampled': 30, 'sample_cpu_s': 0.1, 'epsilon_spent': 1.0}\n"
        "pathlib.Path(sys.argv[1], 'noted.json').write_text(json.dumps(noted))\n"
    )
    found = run(tmp_path, code)
    assert found["epsilon_spent"] == 1.0
    assert found["rows_per_cpu_s"] == pytest.approx(300)
    assert 0.5 <= found["fit_cpu_s"] <= 5
    # No upper bound: before it starts its program a process counts the pages of its parent.
    assert found["peak_mb"] >= 100
    assert "failed" not in found


def test_a_process_that_passes_the_cpu_limit_is_ended_and_says_so(tmp_path: Path) -> None:
    # Three seconds, since the kernel's two counts may be a seventh of a second apart.
    found = run(tmp_path, "while True: pass", limit_cpu_s=3)
    assert found["failed"] == "passed the limit of 3 CPU s"
    assert 0.9 * 3 <= found["cpu_s"] <= 5


def test_a_process_that_wants_too_much_memory_fails_by_name(tmp_path: Path) -> None:
    found = run(tmp_path, "x = bytearray(3_000_000_000)", limit_gb=1)
    assert found["failed"] == "failed: MemoryError"


def test_a_failure_is_told_without_the_text_of_the_exception(tmp_path: Path) -> None:
    found = run(tmp_path, "raise ValueError('a cell: Jane Doe')")
    assert found["failed"] == "failed: ValueError"
    assert "Jane" not in json.dumps(found)


@pytest.mark.parametrize(
    ("code", "cpu_s", "lines", "words"),
    [
        (-9, 10, [], "killed by the system"),
        (-9, 130, [], "passed the limit of 100 CPU s"),
        (-24, 99.9, [], "passed the limit of 100 CPU s"),
        (-11, 10, [], "ended by SIGSEGV"),
        (1, 10, ["a.b.OddError: x", "and a warning"], "failed: OddError"),
        (3, 10, ["nothing to see"], "failed with exit code 3"),
    ],
)
def test_words_of_a_failure(code: int, cpu_s: float, lines: list[str], words: str) -> None:
    assert process.failure(code, cpu_s, 100, lines) == words


def test_a_missing_environment_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"python -m benchmarks\.peers\.environment dpmm"):
        environment.python("dpmm", tmp_path)


def test_every_peer_has_a_script_and_exact_pins() -> None:
    for peer in catalogue.PEERS.values():
        assert (HERE / f"{peer.module}.py").exists()
        pins = (HERE / "requirements" / f"{peer.environment}.txt").read_text().split()
        assert pins
        assert all(re.fullmatch(r"[\w.\-]+==[\w.]+", pin) for pin in pins), pins


def test_what_runs_under_a_peers_python_imports_none_of_ours() -> None:
    scripts = [path for path in HERE.glob("*.py") if path.stem not in PARENTS]
    assert {peer.module for peer in catalogue.PEERS.values()} <= {path.stem for path in scripts}
    known = {"benchmarks", "pandas", "numpy", "torch", "ctgan"}
    for path in scripts:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                top = name.split(".")[0]
                assert top in known or top in sys.stdlib_module_names, (path.name, name)
                if top == "benchmarks":
                    assert name.split(".")[2] not in PARENTS, (path.name, name)


def given(**changes: Any) -> Any:
    defaults = {
        "peers": [], "peer_option": [], "option": [], "epsilons": [1.0, 3.0], "seeds": [0, 1],
        "limit_cpu_s": 10, "limit_gb": 2.0, "name": "", "generator": "dpctgan",
        "domains": "public", "sdmetrics": False,
    }  # fmt: skip
    return SimpleNamespace(**{**defaults, **changes})


def test_a_peer_without_privacy_is_run_once_per_seed() -> None:
    jobs = _jobs(given(peers=["mst", "ctgan"]), "t")
    assert [(j["peer"], j["epsilon"], j["seed"]) for j in jobs] == [
        ("mst", 1.0, 0), ("mst", 1.0, 1), ("mst", 3.0, 0), ("mst", 3.0, 1),
        ("ctgan", None, 0), ("ctgan", None, 1),
    ]  # fmt: skip
    assert {j["delta"] for j in jobs} == {1e-6}
    assert {j["limit_cpu_s"] for j in jobs} == {10}


def test_a_run_without_sdmetrics_does_not_stand_for_one_with_it() -> None:
    for jobs in (_jobs, _floors):
        without, with_it = (jobs(given(peers=["mst"], sdmetrics=s), "t") for s in (False, True))
        for one, other in zip(without, with_it, strict=True):
            assert _digest(one) != _digest(other)
            assert {**one, "sdmetrics": True} == other


def test_a_peer_that_is_cut_down_says_so_in_its_name() -> None:
    jobs = _jobs(given(peers=["aim"], peer_option=["n_iters=200", "rounds=45"]), "t")
    assert jobs[0]["name"] == "dpmm AIM (n_iters 200, rounds 45)"
    assert jobs[0]["options"] == {"n_iters": 200, "rounds": 45}


def test_failures_stand_in_the_table_beside_what_ended(tmp_path: Path) -> None:
    results = {
        "aim": [{"failed": "passed the limit of 5 CPU s", "cpu_s": 5.0, "peak_mb": 9.0}],
        "mst": [{"tvd2": 0.5, "peer_versions": {"dpmm": "0"}}, {"failed": "failed: ValueError"}],
        "ctgan": [{"tvd2": 0.25}],
    }
    for peer, found in results.items():
        for seed, result in enumerate(found):
            run = {
                "table": "t", "name": catalogue.title(peer, {}), "peer": peer, "options": {},
                "epsilon": 1.0 if catalogue.PEERS[peer].is_private else None, "seed": seed,
                "date": "2026-01-01", "versions": {"python": "3"}, "machine": "m",
                "result": result,
            }  # fmt: skip
            (tmp_path / f"{peer}{seed}.json").write_text(json.dumps(run))
    text = markdown(read_runs(tmp_path))
    assert "| t | dpmm AIM | 1 | 0 | (1 of 1: passed the limit of 5 CPU s) |" in text
    # The mean of what ended is not passed off as that of all.
    assert "| t | dpmm MST | 1 | 1 | 0.5000 (1 of 2: failed: ValueError) |" in text
    assert "| t | ctgan |  | 1 | 0.2500 |" in text
    assert "dpmm MST: dpmm 0." in text


@pytest.mark.parametrize(
    ("bounds", "whole"),
    [((0, 17), True), ((0, 100_000), True), ((-400_000, 1_000_000), True), ((1, 5000), True),
     ((0.0, 1.0), False), ((-500.0, 750_000.0), False), ((6.8, 7.8), False)],
)  # fmt: skip
def test_public_bins_cover_the_bounds_and_decode_into_themselves(
    bounds: tuple[float, float], whole: bool
) -> None:
    at = bins.edges({"bounds": bounds, "whole": whole})
    assert (np.diff(at) > 0).all()
    assert at[0] == bounds[0]
    assert at[-1] > bounds[1] >= at[-2]
    rng = np.random.default_rng(0)
    values = rng.uniform(*bounds, 5000)
    values = np.append(np.round(values) if whole else values, bounds)
    codes = bins.encode(values, at)
    assert ((at[codes] <= values) & (values < at[codes + 1])).all()
    drawn = bins.decode(codes, at, whole=whole, rng=rng)
    assert (bins.encode(drawn, at) == codes).all()
    if whole:
        assert (drawn == np.round(drawn)).all()


def test_zero_has_a_public_bin_of_its_own() -> None:
    at = bins.edges({"bounds": (-400_000, 1_000_000), "whole": True})
    codes = bins.encode(np.array([-1, 0, 1]), at)
    assert len(set(codes)) == 3
    assert (
        bins.decode(np.repeat(codes[1], 50), at, whole=True, rng=np.random.default_rng(0)) == 0
    ).all()


def test_a_table_in_public_codes_comes_back_bin_for_bin() -> None:
    frame = exchange.outward(table(), SCHEMA).to_pandas()
    columns = exchange.public(SCHEMA)
    job: Any = SimpleNamespace(train=frame, columns=columns, seed=0)
    codes, sizes = bins.encode_table(job)
    assert sizes[:4] == [3, 3, 2, 102]  # colours and ages with a code for missing
    assert ((codes >= 0) & (codes < sizes)).all().all()
    back = bins.decode_table(job, codes)
    other: Any = SimpleNamespace(train=back, columns=columns, seed=0)
    again, _ = bins.encode_table(other)
    assert again.equals(codes)
    assert back["c0"].isna().tolist() == frame["c0"].isna().tolist()
    assert back["c3"].isna().tolist() == frame["c3"].isna().tolist()
    assert (back["c3"].dropna() == frame["c3"].dropna()).all()


def test_missing_cells_go_out_of_the_way_and_come_back() -> None:
    frame = exchange.outward(table(), SCHEMA).to_pandas()
    job: Any = SimpleNamespace(
        train=frame,
        columns=exchange.public(SCHEMA),
        names=lambda kind: [c["name"] for c in exchange.public(SCHEMA) if c["kind"] == kind],
    )
    for fill in ("middle", "mean"):
        full, categories = missing.without_missing(job, fill=fill)
        assert not full.isna().any().any()
        assert categories == ["c0", "c1", "c2", "c3_missing"]
        back = missing.with_missing(job, full)
        assert list(back.columns) == list(frame.columns)
        assert back["c3"].isna().tolist() == frame["c3"].isna().tolist()
        assert back["c0"].isna().tolist() == frame["c0"].isna().tolist()
        known = frame["c3"].notna()
        assert (back["c3"][known] == frame["c3"][known]).all()


@pytest.mark.slow
def test_a_peer_runs_from_job_to_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ctgan is in our own environment too: the whole way, with one epoch."""
    monkeypatch.setattr(process, "python", lambda name: Path(sys.executable))
    table_ = Development(name="t", schema=SCHEMA, train=table(800), holdout=table(200))
    job = {
        "peer": "ctgan", "options": {"epochs": 1}, "epsilon": None, "delta": 1e-6, "seed": 0,
        "limit_cpu_s": 300, "limit_gb": 12.0,
    }  # fmt: skip
    found = process.run(table_, job, log=tmp_path / "log.txt")
    assert "failed" not in found, (tmp_path / "log.txt").read_text()
    assert found["rows_learned"] == 200  # one row of each person
    assert found["sampled"] == 800
    assert 0 < found["tvd1"] < found["tvd2"] < 1
    assert found["peer_versions"]["ctgan"]
    assert found["fit_cpu_s"] > 0

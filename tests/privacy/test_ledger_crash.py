"""The ledger under SIGKILL, races, many writers and a full disk, in processes of their own.

All but the full disk on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from synthkit.errors import PublishError
from synthkit.privacy import accountant
from synthkit.privacy.event import Event, NoisyTables, UncoveredLook
from synthkit.privacy.ledger import Ledger

DELTA = 1e-6
SMALL = NoisyTables(name="one-way", sigma=60.0, tables=15)
LARGE = NoisyTables(name="all pairs", sigma=5.0, tables=60)  # epsilon 8: two do not fit in 10
PEEK = UncoveredLook(name="evaluation", reason="reads holdout rows", in_release=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(url: str) -> Ledger:
    return Ledger(url)


def price(*events: Event, delta: float = DELTA) -> float:
    return accountant.cost(events, delta=delta).epsilon


def actions(ledger: Ledger, population: str = "people") -> list[str]:
    return [e.action for e in ledger.history(population)]


def run_script(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


PRELUDE = """
    import os, signal, sys
    from synthkit.errors import BudgetExceeded
    from synthkit.privacy import accountant
    from synthkit.privacy.event import NoisyTables
    from synthkit.privacy.ledger import Ledger
    url = sys.argv[1]
    def tables(sigma, tables):
        return [NoisyTables(name="t", sigma=sigma, tables=tables)]
"""


def test_a_job_killed_after_reserving_has_spent(url: str) -> None:
    done = run_script(
        PRELUDE
        + """
    Ledger(url).reserve("people", "person", tables(60.0, 15), delta=1e-6)
    os.kill(os.getpid(), signal.SIGKILL)
    """,
        url,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    ledger = Ledger(url)
    assert ledger.spent("people").epsilon == price(SMALL)
    assert ledger.spent("people").unsettled == 1


def test_a_job_killed_while_it_writes_leaves_a_whole_ledger(url: str, ledger: Ledger) -> None:
    ledger.reserve("people", "person", [SMALL], delta=DELTA)
    done = run_script(
        PRELUDE
        + """
    ledger = Ledger(url)
    with ledger._journal.writing() as writer:
        writer.append({"action": "cap", "population": "people", "created": "", "epsilon": 99.0})
        os.kill(os.getpid(), signal.SIGKILL)
    """,
        url,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    ledger.verify_chain()
    assert ledger.spent("people").cap == 10.0
    ledger.reserve("people", "person", [SMALL], delta=DELTA)  # and the lock is free


FORKS = (
    PRELUDE
    + """
    import functools, json
    priced = functools.cache(accountant.cost)  # each price is found once, before the children
    accountant.cost = lambda events, **named: priced(tuple(events), **named)
    def fork(work, n):
        # Children start together, each with its own connection, and report by exit code.
        ready, go = os.pipe()
        children = []
        for k in range(n):
            child = os.fork()
            if child == 0:
                os.close(go)
                os.read(ready, 1)
                try:
                    os._exit(work(k))
                except BaseException as error:
                    sys.stderr.write(repr(error) + "\\n"); sys.stderr.flush()
                    os._exit(99)
            children.append(child)
        os.close(go)
        return [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children]
"""
)


def test_of_two_jobs_racing_for_the_last_of_the_budget_one_wins(url: str) -> None:
    done = run_script(
        FORKS
        + """
    def work(k):
        try:
            Ledger(url).reserve("people", "person", tables(5.0, 60), delta=1e-6)
        except BudgetExceeded:
            return 4
        return 0
    accountant.cost(tables(5.0, 60), delta=1e-6)  # imports happen once, before the children
    print(json.dumps(sorted(fork(work, 2))))
    """,
        url,
    )
    assert done.stdout.strip() == "[0, 4]", done.stderr
    ledger = Ledger(url)
    assert sorted(actions(ledger)) == ["refused", "reserved"]
    assert ledger.spent("people").epsilon == price(LARGE)


def test_eight_writers_lose_nothing(url: str) -> None:
    done = run_script(
        FORKS
        + """
    def work(k):
        for turn in range(2):
            ledger = Ledger(url)
            ledger.settle(ledger.reserve(f"people-{k}", "row", tables(3e3, 9), delta=1e-6,
                                         note=str(turn)))
        return 0
    for turns in (0, 1, 2):
        accountant.cost(turns * tables(3e3, 9), delta=1e-6)
    print(json.dumps(fork(work, 8)))
    """,
        url,
    )
    assert json.loads(done.stdout or "null") == [0] * 8, done.stderr
    ledger = Ledger(url)
    ledger.verify_chain()
    assert len(ledger.populations()) == 8
    for population in ledger.populations():
        assert [e.note for e in ledger.history(population) if e.action == "reserved"] == ["0", "1"]
        assert ledger.spent(population).unsettled == 0


def test_of_eight_jobs_racing_for_one_budget_as_many_win_as_fit(url: str) -> None:
    fits = price(SMALL, SMALL, SMALL)
    Ledger(url).set_cap("people", fits)
    done = run_script(
        FORKS
        + """
    def work(k):
        try:
            ledger = Ledger(url)
            ledger.settle(ledger.reserve("people", "person", tables(60.0, 15), delta=1e-6))
        except BudgetExceeded:
            return 4
        return 0
    for jobs in range(5):
        accountant.cost(jobs * tables(60.0, 15), delta=1e-6)
    print(json.dumps(sorted(fork(work, 8))))
    """,
        url,
    )
    assert json.loads(done.stdout or "null") == [0] * 3 + [4] * 5, done.stderr
    ledger = Ledger(url)
    ledger.verify_chain()
    assert ledger.spent("people").epsilon == fits
    assert actions(ledger).count("reserved") == actions(ledger).count("settled") == 3


def test_the_ledger_survives_a_full_disk_with_a_clear_word(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a full disk is made with a small tmpfs, which needs root")
    folder = path.parent / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a full disk is made with a small tmpfs, which cannot be mounted here")
    try:
        ledger = Ledger(f"sqlite:///{folder}/ledger.sqlite")
        with pytest.raises(PublishError, match="disk is full"):  # noqa: PT012
            for _ in range(2000):
                ledger.reserve("people", "row", [PEEK], delta=DELTA, note="x" * 500)
        ledger.verify_chain()
    finally:
        subprocess.run(["umount", str(folder)], check=True)

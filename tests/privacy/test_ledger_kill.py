"""The ledger where its process is killed at every line it runs, and where its server is killed.

A job opens the ledger (which makes the table), reserves, settles. It is killed (SIGKILL) before the
first line of `journal`, `ledger` and `postgres` that it runs, before the second, and so on to the
last (in a loop, before the first turn): each statement of a transaction stands on a line of its
own, so a job dies between any two of them while its database lives on. Each time the ledger must be
whole, hold all of a step or nothing of it, be free for the next writer, and have charged whatever
the job could have looked at.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from synthkit.privacy import accountant, journal, postgres
from synthkit.privacy.event import NoisyTables
from synthkit.privacy.ledger import Ledger

if TYPE_CHECKING:
    from tests.privacy.conftest import Cluster

DELTA = 1e-6
SMALL = NoisyTables(name="t", sigma=60.0, tables=15)

KILLS = """
    import functools, json, os, signal, sys
    import sqlalchemy as sa
    from synthkit.privacy import accountant, journal, ledger, postgres
    from synthkit.privacy.event import NoisyTables
    from synthkit.privacy.ledger import Ledger

    url, looks_first = sys.argv[1], sys.argv[2] == "looks first"
    is_sqlite = url.startswith("sqlite")
    events = [NoisyTables(name="t", sigma=60.0, tables=15)]
    rooms = {m.__file__ for m in (journal, ledger, postgres)}
    priced = functools.cache(accountant.cost)  # prices are not what dies here: each is found once
    accountant.cost = lambda events, **named: priced(tuple(events), **named)
    for n in (0, 1, 2):
        accountant.cost(n * events, delta=1e-6)
    if not is_sqlite:
        admin = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)

    def sql(statement):
        with admin.connect() as connection:
            connection.exec_driver_sql(statement)

    def place(n):
        # An empty database for each death.
        if is_sqlite:
            return f"{url}.{n}", lambda: None
        schema = f"kill_{os.getpid()}_{n}"
        sql(f"CREATE SCHEMA {schema}")
        return f"{url.split('?')[0]}?options=-csearch_path={schema}", lambda: sql(
            f"DROP SCHEMA {schema} CASCADE")

    def job(where, killed_at, looked):
        lines, step = set(), "open"
        def trace(frame, event, _):
            if frame.f_code.co_filename not in rooms:
                return None
            if event == "line":
                lines.add((step, frame.f_code.co_filename, frame.f_lineno))
                if len(lines) == killed_at:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace
        sys.settrace(trace)
        book = Ledger(where)
        if looks_first:
            os.write(looked, b"x")  # planted fault: looks at rows, then charges
        step = "reserve"
        id = book.reserve("people", "person", events, delta=1e-6)
        if not looks_first:
            os.write(looked, b"x")
        step = "settle"
        book.settle(id)
        sys.settrace(None)

    deaths, n = [], 0
    while True:
        n += 1
        where, remove = place(n)
        seen, looked = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                job(where, n, looked)
            except BaseException as error:
                sys.stderr.write(repr(error)); sys.stderr.flush()
                os._exit(99)
            os._exit(0)
        os.close(looked)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        has_looked = os.read(seen, 1) == b"x"
        os.close(seen)
        book = Ledger(where)
        book.verify_chain()
        spent = book.spent("people")
        actions = [e.action for e in book.history("people")]
        book.settle(book.reserve("others", "row", events, delta=1e-6))  # and the lock is free
        deaths.append([code, has_looked, actions, spent.epsilon, spent.unsettled])
        remove()
        if code == 0 or code == 99:
            break
    print(json.dumps(deaths))
"""


def deaths_of_a_job(url: str, order: str) -> list[tuple[int, bool, list[str], float, int]]:
    """Kills a job at each of its lines; gives code, look, actions, epsilon, unsettled of each."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLS), url, order],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(death) for death in json.loads(done.stdout)]


def looked_without_paying(deaths: list[tuple[int, bool, list[str], float, int]]) -> int:
    return sum(looked and epsilon == 0 for _, looked, _, epsilon, _ in deaths)


@pytest.mark.slow
def test_a_job_killed_at_any_of_its_lines_has_paid_for_what_it_looked_at(url: str) -> None:
    deaths = deaths_of_a_job(url, "charges first")
    assert [code for code, *_ in deaths] == [-9] * (len(deaths) - 1) + [0]
    assert len(deaths) > 150  # lines of opening, reserving and settling
    assert looked_without_paying(deaths) == 0
    price = accountant.cost([SMALL], delta=DELTA).epsilon
    states = [(actions, epsilon, unsettled) for _, _, actions, epsilon, unsettled in deaths]
    course = [state for i, state in enumerate(states) if i == 0 or state != states[i - 1]]
    assert course == [
        ([], 0.0, 0),
        (["reserved"], price, 1),
        (["reserved", "settled"], price, 0),
    ]


@pytest.mark.slow
def test_a_job_that_looks_before_it_charges_is_caught(tmp_path: Path) -> None:
    deaths = deaths_of_a_job(f"sqlite:///{tmp_path / 'ledger.sqlite'}", "looks first")
    assert looked_without_paying(deaths) > 20


# The server.


@pytest.fixture
def own_ledger(postgres_cluster: Cluster) -> Iterator[Ledger]:
    """A ledger on a server that may be killed; commits of its role wait for no log by default."""
    schema = "synthkit_test_server"
    engine = sa.create_engine(
        postgres_cluster.url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    options = f"-csearch_path={schema}%20-csynchronous_commit=off"
    yield Ledger(f"{postgres_cluster.url}?options={options}")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")


def killed_between(ledger: Ledger, cluster: Cluster) -> str:
    """Reserves, kills the server and starts it again."""
    reservation = ledger.reserve("people", "person", [SMALL], delta=DELTA)
    cluster.stop()
    cluster.start()
    return reservation


def test_a_reservation_outlives_its_server_and_counts_as_spent(
    own_ledger: Ledger, postgres_cluster: Cluster
) -> None:
    reservation = killed_between(own_ledger, postgres_cluster)
    spent = own_ledger.spent("people")
    assert (spent.epsilon, spent.unsettled) == (accountant.cost([SMALL], delta=DELTA).epsilon, 1)
    own_ledger.settle(reservation)
    own_ledger.verify_chain()
    assert [e.action for e in own_ledger.history("people")] == ["reserved", "settled"]


def test_a_commit_that_does_not_wait_for_the_log_is_caught(
    own_ledger: Ledger, postgres_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_ledger.set_cap("people", 5.0)  # the table is there and safe

    def begin(connection: sa.Connection, *, wait_seconds: int) -> None:
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({postgres._LOCK})")

    monkeypatch.setattr(journal.postgres, "begin", begin)
    killed_between(own_ledger, postgres_cluster)
    assert own_ledger.spent("people").epsilon == 0

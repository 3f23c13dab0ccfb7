"""The ledger on a real PostgreSQL server: its locks, roles and errors, and no password in any."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from synthkit.errors import InputError, IntegrityError, SynthkitError
from synthkit.privacy import journal, postgres
from synthkit.privacy.event import NoisyTables
from synthkit.privacy.ledger import Ledger
from tests.privacy.conftest import require_driver, unavailable

if TYPE_CHECKING:
    from tests.privacy.conftest import Cluster

SMALL = NoisyTables(name="one-way", sigma=60.0, tables=15)
DELTA = 1e-6


def run_sql(url: str, *statements: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def refused(url: str) -> SynthkitError:
    with pytest.raises(InputError) as caught:
        Ledger(url)
    assert "s3cret" not in f"{caught.value.message} {caught.value.hint} {caught.value!r}"
    assert caught.value.hint
    return caught.value


# Whether these tests run at all.


@pytest.mark.parametrize(
    ("value", "outcome"), [("1", "Failed"), ("0", "Skipped"), (None, "Skipped")]
)
def test_a_missing_server_is_a_failure_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch, value: str | None, outcome: str
) -> None:
    monkeypatch.delenv("SYNTHKIT_REQUIRE_POSTGRES", raising=False)
    if value is not None:
        monkeypatch.setenv("SYNTHKIT_REQUIRE_POSTGRES", value)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as caught:
        require_driver()
    assert type(caught.value).__name__ == outcome
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception), match="no server") as caught:
        unavailable("no server")
    assert type(caught.value).__name__ == outcome


def test_continuous_integration_installs_and_requires_the_server() -> None:
    run = (Path(__file__).parents[2] / ".ci" / "run").read_text(encoding="utf-8")
    assert "apt-get install -q -y --no-install-recommends postgresql" in run
    assert "export SYNTHKIT_REQUIRE_POSTGRES=1" in run
    assert all(f"\nmake {name}\n" in run for name in ("lint", "test", "test-slow"))


# Errors.


def test_a_server_that_is_down_is_named() -> None:
    require_driver()
    error = refused("postgresql+psycopg://u:s3cret@127.0.0.1:1/d?password=s3cret")
    assert "127.0.0.1:1/d cannot be reached" in error.message


def test_a_wrong_password_or_user_is_named(postgres_cluster: Cluster) -> None:
    where = f"127.0.0.1:{postgres_cluster.port}/postgres"
    for user in ("ledger", "nobody"):
        assert "let this user in" in refused(f"postgresql+psycopg://{user}:s3cret@{where}").message


def test_a_database_that_does_not_exist_is_named(postgres_cluster: Cluster) -> None:
    with pytest.raises(InputError, match="/nowhere does not exist") as caught:
        Ledger(postgres_cluster.url.replace("/postgres", "/nowhere"))
    assert postgres_cluster.password not in caught.value.message


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_missing_driver_comes_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    monkeypatch.setitem(sys.modules, driver, None)
    error = refused(f"postgresql+{driver}://u:s3cret@127.0.0.1:1/d")
    assert "pip install 'synthkit[postgres]'" in error.hint


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://u:a@s3cret@127.0.0.1:1/d",
        "postgresql+psycopg://u:a@s3cret/b@127.0.0.1:1/d",
        "postgresql+psycopg://u:s3cret",
        "postgresql+psycopg://h:s3cret/d",
    ],
)
def test_a_password_that_tears_the_url_apart_is_not_shown(url: str) -> None:
    refused(url)


def test_a_url_without_a_driver_takes_psycopg() -> None:
    parsed = postgres.checked(sa.make_url("postgresql://u@h/d"), "postgresql://u@h/d")
    assert parsed.drivername == "postgresql+psycopg"


def test_a_server_that_dies_between_two_calls_is_an_error_and_forgets_nothing(
    postgres_cluster: Cluster,
) -> None:
    schema = "synthkit_test_death"
    run_sql(postgres_cluster.url, f"CREATE SCHEMA {schema}")
    ledger = Ledger(f"{postgres_cluster.url}?options=-csearch_path={schema}")
    ledger.reserve("people", "person", [SMALL], delta=DELTA)
    try:
        with (  # noqa: PT012 (killed after the lock was taken, before the rows are written)
            pytest.raises(InputError, match="was lost") as caught,
            ledger._journal.writing() as writer,
        ):
            writer.append({**writer.rows[0].document, "id": "1"})
            postgres_cluster.stop()
        assert postgres_cluster.password not in caught.value.message
        with pytest.raises(InputError, match="cannot be reached"):
            ledger.spent("people")
    finally:
        postgres_cluster.start()
    assert [e.action for e in ledger.history("people")] == ["reserved"]
    run_sql(postgres_cluster.url, f"DROP SCHEMA {schema} CASCADE")


def test_a_table_of_another_program_is_an_integrity_error(postgres_url: str) -> None:
    run_sql(postgres_url, "CREATE TABLE synthkit_ledger (sequence int)")
    with pytest.raises(IntegrityError, match="not a ledger of synthkit"):
        Ledger(postgres_url).verify_chain()


# Locks.


def test_a_writer_waits_so_long_and_no_longer(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(postgres_url)
    monkeypatch.setattr(journal, "_WAIT_SECONDS", 1)
    with ledger._journal.writing():
        assert ledger.populations() == ()  # readers do not wait
        with pytest.raises(InputError, match="is busy"):
            ledger.set_cap("people", 3.0)
    ledger.set_cap("people", 3.0)


def test_what_a_writer_waited_for_is_what_it_reads(postgres_url: str) -> None:
    """Planted fault: in a transaction of the server's default here, the rows are those of before
    the wait, and the second writer would fail or overwrite."""
    repeatable = "-cdefault_transaction_isolation=repeatable\\%20read"
    ledger = Ledger(postgres_url.replace("-csearch", f"{repeatable}%20-csearch"))
    waiting = threading.Thread(target=ledger.set_cap, args=("people", 2.0))
    with ledger._journal.writing() as writer:
        waiting.start()
        waiting.join(timeout=0.5)
        assert waiting.is_alive()
        writer.append({"action": "cap", "population": "people", "created": "", "epsilon": 1.0})
    waiting.join(timeout=30)
    assert [e.epsilon for e in ledger.history("people")] == [1.0, 2.0]


def test_a_writer_that_ignores_the_lock_loses_and_the_chain_stays_whole(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(postgres_url)
    with (  # noqa: PT012 (the second writer comes between)
        pytest.raises(InputError, match="is busy"),
        ledger._journal.writing() as writer,
    ):
        writer.append({"action": "cap", "population": "people", "created": "", "epsilon": 1.0})
        monkeypatch.setattr(postgres, "_LOCK", 1)  # another key: no lock in common
        ledger.set_cap("people", 2.0)
    ledger.verify_chain()
    assert ledger.spent("people").cap == 2.0


# Roles.


def test_a_role_that_may_only_insert_and_select_can_charge_and_not_alter(
    postgres_cluster: Cluster,
) -> None:
    run_sql(postgres_cluster.url, "CREATE SCHEMA synthkit_test_role")
    options = "?options=-csearch_path=synthkit_test_role"
    Ledger(postgres_cluster.url + options)
    run_sql(
        postgres_cluster.url,
        "CREATE ROLE clerk LOGIN PASSWORD 'clerk'",
        "GRANT USAGE ON SCHEMA synthkit_test_role TO clerk",
        "GRANT SELECT ON synthkit_test_role.synthkit_ledger TO clerk",
    )
    clerk = f"postgresql+psycopg://clerk:clerk@127.0.0.1:{postgres_cluster.port}/postgres{options}"
    ledger = Ledger(clerk)
    with pytest.raises(InputError, match="cannot be opened for writing"):
        ledger.set_cap("people", 3.0)
    run_sql(postgres_cluster.url, "GRANT INSERT ON synthkit_test_role.synthkit_ledger TO clerk")
    ledger.settle(ledger.reserve("people", "person", [SMALL], delta=DELTA))
    with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
        run_sql(clerk, "DELETE FROM synthkit_ledger")
    run_sql(postgres_cluster.url, "DROP SCHEMA synthkit_test_role CASCADE", "DROP ROLE clerk")


@pytest.mark.parametrize("population", ["Käufer*innen", "leute 😀", "100 % :of them"])
def test_any_printable_name_survives(postgres_url: str, population: str) -> None:
    ledger = Ledger(postgres_url)
    ledger.set_cap(population, 3.0)
    assert ledger.populations() == (population,)
    ledger.verify_chain()

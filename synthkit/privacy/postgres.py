"""What the journal does otherwise on PostgreSQL: connecting, locking, refusing, naming errors.

Takes SQLAlchemy connections and a driver's errors; gives statements and our errors.

**Lock.** An advisory lock, held to the end of the transaction: unlike an exclusive table lock it
needs no right to UPDATE, so that a role with INSERT and SELECT only can charge. The transaction is
READ COMMITTED whatever the server's default, so that rows are read as they are after the wait and
not as they were before it. A writer that ignores the lock fails on the primary key.

**Durability.** `synchronous_commit` is switched on even where the server or role has it off: what
is reserved survives a power cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthkit.errors import InputError, IntegrityError, PublishError, SynthkitError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

_LOCK = 7355608
"""Key of the advisory lock; any constant that other software is unlikely to take."""
_CONNECT_SECONDS = 10


def checked(parsed: URL, raw: str) -> URL:
    """Returns the URL with psycopg as its driver where it names none.

    Raises:
        InputError: If it cannot be told apart where the password ends.
    """
    if raw.count("@") > 1:
        raise InputError(
            "The ledger's URL has more than one @.",
            hint="Write an @ within the user, the password or an option as %40.",
        )
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def connect_arguments(parsed: URL) -> dict[str, Any]:
    """Returns what is asked of the driver beside the URL; a silent server is not waited for."""
    if parsed.get_driver_name() not in ("psycopg", "psycopg2"):
        return {}
    wanted = {"connect_timeout": _CONNECT_SECONDS, "client_encoding": "utf8"}
    return {name: value for name, value in wanted.items() if name not in parsed.query}


def begin(connection: Connection, *, wait_seconds: int) -> None:
    """Begins a transaction and takes the write lock, waiting for it so long and no longer."""
    connection.exec_driver_sql("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{int(wait_seconds)}s'")
    connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def triggers(table: str) -> tuple[str, ...]:
    """Returns the statements that make the table append-only, its owner included."""
    return (
        f"CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$",
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()",
    )


def missing_driver() -> InputError:
    """Says which package is missing."""
    return InputError(
        "The ledger's database needs a driver that is not installed.",
        hint="Install it: pip install 'synthkit[postgres]'",
    )


def not_connected(where: str, reason: str) -> InputError:
    """Names why a connection was refused, as far as it can be told.

    Args:
        where: The URL without its password.
        reason: The driver's message, which is not shown. A server may speak any language: what is
            not recognised gets the general word.
    """
    lower = reason.lower()
    if "password" in lower or "authentication" in lower or "role" in lower:
        return InputError(
            f"The ledger's database {where} does not let this user in.",
            hint="Check the user and the password in SYNTHKIT_LEDGER (special characters as %xx), "
            "or in PGPASSWORD or ~/.pgpass.",
        )
    if "database" in lower and "does not exist" in lower:
        return InputError(
            f"The ledger's database {where} does not exist.",
            hint="Create it first, for example with createdb; synthkit makes its table in it.",
        )
    return InputError(
        f"The ledger's database {where} cannot be reached.",
        hint="Check that the server runs and that host, port, user and database are right; "
        "nothing was charged.",
    )


def translated(where: str, error: BaseException) -> SynthkitError | None:
    """Gives our error for a driver's, by its SQLSTATE; None if the driver gives none.

    Args:
        where: The URL without its password.
        error: The driver's exception, during a statement.
    """
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if state is None:
        is_lost = type(error).__module__.partition(".")[0] in ("psycopg", "psycopg2")
        return _lost(where) if is_lost and type(error).__name__ == "OperationalError" else None
    if state in ("55P03", "23505", "57014", "40P01"):  # lock not available, or another was faster
        return InputError(
            f"The ledger {where} is busy.",
            hint="Another job holds it; nothing was charged. Try again in a moment.",
        )
    if state in ("53100", "53200"):
        return PublishError(
            f"The ledger {where} cannot be written: its server has no room left.",
            hint="Free disk space or memory there; nothing was charged.",
        )
    if state in ("42501", "25006", "3F000"):  # no privilege, read-only server, no schema
        return InputError(
            f"The ledger {where} cannot be opened for writing.",
            hint="Its role needs SELECT and INSERT on the table synthkit_ledger (and, the first "
            "time, CREATE in a schema of its search_path) on a server that takes writes.",
        )
    if state.startswith(("08", "57P", "25P")):  # connection lost, server shut down, idle too long
        return _lost(where)
    return IntegrityError(
        f"The ledger {where} is corrupt or not a ledger of synthkit (SQLSTATE {state}).",
        hint="Restore it from a backup; deleting it would forget what was spent.",
    )


def _lost(where: str) -> InputError:
    return InputError(
        f"The connection to the ledger {where} was lost.",
        hint="Look at `synthkit budget history` before trying again: a reservation that was "
        "written just before counts as spent.",
    )

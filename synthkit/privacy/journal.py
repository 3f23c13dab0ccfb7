"""Append-only, hash-chained rows in a database: what the ledger writes on.

Each row holds one JSON document and the SHA-256 over its position, its document and the hash of the
row before. A row altered, removed or slipped in anywhere breaks the chain from there on, and every
reading and writing checks the whole chain. What a chain without a secret cannot show: the removal
of its last rows, or a rewrite of all of them; whoever may write to the database file can do both,
so keep it where only the publisher can (or give a PostgreSQL role INSERT and SELECT only).

Writers are serialised: SQLite by `BEGIN IMMEDIATE` (write-ahead log, synchronous FULL, so that what
is written survives a power cut), PostgreSQL (`postgres`) by an advisory lock. Triggers in either
database refuse UPDATE and DELETE.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.canonical import canonical_json
from synthkit.errors import InputError, IntegrityError, PublishError, SynthkitError
from synthkit.privacy import postgres

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table

_TABLE = "synthkit_ledger"
_GENESIS = "0" * 64
_WAIT_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row, its chain checked."""

    sequence: int
    document: Mapping[str, Any]
    hash: str


class Journal:
    """Rows at a database URL; made on first use.

    Args:
        url: `sqlite:////absolute/path`, or a `postgresql+psycopg://...` URL.

    Raises:
        InputError: If the URL is unusable, or the database cannot be reached or opened.
        IntegrityError: If the database is corrupt.
        PublishError: If the database cannot be written.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine, self._table = _open(url)
        with _named_errors(self.url), self._connected() as connection:
            self._create(connection)

    def rows(self) -> tuple[Row, ...]:
        """Returns all rows, oldest first.

        Raises:
            IntegrityError: If the chain is broken; names the first bad row.
        """
        with _named_errors(self.url), self._connected() as connection:
            return self._read(connection)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Writer]:
        """Gives the rows under the write lock; what is appended is durable when the block ends.

        An exception undoes the block's rows.

        Raises:
            IntegrityError: If the chain is broken; names the first bad row.
        """
        with (
            _named_errors(self.url),
            self._connected() as connection,
            self._transaction(connection),
        ):
            writer = Writer(self._read(connection))
            yield writer
            for row in writer.appended:
                connection.execute(self._table.insert().values(**row))

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self._connect() as connection:
            if self._is_sqlite:
                connection.exec_driver_sql("PRAGMA synchronous=FULL")
            yield connection

    def _connect(self) -> Connection:
        import sqlalchemy as sa

        try:
            return self._engine.connect()
        except sa.exc.DBAPIError as error:
            if self._is_sqlite:
                raise
            raise postgres.not_connected(_shown(self.url), str(error.orig)) from None

    @contextlib.contextmanager
    def _transaction(self, connection: Connection) -> Iterator[None]:
        """Runs the block under the write lock, in one transaction."""
        import sqlalchemy as sa

        if self._is_sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            if not self._is_sqlite:
                postgres.begin(connection, wait_seconds=_WAIT_SECONDS)
            yield
        except BaseException:
            with contextlib.suppress(sa.exc.SQLAlchemyError):  # a lost connection has rolled back
                connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")

    def _create(self, connection: Connection) -> None:
        """Makes the table once; jobs that start together may all come here."""
        import sqlalchemy as sa

        if sa.inspect(connection).has_table(_TABLE):
            return
        if self._is_sqlite:
            _use_write_ahead_log(connection)
        with self._transaction(connection):
            if sa.inspect(connection).has_table(_TABLE):  # made while this job waited for the lock
                return
            connection.execute(sa.schema.CreateTable(self._table))
            for statement in _triggers() if self._is_sqlite else postgres.triggers(_TABLE):
                connection.exec_driver_sql(statement)

    def _read(self, connection: Connection) -> tuple[Row, ...]:
        found = connection.execute(self._table.select().order_by(self._table.c.sequence)).all()
        rows: list[Row] = []
        previous = _GENESIS
        for position, (sequence, document, previous_hash, row_hash) in enumerate(found, start=1):
            is_whole = (
                sequence == position
                and previous_hash == previous
                and row_hash == _row_hash(position, previous, document)
            )
            if not is_whole:
                raise IntegrityError(
                    f"The ledger's chain is broken at entry {position}.",
                    hint="Entries were altered or removed. Restore the ledger from a backup; "
                    "until then nothing can be charged.",
                )
            rows.append(Row(sequence=sequence, document=json.loads(document), hash=row_hash))
            previous = row_hash
        return tuple(rows)


class Writer:
    """The rows so far, and those to be appended when the block ends."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.rows = rows
        self.appended: list[dict[str, Any]] = []

    def append(self, document: Mapping[str, Any]) -> None:
        """Adds one document to the end of the chain."""
        sequence = len(self.rows) + len(self.appended) + 1
        if self.appended:
            previous = self.appended[-1]["hash"]
        else:
            previous = self.rows[-1].hash if self.rows else _GENESIS
        text = canonical_json(document).decode("utf-8")
        self.appended.append(
            {
                "sequence": sequence,
                "document": text,
                "prev_hash": previous,
                "hash": _row_hash(sequence, previous, text),
            }
        )


def _triggers() -> tuple[str, ...]:
    return tuple(
        f"CREATE TRIGGER {_TABLE}_no_{verb.lower()} BEFORE {verb} ON {_TABLE} "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    )


def _use_write_ahead_log(connection: Connection) -> None:
    """Switches the log mode; SQLite answers "locked" at once while another job switches it."""
    import sqlalchemy as sa

    for _ in range(_WAIT_SECONDS * 20):
        try:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        except sa.exc.OperationalError as error:
            if "locked" not in str(error.orig):
                raise
            time.sleep(0.05)
        else:
            return


def _row_hash(sequence: int, previous: str, document: str) -> str:
    chained = canonical_json({"sequence": sequence, "prev_hash": previous, "document": document})
    return hashlib.sha256(chained).hexdigest()


def _open(url: str) -> tuple[Engine, Table]:
    import sqlalchemy as sa

    bad = InputError(
        "The ledger's URL cannot be used.",
        hint="SYNTHKIT_LEDGER takes sqlite:////absolute/path/ledger.sqlite or "
        "postgresql+psycopg://user@host/database.",
    )
    try:
        parsed = sa.make_url(url)
        backend = parsed.get_backend_name()
        if backend not in ("sqlite", "postgresql"):
            raise bad
        if backend == "sqlite":
            if parsed.database in (None, "", ":memory:") or "mode" in parsed.query:
                raise InputError(
                    "The ledger cannot live in memory: it would forget what was spent.",
                    hint="Give a file: sqlite:////absolute/path/ledger.sqlite",
                )
            _prepare_file(Path(str(parsed.database)))
        else:
            parsed = postgres.checked(parsed, url)
        engine = sa.create_engine(
            parsed,
            isolation_level="AUTOCOMMIT",  # transactions are begun by hand, with their lock
            poolclass=sa.pool.NullPool,  # no connection outlives a call or crosses a fork
            connect_args={"timeout": _WAIT_SECONDS}
            if backend == "sqlite"
            else postgres.connect_arguments(parsed),
        )
    except ImportError:
        raise postgres.missing_driver() from None
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, AttributeError, ValueError):
        raise bad from None  # the reason may quote a piece of the password
    table = sa.Table(
        _TABLE,
        sa.MetaData(),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("prev_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    return engine, table


def _prepare_file(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise InputError(
            f"The ledger {path} cannot be opened for writing: {error.strerror}.",
            hint="Set SYNTHKIT_LEDGER or SYNTHKIT_HOME to a place that you may write to.",
        ) from None


@contextlib.contextmanager
def _named_errors(url: str) -> Iterator[None]:
    """Turns the database's errors into ours; shows no password and no content."""
    import sqlalchemy as sa

    try:
        yield
    except SynthkitError:
        raise
    except sa.exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        translated = postgres.translated(_shown(url), cause)
        raise translated or _translated(_shown(url), str(cause)) from None
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"The ledger holds an entry that cannot be read ({type(error).__name__}).",
            hint="Restore the ledger from a backup.",
        ) from error


def _shown(url: str) -> str:
    """The URL without its password and its options, which may hold a password too."""
    import sqlalchemy as sa

    return sa.make_url(url).set(query={}).render_as_string(hide_password=True)


def _translated(where: str, reason: str) -> SynthkitError:
    lower = reason.lower()
    if "locked" in lower:
        return InputError(
            f"The ledger {where} is busy.",
            hint="Another job holds it; nothing was charged. Try again in a moment.",
        )
    if "full" in lower:
        return PublishError(
            f"The ledger {where} cannot be written: its disk is full.",
            hint="Free disk space; nothing was charged and nothing was looked at.",
        )
    if "readonly" in lower or "unable to open" in lower:
        return InputError(
            f"The ledger {where} cannot be opened for writing.",
            hint="Check its permissions, or set SYNTHKIT_LEDGER to a place that you may write to.",
        )
    return IntegrityError(
        f"The ledger {where} is corrupt or not a ledger of synthkit.",
        hint="Restore it from a backup; deleting it would forget what was spent.",
    )

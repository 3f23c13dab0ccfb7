"""Where the ledger's tests run: SQLite files, and a real PostgreSQL server.

The server is the one at `SYNTHKIT_TEST_POSTGRES` (a URL whose role may create schemas), or a
throw-away cluster where PostgreSQL's programs are installed. Without either the tests skip, unless
`SYNTHKIT_REQUIRE_POSTGRES` is 1, as in continuous integration: then they fail.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

BACKENDS = ("sqlite", "postgresql")


def unavailable(reason: str) -> NoReturn:
    """Skips the test, or fails it where PostgreSQL must be there."""
    if os.environ.get("SYNTHKIT_REQUIRE_POSTGRES") == "1":
        pytest.fail(f"{reason}, and SYNTHKIT_REQUIRE_POSTGRES is 1", pytrace=False)
    pytest.skip(reason)


def require_driver() -> None:
    """Skips or fails without psycopg."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        unavailable("the PostgreSQL driver is not installed (the extra `postgres`)")


def _programs() -> Path | None:
    """The folder with initdb and postgres: on the path, or where Debian puts it."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


def _other_user() -> dict[str, object]:
    """PostgreSQL refuses to run as root: its own user then, or nobody."""
    import pwd

    if os.geteuid() != 0:
        return {}
    names = {p.pw_name for p in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


class Cluster:
    """A throw-away PostgreSQL server on 127.0.0.1, with a password."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.password = secrets.token_hex(8)
        self._programs, self._folder, self._as = programs, folder, _other_user()
        if self._as:
            shutil.chown(folder, str(self._as["user"]), int(str(self._as["group"])))
        secret = folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)  # within a folder that only its owner enters
        subprocess.run(
            [
                *(programs / "initdb", "-D", folder / "data", "-U", "ledger", "--no-sync"),
                *("-E", "UTF8", "--locale=C", "--auth=scram-sha-256", f"--pwfile={secret}"),
            ],
            check=True,
            capture_output=True,
            **self._as,  # type: ignore[call-overload]
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://ledger:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._folder,
            "fsync": "off",  # a server that is stopped at once loses nothing by it; a power cut may
            "wal_writer_delay": "10s",  # so that a commit which waits for no log is lost for sure
            "max_connections": 30,
            "shared_buffers": "16MB",
        }
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [
                    *(self._programs / "postgres", "-D", self._folder / "data"),
                    *(part for item in settings.items() for part in ("-c", "{}={}".format(*item))),
                ],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **self._as,  # type: ignore[call-overload]
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._server.poll() is None:
            status = self._folder / "data" / "postmaster.pid"
            if status.exists() and "ready" in status.read_text():
                return
            time.sleep(0.02)
        raise RuntimeError(f"PostgreSQL did not start: {(self._folder / 'log').read_text()}")

    def stop(self) -> None:
        """Stops the server at once, as a crash would."""
        self._server.send_signal(3)  # immediate shutdown
        self._server.wait(timeout=30)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A cluster of the tests' own, which they may stop."""
    programs = _programs()
    if programs is None:
        unavailable("PostgreSQL's programs (initdb, postgres) are not installed")
    require_driver()
    folder = Path(tempfile.mkdtemp(prefix="synthkit-postgres-"))
    try:
        cluster = Cluster(programs, folder)
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> str:
    """URL of a server on which the tests may create schemas."""
    if url := os.environ.get("SYNTHKIT_TEST_POSTGRES"):
        require_driver()
        return url
    return str(request.getfixturevalue("postgres_cluster").url)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty schema, dropped after the test."""
    import sqlalchemy as sa

    engine = sa.create_engine(
        postgres_server, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool
    )
    schema = f"synthkit_test_{secrets.token_hex(6)}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    try:
        url = sa.make_url(postgres_server).update_query_dict({"options": f"-csearch_path={schema}"})
        yield url.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty ledger's URL, in either database."""
    return empty_ledger(request, tmp_path)


def empty_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty ledger in the database that the fixture's parameter names."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))

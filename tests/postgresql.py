"""A PostgreSQL server for tests, on loopback, by a user that is not root."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

PASSWORD = "a secret of the tests"
USERS = ("postgres", "nobody")


@dataclass(frozen=True)
class Server:
    """A server that runs, with its own database; `fab` with PASSWORD may do all in it."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        password = PASSWORD.replace(" ", "%20")
        return f"postgresql://fab:{password}@127.0.0.1:{self.port}/{database}"

    def jdbc(self, database: str) -> dict[str, str]:
        """The settings by which a night reads it."""
        url = f"jdbc:postgresql://127.0.0.1:{self.port}/{database}"
        driver = "org.postgresql.Driver"
        return {"url": url, "driver": driver, "user": "fab", "password": PASSWORD}

    def create(self, database: str, like: str = "template1") -> str:
        """A new database, a copy of another; its URL."""
        self.execute("postgres", f"create database {database} template {like}")
        return self.url_of(database)

    def execute(self, database: str, *statements: str) -> int:
        """Run the statements; the rows that the last one touched."""
        with psycopg.connect(self.url_of(database), autocommit=True) as connection:
            return [connection.execute(statement).rowcount for statement in statements][-1]

    def queries(self, database: str) -> list[str]:
        """What was asked of the database over JDBC so far, in order."""
        lines = (self.folder / "log").read_text().splitlines()
        told = [line.partition(":LOG:  execute <unnamed>") for line in lines]
        asked = [what.partition(": ")[2].strip() for name, _, what in told if name == database]
        # The driver also looks things up in the server's own catalogue.
        return [q for q in asked if q.startswith("SELECT") and "pg_catalog" not in q]


def programs() -> Path | None:
    """The folder with initdb and pg_ctl; None where no server is installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Give a server that logs every statement with its database; stop it at last."""
    bin_folder, port = programs(), _free_port()
    data, secret = folder / "data", folder / "password"
    folder.mkdir(mode=0o777)
    secret.write_text(PASSWORD)
    _give_away(folder, secret)
    names = [f"--pgdata={data}", "--username=fab", f"--pwfile={secret}"]
    _run(bin_folder / "initdb", *names, "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {folder}"
    options += " -c log_statement=all -c log_line_prefix=%d:"
    control = bin_folder / "pg_ctl", f"--pgdata={data}"
    _run(*control, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield Server(folder, port)
    finally:
        _run(*control, "-m", "immediate", "stop")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _unprivileged() -> str | None:
    """initdb refuses to run as root: who runs it instead, if root runs the tests."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name for user in pwd.getpwall()}
    return next(user for user in USERS if user in known)


def _give_away(*paths: Path) -> None:
    if (user := _unprivileged()) is not None:
        for path in paths:
            shutil.chown(path, user)


def _run(program: Path, *options: str) -> None:
    done = subprocess.run(
        [program, *options],
        user=_unprivileged(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        cwd="/",
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{program.name}: {done.stdout}"

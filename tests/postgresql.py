"""A PostgreSQL server for tests, on loopback, by a user that is not root."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "a secret of the tests"
USERS = ("postgres", "nobody")


def programs() -> Path | None:
    """The folder with initdb and pg_ctl; None where no server is installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Give the URL of a server's own database, as the user `fab` with PASSWORD; stop it at last."""
    bin_folder, port = programs(), _free_port()
    data, secret = folder / "data", folder / "password"
    folder.mkdir(mode=0o777)
    secret.write_text(PASSWORD)
    _give_away(folder, secret)
    names = [f"--pgdata={data}", "--username=fab", f"--pwfile={secret}"]
    _run(bin_folder / "initdb", *names, "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {folder}"
    control = bin_folder / "pg_ctl", f"--pgdata={data}"
    _run(*control, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://fab:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}/postgres"
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

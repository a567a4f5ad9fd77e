"""Run a command with a PostgreSQL to test on: `with_postgresql.py COMMAND...`. Exit code 77 when there is none.

In this order: the server DATABASE_URL names; a server on this machine that lets us in and make databases; a temporary
cluster from installed binaries, removed afterwards.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

NONE_FOUND = 77
OLDEST = 140000


def main(command: list[str]) -> int:
    """Find a server, run the command, answer its exit code."""
    with found() as (url, told):
        print(f"PostgreSQL: {told}", flush=True)
        if not url:
            return NONE_FOUND
        return subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, check=False).returncode


@contextlib.contextmanager
def found() -> Iterator[tuple[str, str]]:
    """A URL (empty: none) and where it came from."""
    named = os.environ.get("DATABASE_URL", "")
    if named.startswith(("postgres", "pgsql")):
        yield named, "the server of DATABASE_URL"
        return
    name = f"setia_{os.getpid()}"
    for address in (f"postgres://postgres@127.0.0.1:5432/{name}", f"postgres:///{name}"):
        if lets_us_in(address.replace(name, "postgres")):
            yield address, "the server on this machine"
            return
    binaries = installed_binaries()
    if binaries is None:
        yield "", "none found"
        return
    with Cluster(binaries) as cluster:
        yield f"{cluster.address}/{name}", f"a temporary cluster from {binaries}"


def lets_us_in(address: str) -> bool:
    """Whether a server answers, is new enough, and lets us make databases."""
    try:
        with psycopg.connect(address, connect_timeout=2) as connection:
            may = connection.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
            return connection.info.server_version >= OLDEST and bool(may.fetchone()[0])
    except psycopg.Error:
        return False


def installed_binaries() -> Path | None:
    """The newest folder with initdb and pg_ctl."""
    on_path = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name.split(".")[0]))
    for folder in [*reversed(versions), *([Path(on_path).resolve().parent] if on_path else [])]:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    return None


class Cluster:
    """A server of our own on a free port, which can be stopped and started. PostgreSQL refuses to run as root, so root lends it to another user."""

    def __init__(self, binaries: Path) -> None:
        self.binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="setia-postgresql-"))
        self.prefix: list[str] = []
        if os.geteuid() == 0:
            owner = "postgres" if _exists("postgres") else "nobody"
            shutil.chown(self.folder, owner)
            self.prefix = ["setpriv", f"--reuid={owner}", "--clear-groups", f"--regid={_group(owner)}"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @property
    def address(self) -> str:
        """Where it listens, without a database."""
        return f"postgres://postgres@127.0.0.1:{self.port}"

    def __enter__(self) -> "Cluster":
        folder = str(self.folder / "data")
        try:
            self._run("initdb", "-D", folder, "-U", "postgres", "-A", "trust", "-N")
            self.start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *failure: object) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # it may be stopped already
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        data, log = str(self.folder / "data"), str(self.folder / "log")
        self._run("pg_ctl", "-D", data, "-o", settings, "-l", log, "-w", "start")

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self.prefix, str(self.binaries / program), *arguments]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder, check=True)


def _exists(user: str) -> bool:
    return subprocess.run(["id", user], capture_output=True, check=False).returncode == 0


def _group(user: str) -> str:
    return subprocess.run(["id", "-gn", user], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

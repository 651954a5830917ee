"""The folder of one stack: its files, its identity, and the lock of whoever changes it."""

import contextlib
import fcntl
import json
import os
import secrets
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from minestream_runtime.errors import ConfigurationError

MARK: Final = "MINESTREAM_HOME_ID"
"""Every process of a stack carries its home's id in this variable, so that none is lost."""

KEY: Final = "MINESTREAM_CREDENTIALS_KEY"
KEYS: Final = (KEY, f"{KEY}_FILE")
"""Either seals credentials; a home makes a key where neither is set."""

_LONGEST_SOCKET: Final = 100  # sun_path holds 104 to 108 bytes, by system


def keys_named(environ: Mapping[str, str]) -> dict[str, str]:
    """The key for credentials, or the file of keys, that an environment names."""
    return {name: environ[name] for name in KEYS if environ.get(name)}


@dataclass(frozen=True, slots=True)
class Home:
    """One stack's folder: ``.minestream`` where one stands, or MINESTREAM_HOME."""

    folder: Path

    @classmethod
    def here(cls, environ: Mapping[str, str] = os.environ) -> "Home":
        """The home that this environment and current folder mean."""
        return cls(Path(environ.get("MINESTREAM_HOME") or ".minestream").absolute())

    @property
    def id(self) -> str | None:
        """The home's identity; None where no stack was ever made."""
        try:
            return (self.folder / "id").read_text()
        except FileNotFoundError:
            return None

    @property
    def socket(self) -> Path:
        """Where the supervisor listens."""
        near = self.folder / "supervisor.sock"
        if len(os.fsencode(near)) <= _LONGEST_SOCKET:
            return near
        return Path(tempfile.gettempdir()) / f"minestream-{self.id}.sock"

    def log(self, program: str) -> Path:
        """The log of a program."""
        return self.folder / "log" / f"{program}.log"

    def create(self) -> None:
        """Make the folder, its identity and its key, where they are missing.

        Raises:
            ConfigurationError: no permission to write there.
        """
        try:
            for name in ("log", "run", "state"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            (self.folder / ".gitignore").write_text("*\n")
            _make_once(self.folder / "id", uuid.uuid4().hex)
            _make_once(self._key, urlsafe_b64encode(secrets.token_bytes(32)).decode())
        except PermissionError as exc:
            raise ConfigurationError(
                f"no permission to write {self.folder}: go to a folder of yours, "
                "or set MINESTREAM_HOME"
            ) from exc

    @property
    def credentials_key(self) -> str:
        """The key that seals this stack's credentials; made once."""
        return self._key.read_text()

    @property
    def exports(self) -> dict[str, str]:
        """The variables that lead to the stack that last ran here."""
        try:
            found: dict[str, str] = json.loads((self.folder / "exports.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def export(self, variables: Mapping[str, str]) -> None:
        """Keep the variables that lead to this stack; they hold secrets."""
        write_private(self.folder / "exports.json", json.dumps(variables))

    @contextmanager
    def changing(self, *, wait_s: float = 0.0) -> Iterator[None]:
        """Let nobody else start or stop this stack meanwhile.

        Args:
            wait_s: how long to wait for somebody who is at it.

        Raises:
            ConfigurationError: somebody else is at it.
        """
        self.create()
        said = f"another `minestream`{{}} is starting or stopping {self.folder}: wait for it"
        with _held(self.folder / "lock", said, wait_s=wait_s):
            yield

    @contextmanager
    def demonstrating(self) -> Iterator[None]:
        """Let no other demo run here meanwhile: the end of one ends all that runs here.

        Raises:
            ConfigurationError: one runs, or ends just now.
        """
        self.create()
        said = (
            f"a demo{{}} runs in {self.folder} already: Ctrl-C in its shell ends it; "
            "or give this one a folder of its own: MINESTREAM_HOME"
        )
        with _held(self.folder / "demo.lock", said):
            yield

    @property
    def _key(self) -> Path:
        return self.folder / "credentials.key"


@contextmanager
def _held(file: Path, said: str, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock that ends with this process, however it ends.

    Args:
        file: names the process that holds it.
        said: of who holds it; ``{}`` becomes its process id.
        wait_s: how long to wait for it.

    Raises:
        ConfigurationError: somebody else holds it.
    """
    with file.open("a+") as lock:
        deadline = time.monotonic() + wait_s
        while not _locked(lock):
            if time.monotonic() >= deadline:
                lock.seek(0)
                holder = lock.read()
                raise ConfigurationError(said.replace("{}", holder and f" (pid {holder})", 1))
            time.sleep(0.1)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_once(file: Path, text: str) -> None:
    """Write a file that nobody else can read, unless it is there: of two at once, one does."""
    if file.exists():
        return
    fresh = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    write_private(fresh, text)
    try:
        with contextlib.suppress(FileExistsError):
            file.hardlink_to(fresh)
    finally:
        fresh.unlink()


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    fresh = file.with_suffix(f"{file.suffix}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(file)

"""The folder of one stack: its files, its identity, and the lock of whoever changes it."""

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
            if self.id is None:
                (self.folder / "id").write_text(uuid.uuid4().hex)
            if not self._key.exists():
                write_private(self._key, urlsafe_b64encode(secrets.token_bytes(32)).decode())
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
        with (self.folder / "lock").open("w") as lock:
            deadline = time.monotonic() + wait_s
            while not _locked(lock):
                if time.monotonic() >= deadline:
                    raise ConfigurationError(
                        f"another `minestream` is starting or stopping {self.folder}: wait for it"
                    )
                time.sleep(0.1)
            yield

    @property
    def _key(self) -> Path:
        return self.folder / "credentials.key"


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    fresh = file.with_suffix(f"{file.suffix}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(file)

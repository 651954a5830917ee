"""The entries of a shard on disk, for a start while the broker is away."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from minestream_schemas.event import Event

E = TypeVar("E", bound=Event)


class EntryCopy(Generic[E]):
    """One file: the digest of what follows, then a line with key and entry for each.

    Whatever cannot be read back whole is no copy at all: an old fleet is worth asking, half of
    one would look like a smaller fleet.

    Args:
        path: the file; readable by its owner alone.
        entry: the model of the entries.
    """

    def __init__(self, path: Path, entry: type[E]) -> None:
        self._path = path
        self._entry = entry
        self._written = ""
        self._log = structlog.get_logger()

    def load(self) -> dict[str, E]:
        """The entries as last saved; none where there is no whole copy."""
        try:
            digest, _, body = self._path.read_text(encoding="utf-8").partition("\n")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as exc:
            self._log.warning("shard_copy_unreadable", error=type(exc).__name__)
            return {}
        if digest != _digest(body):
            self._log.warning("shard_copy_damaged")
            return {}
        lines = [line.partition("\t") for line in body.split("\n")[:-1]]
        try:
            return {
                json.loads(key): self._entry.from_json(value.encode()) for key, _, value in lines
            }
        except ValueError:
            self._log.warning("shard_copy_of_another_version")
            return {}

    def save(self, entries: Mapping[str, E]) -> None:
        """Replace the copy in one step; a disk that refuses leaves the old one standing."""
        body = "".join(
            f"{json.dumps(key)}\t{entry.to_json().decode()}\n"
            for key, entry in sorted(entries.items())
        )
        digest = _digest(body)
        if digest == self._written:
            return
        beside = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(
                os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
            ) as file:
                file.write(f"{digest}\n{body}")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as exc:
            self._log.warning("shard_copy_not_written", error=type(exc).__name__)
            return
        self._written = digest


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()

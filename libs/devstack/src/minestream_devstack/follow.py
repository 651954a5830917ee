"""The end of a log file, and what is written to it from then on."""

import os
import time
from collections import deque
from collections.abc import Generator
from pathlib import Path


def tail(file: Path, count: int) -> list[str]:
    """The last lines.

    Args:
        file: the log.
        count: how many lines at most.
    """
    with file.open(errors="replace") as log:
        return [line.rstrip("\n") for line in deque(log, maxlen=count)]


def follow(file: Path, *, pause_s: float = 0.2) -> Generator[str, None, None]:
    """Lines as they are written, from now on; a rotated log is followed into its successor.

    Args:
        file: the log.
        pause_s: between two looks.
    """
    log = file.open(errors="replace")
    try:
        log.seek(0, 2)
        part = ""
        while True:
            part += log.readline()
            if part.endswith("\n"):
                yield part.rstrip("\n")
                part = ""
                continue
            time.sleep(pause_s)
            if file.exists() and file.stat().st_ino != os.fstat(log.fileno()).st_ino:
                log.close()
                log = file.open(errors="replace")
    finally:
        log.close()

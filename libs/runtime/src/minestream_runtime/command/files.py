"""Files that commands write: whole, or as they were before."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

from minestream_runtime.command.terminal import refuse
from minestream_runtime.inventory.advance import Advanced, unshown
from minestream_runtime.inventory.table import write_table
from minestream_runtime.inventory.writing import write_inventory
from minestream_schemas.inventory import Fleet

TABLES: Final = frozenset({".csv", ".tsv", ".txt"})
"""How the names of tables end; any other inventory is YAML."""


def write_whole(file: Path, write: Callable[[TextIO], None]) -> None:
    """Write a file in one step: Ctrl-C, or a disk that is full, leaves the one of before.

    Args:
        file: where; a pipe or a device is written as it comes.
        write: writes the text.

    Raises:
        typer.Exit: it cannot be written, which has been told.
    """
    there = file.resolve()
    beside = there.with_name(f".{there.name}.{os.getpid()}.new")
    try:
        if file.exists() and not file.is_file():  # not ``there``: /dev/stdout resolves to no path
            _write(file, write)
            return
        try:  # whoever may not read the old one may not read the half of a new one either
            beside.touch(0o600 if there.exists() else 0o666, exist_ok=False)
            _write(beside, write)
            if there.exists():
                shutil.copymode(there, beside)
            beside.replace(there)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as exc:
        refuse(f"{file}: cannot be written ({exc.strerror}); what was there is as it was")


def write_fleet(fleet: Fleet, file: Path, *, advanced: Advanced = unshown) -> None:
    """Write an inventory, as its file's name says: CSV or YAML; whole, see ``write_whole``.

    Args:
        fleet: what to write.
        file: where.
        advanced: told how many miners of how many have been written.
    """
    write = write_table if file.suffix.casefold() in TABLES else write_inventory
    write_whole(file, lambda out: write(fleet, out, advanced=advanced))


def _write(file: Path, write: Callable[[TextIO], None]) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        write(out)

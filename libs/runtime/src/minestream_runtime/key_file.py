"""Reads keys from a file that only its owner and group may read."""

import os
import stat
from pathlib import Path
from typing import Final

from minestream_runtime.errors import ConfigurationError

_MOST_BYTES: Final = 65_536
_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH


def read_keys(file: Path, named: str) -> list[bytes]:
    """The keys of a file, one a line or by comma; ``#`` begins a remark.

    Args:
        file: where; a link counts as what it leads to.
        named: the setting that named it, for errors.

    Raises:
        ConfigurationError: it cannot be read, others may read or write it, or it holds none.
    """
    try:
        with file.open("rb") as source:
            told = os.fstat(source.fileno())
            if not stat.S_ISREG(told.st_mode):
                raise ConfigurationError(f"{named}: {file} is no file")
            if told.st_mode & _OTHERS:
                mode = stat.S_IMODE(told.st_mode)
                raise ConfigurationError(
                    f"{named}: everybody may read or write {file} (mode {mode:04o}); "
                    f"chmod 600 {file}, or 440 where a group needs it"
                )
            content = source.read(_MOST_BYTES)
    except OSError as exc:
        raise ConfigurationError(f"{named}: {file}: {exc.strerror}") from exc
    lines = (line.partition(b"#")[0] for line in content.splitlines())
    keys = [key.strip() for line in lines for key in line.split(b",") if key.strip()]
    if not keys:
        raise ConfigurationError(f"{named}: {file} holds no key")
    return keys

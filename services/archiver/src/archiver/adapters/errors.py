"""What can go wrong with the lake's folder, in our own terms."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from minestream_runtime.errors import Disposition, MinestreamError


class LakeUnavailableError(MinestreamError):
    """The lake's disk is full or away, or its folder is not ours to write. Try again."""

    kind: ClassVar[str] = "lake_unavailable"
    disposition: ClassVar[Disposition] = Disposition.RETRY


class PartitionBusyError(MinestreamError):
    """Another archiver is at that partition just now. Try again."""

    kind: ClassVar[str] = "partition_busy"
    disposition: ClassVar[Disposition] = Disposition.RETRY


class LakeDamagedError(MinestreamError):
    """A file of the lake is not what was written: a human must see to it."""

    kind: ClassVar[str] = "lake_damaged"
    disposition: ClassVar[Disposition] = Disposition.CRASH


@contextmanager
def lake_errors() -> Iterator[None]:
    """Turn the file system's errors into ours.

    Raises:
        LakeUnavailableError: nothing of it is half done; see ``Lake``.
    """
    try:
        yield
    except OSError as exc:
        name = errno.errorcode.get(exc.errno or 0, type(exc).__name__)
        where = f": {exc.filename}" if exc.filename else ""
        raise LakeUnavailableError(f"{name} {exc.strerror or exc}{where}") from exc

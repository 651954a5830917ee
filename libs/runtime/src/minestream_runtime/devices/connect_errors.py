"""What the system's error about a connection says: of the device, of the way there, or of us."""

import errno
from typing import Final

_OUR_OWN: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_NO_ROUTE: Final = frozenset(
    {
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.ENETDOWN,
        errno.EADDRNOTAVAIL,
        errno.EINVAL,
        errno.EACCES,
        errno.EPERM,
    }
)
_KNOWN: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.ECONNRESET: "connection reset",
}


class OwnFaultError(Exception):
    """This machine could not ask (no descriptors, no memory): nothing is known of the device."""


def is_our_own(exc: OSError) -> bool:
    """Is this machine out of descriptors or memory? Then nothing is known of the device."""
    return exc.errno in _OUR_OWN


def is_no_way(exc: OSError) -> bool:
    """Does nobody listen there, or does no way lead there?"""
    return exc.errno in _NO_ROUTE


def text_of(exc: OSError) -> str:
    """The error for people; names no address."""
    if exc.errno is not None and exc.errno in errno.errorcode:
        return f"{errno.errorcode[exc.errno]}: {_KNOWN.get(exc.errno, 'connection failed')}"
    return type(exc).__name__

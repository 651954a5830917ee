"""Collector keys: what they look like, and which of the known ones a given one is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from minestream_schemas.upload import COLLECTOR_KEY

PREFIX: Final = "hsc_"
RANDOM_BYTES: Final = 30
_FORMAT: Final = re.compile(COLLECTOR_KEY)


@dataclass(frozen=True, slots=True)
class CollectorKey:
    """A key that may be used, as we know it: never the key itself.

    Args:
        key_id: its row.
        site_id: the one site that it may upload for.
        name: given by whoever made it.
        digest: the key's SHA-256.
    """

    key_id: int
    site_id: str
    name: str
    digest: bytes


def digest_of(key: str) -> bytes:
    """What is kept of a key; of 240 random bits, so no slow hash is needed."""
    return sha256(key.encode()).digest()


def well_formed(key: str) -> bool:
    """Can this be a key at all?"""
    return _FORMAT.fullmatch(key) is not None


def matching(keys: Iterable[CollectorKey], digest: bytes) -> CollectorKey | None:
    """The key with that digest; looks at all of them, each for as long as the others.

    Args:
        keys: those that may be used.
        digest: of what was given.
    """
    found = None
    for key in keys:
        if compare_digest(key.digest, digest):
            found = key
    return found

"""Seals small secrets so that only holders of the key can read them; topics carry the box.

Each box has a data key of its own, which the master key wraps (envelope). Both layers are AES-GCM
and name the miner whose box it is: moved to another miner, it does not open. Boxes of before, in
Fernet's format, still open; they are nobody's in particular.
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from minestream_runtime.errors import ConfigurationError
from minestream_runtime.key_file import read_keys
from minestream_runtime.settings import Settings
from minestream_schemas.inventory import Sealed

_VARIABLE: Final = "MINESTREAM_CREDENTIALS_KEY"
_MARK: Final = "e1."
"""Begins an envelope; no Fernet box does."""
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_WRAPPED_BYTES: Final = _NONCE_BYTES + _KEY_BYTES + 16
_WANTED: Final = "32 bytes in URL-safe base64 are wanted"


class _Master(NamedTuple):
    """One master key, as each format of boxes uses it."""

    wrap: AESGCM
    fernet: Fernet


class Sealer:
    """Seals with the first key and opens with any (a key is replaced by putting a new one first).

    Args:
        keys: master keys (32 bytes, URL-safe base64), newest first.
        named: where they come from, for errors.
    """

    def __init__(self, keys: list[bytes], named: str = _VARIABLE) -> None:
        try:
            self._masters = {_key_id(key): _master(key) for key in keys}
        except ValueError as exc:
            raise ConfigurationError(f"{named}: {_WANTED}") from exc
        self._newest = _key_id(keys[0])
        self._named = named

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The sealer of ``MINESTREAM_CREDENTIALS_KEY`` or ``_FILE``; None where neither is set.

        Raises:
            ConfigurationError: both are set, a key is none, or the file is not fit to hold keys.
        """
        if settings.credentials_key_file is not None:
            named = f"{_VARIABLE}_FILE"
            if settings.credentials_key is not None:
                raise ConfigurationError(f"either {_VARIABLE} or {named}, not both")
            return cls(read_keys(settings.credentials_key_file, named), named)
        if settings.credentials_key is None:
            return None
        given = settings.credentials_key.get_secret_value()
        return cls([key.strip().encode() for key in given.split(",")])

    def seal(self, secrets: Mapping[str, str], *, miner_id: str) -> Sealed:
        """Close ``secrets`` into a box that opens for this miner only."""
        whose = miner_id.encode()
        data_key = AESGCM.generate_key(8 * _KEY_BYTES)
        wrapped = _encrypt(self._masters[self._newest].wrap, data_key, whose)
        content = _encrypt(AESGCM(data_key), json.dumps(dict(secrets)).encode(), whose)
        box = base64.urlsafe_b64encode(wrapped + content).decode()
        return Sealed(key_id=self._newest, box=_MARK + box)

    def open(self, sealed: Sealed, *, miner_id: str) -> dict[str, str]:
        """Open a box.

        Raises:
            ConfigurationError: we do not hold its key, it is another miner's, or it was tampered
                with.
        """
        master = self._masters.get(sealed.key_id)
        if master is None:
            raise ConfigurationError(f"no key {sealed.key_id} in {self._named}")
        try:
            if sealed.box.startswith(_MARK):
                plain = _opened(master.wrap, sealed.box, miner_id.encode())
            else:
                plain = master.fernet.decrypt(sealed.box.encode())
        except (InvalidTag, InvalidToken, binascii.Error, ValueError) as exc:
            raise ConfigurationError(
                "sealed credentials do not open: damaged, or sealed for another miner"
            ) from exc
        opened: dict[str, str] = json.loads(plain)
        return opened

    def holds(self, key_id: str) -> bool:
        """Have we a box's key?"""
        return key_id in self._masters

    def is_current(self, sealed: Sealed) -> bool:
        """Is a box made as boxes are made now, with the newest key?"""
        return sealed.key_id == self._newest and sealed.box.startswith(_MARK)


def _opened(wrap: AESGCM, box: str, whose: bytes) -> bytes:
    whole = base64.b64decode(box.removeprefix(_MARK), altchars=b"-_", validate=True)
    data_key = _decrypt(wrap, whole[:_WRAPPED_BYTES], whose)
    return _decrypt(AESGCM(data_key), whole[_WRAPPED_BYTES:], whose)


def _encrypt(key: AESGCM, plain: bytes, whose: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + key.encrypt(nonce, plain, whose)


def _decrypt(key: AESGCM, closed: bytes, whose: bytes) -> bytes:
    return key.decrypt(closed[:_NONCE_BYTES], closed[_NONCE_BYTES:], whose)


def _master(key: bytes) -> _Master:
    """A key as each format uses it; the envelope's own is derived, as Fernet uses its halves."""
    fernet = Fernet(key)  # also checks that it is a key
    derive = HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"minestream credentials e1")
    return _Master(AESGCM(derive.derive(base64.urlsafe_b64decode(key))), fernet)


def _key_id(key: bytes) -> str:
    return hashlib.sha256(base64.urlsafe_b64decode(key)).hexdigest()[:8]

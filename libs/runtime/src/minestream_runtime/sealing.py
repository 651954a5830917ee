"""Seals small secrets so that only holders of the key can read them; topics carry the box."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Self

from cryptography.fernet import Fernet, InvalidToken

from minestream_runtime.errors import ConfigurationError
from minestream_runtime.settings import Settings
from minestream_schemas.inventory import Sealed


class Sealer:
    """Seals with the first key and opens with any (a key is replaced by putting a new one first).

    Args:
        keys: Fernet keys (32 bytes, URL-safe base64), newest first.
    """

    def __init__(self, keys: list[bytes]) -> None:
        try:
            self._boxes = {_key_id(key): Fernet(key) for key in keys}
        except ValueError as exc:
            raise ConfigurationError(
                "MINESTREAM_CREDENTIALS_KEY: 32 bytes in URL-safe base64 are wanted"
            ) from exc
        self._newest = _key_id(keys[0])

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The sealer of ``MINESTREAM_CREDENTIALS_KEY``; None where it is not set."""
        if settings.credentials_key is None:
            return None
        return cls(
            [key.strip().encode() for key in settings.credentials_key.get_secret_value().split(",")]
        )

    def seal(self, secrets: Mapping[str, str]) -> Sealed:
        """Close ``secrets`` into a box."""
        box = self._boxes[self._newest].encrypt(json.dumps(dict(secrets)).encode())
        return Sealed(key_id=self._newest, box=box.decode())

    def open(self, sealed: Sealed) -> dict[str, str]:
        """Open a box.

        Raises:
            ConfigurationError: we do not hold its key, or it was tampered with.
        """
        box = self._boxes.get(sealed.key_id)
        if box is None:
            raise ConfigurationError(f"no key {sealed.key_id} in MINESTREAM_CREDENTIALS_KEY")
        try:
            opened: dict[str, str] = json.loads(box.decrypt(sealed.box.encode()))
        except InvalidToken as exc:
            raise ConfigurationError("sealed credentials do not open: damaged") from exc
        return opened


def _key_id(key: bytes) -> str:
    return hashlib.sha256(base64.urlsafe_b64decode(key)).hexdigest()[:8]

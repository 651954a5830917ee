"""Takes the secrets out of what a miner tells before anybody else sees it."""

import re
from typing import Final

MASK: Final = "***"
_SECRET: Final = re.compile(
    r"pass|pwd|^pw$|pool\dpw$|secret|token|private|credential|psk|(?:api|auth|wifi|wpa|ssh)[-_]?key",
    re.IGNORECASE,
)
_OPTION: Final = re.compile(r"[anmcd]=[^,;\s]*")


def mask(content: object) -> object:
    """The same value without passwords.

    Of a pool's ``pass`` the options that pools read from it stay (``a=`` algorithm, ``n=`` worker
    name, ``m=`` mode, ``c=`` payout coin, ``d=`` difficulty): they are no secrets, and tell which
    worker this is. Of every other secret only that there was one.

    Args:
        content: decoded JSON.
    """
    if isinstance(content, dict):
        return {
            key: _masked(key, value) if _SECRET.search(str(key)) else mask(value)
            for key, value in content.items()
        }
    if isinstance(content, list):
        return [mask(value) for value in content]
    return content


def _masked(key: object, value: object) -> object:
    if value is None or value == "" or isinstance(value, bool):
        return value
    if key == "pass" and isinstance(value, str):
        return pool_options(value)
    return MASK


def pool_options(password: str) -> str:
    """The options in a pool password; the mask where there are none.

    Args:
        password: such as ``x``, ``secret``, ``a=scrypt,n=rig-7,d=262144``.
    """
    parts = [part.strip() for part in re.split(r"[,;\s]", password)]
    options = [part for part in parts if _OPTION.fullmatch(part)]
    return ",".join(options) if options else MASK

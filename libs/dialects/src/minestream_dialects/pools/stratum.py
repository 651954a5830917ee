"""What a miner's pool settings must say so that its worker is known by name at the pool.

Prohashing takes an account for user and options in the password: ``a=scrypt,n=<worker>,m=pplns``.
The others take ``<account>.<worker>`` for user and any password.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import quote

from minestream_schemas.units import Algorithm

_IN_OPTIONS: Final = frozenset({"prohashing"})
_PLACE: Final = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):([0-9]{1,5})")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MODES: Final = {"PPLNS": "pplns", "PPS": "pps", "SOLO": "solo"}
_MOST_PORT: Final = 65_535


class Login(NamedTuple):
    """What a miner's settings take.

    Args:
        user: of the pool.
        password: of the pool; no secret.
        url: both and the address in one line.
    """

    user: str
    password: str
    url: str


def login_of(
    pool: str,
    address: str,
    *,
    account: str,
    worker: str,
    algorithm: Algorithm = Algorithm.SCRYPT,
    scheme: str | None = None,
) -> Login:
    """The settings of one worker.

    Args:
        pool: its name.
        address: host and port of its stratum server.
        account: at the pool: a user's name, or an address that is mined to.
        worker: its name; the inventory's.
        algorithm: told where a pool has several.
        scheme: how shares are paid, where a pool leaves that to the worker.

    Raises:
        ValueError: a name or address that no pool takes; the text says what is wanted.
    """
    found = _PLACE.fullmatch(address)
    if found is None or not 1 <= int(found[2]) <= _MOST_PORT:
        raise ValueError(f"{address!r} is no address: host:port is wanted")
    for what, name in (("account", account), ("worker", worker)):
        if not _NAME.fullmatch(name):
            raise ValueError(f"the {what} {name!r}: 1 to 64 letters, digits, dots, dashes, _")
    if pool not in _IN_OPTIONS:
        user, password = f"{account}.{worker}", "x"
    else:
        if algorithm is Algorithm.UNKNOWN:
            raise ValueError("this pool wants an algorithm: scrypt or sha256d")
        options = [f"a={'sha-256' if algorithm is Algorithm.SHA256D else algorithm}", f"n={worker}"]
        if scheme is not None:
            if scheme.upper() not in _MODES:
                raise ValueError(f"the scheme {scheme!r}: one of {', '.join(_MODES)}")
            options.append(f"m={_MODES[scheme.upper()]}")
        user, password = account, ",".join(options)
    return Login(user, password, f"stratum+tcp://{quote(user)}:{quote(password, '=,')}@{address}")

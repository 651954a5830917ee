"""Asks the web pages that stand beside a port of commands, behind the maker's login."""

import secrets
from collections.abc import Mapping
from typing import Final

from minestream_runtime.clock import Clock
from minestream_runtime.collecting.family import Miner
from minestream_runtime.devices.addresses import AddressInvalidError, split
from minestream_runtime.devices.connections import Devices
from minestream_runtime.devices.digest import Login
from minestream_runtime.devices.http import Fault, Question, Reply, fetch_logged_in

FACTORY: Final[Mapping[str, str]] = {"username": "root", "password": "root"}
"""With which Vnish 3.x is delivered."""
_COMMANDS_PORT: Final = 4028
_WEB_PORT: Final = 80
_NOT_OFFERED: Final = frozenset({401, 403, 404})


class Pages:
    """The web pages of miners that are polled over TCP.

    Args:
        session: from ``minestream_runtime.devices.http.device_session``.
        clock: measures answers.
        port: where they stand; None: at 80, of miners at 4028. Who is asked at another port stands
            behind a translation of addresses, and whose page 80 would be there nobody knows.
    """

    def __init__(self, session: Devices, clock: Clock, *, port: int | None = None) -> None:
        self._session = session
        self._clock = clock
        self._port = port

    async def ask(self, miner: Miner, path: str, deadline_s: float) -> Reply:
        """Ask one page; never raises for anything that a miner does."""
        where = self._address(miner.address)
        if where is None:
            return Reply(Fault.REFUSED, 0.0, error="not asked: nobody knows its web port")
        if not isinstance(miner.session, Login):
            offered = miner.secrets or FACTORY
            miner.session = Login(
                username=offered.get("username", FACTORY["username"]),
                password=offered.get("password", ""),
                new_cnonce=lambda: secrets.token_hex(8),
            )
        question = Question(f"http://{where}{path}")
        return await fetch_logged_in(
            self._session, question, self._clock, miner.session, deadline_s=deadline_s
        )

    def _address(self, commands: str) -> str | None:
        try:
            name, port = split(commands)
        except AddressInvalidError:
            return None
        host = f"[{name}]" if ":" in name else name
        if self._port is not None:
            return f"{host}:{self._port}"
        return f"{host}:{_WEB_PORT}" if port == _COMMANDS_PORT else None


def is_offered(reply: Reply) -> bool:
    """Does the miner have such a page for us? Else it is asked again with its identity alone."""
    if reply.fault in {Fault.TIMEOUT, Fault.REFUSED}:
        return False
    return reply.http_status not in _NOT_OFFERED

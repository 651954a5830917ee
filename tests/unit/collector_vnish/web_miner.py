"""A miner with a plain web API: recorded answers behind Digest or Basic."""

# ruff: noqa: S105 - the factory login

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

FIXTURES = Path(__file__).parents[2] / "fixtures"
_PART = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))')


def recorded(*names: str) -> dict[str, bytes]:
    """Recorded answers by endpoint, which their file names end in."""
    found = {}
    for name in names:
        path = FIXTURES / name
        endpoint = path.stem.removesuffix("_assembled")
        found[re.sub(r"^(dg1plus|dg_home1)_[\d.]+_", "", endpoint)] = path.read_bytes()
    return found


@dataclass
class WebMiner:
    """One miner.

    Args:
        pages: body by path.
        lock: ``""``, ``basic`` or ``digest``.
        username: that it wants.
        password: likewise.
        realm: what it calls itself.
        nonce_serves: how many requests a nonce is good for.
        says_stale: does it say so when a nonce is used up?
    """

    pages: dict[str, bytes]
    lock: str = ""
    username: str = "root"
    password: str = "root"
    realm: str = "antMiner Configuration"
    nonce_serves: int = 1_000_000
    says_stale: bool = True
    asked: list[str] = field(default_factory=list)
    offers: list[str] = field(default_factory=list)
    address: str = ""
    _nonces: int = 0
    _served: int = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer as the lock and the pages say."""
        self.asked.append(request.path)
        offered = request.headers.get("Authorization", "")
        self.offers.append(offered)
        stale = False
        if self.lock == "digest":
            right = offered.startswith("Digest ") and self._is_right(request, offered)
            stale = right and self._served >= self.nonce_serves
            if not right or stale:
                return self._refusal(stale=stale)
            self._served += 1
        elif self.lock == "basic":
            pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            if offered != f"Basic {pair}":
                challenge = f'Basic realm="{self.realm}"'
                return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        body = self.pages.get(request.path)
        return web.Response(status=404) if body is None else web.Response(body=body)

    def _refusal(self, *, stale: bool) -> web.Response:
        self._nonces, self._served = self._nonces + 1, 0
        told = f'Digest realm="{self.realm}", nonce="n{self._nonces}", qop="auth"'
        if stale and self.says_stale:
            told += ", stale=true"
        return web.Response(status=401, headers={"WWW-Authenticate": told})

    def _is_right(self, request: web.BaseRequest, offered: str) -> bool:
        told = {name: quoted or plain for name, quoted, plain in _PART.findall(offered)}
        first = _md5(f"{self.username}:{self.realm}:{self.password}")
        second = _md5(f"{request.method}:{request.path_qs}")
        wanted = _md5(
            f"{first}:n{self._nonces}:{told.get('nc')}:{told.get('cnonce')}:auth:{second}"
        )
        counted = told.get("nc") == f"{self._served + 1:08x}"
        return told.get("response") == wanted and told.get("uri") == request.path_qs and counted


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@asynccontextmanager
async def serving(miner: WebMiner) -> AsyncIterator[str]:
    """Serve a miner; gives its address."""
    runner = web.ServerRunner(web.Server(miner.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    miner.address = f"127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield miner.address
    finally:
        await runner.cleanup()

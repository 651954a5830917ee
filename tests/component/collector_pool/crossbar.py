"""The real Crossbar.io as the pool's router: a process of its own, which tests may kill."""

import asyncio
import json
import os
import signal
import subprocess
import venv
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from autobahn.wamp.exception import ApplicationError
from tests.component.collector_pool.pool_world import WITHIN_S, Pool, emulated_pool

from collector_pool.adapters.wamp import Door, Link, joined
from minestream_devstack.ports import Ports
from minestream_emulators.prohashing.router import CallRefusedError
from minestream_emulators.prohashing.site import REALM, Site
from minestream_runtime.errors import MinestreamError

VERSION = "26.10.1"
INSTALL_S = 280
PROCEDURES = (
    "f_all_miner_updates",
    "f_all_balance_updates",
    "f_all_profitability_updates",
    "f_all_general_updates",
)


@dataclass(frozen=True)
class Crossbar:
    """Where its program is."""

    program: Path


def installed(folder: Path) -> Crossbar:
    """Install it, unless MINESTREAM_CROSSBAR names its program; skips where it cannot be."""
    if given := os.environ.get("MINESTREAM_CROSSBAR"):
        return Crossbar(Path(given))
    venv.create(folder / "venv", with_pip=True)
    pip = [str(folder / "venv/bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run(
            [*pip, f"crossbar=={VERSION}"], check=True, capture_output=True, timeout=INSTALL_S
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as exc:
        pytest.skip(f"crossbar cannot be installed here: {type(exc).__name__}")
    return Crossbar(folder / "venv/bin/crossbar")


def _role(name: str, *, feeds: bool) -> dict[str, Any]:
    allow = {"call": True, "subscribe": True, "register": feeds, "publish": feeds}
    rule = {"uri": "", "match": "prefix", "allow": allow, "cache": True}
    return {"name": name, "permissions": [rule]}


def _config(port: int) -> dict[str, Any]:
    """A router that looks like the pool's: everybody is ``web``, and hears and calls."""
    users = {
        "web": {"secret": "web", "role": "web"},
        "feed": {"secret": "feedpw", "role": "feed"},
    }
    realm = {"name": REALM, "roles": [_role("web", feeds=False), _role("feed", feeds=True)]}
    transport = {
        "type": "websocket",
        "id": "wsmain",
        "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": port},
        "auth": {"wampcra": {"type": "static", "users": users}},
    }
    worker = {"type": "router", "id": "router1", "realms": [realm], "transports": [transport]}
    return {"version": 2, "workers": [worker]}


class Router:
    """One Crossbar.io, and our session in it that is the pool's own side.

    Args:
        crossbar: the program.
        folder: for its files.
        site: what the pool says.
    """

    def __init__(self, crossbar: Crossbar, folder: Path, site: Site) -> None:
        self._program = crossbar.program
        self._folder = folder / ".crossbar"
        self._site = site
        self._port = Ports(folder / "router-ports").claim("router", 0)
        self._process: subprocess.Popen[bytes] | None = None
        self._link: Link | None = None
        self.missing: set[str] = set()
        self._folder.mkdir()
        (self._folder / "config.json").write_text(json.dumps(_config(self._port)))

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/"

    def start(self) -> None:
        (self._folder / "node.pid").unlink(missing_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "start", "--cbdir", self._folder, "--loglevel", "warn"],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONWARNINGS": "ignore"},
                start_new_session=True,
            )

    def tell(self, sign: signal.Signals) -> None:
        """To the controller and its workers, which are a session of their own."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, sign)

    async def end(self) -> None:
        self.tell(signal.SIGKILL)
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)

    async def restart(self, sign: signal.Signals) -> None:
        self.tell(sign)
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)
        self.tell(signal.SIGKILL)
        self.start()

    async def feed(self) -> None:
        """Be the pool's side of it, again and again, until cancelled."""
        door = Door(self.url, REALM, "wampcra", "feed", "feedpw")
        while True:
            try:
                async with joined(door) as link:
                    await self._register(link)
                    self._link = link
                    await link.ended()
            except MinestreamError:
                self._link = None
                await asyncio.sleep(0.2)

    async def _register(self, link: Link) -> None:
        def answer(procedure: str) -> Callable[..., object]:
            def answered(*args: object) -> object:
                try:
                    realm = "" if procedure in self.missing else REALM
                    return self._site._called(realm, procedure, list(args))
                except CallRefusedError as exc:
                    raise ApplicationError(exc.uri) from None  # type: ignore[no-untyped-call]

            return answered

        assert link.session is not None
        for procedure in PROCEDURES:
            await link.session.register(answer(procedure), procedure)

    # -- what the site needs of a router ------------------------------------------------------

    def listened(self, topic: str) -> bool:
        del topic
        return self._link is not None

    async def publish(self, topic: str, *args: object) -> None:
        link = self._link
        if link is not None and link.session is not None and not link.gone.is_set():
            link.session.publish(topic, *args)

    def drop_all(self) -> None:
        self.tell(signal.SIGKILL)


@asynccontextmanager
async def crossbar_pool(crossbar: Crossbar, folder: Path) -> AsyncIterator[Pool]:
    """The emulated pool, its feed through Crossbar.io."""
    async with emulated_pool() as pool:
        router = Router(crossbar, folder, pool.site)
        router.start()
        feeding: asyncio.Future[None] = asyncio.ensure_future(router.feed())
        own, pool.site.router = pool.site.router, router  # type: ignore[assignment] # its likeness
        try:
            async with asyncio.timeout(WITHIN_S):
                while not router.listened(""):  # noqa: ASYNC110 - another process's doing
                    await asyncio.sleep(0.1)
            pool.wamp_url = router.url
            pool.breaks = {
                "terminate": lambda: router.restart(signal.SIGTERM),
                "kill": lambda: router.restart(signal.SIGKILL),
            }
            yield pool
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            pool.site.router = own
            await router.end()

"""The market collector as a process of its own, and the emulated markets that it asks."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web
from tests.component.collector_vnish.line import Line

from minestream_emulators.fleet import Fleet
from minestream_emulators.market.coinmarketcap import KEY, coinmarketcap
from minestream_emulators.market.sites import coingecko, network
from minestream_emulators.outside import Outside
from minestream_emulators.troubles import Troubles
from minestream_emulators.world import WorldPlan
from minestream_schemas.market import RAW_MARKET, RawMarket


@dataclass
class Markets:
    """The emulated CoinGecko and network sources; every call to them is noted."""

    url: str = ""
    troubles: Troubles = field(default_factory=lambda: Troubles(_now_s))
    calls: list[tuple[float, str]] = field(default_factory=list)

    @web.middleware
    async def note(
        self, request: web.Request, handler: Callable[..., object]
    ) -> web.StreamResponse:
        self.calls.append((_now_s(), request.path))
        answer = await handler(request)  # type: ignore[misc] # aiohttp's own type is private
        assert isinstance(answer, web.StreamResponse)
        return answer

    def asked(self, *, since_s: float = 0.0) -> Counter[str]:
        """How often each source was asked."""
        return Counter(
            path.split("/")[2] if path.startswith("/network") else path.split("/")[1]
            for at_s, path in self.calls
            if at_s >= since_s
        )

    @property
    def environment(self) -> dict[str, str]:
        """Where they are, for a collector."""
        return {
            "MINESTREAM_COINGECKO_URL": f"{self.url}/coingecko/api/v3",
            "MINESTREAM_LITECOINSPACE_URL": f"{self.url}/network/litecoinspace",
            "MINESTREAM_MEMPOOL_URL": f"{self.url}/network/mempool",
            "MINESTREAM_LITESOLO_URL": f"{self.url}/network/litesolo",
            "MINESTREAM_MINERSTAT_URL": f"{self.url}/network/minerstat",
        }

    @property
    def with_coinmarketcap(self) -> dict[str, str]:
        """The same, and CoinMarketCap."""
        cap = {"MINESTREAM_CMC_URL": f"{self.url}/coinmarketcap", "MINESTREAM_CMC_KEY": KEY}
        return {**self.environment, **cap, "MINESTREAM_CMC_CALLS_PER_MIN": "1000"}


@asynccontextmanager
async def emulated_markets() -> AsyncIterator[Markets]:
    """Markets while the block runs."""
    this = Markets()
    outside = Outside(Fleet(WorldPlan(miners=1, seed=7), port=0), this.troubles)
    app = web.Application(middlewares=[this.note])
    app.add_subapp("/coingecko", coingecko(outside))
    app.add_subapp("/coinmarketcap", coinmarketcap(outside))
    app.add_subapp("/network", network(outside))
    app.router.add_get("/nonsense/{path:.*}", _nonsense)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        this.url = f"http://{host}:{port}"
        yield this
    finally:
        await runner.cleanup()


class MarketLine(Line):
    """A namespace on Kafka with a market collector before it."""

    def start(self, instance: str = "0", **more: str) -> subprocess.Popen[bytes]:
        """Start a collector; it asks each second unless told otherwise."""
        environment = {
            "MINESTREAM_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
            "MINESTREAM_TOPIC_NAMESPACE": self.settings.topic_namespace,
            "MINESTREAM_INSTANCE": instance,
            "MINESTREAM_DEMO": "1",
            "MINESTREAM_MARKET_PRICE_EVERY_S": "1",
            "MINESTREAM_MARKET_COINS_EVERY_S": "1",
            "MINESTREAM_MARKET_NETWORK_EVERY_S": "1",
            "MINESTREAM_MARKET_MISSED": "20",
            "MINESTREAM_COINGECKO_CALLS_PER_MIN": "1000",
            "MINESTREAM_NETWORK_CALLS_PER_MIN": "1000",
            "MINESTREAM_PUBLISH_DEADLINE_S": "20",
            "MINESTREAM_STATE_DIR": str(self.folder / "state"),
            "MINESTREAM_LEDGER_FILE": str(self.folder / f"ledger-{instance}"),
            "MINESTREAM_HEALTH_PORT": str(self.port(instance)),
            **more,
        }
        with (self.folder / f"log-{instance}").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "collector_market"],
                env={**os.environ, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    async def answers(self) -> list[RawMarket]:
        """The answers on the topic now."""
        return [RawMarket.from_json(value) for value in await self.values(RAW_MARKET)]

    def logged(self, event: str) -> list[dict[str, object]]:
        """The log lines of that event."""
        return [line for line in self.log() if line.get("event") == event]


async def _nonsense(_: web.Request) -> web.Response:
    return web.json_response({"status": "be right back"})


def _now_s() -> float:
    return datetime.now(UTC).timestamp()

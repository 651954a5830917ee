"""The stream over real Kafka, PostgreSQL and sockets: what clients are told."""

import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.component.api_gateway.stream import Gateway, Tap, tapping, telemetry

from api_gateway.adapters.stream.records import TOPICS
from api_gateway.settings import GatewaySettings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def streaming(on_kafka: GatewaySettings, make_topics: Any) -> GatewaySettings:
    await make_topics(*TOPICS)
    return on_kafka.model_copy(update={"gateway_port": free_port(), "stream_heartbeat_s": 0.5})


@pytest.fixture
async def gateway(streaming: GatewaySettings) -> AsyncIterator[Gateway]:
    gateway = Gateway(streaming)
    await gateway.start()
    yield gateway
    await gateway.stop()


@pytest.fixture
async def tap(streaming: GatewaySettings) -> AsyncIterator[Tap]:
    async with tapping(streaming) as opened:
        yield opened


@pytest.fixture
async def two_miners(tap: Tap) -> None:
    """Two miners have spoken before the gateway starts."""
    await tap.readings(telemetry("miner-1", 1), telemetry("miner-2", 1))


@pytest.mark.usefixtures("two_miners")
async def test_a_snapshot_comes_first_and_then_each_change(tap: Tap, gateway: Gateway) -> None:
    async with gateway.listening() as listener:
        hello = await listener.hear("hello")
        assert hello["limits"]["subscriptions"] == 32
        await listener.subscribe("status", "reading")
        snapshot = await listener.snapshot()
        assert {row["miner_id"] for row in snapshot["status"]} == {"miner-1", "miner-2"}
        await tap.readings(telemetry("miner-1", 2))
        changes = await listener.hear("changes")
        assert changes["status"][0]["hashrate_hs"] == 1.6e10 + 2
        assert changes["reading"] == [telemetry("miner-1", 2)]
        assert "boards" not in changes["status"][0]

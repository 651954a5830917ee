"""The stream where clients, Kafka or the gateway itself do what they should not."""

import asyncio
import base64
import contextlib
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.component.api_gateway.conftest import eventually
from tests.component.api_gateway.stream import Gateway, Listener, Tap, tapping, telemetry
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api_gateway.adapters.stream.records import TOPICS
from api_gateway.settings import GatewaySettings
from minestream_devstack.kafka import KafkaServer
from minestream_runtime.kafka import ensure_topics

NONSENSE: dict[str, str | bytes] = {
    "not_json": "{",
    "not_an_object": "[1]",
    "unknown_type": '{"type": "shout", "id": "x"}',
    "no_id": '{"type": "subscribe", "kinds": ["status"]}',
    "not_a_subscription": '{"type": "subscribe", "id": "x", "kinds": ["weather"]}',
    "unknown_id": '{"type": "unsubscribe", "id": "x"}',
    "not_text": b"\x00\x01",
}


async def test_what_is_not_understood_is_a_problem_and_too_much_of_it_the_end(
    streamer: Gateway,
) -> None:
    async with streamer.listening() as listener:
        for kind, message in NONSENSE.items():
            await listener.connection.send(message)
            problem = await listener.hear("problem")
            assert problem["kind"] == kind
            assert problem["detail"]
            assert problem.get("id") == (
                "x" if kind in {"unknown_type", "not_a_subscription", "unknown_id"} else None
            )
        await listener.say(type="ping")
        assert (await listener.hear("pong"))["server_at"]
        for _ in range(11):
            await listener.connection.send("nonsense")
        assert await listener.close_code() == 4400


async def test_ten_thousand_subscriptions_are_refused_and_others_go_on(
    streamer: Gateway, tap: Tap
) -> None:
    async with streamer.listening() as greedy, streamer.listening() as modest:
        await modest.subscribe("status")
        await modest.snapshot()
        with contextlib.suppress(ConnectionClosed):
            for nth in range(10_000):
                await greedy.subscribe("status", name=str(nth))
        assert await greedy.close_code() == 4429
        await tap.readings(telemetry("miner-1", 1))
        assert (await modest.hear("changes"))["status"][0]["miner_id"] == "miner-1"


async def test_the_thirty_third_subscription_is_one_too_many_however_slowly_it_comes(
    streamer: Gateway,
) -> None:
    async with streamer.listening() as listener:
        for nth in range(33):
            await listener.subscribe("status", name=str(nth))
            await asyncio.sleep(0.06)  # within 20 a second
        assert await listener.close_code() == 4429
        assert listener.connection.close_reason == "over 32 subscriptions"


async def test_too_large_a_message_is_the_end(streamer: Gateway) -> None:
    async with streamer.listening() as listener:
        await listener.say(type="ping", fill="x" * 64 * 1024)
        assert await listener.close_code() == 1009


async def test_a_client_that_takes_nothing_is_closed_and_delays_nobody(
    streaming: GatewaySettings, tap: Tap
) -> None:
    gateway = Gateway(
        streaming.model_copy(update={"stream_stall_s": 6.0, "stream_heartbeat_s": 20})
    )
    await gateway.start()
    async with gateway.listening() as lively, gateway.listening(max_queue=1) as stalled:
        await stalled.subscribe("reading")
        await lively.subscribe("reading")
        await lively.snapshot()
        for nth in range(10, 1000, 10):
            burst = (telemetry("miner-1", nth + n, fill="x" * 200_000) for n in range(10))
            await tap.readings(*burst)
            told = 0
            while told < nth + 9:
                changes = await lively.hear("changes")
                told = changes["reading"][-1]["accepted_total"]
            if await clients_of(gateway) == 1:
                break
        taken = await taken_by(stalled)
        assert stalled.connection.close_code == 4413
        assert told >= taken + 30, "three bursts at least went on while the other took nothing"
    await gateway.stop()


async def taken_by(stalled: Listener) -> int:
    """Up to which reading came through to a client until it was closed."""
    taken = 0
    with contextlib.suppress(ConnectionClosed):
        await stalled.snapshot()
        while True:
            changes = await stalled.hear("changes")
            taken = changes["reading"][-1]["accepted_total"]
    return taken


async def clients_of(gateway: Gateway) -> int:
    """How many clients the gateway counts."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{gateway.settings.gateway_port}/metrics")).text
    (line,) = [each for each in text.splitlines() if each.startswith("minestream_stream_clients ")]
    return int(float(line.split()[1]))


async def shake_hands(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A websocket whose client does nothing by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def test_a_silent_client_is_let_go_and_one_that_answers_pings_is_kept(
    streaming: GatewaySettings,
) -> None:
    gateway = Gateway(streaming.model_copy(update={"stream_heartbeat_s": 1.0}))
    await gateway.start()
    async with gateway.listening() as patient:
        reader, writer = await shake_hands(streaming.gateway_port)
        async with asyncio.timeout(60):
            heard = await reader.readuntil(b"three heartbeats")
        assert (4408).to_bytes(2, "big") + b"nothing heard" in heard
        writer.close()
        beats = [await patient.hear("heartbeat") for _ in range(3)]
        assert all(beat["server_at"] for beat in beats)
    await gateway.stop()


async def test_a_page_from_elsewhere_may_not_connect_unless_it_is_named(
    streaming: GatewaySettings,
) -> None:
    gateway = Gateway(streaming.model_copy(update={"stream_origins": "https://farm.example.com"}))
    await gateway.start()
    port = streaming.gateway_port
    for origin in (f"http://127.0.0.1:{port}", "https://farm.example.com", None):
        async with gateway.listening(origin=origin) as listener:
            await listener.hear("hello")
    for origin in ("http://evil.example", f"http://127.0.0.1:{port + 1}", "null"):
        with pytest.raises(InvalidStatus) as refused:
            async with gateway.listening(origin=origin):
                pass
        assert refused.value.response.status_code == 403
        assert b"urn:minestream:problem:forbidden" in refused.value.response.body
    await gateway.stop()


async def test_one_client_too_many_is_told_to_try_again_later(streaming: GatewaySettings) -> None:
    gateway = Gateway(streaming.model_copy(update={"stream_clients": 1}))
    await gateway.start()
    async with gateway.listening() as first:
        await first.hear("hello")
        async with gateway.listening() as second:
            assert await second.close_code() == 1013
        await first.say(type="ping")
        await first.hear("pong")
    await gateway.stop()


async def test_a_gateway_that_stops_says_goodbye_to_all_at_once(streaming: GatewaySettings) -> None:
    gateway = Gateway(streaming)
    await gateway.start()
    async with contextlib.AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(gateway.listening()) for _ in range(20)]
        _, deaf = await shake_hands(streaming.gateway_port)
        for listener in listeners:
            await listener.hear("hello")
        async with asyncio.timeout(15):
            await gateway.stop()
        assert {await listener.close_code() for listener in listeners} == {1001}
        deaf.close()


async def test_kafka_may_be_away_at_the_start_and_later(
    streaming: GatewaySettings, tmp_path: Path
) -> None:
    server = KafkaServer(tmp_path / "kafka", preferred_port=0)
    server.prepare()
    settings = streaming.model_copy(
        update={"kafka_bootstrap": server.bootstrap, "stream_heartbeat_s": 2.0}
    )
    gateway = Gateway(settings)
    started = asyncio.ensure_future(gateway.start(within_s=120))
    rest = httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.gateway_port}", timeout=60)
    try:
        await eventually(lambda: answers(rest))
        async with gateway.listening() as early:
            assert await early.close_code() == 4503
        await asyncio.to_thread(server.start)
        await ensure_topics(settings, TOPICS)
        await started
        async with tapping(settings) as tap, gateway.listening(max_queue=None) as listener:
            await told_of(listener, tap, 1)
            server.kill()
            assert await answers(rest)
            await listener.hear("heartbeat")
            await asyncio.to_thread(server.start)
            await told_of(listener, tap, 2)
    finally:
        await rest.aclose()
        await gateway.stop()
        server.kill()


async def answers(rest: httpx.AsyncClient) -> bool:
    try:
        return (await rest.get("/api/v1/miners")).status_code == 200
    except httpx.TransportError:
        return False


async def told_of(listener: Listener, tap: Tap, nth: int) -> None:
    """A reading that is sent now arrives."""
    if nth == 1:
        await listener.subscribe("reading")
        await listener.snapshot()
    await tap.readings(telemetry("miner-1", nth))
    changes: dict[str, Any] = await listener.hear("changes")
    assert changes["reading"][-1]["accepted_total"] == nth

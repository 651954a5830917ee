"""The stream over real Kafka, PostgreSQL and sockets: what clients are told."""

import asyncio
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from tests.component.api_gateway.conftest import Telemetry, eventually, reading
from tests.component.api_gateway.stream import (
    BEGAN,
    Gateway,
    Listener,
    Tap,
    gap,
    telemetry,
)

from api_gateway.domain.stream import cursors
from api_gateway.domain.stream.entries import Kind, Scope
from api_gateway.settings import GatewaySettings
from minestream_runtime import traces
from minestream_schemas.anomaly import ANOMALY
from minestream_schemas.gap import GAP
from minestream_schemas.telemetry import TELEMETRY
from minestream_schemas.window import WINDOW


@pytest.fixture
async def two_miners(tap: Tap) -> None:
    """Two miners have spoken before the gateway starts."""
    await tap.readings(telemetry("miner-1", 1), telemetry("miner-2", 1, site_id="site-b"))


@pytest.mark.usefixtures("two_miners")
async def test_a_snapshot_comes_first_and_then_each_change(streamer: Gateway, tap: Tap) -> None:
    async with streamer.listening() as listener:
        hello = await listener.hear("hello")
        assert hello["limits"]["subscriptions"] == 32
        await listener.subscribe("status", "reading")
        snapshot = await listener.snapshot()
        assert {row["miner_id"] for row in snapshot["status"]} == {"miner-1", "miner-2"}
        assert telemetry("miner-1", 1) in snapshot["reading"]
        await tap.readings(telemetry("miner-1", 2))
        changes = await listener.hear("changes")
        assert changes["status"][0]["hashrate_hs"] == 1.6e10 + 2
        assert changes["reading"] == [telemetry("miner-1", 2)]
        assert not {"boards", "accepted_total"} & changes["status"][0].keys()


@pytest.mark.usefixtures("two_miners")
async def test_only_what_was_asked_for_is_told(streamer: Gateway, tap: Tap) -> None:
    odd = {
        "event_id": telemetry("miner-2", 9)["event_id"],
        "reading_id": telemetry("miner-2", 9)["event_id"],
        "ts": telemetry("miner-2", 9)["ts"],
        "miner_id": "miner-2", "site_id": "site-b", "detector": "ewma-z", "score": 0.9,
        "scores": {}, "values": {}, "expected": {},
    }  # fmt: skip
    window = {"miner_id": "miner-1", "site_id": "site-a", "window_start_at": odd["ts"]}
    async with streamer.listening() as listener:
        await listener.subscribe("status", name="b", sites=["site-b"])
        assert [row["miner_id"] for row in (await listener.snapshot())["status"]] == ["miner-2"]
        await listener.subscribe("reading", "window", name="one", miners=["miner-1"])
        assert [row["miner_id"] for row in (await listener.snapshot())["reading"]] == ["miner-1"]
        await listener.subscribe("gap", "anomaly", name="rare")
        assert (await listener.snapshot())["gap"] == []
        await tap.readings(telemetry("miner-3", 1, site_id="site-c"))
        await tap.send(ANOMALY, odd)
        await tap.send(WINDOW, window)
        await tap.send(GAP, gap("miner-2", "site-b"), key="subject")
        await tap.readings(telemetry("miner-1", 2), telemetry("miner-2", 2, site_id="site-b"))
        heard: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))

        async def all_there() -> bool:
            changes = await listener.hear("changes")
            for kind in ("status", "reading", "gap", "anomaly", "window"):
                heard[changes["id"]][kind] += changes.get(kind, [])
            found = heard["b"]["status"], heard["one"]["reading"], heard["one"]["window"]
            return all((*found, heard["rare"]["gap"], heard["rare"]["anomaly"]))

        await eventually(all_there)
        assert [row["miner_id"] for row in heard["b"]["status"]] == ["miner-2"]
        assert heard["one"]["reading"] == [telemetry("miner-1", 2)]
        assert heard["one"]["window"] == [window]
        assert heard["rare"]["anomaly"] == [odd]
        assert heard["rare"]["gap"] == [gap("miner-2", "site-b")]


async def test_what_only_the_database_knows_is_in_the_snapshot(
    streaming: GatewaySettings, tap: Tap, tables: Telemetry
) -> None:
    await tap.readings(telemetry("miner-1", 1), telemetry("miner-1", 2))
    tables.insert("latest", reading("miner-1", BEGAN, fan_rpm=[1, 2], boards=[]))
    tables.insert("latest", reading("miner-9", BEGAN, boards=[{"slot": 1}], power_w=1.5))
    tables.insert("gap", {k: v for k, v in gap("miner-9", "site-a").items() if v})
    streamer = Gateway(streaming)
    await streamer.start()
    async with streamer.listening() as listener:
        await listener.subscribe("status", "reading", "gap")
        snapshot = await listener.snapshot()
        rows = {row["miner_id"]: row for row in snapshot["reading"]}
        assert rows["miner-1"] == telemetry("miner-1", 2)
        assert rows["miner-9"]["boards"] == [{"slot": 1}]
        assert rows["miner-9"]["power_w"] == 1.5
        assert "hashrate_hs" not in rows["miner-9"]
        assert "published_at" not in rows["miner-9"]
        assert [each["subject"] for each in snapshot["gap"]] == ["miner-9"]
        closed = gap("miner-9", "site-a") | {"ended_at": telemetry("miner-9", 1)["ts"]}
        await tap.send(GAP, closed, key="subject")
        assert (await listener.hear("changes"))["gap"] == [closed]
        await listener.subscribe("gap", name="later")
        assert (await listener.snapshot())["gap"] == []
    await streamer.stop()


async def follow(listener: Listener, miners: int, until: int) -> dict[str, list[int]]:
    """Every reading of each miner that a client is told of, by its number, until the last."""
    await listener.subscribe("reading")
    snapshot = await listener.snapshot()
    told = {row["miner_id"]: [row["accepted_total"]] for row in snapshot["reading"]}
    while len(told) < miners or any(numbers[-1] < until for numbers in told.values()):
        changes = await listener.hear("changes")
        assert changes["coalesced"] == 0
        for row in changes["reading"]:
            told.setdefault(row["miner_id"], []).append(row["accepted_total"])
    return told


async def test_nothing_is_missed_or_out_of_order_whenever_a_client_comes(
    streamer: Gateway, tap: Tap
) -> None:
    miners, readings = [f"miner-{n}" for n in range(20)], 60

    async def speak() -> None:
        for nth in range(1, readings + 1):
            await tap.readings(*(telemetry(miner, nth) for miner in miners))

    async def come(after_s: float) -> dict[str, list[int]]:
        await asyncio.sleep(after_s)
        async with streamer.listening() as listener:
            return await follow(listener, len(miners), readings)

    speaking = asyncio.ensure_future(speak())
    for told in await asyncio.gather(*(come(0.1 * n) for n in range(12))):
        for numbers in told.values():
            assert numbers == list(range(numbers[0], readings + 1))
    await speaking


async def test_a_break_is_bridged_by_the_cursor_even_over_a_restart(
    streamer: Gateway, tap: Tap
) -> None:
    await tap.readings(telemetry("miner-1", 1))
    cursor = None
    for nth in range(2, 8, 2):
        async with streamer.listening() as listener:
            await listener.subscribe("reading", **({"cursor": cursor} if cursor else {}))
            if cursor is None:
                await listener.snapshot()
            else:
                assert (await listener.hear("resumed"))["cursor"] == cursor
                changes = await listener.hear("changes")
                assert [row["accepted_total"] for row in changes["reading"]] == [nth - 1]
            await tap.readings(telemetry("miner-1", nth))
            told = -1
            while told != nth:
                changes = await listener.hear("changes")
                told = changes["reading"][-1]["accepted_total"]
            cursor = changes["cursor"]
        await tap.readings(telemetry("miner-1", nth + 1))
        if nth == 4:
            await streamer.stop()
            await streamer.start()


async def test_a_cursor_that_does_not_fit_is_answered_with_a_reset_and_a_snapshot(
    streamer: Gateway,
) -> None:
    scope = Scope(frozenset({Kind.STATUS}), sites=frozenset({"site-a"}))
    elsewhere = cursors.encode({(TELEMETRY.name, 0): 3}, cluster="another", scope=scope)
    async with streamer.listening() as listener:
        await listener.subscribe("status", sites=["site-a"])
        cursor = (await listener.snapshot())["cursor"]
        reasons = {
            "it is of another stream": (elsewhere, ["site-a"]),
            "this is no cursor of ours": (cursor[:-2] + "__", ["site-a"]),
            "it is of a subscription to something else": (cursor, ["site-b"]),
        }
        for reason, (given, sites) in reasons.items():
            await listener.subscribe("status", sites=sites, cursor=given)
            reset = await listener.hear("reset")
            assert reset == {"type": "reset", "id": "a", "reason": reason}
            assert (await listener.snapshot())["status"] == []


async def test_a_sampled_reading_has_a_span_for_its_push(
    streamer: Gateway, tap: Tap, tmp_path: Path
) -> None:
    event_id = telemetry("miner-1", 1)["raw_event_id"]
    trace_id = event_id.replace("-", "")
    parent = f"00-{trace_id}-00f067aa0ba902b7-01".encode()
    settings = streamer.settings.model_copy(update={"trace_folder": tmp_path})
    with traces.configured("api-gateway", settings):
        async with streamer.listening() as listener:
            await listener.subscribe("status", sites=["site-a"])
            await listener.snapshot()
            await tap.send(TELEMETRY, telemetry("miner-1", 1), headers=(("traceparent", parent),))
            await tap.send(
                TELEMETRY,
                telemetry("miner-2", 1, site_id="site-z"),
                headers=(("traceparent", parent.replace(b"00f0", b"00aa")),),
            )
            await listener.hear("changes")
    (file,) = list(tmp_path.glob("*.jsonl"))  # noqa: ASYNC240 - small
    spans = list(map(json.loads, file.read_text().splitlines()))
    pushed = {span["name"]: span for span in spans}
    assert [span["name"] for span in spans].count("push minestream.telemetry.v1") == 1
    push = pushed["push minestream.telemetry.v1"]
    assert (push["trace_id"], push["parent_id"]) == (trace_id, "00f067aa0ba902b7")
    assert push["attributes"]["minestream.event.id"] == event_id
    assert push["attributes"]["minestream.miner.id"] == "miner-1"
    assert pushed["push batch"]["links"] == [trace_id]
    assert pushed["push batch"]["attributes"]["minestream.stream.clients"] == 1

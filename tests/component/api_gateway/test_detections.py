import asyncio
from datetime import UTC, datetime
from typing import Any

from tests.component.api_gateway.conftest import entry, eventually, inventory_on, put

from api_gateway.adapters.database import Writer, fleet
from api_gateway.adapters.detections import Detections
from api_gateway.adapters.relay import relay_of
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.kafka import Producer
from minestream_schemas.inventory import DETECTED, INVENTORY, Detected, InventoryEntry


def found(miner_id: str, **fields: Any) -> Detected:
    given: dict[str, Any] = {
        "address": f"{miner_id}.local:80",
        "found_address": f"{miner_id}.local:4028",
        "transport": "tcp",
        "dialect": "antminer",
        "evidence": "4028 stats: Type Antminer L7",
        "detected_at": datetime(2026, 11, 22, tzinfo=UTC),
        "collector_id": "collector-vnish-0",
    }
    return Detected(miner_id=miner_id, **(given | fields))


async def miners(writer: Writer) -> dict[str, InventoryEntry]:
    async with fleet.changing(writer) as connection:
        return dict((await fleet.read_fleet(connection)).miners)


async def test_what_is_found_out_reaches_the_entry_and_so_every_collector(
    on_kafka: GatewaySettings, writer: Writer, make_topics: Any
) -> None:
    await make_topics(INVENTORY, DETECTED)
    await put(
        writer,
        [entry("m-1"), entry("m-2"), entry("m-4"), entry("m-3", transport="http", dialect="vnish")],
    )
    told = [
        found("m-1"),
        found("m-2", address="m-2.elsewhere:80"),
        found("m-3"),
        found("m-9"),
        found("m-4", model="Antminer\0L7"),
    ]
    async with Producer(on_kafka) as producer, asyncio.TaskGroup() as tasks:
        for each in told:
            key = each.miner_id.encode()
            await producer.send(DETECTED, key=key, value=each.to_json())
        await producer.send(DETECTED, key=b"m-1", value=b"{}")
        following = tasks.create_task(Detections(on_kafka, writer).run())

        async def taken_up() -> bool:
            return (await miners(writer))["m-1"].detected is not None

        await eventually(taken_up)
        assert await relay_of(on_kafka, writer, producer, SystemClock()).drain()
        following.cancel()
    there = await miners(writer)
    assert there["m-1"].detected == found("m-1")
    assert there["m-2"].detected is None, "found at an address that it does not have"
    assert there["m-4"].detected is None, "the database takes no NUL"
    assert there["m-3"].detected is None, "its operator has said what it speaks"
    values = [value for key, value in await inventory_on(on_kafka, 5) if key == "m-1"]
    assert [value.get("detected", {}).get("dialect") for value in values] == [None, "antminer"]


async def test_the_same_news_twice_changes_nothing(writer: Writer) -> None:
    await put(writer, [entry("m-1")])
    later = found("m-1", detected_at=datetime(2026, 11, 23, tzinfo=UTC))
    assert await fleet.take_up(writer, {"m-1": found("m-1")}) == ["m-1"]
    assert await fleet.take_up(writer, {"m-1": later}) == []
    assert await fleet.take_up(writer, {"m-1": found("m-1", dialect="cgminer")}) == ["m-1"]


async def test_an_import_keeps_what_was_found_until_the_address_is_another(writer: Writer) -> None:
    await put(writer, [entry("m-1"), entry("m-2"), entry("m-3")])
    await fleet.take_up(writer, {name: found(name) for name in ("m-1", "m-2", "m-3")})
    await put(
        writer,
        [
            entry("m-1", slot=3),
            entry("m-2", address="m-2.new:80"),
            entry("m-3", transport="http", dialect="vnish"),
        ],
    )
    there = await miners(writer)
    assert there["m-1"].detected == found("m-1")
    assert (there["m-2"].detected, there["m-3"].detected) == (None, None)

import asyncio
from datetime import UTC, datetime
from typing import Any

from prometheus_client import REGISTRY
from tests.component.api_gateway.conftest import entry, eventually, inventory_on, put

from api_gateway.adapters.database import Writer, fleet
from api_gateway.adapters.detections import Detections
from api_gateway.adapters.relay import relay_of
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.kafka import Consumer, Producer
from minestream_runtime.kafka.setting_aside import SettingAside
from minestream_schemas.dead_letter import DeadLetterHeader, dead_letter_topic
from minestream_schemas.inventory import DETECTED, INVENTORY, Detected, InventoryEntry

LETTERS = dead_letter_topic("api-gateway")


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


async def letters_on(settings: GatewaySettings, most: int) -> dict[bytes | None, str]:
    """The reasons of what was set aside, by key."""
    found: dict[bytes | None, str] = {}
    async with Consumer(settings, [LETTERS]) as consumer, asyncio.timeout(60):
        while len(found) < most:
            for record in await consumer.records(wait_s=0.3):
                headers = dict(record.headers.items())
                found[record.key] = headers[DeadLetterHeader.REASON].decode()
    return found


def dead_letters_counted() -> float:
    labels = {"kind": "schema"}
    return REGISTRY.get_sample_value("minestream_dead_letters_total", labels) or 0.0


async def test_what_is_found_out_reaches_the_entry_and_so_every_collector(
    on_kafka: GatewaySettings, writer: Writer, make_topics: Any
) -> None:
    await make_topics(INVENTORY, DETECTED, LETTERS)
    await put(
        writer,
        [
            *map(entry, ("m-1", "m-2", "m-4", "m-5")),
            entry("m-3", transport="http", dialect="vnish"),
        ],
    )
    told = [
        found("m-1"),
        found("m-2", address="m-2.elsewhere:80", found_address="m-2.elsewhere:4028"),
        found("m-3"),
        found("m-9"),
        found("m-4", model="Antminer\0L7"),
        found("m-5", found_address="169.254.169.254:80"),
    ]
    async with Producer(on_kafka) as producer, asyncio.TaskGroup() as tasks:
        for each in told:
            key = each.miner_id.encode()
            await producer.send(DETECTED, key=key, value=each.to_json())
        await producer.send(DETECTED, key=b"m-1", value=b"{}")
        before = dead_letters_counted()
        letters = SettingAside(producer, service="api-gateway")
        detections = Detections(on_kafka, writer, letters, SystemClock())
        following = tasks.create_task(detections.run())

        async def taken_up() -> bool:
            return (await miners(writer))["m-1"].detected is not None

        await eventually(taken_up)
        set_aside = await letters_on(on_kafka, 3)

        async def counted() -> bool:
            return dead_letters_counted() == before + 3

        await eventually(counted)
        assert await relay_of(on_kafka, writer, producer, SystemClock()).drain()
        following.cancel()
    assert set_aside == {
        b"m-4": "a NUL, which the database does not take",
        b"m-5": "found_address: another host than the one that was asked",
        b"m-1": "miner_id: Field required; address: Field required; evidence: Field required; "
        "and 2 more",
    }
    there = await miners(writer)
    assert there["m-1"].detected == found("m-1")
    assert there["m-2"].detected is None, "found at an address that it does not have"
    assert there["m-4"].detected is None, "the database takes no NUL"
    assert there["m-5"].detected is None, "nobody is led to another host"
    assert there["m-3"].detected is None, "its operator has said what it speaks"
    values = [value for key, value in await inventory_on(on_kafka, 6) if key == "m-1"]
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

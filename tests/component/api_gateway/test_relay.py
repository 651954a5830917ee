import asyncio
import os
import sys
from collections import defaultdict
from typing import Any

import psycopg
import pytest
from tests.component.api_gateway.conftest import entry, eventually, inventory_on, put

from api_gateway.adapters.database import Writer, open_writer
from api_gateway.adapters.database.outbox import OUTBOX
from api_gateway.adapters.relay import relay_of
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.errors import BrokerUnavailableError
from minestream_runtime.kafka import Producer
from minestream_schemas.inventory import INVENTORY

RELAY = """
import asyncio
from api_gateway.adapters.database import open_writer
from api_gateway.adapters.relay import relay_of
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.kafka import Producer

async def main():
    settings = GatewaySettings.load()
    async with open_writer(settings) as writer, Producer(settings, deadline_s=60) as producer:
        await relay_of(settings, writer, producer, SystemClock()).run()

asyncio.run(main())
"""


async def waiting(writer: Writer) -> int:
    async with writer.connection() as connection:
        return await OUTBOX.count_waiting(connection)


async def until_sent(writer: Writer) -> None:
    async def sent() -> bool:
        return await waiting(writer) == 0

    await eventually(sent)


async def test_changes_of_one_miner_arrive_in_their_order(
    on_kafka: GatewaySettings, writer: Writer, make_topics: Any
) -> None:
    await make_topics(INVENTORY)
    for slot in range(20):
        await put(writer, [entry("m-1", slot=slot), entry("m-2", slot=slot)])
    async with Producer(on_kafka) as producer:
        assert await relay_of(on_kafka, writer, producer, SystemClock()).drain()
    assert await waiting(writer) == 0
    slots = defaultdict(list)
    for key, value in await inventory_on(on_kafka, 40):
        slots[key].append(value["slot"])
    assert slots == {"m-1": list(range(20)), "m-2": list(range(20))}


async def test_a_relay_killed_between_send_and_mark_sends_again_in_order(
    on_kafka: GatewaySettings,
    environment: dict[str, str],
    database_url: str,
    writer: Writer,
    make_topics: Any,
) -> None:
    await make_topics(INVENTORY)
    for slot in range(3):
        await put(writer, [entry(f"m-{number}", slot=slot) for number in range(10)])
    # whoever marks must wait for this lock: the child stands between acknowledgement and mark
    async with await psycopg.AsyncConnection.connect(database_url) as holding:
        await holding.execute("SELECT id FROM fleet.outbox FOR UPDATE")
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", RELAY, env=os.environ | environment
        )
        try:
            first = await inventory_on(on_kafka, 30)
        finally:
            child.kill()
            await child.wait()
        # its session stands in the queue for the lock, and would still mark once it got it
        await holding.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        await holding.rollback()
    assert await waiting(writer) == 30
    async with Producer(on_kafka) as producer:
        relay = relay_of(on_kafka, writer, producer, SystemClock())
        await eventually(relay.drain)  # the dead child's session goes with its lock
    assert await waiting(writer) == 0
    slots = defaultdict(list)
    for key, value in await inventory_on(on_kafka, len(first) + 30):
        slots[key].append(value["slot"])
    assert set(slots) == {f"m-{number}" for number in range(10)}
    assert all(found == [0, 1, 2, 0, 1, 2] for found in slots.values())


async def test_the_running_relay_is_woken_and_another_stands_aside(
    on_kafka: GatewaySettings, writer: Writer, make_topics: Any
) -> None:
    await make_topics(INVENTORY)
    slow = on_kafka.model_copy(update={"outbox_poll_s": 300.0})
    async with Producer(slow) as producer, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(relay_of(slow, writer, producer, SystemClock()).run())
        await put(writer, [entry("m-1")])
        await until_sent(writer)  # this may be its first look
        await asyncio.sleep(0.5)
        await put(writer, [entry("m-2")])
        await until_sent(writer)  # and this can only be the notification
        async with open_writer(slow) as other:
            assert not await relay_of(slow, other, producer, SystemClock()).drain()
        running.cancel()
    assert {key for key, _ in await inventory_on(on_kafka, 2)} == {"m-1", "m-2"}


async def test_with_kafka_away_the_relay_waits_and_loses_nothing(
    on_kafka: GatewaySettings, writer: Writer, make_topics: Any
) -> None:
    away = on_kafka.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"})
    await put(writer, [entry("m-1")])
    async with Producer(away, deadline_s=1) as producer:
        with pytest.raises(BrokerUnavailableError):
            await relay_of(away, writer, producer, SystemClock()).drain()
    assert await waiting(writer) == 1
    # the topic is made while the relay is at it: it must come back by itself
    async with Producer(on_kafka, deadline_s=1) as producer, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(relay_of(on_kafka, writer, producer, SystemClock()).run())
        await asyncio.sleep(1.5)
        assert await waiting(writer) == 1
        await make_topics(INVENTORY)
        await until_sent(writer)
        running.cancel()
    assert [key for key, _ in await inventory_on(on_kafka, 1)] == ["m-1"]


async def test_a_row_that_kafka_never_takes_is_kept_aside_and_holds_up_no_other(
    on_kafka: GatewaySettings, writer: Writer, database_url: str, make_topics: Any
) -> None:
    await make_topics(INVENTORY)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as owner:
        await owner.execute(
            "INSERT INTO fleet.outbox (topic, key, value) VALUES (%s, 'm-0', %s), ('x', 'm-0', '')",
            (INVENTORY.name, "x" * (INVENTORY.max_message_bytes + 1)),
        )
        await put(writer, [entry("m-1")])
        async with Producer(on_kafka) as producer:
            assert await relay_of(on_kafka, writer, producer, SystemClock()).drain()
        found = await (await owner.execute("SELECT fault FROM fleet.outbox ORDER BY id")).fetchall()
    assert "bytes" in found[0][0]
    assert found[1:] == [("no topic x is registered",), (None,)]
    assert [key for key, _ in await inventory_on(on_kafka, 1)] == ["m-1"]


async def test_sent_rows_are_forgotten_after_their_time(
    on_kafka: GatewaySettings, writer: Writer, make_topics: Any, database_url: str
) -> None:
    await make_topics(INVENTORY)
    await put(writer, [entry("m-1")])
    short = on_kafka.model_copy(update={"outbox_keep_s": 0.0})
    async with (
        Producer(short) as producer,
        asyncio.TaskGroup() as tasks,
        await psycopg.AsyncConnection.connect(database_url, autocommit=True) as owner,
    ):
        running = tasks.create_task(relay_of(short, writer, producer, SystemClock()).run())

        async def forgotten() -> bool:
            cursor = await owner.execute("SELECT count(*) FROM fleet.outbox")
            return await cursor.fetchone() == (0,)

        await eventually(forgotten)
        running.cancel()

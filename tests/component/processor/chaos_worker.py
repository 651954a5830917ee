"""A worker for ``test_chaos``: counts each key's events in a table and says what it counted.

The app is the processor's own: fence, settings, states and sends; with ``CHAOS_BARE=1`` they are
Faust's.
It is a dynamic member unless ``CHAOS_STATIC=1``: static ones that are back in time cause no
rebalance, and rebalances are what this is about.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import faust
import msgspec

from minestream_runtime.health import Health
from minestream_runtime.service import run_service
from minestream_schemas.event import Event, Topic
from processor.adapters.app import bytes_topic, make_app, state_table
from processor.adapters.sends import producer_of
from processor.adapters.states import States
from processor.settings import ProcessorSettings


def chaos_topic(word: str) -> Topic:
    """A topic of this test alone."""
    return Topic(
        name=f"minestream.chaos-{word}.v1",
        event=Event,
        description="chaos",
        key="m",
        retention=timedelta(hours=1),
        producers=frozenset(),
        consumers=frozenset(),
    )


class Counted(msgspec.Struct):
    """One event, and with ``n`` how many of its key had been counted."""

    m: str
    seq: int
    n: int = 0
    dup: bool = False


class State(msgspec.Struct):
    """What a key's table entry holds."""

    seq: int = -1
    n: int = 0


Get = Callable[[int, bytes], bytes | None]
Keep = Callable[[int, bytes, bytes, bytes], Awaitable[None]]
"""Partition, key, state and what to tell of it."""
TOLD = chaos_topic("out")


def as_we_do(app: faust.App, settings: ProcessorSettings) -> tuple[Get, Keep]:
    """State and output by the processor's own way."""
    states, producer = States(state_table(app), producer_of(app)), producer_of(app)
    name = TOLD.named(settings.topic_namespace)

    async def keep(partition: int, key: bytes, state: bytes, told: bytes) -> None:
        await states.put(partition, key, state)
        states.note_recovered()
        await producer().put(name, key=key, value=told)

    return states.get, keep


def as_faust_does(app: faust.App, settings: ProcessorSettings) -> tuple[Get, Keep]:
    """State and output by Faust's way."""
    table, topic = state_table(app), bytes_topic(app, settings, TOLD)

    async def keep(partition: int, key: bytes, state: bytes, told: bytes) -> None:
        del partition  # Faust knows
        table[key] = state
        await topic.send(key=key, value=told)

    return lambda _, key: table.get(key), keep


async def work(settings: ProcessorSettings, _: Health) -> None:
    """Count until cancelled."""
    bare = os.environ.get("CHAOS_BARE") == "1"
    app = make_app(settings, fenced=not bare)
    if os.environ.get("CHAOS_STATIC") != "1":
        app.conf.consumer_group_instance_id = None  # type: ignore[assignment] # its default
    get, keep = (as_faust_does if bare else as_we_do)(app, settings)

    async def count(stream: Any) -> None:
        async for event in stream.events():
            one = msgspec.json.decode(event.value, type=Counted)
            partition = event.message.partition
            blob = get(partition, event.key)
            state = msgspec.msgpack.decode(blob, type=State) if blob else State()
            one.dup = one.seq <= state.seq
            if not one.dup:
                state.seq, state.n = one.seq, state.n + 1
            one.n = state.n
            told = msgspec.json.encode(one)
            await keep(partition, event.key, msgspec.msgpack.encode(state), told)

    agent = app.agent(bytes_topic(app, settings, chaos_topic("in")), name="count", concurrency=1)
    agent(count)
    await app.start()
    try:
        await app.wait_until_stopped()
    finally:
        async with asyncio.timeout(8):
            await app.stop()


if __name__ == "__main__":
    run_service("chaos", ProcessorSettings, work)

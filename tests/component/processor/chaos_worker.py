"""A worker for ``test_chaos``: counts each key's events in a table and says what it counted.

The app is the processor's own, fence and settings included; ``CHAOS_BARE=1`` leaves the fence out.
It is a dynamic member unless ``CHAOS_STATIC=1``: static ones that are back in time cause no
rebalance, and rebalances are what this is about.
"""

import asyncio
import os
from datetime import timedelta
from typing import Any

import msgspec

from minestream_runtime.health import Health
from minestream_runtime.service import run_service
from minestream_schemas.event import Event, Topic
from processor.adapters.app import bytes_topic, make_app, state_table
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


async def work(settings: ProcessorSettings, _: Health) -> None:
    """Count until cancelled."""
    app = make_app(settings, fenced=os.environ.get("CHAOS_BARE") != "1")
    if os.environ.get("CHAOS_STATIC") != "1":
        app.conf.consumer_group_instance_id = None  # type: ignore[assignment] # its default
    told = bytes_topic(app, settings, chaos_topic("out"))
    table = state_table(app)

    async def count(stream: Any) -> None:
        async for event in stream.events():
            one = msgspec.json.decode(event.value, type=Counted)
            blob = table.get(event.key)
            state = msgspec.msgpack.decode(blob, type=State) if blob else State()
            one.dup = one.seq <= state.seq
            if not one.dup:
                state.seq, state.n = one.seq, state.n + 1
            one.n = state.n
            table[event.key] = msgspec.msgpack.encode(state)
            await told.send(key=event.key, value=msgspec.json.encode(one))

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

"""The processor's peer: a Faust agent with the same writes and sends, and no domain code.

The same fence, settings and broker; the table and the topics are written as Faust's manual says.
What it writes are the very bytes that the processor would: ``PEER_SCRIPT`` names a file with one
entry for each event of a miner, a state and the outputs that go with it.
"""

import os
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec

from minestream_runtime.health import Health
from minestream_runtime.metrics import counter
from minestream_runtime.service import run_service
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.topics import TOPICS
from processor.adapters.app import bytes_topic, make_app, state_table
from processor.settings import ProcessorSettings

Script = list[tuple[bytes, list[tuple[str, bytes]]]]
"""By event: the state, and the outputs with the names of their topics."""


def scripted() -> Script:
    """What to write and send."""
    return msgspec.msgpack.decode(Path(os.environ["PEER_SCRIPT"]).read_bytes(), type=Script)


async def work(settings: ProcessorSettings, _: Health) -> None:
    """Write and send until cancelled."""
    script = scripted()
    source = settings.model_copy(update={"topic_namespace": os.environ["PEER_SOURCE"]})
    app = make_app(settings)
    table = state_table(app)
    outputs = {topic.name: bytes_topic(app, settings, topic) for topic in TOPICS}
    done = counter("minestream_events_processed_total").labels(RAW_MINER.name)

    async def write(stream: Any) -> None:
        entries = cycle(script)
        async for event in stream.events():
            state, told = next(entries)
            table.get(event.key)
            table[event.key] = state
            for topic, value in told:
                await outputs[topic].send(key=event.key, value=value)
            done.inc()

    app.agent(bytes_topic(app, source, RAW_MINER), name="peer", concurrency=1)(write)
    await app.start()
    try:
        await app.wait_until_stopped()
    finally:
        await app.stop()


if __name__ == "__main__":
    run_service("processor", ProcessorSettings, work)

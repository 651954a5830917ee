"""The processor as it is, with one fault that a test asks for: run as a process of its own.

``PROCESSOR_FAULT``: ``dies-before-changelog`` ends it between the write to RocksDB and the
sending of the changelog; ``bug`` lets our code raise at the miner that is called ``poison``.
"""

import os
from typing import Any

from minestream_runtime.service import run_service
from minestream_schemas.raw import RawMiner
from processor.adapters import agents, sends
from processor.adapters.worker import work
from processor.settings import ProcessorSettings

FAULT = os.environ["PROCESSOR_FAULT"]

if FAULT == "dies-before-changelog":
    put = sends.StrictProducer.put

    async def die_instead(self: sends.StrictProducer, topic: str, **record: Any) -> None:
        if topic in self.app.tables.changelog_topics:
            os._exit(137)
        await put(self, topic, **record)

    sends.StrictProducer.put = die_instead  # type: ignore[method-assign]

if FAULT == "bug":
    apply = agents.RawAgent._apply

    async def fail(
        self: agents.RawAgent, key: bytes, partition: int, raw: RawMiner, span: Any = None
    ) -> Any:
        if raw.miner_id == "poison":
            raise ZeroDivisionError("a bug of ours")
        return await apply(self, key, partition, raw, span)

    agents.RawAgent._apply = fail  # type: ignore[method-assign]

run_service("processor", ProcessorSettings, work)

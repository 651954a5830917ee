"""Every record is in the lake once, whoever dies and whatever is full."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from tests.component.archiver.conftest import archiver, publish, start
from tests.component.archiver.polls import polls

from archiver.adapters.lake import Stage
from minestream_schemas.raw import RAW_MINER

if TYPE_CHECKING:
    from tests.component.archiver.conftest import Seen

    from archiver.settings import ArchiverSettings
    from minestream_runtime.kafka import Producer

DYING = str(Path(__file__).with_name("dying_archiver.py"))


async def test_an_archiver_killed_at_every_stage_loses_nothing_and_doubles_nothing(
    settings: ArchiverSettings, producer: Producer, lake: Seen
) -> None:
    count = 2000
    await publish(producer, RAW_MINER, *polls(count))
    small = settings.model_copy(update={"archive_file_rows": 4, "archive_batch_records": 25})
    for stage, nth in {stage: 1 if stage is Stage.TOLD else 10 for stage in Stage}.items():
        before = lake.places().total()
        child = await start(DYING, stage, str(nth), settings=small)
        assert await child.ended() == -signal.SIGKILL, f"{stage}: {child.said()}"
        found = lake.places()
        assert found.total() == len(found), f"{stage}: nothing twice"
        assert before < found.total() < count, f"{stage}: it died on its way"
    async with archiver(small):
        found = await lake.holds(count)
    assert found.total() == len(found) == count
    assert {(topic, generation) for topic, generation, _, _ in found} == {(RAW_MINER.name, 0)}

"""Nothing is lost and nothing doubled, whoever dies and whoever is away."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from tests.component.serving import becomes
from tests.component.severing import relay
from tests.component.timescale_sink.conftest import sink
from tests.component.timescale_sink.dying import dying
from tests.component.timescale_sink.events import NOW, reading

from minestream_devstack.supervision import STOP_WAIT_S
from minestream_runtime.database import Role, open_pool
from minestream_runtime.errors import PartitionLostError
from minestream_runtime.kafka import Partition
from minestream_schemas.telemetry import TELEMETRY, MinerTelemetry
from timescale_sink.adapters.store import Move, Stage, Store
from timescale_sink.domain.batch import Rows

if TYPE_CHECKING:
    from tests.component.conftest import Ask, Eventually, Tell

    from minestream_runtime.kafka import Producer
    from timescale_sink.settings import SinkSettings

_COUNT = "SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM telemetry.reading"


def _many(count: int, start: int = 0) -> list[MinerTelemetry]:
    return [
        reading(f"site-a-m{number % 7:02}", NOW - timedelta(seconds=600 - number))
        for number in range(start, start + count)
    ]


@pytest.mark.parametrize("stage", list(Stage))
async def test_a_sink_killed_at_any_stage_loses_nothing_and_doubles_nothing(  # noqa: PLR0917 - fixtures
    stage: Stage,
    settings: SinkSettings,
    tell: Tell,
    eventually: Eventually,
    ask: Ask,
    environment: dict[str, str],
) -> None:
    await tell(TELEMETRY, *_many(100))
    assert await dying(stage, 2, environment) == -signal.SIGKILL
    written = (await ask(_COUNT))[0]["n"]
    assert 0 < written < 100, "it died after its first transaction and before its last"
    async with sink(settings):
        rows = await eventually(_COUNT, until=lambda rows: rows[0]["n"] >= 100)
        assert rows == [{"n": 100, "ids": 100}]
        offsets = await ask(
            "SELECT sum(next_offset) AS n FROM telemetry.kafka_offset WHERE topic = %s",
            TELEMETRY.name,
        )
    assert offsets[0]["n"] == 100
    assert await ask("SELECT * FROM telemetry.dead_letter") == []


async def test_a_sink_killed_between_dead_letter_and_row_sets_the_record_aside_once(
    settings: SinkSettings,
    producer: Producer,
    eventually: Eventually,
    environment: dict[str, str],
) -> None:
    await producer.send(TELEMETRY, key=b"k", value=b"no json")
    child = await dying(Stage.BEFORE_COMMIT, 1, environment)
    assert child == -signal.SIGKILL
    letters = "SELECT kind FROM telemetry.dead_letter"
    async with sink(settings):
        await eventually(letters)
        await eventually(
            "SELECT sum(next_offset)::int AS n FROM telemetry.kafka_offset "
            "WHERE topic = 'minestream.dlq.timescale-sink.v1'",
            until=lambda rows: rows[0]["n"] == 2,  # it stands on the topic twice
        )
        assert await eventually(letters) == [{"kind": "schema"}]


async def test_a_sink_told_to_stop_stops_cleanly(
    topics: None,  # noqa: ARG001 - made first
    environment: dict[str, str],
    eventually: Eventually,
) -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "timescale_sink"),
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
    )
    await eventually("SELECT 1 FROM telemetry.kafka_offset")
    child.terminate()
    async with asyncio.timeout(STOP_WAIT_S):
        said, _ = await child.communicate()
    assert child.returncode == 0, said.decode()
    assert b"service_stopped" in said


async def test_two_sinks_share_the_partitions_and_one_takes_over_when_the_other_goes(
    settings: SinkSettings, tell: Tell, eventually: Eventually
) -> None:
    async with sink(settings):
        async with sink(settings):
            await tell(TELEMETRY, *_many(50))
            await eventually(_COUNT, until=lambda rows: rows[0]["n"] >= 50)
        await tell(TELEMETRY, *_many(50, start=50))
        rows = await eventually(_COUNT, until=lambda rows: rows[0]["n"] >= 100)
    assert rows == [{"n": 100, "ids": 100}]


async def test_a_sink_that_lost_its_partition_writes_nothing(
    settings: SinkSettings, ask: Ask
) -> None:
    partition = Partition(TELEMETRY.name, 0)
    async with open_pool(settings, Role.WRITER, name="test") as pool:
        zombie, heir = (Store(pool, group="g") for _ in range(2))
        held = (await zombie.offsets({partition: 5}))[partition]
        assert held == (await heir.offsets({partition: 0}))[partition] == 5
        await heir.write(Rows(), {partition: Move(held, 9)})
        with pytest.raises(PartitionLostError):
            await zombie.write(Rows(), {partition: Move(held, 7)})
        assert await zombie.offsets({partition: 0}) == {partition: 9}
    assert await ask("SELECT * FROM telemetry.reading") == []


async def test_a_database_that_is_away_loses_nothing_and_makes_no_dead_letter(
    settings: SinkSettings, tell: Tell, eventually: Eventually, ask: Ask, database_url: str
) -> None:
    async with (
        relay(database_url) as (relayed_url, switch),
        sink(settings.model_copy(update={"database_url": SecretStr(relayed_url)})) as health,
    ):
        await tell(TELEMETRY, *_many(20))
        await eventually(_COUNT, until=lambda rows: rows[0]["n"] == 20)
        assert await becomes(health, ready=True) == {}
        switch.cut()
        await tell(TELEMETRY, *_many(20, start=20))
        assert await becomes(health, ready=False) == {"writes": "store_unavailable"}
        await asyncio.sleep(2)
        switch.mend()
        await eventually(_COUNT, until=lambda rows: rows[0]["n"] == 40)
        assert await ask("SELECT * FROM telemetry.dead_letter") == []
        assert (await ask(_COUNT)) == [{"n": 40, "ids": 40}]
        assert await becomes(health, ready=True) == {}


async def test_many_writers_that_need_a_new_partition_at_once_make_it_once(
    settings: SinkSettings, ask: Ask
) -> None:
    async with open_pool(settings, Role.WRITER, name="test", most=8) as pool:

        async def ensure() -> None:
            async with pool.connection() as connection:
                await connection.execute(
                    "SELECT telemetry.ensure_partitions('reading', now(), now() + '20 days')"
                )

        await asyncio.gather(*(ensure() for _ in range(8)))
    ((found,),) = [
        tuple(row.values())
        for row in await ask(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry.reading'::regclass"
        )
    ]
    assert found in {0, 21}, "none where chunks make themselves"

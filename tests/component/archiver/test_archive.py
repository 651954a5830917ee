"""Every record is in the lake once, whoever dies and whatever is full."""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from tests.component.archiver.conftest import archiver, publish, ready, start
from tests.component.archiver.polls import NOW, polls, utc_now

from archiver.adapters.archiver import ARCHIVED
from archiver.adapters.lake import Stage
from minestream_devstack.ports import Ports
from minestream_devstack.supervision import STOP_WAIT_S
from minestream_runtime import semconv
from minestream_schemas.raw import RAW_MINER, RawMiner

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
        code, said = await child.ended()
        assert code == -signal.SIGKILL, f"{stage}: {said}"
        found = lake.places()
        assert found.total() == len(found), f"{stage}: nothing twice"
        assert before < found.total() < count, f"{stage}: it died on its way"
    async with archiver(small):
        found = await lake.holds(count)
    assert found.total() == len(found) == count
    assert {(topic, generation) for topic, generation, _, _ in found} == {(RAW_MINER.name, 0)}


async def test_a_full_disk_is_waited_for_and_nothing_is_lost(
    settings: ArchiverSettings, producer: Producer, lake: Seen
) -> None:
    port = Ports(settings.state_dir.with_name("ports")).claim("archiver", 0)
    child = await start(
        *("-m", "archiver"), settings=settings, more={"MINESTREAM_HEALTH_PORT": str(port)}
    )
    try:
        await publish(producer, RAW_MINER, *polls(200))
        await lake.holds(200)
        await ready(port, wanted=True)
        # files of nothing: what the kernel refuses then, it refuses on a full disk too
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        await publish(producer, RAW_MINER, *polls(200))
        assert await ready(port, wanted=False) == {"archives": "lake_unavailable"}
        assert lake.places().total() == 200
        resource.prlimit(
            child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )
        await ready(port, wanted=True)
        found = await lake.holds(400)
        assert found.total() == len(found) == 400
    finally:
        child.stop()
        code, said = await child.ended()
    assert code == 0, said
    assert "lake_unavailable" in said
    assert said.count("archiver_waits") == 1, "told once, not at each try"


async def test_two_archivers_share_the_partitions_and_one_goes_on_when_the_other_goes(
    settings: ArchiverSettings, producer: Producer, lake: Seen
) -> None:
    other = settings.model_copy(update={"instance": "1"})
    async with archiver(settings):
        async with archiver(other):
            await publish(producer, RAW_MINER, *polls(100))
            await lake.holds(100)
        await publish(producer, RAW_MINER, *polls(100))
        found = await lake.holds(200)
    assert found.total() == len(found) == 200


async def test_every_record_of_every_topic_is_kept_as_it_came_whatever_it_is(
    settings: ArchiverSettings, producer: Producer, lake: Seen
) -> None:
    odd = [b"no json", b"\xff\x00", None, b"", b'{"polled_at": "2026-01-01T00:00:00Z"}']
    await publish(producer, RAW_MINER, *polls(3))
    for topic in ARCHIVED:
        for value in odd:
            await producer.send(topic, key=b"odd", value=value, headers=[("h", b"\xfe")])
    async with archiver(settings):
        await lake.holds(3 + len(odd) * len(ARCHIVED))
    for topic in ARCHIVED:
        rows = [row for row in lake.rows(topic.subject) if row["key"] == b"odd"]
        assert [row["value"] for row in sorted(rows, key=lambda row: row["offset"])] == odd
        assert {row["source"] for row in rows} == {"unreadable"}
        assert {row["date"] for row in rows} <= {f"{at:%Y-%m-%d}" for at in (NOW, utc_now())}
        assert {tuple(row["headers"]) for row in rows} == {(("h", b"\xfe"),)}
    sound = [row for row in lake.rows() if row["source"] == "vnish"]
    assert {RawMiner.from_json(row["value"]).event_id for row in sound} == {
        poll.event_id for poll in polls(3)
    }


async def test_the_trace_of_a_poll_leads_into_the_lake(
    settings: ArchiverSettings, producer: Producer, lake: Seen, tmp_path: Path
) -> None:
    (poll,) = polls(1)
    parent = "c" * 16
    traceparent = f"00-{poll.event_id.hex}-{parent}-01".encode()
    await producer.publish(RAW_MINER, poll, headers=[("traceparent", traceparent)])
    child = await start(
        *("-m", "archiver"), settings=settings, more={"MINESTREAM_TRACE_FOLDER": str(tmp_path)}
    )
    await lake.holds(1)
    child.stop()
    code, said = await child.ended(within_s=STOP_WAIT_S)
    assert code == 0, said
    name = f"archive {RAW_MINER.name}"
    spans = [json.loads(line) for line in (tmp_path / "archiver-0.jsonl").read_text().splitlines()]
    (one,) = [span for span in spans if span["trace_id"] == poll.event_id.hex]
    assert (one["name"], one["parent_id"]) == (name, parent)
    assert one["attributes"][semconv.EVENT_ID] == str(poll.event_id)
    (batch,) = [span for span in spans if span["trace_id"] != poll.event_id.hex]
    assert batch["name"] == name
    assert batch["attributes"][semconv.MESSAGING_BATCH] == 1
    assert batch["links"] == [poll.event_id.hex]

"""Records that cannot become rows: set aside whole, and nobody else waits."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.component.timescale_sink.events import NOW, chips, gap, raw, reading

from minestream_runtime.kafka import Consumer, Record
from minestream_schemas.dead_letter import DeadLetterHeader, dead_letter_topic
from minestream_schemas.gap import GAP
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.telemetry import CHIPS, TELEMETRY, BoardChips

if TYPE_CHECKING:
    from tests.component.conftest import Ask, Eventually, Tell

    from minestream_runtime.kafka import Producer
    from timescale_sink.settings import SinkSettings

pytestmark = pytest.mark.usefixtures("running")

OURS = dead_letter_topic("timescale-sink")
_LETTERS = "SELECT * FROM telemetry_v1.dead_letter ORDER BY source_offset"


async def _published(settings: SinkSettings, count: int) -> list[Record]:
    found: list[Record] = []
    async with Consumer(settings, [OURS]) as consumer:
        for _ in range(50):
            found += await consumer.records(wait_s=0.5)
            if len(found) >= count:
                break
    return found


async def test_a_record_that_no_schema_accepts_is_on_the_topic_and_in_the_table_untouched(
    settings: SinkSettings, producer: Producer, tell: Tell, eventually: Eventually
) -> None:
    await producer.send(
        TELEMETRY, key=b"k\x00\xff", value=b"\xff{not json\x00", headers=[("own", b"\x00\xfe")]
    )
    await tell(TELEMETRY, reading("site-a-r01-s01", NOW))
    (letter,) = await eventually(_LETTERS)
    await eventually("SELECT 1 FROM telemetry.reading")
    assert letter["service"] == "timescale-sink"
    assert letter["source_topic"] == TELEMETRY.name
    assert letter["kind"] == "schema"
    assert bytes(letter["key"]) == b"k\x00\xff"
    assert bytes(letter["value"]) == b"\xff{not json\x00"
    assert letter["headers"] == {"own": "\\x00\\xfe"}
    (record,) = await _published(settings, 1)
    assert record.value == b"\xff{not json\x00"
    assert record.headers["own"] == b"\x00\xfe"
    assert record.headers[DeadLetterHeader.KIND] == b"schema"
    assert record.headers[DeadLetterHeader.OFFSET] == str(letter["source_offset"]).encode()


async def test_rows_that_the_database_refuses_are_found_and_all_others_written(
    tell: Tell, eventually: Eventually, ask: Ask
) -> None:
    at = [NOW - timedelta(seconds=number) for number in range(64)]
    events = [reading(f"site-a-r01-s{number % 5:02}", at[number]) for number in range(64)]
    events[17] = reading("site-a-r01-s02", at[17], worker="nul\x00worker")
    events[40] = reading("site-a-r01-s00", at[40], evidence={"unit": "\x00"})
    await tell(TELEMETRY, *events)
    letters = await eventually(_LETTERS, until=lambda rows: len(rows) == 2)
    assert {letter["kind"] for letter in letters} == {"store"}
    await eventually(
        "SELECT count(*) AS n FROM telemetry.reading", until=lambda rows: rows[0]["n"] == 62
    )
    written = {row["event_id"] for row in await ask("SELECT event_id FROM telemetry.reading")}
    assert written == {event.event_id for event in events} - {
        events[17].event_id,
        events[40].event_id,
    }


async def test_numbers_and_texts_that_no_column_holds_stop_nobody(
    producer: Producer, tell: Tell, eventually: Eventually, ask: Ask
) -> None:
    beyond = chips("site-a-r01-s01", NOW).model_copy(
        update={"boards": (BoardChips(slot=1, errors_total=(2**70,)),)}
    )
    long = gap(secrets.token_urlsafe(9000), NOW)
    await tell(CHIPS, beyond)
    await tell(GAP, long, gap("site-a-r01-s01", NOW))
    await producer.send(
        dead_letter_topic("processor"),
        key=None,
        value=b"{}",
        headers=[
            (DeadLetterHeader.TOPIC.value, secrets.token_urlsafe(9000).encode()),
            (DeadLetterHeader.PARTITION.value, b"0"),
            (DeadLetterHeader.OFFSET.value, b"0"),
        ],
    )
    await tell(TELEMETRY, reading("site-a-r01-s01", NOW))
    letters = await eventually(_LETTERS, until=lambda rows: len(rows) == 3)
    assert {letter["kind"] for letter in letters} == {"store"}
    await eventually("SELECT 1 FROM telemetry.reading")
    assert await ask("SELECT subject FROM telemetry.gap") == [{"subject": "site-a-r01-s01"}]


async def test_events_of_another_time_are_set_aside_by_what_their_table_keeps(
    tell: Tell, eventually: Eventually
) -> None:
    old, ahead = NOW - timedelta(days=31), NOW + timedelta(days=2)
    within = NOW - timedelta(days=29)
    await tell(TELEMETRY, reading("site-a-r01-s01", old), reading("site-a-r01-s01", ahead))
    await tell(TELEMETRY, reading("site-a-r01-s01", within))
    await tell(RAW_MINER, raw("site-a-r01-s01", NOW - timedelta(days=8)))
    letters = await eventually(_LETTERS, until=lambda rows: len(rows) == 3)
    assert sorted((letter["source_topic"], letter["kind"]) for letter in letters) == [
        (RAW_MINER.name, "too_old"),
        (TELEMETRY.name, "too_new"),
        (TELEMETRY.name, "too_old"),
    ]
    rows = await eventually("SELECT ts FROM telemetry.reading")
    assert rows == [{"ts": within}]


async def test_a_dead_letter_of_another_service_becomes_a_row_once(
    producer: Producer, eventually: Eventually, tell: Tell
) -> None:
    theirs = dead_letter_topic("processor")
    headers = [
        (DeadLetterHeader.TOPIC.value, b"minestream.raw.miner.v1"),
        (DeadLetterHeader.PARTITION.value, b"3"),
        (DeadLetterHeader.OFFSET.value, b"99"),
        (DeadLetterHeader.KIND.value, b"bug"),
        (DeadLetterHeader.REASON.value, b"ValueError"),
        (DeadLetterHeader.AT.value, NOW.isoformat().encode()),
    ]
    for _ in range(2):
        await producer.send(theirs, key=None, value=b"{}", headers=headers)
    await producer.send(theirs, key=b"k", value=None, headers=[("odd", b"")])
    letters = await eventually(_LETTERS, until=lambda rows: len(rows) == 2)
    assert (
        letters[1]
        | {
            "service": "processor",
            "source_topic": "minestream.raw.miner.v1",
            "source_partition": 3,
            "source_offset": 99,
            "kind": "bug",
            "at": NOW,
        }
        == letters[1]
    )
    assert letters[0]["kind"] == "unknown"
    await tell(TELEMETRY, reading("site-a-r01-s01", NOW))
    await eventually("SELECT 1 FROM telemetry.reading")

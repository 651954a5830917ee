"""What becomes of good events."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.component.timescale_sink.events import NOW, chips, gap, raw, reading, silence

from minestream_schemas.gap import GAP
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.telemetry import CHIPS, TELEMETRY

if TYPE_CHECKING:
    from tests.component.conftest import Ask, Eventually, Tell


@pytest.mark.usefixtures("running")
async def test_a_reading_becomes_a_row_with_all_its_fields_and_one_per_board(
    tell: Tell, eventually: Eventually, ask: Ask
) -> None:
    sent = reading(
        "site-a-r01-s01", NOW, error_codes=("E1",), evidence={"unit": "TH/s"}, worker="rig.1"
    )
    await tell(TELEMETRY, sent)
    (row,) = await eventually("SELECT * FROM telemetry_v1.reading")
    expected = sent.model_dump(exclude={"boards"})
    assert {name: row[name] for name in expected} == {
        name: list(value) if isinstance(value, tuple) else value for name, value in expected.items()
    }
    boards = await ask("SELECT * FROM telemetry_v1.board ORDER BY slot")
    assert [(b["slot"], b["hashrate_hs"], b["chips_ok"]) for b in boards] == [
        (1, 4.7e13, 76),
        (2, 4.8e13, 75),
    ]


@pytest.mark.usefixtures("running")
async def test_the_latest_row_is_the_newest_reading_and_knows_when_numbers_were_last_said(
    tell: Tell, eventually: Eventually
) -> None:
    miner = "site-a-r01-s02"
    await tell(TELEMETRY, reading(miner, NOW), silence(miner, NOW + timedelta(seconds=10)))
    await tell(TELEMETRY, reading(miner, NOW + timedelta(seconds=5), quality_flags=("late",)))
    await eventually("SELECT 1 FROM telemetry.reading", until=lambda rows: len(rows) == 3)
    (row,) = await eventually("SELECT * FROM telemetry_v1.latest")
    assert row["ts"] == NOW + timedelta(seconds=10)
    assert row["status"] == "offline"
    assert row["hashrate_hs"] is None
    assert row["boards"] == []
    assert row["answered_at"] == NOW + timedelta(seconds=5)


@pytest.mark.usefixtures("running")
async def test_the_latest_row_shows_the_boards_in_our_names(
    tell: Tell, eventually: Eventually
) -> None:
    await tell(TELEMETRY, reading("site-a-r01-s03", NOW))
    (row,) = await eventually("SELECT boards FROM telemetry_v1.latest")
    assert row["boards"][0] == {
        "slot": 1,
        "hashrate_hs": 4.7e13,
        "chips_ok": 76,
        "chips_total": 76,
    }


@pytest.mark.usefixtures("running")
async def test_an_event_that_comes_twice_is_one_row(
    tell: Tell, eventually: Eventually, ask: Ask
) -> None:
    one, other = reading("site-a-r01-s01", NOW), reading("site-a-r01-s04", NOW)
    await tell(TELEMETRY, one, one)
    await tell(TELEMETRY, one, other)
    await eventually("SELECT 1 FROM telemetry.reading WHERE miner_id = 'site-a-r01-s04'")
    await eventually("SELECT 1 FROM telemetry.reading WHERE miner_id = 'site-a-r01-s01'")
    assert (await ask("SELECT count(*) AS n FROM telemetry.reading"))[0]["n"] == 2
    assert (await ask("SELECT count(*) AS n FROM telemetry.board"))[0]["n"] == 4


@pytest.mark.usefixtures("running")
async def test_a_raw_event_is_kept_as_it_came_even_with_an_escaped_nul(
    tell: Tell, eventually: Eventually
) -> None:
    sent = raw("site-a-r01-s05", NOW)
    await tell(RAW_MINER, sent)
    (row,) = await eventually("SELECT * FROM telemetry_v1.raw_event")
    assert row["event"].encode() == sent.to_json()
    assert row["miner_id"] == sent.miner_id
    assert row["polled_at"] == NOW


@pytest.mark.usefixtures("running")
async def test_chips_are_one_row_per_board_with_an_array_per_number(
    tell: Tell, eventually: Eventually
) -> None:
    await tell(CHIPS, chips("site-a-r01-s06", NOW))
    rows = await eventually("SELECT * FROM telemetry_v1.chip_sample ORDER BY slot")
    assert [row["slot"] for row in rows] == [1, 2]
    assert rows[0]["temp_c"] == [60.0, None, 61.5]
    assert rows[0]["errors_total"] == [0, 2, None]
    assert rows[1]["temp_c"] == []


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("first", ["opening", "closing"])
async def test_a_gap_ends_closed_in_whatever_order_it_is_told(
    tell: Tell, eventually: Eventually, first: str
) -> None:
    miner = "site-a-r01-s07"
    opening = gap(miner, NOW, lost=3)
    closing = gap(miner, NOW, lasted=timedelta(seconds=90))
    tellings = (opening, closing) if first == "opening" else (closing, opening)
    for telling in tellings:
        await tell(GAP, telling)
        await eventually(
            "SELECT 1 FROM telemetry.kafka_offset WHERE topic LIKE '%%gap%%' AND next_offset > %s",
            tellings.index(telling),
        )
    (row,) = await eventually("SELECT * FROM telemetry_v1.gap")
    assert row["ended_at"] == NOW + timedelta(seconds=90)
    assert row["event_id"] == closing.event_id
    assert row["lost_total"] == 3

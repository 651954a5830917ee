"""Who tells of a gap tells the same one each time."""

from datetime import UTC, datetime

from minestream_schemas.gap import GapCause, gap_id_of, gap_of

AT = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 15, tzinfo=UTC)


def test_a_gap_is_told_twice_with_one_id_and_each_telling_has_its_own() -> None:
    opened = gap_of("market/simple_price", GapCause.SOURCE_SILENT, AT, reported_by="market-0")
    closed = gap_of("market/simple_price", GapCause.SOURCE_SILENT, AT, LATER, reported_by="another")
    assert opened.gap_id == closed.gap_id
    assert opened.event_id != closed.event_id
    assert (opened.cause, opened.began_at, opened.ended_at) == (GapCause.SOURCE_SILENT, AT, None)
    assert (closed.subject, closed.ended_at) == ("market/simple_price", LATER)


def test_another_subject_cause_or_beginning_is_another_gap() -> None:
    ids = {
        gap_id_of("m-1", GapCause.MINER_SILENT, AT),
        gap_id_of("m-2", GapCause.MINER_SILENT, AT),
        gap_id_of("m-1", GapCause.COLLECTOR_DOWN, AT),
        gap_id_of("m-1", GapCause.MINER_SILENT, LATER),
    }
    assert len(ids) == 4
    assert (
        str(gap_id_of("m-1", GapCause.MINER_SILENT, AT)) == "00d8c80e-8c3d-5445-a27a-bd1c3862b49c"
    )

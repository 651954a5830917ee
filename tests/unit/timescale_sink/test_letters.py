from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from minestream_schemas.dead_letter import DeadLetterHeader, dead_letter_headers
from timescale_sink.domain.letters import legible, letter_from
from timescale_sink.domain.source import Letter, Source

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLACE = Source("minestream.dlq.processor.v1", 0, 41)


@given(st.binary())
def test_any_bytes_become_text_that_a_database_takes(raw: bytes) -> None:
    text = legible(raw)
    assert "\x00" not in text
    assert text.encode().decode() == text


def test_a_letter_read_from_its_own_headers_is_the_same_letter() -> None:
    letter = Letter(
        service="processor",
        source=Source("minestream.raw.miner.v1", 7, 99),
        kind="bug",
        reason="ValueError in parse",
        at=AT,
        key=b"k",
        value=b"v",
        headers={"traceparent": "00-1"},
    )
    headers = {"traceparent": b"00-1"} | dead_letter_headers(
        topic=letter.source.topic,
        partition=letter.source.partition,
        offset=letter.source.offset,
        kind=letter.kind,
        reason=letter.reason,
        at=letter.at,
    )
    assert all(type(name) is str for name in headers), "Kafka's client takes no other"
    assert letter_from(place=PLACE, key=b"k", value=b"v", headers=headers, at=None) == letter


@given(
    st.dictionaries(st.sampled_from([h.value for h in DeadLetterHeader]) | st.text(), st.binary())
)
def test_a_foreign_dead_letter_is_read_whatever_it_says(headers: dict[str, bytes]) -> None:
    letter = letter_from(place=PLACE, key=None, value=None, headers=headers, at=AT)
    assert letter.service == "processor"
    assert letter.at.tzinfo is not None

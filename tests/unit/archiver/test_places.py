from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.domain.places import (
    FIELDS,
    UNREADABLE,
    Envelope,
    Name,
    Place,
    archived,
    place_of,
    slug,
)
from minestream_schemas.market import RAW_MARKET
from minestream_schemas.pool import RAW_POOL
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.telemetry import TELEMETRY
from minestream_schemas.topics import TOPICS

AT = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)


def envelope(at: datetime = AT, source: str = "vnish") -> Envelope:
    return Envelope("0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11", at, "site-a-m001", source)


def test_the_topics_are_those_whose_registration_names_the_archiver() -> None:
    assert archived(TOPICS) == (RAW_MINER, RAW_POOL, RAW_MARKET)
    assert archived([TELEMETRY]) == ()


def test_every_archived_topic_tells_its_time_and_source_in_fields_that_exist() -> None:
    for topic in archived(TOPICS):
        fields = FIELDS[topic.event]
        assert {fields.at, fields.source, topic.key} <= set(topic.event.model_fields)


def test_a_record_lies_under_its_source_and_its_own_day() -> None:
    place = place_of("raw.miner", envelope(), kafka_at=AT + timedelta(days=3))
    assert str(place.folder) == "raw.miner/source=vnish/date=2026-11-21"


def test_a_day_is_a_day_in_utc() -> None:
    at = datetime(2026, 11, 21, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert place_of("raw.miner", envelope(at), None).day == date(2026, 11, 22)


def test_a_record_that_says_nothing_lies_under_the_day_on_which_kafka_got_it() -> None:
    assert place_of("raw.pool", None, AT) == Place("raw.pool", UNREADABLE, date(2026, 11, 21))
    assert place_of("raw.pool", None, None).day == date(1970, 1, 1)


@pytest.mark.parametrize(
    ("said", "safe"),
    [
        ("vnish", "vnish"),
        ("Vnish 1.2", "vnish-1-2"),
        ("../../etc/passwd", "etc-passwd"),
        ("a=b/date=x", "a-b-date-x"),
        ("", "unknown"),
        ("\x00\u2603", "unknown"),
        ("x" * 300, "x" * 63),
    ],
)
def test_a_sources_name_is_safe_in_a_path(said: str, safe: str) -> None:
    assert slug(said) == safe


@given(st.text())
def test_no_sources_name_leaves_its_folder(said: str) -> None:
    folder = place_of("raw.miner", envelope(source=said), None).folder
    assert len(folder.parts) == 3
    assert all(part.isascii() and len(part) < 100 and ".." not in part for part in folder.parts)


@given(
    st.integers(0, 10**6), st.integers(0, 99), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1)
)
def test_a_files_name_tells_topic_partition_generation_and_offsets(
    partition: int, generation: int, first: int, last: int
) -> None:
    name = Name("minestream.raw.miner.v1", partition, generation, first, last)
    assert Name.read(name.text) == name


def test_a_name_of_the_first_generation_says_nothing_of_generations() -> None:
    text = "minestream.raw.miner.v1-p3-0-99.parquet"
    assert Name("minestream.raw.miner.v1", 3, 0, 0, 99).text == text
    assert Name.read("other.parquet") is None

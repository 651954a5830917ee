"""``minestream topics``: names, words and records as a person reads them."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import pytest

from minestream_runtime.command.topics import decoded, find, kept, type_name
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.kafka import Partition, Record
from minestream_schemas.inventory import INVENTORY
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.tick import TICKS


def record(value: bytes | None) -> Record:
    at_ms = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
    return Record(Partition(INVENTORY.name, 3), 7, b"site-a-r01-s03", value, {}, at_ms)


@pytest.mark.parametrize("name", ["raw.miner", "minestream.raw.miner.v1"])
def test_a_topic_is_found_by_subject_and_by_name(name: str) -> None:
    assert find(name) is RAW_MINER


def test_an_unknown_topic_is_answered_with_what_is_close_or_with_all() -> None:
    with pytest.raises(ConfigurationError, match=r"did you mean telemetry"):
        find("telemetri")
    with pytest.raises(ConfigurationError, match=r"there are inventory, detected, raw\.miner"):
        find("zzzzzz")


def test_retention_is_told_in_words() -> None:
    assert kept(RAW_MINER) == "7 d"
    assert kept(TICKS) == "1 h"
    assert kept(INVENTORY) == "last of each key"


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "int"),
        (str | None, "str | None"),
        (Annotated[str | None, "constraint"], "str | None"),
        (dict[str, int], "dict[str, int]"),
        (Literal["a", "b"], "'a' | 'b'"),
    ],
)
def test_types_are_written_as_people_write_them(annotation: object, words: str) -> None:
    assert type_name(annotation) == words


def test_a_record_shows_where_it_lies_and_its_event() -> None:
    value = b'{"miner_id":"site-a-r01-s03","site_id":"site-a","address":"10.0.0.12:80"}'
    shown = decoded(INVENTORY, record(value))
    assert (shown["partition"], shown["offset"], shown["key"]) == (3, 7, "site-a-r01-s03")
    assert shown["at"] == "2026-01-01T00:00:00.000+00:00"
    assert shown["event"]["address"] == "10.0.0.12:80"


def test_a_removal_and_a_foreign_record_are_shown_for_what_they_are() -> None:
    assert decoded(INVENTORY, record(None))["event"] is None
    foreign = decoded(INVENTORY, record(b"\x00not json"))
    assert "event" not in foreign
    assert foreign["fault"]


def test_a_record_without_a_time_is_shown_without_one() -> None:
    assert decoded(INVENTORY, record(None)._replace(at_ms=2**63 - 1))["at"] is None

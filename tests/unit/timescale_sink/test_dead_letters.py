from datetime import UTC, datetime

import pytest

from minestream_runtime.errors import BugError, DeadLetterLimitError, unit_of_work
from minestream_runtime.kafka import Partition, Producer, Record
from minestream_runtime.settings import Settings
from minestream_schemas.dead_letter import DeadLetterKind
from timescale_sink.adapters.dead_letters import DeadLetters
from timescale_sink.domain.source import Fault

RECORD = Record(Partition("minestream.telemetry.v1", 0), 5, None, b"{}", {}, 0)
AT = datetime(2026, 1, 1, tzinfo=UTC)


def _letters(limit: int) -> DeadLetters:
    return DeadLetters(Producer(Settings()), service="timescale-sink", bug_limit=limit)


def test_only_bugs_count_towards_the_limit_that_stops_the_service() -> None:
    letters = _letters(2)
    for kind in set(DeadLetterKind) - {DeadLetterKind.BUG}:
        letters.count([(RECORD, Fault(kind, "r"))] * 5)
    letters.count([(RECORD, Fault(DeadLetterKind.BUG, "r"))])
    with pytest.raises(DeadLetterLimitError):
        letters.count([(RECORD, Fault(DeadLetterKind.BUG, "r"))])


def test_a_bug_is_named_by_type_and_place_and_never_by_the_data_at_hand() -> None:
    with pytest.raises(BugError, match=r"^KeyError at .*:\d+$") as caught, unit_of_work():
        raise KeyError("SECRET")
    assert "SECRET" not in str(caught.value)

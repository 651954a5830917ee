"""Records that break our contract, and records at which our code breaks."""

import asyncio
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from faust.exceptions import ProducerSendError

from minestream_runtime.errors import (
    BrokerUnavailableError,
    ConfigurationError,
    PayloadInvalidError,
    RecordTooLargeError,
)
from minestream_schemas.event import Topic
from minestream_schemas.raw import MAX_EVENT_BYTES, RawMiner
from processor.adapters.faults import Guard, Tries
from processor.adapters.polls import read


class Ended(BaseException):
    """The process would have ended."""


class StandingClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


class KeptProducer:
    """Takes records and keeps them; raises what it is told to first."""

    def __init__(self) -> None:
        self.sent: list[SimpleNamespace] = []
        self.faults: list[Exception] = []

    async def send(
        self, topic: Topic, *, key: bytes | None, value: bytes | None, headers: Any = ()
    ) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append(SimpleNamespace(topic=topic, key=key, value=value, headers=dict(headers)))


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    codes: list[int] = []

    def end(code: int) -> NoReturn:
        if not isinstance(sys.exc_info()[1], Ended):  # the first call would not have returned
            codes.append(code)
        raise Ended

    monkeypatch.setattr(os, "_exit", end)
    return codes


class World:
    """A guard, and what it touches; ``guard()`` is the guard of the process started next."""

    def __init__(self, folder: Path) -> None:
        self.clock = StandingClock()
        self.producer = KeptProducer()
        self._file = folder / "tries.json"

    def guard(self, bug_limit: int = 100) -> Guard:
        producer: Any = self.producer
        tries = Tries(self._file)
        return Guard(producer, tries, self.clock, most_tries=3, bug_limit=bug_limit)


@pytest.fixture
def world(tmp_path: Path, exits: list[int]) -> World:
    assert exits == []
    return World(tmp_path)


def message(offset: int = 7) -> SimpleNamespace:
    return SimpleNamespace(
        topic="raw", partition=3, offset=offset, key=b"k", value=b"v", headers=[("h", b"1")]
    )


def raising(exc: BaseException) -> Callable[[Any], Any]:
    async def body(_: Any) -> None:
        raise exc

    return body


async def test_a_record_that_no_schema_accepts_is_set_aside_at_once_and_untouched(
    world: World, exits: list[int]
) -> None:
    await world.guard().around(message(), raising(PayloadInvalidError("key: missing")), None)
    (letter,) = world.producer.sent
    assert letter.topic.name == "minestream.dlq.processor.v1"
    assert (letter.key, letter.value, letter.headers["h"]) == (b"k", b"v", b"1")
    assert letter.headers["dlq-kind"] == b"schema"
    assert letter.headers["dlq-offset"] == b"7"
    assert letter.headers["dlq-reason"] == b"key: missing"
    assert exits == []


async def test_a_bug_ends_the_process_twice_and_sets_the_record_aside_the_third_time(
    world: World, exits: list[int]
) -> None:
    for _ in range(2):
        with pytest.raises(Ended):
            await world.guard().around(message(), raising(KeyError("x")), None)
        assert world.producer.sent == []
    await world.guard().around(message(), raising(KeyError("x")), None)
    assert exits == [70, 70]
    (letter,) = world.producer.sent
    assert letter.headers["dlq-kind"] == b"bug"
    assert letter.headers["dlq-reason"] == b"KeyError: 'x'"


@pytest.mark.parametrize(
    "exc",
    [
        ProducerSendError("timed out"),
        BrokerUnavailableError("away"),
        ConfigurationError("a later processor has kept it"),
        asyncio.CancelledError(),
    ],
)
async def test_what_is_not_the_records_fault_ends_the_process_and_counts_no_try(
    world: World, exits: list[int], exc: BaseException
) -> None:
    for _ in range(5):
        with pytest.raises(Ended):
            await world.guard().around(message(), raising(exc), None)
    assert exits == [70] * 5
    assert world.producer.sent == []


async def test_a_disk_that_keeps_no_tries_ends_the_process_too(
    world: World, exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> NoReturn:
        raise OSError(28, "no space left")

    monkeypatch.setattr(Tries, "failed", full)
    with pytest.raises(Ended):
        await world.guard().around(message(), raising(KeyError("x")), None)
    assert exits == [70]


async def test_the_tries_of_one_record_are_not_those_of_another(world: World) -> None:
    for offset in (1, 2, 3, 4):
        with pytest.raises(Ended):
            await world.guard().around(message(offset), raising(KeyError("x")), None)
    assert world.producer.sent == []


async def test_more_bugs_in_an_hour_than_the_limit_stop_the_service(
    world: World, exits: list[int]
) -> None:
    async def fail_for_good(offset: int) -> None:
        for _ in range(2):
            with pytest.raises(Ended):
                await world.guard(2).around(message(offset), raising(KeyError("x")), None)
        await world.guard(2).around(message(offset), raising(KeyError("x")), None)

    await fail_for_good(1)
    world.clock.at += timedelta(hours=2)
    await fail_for_good(2)
    await fail_for_good(3)
    exits.clear()
    with pytest.raises(Ended):
        await fail_for_good(4)
    assert exits[-1] == 70


async def test_schema_errors_do_not_count_towards_that_limit(
    world: World, exits: list[int]
) -> None:
    guard = world.guard(1)
    for offset in range(5):
        await guard.around(message(offset), raising(PayloadInvalidError("x")), None)
    assert exits == []


async def test_a_letter_waits_while_kafka_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(_: float) -> None:
        world.clock.at += timedelta(seconds=1)

    monkeypatch.setattr("processor.adapters.faults.asyncio.sleep", at_once)
    world.producer.faults = [BrokerUnavailableError("away")] * 5
    await world.guard().around(message(), raising(PayloadInvalidError("x")), None)
    assert len(world.producer.sent) == 1


async def test_kafka_away_for_too_long_ends_the_process_before_the_record_is_acknowledged(
    world: World, exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(_: float) -> None:
        world.clock.at += timedelta(seconds=10)

    monkeypatch.setattr("processor.adapters.faults.asyncio.sleep", at_once)
    world.producer.faults = [BrokerUnavailableError("away")] * 100
    with pytest.raises(Ended):
        await world.guard().around(message(), raising(PayloadInvalidError("x")), None)
    assert exits == [70]


async def test_a_record_too_large_even_for_its_letter_is_set_aside_by_its_beginning(
    world: World,
) -> None:
    world.producer.faults = [RecordTooLargeError("20 MB")]
    huge = message()
    huge.value = b"x" * (20 * 1024 * 1024)
    await world.guard().around(huge, raising(PayloadInvalidError("x")), None)
    assert len(world.producer.sent[0].value) == 1024 * 1024


@pytest.mark.parametrize(
    "value", [None, b"", b"\0" * 40, b"[]", b'{"miner_id": ', b"x" * (MAX_EVENT_BYTES + 1)]
)
def test_what_is_no_event_cannot_be_read(value: bytes | None) -> None:
    with pytest.raises(PayloadInvalidError):
        read(RawMiner, value)


def test_a_reason_names_fields_and_never_what_was_in_them() -> None:
    with pytest.raises(PayloadInvalidError) as caught:
        read(RawMiner, b'{"miner_id": "SECRET", "status": "SECRET"}')
    assert "miner_id" in str(caught.value)
    assert "SECRET" not in str(caught.value)

"""The clock's adapter: when ticks are made, and when each may apply."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from minestream_runtime.errors import ConfigurationError
from minestream_schemas.tick import Tick
from minestream_schemas.window import TelemetryWindow
from processor.adapters.agents import TickAgent
from processor.adapters.state_codec import encode
from processor.adapters.ticks import Dues, Progress, Ticker, Waiting
from processor.domain.miner_state import to_us
from processor.domain.step import Reading, Rules, step
from processor.domain.step import tick as tick_once

AT = datetime(2026, 1, 1, tzinfo=UTC)


def tick(end: int, second: int = 0) -> Tick:
    return Tick(partition="4", at=AT + timedelta(seconds=second), raw_end_offset=end)


def test_a_tick_is_not_ripe_before_its_offset_is_reached() -> None:
    waiting = Waiting()
    waiting.add(4, tick(10))
    assert waiting.ripe(4, 9) is None
    assert waiting.ripe(4, 10) == tick(10)
    assert waiting.ripe(4, 10) is None


def test_the_latest_ripe_tick_stands_for_those_before_it() -> None:
    waiting = Waiting()
    for second, end in enumerate((10, 10, 12, 20)):
        waiting.add(4, tick(end, second))
    assert waiting.ripe(4, 15) == tick(12, 2)
    assert waiting.ripe(4, 15) is None
    assert waiting.ripe(4, 20) == tick(20, 3)


def test_under_a_lasting_backlog_the_oldest_ticks_are_kept_so_that_one_ripens() -> None:
    waiting = Waiting()
    for number in range(1000):
        waiting.add(4, tick(number))
    assert waiting.ripe(4, 0) == tick(0)


def test_progress_is_where_reading_began_until_a_record_has_been_dealt_with() -> None:
    begun: dict[int, int] = {}
    progress = Progress(begun.get)
    assert progress.done(4) is None
    begun[4] = 0
    assert progress.done(4) == 0
    progress.reach(4, 12)
    assert progress.done(4) == 12
    progress.forget()
    assert progress.done(4) == 0


def test_only_the_miners_of_a_partition_that_are_due_are_named(
    reading: Callable[..., Reading],
) -> None:
    rules = Rules(window_s=10, grace_s=5)
    early = step(None, reading(1, interval_s=1), rules).state
    later = step(None, reading(500, interval_s=1), rules).state
    asked: list[int] = []

    def stored(partition: int) -> Iterable[tuple[bytes, bytes]]:
        asked.append(partition)
        return [(b"early", encode(early)), (b"later", encode(later))]

    dues = Dues(rules, stored, lambda _: False)
    at_us = to_us(AT + timedelta(seconds=100))
    assert dues.at(4, at_us) == [b"early"]
    dues.note(4, b"early", later)
    dues.note(4, b"later", early)
    assert dues.at(4, at_us) == [b"later"]
    assert asked == [4]
    dues.forget()
    assert dues.at(4, at_us) == [b"early"]


def test_a_removed_miner_is_due_at_once_and_when_the_states_are_read_anew(
    reading: Callable[..., Reading],
) -> None:
    rules = Rules(window_s=10, grace_s=5)
    state = step(None, reading(500, interval_s=60), rules).state
    removed: set[bytes] = set()
    dues = Dues(rules, lambda _: [(b"gone", encode(state))], removed.__contains__)
    assert dues.at(4, 0) == []
    removed.add(b"gone")
    dues.note_removed(b"gone")
    dues.note_removed(b"never-polled")
    assert dues.at(4, 0) == [b"gone"]
    dues.forget()
    assert dues.at(4, 0) == [b"gone"]
    dues.note(4, b"gone", tick_once(state, 0, rules, removed=True).state)
    assert dues.at(4, 0) == []


class KeptBroker:
    """Says what it is told and keeps what it is given."""

    def __init__(self, ends: Mapping[int, int]) -> None:
        self.all_ends = ends
        self.sent: list[tuple[int, Tick]] = []

    def owned(self) -> frozenset[int]:
        return frozenset(self.all_ends)

    async def ends(self, partitions: Iterable[int]) -> Mapping[int, int]:
        return {number: self.all_ends[number] for number in partitions}

    async def send_tick(self, partition: int, tick: Tick) -> None:
        self.sent.append((partition, tick))


class StandingClock:
    """A clock that stands."""

    def now(self) -> datetime:
        return AT

    def monotonic(self) -> float:
        return 5.0


async def test_each_owned_partition_gets_a_tick_with_raws_end_and_the_lag_is_known() -> None:
    broker = KeptBroker({2: 30, 7: 5})
    progress = Progress(lambda _: 0)
    progress.reach(2, 20)
    ticker = Ticker(broker, progress, StandingClock(), every_s=1)
    await ticker.tick_once()
    assert broker.sent == [
        (2, Tick(partition="2", at=AT, raw_end_offset=30)),
        (7, Tick(partition="7", at=AT, raw_end_offset=5)),
    ]
    assert ticker.lag() == 10 + 5


async def test_one_miners_damaged_state_does_not_stop_the_clock_of_the_others(
    reading: Callable[..., Reading],
) -> None:
    rules = Rules(window_s=10, grace_s=5)
    sound = encode(step(None, reading(1, interval_s=1), rules).state)
    table = {b"broken": b"\xc1 no state", b"sound": sound}

    class Kept:
        def get(self, _: int, key: bytes) -> bytes | None:
            return table.get(key)

        async def put(self, _: int, key: bytes, blob: bytes) -> None:
            table[key] = blob

    sent: list[object] = []

    class Sent:
        async def send_all(self, _: object, events: Iterable[object]) -> None:
            sent.extend(events)

    dues = Dues(rules, lambda _: table.items(), lambda _: False)
    agent = TickAgent(
        states=cast("Any", Kept()),
        outputs=cast("Any", Sent()),
        guard=cast("Any", None),
        progress=Progress(lambda _: 0),
        dues=dues,
        waiting=(waiting := Waiting()),
        removed=lambda _: False,
        rules=rules,
        clock=StandingClock(),
    )
    waiting.add(4, tick(0, second=3600))
    await agent.catch_up(4)
    assert [event.window_start_at for event in sent if isinstance(event, TelemetryWindow)] == [AT]
    assert b"broken" not in dues.at(4, 2**62)


def test_a_state_that_a_later_processor_has_kept_is_not_passed_over_at_a_tick() -> None:
    dues = Dues(Rules(), lambda _: [(b"later", b"\x1f")], lambda _: False)
    with pytest.raises(ConfigurationError):
        dues.at(4, 0)

"""Order per key and nothing lost, whatever the link does; gaps are told."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from minestream_runtime import semconv, traces
from minestream_runtime.clock import new_event_id
from minestream_runtime.collecting.ledger import Ledger
from minestream_runtime.collecting.outlet import Outlet
from minestream_runtime.collecting.spool import Batch, Spool, Spooled
from minestream_runtime.errors import BrokerUnavailableError, RecordTooLargeError
from minestream_runtime.settings import Settings
from minestream_runtime.traces import Headers
from minestream_schemas.event import Topic
from minestream_schemas.gap import GAP, Gap, GapCause
from minestream_schemas.raw import RAW_MINER

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Clock:
    """Moved by the test."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


@dataclass
class Broker:
    """Acknowledges, refuses, or takes and says nothing."""

    up: bool = True
    loses_acks: bool = False
    too_large: set[bytes] = field(default_factory=set)
    taken: dict[bytes, list[str]] = field(default_factory=lambda: defaultdict(list))
    gaps: list[Gap] = field(default_factory=list)
    headers: dict[str, Headers] = field(default_factory=dict)

    async def send(
        self, topic: Topic, *, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        await asyncio.sleep(random.uniform(0, 0.002))
        assert key is not None
        assert value is not None
        if not self.up:
            raise BrokerUnavailableError("away")
        if value in self.too_large:
            raise RecordTooLargeError("too large")
        if topic is GAP:
            self.gaps.append(Gap.from_json(value))
        else:
            self.taken[key].append(value.decode())
            self.headers[value.decode()] = headers
        if self.loses_acks:
            raise BrokerUnavailableError("no acknowledgement")


@dataclass
class World:
    """One outlet and everything around it."""

    broker: Broker
    clock: Clock
    outlet: Outlet
    spool: Spool
    ledger_file: Path

    async def publish(self, key: str, value: str) -> None:
        memo = msgspec.json.encode({"event": value})
        event = Spooled(
            RAW_MINER.name, key.encode(), value.encode(), value, self.clock.at.timestamp(), memo
        )
        await self.outlet.publish(RAW_MINER, event)

    def ledger(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.ledger_file.read_text().splitlines()]


@asynccontextmanager
async def world(
    folder: Path, broker: Broker | None = None, *, most_bytes: int = 1 << 30
) -> AsyncIterator[World]:
    broker, clock = broker or Broker(), Clock()
    with Ledger(folder / "ledger") as ledger:
        spool = Spool(
            folder / "spool",
            clock,
            on_dropped=lambda event: ledger.dropped(event.memo, event.event),
            on_rescued=lambda event: ledger.taken(event.memo, "spool"),
            most_bytes=most_bytes,
        )
        async with spool:
            outlet = Outlet(broker, spool, ledger, clock, subject="collector-0")
            async with asyncio.TaskGroup() as group:
                draining = group.create_task(outlet.run())
                yield World(broker, clock, outlet, spool, folder / "ledger")
                draining.cancel()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)


async def drained(this: World) -> None:
    await until(lambda: not len(this.spool) and this.outlet.link_down_since is None)


async def test_while_kafka_is_there_events_go_straight_to_it(tmp_path: Path) -> None:
    async with world(tmp_path) as this:
        await this.publish("a", "1")
        assert this.broker.taken[b"a"] == ["1"]
        assert len(this.spool) == 0
        assert this.ledger() == [{"event": "1", "via": "kafka"}]


async def test_order_per_key_survives_a_link_that_comes_and_goes(tmp_path: Path) -> None:
    async with world(tmp_path) as this:
        toggling = True

        async def toggle() -> None:
            while toggling:
                this.broker.up = not this.broker.up
                await asyncio.sleep(random.uniform(0.01, 0.15))
            this.broker.up = True

        async def one_key(key: str) -> None:
            for number in range(60):
                await this.publish(key, f"{key}{number:03}")
                await asyncio.sleep(random.uniform(0, 0.02))

        async with asyncio.TaskGroup() as group:
            group.create_task(toggle())
            async with asyncio.TaskGroup() as keys:
                for key in "abcdefgh":
                    keys.create_task(one_key(key))
            toggling = False
        await drained(this)
        for key in "abcdefgh":
            taken = this.broker.taken[key.encode()]
            assert taken == [f"{key}{number:03}" for number in range(60)]
        written = [line["event"] for line in this.ledger()]
        assert sorted(written) == sorted(
            {e for events in this.broker.taken.values() for e in events}
        )


async def test_events_of_one_key_leave_in_the_order_of_the_calls(tmp_path: Path) -> None:
    async with world(tmp_path) as this:
        await asyncio.gather(*(this.publish("a", f"{number:03}") for number in range(50)))
        assert this.broker.taken[b"a"] == [f"{number:03}" for number in range(50)]


async def test_an_acknowledgement_that_is_lost_makes_a_repeat_and_not_a_loss(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, Broker(loses_acks=True)) as this:
        await this.publish("a", "1")
        assert this.ledger() == [{"event": "1", "via": "spool"}]
        this.broker.loses_acks = False
        await drained(this)
        assert set(this.broker.taken[b"a"]) == {"1"}
        assert len(this.broker.taken[b"a"]) >= 2


async def test_a_link_that_is_down_long_enough_is_told_as_a_gap_that_was_filled(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, Broker()) as this:
        await this.publish("a", "0")
        this.broker.up = False
        await this.publish("a", "1")
        assert this.outlet.link_down_since == START
        this.clock.at += timedelta(seconds=6)
        await until(lambda: len(this.spool) == 2)  # the event, and the gap's opening
        this.clock.at += timedelta(seconds=60)
        this.broker.up = True
        await drained(this)
        await until(lambda: len(this.broker.gaps) == 2)
    opened, closed = this.broker.gaps
    assert opened.gap_id == closed.gap_id
    assert opened.event_id != closed.event_id
    assert (opened.cause, opened.began_at, opened.ended_at) == (GapCause.LINK_DOWN, START, None)
    assert closed.ended_at == START + timedelta(seconds=66)
    assert closed.filled
    assert closed.lost_total == 0
    assert closed.subject == "collector-0"


async def test_a_short_break_is_no_gap(tmp_path: Path) -> None:
    async with world(tmp_path, Broker(up=False)) as this:
        await this.publish("a", "1")
        await asyncio.sleep(0.05)
        this.broker.up = True
        await drained(this)
    assert this.broker.gaps == []


async def test_drops_are_told_exactly_and_stand_in_the_ledger(tmp_path: Path) -> None:
    async with world(tmp_path, Broker(up=False), most_bytes=40_000) as this:
        for number in range(400):
            value = f"{number:05}" + random.randbytes(400).hex()
            await this.publish("a", value)
            this.clock.at += timedelta(seconds=1)
        this.broker.up = True
        await drained(this)
        await until(
            lambda: any(
                gap.cause is GapCause.SPOOL_OVERFLOW and gap.ended_at for gap in this.broker.gaps
            )
        )
    dropped = [line["dropped"] for line in this.ledger() if "dropped" in line]
    kept = {line["event"] for line in this.ledger() if "event" in line} - set(dropped)
    assert kept == set(this.broker.taken[b"a"])
    overflows = {
        gap.gap_id: gap for gap in this.broker.gaps if gap.cause is GapCause.SPOOL_OVERFLOW
    }
    assert sum(gap.lost_total for gap in overflows.values() if gap.ended_at) >= len(dropped) > 0
    assert all(gap.ended_at for gap in overflows.values())
    links = [gap for gap in this.broker.gaps if gap.cause is GapCause.LINK_DOWN and gap.ended_at]
    assert not any(gap.filled for gap in links)


async def test_an_event_that_kafka_never_takes_is_dropped_and_holds_up_nobody(
    tmp_path: Path,
) -> None:
    broker = Broker(up=False, too_large={b"big"})
    async with world(tmp_path, broker) as this:
        await this.publish("a", "big")
        await this.publish("a", "small")
        broker.up = True
        await drained(this)
        await this.publish("a", "last")
    assert broker.taken[b"a"] == ["small", "last"]
    assert {"dropped": "big"} in this.ledger()


async def test_after_a_restart_the_old_events_go_first_and_the_gap_is_closed(
    tmp_path: Path,
) -> None:
    broker = Broker(up=False)
    async with world(tmp_path, broker) as this:
        await this.publish("a", "1")
        this.clock.at += timedelta(seconds=6)
        await until(lambda: len(this.spool) == 2)  # the event, and the gap's opening
    async with world(tmp_path, broker) as this:
        this.clock.at += timedelta(seconds=30)
        await this.publish("a", "2")
        broker.up = True
        await drained(this)
        await until(lambda: len(broker.gaps) == 2)
    assert broker.taken[b"a"] == ["1", "2"]
    opened, closed = broker.gaps
    assert opened.gap_id == closed.gap_id
    assert closed.ended_at is not None


async def test_an_event_that_a_stop_cuts_off_from_its_acknowledgement_is_spooled(
    tmp_path: Path,
) -> None:
    class Silent(Broker):
        async def send(
            self, topic: Topic, *, key: bytes | None, value: bytes | None, headers: Headers = ()
        ) -> None:
            del topic, key, value, headers
            asked.set()
            await asyncio.get_running_loop().create_future()

    asked = asyncio.Event()
    async with world(tmp_path, Silent()) as this, asyncio.TaskGroup() as group:
        publishing = group.create_task(this.publish("a", "1"))
        await asked.wait()
        publishing.cancel()
    assert this.ledger() == [{"event": "1", "via": "spool"}]
    async with world(tmp_path) as this:
        await drained(this)
    assert this.broker.taken[b"a"] == ["1"]


async def test_a_gap_longer_than_the_spool_keeps_events_is_as_young_as_its_telling(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as this:
        await this.publish("a", "0")  # since when the link was well
        this.broker.up = False
        this.clock.at += timedelta(hours=30)
        await this.publish("a", "1")
        await until(lambda: len(this.spool) == 2)  # the event, and the gap's opening
        gap = (await this.spool.peek()).events[-1]
    assert Gap.from_json(gap.value).began_at == START
    assert gap.at_s == this.clock.at.timestamp()  # else the age limit would drop it unsent


async def test_a_disk_that_gives_nothing_back_is_no_link_that_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, Broker(up=False)) as this:
        await this.publish("a", "1")
        looks = 0

        async def nothing(**_: int) -> Batch:
            nonlocal looks
            looks += 1
            return Batch(())

        monkeypatch.setattr(this.spool, "peek", nothing)
        await until(lambda: looks >= 2)
        assert this.outlet.link_down_since is not None
        assert looks < 10  # it does not spin
        monkeypatch.undo()
        this.broker.up = True
        await drained(this)
    assert this.broker.taken[b"a"] == ["1"]


@pytest.mark.parametrize("memo", [b"", b'{"event":"1"}'])
def test_a_ledger_without_a_file_writes_nothing(memo: bytes) -> None:
    with Ledger(None) as ledger:
        ledger.taken(memo, "kafka")
        ledger.dropped(memo, "1")


def polled(value: str, *, headers: Headers) -> Spooled:
    at_s = START.timestamp()
    return Spooled(RAW_MINER.name, b"miner-1", value.encode(), value, at_s, headers=headers)


def spans(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "svc-0.jsonl").read_text().splitlines()]


@contextmanager
def tracing(folder: Path) -> Iterator[Headers]:
    """Traces into a folder; gives the headers of a poll whose trace is kept."""
    settings = Settings(trace_folder=folder, trace_ratio=1)
    event_id = new_event_id(START)
    with traces.configured("svc", settings), traces.root("poll miner", event_id) as span:
        yield traces.headers_of(span)


async def test_a_record_carries_the_context_of_its_sending(tmp_path: Path) -> None:
    with tracing(tmp_path / "traces") as headers:
        async with world(tmp_path) as this:
            await this.outlet.publish(RAW_MINER, polled("1", headers=headers))
    send, poll = spans(tmp_path / "traces")
    assert (send["name"], send["parent_id"]) == ("send minestream.raw.miner.v1", poll["span_id"])
    assert send["attributes"][semconv.EVENT_ID] == "1"
    assert send["attributes"][semconv.MINER_ID] == "miner-1"
    carried = traces.context_of(this.broker.headers["1"])
    assert carried is not None
    assert f"{carried.span_id:016x}" == send["span_id"]


async def test_the_context_of_a_sending_waits_in_the_spool_with_its_event(tmp_path: Path) -> None:
    with tracing(tmp_path / "traces") as headers:
        async with world(tmp_path, Broker(up=False)) as this:
            await this.outlet.publish(RAW_MINER, polled("1", headers=headers))
        async with world(tmp_path) as this:  # a new start, with what was on disk
            await drained(this)
    send = next(span for span in spans(tmp_path / "traces") if span["name"].startswith("send"))
    carried = traces.context_of(this.broker.headers["1"])
    assert carried is not None
    assert f"{carried.span_id:016x}" == send["span_id"]


async def test_headers_of_a_poll_that_is_not_traced_go_out_as_they_are(tmp_path: Path) -> None:
    headers = traces.headers_of_unkept(new_event_id(START))
    async with world(tmp_path) as this:
        await this.outlet.publish(RAW_MINER, polled("1", headers=headers))
    assert this.broker.headers["1"] == headers


async def test_a_drop_leaves_a_trace_though_its_poll_was_not_traced(tmp_path: Path) -> None:
    event_id = new_event_id(START)
    settings = Settings(trace_folder=tmp_path / "traces", trace_ratio=0)
    with traces.configured("svc", settings):
        async with world(tmp_path, Broker(too_large={b"1"})) as this:
            headers = traces.headers_of_unkept(event_id)
            await this.outlet.publish(RAW_MINER, polled("1", headers=headers))
    (drop,) = spans(tmp_path / "traces")
    assert (drop["name"], drop["trace_id"]) == ("drop minestream.raw.miner.v1", event_id.hex)
    assert drop["attributes"][semconv.ERROR_TYPE] == "event_dropped"


async def test_uploads_are_counted_by_where_they_went(tmp_path: Path) -> None:
    def uploads() -> list[float]:
        found = [
            REGISTRY.get_sample_value("collector_upload_total", {"outcome": outcome})
            for outcome in ("kafka", "spool", "dropped")
        ]
        return [value or 0.0 for value in found]

    before = uploads()
    async with world(tmp_path, Broker(too_large={b"3"})) as this:
        await this.publish("a", "1")
        this.broker.up = False
        await this.publish("a", "2")
        this.broker.up = True
        await drained(this)
        await this.publish("a", "3")
    after = uploads()
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1]

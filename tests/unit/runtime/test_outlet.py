"""Order per key and nothing lost, whatever the link does; gaps are told."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.runtime.outlet_world import START, Broker, drained, until, world

from minestream_runtime.outlet.ledger import Ledger
from minestream_runtime.outlet.spool import Batch
from minestream_runtime.traces import Headers
from minestream_schemas.event import Topic
from minestream_schemas.gap import GAP, Gap, GapCause


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


async def test_what_comes_while_the_spools_last_is_under_way_goes_behind_it(tmp_path: Path) -> None:
    class Held(Broker):
        may, asking = asyncio.Semaphore(0), 0

        async def send(
            self, topic: Topic, *, key: bytes | None, value: bytes | None, headers: Headers = ()
        ) -> None:
            self.asking += 1
            if self.up:
                await self.may.acquire()
            await super().send(topic, key=key, value=value, headers=headers)

    broker = Held(up=False)
    async with world(tmp_path, broker) as this:
        await this.publish("a", "1")
        broker.up, before = True, broker.asking
        await until(lambda: broker.asking > before)
        await this.publish("a", "2")
        before = broker.asking
        broker.may.release()
        await until(lambda: this.outlet.link_down_since is None and broker.asking > before)
        async with asyncio.timeout(5):
            await this.publish("a", "3")  # not sent: 2 may fail, and would come after it
        assert this.ledger()[-1] == {"event": "3", "via": "spool"}
        for _ in range(2):
            broker.may.release()
        await drained(this)
    assert broker.taken[b"a"] == ["1", "2", "3"]


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


async def test_a_short_break_after_a_long_pause_is_no_gap_either(tmp_path: Path) -> None:
    class Counting(Broker):
        tries = 0

        async def send(
            self, topic: Topic, *, key: bytes | None, value: bytes | None, headers: Headers = ()
        ) -> None:
            self.tries += 1
            await super().send(topic, key=key, value=value, headers=headers)

    broker = Counting()
    async with world(tmp_path, broker) as this:
        await this.publish("a", "1")
        this.clock.at += timedelta(minutes=5)  # a source that is asked rarely
        broker.up = False
        await this.publish("a", "2")
        this.clock.at += timedelta(seconds=2)
        await until(lambda: broker.tries >= 4)  # it has looked, and tried in vain
        broker.up = True
        await drained(this)
    assert this.broker.taken[b"a"] == ["1", "2"]
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


async def test_a_link_lost_again_as_its_return_is_told_is_closed_after_a_restart_too(
    tmp_path: Path,
) -> None:
    class Brief(Broker):
        async def send(
            self, topic: Topic, *, key: bytes | None, value: bytes | None, headers: Headers = ()
        ) -> None:
            if topic is GAP and Gap.from_json(value or b"").ended_at is not None:
                self.up = False
            await super().send(topic, key=key, value=value, headers=headers)

    brief = Brief(up=False)
    async with world(tmp_path, brief) as this:
        await this.publish("a", "1")
        this.clock.at += timedelta(seconds=6)
        await until(lambda: len(this.spool) == 2)  # the event, and the gap's opening
        brief.up = True
        await until(lambda: not brief.up and this.outlet.link_down_since is not None)
        this.clock.at += timedelta(seconds=6)
        await until(lambda: len(this.spool) == 2)  # its closing, and the next one's opening
    async with world(tmp_path, Broker()) as this:
        await drained(this)
        await until(lambda: len(this.broker.gaps) == 3)
    closed = {gap.gap_id for gap in this.broker.gaps if gap.ended_at is not None}
    assert {gap.gap_id for gap in (*brief.gaps, *this.broker.gaps)} == closed


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
        this.clock.at += timedelta(seconds=6)
        await until(lambda: len(this.spool) == 2)  # the event, and the gap's opening
        waiting = (await this.spool.peek()).events
        gap = next(event for event in waiting if event.topic == GAP.name)
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

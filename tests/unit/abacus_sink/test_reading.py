"""The half that reads, over a fake consumer: what it holds, lets go, sets aside and commits."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.component.abacus_sink.events import feature

from abacus_sink.adapters.holding import Holding
from abacus_sink.adapters.sending import Stage
from abacus_sink.adapters.sink import Reading
from abacus_sink.domain.offsets import Place
from abacus_sink.settings import AbacusSettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.errors import BrokerUnavailableError, DeadLetterLimitError
from minestream_runtime.kafka import Consumer, Partition, Record
from minestream_runtime.kafka.setting_aside import Refused
from minestream_schemas.dead_letter import DeadLetterKind
from minestream_schemas.feature import FEATURE, FeatureGroup

if TYPE_CHECKING:
    from minestream_runtime.kafka.setting_aside import SettingAside

MINERS = FeatureGroup.MINER_TELEMETRY
PARTITIONS = frozenset(Partition(FEATURE.name, number) for number in (0, 1))


def record(offset: int, value: bytes | None = None, *, partition: int = 0) -> Record:
    value = feature(offset).to_json() if value is None else value
    return Record(Partition(FEATURE.name, partition), offset, b"k", value, {}, 0)


class FakeConsumer:
    """Gives what it is told to, and remembers what was committed."""

    def __init__(self) -> None:
        self.gives: list[list[Record]] = []
        self.away = False
        self.paused = False
        self.most = 0
        self.committed: dict[Partition, int] = {}

    def owned(self) -> frozenset[Partition]:
        return PARTITIONS

    def pause(self, _: Iterable[Partition]) -> None:
        self.paused = True

    def resume(self, _: Iterable[Partition]) -> None:
        self.paused = False

    async def records(self, *, wait_s: float, most: int) -> list[Record]:
        assert wait_s <= 0.5
        self.most = most
        if self.away:
            raise BrokerUnavailableError("away")
        return self.gives.pop(0) if self.gives and not self.paused else []

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        if self.away:
            raise BrokerUnavailableError("away")
        self.committed |= offsets

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        return dict.fromkeys(partitions, 100)


class FakeLetters:
    """Takes letters, or does not."""

    def __init__(self) -> None:
        self.taken: list[tuple[Record, DeadLetterKind, str]] = []
        self.error: Exception | None = None

    async def publish(self, refused: Refused, **_: Any) -> None:
        if self.error is not None:
            raise self.error
        self.taken += [(record, fault.kind, fault.reason) for record, fault in refused]

    def count(self, refused: Refused) -> None:
        assert refused[0][0] is self.taken[-1][0], "what did not arrive does not count"


class Rig:
    """A reading half with its holding, and what is beside it."""

    def __init__(self) -> None:
        settings = AbacusSettings(abacus_batch_rows=10, abacus_flush_s=5)
        self.holding = Holding(settings)
        self.letters, self.consumer = FakeLetters(), FakeConsumer()
        self.stages: list[Stage] = []
        letters = cast("SettingAside", self.letters)
        self.reading = Reading(settings, self.holding, letters, SystemClock(), self.stages.append)

    async def turn(self) -> None:
        self.reading._committed_s = -1e9  # it is time to commit
        work = self.reading._work(cast("Consumer", self.consumer))
        await self.reading._turns.take(work)

    def send(self) -> None:
        for entry in self.holding.gathering.take(MINERS):
            self.holding.done(entry.place)


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_nothing_is_committed_before_the_far_side_has_it(rig: Rig) -> None:
    rig.consumer.gives = [[record(5), record(6)]]
    await rig.turn()
    assert rig.consumer.committed == {}
    rig.send()
    await rig.turn()
    assert rig.consumer.committed == {Partition(FEATURE.name, 0): 7}
    assert rig.stages == [Stage.COMMITTED]


async def test_a_record_is_passed_over_only_when_its_letter_has_arrived(rig: Rig) -> None:
    rig.consumer.gives = [[record(0, b"no json"), record(1)]]
    rig.letters.error = BrokerUnavailableError("away")
    await rig.turn()
    rig.send()
    assert rig.reading.fault() == "broker_unavailable"
    assert rig.consumer.committed == {}
    rig.letters.error = None
    await rig.turn()
    assert rig.consumer.committed == {Partition(FEATURE.name, 0): 2}
    ((letter, kind, reason),) = rig.letters.taken
    assert (letter.offset, kind) == (0, DeadLetterKind.SCHEMA)
    assert "Invalid JSON" in reason
    assert rig.reading.fault() is None


async def test_kafka_away_is_a_fault_until_it_is_back_and_what_is_held_stays(rig: Rig) -> None:
    rig.consumer.gives = [[record(0)]]
    await rig.turn()
    rig.consumer.away = True
    await rig.turn()
    assert rig.reading.fault() == "broker_unavailable"
    assert len(rig.holding.gathering) == 1
    rig.consumer.away = False
    rig.send()
    await rig.turn()
    assert rig.reading.fault() is None
    assert rig.consumer.committed == {Partition(FEATURE.name, 0): 1}


async def test_when_five_batches_are_held_the_rest_waits_on_the_topic(rig: Rig) -> None:
    rig.consumer.gives = [[record(offset) for offset in range(50)], [record(50)]]
    await rig.turn()
    await rig.turn()
    assert rig.consumer.paused
    assert len(rig.holding.gathering) == 50
    rig.send()
    await rig.turn()
    assert not rig.consumer.paused
    assert rig.consumer.most == 10, "as many as there is room for"
    assert len(rig.holding.gathering) == 41


async def test_what_belongs_to_a_partition_that_went_is_let_go(rig: Rig) -> None:
    rig.consumer.gives = [
        [record(0), record(1, b"no json"), record(7, partition=1), record(8, b"{}", partition=1)]
    ]
    rig.letters.error = BrokerUnavailableError("away")
    await rig.turn()
    under_way = rig.holding.gathering.take(MINERS)
    await rig.holding.revoked(frozenset({Partition(FEATURE.name, 0)}))
    rig.holding.put_back(MINERS, under_way)
    assert [entry.place for entry in rig.holding.gathering.take(MINERS)] == [Place(1, 7)]
    rig.holding.done(Place(0, 0))
    rig.letters.error = None
    await rig.turn()
    assert [letter.offset for letter, _, _ in rig.letters.taken] == [8]
    rig.holding.done(Place(1, 7))
    await rig.turn()
    assert rig.consumer.committed == {Partition(FEATURE.name, 1): 9}


async def test_a_flood_of_our_own_bugs_ends_the_sink(rig: Rig) -> None:
    rig.consumer.gives = [[record(0, b"no json")]]
    rig.letters.error = DeadLetterLimitError("too many")
    with pytest.raises(DeadLetterLimitError):
        await rig.turn()

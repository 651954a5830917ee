"""The TCP collector on real Kafka, against emulated miners of each family."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from tests.component.collector_vnish.line import Line

from minestream_dialects import normalise
from minestream_emulators.fleet import Fleet
from minestream_emulators.models import MODELS
from minestream_emulators.running import emulated_fleet
from minestream_schemas.inventory import DETECTED, Detected
from minestream_schemas.raw import PollStatus, RawMiner

TCP_FAMILIES = {"antminer", "vnish-3", "whatsminer", "whatsminer-v3", "cgminer"}
MIX = {key: 1.0 for key, model in MODELS.items() if model.family in TCP_FAMILIES}


@asynccontextmanager
async def miners_of(line: Line, count: int, mix: Mapping[str, float]) -> AsyncIterator[Fleet]:
    """Emulated miners that outlive the collectors that call them."""
    async with emulated_fleet(miners=count, mix=mix, replies=line.folder / "replies") as fleet:
        try:
            yield fleet
        finally:
            await asyncio.to_thread(line.end)


def of(polls: list[RawMiner], miner_id: str) -> list[RawMiner]:
    return [poll for poll in polls if poll.miner_id == miner_id]


def is_read_to_its_number(poll: RawMiner, expected_hs: float) -> bool:
    """Do our dialects read the poll as a running miner of about this hashrate?"""
    told = normalise(poll).telemetry
    return told.hashrate_hs is not None and 0.5 < told.hashrate_hs / expected_hs < 1.5


async def test_every_family_is_polled_and_read_to_its_numbers(line: Line) -> None:
    count = 3 * len(MIX)
    async with miners_of(line, count, MIX) as fleet:
        entries = await line.enrol(fleet)
        line.start()
        polls = await line.polled(
            lambda polls: (
                set(Counter(poll.miner_id for poll in polls).values()) > {1}
                and len({poll.miner_id for poll in polls}) == count
            )
        )
        replies = {str(reply.reply) for reply in fleet.replies()}
        expected_hs = {
            miner_id: station.resident.model.stock_hs
            for miner_id, station in fleet.stations.items()
        }
    assert {poll.dialect for poll in polls} == TCP_FAMILIES
    for poll in polls:
        assert poll.status is PollStatus.OK, (poll.dialect, poll.error)
        assert poll.collector_id == "collector-cgminer-0"
        answered = {name for name, body in poll.endpoints.items() if body.http_status or body.body}
        # nobody knows where Vnish's web page of chips is, as it is not asked at port 4028
        assert poll.endpoints.keys() - answered <= {"chip-hr"}
        assert {poll.endpoints[name].reply_id for name in answered} <= replies
    for entry in entries:
        newest = of(polls, entry.miner_id)[-1]
        told = normalise(newest).telemetry
        assert is_read_to_its_number(newest, expected_hs[entry.miner_id]), (entry, told)
    in_ledger = {line["event"] for line in line.ledger()}
    assert {str(poll.event_id) for poll in polls} <= in_ledger


TABLE = {
    "unreachable": PollStatus.REFUSED,
    "silent": PollStatus.TIMEOUT,
    "slow-drip": PollStatus.TIMEOUT,
    "garbage-body": PollStatus.GARBAGE,
    "truncated-json": PollStatus.GARBAGE,
    "huge-body": PollStatus.GARBAGE,
    "nul-bytes": PollStatus.OK,
}


async def test_faults_of_miners_are_rows_of_the_failure_table(line: Line) -> None:
    async with miners_of(line, len(TABLE) + 1, {"s19pro-stock": 1.0}) as fleet:
        entries = await line.enrol(fleet)
        sick = dict(zip(TABLE, (entry.miner_id for entry in entries), strict=False))
        well = entries[-1].miner_id
        for fault, miner_id in sick.items():
            await fleet.break_miner(fault, [miner_id])
        line.start(MINESTREAM_POLL_DEADLINE_S="3")
        polls = await line.polled(
            lambda polls: (
                all(of(polls, miner_id) for miner_id in sick.values()) and len(of(polls, well)) >= 3
            )
        )
    for fault, miner_id in sick.items():
        for poll in of(polls, miner_id):
            assert poll.status is TABLE[fault], (fault, poll.error)
            assert (poll.error is None) is (poll.status is PollStatus.OK)
            stats = poll.endpoints["stats"]
            if TABLE[fault] is PollStatus.GARBAGE:
                assert stats.body, "the bytes go out"
                assert len(stats.body) <= 4096
    assert {poll.status for poll in of(polls, well)} == {PollStatus.OK}


async def test_an_address_outside_of_the_networks_is_not_called(line: Line) -> None:
    async with miners_of(line, 1, {"s19pro-stock": 1.0}) as fleet:
        await line.enrol(fleet)
        line.start(MINESTREAM_ALLOWED_NETWORKS="10.0.0.0/8")
        (poll, *_) = await line.polled(bool)
        assert not list(fleet.replies())
    assert poll.status is PollStatus.REFUSED
    assert "MINESTREAM_ALLOWED_NETWORKS" in (poll.error or "")


async def detections(line: Line, enough: Callable[[list[Detected]], bool]) -> list[Detected]:
    """What collectors told of miners that they asked what they are, as soon as it is enough."""
    async with asyncio.timeout(60):
        while True:
            told = [Detected.from_json(value) for value in await line.values(DETECTED)]
            if enough(told):
                return told
            await asyncio.sleep(0.3)


async def test_miners_of_which_only_the_transport_is_known_are_found_out(line: Line) -> None:
    count = 2 * len(MIX)
    async with miners_of(line, count, MIX) as fleet:
        await line.enrol(fleet, transport="tcp", dialect=None, model=None, algorithm=None)
        line.start()
        told = await detections(line, lambda told: len({each.miner_id for each in told}) == count)
        families = {name: station.resident.model.family for name, station in fleet.stations.items()}
        polls = await line.polled(
            lambda polls: {poll.miner_id for poll in polls if poll.dialect != "auto"} == {*families}
        )
    assert {each.miner_id: each.dialect for each in told} == families
    assert {each.transport for each in told} == {"tcp"}
    for poll in polls:
        assert poll.dialect == families[poll.miner_id]
        assert poll.dialect_evidence


async def test_a_miner_that_boots_with_a_web_firmware_is_handed_over(line: Line) -> None:
    async with miners_of(line, 1, {"l7-stock": 1.0}) as fleet:
        await line.enrol(fleet, transport="tcp", dialect=None, model=None, algorithm=None)
        line.start()
        (found,) = await detections(line, bool)
        await line.enrol(fleet, transport="auto", dialect=None, model=None, detected=found)
        await fleet.break_miner("reflashed")
        told = await detections(line, lambda told: len(told) > 1)
    assert [each.dialect for each in told] == ["antminer", "antminer-web"]
    assert (told[1].transport, told[1].collector_id) == ("http", "collector-cgminer-0")

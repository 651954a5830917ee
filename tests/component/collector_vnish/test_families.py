"""Every family that is spoken over HTTP, found out by asking, polled and read to its numbers."""

import asyncio
from collections.abc import Callable

from tests.component.collector_vnish.line import Line

from minestream_dialects import normalise
from minestream_emulators.models import MODELS
from minestream_emulators.running import emulated_fleet
from minestream_schemas.inventory import DETECTED, Detected
from minestream_schemas.raw import PollStatus, RawMiner
from minestream_schemas.telemetry import MinerTelemetry

MIX = {key: 1.0 for key, model in MODELS.items() if model.transport == "http"}
OVER_TCP = "whatsminer"


async def detections(line: Line, enough: Callable[[list[Detected]], bool]) -> list[Detected]:
    """What was found out, as soon as it is enough."""
    async with asyncio.timeout(60):
        while True:
            told = [Detected.from_json(value) for value in await line.values(DETECTED)]
            if enough(told):
                return told
            await asyncio.sleep(0.3)


def newest(polls: list[RawMiner]) -> dict[str, MinerTelemetry]:
    """The last good reading of each miner."""
    good = {poll.miner_id: poll for poll in polls if poll.status is PollStatus.OK}
    return {miner_id: normalise(poll).telemetry for miner_id, poll in good.items()}


async def test_miners_known_by_address_alone_are_found_out_and_read(line: Line) -> None:
    whatsminers = {key: 1.0 for key, model in MODELS.items() if model.family == OVER_TCP}
    mix = {**MIX, next(iter(whatsminers)): 1.0}
    count = 2 * len(mix)
    async with emulated_fleet(miners=count, mix=mix) as fleet:
        await line.enrol(fleet, transport="auto", dialect=None, model=None, algorithm=None)
        line.start()
        told = await detections(line, lambda told: len({each.miner_id for each in told}) == count)
        models = {name: station.resident.model for name, station in fleet.stations.items()}
        ours = {name for name, model in models.items() if model.transport == "http"}
        polls = await line.polled(lambda polls: newest(polls).keys() == ours)
        await asyncio.to_thread(line.end)
    assert {each.miner_id: each.dialect for each in told} == {
        name: model.family for name, model in models.items()
    }
    assert {each.transport for each in told} == {"http", "tcp"}
    for miner_id, reading in newest(polls).items():
        hashrate_hs = reading.hashrate_hs
        assert hashrate_hs is not None, (miner_id, reading.quality_flags)
        assert 0.5 < hashrate_hs / models[miner_id].stock_hs < 1.5, "never off by 1000"
    for poll in polls:
        assert poll.dialect == models[poll.miner_id].family
        assert poll.dialect_evidence


async def test_a_miner_that_boots_with_anothers_firmware_is_found_out_and_left_to_it(
    line: Line,
) -> None:
    async with emulated_fleet(miners=1, mix={"l9-1.2.7": 1.0}) as fleet:
        await line.enrol(fleet, transport="auto", dialect=None, model=None, algorithm=None)
        line.start()
        await line.polled(lambda polls: any(poll.status is PollStatus.OK for poll in polls))
        (miner_id,) = fleet.stations
        await fleet.break_miner("reflashed", [miner_id])
        told = await detections(line, lambda told: len(told) > 1)
        await fleet.heal()
        told = await detections(line, lambda told: len(told) > 2)
        polls = await line.polled(lambda polls: newest(polls[-1:]).keys() == {miner_id})
        await asyncio.to_thread(line.end)
    assert [(each.dialect, each.transport) for each in told] == [
        ("vnish", "http"),
        ("antminer", "tcp"),
        ("vnish", "http"),
    ]
    assert {poll.dialect for poll in polls} == {"vnish"}

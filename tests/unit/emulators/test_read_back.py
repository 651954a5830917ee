"""What our own parser reads from an emulated miner is what is so in its machine."""

from datetime import UTC, datetime

import pytest

from minestream_dialects import Normalised, normalise
from minestream_emulators.chips import chips_of
from minestream_emulators.device import Request
from minestream_emulators.models import MODELS
from minestream_emulators.physics import Ailment
from minestream_emulators.vnish.device import Device
from minestream_emulators.world import WorldPlan, climate, machine, residents
from minestream_schemas.ids import event_id_at
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner
from minestream_schemas.telemetry import MinerStatus

AT = datetime(2026, 1, 1, tzinfo=UTC)
VNISH = sorted(key for key, model in MODELS.items() if model.family == "vnish")
ENDPOINTS = ("info", "summary", "status", "perf-summary", "chips", "boards")


def device(kind: str, ailment: Ailment | None = None) -> Device:
    plan = WorldPlan(miners=1, mix={kind: 1.0})
    (resident,) = residents(plan)
    miner = machine(resident, climate(plan), AT.timestamp() - 600.0)
    if ailment is not None:
        miner.afflict(ailment, AT.timestamp() - 600.0)
    miner.advance(AT.timestamp())
    return Device(miner, resident.who)


def read(one: Device) -> Normalised:
    bodies = {}
    for name in ENDPOINTS:
        reply = one.answer(Request("GET", f"/api/v1/{name}", AT.timestamp()))
        if reply.status == 200:
            bodies[name] = EndpointBody(
                status=PollStatus.OK, fetched_at=AT, http_status=200, body=reply.body.decode()
            )
    return normalise(
        RawMiner(
            event_id=event_id_at(int(AT.timestamp() * 1000), 1),
            site_id=one.who.site_id,
            miner_id=one.who.miner_id,
            collector_id="test-0",
            dialect="vnish",
            polled_at=AT,
            latency_ms=1.0,
            status=PollStatus.OK,
            interval_s=60.0,
            endpoints=bodies,
        )
    )


@pytest.mark.parametrize("kind", VNISH)
@pytest.mark.parametrize("ailment", [None, *Ailment])
def test_the_reading_is_the_machine(kind: str, ailment: Ailment | None) -> None:
    one = device(kind, ailment)
    miner, seen = one.miner, read(one).telemetry
    assert seen.status is MinerStatus.MINING
    assert seen.algorithm == miner.model.algorithm
    assert seen.hashrate_hs == pytest.approx(miner.hashrate_hs(), rel=1e-6)
    assert seen.hashrate_avg_hs == pytest.approx(miner.average_hs, rel=1e-6)
    assert seen.power_w == pytest.approx(miner.power_w, abs=2.0)
    assert seen.chip_temp_max_c == pytest.approx(miner.hottest_c, abs=0.51)
    assert seen.fan_rpm == tuple(miner.fan_rpm(fan) for fan in range(4))
    assert seen.accepted_total == miner.counters.accepted
    assert seen.hw_errors_total == sum(board.hw_errors for board in miner.boards)
    assert seen.worker is not None
    assert [board.hashrate_hs for board in seen.boards] == [
        pytest.approx(miner.board_hs(board), rel=1e-6) for board in miner.boards
    ]


@pytest.mark.parametrize("kind", VNISH)
def test_a_healthy_miner_is_read_without_a_flag(kind: str) -> None:
    seen = read(device(kind)).telemetry
    assert (seen.quality_flags, seen.quality_score) == ((), 1.0)
    assert seen.boards_total == 3


@pytest.mark.parametrize("kind", VNISH)
def test_every_chip_is_read(kind: str) -> None:
    one = device(kind)
    miner, seen = one.miner, read(one).chips
    assert seen is not None
    for board, told in zip(miner.boards, seen.boards, strict=True):
        chips = chips_of(miner, board)
        assert told.slot == board.slot
        assert told.hashrate_hs == pytest.approx([chip.hashrate_hs for chip in chips], rel=1e-6)
        assert told.temp_c == pytest.approx([chip.temp_c for chip in chips], abs=0.51)
        assert told.errors_total == tuple(chip.errors for chip in chips)
        assert told.grade == tuple(chip.grade for chip in chips)

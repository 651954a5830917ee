"""Events of a small world, by miner and instant."""

from datetime import UTC, datetime, timedelta
from typing import Any

from minestream_runtime.clock import new_event_id
from minestream_schemas.gap import Gap, GapCause
from minestream_schemas.ids import derived_id
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner
from minestream_schemas.telemetry import (
    BoardChips,
    BoardReading,
    MinerChips,
    MinerStatus,
    MinerTelemetry,
)
from minestream_schemas.window import TelemetryWindow

NOW = datetime.now(UTC).replace(microsecond=0)
"""The tests' present: rows of the distant past would be refused."""


def reading(miner: str, at: datetime, **more: Any) -> MinerTelemetry:
    raw_id = derived_id("test-raw", miner, at.isoformat())
    fields: dict[str, Any] = {
        "event_id": derived_id("telemetry", raw_id),
        "raw_event_id": raw_id,
        "ts": at,
        "miner_id": miner,
        "site_id": "site-a",
        "dialect": "vnish-1.2",
        "status": MinerStatus.MINING,
        "hashrate_hs": 9.5e13,
        "power_w": 3250.0,
        "chip_temp_max_c": 71.5,
        "fan_rpm": (5400, 5280),
        "accepted_total": 1000,
        "boards": (
            BoardReading(slot=1, hashrate_hs=4.7e13, chips_ok=76, chips_total=76),
            BoardReading(slot=2, hashrate_hs=4.8e13, chips_ok=75, chips_total=76),
        ),
    }
    return MinerTelemetry(**(fields | more))


def silence(miner: str, at: datetime) -> MinerTelemetry:
    return reading(
        miner,
        at,
        status=MinerStatus.OFFLINE,
        hashrate_hs=None,
        power_w=None,
        chip_temp_max_c=None,
        fan_rpm=(),
        accepted_total=None,
        boards=(),
    )


def chips(miner: str, at: datetime) -> MinerChips:
    raw_id = derived_id("test-raw", miner, at.isoformat())
    return MinerChips(
        event_id=derived_id("chips", raw_id),
        raw_event_id=raw_id,
        ts=at,
        miner_id=miner,
        site_id="site-a",
        boards=(
            BoardChips(slot=1, temp_c=(60.0, None, 61.5), errors_total=(0, 2, None), grade=("A",)),
            BoardChips(slot=2),
        ),
    )


def raw(miner: str, at: datetime, body: str = '{"odd": "\\u00e9 \\u0000"}') -> RawMiner:
    return RawMiner(
        event_id=new_event_id(at),
        site_id="site-a",
        miner_id=miner,
        collector_id="collector-vnish-0",
        dialect="vnish",
        polled_at=at,
        latency_ms=12.0,
        status=PollStatus.OK,
        interval_s=60,
        endpoints={"summary": EndpointBody(status=PollStatus.OK, fetched_at=at, body=body)},
    )


def window(miner: str, start: datetime, size_s: int = 10, **more: Any) -> TelemetryWindow:
    fields: dict[str, Any] = {
        "event_id": derived_id("window", miner, start.isoformat(), size_s, more.get("revision", 0)),
        "miner_id": miner,
        "site_id": "site-a",
        "window_start_at": start,
        "window_s": size_s,
        "readings": 1,
        "answered": 1,
        "mining": 1,
    }
    return TelemetryWindow(**(fields | more))


def gap(miner: str, began: datetime, *, lasted: timedelta | None = None, lost: int = 0) -> Gap:
    gap_id = derived_id("gap", miner, "miner_silent", began.isoformat())
    return Gap(
        event_id=derived_id("gap-open" if lasted is None else "gap-closed", gap_id),
        gap_id=gap_id,
        subject=miner,
        cause=GapCause.MINER_SILENT,
        began_at=began,
        ended_at=None if lasted is None else began + lasted,
        lost_total=lost,
        reported_by="processor",
    )

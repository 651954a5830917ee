"""Readings as the processor publishes them."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from minestream_schemas.telemetry import MinerStatus, MinerTelemetry


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def reading(
    miner_id: str,
    ts: datetime,
    *,
    temp_c: float | None = 60.0,
    status: MinerStatus = MinerStatus.MINING,
    flags: tuple[str, ...] = (),
    rack_id: str | None = "site-a-r01",
) -> MinerTelemetry:
    return MinerTelemetry(
        event_id=uuid4(),
        raw_event_id=uuid4(),
        ts=ts,
        miner_id=miner_id,
        site_id="site-a",
        rack_id=rack_id,
        dialect="vnish-1.2",
        status=status,
        chip_temp_max_c=None if status is MinerStatus.OFFLINE else temp_c,
        quality_flags=flags,
    )


def series(
    miner_id: str, end: datetime, *temps_c: float | None, every_s: float = 30
) -> list[MinerTelemetry]:
    """Readings at even distances, the last at ``end``."""
    last = len(temps_c) - 1
    return [
        reading(miner_id, end - timedelta(seconds=every_s * (last - place)), temp_c=temp_c)
        for place, temp_c in enumerate(temps_c)
    ]


def silence(miner_id: str, end: datetime, count: int, every_s: float = 60) -> list[MinerTelemetry]:
    """Polls without an answer, the last at ``end``."""
    return [
        reading(miner_id, end - timedelta(seconds=every_s * place), status=MinerStatus.OFFLINE)
        for place in reversed(range(count))
    ]

"""Readings of one miner, made to measure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from minestream_schemas.ids import derived_id
from minestream_schemas.telemetry import MinerStatus, MinerTelemetry
from processor.domain.step import Reading

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

MakeReading = Callable[..., Reading]


@pytest.fixture(scope="session")
def reading() -> MakeReading:
    """``reading(at_s, **fields)``: a reading so many seconds after the start of 2026."""

    def make(
        at_s: float,
        *,
        number: int | None = None,
        answered: bool = True,
        interval_s: float = 60.0,
        **fields: Any,
    ) -> Reading:
        raw_event_id = UUID(int=(number if number is not None else int(at_s * 1000)) + 1)
        telemetry = MinerTelemetry(
            event_id=derived_id("telemetry", raw_event_id),
            raw_event_id=raw_event_id,
            ts=EPOCH + timedelta(seconds=at_s),
            miner_id="site-a-r01-s01",
            site_id="site-a",
            dialect="vnish-1.2",
            status=fields.pop("status", MinerStatus.MINING if answered else MinerStatus.OFFLINE),
            **fields,
        )
        return Reading(telemetry, interval_s)

    return make

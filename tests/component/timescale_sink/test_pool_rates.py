"""What a pool pays now, although it says rate and fee in different messages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.component.timescale_sink.events import NOW
from tests.component.timescale_sink.outside import pool_rate
from tests.component.timescale_sink.writing import write

if TYPE_CHECKING:
    from tests.component.conftest import Ask

    from timescale_sink.settings import SinkSettings

LATEST = "SELECT ts, usd_per_hs_day, btc_per_hs_day, fee_ratio FROM telemetry_v1.pool_rate_latest"


def after(minutes: float, **more: Any) -> Any:
    return pool_rate(NOW + timedelta(minutes=minutes), **more)


def fee(minutes: float, fee_ratio: float) -> Any:
    return after(minutes, usd_per_hs_day=None, fee_ratio=fee_ratio)


async def test_a_fee_that_is_said_after_a_rate_hides_no_rate(
    settings: SinkSettings, ask: Ask
) -> None:
    rate = after(1, usd_per_hs_day=4.6e-10, fee_ratio=None)
    await write(settings, fee(0, 0.04), rate, fee(2, 0.05))
    (row,) = await ask(LATEST)
    assert (row["ts"], row["usd_per_hs_day"], row["fee_ratio"]) == (rate.ts, 4.6e-10, 0.05)


async def test_a_rate_that_is_said_after_a_fee_hides_no_fee(
    settings: SinkSettings, ask: Ask
) -> None:
    rate = after(3, usd_per_hs_day=4.7e-10, fee_ratio=None)
    await write(settings, after(1, fee_ratio=None), fee(2, 0.05), rate)
    (row,) = await ask(LATEST)
    assert (row["ts"], row["usd_per_hs_day"], row["fee_ratio"]) == (rate.ts, 4.7e-10, 0.05)


async def test_a_rate_of_the_day_before_is_not_what_a_pool_pays_now(
    settings: SinkSettings, ask: Ask
) -> None:
    newest = fee(0, 0.05)
    await write(settings, after(-25 * 60, fee_ratio=0.01), newest)
    (row,) = await ask(LATEST)
    assert (row["ts"], row["usd_per_hs_day"], row["fee_ratio"]) == (newest.ts, None, 0.05)

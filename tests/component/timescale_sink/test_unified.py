"""One series of a miner, its pool and the market: exact figures, and nothing read in vain."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.component.timescale_sink.events import NOW, reading, silence
from tests.component.timescale_sink.outside import pool_worker, price
from tests.component.timescale_sink.writing import keep_up, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.component.conftest import Ask

    from minestream_schemas.telemetry import MinerTelemetry
    from timescale_sink.settings import SinkSettings

MINER = "site-a-r01-s01"
TEN = (NOW - timedelta(days=1)).replace(hour=10, minute=0, second=0)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_UNIFIED = "SELECT * FROM telemetry_v1.unified(%s, %s, %s, %s::interval)"


def _earning(at: datetime, hashrate_hs: float, power_w: float, **more: Any) -> MinerTelemetry:
    revenue, cost = hashrate_hs * 4e-10, power_w / 1000 * 24 * 0.05
    money = {
        "rate_usd_per_hs_day": 4e-10,
        "revenue_basis": "pool_rate",
        "revenue_usd_per_day": revenue,
        "power_cost_usd_per_day": cost,
        "profit_usd_per_day": revenue - cost,
    }
    return reading(MINER, at, hashrate_hs=hashrate_hs, power_w=power_w, **(money | more))


async def _world(settings: SinkSettings) -> None:
    """Ten o'clock: two readings that earn and a silence; nothing for a while; power alone."""
    await write(
        settings,
        _earning(TEN, 1.6e10, 3000.0, chip_temp_max_c=70.0),
        _earning(TEN + 2.5 * MINUTE, 1.5e10, 3100.0, chip_temp_max_c=72.0, revenue_basis="network"),
        silence(MINER, TEN + 5 * MINUTE - timedelta(microseconds=1)),
        reading(
            MINER,
            TEN + 10 * MINUTE,
            hashrate_hs=None,
            power_w=50.0,
            chip_temp_max_c=None,
            power_cost_usd_per_day=0.06,
        ),
        reading("site-a-r01-s02", TEN),
        pool_worker(MINER, TEN + 6 * MINUTE, "a", hashrate_hs=1.4e10),
        pool_worker(MINER, TEN + 8 * MINUTE, "a", hashrate_hs=1.6e10),
        pool_worker(MINER, TEN + 9 * MINUTE, "b", hashrate_hs=1e9),
        pool_worker(MINER, TEN + 9 * MINUTE, "c", hashrate_hs=None),
        pool_worker("site-a-r01-s02", TEN + 6 * MINUTE, "d", hashrate_hs=9e10),
        price("litecoin", TEN - 2 * MINUTE, 80.0),
        price("litecoin", TEN + 5 * MINUTE, 81.0),
        price("litecoin", TEN + 5 * MINUTE, 81.5, fetched_at=TEN + 6 * MINUTE),
        price("bitcoin", TEN - 2 * HOUR + 6 * MINUTE, 86_400.0),
        price("dogecoin", TEN + 15 * MINUTE + timedelta(seconds=1), 0.15),
    )


def _unknown(at: datetime, **known: Any) -> dict[str, Any]:
    empty = dict.fromkeys(
        (
            *("hashrate_mean_hs", "power_mean_w", "chip_temp_mean_c", "chip_temp_max_c"),
            *("pool_hashrate_mean_hs", "rate_mean_usd_per_hs_day", "revenue_basis"),
            *("revenue_mean_usd_per_day", "power_cost_mean_usd_per_day"),
            *("profit_mean_usd_per_day", "litecoin_price_usd", "dogecoin_price_usd"),
            "bitcoin_price_usd",
        )
    )
    return {"bucket_at": at, "readings": 0, "answered": 0} | empty | known


def _same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert row.keys() == wanted.keys()
        for name, value in wanted.items():
            close = pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
            assert row[name] == close, (row["bucket_at"], name)


async def test_five_minutes_tell_what_was_said_in_them_and_the_prices_as_of_their_end(
    settings: SinkSettings, ask: Ask
) -> None:
    await _world(settings)
    await ask("SET ROLE minestream_reader")
    found = await ask(_UNIFIED, MINER, TEN, TEN + 20 * MINUTE, "5 minutes")
    _same(
        found,
        [
            _unknown(
                TEN,
                readings=3,
                answered=2,
                hashrate_mean_hs=1.55e10,
                power_mean_w=3050.0,
                chip_temp_mean_c=71.0,
                chip_temp_max_c=72.0,
                rate_mean_usd_per_hs_day=4e-10,
                revenue_basis="mixed",
                revenue_mean_usd_per_day=6.2,
                power_cost_mean_usd_per_day=3.66,
                profit_mean_usd_per_day=2.54,
                litecoin_price_usd=81.5,
                bitcoin_price_usd=86_400.0,
            ),
            # the pool's two connections added up; what it does not say is no zero
            _unknown(TEN + 5 * MINUTE, pool_hashrate_mean_hs=1.6e10, litecoin_price_usd=81.5),
            _unknown(
                TEN + 10 * MINUTE,
                readings=1,
                power_mean_w=50.0,
                power_cost_mean_usd_per_day=0.06,
                litecoin_price_usd=81.5,
            ),
            _unknown(TEN + 15 * MINUTE, litecoin_price_usd=81.5, dogecoin_price_usd=0.15),
        ],
    )


@pytest.mark.parametrize(
    ("step", "length"), [("1 hour", HOUR), ("2 hours", 2 * HOUR), ("1 day", DAY)]
)
async def test_hours_and_days_tell_the_same_from_rollups_that_outlast_the_rows(
    settings: SinkSettings, ask: Ask, step: str, length: timedelta
) -> None:
    await _world(settings)
    await keep_up(settings, turns=2)
    begin = TEN.replace(hour=0) if length == DAY else TEN
    wanted = _unknown(
        begin,
        readings=4,
        answered=2,
        hashrate_mean_hs=1.55e10,
        power_mean_w=6150.0 / 3,
        chip_temp_mean_c=71.0,
        chip_temp_max_c=72.0,
        pool_hashrate_mean_hs=1.6e10,
        rate_mean_usd_per_hs_day=4e-10,
        revenue_basis="mixed",
        revenue_mean_usd_per_day=6.2,
        power_cost_mean_usd_per_day=7.38 / 3,
        profit_mean_usd_per_day=2.54,
        litecoin_price_usd=81.5 if length == HOUR else None,
        dogecoin_price_usd=None if length == DAY else 0.15,
    )
    if length == 2 * HOUR:
        wanted["litecoin_price_usd"] = 81.5
    asked = MINER, begin, begin + length, step
    _same(await ask(_UNIFIED, *asked), [wanted])


async def test_a_step_begins_where_steps_begin_and_unknown_miners_have_empty_ones(ask: Ask) -> None:
    found = await ask(_UNIFIED, "nobody", TEN + 7 * MINUTE, TEN + 11 * MINUTE, "5 minutes")
    _same(found, [_unknown(TEN + 5 * MINUTE), _unknown(TEN + 10 * MINUTE)])


async def test_earnings_by_hour_and_day_are_the_sums_of_the_readings_and_stay_when_those_go(
    settings: SinkSettings, ask: Ask
) -> None:
    old = NOW - timedelta(days=20)
    await write(
        settings,
        *(_earning(old + n * 25 * MINUTE, 1e10 + n, 3000.0 + n) for n in range(40)),
        *(pool_worker(MINER, old + n * 25 * MINUTE, hashrate_hs=1e10 + n) for n in range(40)),
    )
    await keep_up(settings)
    (rows,) = await ask(
        "SELECT count(*)::int AS n, sum(revenue_usd_per_day) AS revenue, "
        "sum(profit_usd_per_day) AS profit FROM telemetry_v1.reading"
    )
    assert rows["n"] == 40
    if (await ask("SELECT max(dialect) AS d FROM minestream.migration"))[0]["d"] == "timescale":
        for rollup in ("earning_hourly", "earning_daily", "pool_worker_hourly"):
            await ask(f"CALL refresh_continuous_aggregate('telemetry.{rollup}', NULL, NULL)")
    tight = {"keep_reading_days": 10, "keep_board_days": 10, "keep_pool_worker_days": 10}
    for _ in range(2):
        await keep_up(settings.model_copy(update=tight))
        for rollup in ("earning_hourly", "earning_daily"):
            (sums,) = await ask(
                "SELECT sum(readings)::int AS n, sum(revenue_sum_usd_per_day) AS revenue, "  # noqa: S608 - our own names
                f"sum(profit_sum_usd_per_day) AS profit FROM telemetry_v1.{rollup}"
            )
            assert sums == pytest.approx(rows, rel=1e-12), rollup
        (pool,) = await ask(
            "SELECT sum(said)::int AS n, max(hashrate_max_hs) AS most "
            "FROM telemetry_v1.pool_worker_hourly"
        )
        assert pool == {"n": 40, "most": 1e10 + 39}
        # a mark that comes after the rows have gone must not erase what the rollup knows
        for kind in ("hour", "pool_hour"):
            await ask(
                "INSERT INTO telemetry.dirty_bucket (kind, at) "
                "SELECT %s, date_bin('1 hour', %s, 'epoch')",
                kind,
                old,
            )
    assert (await ask("SELECT count(*) AS n FROM telemetry_v1.reading"))[0]["n"] == 0
    assert (await ask("SELECT count(*) AS n FROM telemetry_v1.pool_worker"))[0]["n"] == 0


_MANY = """
INSERT INTO telemetry.reading (event_id, raw_event_id, ts, miner_id, site_id, dialect, algorithm,
    status, hashrate_hs)
SELECT gen_random_uuid(), gen_random_uuid(), at, 'm-' || m, 's', 'd', 'a', 'mining', 1e10
FROM generate_series(%(since)s::timestamptz, %(until)s, '10 minutes') AS at,
    generate_series(1, 6) AS m;
INSERT INTO telemetry.pool_worker (event_id, raw_event_id, subject, ts, account_id, pool, worker,
    algorithm, hashrate_hs)
SELECT gen_random_uuid(), gen_random_uuid(), 'm-' || m, at, 'a', 'p', 'w-' || m, 'scrypt', 1e10
FROM generate_series(%(since)s::timestamptz, %(until)s, '10 minutes') AS at,
    generate_series(1, 6) AS m;
INSERT INTO telemetry.price (event_id, raw_event_id, ts, coin_id, source, fetched_at, price_usd)
SELECT gen_random_uuid(), gen_random_uuid(), at, coin, 's', at, 80
FROM generate_series(%(since)s::timestamptz, %(until)s, '10 minutes') AS at,
    unnest('{litecoin,dogecoin,bitcoin}'::text[]) AS coin;
ANALYZE telemetry.reading, telemetry.pool_worker, telemetry.price
"""
_TABLES = ("reading", "pool_worker", "price")


def _scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in plan and plan["Actual Loops"]:
        yield plan
    for child in plan.get("Plans", ()):
        yield from _scans(child)


def _looked_at(scan: dict[str, Any]) -> float:
    seen = sum(
        scan.get(name, 0)
        for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    )
    return float(seen * scan["Actual Loops"])


async def test_a_days_series_looks_at_that_day_of_that_miner_and_not_at_the_other_nineteen(
    settings: SinkSettings, ask: Ask
) -> None:
    del settings
    since = NOW - timedelta(days=20)
    for table in _TABLES:
        await ask("SELECT telemetry.ensure_partitions(%s, %s, %s)", table, since, NOW + DAY)
    for statement in _MANY.split(";\n"):
        bound = statement.replace("%(since)s", f"'{since}'").replace("%(until)s", f"'{NOW}'")
        await ask(bound)
    day = TEN.replace(hour=0)
    ((answer,),) = [
        row.values()
        for row in await ask(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {_UNIFIED}", "m-3", day, day + DAY, "5 min"
        )
    ]
    scans = list(_scans(answer[0]["Plan"]))
    assert scans, "it is part of the query, so that its plan can be seen"
    # 145 readings, as many by the pool, and for each step those of two hours, of three coins
    prices = 288 * 3 * (12 + 2)
    assert sum(map(_looked_at, scans)) < 2 * 150 + prices
    partitions = {scan["Relation Name"] for scan in scans}
    assert len(partitions) <= 8, partitions

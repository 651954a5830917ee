"""What pools and markets said meets the readings on a real Kafka: by event time, once for all."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from minestream_runtime.clock import new_event_id
from minestream_runtime.kafka import Record
from minestream_schemas.dead_letter import dead_letter_topic
from minestream_schemas.event import Topic
from minestream_schemas.feature import FEATURE, Feature, FeatureGroup
from minestream_schemas.inventory import INVENTORY, InventoryEntry
from minestream_schemas.market import NETWORK, PRICE, RAW_MARKET, MarketEndpoint, RawMarket
from minestream_schemas.pool import (
    POOL_RATE,
    POOL_WORKER,
    RAW_POOL,
    PoolMessage,
    PoolWorker,
    RawPool,
)
from minestream_schemas.raw import RAW_MINER, EndpointBody, PollStatus, RawMiner
from minestream_schemas.telemetry import TELEMETRY, MinerTelemetry

World = Any
Poll = Callable[..., RawMiner]
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FIXTURES = Path(__file__).parents[2] / "fixtures"
ACCOUNT, MINER, WORKER = "prohashing-main", "site-a-r01-s01", "rack-1-l9-01"
PARENT = "b7ad6b7169203331"


def after(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


def many(count: int) -> Callable[[list[Record]], bool]:
    return lambda found: len(found) >= count


def of_pool(message: PoolMessage, at: datetime, body: Any, *, subject: str = ACCOUNT) -> RawPool:
    return RawPool(
        event_id=new_event_id(at),
        account_id=ACCOUNT,
        subject=subject,
        collector_id="collector-pool-0",
        pool="prohashing",
        dialect="prohashing-wamp",
        message=message,
        received_at=at,
        status=PollStatus.OK,
        snapshot=True,
        body=json.dumps(body),
    )


def worker_at(minutes: float, hashrate_hs: float) -> RawPool:
    body = {
        "uuid": "8e0c0a0e-2f7a-4d0c-9a4d-0123456789ab",
        "miner_name": WORKER,
        "coin_name": "Litecoin",
        "algorithm_name": "Scrypt",
        "hashrate": hashrate_hs,
        "share_count": 412,
        "all_time_share_count": 1289331,
    }
    subject = f"{ACCOUNT}/{body['uuid']}"
    return of_pool(PoolMessage.WORKER, after(minutes), body, subject=subject)


def rate_at(minutes: float, usd_per_mhs_day: float) -> RawPool:
    said = {"algorithm_name": "Scrypt", "usd": usd_per_mhs_day, "btc": 1e-9}
    entry = {**said, "data_timestamp": after(minutes).timestamp()}
    return of_pool(PoolMessage.PROFITABILITY, after(minutes), {"1": entry})


def of_market(endpoint: MarketEndpoint, source: str, at: datetime, body: str) -> RawMarket:
    return RawMarket(
        event_id=new_event_id(at),
        subject=f"{source}/{endpoint.value}",
        collector_id="collector-market-0",
        source=source,
        endpoint=endpoint,
        fetched_at=at,
        latency_ms=80.0,
        status=PollStatus.OK,
        body=body,
    )


def prices_at(minutes: float, litecoin: float, dogecoin: float) -> RawMarket:
    at = after(minutes)
    body = {
        coin: {"usd": price, "last_updated_at": int(at.timestamp())}
        for coin, price in (("litecoin", litecoin), ("dogecoin", dogecoin))
    }
    return of_market(MarketEndpoint.SIMPLE_PRICE, "coingecko", at, json.dumps(body))


def chains_at(minutes: float) -> RawMarket:
    body = (FIXTURES / "market" / "litesolo_chains.json").read_text()
    return of_market(MarketEndpoint.NETWORK, "litesolo", after(minutes), body)


def reading_at(minutes: float, poll: Poll) -> RawMiner:
    at = after(minutes)
    endpoints = {
        name: EndpointBody(
            status=PollStatus.OK,
            fetched_at=at,
            body=(FIXTURES / "vnish" / f"l9_1.2.7_{name}_assembled.json").read_text(),
        )
        for name in ("info", "summary")
    }
    raw = poll(MINER, at, status=PollStatus.OK, endpoints=endpoints)
    return raw.model_copy(update={"tariff_usd_per_kwh": 0.062})


async def enter(world: World, *names: str) -> None:
    entry = InventoryEntry(
        miner_id=MINER, site_id="site-a", address="127.0.0.1:80", workers=tuple(names)
    )
    await world.producer.publish(INVENTORY, entry)


async def publish(world: World, topic: Topic, events: Iterable[Any]) -> None:
    for event in events:
        trace = f"00-{event.event_id.hex}-{PARENT}-00".encode()
        await world.producer.publish(topic, event, headers=[("traceparent", trace)])


def told_of(records: list[Record], raw: RawMiner) -> list[bytes]:
    return [
        record.value
        for record in records
        if record.value and MinerTelemetry.from_json(record.value).raw_event_id == raw.event_id
    ]


def check_worths(readings: list[MinerTelemetry]) -> None:
    one, two, three = sorted(readings, key=lambda reading: reading.ts)
    assert (one.pool_hashrate_hs, one.pool_coin, one.pool_at) == (1.7e10, "Litecoin", after(0.5))
    assert (two.pool_hashrate_hs, two.pool_at) == (1.6e10, after(5))
    assert (three.pool_hashrate_hs, three.pool_at) == (None, None), "said 52 minutes before"
    assert [each.revenue_basis for each in (one, two, three)] == ["pool_rate"] * 2 + ["network"]
    assert [each.price_at for each in (one, two, three)] == [after(0.9), after(5.5), after(30)]
    assert one.hashrate_hs is not None
    assert one.revenue_usd_per_day == pytest.approx(one.hashrate_hs / 1e6 * 0.00045)
    assert two.revenue_usd_per_day == pytest.approx(one.hashrate_hs / 1e6 * 0.00050)
    assert one.power_w is not None
    cost = one.power_w / 1000 * 24 * 0.062
    assert three.power_cost_usd_per_day == pytest.approx(cost)
    earned = one.hashrate_hs * (
        82.1 * 12.5 * 86_400 / (20785580.478287995 * 2**32)
        + 0.17 * 10_000 * 86_400 / (6445323.531315216 * 2**32)
    )
    assert three.revenue_usd_per_day == pytest.approx(earned)
    assert three.profit_usd_per_day == pytest.approx(earned - cost)


def check_features(features: list[Feature]) -> None:
    by_group = {group: [f for f in features if f.group is group] for group in FeatureGroup}
    assert {f.ts for f in by_group[FeatureGroup.MINER_TELEMETRY]} == {
        after(minutes) for minutes in (1, 6, 60)
    }
    pool_rows = by_group[FeatureGroup.POOL_PERFORMANCE]
    assert [f.ts for f in pool_rows] == [after(0.5), after(5)]
    assert {f.entity_id for f in pool_rows} == {MINER}
    market_rows = by_group[FeatureGroup.MARKET_DATA]
    assert {f.entity_id for f in market_rows} == {"litecoin", "dogecoin"}


async def test_a_backlog_is_held_against_what_was_said_by_then_and_a_repeat_says_the_same(
    world: World, poll: Poll
) -> None:
    """The readings lie first on Kafka; what was said by then comes after them, in disorder."""
    early, late, hours = reading_at(1, poll), reading_at(6, poll), reading_at(60, poll)
    await enter(world, WORKER)
    await publish(world, RAW_MINER, (early, late, hours))
    workers = (worker_at(0.5, 1.7e10), worker_at(5, 1.6e10), worker_at(8, 1.5e10))
    rates = (rate_at(0.9, 0.00045), rate_at(5.5, 0.00050), rate_at(7, 0.00060))
    await publish(world, RAW_POOL, (*workers, *reversed(rates)))
    await publish(world, RAW_MARKET, (prices_at(30, 82.1, 0.17), chains_at(31)))
    first = world.start(MINESTREAM_FEATURE_EVERY_S="300")
    told = await world.records(TELEMETRY, many(3))
    rows = await world.records(FEATURE, many(3 + 2 + 2))
    for topic, count in ((POOL_WORKER, 3), (POOL_RATE, 3), (PRICE, 2), (NETWORK, 2)):
        for record in await world.records(topic, many(count)):
            assert record.headers["traceparent"].endswith(f"-{PARENT}-00".encode())

    check_worths([MinerTelemetry.from_json(record.value or b"") for record in told])
    check_features([Feature.from_json(record.value or b"") for record in rows])

    await world.until_committed(MINER, 3)
    first.kill()
    first.wait()
    # more becomes known of the same instants; each reading comes again, here and on another machine
    await publish(world, RAW_POOL, (worker_at(0.9, 9e9), rate_at(0.95, 0.009)))
    for state, count in (("a", 6), ("b", 9)):
        await publish(world, RAW_MINER, (early, late, hours))
        process = world.start(state=state, MINESTREAM_FEATURE_EVERY_S="300")
        again = await world.records(TELEMETRY, many(count))
        for raw in (early, late, hours):
            assert len(set(told_of(again, raw))) == 1
        process.kill()
        process.wait()
    tellings: dict[Any, set[bytes]] = {}
    for row in await world.records(FEATURE, many(3 * 3 + 4)):
        feature = Feature.from_json(row.value or b"")
        if feature.group is FeatureGroup.MINER_TELEMETRY:
            tellings.setdefault(feature.event_id, set()).add(row.value or b"")
    assert [len(same) for same in tellings.values()] == [1, 1, 1]


async def test_what_nobody_can_read_of_a_pool_is_set_aside_and_the_rest_goes_on(
    world: World,
) -> None:
    await enter(world, "rig-7")
    garbage = of_pool(PoolMessage.PROFITABILITY, AT, ["no", "object"])
    nameless = of_pool(PoolMessage.WORKER, AT, {"hashrate": 5})
    chart = of_market(MarketEndpoint.NETWORK, "nobody", AT, "{}")
    bad: list[tuple[Topic, bytes, bytes]] = [
        (RAW_POOL, ACCOUNT.encode(), garbage.to_json()),
        (RAW_POOL, ACCOUNT.encode(), nameless.to_json()),
        (RAW_POOL, b"another-key", garbage.to_json()),
        (RAW_POOL, ACCOUNT.encode(), b"{"),
        (RAW_MARKET, chart.subject.encode(), chart.to_json()),
        (POOL_WORKER, b"x", b'{"subject": "x"}'),
    ]
    for topic, key, value in bad:
        await world.put(topic=topic, key=key, value=value)
    failed = worker_at(1, 1.0).model_copy(
        update={"status": PollStatus.TIMEOUT, "body": None, "event_id": new_event_id(AT)}
    )
    await publish(world, RAW_POOL, (failed, worker_at(2, 5.0)))
    world.start()
    letters = await world.records(dead_letter_topic("processor"), many(len(bad)))
    told = await world.records(POOL_WORKER, many(2))
    (value,) = (record.value for record in told if record.key != b"x")
    worker = PoolWorker.from_json(value or b"")
    assert worker.miner_id is None
    assert worker.subject == f"{ACCOUNT}/{WORKER}"
    reasons = sorted((one.headers["dlq-kind"], one.headers["dlq-reason"]) for one in letters)
    assert {kind for kind, _ in reasons} == {b"schema"}
    assert any(b"worker: without miner_name" in reason for _, reason in reasons)
    assert any(b"nobody reads network of nobody" in reason for _, reason in reasons)
    assert any(b"the key is not the subject" in reason for _, reason in reasons)

"""Every service at once, each killed in turn while an alert is under way (USR-topology, N-no-loss).

What a reading earns is recomputed by hand from what the pool said. Every transition of the alert
reaches the web hook and the mail server. Every feature row is at the feature store. The lake holds
each raw record once. And of the readings P ⊆ D ⊆ S, as in ``test_nothing_lost``.
"""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pyarrow.dataset
import pytest
from tests.e2e.backend import Backend, edges_of, listening
from tests.e2e.test_nothing_lost import check_sets, lines, settle
from tests.e2e.world import World, chosen_seed, command, inhabit, running

from minestream_devstack.demo import Where
from minestream_devstack.services import SERVICES
from minestream_runtime.kafka import Consumer
from minestream_schemas.market import RAW_MARKET
from minestream_schemas.pool import RAW_POOL
from minestream_schemas.raw import RAW_MINER

MINERS = 24
HOT = "demo-r01-s01"
GROUPS = ("miner_telemetry", "pool_performance", "market_data")
MINED = ("collector-vnish", "collector-cgminer")
LEDGERS = (*MINED, "collector-pool", "collector-market")
RAW = (RAW_MINER, RAW_POOL, RAW_MARKET)
JUDGE = "judge minestream.telemetry.v1"
TO_PEOPLE = {
    (None, "poll miner", "collector-vnish"),
    ("poll miner", "send minestream.raw.miner.v1", "collector-vnish"),
    ("send minestream.raw.miner.v1", "process minestream.raw.miner.v1", "processor"),
    ("process minestream.raw.miner.v1", "write minestream.telemetry.v1", "timescale-sink"),
    ("process minestream.raw.miner.v1", JUDGE, "alerter"),
    (JUDGE, "publish minestream.alert.v1", "alerter"),
    (JUDGE, "notify webhook", "alerter"),
    (JUDGE, "notify mail", "alerter"),
}
"""Parent, span, and whose it is: the way of a poll whose reading raised the alert."""
ELSEWHERE = {
    ("send minestream.raw.miner.v1", "archive minestream.raw.miner.v1", "archiver"),
    ("process minestream.raw.miner.v1", "send miner_telemetry", "abacus-sink"),
    ("process minestream.raw.miner.v1", "write minestream.feature.v1", "timescale-sink"),
    (None, "receive pool worker", "collector-pool"),
    ("receive pool worker", "send minestream.raw.pool.v1", "collector-pool"),
    ("send minestream.raw.pool.v1", "process minestream.raw.pool.v1", "processor"),
    ("send minestream.raw.pool.v1", "archive minestream.raw.pool.v1", "archiver"),
    ("process minestream.raw.pool.v1", "write minestream.pool.worker.v1", "timescale-sink"),
    (None, "ask coingecko simple_price", "collector-market"),
    ("ask coingecko simple_price", "send minestream.raw.market.v1", "collector-market"),
    ("send minestream.raw.market.v1", "process minestream.raw.market.v1", "processor"),
    ("send minestream.raw.market.v1", "archive minestream.raw.market.v1", "archiver"),
    ("process minestream.raw.market.v1", "write minestream.market.price.v1", "timescale-sink"),
    ("process minestream.raw.market.v1", "process minestream.market.price.v1", "processor"),
    ("process minestream.market.price.v1", "send market_data", "abacus-sink"),
    ("process minestream.raw.pool.v1", "process minestream.pool.worker.v1", "processor"),
    ("process minestream.pool.worker.v1", "send pool_performance", "abacus-sink"),
}
"""The other ways, each in some trace."""
ENVIRONMENT = {
    "MINESTREAM_CREDENTIALS_KEY": "A" * 43 + "=",
    "MINESTREAM_DEMO": "1",
    "MINESTREAM_POLL_INTERVAL_S": "5",
    "MINESTREAM_TEMPERATURE_FOR_S": "5",
    "MINESTREAM_TEMPERATURE_RESOLVE_S": "5",
    "MINESTREAM_FEATURE_EVERY_S": "10",
    "MINESTREAM_MARKET_PRICE_EVERY_S": "15",
    "MINESTREAM_ARCHIVE_FILE_AGE_S": "5",
    "MINESTREAM_TRACE_RATIO": "1",
}


async def ask(where: Where, path: str) -> Any:
    url = f"http://127.0.0.1:{where.outside}{path}"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def start_all(world: World) -> None:
    world.ports["gateway"] = world.free_port("gateway")
    for service in SERVICES:
        own = {"MINESTREAM_GATEWAY_PORT": str(world.ports["gateway"])}
        if service.name in LEDGERS:
            own["MINESTREAM_LEDGER_FILE"] = str(ledger_of(world, service.name))
        world.add(service.name, service.module, **own)
    for service in SERVICES:
        await world.ready(service.name, within_s=120)


def ledger_of(world: World, service: str) -> Path:
    return world.folder / f"{service}.ledger"


async def check_dollars(world: World) -> None:
    """A reading's money by hand, from the rate that the pool had told by then."""

    async def earned() -> bool:
        return bool(await asyncio.to_thread(readings_by_pool_rate, world))

    await world.until(earned, "a reading that the pool's rate prices", within_s=120)
    row = readings_by_pool_rate(world)[0]
    (rate,) = world.rows(
        "SELECT usd_per_hs_day, unit_hs FROM telemetry_v1.pool_rate "
        "WHERE ts = %s AND algorithm = %s AND usd_per_hs_day > 0",
        row.price_at, row.algorithm,
    )  # fmt: skip
    fees = world.rows(
        "SELECT fee_ratio FROM telemetry_v1.pool_rate WHERE fee_ratio IS NOT NULL "
        "AND algorithm = %s AND ts <= %s ORDER BY ts DESC LIMIT 1",
        row.algorithm, row.ts,
    )  # fmt: skip
    fee = fees[0].fee_ratio if fees else 0.0  # the pool tells it elsewhere, and not as often
    assert rate.unit_hs == 1e6, "Prohashing speaks of MH/s"
    per_mhs = rate.usd_per_hs_day * (1 - fee) * 1e6
    revenue = row.hashrate_hs / 1e6 * per_mhs
    cost = row.power_w / 1000 * 24 * row.tariff_usd_per_kwh
    assert row.revenue_usd_per_day == pytest.approx(revenue, rel=1e-9)
    assert row.power_cost_usd_per_day == pytest.approx(cost, rel=1e-9)
    assert row.profit_usd_per_day == pytest.approx(revenue - cost, rel=1e-9)
    assert row.price_at <= row.ts
    assert row.pool_at <= row.ts
    assert 0.3 < row.pool_hashrate_hs / row.hashrate_hs < 1.5
    print(  # noqa: T201 - for whoever recomputes it
        f"{row.miner_id}: {row.hashrate_hs / 1e6:.1f} MH/s x {per_mhs:.4e} USD = {revenue:.4f}, "
        f"{row.power_w:.0f} W at {row.tariff_usd_per_kwh} USD/kWh = {cost:.4f}"
    )


def readings_by_pool_rate(world: World) -> list[Any]:
    return world.rows(
        "SELECT * FROM telemetry_v1.reading WHERE revenue_basis = 'pool_rate' "
        "AND pool_at IS NOT NULL AND profit_usd_per_day IS NOT NULL AND status = 'mining' LIMIT 1"
    )


async def kill_each_in_turn(world: World, rng: random.Random) -> None:
    for service in rng.sample(SERVICES, len(SERVICES)):
        world.children[service.name].kill()
        await world.ready(service.name, within_s=120)


async def check_alert(world: World, where: Where) -> None:
    """Every transition has reached web hook and mail server, and hardly ever twice."""

    async def told() -> bool:
        rows = await asyncio.to_thread(notifications, world)
        phases = {row.phase for row in rows}
        return phases == {"firing", "resolved"} and all(row.state == "sent" for row in rows)

    await world.until(told, "the alert and its end were told", within_s=120)
    rows = notifications(world)
    assert {row.channel for row in rows} == {"webhook", "mail"}
    inbox = await ask(where, "/inbox/messages")
    came = Counter(message["channel"] for message in inbox["messages"])
    assert came == Counter(row.channel for row in rows), "each once, by the key it carries"
    assert inbox["doubles"] <= 2 * world.children["alerter"].kills
    assert not any(message["differed"] for message in inbox["messages"])
    hooks = [message["alert"] for message in inbox["messages"] if message["alert"]]
    assert {hook["subject"] for hook in hooks} == {HOT}
    url = f"http://127.0.0.1:{world.ports['gateway']}/api/v1/alerts"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        (shown, *_) = (await answer.json())["items"]
    assert (shown["miner_id"], shown["phase"]) == (HOT, "resolved")


def notifications(world: World) -> list[Any]:
    return world.rows(
        "SELECT n.channel, n.state, t.phase FROM alerting_v1.notification AS n "
        "JOIN alerting_v1.transition AS t USING (alert_id, number)"
    )


async def check_features(world: World, where: Where) -> None:
    """What the feature store has is what the topic told, each row once."""

    async def same() -> bool:
        for group in GROUPS:
            told = await asyncio.to_thread(
                world.rows, 'SELECT row_id FROM telemetry_v1.feature WHERE "group" = %s', group
            )
            stored = await ask(where, f"/abacus/rows?tableName={group}")
            if not told or {row.row_id for row in told} != {row["row_id"] for row in stored}:
                return False
        return True

    await world.until(same, "all features are at the feature store", within_s=120)


async def check_lake(world: World) -> None:
    """The lake holds each raw record once, those of the collectors' ledgers among them."""
    told: dict[tuple[str, int], int] = {}
    async with Consumer(world.settings, RAW) as consumer:
        for partition, end in (await consumer.ends(consumer.owned())).items():
            told[partition.topic, partition.number] = end

    async def whole() -> bool:
        kept = await asyncio.to_thread(in_lake, world)
        return Counter({key: len(rows) for key, rows in kept.items()}) == Counter(told)

    await world.until(whole, "the lake holds every raw record", within_s=120)
    kept = in_lake(world)
    for key, rows in kept.items():
        assert sorted(offset for offset, _ in rows) == list(range(told[key])), key
    events = {event for rows in kept.values() for _, event in rows}
    for service in LEDGERS:
        taken = {line["event"] for line in lines(ledger_of(world, service)) if "event" in line}
        assert taken, service
        assert taken <= events, service


def in_lake(world: World) -> dict[tuple[str, int], list[tuple[int, str]]]:
    lake = world.folder / "state" / "archiver" / "lake"
    found: dict[tuple[str, int], list[tuple[int, str]]] = {}
    # below _partitions they are being written: not in the lake yet, and gone in a moment
    files = [str(path) for path in lake.rglob("*.parquet") if "_partitions" not in path.parts]
    columns = ["topic", "partition", "offset", "event_id"]
    for row in pyarrow.dataset.dataset(files).to_table(columns=columns).to_pylist():
        place = (row["topic"], row["partition"])
        found.setdefault(place, []).append((row["offset"], row["event_id"]))
    return found


async def check_traces(world: World, backend: Backend) -> None:
    """One trace leads from a poll to the people; the edges between all services are there."""
    missing: set[tuple[str | None, str, str]] = set()

    async def complete() -> bool:
        traces = [edges_of(spans) for spans in backend.by_trace().values()]
        closest = max(traces, key=lambda edges: len(edges & TO_PEOPLE), default=set())
        missing.clear()
        missing.update((TO_PEOPLE - closest) | (ELSEWHERE - set[Any]().union(*traces)))
        return not missing

    try:
        await world.until(complete, "every edge between services", within_s=90)
    except AssertionError as exc:
        raise AssertionError(f"no such edge: {sorted(missing, key=str)}") from exc


@pytest.mark.timeout(600)
async def test_every_service_does_its_work_and_survives_being_killed(
    tmp_path: Path, environment: dict[str, str], database_url: str
) -> None:
    rng = random.Random(chosen_seed("MINESTREAM_CHAOS_SEED"))
    replies = tmp_path / "replies.jsonl"
    told = environment | ENVIRONMENT
    async with (
        listening() as backend,
        running(
            World(tmp_path, {**told, "MINESTREAM_OTLP_ENDPOINT": backend.url}, database_url)
        ) as world,
    ):
        where = await inhabit(world, miners=MINERS, seed=5, replies=replies, mixed=True)
        await start_all(world)
        await check_dollars(world)
        broken = ("fault", "hot-chip", "--miner", HOT, "--for", "40")
        await asyncio.to_thread(command, world, *broken)
        await kill_each_in_turn(world, rng)
        await check_alert(world, where)
        for service in LEDGERS[len(MINED) :]:
            await asyncio.to_thread(world.children[service].stop)
        ledgers = {service: ledger_of(world, service) for service in MINED}
        await settle(world, ledgers)
        kills = {service.name: world.children[service.name].kills for service in SERVICES}
        check_sets(world, ledgers, replies, kills, least=MINERS)
        await check_features(world, where)
        await check_lake(world)
        await check_traces(world, backend)

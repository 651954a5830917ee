"""Nothing lost, nothing doubled, whatever is killed (N-no-loss, USR-topology, S0-6.3-windows).

**S**: the replies that the emulated miners logged. **P**: the events that the collector wrote to
its ledger after Kafka's acknowledgement or the spool's commit, less counted drops. **D**: the rows
with numbers. P ⊆ D ⊆ S, no key twice, and every closed window equals the one computed from the
rows by the query below.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
from tests.e2e.world import World, chosen_seed, inhabit, running

from minestream_devstack.kafka import KafkaServer

MINERS = 200
CHAOS_S = 95
KAFKA_STOPS_AT_S, KAFKA_STAYS_AWAY_S = 30, 20
VICTIMS = ("processor", "timescale-sink", "collector-vnish")
WINDOW_S, GRACE_S = 10, 5

WINDOWS_FROM_ROWS = """
WITH said AS (
    SELECT *, date_bin(make_interval(secs => %(window_s)s), ts, 'epoch') AS start,
        lag(accepted_total) OVER spoken AS accepted_before,
        lag(rejected_total) OVER spoken AS rejected_before,
        lag(stale_total) OVER spoken AS stale_before,
        lag(hw_errors_total) OVER spoken AS errors_before
    FROM telemetry_v1.reading
    WINDOW spoken AS (PARTITION BY miner_id, accepted_total IS NULL ORDER BY ts, event_id)
)
SELECT miner_id, start, count(*) AS readings, count(hashrate_hs) AS answered,
    avg(hashrate_hs) AS hashrate_mean_hs, min(hashrate_hs) AS hashrate_min_hs,
    max(hashrate_hs) AS hashrate_max_hs, avg(power_w) AS power_mean_w, max(power_w) AS power_max_w,
    avg(chip_temp_max_c) AS chip_temp_mean_c, max(chip_temp_max_c) AS chip_temp_max_c,
    max(pcb_temp_max_c) AS pcb_temp_max_c, max(anomaly_score) AS anomaly_score_max,
    count(*) FILTER (WHERE status IN ('mining', 'tuning')) AS mining,
    min((SELECT min(rpm) FROM unnest(fan_rpm) AS fan (rpm))) AS fan_rpm_min,
    sum(CASE WHEN stale_total >= stale_before THEN stale_total - stale_before
             WHEN stale_before IS NOT NULL THEN stale_total END) AS stale_delta,
    sum(CASE WHEN accepted_total >= accepted_before THEN accepted_total - accepted_before
             WHEN accepted_before IS NOT NULL THEN accepted_total END) AS accepted_delta,
    sum(CASE WHEN rejected_total >= rejected_before THEN rejected_total - rejected_before
             WHEN rejected_before IS NOT NULL THEN rejected_total END) AS rejected_delta,
    sum(CASE WHEN hw_errors_total >= errors_before THEN hw_errors_total - errors_before
             WHEN errors_before IS NOT NULL THEN hw_errors_total END) AS hw_errors_delta
FROM said GROUP BY 1, 2
"""
WINDOW_FIELDS = (
    "readings", "answered", "hashrate_mean_hs", "hashrate_min_hs", "hashrate_max_hs",
    "power_mean_w", "power_max_w", "chip_temp_mean_c", "chip_temp_max_c", "pcb_temp_max_c",
    "accepted_delta", "rejected_delta", "hw_errors_delta",
    "mining",
    "fan_rpm_min",
    "stale_delta",
    "anomaly_score_max",
)  # fmt: skip


def lines(path: Path) -> Iterator[dict[str, str]]:
    """The whole lines of a log of JSON; one that a kill cut short does not count."""
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


@pytest.fixture
async def kafka(tmp_path: Path) -> AsyncIterator[KafkaServer]:
    """A Kafka that this test may stop."""
    server = KafkaServer(tmp_path / "kafka", preferred_port=0)
    await asyncio.to_thread(server.prepare)
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.kill)


async def torment(world: World, kafka: KafkaServer, rng: random.Random) -> None:
    """Kill services with -9 at random moments, and take Kafka away once."""

    async def kills() -> None:
        each_once = rng.sample(VICTIMS, len(VICTIMS))
        while True:
            await asyncio.sleep(rng.uniform(2, 6))
            world.children[each_once.pop() if each_once else rng.choice(VICTIMS)].kill()

    async def outage() -> None:
        await asyncio.sleep(KAFKA_STOPS_AT_S)
        await asyncio.to_thread(kafka.stop)
        await asyncio.sleep(KAFKA_STAYS_AWAY_S)
        await asyncio.to_thread(kafka.start)

    async with asyncio.timeout(CHAOS_S + 60):
        killing = asyncio.ensure_future(kills())
        await asyncio.gather(outage(), asyncio.sleep(CHAOS_S))
        killing.cancel()


def produced(ledger: Path) -> set[str]:
    """P: events with numbers that Kafka or the spool has taken, less those that were dropped."""
    taken, dropped = set(), set()
    for line in lines(ledger):
        if "dropped" in line:
            dropped.add(line["dropped"])
        elif line["status"] in {"ok", "partial"}:
            taken.add(line["event"])
    return taken - dropped


@pytest.mark.timeout(480)
async def test_nothing_is_lost_and_nothing_doubled_whatever_is_killed(
    tmp_path: Path, kafka: KafkaServer, database_url: str, namespace: str
) -> None:
    rng = random.Random(chosen_seed("MINESTREAM_CHAOS_SEED"))
    environment = {
        "MINESTREAM_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "MINESTREAM_TOPIC_NAMESPACE": namespace,
        "MINESTREAM_DATABASE_URL": database_url,
        "MINESTREAM_CREDENTIALS_KEY": "A" * 43 + "=",
        "MINESTREAM_DEMO": "1",
        "MINESTREAM_POLL_INTERVAL_S": "5",
        "MINESTREAM_WINDOW_S": str(WINDOW_S),
        "MINESTREAM_GRACE_S": str(GRACE_S),
    }
    ledger, replies = tmp_path / "ledger.jsonl", tmp_path / "replies.jsonl"
    async with running(World(tmp_path, environment, database_url)) as world:
        await inhabit(world, miners=MINERS, seed=7, replies=replies)
        world.add("timescale-sink", "timescale_sink")
        world.add("processor", "processor")
        world.add("collector-vnish", "collector_vnish", MINESTREAM_LEDGER_FILE=str(ledger))
        for name in ("timescale-sink", "processor", "collector-vnish"):
            await world.ready(name, within_s=90)

        await torment(world, kafka, rng)
        ledgers = {"collector-vnish": ledger}
        await settle(world, ledgers)
        kills = {name: world.children[name].kills for name in VICTIMS}
        # a third of the polls brought a reading
        check_sets(world, ledgers, replies, kills, least=int(MINERS * CHAOS_S / 5 / 3))
        await check_windows(world)


async def settle(world: World, ledgers: Mapping[str, Path]) -> None:
    """Let everything that was begun come to its end.

    Args:
        world: it.
        ledgers: of the collectors of miners, by service.
    """
    for service in ledgers:
        await world.ready(service, within_s=120)

        async def spool_is_empty(service: str = service) -> bool:
            return await world.metric(service, "minestream_spool_events") == 0

        await world.until(spool_is_empty, f"spool of {service} empty", within_s=120)
        await asyncio.to_thread(world.children[service].stop)
    taken = set[str]().union(*map(produced, ledgers.values()))

    async def all_written() -> bool:
        rows = await asyncio.to_thread(
            world.rows, "SELECT DISTINCT raw_event_id::text FROM telemetry_v1.reading"
        )
        return taken <= {row[0] for row in rows}

    await world.until(all_written, f"{len(taken)} readings written", within_s=120)


def check_sets(
    world: World,
    ledgers: Mapping[str, Path],
    replies: Path,
    kills: dict[str, int],
    *,
    least: int,
) -> None:
    """P ⊆ D ⊆ S, and no key twice; of at least so many readings."""
    rows = world.rows(
        "SELECT r.raw_event_id::text AS event, r.miner_id, r.ts, "
        "ARRAY(SELECT e.value ->> 'reply_id' FROM jsonb_each(w.event::jsonb -> 'endpoints') AS e "
        "WHERE e.value ? 'reply_id') AS reply_ids "
        "FROM telemetry_v1.reading r LEFT JOIN telemetry_v1.raw_event w "
        "ON w.event_id = r.raw_event_id AND w.miner_id = r.miner_id AND w.polled_at = r.ts "
        "WHERE r.hashrate_hs IS NOT NULL"
    )
    taken = set[str]().union(*map(produced, ledgers.values()))
    written = {row.event for row in rows}
    served = {str(line["reply"]) for line in lines(replies)}
    print(f"kills {kills}, S {len(served)}, P {len(taken)}, D {len(written)}")  # noqa: T201
    assert all(kills.values()), "each service was killed at least once"
    assert len(taken) > least, "too few to mean anything"
    assert taken <= written
    assert len(rows) == len(written), "an event has two rows"
    assert len({(row.miner_id, row.ts) for row in rows}) == len(rows)
    assert all(row.reply_ids for row in rows), "numbers that no reply has said"
    assert {reply for row in rows for reply in row.reply_ids} <= served


async def check_windows(world: World) -> None:
    """Every window that time has closed equals the one computed from the rows."""

    async def agree() -> bool:
        return not await asyncio.to_thread(disagreements, world)

    try:
        await world.until(agree, "windows agree with the rows", within_s=90)
    except AssertionError as exc:
        raise AssertionError("\n".join(disagreements(world)[:10])) from exc


def disagreements(world: World, window_s: int = WINDOW_S) -> list[str]:
    """What differs between the stored windows and those computed from the rows."""
    stored = {
        (row.miner_id, row.window_start_at): row
        for row in world.rows(
            'SELECT DISTINCT ON (miner_id, window_start_at) * FROM telemetry_v1."window" '
            "WHERE window_s = %s ORDER BY miner_id, window_start_at, revision DESC",
            window_s,
        )
    }
    found = []
    computed = world.rows(WINDOWS_FROM_ROWS.replace("%(window_s)s", str(window_s)))
    for row in computed:
        mine = stored.pop((row.miner_id, row.start), None)
        if mine is None:
            found.append(f"{row.miner_id} {row.start}: not stored")
            continue
        for field in WINDOW_FIELDS:
            want, have = getattr(row, field), getattr(mine, field)
            same = want is have is None or (
                want is not None and have == pytest.approx(float(want), rel=1e-9, abs=1e-9)
            )
            if not same:
                found.append(f"{row.miner_id} {row.start} r{mine.revision} {field}: {have} {want}")
    return found + [f"{key}: stored without rows" for key in stored]

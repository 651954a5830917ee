"""What pools that are asked over HTTP say comes out as accounts, incomes and workers, on Kafka."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from minestream_runtime.clock import new_event_id
from minestream_runtime.kafka import Record
from minestream_schemas.dead_letter import dead_letter_topic
from minestream_schemas.inventory import INVENTORY, InventoryEntry
from minestream_schemas.pool import (
    POOL_BALANCE,
    POOL_REWARD,
    POOL_STATS,
    POOL_WORKER,
    RAW_POOL,
    PoolMessage,
    PoolReward,
    PoolStats,
    PoolWorker,
    RawPool,
)
from minestream_schemas.raw import EndpointBody, PollStatus

World = Any
FIXTURES = Path(__file__).parents[2] / "fixtures" / "pools"
AT = datetime(2026, 9, 23, 12, 0, tzinfo=UTC)
FEED = "8e0c0a0e-2f7a-4d0c-9a4d-0123456789ab"


def _many(count: int) -> Callable[[list[Record]], bool]:
    return lambda found: len(found) >= count


def _cycle(pool: str, about: PoolMessage, minutes: float, **files: str) -> RawPool:
    at = AT + timedelta(minutes=minutes)
    return RawPool(
        event_id=new_event_id(at),
        account_id=f"{pool}-main",
        subject=f"{pool}-main",
        collector_id="collector-pool-0",
        pool=pool,
        dialect=pool,
        message=about,
        received_at=at,
        status=PollStatus.OK,
        snapshot=about is PoolMessage.SNAPSHOT,
        endpoints={
            name: EndpointBody(
                status=PollStatus.OK, fetched_at=at, body=(FIXTURES / file).read_text()
            )
            for name, file in files.items()
        },
    )


def _change(seconds: float) -> RawPool:
    at = AT + timedelta(seconds=seconds)
    body = {
        "uuid": FEED,
        "miner_name": "rig-7",
        "hashrate": 1e10 + seconds,
        "coin_name": "Litecoin",
    }
    return RawPool(
        event_id=new_event_id(at),
        account_id="prohashing-main",
        subject=f"prohashing-main/{FEED}",
        collector_id="collector-pool-0",
        pool="prohashing",
        dialect="prohashing-wamp",
        message=PoolMessage.WORKER,
        received_at=at,
        status=PollStatus.OK,
        snapshot=True,
        body=json.dumps(body),
    )


async def test_accounts_incomes_and_workers_come_out_and_what_is_told_again_is_the_same(
    world: World,
) -> None:
    entry = InventoryEntry(
        miner_id="site-a-r01-s01", site_id="site-a", address="127.0.0.1:80", workers=("1",)
    )
    await world.producer.publish(INVENTORY, entry)
    rewards = [
        _cycle("ocean", PoolMessage.REWARDS, minutes, earnpay="ocean_earnpay_2026.json")
        for minutes in (1, 61)
    ]
    unreadable = _cycle("viabtc", PoolMessage.SNAPSHOT, 2, hashrate="f2pool_info_assembled.json")
    api = "litecoinpool_api_doge_assembled.json"
    for raw in (
        _cycle("litecoinpool", PoolMessage.SNAPSHOT, 0, api=api),
        *rewards,
        unreadable,
        *(_change(seconds) for seconds in (0, 5, 10, 59, 60)),
    ):
        await world.producer.publish(RAW_POOL, raw)
    world.start()
    found = await world.records(POOL_STATS, _many(2))
    stats = [PoolStats.from_json(each.value or b"") for each in found]
    assert sorted((each.coin, each.unpaid_coins) for each in stats) == [
        ("dogecoin", 234.1),
        ("litecoin", 0.11),
    ]
    assert {each.key for each in found} == {
        b"litecoinpool-main/litecoin",
        b"litecoinpool-main/dogecoin",
    }
    told = await world.records(POOL_REWARD, _many(8))
    income = [PoolReward.from_json(each.value or b"") for each in told]
    assert len(income) == 8
    assert len({each.event_id for each in income}) == 4
    assert len(await world.records(POOL_BALANCE, _many(2))) == 2
    seen = await world.records(POOL_WORKER, _many(4))
    workers = [PoolWorker.from_json(each.value or b"") for each in seen]
    joined = [each for each in workers if each.miner_id is not None]
    assert [(each.worker, each.subject) for each in joined] == [("exampleuser.1", "site-a-r01-s01")]
    fed = sorted(each.ts for each in workers if each.worker == "rig-7")
    assert fed == [AT, AT + timedelta(seconds=60)]  # one a minute
    (letter,) = await world.records(dead_letter_topic("processor"), _many(1))
    assert b"not one figure" in letter.headers["dlq-reason"]

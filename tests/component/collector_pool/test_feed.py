"""The collector against the pool's feed, with real Kafka behind it."""

import json
from datetime import timedelta

from tests.component.collector_pool.pool_world import Line, Pool, of, workers

from minestream_emulators.prohashing.site import POOL_KEY
from minestream_schemas.pool import PoolMessage


async def test_a_snapshot_then_changes_that_are_merged_and_verbatim(line: Line, pool: Pool) -> None:
    line.start(pool.address)
    said = await line.said(
        lambda said: (
            len(workers(said, snapshot=True)) >= 3
            and len(workers(said, snapshot=False)) >= 9
            and of(said, PoolMessage.PROFITABILITY)
            and of(said, PoolMessage.BALANCES)
            and of(said, PoolMessage.GENERAL)
            and of(said, PoolMessage.STATUS)
        )
    )
    first = {each.subject: each for each in workers(said, snapshot=True)[:3]}
    assert len(first) == 3
    names = {station.resident.who.worker for station in pool.fleet.stations.values()}
    assert {json.loads(each.body or "")["miner_name"] for each in first.values()} == names
    for subject, whole in first.items():
        record = json.loads(whole.body or "")
        assert subject == f"prohashing-main/{record['uuid']}"
        for change in workers(said, snapshot=False):
            if change.subject == subject:
                record |= json.loads(change.body or "")
                assert json.loads(change.merged or "") == record
    assert {str(each.event_id) for each in said} <= {each["event"] for each in line.ledger()}
    seen = line.metrics()
    assert seen['minestream_source_connected{source="prohashing-main"}'] == 1
    assert seen['minestream_source_fresh{source="prohashing-main"}'] == 1
    assert "ready" in line.page("/readyz")

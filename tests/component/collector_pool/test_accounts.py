"""Accounts of a file, followed by a collector of its own process, onto a real Kafka."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.component.collector_pool.pool_world import Line
from tests.unit.collector_pool.http_pools import emulated_pools
from tests.unit.dialects.pool_snapshots import nobody

from minestream_dialects.pools import normalise
from minestream_emulators.pools.site import ADDRESS, KEY
from minestream_schemas.pool import PoolMessage, PoolReward, PoolStats, RawPool, RewardKind
from minestream_schemas.raw import PollStatus

_NO_FEED: Any = SimpleNamespace(wamp_url="ws://127.0.0.1:1", web="http://127.0.0.1:1")


def _file(folder: Path, url: str) -> str:
    path = folder / "pools.yaml"
    path.write_text(
        f"""\
accounts:
  - {{account_id: ocean-main, pool: ocean, address: {ADDRESS}, url: "{url}/ocean"}}
  - {{account_id: f2pool-main, pool: f2pool, key: "${{F2_TOKEN}}", user: minestream,
      coin: litecoin, url: "{url}/f2pool"}}
  - {{account_id: litecoinpool-main, pool: litecoinpool, key: "${{F2_TOKEN}}",
      url: "{url}/litecoinpool"}}
  - {{account_id: braiins-wrong, pool: braiins, key: "${{WRONG}}", url: "{url}/braiins"}}
""",
        encoding="utf-8",
    )
    return str(path)


def _enough(said: list[RawPool]) -> bool:
    told = {(each.account_id, each.message) for each in said}
    return told >= {
        ("ocean-main", PoolMessage.SNAPSHOT),
        ("ocean-main", PoolMessage.REWARDS),
        ("f2pool-main", PoolMessage.SNAPSHOT),
        ("f2pool-main", PoolMessage.REWARDS),
        ("litecoinpool-main", PoolMessage.SNAPSHOT),
        ("braiins-wrong", PoolMessage.SNAPSHOT),
    }


async def test_each_account_tells_snapshots_and_income_and_no_key_leaves_the_process(
    line: Line, tmp_path: Path
) -> None:
    async with emulated_pools() as (site, _, url):
        line.start(
            _NO_FEED,
            MINESTREAM_POOL_PROFILE="none",
            MINESTREAM_POOLS_FILE=_file(tmp_path, url),
            F2_TOKEN=KEY,
            WRONG="wrong-secret-token",
        )
        said = await line.said(_enough)
        ledgers = site.ledgers
    snapshots = {each.account_id: each for each in said if each.message is PoolMessage.SNAPSHOT}
    assert snapshots["braiins-wrong"].status is PollStatus.UNAUTHORISED
    for pool in ("ocean", "f2pool", "litecoinpool"):
        event = snapshots[f"{pool}-main"]
        assert (event.status, event.dialect, event.snapshot) == (PollStatus.OK, pool, True)
        stats = next(
            each for each in normalise(event, miner_of=nobody) if isinstance(each, PoolStats)
        )
        assert stats.workers_total == len(ledgers[pool].workers)
        assert stats.hashrate_hs
    for event in said:
        if event.message is not PoolMessage.REWARDS or event.account_id == "braiins-wrong":
            continue
        told = [e for e in normalise(event, miner_of=nobody) if isinstance(e, PoolReward)]
        assert {each.kind for each in told} == set(RewardKind)
    calls = 'minestream_source_calls_total{outcome="ok",source="ocean"}'
    fresh = 'minestream_source_fresh{source="ocean-main"}'
    await line.measured(lambda seen: seen.get(calls, 0) >= 4 and seen.get(fresh) == 1)
    await line.until(lambda: "refuses the key of braiins-wrong" in line.page("/readyz"))
    everything = "".join(
        (
            *(event.to_json().decode() for event in said),
            (tmp_path / "log").read_text(),
            line.page("/metrics"),
            line.page("/readyz"),
        )
    )
    assert KEY not in everything
    assert "wrong-secret-token" not in everything


async def test_a_file_with_faults_is_refused_with_file_and_line(line: Line, tmp_path: Path) -> None:
    path = tmp_path / "pools.yaml"
    path.write_text("accounts:\n  - account_id: a-main\n    pool: nowhere\n", encoding="utf-8")
    process = line.start(_NO_FEED, MINESTREAM_POOL_PROFILE="none", MINESTREAM_POOLS_FILE=str(path))
    assert process.wait(timeout=60) != 0
    assert f"{path}:3: accounts[0].pool: one of braiins, f2pool" in (tmp_path / "log").read_text()

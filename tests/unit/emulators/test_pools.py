"""The emulated pools say what the fleet does, each in its own words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, web
from tests.unit.dialects.pool_snapshots import body, message, nobody, said_of

from minestream_dialects.pools import POOLS, normalise
from minestream_dialects.pools.port import Account, Call, Span
from minestream_emulators.outside import Outside
from minestream_emulators.pools.site import ADDRESS, KEY, Site
from minestream_emulators.running import emulated_fleet
from minestream_emulators.troubles import Trouble, Troubles
from minestream_schemas.pool import PoolMessage, PoolReward, PoolStats, PoolWorker, RewardKind

START = datetime(2026, 11, 21, 14, tzinfo=UTC)
MIX = {"l9-1.2.7": 0.5, "s21pro-1.2.7": 0.5}
SAID = said_of(key=KEY, address=ADDRESS, coin="litecoin")


class World:
    """The pools on a free port, asked as their adapters say."""

    def __init__(self, site: Site, troubles: Troubles, web_url: str, at: list[datetime]) -> None:
        self.site, self.troubles, self._url, self._at = site, troubles, web_url, at

    def pass_s(self, seconds: float) -> None:
        self._at[0] += timedelta(seconds=seconds)

    def calls(self, pool: str) -> tuple[Call, ...]:
        said = {"account_id": f"{pool}-main", "pool": pool, **SAID[pool]}
        account: Account = POOLS[pool].account.model_validate(said)
        now = self._at[0]
        return POOLS[pool].calls(account, Span(now - timedelta(days=3), now))

    async def ask(self, pool: str, call: Call, page: int = 1) -> Any:
        plain = {
            key: value if isinstance(value, str) else value.get_secret_value()
            for key, value in {**call.params, **({"page": str(page)} if page > 1 else {})}.items()
        }
        headers = {
            key: value if isinstance(value, str) else value.get_secret_value()
            for key, value in call.headers.items()
        }
        async with (
            ClientSession(f"{self._url}/{pool}/") as http,
            http.request(
                "GET" if call.content is None else "POST",
                call.path,
                params=plain,
                headers=headers,
                json=call.content,
            ) as response,
        ):
            if "json" not in response.content_type:
                return await response.text()
            return await response.json() if response.status == 200 else response.status

    async def told(self, pool: str, about: PoolMessage) -> tuple[Any, ...]:
        answers = {}
        for call in self.calls(pool):
            if call.message is about:
                answers[call.name] = body(await self.ask(pool, call), fetched_at=self._at[0])
        coin = SAID[pool].get("coin")
        raw = message(pool, answers, about, received_at=self._at[0], coin=coin)
        return normalise(raw, miner_of=nobody)


@asynccontextmanager
async def _world(**more: Any) -> AsyncIterator[World]:
    at = [START]
    async with emulated_fleet(miners=4, mix=MIX, now=lambda: at[0], **more) as fleet:
        troubles = Troubles(lambda: 0.0)
        site = Site(Outside(fleet, troubles))
        root = web.Application()
        root.add_subapp("/pools", site.application())
        runner = web.AppRunner(root, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield World(site, troubles, f"http://127.0.0.1:{runner.addresses[0][1]}/pools", at)
        finally:
            await runner.cleanup()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Two L9 and two S21 Pro."""
    async with _world() as this:
        yield this


@pytest.mark.parametrize("pool", sorted(POOLS))
async def test_what_a_pool_says_of_its_account_is_what_the_fleet_does(
    world: World, pool: str
) -> None:
    world.pass_s(300)
    told = await world.told(pool, PoolMessage.SNAPSHOT)
    stats = next(each for each in told if isinstance(each, PoolStats))
    ledger = world.site.ledgers[pool]
    true_hs = sum(seen.means_hs[300.0] for seen in ledger.workers)
    assert true_hs > 0
    assert stats.hashrate_hs == pytest.approx(true_hs, rel=0.1)
    assert stats.unpaid_coins == pytest.approx(ledger.unpaid, rel=1e-3, abs=1e-8)
    assert (stats.workers_total, stats.workers_active) == (2, 2)
    assert stats.quality_flags == ()
    workers = [each for each in told if isinstance(each, PoolWorker)]
    names = {seen.name for seen in ledger.workers}
    assert {each.worker.rpartition(".")[2] for each in workers} == names
    assert {each.quality_flags for each in workers} == {("miner_unknown",)}
    assert sum(each.hashrate_24h_hs or 0.0 for each in workers) == pytest.approx(
        sum(seen.means_hs[86400.0] for seen in ledger.workers), rel=1e-3
    )


@pytest.mark.parametrize("pool", sorted(set(POOLS) - {"litecoinpool"}))
async def test_days_that_are_over_were_earned_and_paid(world: World, pool: str) -> None:
    told: list[PoolReward] = []
    for about in (PoolMessage.REWARDS, PoolMessage.PAYOUTS):
        if any(call.message is about for call in world.calls(pool)):
            told += await world.told(pool, about)
    ledger = world.site.ledgers[pool]
    days = list(ledger.days((START - timedelta(days=3)).timestamp(), START.timestamp()))
    mined = [each for each in told if each.coin != "dogecoin"]
    for kind in RewardKind:
        rewards = {each.event_id: each for each in mined if each.kind is kind}
        amounts = sorted(each.amount_coins for each in rewards.values())
        assert amounts[-3:] == pytest.approx(sorted(d.coins for d in days)[-3:], rel=1e-3, abs=1e-8)
    assert (len(told) > len(mined)) == (pool in {"f2pool", "viabtc"}), "it mines along"


async def test_what_was_paid_is_owed_no_more(world: World) -> None:
    before = world.site.ledgers["braiins"].unpaid
    world.site.ledgers["braiins"].advance((START + timedelta(hours=11)).timestamp())
    assert 0 < world.site.ledgers["braiins"].unpaid < before


@pytest.mark.parametrize("pool", sorted(POOLS))
async def test_a_wrong_key_is_refused_as_that_pool_refuses(world: World, pool: str) -> None:
    world.troubles.begin(Trouble.POOL_WRONG_KEY, for_s=None)
    answer = await world.ask(pool, world.calls(pool)[0])
    if pool == "ocean":  # it wants no key
        assert POOLS[pool].refusal(answer) is None
    else:
        assert answer == 403 or POOLS[pool].refusal(answer) is not None


@pytest.mark.parametrize("trouble", [Trouble.POOL_429, Trouble.POOL_429_BARE])
@pytest.mark.parametrize("pool", sorted(POOLS))
async def test_a_pool_that_limits_us_says_so(world: World, pool: str, trouble: Trouble) -> None:
    world.troubles.begin(trouble, for_s=None)
    answer = await world.ask(pool, world.calls(pool)[0])
    refusal = None if answer == 429 else POOLS[pool].refusal(answer)
    assert answer == 429 or (refusal is not None and refusal.limited)


async def test_a_pool_that_is_down_drops_connections(world: World) -> None:
    world.troubles.begin(Trouble.POOL_DOWN, for_s=None)
    with pytest.raises(ClientError):
        await world.ask("ocean", world.calls("ocean")[0])


async def test_a_malformed_answer_is_no_json(world: World) -> None:
    world.troubles.begin(Trouble.POOL_MALFORMED, for_s=None)
    assert await world.ask("viabtc", world.calls("viabtc")[0]) == "<html>maintenance</html>"

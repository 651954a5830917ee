"""Each call is kept for its time; what is old is shown, and marked, while a pool gives no new."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.unit.collector_pool.http_pools import Time, account, emulated_pools

from collector_pool.adapters.asking import Asker, Way, earliest, manners
from collector_pool.domain.cycles import Given, event_of, status_of
from minestream_dialects.pools import POOLS
from minestream_dialects.pools.port import Account, Call, Span
from minestream_emulators.pools.site import KEY, Site
from minestream_emulators.troubles import Trouble, Troubles
from minestream_runtime.clock import new_event_id
from minestream_runtime.polite import PoliteClient
from minestream_schemas.pool import PoolMessage
from minestream_schemas.raw import MAX_EVENT_BYTES, EndpointBody, PollStatus


class Desk:
    """An asker of one account, with all that it needs."""

    def __init__(
        self, asker: Asker, owner: Account, site: Site, troubles: Troubles, time: Time
    ) -> None:
        self.asker, self.account, self.site = asker, owner, site
        self.troubles, self.time = troubles, time

    def call(self, name: str) -> Call:
        now = self.time.now()
        calls = POOLS[self.account.pool].calls(self.account, Span(now, now))
        return next(call for call in calls if call.name == name)

    async def ask(self, name: str) -> Given:
        return await self.asker.ask(self.call(name))

    @property
    def asked(self) -> int:
        return self.site.asked[self.account.pool]


@asynccontextmanager
async def _desk(pool: str, *, miners: int = 4) -> AsyncIterator[Desk]:
    time = Time()
    async with emulated_pools(miners=miners) as (site, troubles, url):
        owner = account(pool, url)
        quick = manners(apart_s=0.001)
        client = PoliteClient(pool, owner.url or "", time, manners=quick, sleep=time.sleep)
        async with client:
            asker = Asker(
                POOLS[pool],
                Way(client),
                time,
                interval_s=300.0,
                stale_most_s=3600.0,
                refused_s=600.0,
            )
            yield Desk(asker, owner, site, troubles, time)


@pytest.mark.parametrize(
    ("pool", "name", "ttl_s"),
    [
        ("ocean", "user_hashrate", 60),
        ("ocean", "user_hashrate_full", 300),
        ("ocean", "statsnap", 300),
        ("ocean", "earnpay", 600),
        ("braiins", "profile", 60),
        ("f2pool", "user", 3600),
        ("viabtc", "payments", 600),
    ],
)
async def test_an_answer_is_kept_for_its_time(pool: str, name: str, ttl_s: int) -> None:
    async with _desk(pool) as desk:
        first = await desk.ask(name)
        assert first.status is PollStatus.OK
        assert first.asked
        await desk.time.sleep(0.85 * ttl_s)
        again = await desk.ask(name)
        assert (again.asked, again.endpoints) == (False, first.endpoints)
        assert desk.asked == 1
        await desk.time.sleep(0.15 * ttl_s)
        assert (await desk.ask(name)).asked
        assert desk.asked == 2


async def test_at_a_usual_interval_each_look_is_fresh() -> None:
    async with _desk("braiins") as desk:
        for look in range(1, 4):
            assert (await desk.ask("workers")).asked
            assert desk.asked == look
            await desk.time.sleep(299.9)


@pytest.mark.parametrize("trouble", [Trouble.POOL_429, Trouble.POOL_429_BARE, Trouble.POOL_DOWN])
@pytest.mark.parametrize("pool", ["braiins", "f2pool"])
async def test_the_last_answer_stands_while_the_pool_gives_no_new(
    pool: str, trouble: Trouble
) -> None:
    name = {"braiins": "profile", "f2pool": "info"}[pool]
    async with _desk(pool) as desk:
        first = await desk.ask(name)
        await desk.time.sleep(300)
        desk.troubles.begin(trouble, for_s=None)
        stale = await desk.ask(name)
        assert stale.stale
        assert stale.endpoints == first.endpoints
        assert stale.error
        assert (earliest([stale]) is None) == (trouble is Trouble.POOL_DOWN)
        desk.troubles.heal()
        await desk.time.sleep(100)
        fresh = await desk.ask(name)
        assert (fresh.stale, fresh.error, fresh.status) == (False, None, PollStatus.OK)


async def test_the_last_answer_stands_no_more_once_the_key_is_refused() -> None:
    async with _desk("braiins") as desk:
        await desk.ask("profile")
        await desk.time.sleep(300)
        desk.troubles.begin(Trouble.POOL_WRONG_KEY, for_s=None)
        given = await desk.ask("profile")
        assert (given.stale, given.status) == (False, PollStatus.UNAUTHORISED)


async def test_without_an_earlier_answer_it_is_an_error() -> None:
    async with _desk("braiins") as desk:
        desk.troubles.begin(Trouble.POOL_429, for_s=None)
        given = await desk.ask("profile")
        assert (given.stale, given.status) == (False, PollStatus.ERROR)
        assert given.error is not None
        assert "429" in given.error
        assert given.not_before is not None
        held_s = (given.not_before - desk.time.at).total_seconds()
        assert 5.0 <= held_s <= 5.5  # more than the 2 s that it asks for


async def test_a_pool_that_limits_us_is_left_alone_for_5_to_80_seconds_and_a_little_more() -> None:
    async with _desk("braiins") as desk:
        desk.troubles.begin(Trouble.POOL_429_BARE, for_s=None)
        longer = []
        for nominal_s in (5, 10, 20, 40, 80, 80):
            given = await desk.ask("profile")
            assert given.asked
            assert given.not_before is not None
            pause_s = (given.not_before - desk.time.at).total_seconds()
            assert nominal_s <= pause_s <= 1.1 * nominal_s
            longer.append(pause_s / nominal_s)
            await desk.time.sleep(pause_s)
        assert max(longer) - min(longer) > 1e-4, "by chance: nobody comes back with all the others"


async def test_what_is_too_old_stands_no_more() -> None:
    async with _desk("braiins") as desk:
        await desk.ask("profile")
        desk.troubles.begin(Trouble.POOL_DOWN, for_s=None)
        await desk.time.sleep(3601)
        given = await desk.ask("profile")
        assert not given.stale
        assert given.status is not PollStatus.OK


@pytest.mark.parametrize("pool", ["braiins", "litecoinpool", "f2pool", "viabtc"])
async def test_who_is_refused_asks_no_more_for_a_while(pool: str) -> None:
    name = {"braiins": "profile", "litecoinpool": "api", "f2pool": "info", "viabtc": "hashrate"}
    async with _desk(pool) as desk:
        desk.troubles.begin(Trouble.POOL_WRONG_KEY, for_s=None)
        assert (await desk.ask(name[pool])).status is PollStatus.UNAUTHORISED
        assert desk.asker.refused
        assert not (await desk.ask(name[pool])).asked
        assert desk.asked == 1
        desk.troubles.heal()
        await desk.time.sleep(601)
        assert (await desk.ask(name[pool])).status is PollStatus.OK
        assert not desk.asker.refused


async def test_a_pool_that_has_been_away_five_times_rests_a_minute() -> None:
    async with _desk("braiins") as desk:
        desk.troubles.begin(Trouble.POOL_DOWN, for_s=None)
        for _ in range(5):
            assert (await desk.ask("profile")).asked
        assert "rests" in ((await desk.ask("profile")).error or "")
        desk.troubles.heal()
        await desk.time.sleep(61)
        assert (await desk.ask("profile")).status is PollStatus.OK


async def test_what_a_pool_says_of_one_account_keeps_no_other_from_asking() -> None:
    """It is there: only who does not answer is left alone for all."""
    async with _desk("f2pool") as desk:
        said = {"account_id": "f2-other", "pool": "f2pool", "user": "minestream", "key": KEY}
        other = POOLS["f2pool"].account.model_validate(said | {"coin": "bitcoin"})
        now = desk.time.now()
        wrong = POOLS["f2pool"].calls(other, Span(now, now))[0]
        for _ in range(6):
            given = await desk.asker.ask(wrong, about="other")
            assert given.error == 'info: code 5001: params error: currency="bitcoin"'
        assert (await desk.ask("info")).status is PollStatus.OK


async def test_maintenance_is_told_as_it_came() -> None:
    async with _desk("viabtc") as desk:
        await desk.ask("hashrate")
        await desk.time.sleep(300)
        desk.troubles.begin(Trouble.POOL_MALFORMED, for_s=None)
        given = await desk.ask("hashrate")
        assert (given.status, given.stale) == (PollStatus.GARBAGE, False)
        assert given.endpoints["hashrate"].body == "<html>maintenance</html>"


async def test_a_list_is_asked_for_to_its_last_page() -> None:
    async with _desk("viabtc", miners=250) as desk:
        given = await desk.ask("workers")
        assert given.status is PollStatus.OK
        assert list(given.endpoints) == ["workers", "workers#2"]
        assert desk.asked == 2


async def test_a_key_in_a_query_is_in_no_event() -> None:
    async with _desk("litecoinpool") as desk:
        given = await desk.ask("api")
        desk.troubles.begin(Trouble.POOL_429, for_s=None)
        await desk.time.sleep(400)
        event = event_of(
            [given, await desk.ask("api")],
            new_event_id(desk.time.now()),
            account_id="litecoinpool-main",
            pool="litecoinpool",
            message=PoolMessage.SNAPSHOT,
            collector_id="collector-pool-0",
            at=desk.time.now(),
            coin="litecoin",
            payout_scheme=None,
        )
        assert KEY.encode() not in event.to_json()
        assert event.stale_endpoints == ("api",)


async def test_accounts_of_one_pool_keep_apart_together() -> None:
    async with emulated_pools() as (site, _, url):
        time = Time()
        one, two = account("braiins", url), account("braiins", url, account_id="braiins-2")
        client = PoliteClient("braiins", one.url or "", time, manners=manners(apart_s=0.1))
        way = Way(client)
        async with client:
            askers = [
                Asker(
                    POOLS["braiins"],
                    way,
                    time,
                    interval_s=300.0,
                    stale_most_s=0.0,
                    refused_s=1.0,
                )
                for _ in (one, two)
            ]
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            calls = POOLS["braiins"].calls(one, Span(time.now(), time.now()))[:2]
            given = await asyncio.gather(*(each.ask(call) for each in askers for call in calls))
            assert loop.time() - began_s >= 3 * 0.1 * 0.9
        assert {each.status for each in given} == {PollStatus.OK}
        assert site.asked["braiins"] == 4


def test_a_cycle_is_whole_in_part_or_failed() -> None:
    def given(status: PollStatus) -> Given:
        body = EndpointBody(status=status, fetched_at=Time().now())
        return Given("x", {"x": body}, asked=True)

    well, late = given(PollStatus.OK), given(PollStatus.TIMEOUT)
    assert status_of([well, well]) is PollStatus.OK
    assert status_of([well, late]) is PollStatus.PARTIAL
    assert status_of([late, late]) is PollStatus.TIMEOUT
    assert status_of([Given("x")]) is PollStatus.ERROR


def test_what_is_too_large_for_an_event_loses_its_largest_answers() -> None:
    now = Time().now()
    bodies = {"small": "{}", "large": '"' * 3_000_000, "larger": "x" * 3_500_000}
    given = [
        Given(
            name,
            {name: EndpointBody(status=PollStatus.OK, fetched_at=now, body=text)},
            asked=True,
        )
        for name, text in bodies.items()
    ]
    event = event_of(
        given,
        new_event_id(now),
        account_id="ocean-main",
        pool="ocean",
        message=PoolMessage.SNAPSHOT,
        collector_id="collector-pool-0",
        at=now,
        coin="bitcoin",
        payout_scheme=None,
    )
    assert len(event.to_json()) < MAX_EVENT_BYTES
    assert event.endpoints["small"].status is PollStatus.OK
    assert {event.endpoints[name].status for name in ("large", "larger")} == {PollStatus.GARBAGE}

"""While the feed is down or says nothing: HTTP instead, a gap, and no hammering."""

import json

from tests.component.collector_pool.pool_world import Line, Pool, of, workers

from minestream_dialects.pools.normalise import normalise
from minestream_emulators.troubles import Trouble
from minestream_schemas.gap import GapCause
from minestream_schemas.pool import PoolMessage, PoolRate, RawPool
from minestream_schemas.raw import PollStatus
from minestream_schemas.units import Algorithm


async def test_while_the_feed_is_down_http_tells_and_a_snapshot_reconciles(
    line: Line, pool: Pool
) -> None:
    pool.site.router.refusing = "wamp.close.system_shutdown"
    line.start(pool, MINESTREAM_POOL_PROXY_URL=f"{pool.web}/proxy")
    said = await line.said(
        lambda said: (
            len(workers(said, snapshot=True, dialect="http")) >= 3
            and of(said, PoolMessage.WALLET)
            and of(said, PoolMessage.PROFITABILITY)
        )
    )
    told = workers(said, snapshot=True, dialect="http")[:3]
    assert {json.loads(each.body or "")["ID"] for each in told} == pool.names
    assert {each.subject for each in told} == {f"prohashing-main/{name}" for name in pool.names}
    assert of(said, PoolMessage.PROFITABILITY)[0].dialect == "prohashing-proxy"
    assert all("k=***" in (each.body or "") for each in told)
    assert len(of(said, PoolMessage.WORKER, PollStatus.TIMEOUT)) == 1
    pool.site.router.refusing = None
    said = await line.said(lambda said: len(workers(said, snapshot=True)) >= 3)
    asked = len(of(said, PoolMessage.WALLET))
    updates = len(workers(said, snapshot=False))
    said = await line.said(lambda said: len(workers(said, snapshot=False)) >= updates + 4)
    assert len(of(said, PoolMessage.WALLET)) <= asked + 1, "one may have been under way"


async def test_a_router_that_refuses_us_is_asked_again_only_after_a_while(
    line: Line, pool: Pool
) -> None:
    line.start(pool, MINESTREAM_POOL_AUTHID="nobody", MINESTREAM_POOL_REFUSED_S="600")
    said = await line.said(
        lambda said: (
            of(said, PoolMessage.WORKER, PollStatus.UNAUTHORISED)
            and len(of(said, PoolMessage.WALLET)) >= 3
        )
    )
    (refused,) = of(said, PoolMessage.WORKER, PollStatus.UNAUTHORISED)
    assert refused.error == "wamp.error.not_authorized"
    assert len(line.logged("feed_refused")) == 1
    assert pool.site.router.joins == 0
    await line.until(
        lambda: "the feed is refused" in (page := line.page("/readyz")) and '"ready"' in page
    )


async def test_a_pool_that_says_nothing_new_is_a_gap_until_it_does(line: Line, pool: Pool) -> None:
    line.start(pool, MINESTREAM_POOL_FRESH_S="8", MINESTREAM_POOL_SILENCE_S="5")
    await line.said(lambda said: len(workers(said, snapshot=False)) >= 3)
    pool.troubles.begin(Trouble.POOL_STALE, for_s=None)
    (opened,) = await line.gaps(lambda gaps: len(gaps) == 1)
    assert (opened.cause, opened.subject) == (GapCause.SOURCE_SILENT, "prohashing-main")
    assert opened.ended_at is None
    fresh = 'minestream_source_fresh{source="prohashing-main"}'
    await line.measured(lambda seen: seen.get(fresh) == 0)
    # a session that says nothing is ended and joined anew
    await line.until(lambda: line.has_joined(2))
    pool.troubles.heal()
    gaps = await line.gaps(lambda gaps: len(gaps) == 2)
    closed = next(each for each in gaps if each.ended_at is not None)
    assert closed.gap_id == opened.gap_id
    assert closed.ended_at is not None
    assert closed.ended_at > opened.began_at
    await line.measured(lambda seen: seen.get(fresh) == 1)
    assert len(line.logged("source_silent")) == len(line.logged("source_speaks")) == 1


async def test_a_pool_that_drops_everything_comes_back_by_itself(line: Line, pool: Pool) -> None:
    line.start(pool)
    await line.said(lambda said: len(workers(said, snapshot=True)) >= 3)
    pool.troubles.begin(Trouble.POOL_DOWN, for_s=None)
    said = await line.said(lambda said: len(of(said, PoolMessage.WALLET, PollStatus.TIMEOUT)) >= 1)
    pool.troubles.heal()
    await line.said(lambda later: len(workers(later, snapshot=True)) > len(said) * 0 + 5)
    assert len(line.logged("feed_lost")) == 1, "an outage is told once"
    assert len(line.logged("service_started")) == 1


async def test_the_open_proxy_alone_tells_rates_and_is_believed_about_their_age(
    line: Line, pool: Pool
) -> None:
    line.start(
        pool,
        MINESTREAM_POOL_PROFILE="proxy",
        MINESTREAM_POOL_WAMP_URL="",
        MINESTREAM_POOL_HTTP_URL="",
        MINESTREAM_POOL_PROXY_URL=f"{pool.web}/proxy",
        MINESTREAM_POOL_PROFITABILITY_EVERY_S="1",
    )
    said = await line.said(lambda said: len(of(said, PoolMessage.PROFITABILITY)) >= 2)
    assert {each.dialect for each in said} == {"prohashing-proxy"}
    assert {each.message for each in said} == {PoolMessage.STATUS, PoolMessage.PROFITABILITY}
    assert json.loads(of(said, PoolMessage.STATUS)[0].body or "")["updating"] is True
    fresh = 'minestream_source_fresh{source="prohashing-main"}'
    await line.measured(lambda seen: seen.get(fresh) == 1)


async def test_while_the_proxy_fails_nothing_is_told_that_replaces_the_last_rates(
    line: Line, pool: Pool
) -> None:
    line.start(
        pool,
        MINESTREAM_POOL_PROFILE="proxy",
        MINESTREAM_POOL_WAMP_URL="",
        MINESTREAM_POOL_HTTP_URL="",
        MINESTREAM_POOL_PROXY_URL=f"{pool.web}/proxy",
        MINESTREAM_POOL_PROFITABILITY_EVERY_S="1",
    )
    await line.said(lambda said: of(said, PoolMessage.PROFITABILITY))
    pool.troubles.begin(Trouble.POOL_DOWN, for_s=None)
    said = await line.said(lambda said: of(said, PoolMessage.PROFITABILITY, PollStatus.TIMEOUT))
    rates = [
        (each.status, {told.algorithm for told in _rates(each)})
        for each in said
        if each.message is PoolMessage.PROFITABILITY
    ]
    assert rates[0] == (PollStatus.OK, {Algorithm.SCRYPT, Algorithm.SHA256D})
    assert rates[-1] == (PollStatus.TIMEOUT, set())


def _rates(message: RawPool) -> list[PoolRate]:
    told = normalise(message, miner_of=lambda _: None)
    return [each for each in told if isinstance(each, PoolRate)]


async def test_the_first_specifications_profile_works_without_snapshots(
    line: Line, pool: Pool
) -> None:
    line.start(pool, MINESTREAM_POOL_PROFILE="seed")
    said = await line.said(
        lambda said: len(workers(said, snapshot=False)) >= 3 and of(said, PoolMessage.PROFITABILITY)
    )
    first = {each.subject: each for each in workers(said, snapshot=True)}
    assert {json.loads(each.body or "")["miner_name"] for each in first.values()} <= pool.names
    for change in workers(said, snapshot=False):
        assert json.loads(change.merged or "")["uuid"] == change.subject.rpartition("/")[2]

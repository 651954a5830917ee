"""The emulated pool says what the fleet does, in the pool's own words."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, web
from tests.unit.dialects.pool_messages import message

from minestream_dialects.prohashing import normalise_pool
from minestream_emulators.fleet import Fleet
from minestream_emulators.outside import Outside
from minestream_emulators.prohashing.book import Book
from minestream_emulators.prohashing.router import CallRefusedError
from minestream_emulators.prohashing.site import POOL_KEY, REALM, SEED_REALM, Site
from minestream_emulators.running import emulated_fleet
from minestream_emulators.troubles import Trouble, Troubles
from minestream_schemas.pool import PoolMessage
from minestream_schemas.units import Algorithm

START = datetime(2026, 11, 21, 14, tzinfo=UTC)


class Time:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> float:
        self.at += timedelta(seconds=seconds)
        return self.at.timestamp()


@pytest.fixture
def time() -> Time:
    """The world's."""
    return Time()


@pytest.fixture
async def fleet(time: Time) -> AsyncIterator[Fleet]:
    """Three L9 and a miner of another pool."""
    mix = {"l9-1.2.7": 0.75, "s21pro-1.2.7": 0.25}
    async with emulated_fleet(miners=4, mix=mix, now=time.now) as this:
        yield this


@pytest.fixture
def book(fleet: Fleet, time: Time) -> Book:
    """What the pool knows of it."""
    return Book(fleet, time.now().timestamp())


def test_its_workers_are_those_whose_first_pool_it_is(book: Book, fleet: Fleet) -> None:
    names = {record["miner_name"] for record in book.workers()}
    assert names == {
        station.resident.who.worker
        for station in fleet.stations.values()
        if station.resident.model.algorithm == "scrypt"
    }
    assert book.size == 3


def test_what_it_sees_follows_the_truth_slowly_and_roughly(
    book: Book, fleet: Fleet, time: Time
) -> None:
    book.workers()
    for _ in range(60):
        book.advance(time.pass_s(10))
        book.look(3)
    by_worker = {record["miner_name"]: record for record in book.workers()}
    for station in fleet.stations.values():
        if station.resident.who.worker in by_worker:
            seen = by_worker[station.resident.who.worker]
            truth = fleet.truth(station.miner_id)
            assert seen["hashrate"] == pytest.approx(truth["hashrate_hs"], rel=0.06)
            assert seen["hashrate"] != truth["hashrate_hs"]
            assert seen["all_time_share_count"] >= seen["share_count"] > 0


def test_coins_switch_and_balances_grow(book: Book, time: Time) -> None:
    book.workers()
    before, coins = dict(book.balances), set()
    for _ in range(40):
        book.advance(time.pass_s(60))
        coins |= {whole["coin_name"] for _, whole in book.look(3)}
    assert coins == {"Litecoin", "Dogecoin"}
    assert all(book.balances[coin] > before[coin] for coin in before)


def test_changes_merged_onto_the_record_give_the_record(book: Book, time: Time) -> None:
    known = {record["uuid"]: dict(record) for record in book.workers()}
    for _ in range(30):
        book.advance(time.pass_s(7))
        for change, whole in book.look(2):
            known[change["uuid"]] |= change
            assert known[change["uuid"]] == whole


def test_the_dialect_reads_every_word_of_it_without_a_flag(book: Book) -> None:
    said: list[tuple[PoolMessage, str, Any]] = [
        (PoolMessage.WORKER, "prohashing-wamp", book.workers()[0]),
        (PoolMessage.WORKER, "prohashing-http", book.miners("k")[0]),
        (PoolMessage.BALANCES, "prohashing-wamp", book.balances),
        (PoolMessage.WALLET, "prohashing-http", {"code": 200, "data": {"balances": book.wallet()}}),
    ]
    for about, dialect, content in said:
        raw = message(about, content, dialect=dialect, received_at=START)
        told = normalise_pool(raw, miner_of=lambda _: ("site-a-r01-s01", "site-a"))
        assert told
        assert all(not getattr(each, "quality_flags", ()) for each in told)


def test_rates_of_feed_and_web_site_are_the_same_money(book: Book) -> None:
    def rate(about: PoolMessage, content: object, dialect: str) -> Any:
        raw = message(about, content, dialect=dialect, received_at=START)
        told = normalise_pool(raw, miner_of=lambda _: None)
        return {each.algorithm: each for each in told}  # type: ignore[union-attr]

    fed = rate(PoolMessage.PROFITABILITY, book.profitability(), "prohashing-wamp")
    asked = rate(PoolMessage.STATUS, {"code": 200, "data": book.status()}, "prohashing-http")
    for algorithm in (Algorithm.SCRYPT, Algorithm.SHA256D):
        assert asked[algorithm].btc_per_hs_day == pytest.approx(
            fed[algorithm].btc_per_hs_day, rel=1e-4
        )
    assert fed[Algorithm.SCRYPT].usd_per_hs_day == pytest.approx(4.5e-10, rel=0.06)
    assert asked[Algorithm.SCRYPT].fee_ratio == 0.0499


@pytest.fixture
async def site(fleet: Fleet) -> Site:
    """The pool's servers; nobody serves them."""
    return Site(Outside(fleet, Troubles(asyncio.get_running_loop().time)))


async def test_a_call_wants_the_right_key_and_realm(site: Site) -> None:
    assert len(site._called(REALM, "f_all_miner_updates", [POOL_KEY])) == 3
    for args in ([], ["other"]):
        with pytest.raises(CallRefusedError, match="not_authorized"):
            site._called(REALM, "f_all_miner_updates", args)
    with pytest.raises(CallRefusedError, match="no_such_procedure"):
        site._called(SEED_REALM, "f_all_miner_updates", [POOL_KEY])
    site._outside.troubles.begin(Trouble.POOL_WRONG_KEY, for_s=None)
    with pytest.raises(CallRefusedError, match="not_authorized"):
        site._called(REALM, "f_all_miner_updates", [POOL_KEY])


async def test_a_stale_pool_does_not_move(site: Site, time: Time) -> None:
    before = site.book.profitability()
    site._outside.troubles.begin(Trouble.POOL_STALE, for_s=None)
    time.pass_s(60)
    await site.tick()
    assert site.book.profitability() == before
    site._outside.troubles.heal()
    await site.tick()
    assert site.book.profitability() != before


async def test_the_web_site_answers_until_the_pool_is_down(site: Site) -> None:
    root = web.Application()
    root.add_subapp("/prohashing", site.application())
    runner = web.AppRunner(root, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await _visit(runner, site)
    finally:
        await runner.cleanup()


async def _visit(runner: web.AppRunner, site: Site) -> None:
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}/prohashing"
    async with ClientSession() as session:

        async def get(path: str) -> Any:
            async with session.get(f"{base}/{path}") as reply:
                assert reply.status == 200
                return await reply.json(content_type=None)

        assert set((await get("api/v1/status"))["data"]) == {"scrypt", "sha256"}
        assert set((await get("api/v1/currencies"))["data"]) == {"LTC", "DOGE"}
        assert (await get(f"api/v1/wallet?apiKey={POOL_KEY}"))["code"] == 200
        assert (await get("api/v1/wallet?apiKey=x"))["code"] == 400
        assert len((await get(f"api/v1/walletEx?apiKey={POOL_KEY}"))["data"]["miners"]) == 3
        assert (await get("proxy/status"))["connected"] is True
        assert set(await get("proxy/profitability")) == {"1", "2"}
        assert await get("proxy/") is None
        site._outside.troubles.begin(Trouble.POOL_DOWN, for_s=None)
        with pytest.raises(ClientError):
            await get("api/v1/status")

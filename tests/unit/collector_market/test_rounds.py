"""A round tells what came, and of which coins nothing came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from tests.unit.runtime.polite_source import QUICK, Serve, Time, always, each
from tests.unit.runtime.polite_source import Source as Server

from collector_market.adapters.rounds import Rounds
from collector_market.adapters.source import Source
from collector_market.adapters.watching import Watching
from collector_market.domain.records import Heard
from collector_market.domain.wants import Asking, Cadence, Want, wants_of
from minestream_runtime.outlet.spool import Spooled
from minestream_runtime.polite import PoliteClient
from minestream_schemas.event import Topic
from minestream_schemas.gap import Gap

COINS = ("litecoin", "matic-network", "dogecoin")
OLD_NAME = '{"litecoin": {"usd": 82.1}, "dogecoin": {"usd": 0.1}}'
ALL = '{"litecoin": {"usd": 82.1}, "dogecoin": {"usd": 0.1}, "matic-network": {"usd": 0.4}}'


class Told:
    """The way out, kept."""

    def __init__(self) -> None:
        self.events: list[Spooled] = []

    async def publish(self, _: Topic, spooled: Spooled) -> None:
        self.events.append(spooled)


async def _nowhere(_: Gap) -> None:
    """Gaps are not looked at here."""


class Noted(Source):
    """A source that notes when it was asked."""

    asked_s: list[float]

    async def hear(self, asking: Asking, *, fresh_s: float, again_s: float) -> Heard | None:
        self.asked_s.append(asyncio.get_running_loop().time())
        return await super().hear(asking, fresh_s=fresh_s, again_s=again_s)


@asynccontextmanager
async def _asking(
    serve: Serve, folder: Path, time: Time, told: Told, *, wants: int = 1
) -> AsyncIterator[tuple[Rounds, Noted, tuple[Want, ...]]]:
    """The first wants of ``COINS`` at one source."""
    wanted = wants_of(COINS, ["coingecko"], Cadence(300, 900, 3600, 300, 900, 3600))[:wants]
    async with (
        Server(serve).running() as server,
        PoliteClient("coingecko", server.url, time, manners=QUICK, sleep=time.sleep) as client,
    ):
        source = Noted("coingecko", "127.0.0.1", client, time, refused_pause_s=600)
        source.asked_s = []
        watching = Watching(
            wanted,
            _nowhere,
            time,
            collector_id="collector-market-0",
            file=folder / "gaps",
            missed=3,
            stale_after_s=900,
        )
        rounds = Rounds(
            wanted,
            {"coingecko": source},
            watching,
            cast("Any", told),
            time,
            collector_id="collector-market-0",
        )
        yield rounds, source, wanted


async def _rounds(serve: Serve, folder: Path, *, times: int) -> tuple[list[str | None], Told]:
    """So many rounds for the price of ``COINS``; what is noted after each."""
    time, told, notes = Time(), Told(), []
    async with _asking(serve, folder, time, told) as (rounds, _, (want,)):
        for _ in range(times):
            assert await rounds.ask(want)
            notes.append(rounds.untold())
            await time.sleep(300)
    return notes, told


async def test_a_coin_that_an_answer_leaves_out_is_noted_until_it_is_told(tmp_path: Path) -> None:
    answers = each(always(text=OLD_NAME), always(text=OLD_NAME), always(text=ALL))
    notes, told = await _rounds(answers, tmp_path, times=3)
    assert notes == ["coingecko/simple_price does not tell matic-network"] * 2 + [None]
    assert len(told.events) == 3, "the others are told all the same"


async def test_the_first_rounds_begin_one_after_the_other(tmp_path: Path) -> None:
    async with _asking(always(text=ALL), tmp_path, Time(), Told(), wants=3) as (rounds, source, _):
        began_s = asyncio.get_running_loop().time()
        running = asyncio.ensure_future(rounds.run())
        async with asyncio.timeout(10):
            while len(source.asked_s) < 3:  # noqa: ASYNC110 - the rounds' own turns
                await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.wait({running})
    for place, asked_s in enumerate(source.asked_s):
        assert asked_s - began_s >= 0.25 * place

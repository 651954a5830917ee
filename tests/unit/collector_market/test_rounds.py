"""A round tells what came, and of which coins nothing came."""

from pathlib import Path
from typing import Any, cast

from tests.unit.runtime.polite_source import QUICK, Serve, Time, always, each
from tests.unit.runtime.polite_source import Source as Server

from collector_market.adapters.rounds import Rounds
from collector_market.adapters.source import Source
from collector_market.adapters.watching import Watching
from collector_market.domain.wants import Cadence, wants_of
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


async def _rounds(serve: Serve, folder: Path, *, times: int) -> tuple[list[str | None], Told]:
    """So many rounds for the price of ``COINS``; what is noted after each."""
    time, told, notes = Time(), Told(), []
    (want,) = wants_of(COINS, ["coingecko"], Cadence(300, 900, 3600, 300, 900, 3600))[:1]
    async with (
        Server(serve).running() as server,
        PoliteClient("coingecko", server.url, time, manners=QUICK, sleep=time.sleep) as client,
    ):
        source = Source("coingecko", "127.0.0.1", client, time, refused_pause_s=600)
        watching = Watching(
            [want],
            _nowhere,
            time,
            collector_id="collector-market-0",
            file=folder / "gaps",
            missed=3,
            stale_after_s=900,
        )
        rounds = Rounds(
            [want],
            {"coingecko": source},
            watching,
            cast("Any", told),
            time,
            collector_id="collector-market-0",
        )
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

"""Unknown miners: found out, told once, doubted after failures, left to whoever speaks them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.unit.runtime.fleet_world import Scripted, said
from tests.unit.runtime.unknown_world import REFUSAL, Host, host, page, prober

from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.collector import CollectorSettings, Polled
from minestream_runtime.collecting.fleet import Fleet
from minestream_runtime.collecting.owners import Owner
from minestream_runtime.collecting.plan import OFFERED_ANEW_S, Plan
from minestream_runtime.collecting.poller import Poller
from minestream_runtime.collecting.scouting import Unknown
from minestream_runtime.discovery.probing import Prober, Sighting
from minestream_schemas.inventory import Detected, InventoryEntry
from minestream_schemas.raw import PollStatus, RawMiner

PLAN = Plan(main="summary", cadence_s={})


class Speaking(Scripted):
    """A family by its name."""

    def __init__(self, name: str) -> None:
        super().__init__(plan=PLAN)
        self.name = name


class Leaping(SystemClock):
    """A clock that a test moves."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


class World:
    """One unknown miner at a host, and a collector that speaks two families."""

    def __init__(self, at: Host, unknown_prober: object, families: list[Speaking]) -> None:
        self.clock = clock = Leaping()
        self.told: list[Detected] = []

        async def tell(found: Detected) -> None:
            self.told.append(found)

        self.families = {family.name: family for family in families}
        self.unknown = Unknown(
            unknown_prober,  # type: ignore[arg-type]
            families,
            clock,
            collector_id="collector-0",
            tell=tell,
            deadline_s=0.4,
        )
        self.fleet = Fleet(
            CollectorSettings(),
            None,
            Owner(families, self.unknown).claim,
            add=lambda *_: None,
            remove=lambda _: None,
            clock=clock,
        )
        self.poller = Poller(self.fleet, clock, collector_id="collector-0", unknown=self.unknown)
        self.entry = InventoryEntry(miner_id="m-1", site_id="site", address=at.address)
        self.fleet.there("m-1", self.entry)

    async def polled(self) -> Polled:
        return await self.poller.poll("m-1")

    async def poll(self) -> RawMiner:
        polled = await self.polled()
        assert polled.event is not None
        return RawMiner.from_json(polled.event.value)


@asynccontextmanager
async def world(**answers: bytes | None) -> AsyncIterator[tuple[World, Host]]:
    async with host(**answers) as at, prober(deadline_s=0.2) as ask:
        yield World(at, ask, [Speaking("vnish"), Speaking("elphapex")]), at


async def test_an_unknown_miner_is_found_out_and_polled_in_the_same_poll() -> None:
    async with world(_info=page(b"I'm elphapex")) as (this, at):
        event = await this.poll()
        assert (event.dialect, event.dialect_evidence) == ("elphapex", "info")
        assert event.status is PollStatus.OK
        (found,) = this.told
        assert (found.dialect, found.transport, found.address) == ("elphapex", "http", at.address)
        assert (found.found_address, found.collector_id) == (at.address, "collector-0")
        await this.poll()
        assert (at.asked, len(this.told)) == (["/info"], 1)


async def test_who_is_found_out_is_asked_everything_in_that_poll_and_nothing_of_it_is_lost() -> (
    None
):
    async with world(_info=page(b"I'm elphapex")) as (this, _):
        family = this.families["elphapex"]
        family.plan = Plan(main="summary", cadence_s={"chips": 300.0})
        event = await this.poll()
        assert family.asked == ["summary", "chips"]
        assert set(event.endpoints) == {"summary", "chips"}


async def test_what_its_operator_says_while_it_is_asked_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with world(_info=page(b"I'm elphapex")) as (this, _):
        look = Prober.look

        async def said_meanwhile(*args: Any, **more: Any) -> Sighting:
            seen = await look(*args, **more)
            this.fleet.there("m-1", this.entry.model_copy(update={"dialect": "vnish"}))
            return seen

        monkeypatch.setattr(Prober, "look", said_meanwhile)
        assert (await this.poll()).dialect == "vnish"
        assert (await this.poll()).dialect == "vnish"
        assert this.told == []


async def test_what_was_found_outlives_a_change_of_the_inventory_and_a_rebalance() -> None:
    async with world(_info=page(b"I'm elphapex")) as (this, at):
        await this.poll()
        this.fleet.there("m-1", this.entry.model_copy(update={"model": "DG1+"}))
        this.fleet.gone("m-1")
        this.fleet.there("m-1", this.entry)
        assert (await this.poll()).dialect == "elphapex"
        assert at.asked == ["/info"]
        this.fleet.there("m-1", this.entry.model_copy(update={"dialect": "vnish"}))
        assert (await this.poll()).dialect == "vnish", "but an operator's word counts more"


async def test_nobody_there_is_an_offline_event_and_nothing_is_told() -> None:
    async with world() as (this, at):
        this.fleet.there("m-1", this.entry.model_copy(update={"address": "127.0.0.1:1"}))
        event = await this.poll()
        assert (event.status, event.dialect, event.dialect_evidence) == (
            PollStatus.REFUSED,
            "auto",
            None,
        )
        assert "connection refused" in (event.error or "")
        assert (at.asked, this.told) == ([], [])


async def test_a_stranger_is_a_garbage_event_that_says_what_it_answered() -> None:
    async with world(stats=b"hello\0") as (this, _):
        event = await this.poll()
        assert event.status is PollStatus.GARBAGE
        assert "4028-stats" in (event.error or "")
        assert "hello" in (event.error or "")
        assert this.told == []


async def test_who_wants_credentials_first_lives_and_refuses_us() -> None:
    async with world(_stats=REFUSAL % b"router") as (this, _):
        polled = await this.polled()
        assert polled.answered
        assert (await this.poll()).status is PollStatus.UNAUTHORISED


async def test_a_stranger_is_tried_with_a_password_once_in_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with world(_stats=REFUSAL % b"router") as (this, at):
        monkeypatch.setattr(this.unknown, "_factory", {"username": "root", "password": "root"})
        for _ in range(3):
            await this.poll()
        assert at.asked.count("/stats+") == 1
        this.clock.ahead_s = OFFERED_ANEW_S  # it may have been put right there
        for _ in range(3):
            await this.poll()
        assert at.asked.count("/stats+") == 2


async def test_anothers_miner_is_told_once_and_left_to_it() -> None:
    async with world(stats=b"I'm whatsminer\0") as (this, _):
        for _ in range(3):
            polled = await this.polled()
            assert (polled.event, polled.answered) == (None, True)
        (found,) = this.told
        assert (found.dialect, found.transport) == ("whatsminer", "tcp")
        this.fleet.there("m-1", this.entry.model_copy(update={"detected": found}))
        assert this.fleet.miners == {}


async def test_anothers_miner_that_nobody_takes_up_is_told_again_and_gets_rows() -> None:
    async with world(stats=b"I'm whatsminer\0") as (this, at):
        await this.polled()
        this.clock.ahead_s = 119.0
        assert (await this.polled()).event is None
        for this.clock.ahead_s in (121.0, 181.0):
            event = await this.poll()
            assert (event.status, event.dialect) == (PollStatus.GARBAGE, "auto")
            assert "whatsminer" in (event.error or "")
        assert [found.dialect for found in this.told] == ["whatsminer"] * 3
        at.answers["stats"] = b"I'm vnish\0"
        assert (await this.poll()).dialect == "vnish"
        at.answers["stats"] = b"I'm whatsminer\0"
        this.families["vnish"].script = lambda _: said(PollStatus.GARBAGE)
        for _ in range(3):
            await this.poll()
        assert (await this.polled()).event is None, "its time begins anew"


async def test_anothers_miner_that_comes_back_unknown_has_its_time_again() -> None:
    async with world(stats=b"I'm whatsminer\0") as (this, _):
        await this.polled()
        (found,) = this.told
        this.fleet.there("m-1", this.entry.model_copy(update={"detected": found}))
        nobodys = found.model_copy(update={"dialect": None})
        this.clock.ahead_s = 30.0
        this.fleet.there("m-1", this.entry.model_copy(update={"detected": nobodys}))
        this.clock.ahead_s = 140.0
        assert (await this.polled()).event is None


@pytest.mark.parametrize("status", [PollStatus.TIMEOUT, PollStatus.GARBAGE, PollStatus.ERROR])
async def test_after_three_failures_a_found_miner_is_asked_anew(status: PollStatus) -> None:
    async with world(_info=page(b"I'm elphapex")) as (this, at):
        await this.poll()
        this.families["elphapex"].script = lambda _: said(status)
        at.answers["/info"] = page(b"I'm vnish")
        for _ in range(3):
            assert (await this.poll()).dialect == "elphapex"
        event = await this.poll()
        assert (event.dialect, event.status) == ("vnish", PollStatus.OK)
        assert [found.dialect for found in this.told] == ["elphapex", "vnish"]


async def test_a_miner_that_its_operator_named_is_never_asked_what_it_is() -> None:
    async with world(_info=page(b"I'm elphapex")) as (this, at):
        this.fleet.there("m-1", this.entry.model_copy(update={"dialect": "vnish"}))
        this.families["vnish"].script = lambda _: said(PollStatus.GARBAGE)
        for _ in range(8):
            assert (await this.poll()).dialect == "vnish"
        assert at.asked == []


async def test_a_miner_whose_power_is_out_stays_what_it_was() -> None:
    async with world(_info=page(b"I'm elphapex")) as (this, at):
        await this.poll()
        memory = this.fleet.miners["m-1"].memory
        this.families["elphapex"].script = lambda _: said(PollStatus.REFUSED)
        at.answers.update({"/info": None, "stats": None})
        for _ in range(5):
            event = await this.poll()
            assert (event.dialect, event.status) == ("elphapex", PollStatus.REFUSED)
        assert len(this.told) == 1
        assert this.fleet.miners["m-1"].memory == memory


async def test_a_found_miner_that_nobody_knows_any_more_is_told_to_be_nobodys() -> None:
    async with world(_info=page(b"I'm elphapex")) as (this, at):
        await this.poll()
        this.families["elphapex"].script = lambda _: said(PollStatus.GARBAGE)
        at.answers["/info"] = page(b"<html>")
        for _ in range(3):
            await this.poll()
        event = await this.poll()
        assert (event.dialect, event.status) == ("auto", PollStatus.GARBAGE)
        assert event.dialect_evidence is None
        assert [found.dialect for found in this.told] == ["elphapex", None]
        at.answers["/info"] = page(b"I'm vnish")
        assert (await this.poll()).dialect == "vnish"

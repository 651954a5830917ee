"""One poll of a miner of any family: what is asked again, what is not, and what is remembered."""

# ruff: noqa: S106 - secrets of miners that live for one test

from dataclasses import replace

import pytest
from prometheus_client import REGISTRY
from tests.unit.runtime.fleet_world import PLAN, Scripted, World, said

from minestream_runtime.breaker import Breaker, Manners
from minestream_runtime.collecting.plan import OFFERED_ANEW_S, Answer, Plan
from minestream_schemas.raw import PollStatus

_OK = PollStatus.OK


def count(kind: str) -> float:
    labels = {"source": "scripted", "kind": kind}
    return REGISTRY.get_sample_value("minestream_source_errors_total", labels) or 0.0


@pytest.mark.parametrize(
    ("status", "http", "tries"),
    [
        (PollStatus.TIMEOUT, None, 2),
        (PollStatus.REFUSED, None, 1),
        (PollStatus.GARBAGE, 200, 1),
        (PollStatus.ERROR, 503, 1),
        (PollStatus.UNAUTHORISED, 401, 1),
        (PollStatus.OK, 200, 1),
    ],
)
async def test_only_a_timeout_is_tried_again_and_only_once(
    status: PollStatus, http: int | None, tries: int
) -> None:
    world = World(Scripted(lambda _: said(status, http=http)))
    await world.poll()
    assert world.family.asked.count("summary") == tries
    assert len(world.waited) == tries - 1
    assert all(0.1 <= seconds <= 0.5 for seconds in world.waited)


async def test_who_is_silent_is_asked_nothing_else_and_is_an_offline_event() -> None:
    world = World(Scripted(lambda _: said(PollStatus.REFUSED)))
    polled = await world.polled()
    assert world.family.asked == ["summary"]
    assert not polled.answered
    assert polled.event is not None


async def test_the_event_tells_the_family_and_what_it_was_taken_from() -> None:
    event = await World(Scripted()).poll()
    assert (event.dialect, event.dialect_evidence) == ("scripted", "inventory")


async def test_after_a_restart_the_configuration_is_read_at_once() -> None:
    uptimes_s = iter([900.0, 960.0, 5.0, 65.0])

    def script(endpoint: str) -> Answer:
        return said(uptime_s=next(uptimes_s)) if endpoint == "summary" else said()

    world = World(Scripted(script), password="secret")
    asked = []
    for _ in range(4):
        await world.poll()
        asked.append([*world.family.asked])
    assert "config" in asked[0]
    assert asked[1] == ["summary"]
    assert asked[2] == ["summary", "config"]
    assert asked[3] == ["summary"]


async def test_after_a_new_firmware_everything_is_read_at_once() -> None:
    told = iter(["1.0", "1.1"])

    def script(endpoint: str) -> Answer:
        return said(firmware=next(told)) if endpoint == "version" else said()

    plan = replace(PLAN, cadence_s={**PLAN.cadence_s, "version": 0.0})
    world = World(Scripted(script, plan), password="secret")
    await world.poll()
    event = await world.poll()
    assert world.family.asked == ["summary", "version", "pools", "config"]
    assert event.firmware == "1.1"


async def test_refused_credentials_are_offered_again_only_once_they_have_changed() -> None:
    def script(endpoint: str) -> Answer:
        return said(PollStatus.UNAUTHORISED, http=401) if endpoint == "config" else said()

    world = World(Scripted(script), password="wrong")
    assert (await world.poll()).status is PollStatus.UNAUTHORISED
    for _ in range(3):
        assert (await world.poll()).status is PollStatus.OK
        assert "config" not in world.family.asked
    world.enrol("another")
    await world.poll()
    assert "config" in world.family.asked


async def test_a_main_endpoint_that_refuses_us_is_then_asked_without_credentials() -> None:
    every = frozenset({"stats", "pools"})
    guarded = Plan(main="stats", cadence_s={"pools": 60.0}, guarded=every)
    family = Scripted(
        lambda _: said(PollStatus.UNAUTHORISED, http=401),
        plan=guarded,
        secrets={"username": "root", "password": "root"},
    )
    world = World(family)
    polls = [await world.polled() for _ in range(3)]
    assert all(polled.answered for polled in polls), "who refuses us is alive"
    assert family.offered == [None]
    world.enrol("right")
    await world.poll()
    assert family.offered == [{"password": "right"}]


async def test_a_miner_that_is_dark_without_credentials_is_offered_them_anew_a_while_later() -> (
    None
):
    guarded = Plan(main="stats", cadence_s={}, guarded=frozenset({"stats"}))
    right = [False]
    family = Scripted(
        lambda _: said() if right[0] else said(PollStatus.UNAUTHORISED, http=401),
        plan=guarded,
    )
    world = World(family, password="secret")
    await world.poll()
    right[0] = True  # its password has been put right at the miner itself
    await world.poll()
    assert family.offered == [None], "not at once"
    (miner,) = world.fleet.miners.values()
    early = replace(miner.memory, refused_s=miner.memory.refused_s - OFFERED_ANEW_S)
    miner.memory = early
    await world.poll()
    assert family.offered == [{"password": "secret"}]
    await world.poll()
    assert family.offered == [{"password": "secret"}]


@pytest.mark.parametrize(
    ("status", "http", "kind"),
    [
        (PollStatus.REFUSED, None, "connectivity"),
        (PollStatus.UNAUTHORISED, 401, "auth"),
        (PollStatus.ERROR, 429, "rate_limit"),
        (PollStatus.GARBAGE, 200, "malformed"),
    ],
)
async def test_errors_are_counted_by_class(status: PollStatus, http: int | None, kind: str) -> None:
    before = count(kind)
    await World(Scripted(lambda _: said(status, http=http))).poll()
    assert count(kind) > before


async def test_an_endpoint_that_a_firmware_lacks_is_no_fault_and_is_not_asked_again() -> None:
    before = count("malformed")

    def script(endpoint: str) -> Answer:
        return said(PollStatus.ERROR, missing=True) if endpoint == "pools" else said()

    world = World(Scripted(script))
    assert (await world.poll()).status is PollStatus.OK
    assert count("malformed") == before
    await world.poll()
    assert "pools" not in world.family.asked


@pytest.mark.parametrize("event", ["silence", "restart"])
async def test_who_comes_back_is_asked_again_for_what_it_did_not_have(event: str) -> None:
    uptimes_s = [100.0, 10.0]
    lacking = {"pools", "version"}

    def script(endpoint: str) -> Answer:
        if endpoint == "summary":
            return said(uptime_s=uptimes_s[0])
        return said(PollStatus.ERROR, missing=True) if endpoint in lacking else said()

    world = World(Scripted(script))
    await world.poll()
    lacking.clear()
    await world.poll()
    assert world.family.asked == ["summary"]
    if event == "restart":
        uptimes_s.pop(0)
    else:
        world.family.script = lambda _: said(PollStatus.REFUSED)
        await world.poll()
        world.family.script = script
    await world.poll()
    assert world.family.asked == ["summary", "version", "pools"]


async def test_a_slow_endpoint_is_left_alone_and_costs_the_others_no_poll() -> None:
    plan = replace(PLAN, cadence_s={"pools": 0.0, "version": 0.0}, manners=Manners(3, 1000.0))
    ill = {"pools"}

    def script(endpoint: str) -> Answer:
        return said(PollStatus.TIMEOUT) if endpoint in ill else said()

    world = World(Scripted(script, plan))
    for _ in range(3):
        event = await world.poll()
        assert world.family.asked == ["summary", "pools"], "silence ends a poll"
        assert event.error == "pools: timeout; version: no time left"
    for _ in range(2):
        event = await world.poll()
        assert world.family.asked == ["summary", "version"]
        assert (event.status, event.error) == (
            PollStatus.PARTIAL,
            "pools: left alone after failures",
        )
    labels = {"source": "scripted"}
    assert REGISTRY.get_sample_value("minestream_breakers_open", labels) == 1.0
    ill.clear()
    world.fleet.miners["m-1"].breakers["pools"] = Breaker(Manners(1, 0.0))
    world.fleet.miners["m-1"].breakers["pools"].failed(0.0)
    assert (await world.poll()).status is PollStatus.OK
    assert world.fleet.miners["m-1"].breakers == {}
    assert REGISTRY.get_sample_value("minestream_breakers_open", labels) == 0.0


async def test_who_was_away_begins_anew_with_every_endpoint() -> None:
    plan = replace(PLAN, cadence_s={"pools": 0.0}, manners=Manners(1, 1000.0))
    answers = {"summary": said(), "pools": said(PollStatus.GARBAGE)}
    world = World(Scripted(lambda endpoint: answers[endpoint], plan))
    await world.poll()
    await world.poll()
    assert world.family.asked == ["summary"]
    answers["summary"] = said(PollStatus.REFUSED)
    assert (await world.poll()).status is PollStatus.REFUSED
    answers.update(summary=said(), pools=said())
    assert (await world.poll()).status is PollStatus.OK
    assert world.family.asked == ["summary", "pools"]


async def test_neither_a_refusal_nor_too_many_questions_open_a_breaker() -> None:
    plan = replace(PLAN, cadence_s={"pools": 0.0}, manners=Manners(1, 1000.0))
    for status, http in ((PollStatus.UNAUTHORISED, 401), (PollStatus.ERROR, 429)):
        answer = said(status, http=http)
        world = World(Scripted(lambda name, a=answer: a if name == "pools" else said(), plan))  # type: ignore[misc]
        await world.poll()
        assert world.fleet.miners["m-1"].breakers == {}


async def test_an_endpoint_that_is_well_again_as_the_inventory_changes_costs_no_poll() -> None:
    plan = replace(PLAN, cadence_s={"pools": 0.0}, manners=Manners(3, 1000.0))
    world = World(Scripted(lambda name: said(PollStatus.GARBAGE if name == "pools" else _OK), plan))
    await world.poll()
    miner = world.fleet.miners["m-1"]
    assert miner.breakers

    def moved_meanwhile(endpoint: str) -> Answer:
        if endpoint == "pools":
            miner.becomes(world.family, "127.0.0.1:81", "inventory")
        return said()

    world.family.script = moved_meanwhile
    assert (await world.poll()).status is PollStatus.OK


async def test_who_speaks_otherwise_as_the_inventory_changes_is_asked_anew() -> None:
    other = Scripted(plan=Plan(main="status", cadence_s={"pools": 300.0}))
    own = Plan(main="summary", cadence_s={"pools": 0.0, "chips": 0.0})

    def changed_meanwhile(endpoint: str) -> Answer:
        if endpoint == "pools":
            miner.becomes(other, miner.address, "inventory")
        return said()

    world = World(Scripted(changed_meanwhile, own))
    miner = world.fleet.miners["m-1"]
    event = await world.poll()
    assert world.family.asked == ["summary", "pools"]
    assert other.asked == ["status", "pools"]
    assert set(event.endpoints) == {"status", "pools"}

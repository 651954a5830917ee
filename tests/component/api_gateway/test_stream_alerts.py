"""Alerts on the stream, over a real database and a real topic that lags behind it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.component.api_gateway.alerting import Alerting, told, transition, writing
from tests.component.api_gateway.stream import Gateway, Listener, Tap

from api_gateway.settings import GatewaySettings
from minestream_schemas.alert import ALERT


@pytest.fixture
def alerting(database_url: str) -> Iterator[Alerting]:
    with writing(database_url) as opened:
        yield opened


@pytest.fixture
async def gateway(streaming: GatewaySettings) -> AsyncIterator[Gateway]:
    """Not yet started: what stands before it begins is the test's."""
    gateway = Gateway(streaming)
    yield gateway
    await gateway.stop()


async def firing(listener: Listener) -> list[dict[str, Any]]:
    """The alerts of the next snapshot; the database writes UTC in its own way."""
    return [
        {key: v.replace("+00:00", "Z") if isinstance(v, str) else v for key, v in each.items()}
        for each in (await listener.snapshot())["alert"]
    ]


async def publish(tap: Tap, *rows: dict[str, Any]) -> None:
    for row in rows:
        await tap.send(ALERT, told(row), key="subject")


async def changes(listener: Listener, count: int) -> list[tuple[str, int]]:
    """Miner and number of the next transitions that a client is told of."""
    found: list[tuple[str, int]] = []
    while len(found) < count:
        said = await listener.hear("changes")
        found += [(each["subject"], each["number"]) for each in said.get("alert", [])]
    return found


async def test_what_fires_is_in_the_snapshot_and_each_transition_follows(
    gateway: Gateway, tap: Tap, alerting: Alerting
) -> None:
    hot, over = transition("hot"), transition("over", miner="m-2")
    ended = transition("over", 2, miner="m-2", phase="resolved")
    alerting.write(hot, over, ended)
    await publish(tap, hot, over, ended)
    await gateway.start()
    async with gateway.listening() as listener:
        await listener.subscribe("alert")
        assert await firing(listener) == [told(hot)]
        rise = transition("hot", 2, severity="critical")
        resolved = transition("hot", 3, phase="resolved")
        await publish(tap, rise, resolved)
        assert await changes(listener, 2) == [("m-1", 2), ("m-1", 3)]
        await listener.subscribe("alert", name="later")
        assert await firing(listener) == []


async def test_what_is_still_in_the_outbox_counts_and_is_not_undone_when_it_is_published(
    gateway: Gateway, tap: Tap, alerting: Alerting
) -> None:
    """The table is ahead: a rise of one alert, and the whole of another."""
    hot, rise = transition("hot"), transition("hot", 2, severity="critical")
    brief = transition("brief", miner="m-2")
    ended = transition("brief", 2, miner="m-2", phase="resolved")
    alerting.write(hot, rise, brief, ended)
    await publish(tap, hot)
    await gateway.start()
    async with gateway.listening() as listener:
        await listener.subscribe("alert")
        assert await firing(listener) == [told(rise)]
        await publish(tap, rise, brief)
        assert set(await changes(listener, 2)) == {("m-1", 2), ("m-2", 1)}
        await listener.subscribe("alert", name="later")
        assert await firing(listener) == [told(rise)]


async def test_what_the_topic_still_has_and_the_table_does_not_fires_no_more(
    gateway: Gateway, tap: Tap, alerting: Alerting
) -> None:
    await publish(tap, transition("ghost"))
    alerting.write(transition("real", miner="m-2"))
    await gateway.start()
    async with gateway.listening() as listener:
        await listener.subscribe("alert", miners=["m-1", "m-2"])
        assert [each["subject"] for each in await firing(listener)] == ["m-2"]


async def test_without_the_alerter_s_schema_the_topic_alone_tells(
    gateway: Gateway, tap: Tap, alerting: Alerting
) -> None:
    alerting.remove()
    await publish(tap, transition("hot"))
    await gateway.start()
    async with gateway.listening() as listener:
        await listener.subscribe("alert")
        assert await firing(listener) == [told(transition("hot"))]


async def test_a_break_is_bridged_by_the_cursor_over_a_restart(
    gateway: Gateway, tap: Tap, alerting: Alerting
) -> None:
    hot, ended = transition("hot"), transition("hot", 2, phase="resolved")
    alerting.write(hot)
    await publish(tap, hot)
    await gateway.start()
    async with gateway.listening() as listener:
        await listener.subscribe("alert", sites=["site-a"])
        cursor = (await listener.snapshot())["cursor"]
    await gateway.stop()
    alerting.write(ended)
    await publish(tap, ended)
    await gateway.start()
    async with gateway.listening() as listener:
        await listener.subscribe("alert", sites=["site-a"], cursor=cursor)
        assert (await listener.hear("resumed"))["cursor"] == cursor
        assert await changes(listener, 1) == [("m-1", 2)]

"""No notification is lost and at most one doubled by a kill, whoever dies and whoever is away."""

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import REGISTRY
from pydantic import SecretStr
from tests.component.alerter.conftest import People, alerter
from tests.component.alerter.events import now, reading, series
from tests.component.conftest import Ask, Eventually, Tell
from tests.component.serving import becomes
from tests.component.severing import relay

from alerter.adapters.stages import Stage
from alerter.settings import AlerterSettings
from minestream_emulators.troubles import Trouble
from minestream_schemas.telemetry import TELEMETRY, MinerTelemetry

_STATES = (
    "SELECT channel, state, attempts, error FROM alerting_v1.notification ORDER BY channel, number"
)
_DEATHS = {
    Stage.BEFORE_COMMIT: 2,
    Stage.COMMITTED: 1,
    Stage.RELAYED: 1,
    Stage.CLAIMED: 2,
    Stage.DELIVERED: 2,
    Stage.MARKED: 2,
}
"""In that order, each as it is passed so many times: the outbox is empty sooner than the ledger."""
_FAST = {
    "MINESTREAM_NOTIFY_POLL_S": "0.1",
    "MINESTREAM_NOTIFY_MOST_S": "0.5",
    "MINESTREAM_SESSION_TIMEOUT_S": "6",
    "MINESTREAM_ALERT_BATCH_RECORDS": "40",
    "MINESTREAM_LOG_LEVEL": "error",
}


def _hot_and_cool(miners: int) -> list[MinerTelemetry]:
    """A fleet that is too hot, then cool again: two transitions of each miner."""
    at = now()
    each = [
        series(f"site-a-m{number:03}", at, 95, 95, 95, 70, 70, 70, 70, 70)
        for number in range(miners)
    ]
    return [reading for row in zip(*each, strict=True) for reading in row]


@asynccontextmanager
async def _started(environment: dict[str, str], *arguments: str) -> AsyncIterator[Process]:
    script = str(Path(__file__).with_name("dying_alerter.py"))
    child = await asyncio.create_subprocess_exec(
        sys.executable, script, *arguments, env=os.environ | environment | _FAST, stdout=DEVNULL
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _all_told(people: People, ask: Ask, *, miners: int) -> int:
    """Doubles, once everybody has been told everything; nothing is lost or told wrongly."""
    wanted = 2 * miners
    for channel in ("webhook", "mail"):
        found = await people.told(channel, lambda found: len(found) >= wanted)
        assert len(found) == wanted
        assert not any(each["differed"] for each in found)
    ledger = await ask("SELECT notification_id, channel, state FROM alerting_v1.notification")
    assert len(ledger) == 2 * wanted
    told = await people.read()
    keys = {each["key"].strip("<>").partition("@")[0] for each in told}
    assert keys == {str(row["notification_id"]) for row in ledger}
    _in_order(told)
    return sum(each["times"] - 1 for each in told)


def _in_order(told: list[dict[str, Any]]) -> None:
    """Nobody hears of an end before its beginning."""
    seen: Counter[str] = Counter()
    for each in told:
        if each["channel"] == "webhook":
            seen[each["alert"]["alert_id"]] += 1
            assert each["alert"]["number"] == seen[each["alert"]["alert_id"]]


def _waiting(channel: str) -> float | None:
    return REGISTRY.get_sample_value("minestream_notifications_waiting", {"channel": channel})


def _told(channel: str, outcome: str) -> float:
    labels = {"channel": channel, "outcome": outcome}
    return REGISTRY.get_sample_value("minestream_notifications_total", labels) or 0


async def test_an_alerter_killed_at_every_stage_loses_nothing_and_doubles_one_a_kill(
    topics: None,  # noqa: ARG001 - made first
    tell: Tell,
    ask: Ask,
    people: People,
    environment: dict[str, str],
) -> None:
    environment |= people.variables
    await tell(TELEMETRY, *_hot_and_cool(20))
    for stage, times in _DEATHS.items():
        async with asyncio.timeout(120), _started(environment, stage, str(times)) as child:
            assert await child.wait() == -signal.SIGKILL, stage
    async with _started(environment):
        doubles = await _all_told(people, ask, miners=20)
    assert 1 <= doubles <= len(_DEATHS), "after delivery and before the mark a double is due"
    assert await ask("SELECT count(*) AS n FROM alerting.transition") == [{"n": 40}]


def test_it_is_killed_at_every_stage() -> None:
    assert set(_DEATHS) == set(Stage)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_random_kills_lose_nothing_of_500_alerts(
    topics: None,  # noqa: ARG001 - made first
    tell: Tell,
    ask: Ask,
    people: People,
    environment: dict[str, str],
) -> None:
    environment |= people.variables
    await tell(TELEMETRY, *_hot_and_cool(250))
    luck, kills = random.Random(5), 0
    for _ in range(15):
        async with _started(environment) as child:
            with suppress(TimeoutError):
                async with asyncio.timeout(luck.uniform(1.5, 4.0)):
                    await child.wait()
            kills += child.returncode is None
    async with _started(environment):
        doubles = await _all_told(people, ask, miners=250)
    assert kills == 15, "none ended by itself"
    assert doubles <= 2 * kills, f"{doubles}: one for each channel at the most"


async def test_a_channel_that_is_away_holds_nobody_up_and_gets_everything_later(
    settings: AlerterSettings,
    topics: None,  # noqa: ARG001 - made first
    tell: Tell,
    people: People,
    eventually: Eventually,
) -> None:
    away = settings.model_copy(update={"smtp_url": SecretStr("smtp://127.0.0.1:9")})
    await tell(TELEMETRY, *series("site-a-m1", now(), 95, 95, 95))
    async with alerter(away) as health:
        await people.told("webhook")
        rows = await eventually(
            _STATES,
            until=lambda rows: (
                any(row["attempts"] > 1 for row in rows)
                and any(row["state"] == "sent" for row in rows)
            ),
        )
        assert [(row["channel"], row["state"]) for row in rows] == [
            ("mail", "pending"),
            ("webhook", "sent"),
        ]
        assert await becomes(health, ready=True) == {}
        assert "127.0.0.1" in health.remarks()["mail"]
    async with alerter(settings):
        (mail,) = await people.told("mail")
    assert mail["times"] == 1


async def test_an_inbox_that_refuses_for_a_while_gets_every_message_once(
    running: Any,  # noqa: ARG001 - is at work
    tell: Tell,
    people: People,
    eventually: Eventually,
) -> None:
    people.troubles.begin(Trouble.INBOX_DOWN, for_s=None)
    await tell(TELEMETRY, *_hot_and_cool(5))
    rows = await eventually(
        _STATES,
        until=lambda rows: (
            {row["channel"] for row in rows if row["attempts"] > 1} == {"mail", "webhook"}
        ),
    )
    assert {row["error"] for row in rows if row["error"]} == {
        "127.0.0.1 answered 421",
        "127.0.0.1 answered 503",
    }
    async with asyncio.timeout(60):
        while _waiting("mail") != 10:  # noqa: ASYNC110 - the sender's own turns
            await asyncio.sleep(0.05)
    people.troubles.heal()
    told = await people.told(None, lambda found: len(found) == 20)
    assert {each["times"] for each in told} == {1}
    _in_order(told)


async def test_a_web_hook_at_the_wrong_address_fails_for_good_and_says_so(
    settings: AlerterSettings,
    topics: None,  # noqa: ARG001 - made first
    tell: Tell,
    people: People,
    eventually: Eventually,
) -> None:
    wrong = SecretStr(people.hook.replace("/hook", "/nowhere"))
    await tell(TELEMETRY, *series("site-a-m1", now(), 95, 95, 95))
    async with alerter(settings.model_copy(update={"webhook_url": wrong})):
        await people.told("mail")
        (row,) = await eventually(
            "SELECT failed, waiting, error, notified_channels FROM alerting_v1.alert",
            until=lambda rows: bool(rows) and rows[0]["failed"] and not rows[0]["waiting"],
        )
    assert row == {
        "failed": 1,
        "waiting": 0,
        "error": "webhook: 127.0.0.1 answered 404",
        "notified_channels": ["mail"],
    }


async def test_what_waited_for_a_channel_too_long_has_failed_when_it_comes_back(  # noqa: PLR0917 - fixtures
    settings: AlerterSettings,
    topics: None,  # noqa: ARG001 - made first
    tell: Tell,
    people: People,
    ask: Ask,
    eventually: Eventually,
) -> None:
    away = settings.model_copy(update={"smtp_url": SecretStr("smtp://127.0.0.1:9")})
    at = now()
    hot = [series(f"site-a-m{number}", at, 95, 95, 95) for number in range(3)]
    async with alerter(away):
        await tell(TELEMETRY, *hot[0], *hot[1])
        await people.told("webhook", lambda found: len(found) == 2)
        await eventually(_STATES, until=lambda rows: any(row["error"] for row in rows))
    await ask(
        "UPDATE alerting.notification SET created_at = created_at - interval '100 days' "
        "WHERE state = 'pending'"
    )
    before = _told("mail", "failed")
    await tell(TELEMETRY, *hot[2])
    async with alerter(settings):
        (mail,) = await people.told("mail")
        assert mail["title"].startswith("[CRITICAL] site-a-m2")
        rows = await eventually(
            "SELECT state, error FROM alerting_v1.notification WHERE channel = 'mail'",
            until=lambda rows: all(row["state"] != "pending" for row in rows),
        )
    assert sorted(row["state"] for row in rows) == ["failed", "failed", "sent"]
    errors = [row["error"] for row in rows if row["state"] == "failed"]
    assert all(error.startswith("not told for too long") for error in errors)
    assert any(error.startswith("not told for too long: 127.0.0.1") for error in errors)
    assert _told("mail", "failed") == before + 2


async def test_a_stored_transition_that_cannot_be_read_fails_alone(  # noqa: PLR0917 - fixtures
    settings: AlerterSettings,
    topics: None,  # noqa: ARG001 - made first
    tell: Tell,
    people: People,
    ask: Ask,
    eventually: Eventually,
) -> None:
    away = settings.model_copy(update={"smtp_url": SecretStr("smtp://127.0.0.1:9")})
    at = now()
    hot = [series(f"site-a-m{number}", at, 95, 95, 95) for number in range(2)]
    async with alerter(away):
        await tell(TELEMETRY, *hot[0])
        await people.told("webhook")
        await tell(TELEMETRY, *hot[1])
        await people.told("webhook", lambda found: len(found) == 2)
    await ask("UPDATE alerting.transition SET severity = 'odd' WHERE subject = 'site-a-m0'")
    async with alerter(settings):
        (mail,) = await people.told("mail")
        assert mail["title"].startswith("[CRITICAL] site-a-m1")
        (row,) = await eventually(
            "SELECT error FROM alerting_v1.notification WHERE state = 'failed'"
        )
    assert row["error"].startswith("the stored transition: severity: Input should be")


async def test_a_web_hook_that_asks_for_time_gets_it(
    settings: AlerterSettings,
    topics: None,  # noqa: ARG001 - made first
    tell: Tell,
) -> None:
    calls: list[float] = []

    async def busy(_: web.Request) -> web.Response:
        calls.append(asyncio.get_running_loop().time())
        if len(calls) == 1:
            return web.Response(status=429, headers={"Retry-After": "2"})
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", busy)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    only = settings.model_copy(update={"webhook_url": SecretStr(url), "smtp_url": None})
    try:
        await tell(TELEMETRY, *series("site-a-m1", now(), 95, 95, 95))
        async with alerter(only):
            async with asyncio.timeout(60):
                while len(calls) < 2:  # noqa: ASYNC110 - the far side is another's
                    await asyncio.sleep(0.05)
    finally:
        await runner.cleanup()
    assert calls[1] - calls[0] >= 2


@pytest.mark.usefixtures("topics")
async def test_without_its_database_it_waits_and_loses_nothing(
    settings: AlerterSettings,
    tell: Tell,
    people: People,
    eventually: Eventually,
    database_url: str,
) -> None:
    at = now()
    async with relay(database_url) as (url, switch):
        through = settings.model_copy(update={"database_url": SecretStr(url)})
        async with alerter(through) as health:
            await tell(TELEMETRY, *series("site-a-m1", at, 95, 95, 95))
            # told and not yet noted is told twice, which is another test's
            await eventually(_STATES, until=lambda rows: {row["state"] for row in rows} == {"sent"})
            assert await becomes(health, ready=True) == {}
            switch.cut()
            await tell(TELEMETRY, *series("site-a-m2", at, 95, 95, 95))
            assert await becomes(health, ready=False) == {"judges": "store_unavailable"}
            switch.mend()
            told = await people.told(None, lambda found: len(found) == 4)
            assert {each["times"] for each in told} == {1}


async def test_with_nobody_to_tell_alerts_are_recorded_and_the_service_is_ready(
    settings: AlerterSettings,
    topics: None,  # noqa: ARG001 - made first
    tell: Tell,
    eventually: Eventually,
    ask: Ask,
) -> None:
    alone = settings.model_copy(update={"webhook_url": None, "smtp_url": None})
    await tell(TELEMETRY, *series("site-a-m1", now(), 95, 95, 95))
    async with alerter(alone) as health:
        await eventually("SELECT * FROM alerting_v1.alert")
        assert await becomes(health, ready=True) == {}
    assert await ask(_STATES) == []


async def test_an_alert_still_fires_after_a_restart_and_is_not_told_again(
    settings: AlerterSettings,
    topics: None,  # noqa: ARG001 - made first
    tell: Tell,
    people: People,
    ask: Ask,
) -> None:
    at = now()
    async with alerter(settings):
        await tell(TELEMETRY, *series("site-a-m1", at - timedelta(seconds=60), 95, 95, 95))
        await people.told(None, lambda found: len(found) == 2)
    async with alerter(settings):
        await tell(TELEMETRY, *series("site-a-m1", at, 95, 95), reading("site-a-m2", at))
        await tell(TELEMETRY, *series("site-a-m3", at, 95, 95, 95))
        told = await people.told("webhook", lambda found: len(found) == 2)
    assert [each["alert"]["subject"] for each in told] == ["site-a-m1", "site-a-m3"]
    assert len(await ask("SELECT * FROM alerting_v1.alert WHERE phase = 'firing'")) == 2


@pytest.mark.parametrize("partitions", [4])
async def test_two_alerters_tell_everything_once(
    settings: AlerterSettings,
    topics: None,  # noqa: ARG001 - made first
    tell: Tell,
    people: People,
    ask: Ask,
) -> None:
    other = settings.model_copy(update={"instance": "1"})
    async with alerter(settings), alerter(other):
        await tell(TELEMETRY, *_hot_and_cool(30))
        doubles = await _all_told(people, ask, miners=30)
    assert doubles == 0

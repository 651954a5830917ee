"""From readings on Kafka to people, through a real database, web hook and mail server."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tests.component.alerter.conftest import People, alerter
from tests.component.alerter.events import now, reading, series, silence
from tests.component.conftest import Ask, Eventually, Tell
from tests.component.serving import becomes

from alerter.adapters import evaluator
from alerter.domain.judging import Judged, judge_all
from alerter.domain.reading import Reading
from alerter.settings import AlerterSettings
from minestream_runtime.health import Health
from minestream_runtime.kafka import Consumer, Producer, Record
from minestream_schemas.alert import ALERT, Alert, AlertPhase, Severity
from minestream_schemas.dead_letter import dead_letter_topic
from minestream_schemas.event import Topic
from minestream_schemas.telemetry import TELEMETRY, MinerStatus, QualityFlag

_STATES = "SELECT channel, state, error FROM alerting_v1.notification ORDER BY channel, number"
_READ = 'SELECT next_offset AS "offset" FROM alerting.kafka_offset'
_ALERTS = "SELECT * FROM alerting_v1.alert"


async def _published(settings: AlerterSettings, topic: Topic, count: int) -> list[Record]:
    found: list[Record] = []
    async with Consumer(settings, (topic,)) as consumer:
        for _ in range(300):
            found += await consumer.records(wait_s=0.2)
            if len(found) >= count:
                break
    return found


async def test_a_chip_too_hot_for_the_hold_is_told_to_everybody_once_and_so_is_its_end(
    settings: AlerterSettings,
    running: Health,
    tell: Tell,
    eventually: Eventually,
    people: People,
) -> None:
    at = now()
    await tell(TELEMETRY, *series("site-a-m1", at - timedelta(seconds=180), 95, 95, 95, 95))
    (hook,) = await people.told("webhook")
    (mail,) = await people.told("mail")
    assert hook["title"] == mail["title"]
    assert hook["title"].startswith("[CRITICAL] site-a-m1: a chip at 95.0 °C, critical above 90")
    assert hook["text"] == mail["text"]
    assert mail["headers"]["rcpt"] == "ops@farm.invalid, boss@farm.invalid"
    firing = Alert.model_validate(hook["alert"], strict=False)
    assert (firing.phase, firing.severity) == (AlertPhase.FIRING, Severity.CRITICAL)

    await tell(TELEMETRY, *series("site-a-m1", at, 75, 75, 75, 75, 75))
    hooks = await people.told("webhook", lambda found: len(found) == 2)
    mails = await people.told("mail", lambda found: len(found) == 2)
    assert [each["times"] for each in hooks + mails] == [1, 1, 1, 1]
    assert mails[1]["title"].startswith("[RESOLVED] site-a-m1: a chip at 75.0 °C")
    assert mails[0]["headers"]["References"] == mails[1]["headers"]["References"]

    # told is marked as told a moment later
    (row,) = await eventually(_ALERTS, until=lambda rows: rows[0]["waiting"] == 0)
    assert (row["phase"], row["severity"], row["number"]) == ("resolved", "critical", 2)
    assert row["notified_channels"] == ["mail", "webhook"]
    assert (row["waiting"], row["failed"]) == (0, 0)
    records = await _published(settings, ALERT, 2)
    assert [Alert.from_json(record.value or b"").number for record in records] == [1, 2]
    assert {record.key for record in records} == {b"site-a-m1"}
    assert await becomes(running, ready=True) == {}


async def test_a_silent_miner_is_told_of_when_others_have_been_polled_past_its_hold(
    running: Health,  # noqa: ARG001 - is at work
    tell: Tell,
    people: People,
    ask: Ask,
    eventually: Eventually,
) -> None:
    at = now()
    fell = at - timedelta(seconds=320)
    await tell(
        TELEMETRY,
        reading("site-a-m1", fell),
        *silence("site-a-m1", fell + timedelta(seconds=90), 3, every_s=30),
        *series("site-a-m2", fell + timedelta(seconds=310), *[60.0] * 10),
    )
    await eventually(_READ, until=lambda rows: rows == [{"offset": 14}])
    assert await ask(_ALERTS) == [], "310 s is less than hold and slack together"
    await tell(TELEMETRY, reading("site-a-m2", fell + timedelta(seconds=316)))
    (message,) = await people.told("webhook")
    assert message["title"] == "[CRITICAL] site-a-m1: no answer for 300 s"
    await tell(TELEMETRY, reading("site-a-m1", at))
    messages = await people.told("mail", lambda found: len(found) == 2)
    assert messages[1]["title"] == "[RESOLVED] site-a-m1: answers again, after 320 s"


async def test_a_silent_miner_that_stands_in_no_rack_is_remembered_and_told_of(
    running: Health,
    tell: Tell,
    people: People,
    eventually: Eventually,
) -> None:
    at = now()
    silent = [
        reading("site-a-m1", at - timedelta(seconds=ago), status=MinerStatus.OFFLINE, rack_id=None)
        for ago in (310, 210, 0)
    ]
    await tell(TELEMETRY, *silent[:2])
    await eventually(_READ, until=lambda rows: rows == [{"offset": 2}])
    await tell(TELEMETRY, silent[2])
    (message,) = await people.told("webhook")
    assert message["title"] == "[CRITICAL] site-a-m1: no answer for 310 s"
    assert message["alert"].get("rack_id") is None
    assert await becomes(running, ready=True) == {}


async def test_a_state_that_cannot_be_read_is_begun_anew_and_stops_nobody(
    running: Health, tell: Tell, people: People, eventually: Eventually, ask: Ask
) -> None:
    at = now()
    await tell(TELEMETRY, *series("site-a-m1", at - timedelta(seconds=400), 95, 95))
    await eventually(_READ, until=lambda rows: rows == [{"offset": 2}])
    spoilt = await ask("UPDATE alerting.rule_state SET state = '{\"odd\": 1}' RETURNING subject")
    assert spoilt
    await tell(TELEMETRY, *series("site-a-m1", at - timedelta(seconds=180), 95, 95, 95, 95))
    (message,) = await people.told("webhook")
    assert message["title"].startswith("[CRITICAL] site-a-m1: a chip at 95.0 °C")
    assert await becomes(running, ready=True) == {}


async def test_what_fired_and_ended_in_a_backlog_is_recorded_and_told_to_nobody(
    settings: AlerterSettings, tell: Tell, eventually: Eventually, people: People
) -> None:
    past = now() - timedelta(hours=2)
    await tell(
        TELEMETRY,
        *series("site-a-m1", past, 95, 95, 95, 95),
        *series("site-a-m2", past, 85, 85, 85, 85),
        *series("site-a-m1", past + timedelta(minutes=5), 70, 70, 70, 70, 70),
    )
    async with alerter(settings):
        (message,) = await people.told("webhook")
        assert message["alert"]["subject"] == "site-a-m2"
        rows = await eventually(
            _STATES, until=lambda rows: sum(row["state"] == "sent" for row in rows) == 2
        )
    assert sorted(row["state"] for row in rows) == ["sent"] * 2 + ["skipped"] * 4


async def test_a_record_that_no_schema_accepts_is_set_aside_and_holds_nothing_up(
    settings: AlerterSettings,
    running: Health,  # noqa: ARG001 - is at work
    producer: Producer,
    tell: Tell,
    people: People,
) -> None:
    at = now()
    await producer.send(TELEMETRY, key=b"site-a-m1", value=b'{"event_id": "secret stuff"}')
    await producer.send(TELEMETRY, key=b"site-a-m1", value=None)
    await tell(TELEMETRY, reading("site-a-m1", at + timedelta(days=30), temp_c=99))
    await tell(TELEMETRY, *series("site-a-m1", at, 95, 95, 95))
    await people.told("webhook")
    letters = await _published(settings, dead_letter_topic("alerter"), 3)
    reasons = [letter.headers["dlq-reason"].decode() for letter in letters]
    assert [letter.headers["dlq-kind"] for letter in letters] == [b"schema", b"schema", b"too_new"]
    assert reasons[0].startswith("event_id: Input should be a valid UUID")
    assert "secret stuff" not in reasons[0]
    assert letters[0].value == b'{"event_id": "secret stuff"}'


async def test_a_clock_that_jumps_ahead_and_back_silences_no_alert(
    running: Health,  # noqa: ARG001 - is at work
    tell: Tell,
    people: People,
) -> None:
    labels = {"topic": TELEMETRY.name}
    before = REGISTRY.get_sample_value("minestream_events_ahead_total", labels) or 0
    at = now()
    hot = series("site-a-m1", at, 99, 99, 99)
    late = [each.model_copy(update={"quality_flags": (QualityFlag.LATE.value,)}) for each in hot]
    await tell(TELEMETRY, reading("site-a-m1", at + timedelta(hours=2)), *late)
    (message,) = await people.told("webhook")
    assert message["alert"]["changed_at"] == at.isoformat().replace("+00:00", "Z")
    assert REGISTRY.get_sample_value("minestream_events_ahead_total", labels) == before + 1


async def test_an_alert_ends_when_its_miner_has_left_the_inventory(
    settings: AlerterSettings, topics: None, tell: Tell, people: People, ask: Ask
) -> None:
    del topics
    await ask("INSERT INTO fleet.site (site_id) VALUES ('site-a')")
    await ask(
        "INSERT INTO fleet.miner (miner_id, site_id, address, transport) "
        "VALUES ('site-a-m1', 'site-a', '127.1.0.1:80', 'http')"
    )
    soon = settings.model_copy(update={"retire_after_s": 100.0})
    then = now() - timedelta(seconds=120)
    async with alerter(soon):
        await tell(
            TELEMETRY,
            *series("site-a-m1", then, 95, 95, 95),
            *series("site-a-m2", then, 95, 95, 95),
            *series("site-a-m3", now(), 95, 95, 95),
        )
        told = await people.told("webhook", lambda found: len(found) == 4)
        assert told[3]["title"] == "[RESOLVED] site-a-m2: no longer in the inventory"
        await people.told("mail", lambda found: len(found) == 4)
    rows = await ask("SELECT subject FROM alerting_v1.alert WHERE phase = 'firing' ORDER BY 1")
    assert rows == [{"subject": "site-a-m1"}, {"subject": "site-a-m3"}]
    states = await ask("SELECT rule, subject FROM alerting.rule_state WHERE subject = 'site-a-m2'")
    assert states == [{"rule": "offline", "subject": "site-a-m2"}]


async def test_a_record_at_which_our_own_code_fails_is_set_aside_alone(  # noqa: PLR0917 - fixtures
    settings: AlerterSettings,
    topics: None,  # noqa: ARG001 - made first
    producer: Producer,
    tell: Tell,
    people: People,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def brittle(rules: Any, states: Any, readings: Sequence[Reading], **more: Any) -> Judged:
        if any(each.subject == "site-a-bad" for each in readings):
            raise ZeroDivisionError("a bug, and what it quotes")
        return judge_all(rules, states, readings, **more)

    monkeypatch.setattr(evaluator, "judge_all", brittle)
    at = now()
    hot = [series(f"site-a-m{number}", at, 95, 95, 95) for number in range(4)]
    bad = [reading("site-a-bad", at, temp_c=99)]
    await producer.send(TELEMETRY, key=b"site-a-m1", value=b"{")
    await tell(TELEMETRY, *hot[0], *hot[1], *bad, *hot[2], *hot[3])
    async with alerter(settings) as running:
        await people.told("webhook", lambda found: len(found) == 4)
        assert await becomes(running, ready=True) == {}
    letters = await _published(settings, dead_letter_topic("alerter"), 2)
    async with Consumer(settings, (dead_letter_topic("alerter"),)) as consumer:
        assert sum((await consumer.ends(consumer.owned())).values()) == 2, "each once"
    (letter,) = [each for each in letters if each.headers["dlq-kind"] == b"bug"]
    assert letter.headers["dlq-reason"].startswith(b"ZeroDivisionError at brittle")
    assert b"quotes" not in letter.headers["dlq-reason"]
    assert letter.key == b"site-a-bad"

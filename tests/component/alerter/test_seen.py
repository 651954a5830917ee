"""What can be seen of the alerter: traces from poll to people, and never a secret."""

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from pydantic import SecretStr
from tests.component.alerter.conftest import People, alerter
from tests.component.alerter.events import now, reading, series
from tests.component.conftest import Ask, Eventually, Tell

from alerter.settings import AlerterSettings
from minestream_runtime import traces
from minestream_runtime.clock import SystemClock, new_event_id
from minestream_runtime.kafka import Consumer, Producer
from minestream_schemas.alert import ALERT
from minestream_schemas.telemetry import TELEMETRY, MinerTelemetry


def _spans(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in (folder / "alerter-0.jsonl").read_text().splitlines():
        span = json.loads(line)
        found.setdefault(span["name"], []).append(span)
    return found


async def _publish(producer: Producer, event: MinerTelemetry, *, sampled: bool) -> str:
    """Send a reading under the trace of its poll; returns the trace's id."""
    poll = new_event_id(SystemClock().now())
    ((name, value),) = traces.headers_of_unkept(poll)
    headers = [(name, value[:-2] + (b"01" if sampled else b"00"))]
    await producer.publish(TELEMETRY, event, headers=headers)
    return poll.hex


async def test_one_trace_leads_from_the_poll_to_web_hook_and_mail_although_it_was_not_sampled(  # noqa: PLR0917 - fixtures
    settings: AlerterSettings,
    producer: Producer,
    people: People,
    ask: Ask,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    traced = settings.model_copy(update={"trace_folder": tmp_path, "trace_ratio": 0.0})
    hot = series("site-a-m1", now(), 95, 95, 95)
    with ExitStack() as stack:
        stack.enter_context(traces.configured("alerter", traced))
        async with alerter(traced):
            for event in hot[:-1]:
                await _publish(producer, event, sampled=False)
            led = await _publish(producer, hot[-1], sampled=False)
            usual = await _publish(producer, reading("site-a-m2", hot[-1].ts), sampled=True)
            told = await people.told(None, lambda found: len(found) == 2)
            await eventually(
                "SELECT next_offset AS read FROM alerting.kafka_offset",
                until=lambda rows: rows == [{"read": len(hot) + 1}],
            )
            async with asyncio.timeout(60), Consumer(settings, (ALERT,)) as consumer:
                while not (records := await consumer.records()):
                    pass
    record = records[0]
    spans = _spans(tmp_path)
    judges = {span["trace_id"]: span for span in spans["judge minestream.telemetry.v1"]}
    assert set(judges) == {led, usual}, "what led to an alert, and what was sampled"
    (publish,) = spans["publish minestream.alert.v1"]
    (hook,), (mail,) = spans["notify webhook"], spans["notify mail"]
    for below in (publish, hook, mail):
        assert below["trace_id"] == led
        assert below["parent_id"] == judges[led]["span_id"]
    assert judges[led]["attributes"]["minestream.event.id"] == str(hot[-1].event_id)
    assert record.headers["traceparent"].decode() == f"00-{led}-{publish['span_id']}-01"
    seen = next(each for each in told if each["channel"] == "webhook")
    assert seen["headers"]["traceparent"] == f"00-{led}-{hook['span_id']}-01"
    rows = await ask("SELECT DISTINCT traceparent FROM alerting_v1.transition")
    assert rows == [{"traceparent": f"00-{led}-{judges[led]['span_id']}-01"}]


async def test_no_secret_is_seen_anywhere(  # noqa: PLR0917 - fixtures
    settings: AlerterSettings,
    topics: None,  # noqa: ARG001 - made first
    tell: Tell,
    eventually: Eventually,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = settings.model_copy(
        update={
            "webhook_url": SecretStr("http://me:geheim1@127.0.0.1:9/geheim2?key=geheim3"),
            "webhook_secret": SecretStr("geheim4"),
            "smtp_url": SecretStr("smtp://me:geheim5@127.0.0.1:9"),
            "trace_folder": tmp_path,
            "trace_ratio": 1.0,
        }
    )
    with traces.configured("alerter", secret):
        async with alerter(secret) as health:
            await tell(TELEMETRY, *series("site-a-m1", now(), 95, 95, 95))
            rows = await eventually(
                "SELECT * FROM alerting.notification JOIN alerting.transition USING (alert_id)",
                until=lambda rows: len(rows) == 2 and all(row["attempts"] for row in rows),
            )
            async with asyncio.timeout(60):
                while set(remarks := health.remarks()) != {"webhook", "mail"}:  # noqa: ASYNC110 - the sender's own turns
                    await asyncio.sleep(0.05)
    files = json.dumps(_spans(tmp_path))
    assert "notify webhook" in files
    logged = capfd.readouterr()
    everything = f"{rows}{remarks}{files}{logged}{caplog.text}{generate_latest().decode()}"
    assert "channel_away" in everything
    assert "geheim" not in everything

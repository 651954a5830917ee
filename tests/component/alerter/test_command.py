"""``minestream alerts`` against a real database."""

import asyncio
import json

import pytest
from tests.component.alerter.events import now, series
from tests.component.conftest import Eventually, Tell
from typer import Typer
from typer.testing import CliRunner, Result

from alerter.adapters.command import alerts
from minestream_runtime.health import Health
from minestream_schemas.telemetry import TELEMETRY


def _run(*arguments: str) -> Result:
    app = Typer()
    app.command()(alerts)
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def here(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


async def _in_thread(*arguments: str) -> Result:
    return await asyncio.to_thread(_run, *arguments)


async def test_what_fires_comes_first_with_who_was_told(
    here: None,  # noqa: ARG001 - set first
    running: Health,  # noqa: ARG001 - is at work
    tell: Tell,
    eventually: Eventually,
) -> None:
    at = now()
    await tell(
        TELEMETRY,
        *series("site-a-m1", at, 95, 95, 95, 70, 70, 70, 70, 70),
        *series("site-a-m2", at, 85, 85, 85),
    )
    await eventually(
        "SELECT * FROM alerting_v1.notification WHERE state = 'sent'",
        until=lambda rows: len(rows) == 6,
    )
    lines = (await _in_thread()).output.splitlines()
    assert "site-a-m2: a chip at 85.0 °C, warning above 80 °C" in lines[1]
    assert "mail, webhook" in lines[1]
    assert "back below 78 °C" in lines[2]
    firing = [
        json.loads(line) for line in (await _in_thread("--firing", "--json")).output.splitlines()
    ]
    assert [(row["subject"], row["severity"]) for row in firing] == [("site-a-m2", "warning")]


def test_no_alerts_are_said_to_be_none(here: None) -> None:  # noqa: ARG001 - set first
    said = _run()
    assert (said.exit_code, said.output) == (0, "no alerts\n")


def test_a_database_that_is_away_is_told_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINESTREAM_DATABASE_URL", "postgresql://me:geheim@127.0.0.1:9/x")
    said = _run()
    assert said.exit_code == 1
    assert "minestream status" in said.stderr
    assert "geheim" not in said.output + said.stderr


def test_a_database_without_the_schema_is_told_plainly(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINESTREAM_DATABASE_URL", postgres_url)
    said = _run()
    assert said.exit_code == 1
    assert "minestream" in said.stderr

"""Events: frozen, strict, finite; absent fields are left out of the wire."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import ValidationError

from minestream_schemas.telemetry import MinerStatus, MinerTelemetry

READING = MinerTelemetry(
    event_id=UUID(int=1),
    raw_event_id=UUID(int=2),
    ts=datetime(2026, 11, 21, tzinfo=UTC),
    miner_id="site-a-r01-s03",
    site_id="site-a",
    dialect="vnish-1.2",
    status=MinerStatus.MINING,
    hashrate_hs=0.0,
)


def test_what_was_not_said_is_left_out_and_what_was_zero_stays_zero() -> None:
    wire = json.loads(READING.to_json())
    assert "power_w" not in wire
    assert wire["hashrate_hs"] == 0.0


def test_an_event_survives_the_wire_unchanged() -> None:
    assert MinerTelemetry.from_json(READING.to_json()) == READING


def test_a_reader_ignores_fields_that_a_newer_writer_added() -> None:
    wire = json.loads(READING.to_json()) | {"added_later": {"by": "v1.7"}}
    assert MinerTelemetry.from_json(json.dumps(wire).encode()) == READING


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hashrate_hs", float("nan")),
        ("hashrate_hs", -1.0),
        ("hashrate_hs", "17.3"),
        ("chip_temp_max_c", 151.0),
        ("ts", "2026-11-21T00:00:00"),
        ("miner_id", "Upper Case"),
        ("accepted_total", 2**63),
        ("fan_rpm", [-1]),
    ],
)
def test_an_impossible_value_is_refused(field: str, value: object) -> None:
    wire = json.loads(READING.to_json()) | {field: value}
    with pytest.raises(ValidationError):
        MinerTelemetry.from_json(json.dumps(wire).encode())


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        setattr(READING, "hashrate_hs", 1.0)  # noqa: B010 - the type checker forbids it too

"""A light reading is what the schema's model makes of the same values."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from minestream_dialects.normalise import Make
from minestream_schemas.telemetry import BoardReading, MinerStatus, MinerTelemetry
from minestream_schemas.units import Algorithm
from processor.adapters.readings import light_reading

ID = UUID("0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11")
AT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
LEAST: dict[str, Any] = {
    "event_id": ID,
    "raw_event_id": ID,
    "ts": AT,
    "miner_id": "site-a-r01-s01",
    "site_id": "site-a",
    "dialect": "vnish-1.2",
    "status": MinerStatus.MINING,
}
WHOLE: dict[str, Any] = LEAST | {
    "rack_id": "site-a-r01",
    "algorithm": Algorithm.SCRYPT,
    "model": "Antminer L9 é",
    "hashrate_hs": 1.7e10,
    "chip_temp_max_c": -0.0,
    "efficiency_j_per_th": 1e-7,
    "profit_usd_per_day": -3,
    "fan_rpm": (0, 100_000),
    "accepted_total": 2**53,
    "boards": ({"slot": 1, "power_w": 900, "hashing": True}, {"slot": 2}),
    "error_codes": ("fan_lost:1",),
    "quality_score": 0.1 + 0.2,
    "evidence": {"unit": "info.hr_measure"},
    "anomaly_scores": {"power_w": 0.5},
    "pool_at": AT.replace(microsecond=0),
    "price_at": AT.astimezone(timezone(timedelta(hours=-3, minutes=-30))),
}
ODD: tuple[object, ...] = (
    *(None, True, 0, -0.0, 1, -1, 0.5, 64, 65, 149.99, 150.00001, 100_001, 10_001.5, -41),
    *(math.nan, math.inf, -math.inf, 1e16, 1e22, 1.7976931348623157e308, 5e-324, 123456789.125),
    *(2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**400),
    *(
        "",
        "5",
        "ab",
        "abc",
        "abc\n",
        "aBc",
        "a" * 63,
        "a" * 64,
        "mining",
        "\0",
        "\U0001f600",
        "b\x7f",
    ),
    *(b"abc", str(ID), ID, AT, AT.replace(tzinfo=None), AT.isoformat(), MinerStatus.TUNING),
    *((), (1,), (None,), ("1",), [1], ["a"], {}, {"a": 1}, {"a": "b"}, {"a": 2.0}, {1: "b"}),
    *(({"slot": 65},), ({},), ({"slot": 1, "power_w": -1.0},), [{"slot": 1}], ({"slot": True},)),
)


def said(event: MinerTelemetry) -> str:
    """What an event's JSON says; 1e16 and 1e+16 are one number, 1 and 1.0 are two."""
    return json.dumps(json.loads(event.to_json()))


def made(values: dict[str, Any], make: Make) -> MinerTelemetry | None:
    """What one way makes of the values; None: it refuses them."""
    try:
        return make(values)
    except ValidationError:
        return None


def agree(values: dict[str, Any]) -> None:
    """Both ways say the same of the values.

    The light one also takes an id or an instant as text, and a list for a tuple: then what it
    makes of them is a reading all the same.
    """
    expected, light = made(values, MinerTelemetry.model_validate), made(values, light_reading)
    if expected is None and light is not None:
        expected = MinerTelemetry.from_json(light.to_json())
    assert (light and said(light)) == (expected and said(expected))


@pytest.mark.parametrize("values", [LEAST, WHOLE], ids=["least", "whole"])
def test_a_reading_in_order_is_light_and_the_same_to_the_byte(values: dict[str, Any]) -> None:
    reading = light_reading(values)
    assert not isinstance(reading, MinerTelemetry)
    assert reading.to_json() == MinerTelemetry.model_validate(values).to_json()


@pytest.mark.parametrize("name", MinerTelemetry.model_fields)
def test_a_field_takes_what_the_model_takes(name: str) -> None:
    for odd in ODD:
        agree(WHOLE | {name: odd})


@pytest.mark.parametrize("name", BoardReading.model_fields)
def test_so_does_a_field_of_a_board(name: str) -> None:
    for odd in ODD:
        agree(WHOLE | {"boards": ({"slot": 3, name: odd},)})


@given(st.floats() | st.integers())
def test_a_number_is_written_the_same(value: float) -> None:
    agree(LEAST | {"latency_ms": value, "profit_usd_per_day": value})


@given(st.text())
def test_a_text_is_written_the_same(value: str) -> None:
    agree(LEAST | {"pool_url": value, "evidence": {value: value}})


@pytest.mark.parametrize("name", ["miner_id", "event_id", "ts", "status", "hashrate_hs", "boards"])
def test_a_lone_surrogate_where_no_text_stands_is_refused_as_the_model_does(name: str) -> None:
    with pytest.raises(ValidationError):
        light_reading(LEAST | {name: "abc\ud800"})


def test_what_is_changed_is_changed_in_a_copy_alone() -> None:
    reading, expected = light_reading(WHOLE), MinerTelemetry.model_validate(WHOLE)
    before = reading.to_json()
    changes = {"anomaly_score": 0.25, "anomaly_scores": {"power_w": 0.25}, "pool_at": AT}
    copy = reading.model_copy(update=changes)
    assert copy.to_json() == expected.model_copy(update=changes).to_json()
    assert reading.to_json() == before


def test_what_a_reading_does_not_say_is_its_own() -> None:
    light_reading(LEAST).evidence["unit"] = "of this one"
    assert light_reading(LEAST).evidence == {}

"""Polls that went wrong end as the failure table says: a fixture per case."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.dialects.table import FIXTURES, poll_of

from minestream_dialects import normalise
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner
from minestream_schemas.telemetry import MinerStatus, MinerTelemetry

BodyOf = Callable[[str], str]
Poll = Callable[..., RawMiner]

L9_HS = 17_394_832_000.0
BOARD_3_HS = 5_798_302_000.0

EXPECTED: dict[str, dict[str, Any]] = {
    "html_login_page": {"status": "garbage", "error": "summary: no JSON"},
    "garbage_body": {"status": "garbage", "error": "summary: no JSON"},
    "garbage_not_utf8": {"status": "garbage", "error": "summary: no JSON"},
    "truncated_json": {"status": "garbage", "error": "summary: no JSON"},
    "wrong_shape": {"status": "garbage", "error": "summary: no object with a miner in it"},
    "timeout": {"status": "offline", "error": "no whole answer in 10 s", "algorithm": "scrypt"},
    "refused": {"status": "offline", "error": "connection refused", "model": "Antminer L9"},
    "nul_bytes": {
        "status": "mining",
        "hashrate_hs": L9_HS,
        "uptime_s": 656_880.0,
        "quality_flags": ("repaired",),
    },
    "wrong_unit": {
        "status": "mining",
        "algorithm": "scrypt",
        "hashrate_hs": None,
        "hashrate_avg_hs": None,
        "hashrate_expected_hs": None,
        "efficiency_j_per_th": None,
        "power_w": 3421.0,
        "chip_temp_max_c": 77.0,
        "boards_healthy": 3,
        "quality_flags": ("unit_unknown",),
    },
    "clock_off_by_a_day": {
        "status": "mining",
        "hashrate_hs": L9_HS,
        "quality_flags": ("clock_skew",),
    },
    "chips_missing": {
        "status": "mining",
        "hashrate_hs": L9_HS,
        "quality_flags": ("endpoint_missing:chips",),
    },
    "boards_without_temperature": {
        "status": "mining",
        "hashrate_hs": L9_HS,
        "chip_temp_max_c": None,
        "pcb_temp_max_c": None,
        "quality_flags": (
            "field_missing:boards.1.chip_temp_max_c",
            "field_missing:boards.1.chip_temp_min_c",
            "field_missing:boards.1.pcb_temp_c",
            "field_missing:boards.2.chip_temp_max_c",
            "field_missing:boards.2.chip_temp_min_c",
            "field_missing:boards.2.pcb_temp_c",
            "field_missing:boards.3.chip_temp_max_c",
            "field_missing:boards.3.chip_temp_min_c",
            "field_missing:boards.3.pcb_temp_c",
            "field_missing:chip_temp_max_c",
            "field_missing:pcb_temp_max_c",
        ),
    },
    "unauthorised": {
        "status": "unauthorised",
        "error": "summary: 401",
        "model": "Antminer L9",
        "firmware": "Vnish 1.2.7",
        "algorithm": "scrypt",
        "uptime_s": 656_880.0,
        "hashrate_hs": None,
        "quality_flags": ("endpoint_missing:summary",),
    },
    "impossible_values": {
        "status": "mining",
        "hashrate_hs": None,
        "hashrate_avg_hs": None,
        "hashrate_expected_hs": 17_311_500_000.0,
        "power_w": None,
        "efficiency_j_per_th": None,
        "chip_temp_max_c": None,
        "pcb_temp_max_c": 62.0,
        "voltage_v": 14.2,
        "fan_rpm": (),
        "accepted_total": None,
        "rejected_total": 61,
        "hw_errors_total": None,
        "quality_flags": (
            "field_invalid:accepted_total",
            "field_invalid:boards.2.voltage_v",
            "field_invalid:chip_temp_max_c",
            "field_invalid:fan_rpm",
            "field_invalid:hashrate_avg_hs",
            "field_invalid:hashrate_hs",
            "field_invalid:hw_errors_total",
            "field_invalid:power_w",
            "repaired",
        ),
    },
    "stale_info": {
        "status": "mining",
        "hashrate_hs": L9_HS,
        "uptime_s": 656_880.0 + 3 * 3600,
        "quality_flags": ("endpoint_stale:info",),
    },
}
NUMBERS = (
    "hashrate_hs",
    "hashrate_avg_hs",
    "hashrate_expected_hs",
    "power_w",
    "voltage_v",
    "efficiency_j_per_th",
    "frequency_mhz",
    "chip_temp_max_c",
    "pcb_temp_max_c",
    "inlet_temp_c",
    "outlet_temp_c",
    "fan_duty_ratio",
    "accepted_total",
    "rejected_total",
    "stale_total",
    "hw_errors_total",
    "uptime_s",
    "boards_total",
    "boards_healthy",
)


def reading(folder: Path, name: str) -> MinerTelemetry:
    raw = RawMiner.from_json((folder / f"{name}.json").read_bytes())
    return normalise(raw).telemetry


@pytest.mark.parametrize("name", EXPECTED)
def test_a_bad_poll_becomes_the_row_of_the_failure_table(name: str, bad_polls: Path) -> None:
    telemetry = reading(bad_polls, name)
    for field, value in EXPECTED[name].items():
        said = getattr(telemetry, field)
        assert said == (pytest.approx(value, rel=1e-9) if type(value) is float else value), field


def test_every_bad_poll_has_its_expectation(bad_polls: Path) -> None:
    assert {path.stem for path in bad_polls.glob("*.json")} == EXPECTED.keys()


@pytest.mark.parametrize(
    "name", [name for name, row in EXPECTED.items() if row["status"] in ("garbage", "offline")]
)
def test_a_garbage_or_offline_row_has_no_numbers(name: str, bad_polls: Path) -> None:
    telemetry = reading(bad_polls, name)
    assert {field for field in NUMBERS if getattr(telemetry, field) is not None} == set()
    assert telemetry.boards == ()
    assert telemetry.fan_rpm == ()
    assert telemetry.quality_score == 0.0


def test_a_bad_field_costs_that_field_alone(bad_polls: Path) -> None:
    telemetry = reading(bad_polls, "impossible_values")
    assert [board.voltage_v for board in telemetry.boards] == [14.2, None, 14.2]
    assert telemetry.boards[2].hashrate_hs == pytest.approx(BOARD_3_HS, rel=1e-9)
    assert telemetry.quality_score == pytest.approx(1 - 8 / 49)


def test_the_inventorys_worker_comes_before_the_pools_account(bad_polls: Path) -> None:
    assert reading(bad_polls, "clock_off_by_a_day").worker == "rack-1-l9-01"


def test_a_summary_that_is_missing_leaves_the_state_to_the_status_page(
    poll: Poll, body_of: BodyOf
) -> None:
    bodies = {
        "info": body_of("l9_1.2.7_info_assembled.json"),
        "summary": None,
        "status": body_of("l9_1.2.7_status_assembled.json"),
    }
    telemetry = normalise(poll(bodies, status=PollStatus.PARTIAL)).telemetry
    assert telemetry.status is MinerStatus.MINING
    assert telemetry.hashrate_hs is None
    assert telemetry.quality_flags == ("endpoint_missing:summary",)


def test_an_unreadable_info_costs_the_unit_but_not_the_reading(poll: Poll, body_of: BodyOf) -> None:
    bodies = {"info": "<html>", "summary": body_of("l9_1.2.7_summary_assembled.json")}
    telemetry = normalise(poll(bodies)).telemetry
    assert telemetry.hashrate_hs == pytest.approx(L9_HS, rel=1e-9)
    assert telemetry.quality_flags == ("endpoint_missing:info", "unit_inferred")


def test_settings_that_want_a_password_are_no_loss_to_the_reading(
    poll: Poll, body_of: BodyOf
) -> None:
    raw = poll(
        {
            "info": body_of("l9_1.2.7_info_assembled.json"),
            "summary": body_of("l9_1.2.7_summary_assembled.json"),
        },
        status=PollStatus.PARTIAL,
    )
    refused = EndpointBody(status=PollStatus.UNAUTHORISED, fetched_at=raw.polled_at)
    raw = raw.model_copy(update={"endpoints": {**raw.endpoints, "settings": refused}})
    assert normalise(raw).telemetry.quality_flags == ()


def test_a_dialect_that_nobody_reads_is_named_in_the_row(poll: Poll) -> None:
    telemetry = normalise(poll({"summary": "{}"}, dialect="abacus")).telemetry
    assert telemetry.status is MinerStatus.GARBAGE
    assert telemetry.error == "no dialect is named abacus"


def test_figures_from_before_a_refusal_are_none_of_the_refused_poll() -> None:
    folder = FIXTURES / "cgminer"
    raw = poll_of(
        {
            name: (folder / f"s19pro_{name}.json").read_bytes()
            for name in ("stats", "summary", "devs", "pools", "version")
        },
        dialect="antminer",
    )
    before = normalise(raw).telemetry
    refused = {"stats": EndpointBody(status=PollStatus.UNAUTHORISED, fetched_at=raw.polled_at)}
    earlier = raw.polled_at - timedelta(minutes=1)
    rides_along = {
        name: body.model_copy(update={"fetched_at": earlier})
        for name, body in raw.endpoints.items()
    }
    later = raw.model_copy(
        update={"status": PollStatus.UNAUTHORISED, "endpoints": rides_along | refused}
    )
    version = {"version": raw.endpoints["version"]}
    for one in (later, later.model_copy(update={"endpoints": later.endpoints | version})):
        telemetry = normalise(one).telemetry
        assert telemetry.status is MinerStatus.UNAUTHORISED
        assert (telemetry.hashrate_hs, telemetry.accepted_total) == (None, None)
        assert (telemetry.model, telemetry.algorithm) == (before.model, before.algorithm)

"""Elphapex: scrypt in MH/s, and numbers that mean nothing are not passed on."""

import json
from typing import Any

import pytest
from tests.unit.dialects.table import FIXTURES, poll_of

from minestream_dialects import normalise
from minestream_schemas.telemetry import MinerStatus, MinerTelemetry

ENDPOINTS = ("stats", "summary", "pools", "get_system_info")


@pytest.fixture
def dg1() -> dict[str, Any]:
    folder = FIXTURES / "elphapex"
    bodies = {name: (folder / f"dg1plus_1.0.2_{name}.json").read_text() for name in ENDPOINTS}
    bodies["get_power"] = (folder / "dg1plus_1.0.2_get_power_assembled.json").read_text()
    return {name: json.loads(body) for name, body in bodies.items()}


def read(bodies: dict[str, Any], **hints: Any) -> MinerTelemetry:
    encoded = {name: json.dumps(body).encode() for name, body in bodies.items()}
    return normalise(poll_of(encoded, **hints)).telemetry


def stats(bodies: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bodies["stats"]["STATS"][0]
    return found


def test_the_mean_of_fifteen_minutes_counts_and_not_the_one_that_jumps(dg1: dict[str, Any]) -> None:
    stats(dg1)["rate_5s"] = 21_000.0
    assert read(dg1).hashrate_hs == pytest.approx(14.415e9)


@pytest.mark.parametrize(("unit", "hashrate_hs"), [("MH/s", 14.415e9), ("MH", 14.415e9)])
def test_the_unit_is_the_payloads(dg1: dict[str, Any], unit: str, hashrate_hs: float) -> None:
    stats(dg1)["rate_unit"] = unit
    assert read(dg1).hashrate_hs == pytest.approx(hashrate_hs)


def test_a_unit_that_makes_a_thousand_times_its_class_is_disputed(dg1: dict[str, Any]) -> None:
    stats(dg1)["rate_unit"] = "GH/s"
    told = read(dg1)
    assert told.hashrate_hs is None
    assert "unit_disputed" in told.quality_flags


def test_without_a_unit_scrypt_counts_in_megahashes_and_the_reading_says_so(
    dg1: dict[str, Any],
) -> None:
    del stats(dg1)["rate_unit"]
    told = read(dg1)
    assert told.hashrate_hs == pytest.approx(14.415e9)
    assert "unit_inferred" in told.quality_flags


def test_placeholders_are_no_readings(dg1: dict[str, Any]) -> None:
    told = read(dg1)
    assert (told.pcb_temp_max_c, told.hw_errors_total, told.frequency_mhz) == (None, None, None)
    assert {board.pcb_temp_c for board in told.boards} == {None}
    assert told.quality_score == 1.0


def test_sensors_are_in_thousandths_and_empty_where_there_are_none(dg1: dict[str, Any]) -> None:
    stats(dg1)["chain"][0]["temp_chip"] = ["", "-5250", "0", ""]
    board = read(dg1).boards[0]
    assert (board.chip_temp_min_c, board.chip_temp_max_c) == (-5.25, -5.25)


def test_a_board_that_is_lost_is_listed_and_an_empty_slot_is_not(dg1: dict[str, Any]) -> None:
    chain = stats(dg1)["chain"]
    chain[1] |= {"asic_num": 0, "rate_15m": 0, "temp_chip": ["", "", "", ""]}
    chain[2] |= {"asic_num": 0, "rate_15m": 0, "sn": ""}
    told = read(dg1)
    assert [board.slot for board in told.boards] == [0, 1, 3]
    assert (told.boards_total, told.boards_healthy) == (3, 2)


def test_without_the_power_supplys_page_there_is_no_power_and_a_flag(dg1: dict[str, Any]) -> None:
    del dg1["get_power"]
    told = read(dg1)
    assert (told.power_w, told.quality_flags) == (None, ("field_missing:power_w",))


@pytest.mark.parametrize(
    ("mode", "rate", "elapsed", "status"),
    [
        (1, 0, 0, MinerStatus.STOPPED),
        ("1", 0, 86400, MinerStatus.STOPPED),
        (0, 0, 86400, MinerStatus.UNKNOWN),
        (0, 0, 0, MinerStatus.INITIALIZING),
        (None, 0, 0, MinerStatus.INITIALIZING),
        (1, 14415, 86400, MinerStatus.MINING),
    ],
)
def test_one_that_its_settings_put_to_sleep_is_stopped_and_not_in_trouble(
    dg1: dict[str, Any], mode: object, rate: float, elapsed: int, status: MinerStatus
) -> None:
    """The settings are read more seldom than the rates, which therefore come first."""
    stats(dg1).update({"rate_15m": rate, "rate_avg": rate, "elapsed": elapsed})
    dg1["get_miner_conf"] = {"algo": "ltc", "fc-work-mode": mode, "fc-freq-level": "100"}
    told = read(dg1)
    assert told.status is status
    assert told.hashrate_hs == rate * 1e6


def test_a_check_that_fails_is_an_error_code(dg1: dict[str, Any]) -> None:
    checks = dg1["summary"]["SUMMARY"][0]["status"]
    checks[2] |= {"status": "e", "code": 2001, "msg": "fan 3 lost"}
    told = read(dg1)
    assert told.error_codes == ("fans:2001",)
    assert told.error == "fan 3 lost"


def test_shares_are_those_of_all_the_users_pools(dg1: dict[str, Any]) -> None:
    told = read(dg1)
    assert told.accepted_total == 798_704 + 604_803 + 691_522
    assert told.rejected_total == dg1["pools"]["Device Total Rejected"]
    assert told.pool_url == "stratum+tcp://stratum.pool.io:3334"  # the only one alive


def test_what_is_no_page_of_stats_is_garbage(dg1: dict[str, Any]) -> None:
    dg1["stats"] = {"STATUS": {"STATUS": "E", "Msg": "busy"}, "INFO": dg1["stats"]["INFO"]}
    told = read(dg1)
    assert (told.status, told.error) == (MinerStatus.GARBAGE, "stats: busy")
    assert told.model == "DG1+"


def test_a_sensor_that_counts_whole_degrees_is_not_read_a_thousand_times_too_cold(
    dg1: dict[str, Any],
) -> None:
    stats(dg1)["chain"][0]["temp_chip"] = [57, 61]
    told = read(dg1)
    board = told.boards[0]
    assert (board.chip_temp_min_c, board.chip_temp_max_c) == (None, None)
    assert f"field_invalid:boards.{board.slot}.chip_temp_c" in told.quality_flags

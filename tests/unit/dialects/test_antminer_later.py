"""Bitmain's later firmware (BMMiner 2.12: L7, L9, KS5); the shapes are theirs, the numbers ours."""

import json
from copy import deepcopy
from typing import Any

import pytest
from tests.unit.dialects.table import FIXTURES, poll_of

from minestream_dialects import normalise
from minestream_schemas.telemetry import MinerStatus, MinerTelemetry


def read(bodies: dict[str, Any], dialect: str) -> MinerTelemetry:
    encoded = {name: json.dumps(body).encode() for name, body in bodies.items()}
    return normalise(poll_of(encoded, dialect=dialect)).telemetry


def board(slot: int, gigahashes: float) -> dict[str, Any]:
    return {
        f"chain_acn{slot}": 110,
        f"chain_acs{slot}": " oooooooooo" * 11,
        f"chain_hw{slot}": 2,
        f"chain_rate{slot}": gigahashes,
        f"CHAIN AVG HASHRATE{slot}": f"{gigahashes * 1000:.2f} MH/s",
        f"freq{slot}": 1100,
        f"temp{slot}": 58,
        f"temp2_{slot}": 73,
        f"temp_in_pcb_{slot}": "44-47",
        f"temp_out_pcb_{slot}": "55-58",
        f"temp_in_chip_{slot}": "60-64",
        f"temp_out_chip_{slot}": "55-58",  # the boards' again: its firmware reads the wrong sensors
    }


@pytest.fixture
def l9() -> dict[str, Any]:
    """The whole in MH/s, as RT HASHRATE says; each board in GH/s, as nothing says."""
    whole = {"STATS": 3, "ID": "BTM_SOC3", "Elapsed": 86400, "GHS 5s": 16500.0, "GHS av": 16400.0}
    more = {"total_rateideal": 16600.0, "Mode": 0, "miner_count": 3, "frequency": 1100}
    fans = {"fan_num": 2, "fan1": 5400, "fan2": 5430}
    who = {"BMMiner": "2.12", "Miner": "81.0-1.0.0", "Type": "Antminer L9"}
    boards = board(1, 5.5) | board(2, 5.4) | board(3, 5.6)
    summary = {"Elapsed": 86400, "GHS 5s": 16500.0, "GHS av": 16400.0, "Accepted": 9}
    return {
        "stats": {"STATUS": [{"STATUS": "S"}], "STATS": [who, whole | more | fans | boards]},
        "summary": {
            "STATUS": [{"STATUS": "S"}],
            "SUMMARY": [summary | {"RT HASHRATE": "16500.00 MH/s"}],
        },
    }


def numbers(l9: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = l9["stats"]["STATS"][1]
    return found


def test_boards_in_gigahashes_beside_a_whole_in_megahashes_are_its_parts(
    l9: dict[str, Any],
) -> None:
    told = read(l9, "antminer")
    assert (told.hashrate_hs, told.hashrate_expected_hs) == (16.5e9, 16.6e9)
    assert [each.hashrate_hs for each in told.boards] == pytest.approx([5.5e9, 5.4e9, 5.6e9])
    assert told.evidence["boards"] == "stats.chain_rate x 1000: their sum is the whole"
    assert (told.boards_healthy, told.chip_temp_max_c, told.pcb_temp_max_c) == (3, 73.0, 58.0)


def test_a_lost_board_does_not_change_the_unit_of_the_others(l9: dict[str, Any]) -> None:
    numbers(l9)["chain_rate2"] = 0.0
    told = read(l9, "antminer")
    assert [each.hashrate_hs for each in told.boards] == pytest.approx([5.5e9, 0.0, 5.6e9])
    assert told.boards_healthy == 2


@pytest.mark.parametrize("times", [1000, 1000 / 5, 1 / 100])
def test_boards_that_are_no_thousandth_of_the_whole_keep_its_unit(
    l9: dict[str, Any], times: float
) -> None:
    for slot in (1, 2, 3):
        numbers(l9)[f"chain_rate{slot}"] *= times
    told = read(l9, "antminer")
    assert "boards" not in told.evidence
    assert told.boards[0].hashrate_hs == pytest.approx(5.5e6 * times)


def test_slow_boards_beside_a_whole_in_gigahashes_are_not_taken_for_a_thousand_times_more(
    l9: dict[str, Any],
) -> None:
    l9["stats"]["STATS"][0]["Type"] = "Antminer S19"
    l9["summary"]["SUMMARY"][0]["RT HASHRATE"] = "16500.00 GH/s"
    told = read(l9, "antminer")
    assert told.hashrate_hs == pytest.approx(16.5e12)
    assert [each.hashrate_hs for each in told.boards] == pytest.approx([5.5e9, 5.4e9, 5.6e9])
    assert "boards" not in told.evidence


@pytest.mark.parametrize(
    ("mode", "rate", "status"),
    [
        (1, 0.0, MinerStatus.STOPPED),
        ("1", 0.0, MinerStatus.STOPPED),
        (0, 0.0, MinerStatus.UNKNOWN),
        (None, 0.0, MinerStatus.UNKNOWN),
        (1, 16500.0, MinerStatus.MINING),
    ],
)
def test_an_antminer_that_sleeps_is_stopped(
    l9: dict[str, Any], mode: object, rate: float, status: MinerStatus
) -> None:
    numbers(l9).update({"Mode": mode, "GHS 5s": rate})
    assert read(l9, "antminer").status is status


@pytest.mark.parametrize(
    ("stats", "conf", "status"),
    [
        ({"miner-mode": 1}, {}, MinerStatus.STOPPED),
        ({}, {"bitmain-work-mode": "1"}, MinerStatus.STOPPED),
        ({}, {"miner-mode": 1}, MinerStatus.STOPPED),
        ({"miner-mode": 0}, {"bitmain-work-mode": "1"}, MinerStatus.UNKNOWN),
        ({}, {"bitmain-work-mode": "0"}, MinerStatus.UNKNOWN),
    ],
)
def test_a_web_page_tells_that_its_antminer_sleeps(
    stats: dict[str, Any], conf: dict[str, Any], status: MinerStatus
) -> None:
    """The page of each minute counts before the configuration, which is read more seldom."""
    page = json.loads((FIXTURES / "cgminer" / "s19_web_stats.json").read_text())
    awake = read({"stats": page, "get_miner_conf": conf}, "antminer-web")
    assert awake.status is MinerStatus.MINING
    asleep = deepcopy(page)
    asleep["STATS"][0] |= {"rate_5s": 0.0, "rate_30m": 0.0, **stats}
    assert read({"stats": asleep, "get_miner_conf": conf}, "antminer-web").status is status

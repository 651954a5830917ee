"""Bitmain's firmware of 2019 and of late (BMMiner 2.12): the shapes are theirs."""

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
    ("model", "mode", "rate", "status"),
    [
        ("Antminer T17+", 254, "0.00", MinerStatus.STOPPED),
        ("Antminer S17 Pro", "254", 0.0, MinerStatus.STOPPED),
        ("Antminer S17 Pro", 1, 0.0, MinerStatus.UNKNOWN),
        ("Antminer T17", "1", 0.0, MinerStatus.UNKNOWN),
        ("Antminer S17 Pro", 1, 50026.55, MinerStatus.MINING),
        ("Antminer S19", 1, 0.0, MinerStatus.STOPPED),
        ("Antminer S9k", "H", 0.0, MinerStatus.UNKNOWN),
    ],
)
def test_the_seventeens_sleep_in_another_mode_than_all_that_followed(
    l9: dict[str, Any], model: str, mode: object, rate: object, status: MinerStatus
) -> None:
    """Foreman's T17+ and S17+ at rest say 254; two S17 Pro that hash 50 TH/s say 1."""
    l9["stats"]["STATS"][0]["Type"] = model
    numbers(l9).update({"Mode": mode, "GHS 5s": rate, "rate_unit": "GH"})
    assert read(l9, "antminer").status is status


T15: dict[str, object] = {
    "STATS": 0,
    "ID": "BTM_SOC0",
    "Elapsed": 13263,
    "GHS 5s": "21615.78",
    "GHS av": 22411.07,
    "miner_count": 2,
    "frequency": "",
    "freq1": "520",
    "freq2": "420",
    "freq3": "0",
    "fan_num": 2,
    "fan1": 2880,
    "fan2": 2880,
    "rate_unit": "GH",
    "temp_chip1": "29-54-30-55",
    "temp_chip2": "29-50-30-50",
    "temp_chip3": "-",
    "freq_avg1": 0.0,
    "freq_avg2": 0.0,
    "freq_avg3": 0.0,
    "total_freqavg": 0.0,
    "chain_acn1": 60,
    "chain_acn2": 60,
    "chain_acn3": 0,
    "chain_hw1": 7,
    "chain_hw2": 17,
    "chain_rate1": "8048.19",
    "chain_rate2": "6574.89",
    "chain_rate3": "",
}
"""The shape of an S9k, S15, T15 and S17 Pro of 2019: the mean clock is 0, the set one is told."""


def t15(**changed: object) -> MinerTelemetry:
    who = {"BMMiner": "4.9.0", "Miner": "27.10.1.3", "Type": "Antminer T15"}
    stats = {"STATUS": [{"STATUS": "S"}], "STATS": [who, T15 | changed]}
    return read({"stats": stats}, "antminer")


def test_a_mean_clock_of_zero_leaves_the_set_one_to_be_read() -> None:
    told = t15()
    assert [each.frequency_mhz for each in told.boards] == [520.0, 420.0]
    assert told.frequency_mhz == 470.0


def test_a_board_that_hashes_without_any_clock_tells_none() -> None:
    told = t15(freq1="0", freq2="")
    assert [each.frequency_mhz for each in told.boards] == [None, None]
    assert told.frequency_mhz is None
    assert "field_missing:boards.1.frequency_mhz" in told.quality_flags
    assert t15(freq1="0", frequency="300").boards[0].frequency_mhz == 300.0


def test_a_board_at_rest_keeps_its_clock_of_zero() -> None:
    told = t15(freq1="0", chain_rate1="0.00", frequency="300")
    assert told.boards[0].frequency_mhz == 0.0


def test_a_board_that_hashes_for_no_watts_tells_none() -> None:
    told = t15(chain_consumption1=0, chain_consumption2=0)
    assert [each.power_w for each in told.boards] == [None, None]
    at_rest = t15(chain_consumption1=0, chain_rate1="0.00")
    assert at_rest.boards[0].power_w == 0.0


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

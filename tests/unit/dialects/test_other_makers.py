"""Machines and firmware of other makers on port 4028; the numbers are ours, the shapes theirs."""

import json
from copy import deepcopy
from typing import Any

import pytest
from tests.unit.dialects.table import poll_of

from minestream_dialects import normalise
from minestream_dialects.models import algorithm_of_model
from minestream_schemas.telemetry import MinerStatus, MinerTelemetry
from minestream_schemas.units import Algorithm


def read(bodies: dict[str, Any], dialect: str = "auto", **hints: Any) -> MinerTelemetry:
    encoded = {name: json.dumps(body).encode() for name, body in bodies.items()}
    return normalise(poll_of(encoded, dialect=dialect, **hints)).telemetry


def answer(section: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"STATUS": [{"STATUS": "S", "Msg": "ok"}], section: list(rows), "id": 1}


HAMMER = answer(
    "STATS",
    {"CGMiner": "2.3.3", "Miner": "2.0.2.2", "CompileTime": "2023-05-28", "Type": "Hammer D10"},
    {
        "STATS": 0,
        "ID": "A30",
        "Elapsed": 7200,
        "MHS 5s": "4800.5",
        "MHS av": "4850.1",
        "miner_count": 2,
        "frequency": "810",
        "fan_num": 2,
        "fan1": 4500,
        "fan2": 3900,
        "temp1": 42,
        "temp2": 40,
        "chain_acn1": 3,
        "chain_acn2": 3,
        "chain_acn3": 0,
        "chain_acs1": " oo o",
        "chain_acs2": " oox",
        "chain_acs3": "",
        "chain_hw1": 21,
        "chain_hw2": 29,
        "chain_rate1": "2400.3",
        "chain_rate2": "2400.2",
    },
)
"""The scrypt Hammer D10: Bitmain's chains under a type of its own, its unit in the key."""

MSKMINER = answer(
    "STATS",
    {"BMMiner": "4.11.1 rwglr", "Miner": "49.0.1.3", "Type": "S19-88 v.2.6.0.39"},
    {
        "STATS": 0,
        "ID": "BC50",
        "Elapsed": 1800,
        "GHS 5s": 33000.0,
        "GHS av": 32900.0,
        "miner_count": 1,
        "fan_num": 1,
        "fan1": 5010,
        "freq_avg1": 744.0,
        "chain_acn1": 4,
        "temp1": 45,
        "temp2_1": 59,
        "chain_acs1": " oooo",
        "chain_hw1": 0,
        "chain_rate1": "33000.00",
        "chain_consumption1": 1135,
    },
)
"""MSKminer on an S19: the type names the boards' chips and the firmware, and no maker."""

AVALON = {
    "summary": answer("SUMMARY", {"Elapsed": 600, "MHS 5s": 197e6, "MHS av": 192e6}),
    "pools": answer("POOLS", {"URL": "stratum+tcp://x:1", "User": "u", "Status": "Alive"}),
    "version": answer("VERSION", {"CGMiner": "4.11.1", "API": "3.7", "PROD": "AvalonMiner 15-194"}),
    "devs": answer(
        "DEVS",
        {"ASC": 0, "Status": "Alive", "Enabled": "Y", "Temperature": -273.0, "MHS 5s": 197e6},
    ),
}
"""Canaan's: the temperatures stand in a text of ``stats``, and the device says it has none."""


def test_a_scrypt_miner_of_another_maker_is_read_by_the_chains_that_it_lists() -> None:
    told = read({"stats": HAMMER})
    assert (told.dialect, told.evidence["dialect"]) == ("antminer-4028", "stats.chain_acn")
    assert (told.model, told.algorithm) == ("Hammer D10", Algorithm.SCRYPT)
    assert (told.hashrate_hs, told.evidence["unit"]) == (4800.5e6, "the key MHS 5s")
    assert (told.fan_rpm, told.pcb_temp_max_c, told.uptime_s) == ((4500, 3900), 42.0, 7200.0)
    assert [(board.chips_ok, board.chips_total) for board in told.boards] == [(3, 3), (2, 3)]
    assert (told.boards_total, told.boards_healthy) == (2, 1)


def test_firmware_that_names_no_maker_in_its_type_keeps_its_boards_and_power() -> None:
    told = read({"stats": MSKMINER})
    assert (told.dialect, told.model) == ("antminer-4028", "S19-88 v.2.6.0.39")
    assert told.hashrate_hs == 33e12
    assert (told.power_w, told.chip_temp_max_c) == (1135.0, 59.0)
    assert (told.boards_total, told.boards_healthy) == (1, 1)


def test_without_chains_such_a_miner_is_cgminers() -> None:
    stats = deepcopy(HAMMER)
    del stats["STATS"][1]
    summary = answer("SUMMARY", {"Elapsed": 7200, "MHS 5s": "4800.5", "MHS av": "4850.1"})
    told = read({"stats": stats, "summary": summary})
    assert (told.dialect, told.hashrate_hs) == ("cgminer", 4800.5e6)


@pytest.mark.parametrize(
    ("version", "firmware"),
    [
        (
            {"LUXminer": "2025.4.8-57b389c7", "API": "3.7", "CompileTime": "Tue Apr  8 2025"},
            "LUXminer 2025.4.8-57b389c7, Tue Apr  8 2025",
        ),
        ({"API": "3.7", "BOSminer+": "0.2.0-36c56a9363"}, "BOSminer+ 0.2.0-36c56a9363"),
        ({"API": "3.7", "BOSer": "boser-openwrt 0.1.0"}, "BOSer boser-openwrt 0.1.0"),
        ({"Cgminer": "4.9.2", "Miner": "2.0"}, "CGMiner 4.9.2"),
        ({"API": "3.7", "Miner": "2.0", "Type": "Antminer S9"}, None),
    ],
)
def test_the_mining_program_names_the_firmware_whatever_it_is_called(
    version: dict[str, Any], firmware: str | None
) -> None:
    assert read(AVALON | {"version": answer("VERSION", version)}).firmware == firmware


def test_an_avalon_without_a_sensor_has_no_temperature_and_no_fault() -> None:
    told = read(AVALON)
    assert (told.status, told.algorithm) == (MinerStatus.MINING, Algorithm.SHA256D)
    assert (told.hashrate_hs, told.model) == (197e12, "AvalonMiner 15-194")
    assert told.boards[0].chip_temp_max_c is None
    assert "field_invalid:boards.1.chip_temp_max_c" not in told.quality_flags
    impossible = deepcopy(AVALON)
    impossible["devs"]["DEVS"][0]["Temperature"] = -300.0
    assert "field_invalid:boards.1.chip_temp_max_c" in read(impossible).quality_flags


@pytest.mark.parametrize(
    ("model", "algorithm"),
    [
        ("Goldshell-MiniDOGE", Algorithm.SCRYPT),
        ("Goldshell Mini DOGE Pro", Algorithm.SCRYPT),
        ("Goldshell LT6", Algorithm.SCRYPT),
        ("Innosilicon A6+ LTCMaster", Algorithm.SCRYPT),
        ("DG-Home1", Algorithm.SCRYPT),
        ("VolcMiner D1 Lite", Algorithm.SCRYPT),
        ("Avalon Q", Algorithm.SHA256D),
        ("Antminer D10", Algorithm.UNKNOWN),
        ("Goldshell KD6", Algorithm.UNKNOWN),
    ],
)
def test_other_makers_scrypt_machines_are_known_by_name(model: str, algorithm: Algorithm) -> None:
    assert algorithm_of_model(model) is algorithm


def goldshell(number: int, **more: object) -> dict[str, Any]:
    shared = {"Status": "Alive", "Enabled": "Y", "fan0": 2160, "fan1": 2190}
    return {"ID": number, "PGA": number, "MHS 20s": 92.5, "MHS av": 91.0, **shared, **more}


def test_a_goldshell_on_port_4028_keeps_its_temperatures_and_fans() -> None:
    """Scrypt by bfgminer: two sensors of chips, one of the board, and fans on every device."""
    bodies = {
        "summary": answer("SUMMARY", {"Elapsed": 600, "MHS 20s": 185.0, "MHS av": 182.0}),
        "pools": AVALON["pools"],
        "version": answer("VERSION", {"BFGMiner": "5.5.0", "API": "3.1"}),
        "devs": answer(
            "DEVS",
            goldshell(0, **{"tstemp-0": 71, "tstemp-1": 77, "tstemp-2": 60}),
            goldshell(1, **{"tstemp-0": 0, "tstemp-1": -1, "tstemp-2": 61, "fan1": 2100}),
        ),
    }
    told = read(bodies, model_hint="Goldshell Mini DOGE")
    assert (told.algorithm, told.hashrate_hs) == (Algorithm.SCRYPT, 185e6)
    assert (told.chip_temp_max_c, told.pcb_temp_max_c) == (77.0, 61.0)
    heats = [(each.chip_temp_max_c, each.chip_temp_min_c, each.pcb_temp_c) for each in told.boards]
    assert heats == [(77.0, 71.0, 60.0), (None, None, 61.0)]
    assert told.fan_rpm == (2160, 2100)
    bodies["devs"]["DEVS"][0]["tstemp-1"] = 900
    assert "field_invalid:boards.1.chip_temp_max_c" in read(bodies).quality_flags


@pytest.mark.parametrize(("rate", "clock"), [(3731149.63, None), (0.0, 0.0)])
def test_a_device_that_hashes_at_no_clock_tells_none(rate: float, clock: float | None) -> None:
    """As an iBeLink's do: their ``Frequency`` is 0 while they hash."""
    device = {"ASC": 0, "Status": "Alive", "MHS 5s": rate, "MHS av": 3731000.0, "Frequency": 0.0}
    bodies = {
        "summary": answer("SUMMARY", {"Elapsed": 20576, "MHS 5s": rate, "MHS av": 3731000.0}),
        "devs": answer("DEVS", device),
    }
    assert read(bodies).boards[0].frequency_mhz == clock


def test_shares_at_a_hidden_pool_are_the_makers_and_not_the_users() -> None:
    """As an L3+ of 2021 lists them; both of its connections are live."""
    live = {"Status": "Alive", "Stratum Active": True}
    bodies = {
        "stats": HAMMER,
        "pools": answer(
            "POOLS",
            {"POOL": 3, "URL": "*", "User": "*", "Priority": 999, "Accepted": 5502} | live,
            {"POOL": 0, "URL": "stratum+tcp://litecoinpool.org:3333", "User": "user.4"}
            | {"Priority": 0, "Accepted": 47169, "Rejected": 331, "Stale": 16}
            | live,
        ),
    }
    told = read(bodies)
    assert (told.accepted_total, told.rejected_total, told.stale_total) == (47169, 331, 16)
    assert (told.pool_url, told.worker) == ("stratum+tcp://litecoinpool.org:3333", "user.4")


@pytest.mark.parametrize(
    ("said", "url", "worker"),
    [
        ({"URL": "*", "User": "user.4"}, None, "user.4"),
        ({"URL": "stratum+tcp://a:3333", "User": "*"}, "stratum+tcp://a:3333", None),
    ],
)
def test_a_pool_that_hides_its_address_or_its_user_alone_is_the_users(
    said: dict[str, str], url: str | None, worker: str | None
) -> None:
    live = {"POOL": 0, "Status": "Alive", "Stratum Active": True}
    counts = {"Accepted": 100, "Rejected": 1, "Stale": 0}
    spare = {"POOL": 1, "URL": "stratum+tcp://b:3333", "User": "user.5", "Status": "Alive"}
    listed = answer("POOLS", live | counts | said, spare | dict.fromkeys(counts, 0))
    told = read({"stats": HAMMER, "pools": listed})
    assert (told.accepted_total, told.rejected_total) == (100, 1)
    assert (told.pool_url, told.worker) == (url, worker)

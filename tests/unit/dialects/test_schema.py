"""Every word that Vnish's own API documents is a word that the parsers know."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minestream_dialects import normalise
from minestream_schemas.raw import RawMiner
from minestream_schemas.telemetry import MinerStatus
from minestream_schemas.units import hashes_per_s

BodyOf = Callable[[str], str]
Poll = Callable[..., RawMiner]
VERSIONS = ("1.2.7", "1.3.4")


def schemas(payloads: Path, version: str) -> dict[str, Any]:
    document = json.loads((payloads / f"xminer_api_{version}_openapi.json").read_text())
    found: dict[str, Any] = document["components"]["schemas"]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_state_of_a_miner_is_known(
    version: str, payloads: Path, body_of: BodyOf, poll: Poll
) -> None:
    states = schemas(payloads, version)["MinerState"]["enum"]
    assert len(states) == 8
    summary = json.loads(body_of("l9_1.2.7_summary_assembled.json"))
    read = []
    for state in states:
        summary["miner"]["miner_status"]["miner_state"] = state
        telemetry = normalise(poll({"summary": json.dumps(summary)})).telemetry
        assert "field_invalid:status" not in telemetry.quality_flags
        read.append(telemetry.status)
    assert len(set(read)) == len(states)
    assert MinerStatus.UNKNOWN not in read


@pytest.mark.parametrize("version", VERSIONS)
def test_every_unit_is_known_or_says_that_it_is_none(version: str, payloads: Path) -> None:
    found = schemas(payloads, version)
    units = (found.get("HrMeasure") or found["ApiHrMeasure"])["enum"]
    assert {unit: hashes_per_s(unit) for unit in units if unit != "N/A"} == {
        "GH/s": 1e9,
        "MH/s": 1e6,
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_the_kinds_of_pools_and_colours_of_chips_are_those_that_we_decided_on(
    version: str, payloads: Path
) -> None:
    found = schemas(payloads, version)
    assert found["PoolType"]["enum"] == ["UserPool", "DevFee", "Refund"]
    assert found["ChipGrade"]["enum"] == ["grey", "orange", "red"]
    assert found["TempSensorStatus"]["enum"] == ["init", "ready", "measure", "error", "unknown"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_that_is_read_is_in_the_schema(version: str, payloads: Path) -> None:
    found = schemas(payloads, version)
    board = "AntmChain" if version == "1.2.7" else "AntmBoard"
    read = {
        "AntmMinerStats": "miner_status miner_type hr_realtime hr_nominal hr_average pcb_temp "
        "average_hashrate instant_hashrate chip_temp power_consumption power_usage hw_errors "
        "pools cooling chains",
        board: "id frequency voltage power_consumption hashrate_ideal hashrate_rt hw_errors "
        "pcb_temp chip_temp chip_statuses status inlet_water_temp outlet_water_temp",
        f"{board}Chips": "id status hr_realtime hr_nominal freq sensors chips",
        "AntmChip": "id hr freq volt temp errs grade",
        "PoolStats": "url pool_type user status accepted rejected stale",
        "Fan": "id rpm status",
        "MinerStatus": "miner_state miner_state_time failure_code description",
    }
    for name, fields in read.items():
        assert set(fields.split()) <= found[name]["properties"].keys(), name

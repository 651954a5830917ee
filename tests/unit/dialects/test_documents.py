"""The shapes of the design documents: read by what they say, disputed where that cannot be."""

import json
from typing import Any

import pytest
from tests.unit.dialects.table import FIXTURES, poll_of

from minestream_dialects import Normalised, normalise
from minestream_schemas.telemetry import MinerStatus
from minestream_schemas.units import Algorithm

FIELDS = 29
FIELDS_OF_A_BOARD = 5


def recorded(name: str) -> Any:
    return json.loads((FIXTURES / "seed_shapes" / f"{name}.json").read_text())


def read(bodies: dict[str, Any], **hints: Any) -> Normalised:
    encoded = {name: json.dumps(body).encode() for name, body in bodies.items()}
    return normalise(poll_of(encoded, **hints))


@pytest.fixture
def toolkit() -> dict[str, Any]:
    found: dict[str, Any] = recorded("seed2_vnish_summary")
    return found


@pytest.fixture
def upload() -> dict[str, Any]:
    found: dict[str, Any] = recorded("seed4_edge_upload")
    return found


@pytest.mark.parametrize(
    ("worded", "hashrate_hs"),
    [
        ("150 TH/s", 150e12),
        ("150000 GH/s", 150e12),
        ("17394.83 MH/s", 17.39483e9),
        ("0 TH/s", 0.0),
        ("17.4GH/s", 17.4e9),
    ],
)
def test_a_text_with_a_unit_is_read_in_that_unit(
    toolkit: dict[str, Any], worded: str, hashrate_hs: float
) -> None:
    toolkit["summary"]["hashrate"] = worded
    assert read({"summary": toolkit}).telemetry.hashrate_hs == pytest.approx(hashrate_hs)


@pytest.mark.parametrize("worded", ["150", 150, "150 XH/s", "fast", "TH/s", "1e5 TH/s 7", None])
def test_a_hashrate_whose_unit_nothing_tells_is_none_and_flagged(
    toolkit: dict[str, Any], worded: object
) -> None:
    toolkit["summary"]["hashrate"] = worded
    told = read({"summary": toolkit}).telemetry
    assert told.hashrate_hs is None
    assert "unit_unknown" in told.quality_flags


@pytest.mark.parametrize(
    ("worded", "model", "flag"),
    [("17.4 TH/s", "Antminer L9", "unit_disputed"), ("150 GH/s", "Antminer S21", "unit_disputed")],
)
def test_a_unit_that_the_inventorys_model_cannot_reach_is_disputed(
    toolkit: dict[str, Any], *, worded: str, model: str, flag: str
) -> None:
    toolkit["summary"]["hashrate"] = worded
    told = read({"summary": toolkit}, model_hint=model).telemetry
    assert (told.hashrate_hs, told.boards[0].hashrate_hs) == (None, None)
    assert flag in told.quality_flags


@pytest.mark.parametrize("worded", ["150", "150 XH/s"])
def test_a_board_is_healthy_whatever_the_unit_of_its_hashrate_is(
    toolkit: dict[str, Any], worded: str
) -> None:
    toolkit["summary"]["hashrate"] = worded
    toolkit["chains"][0]["hashrate"] = 50
    told = read({"summary": toolkit}).telemetry
    assert told.boards[0].hashrate_hs is None
    assert (told.boards_total, told.boards_healthy) == (1, 1)


def test_a_number_without_unit_is_in_that_of_the_inventorys_algorithm(
    toolkit: dict[str, Any],
) -> None:
    toolkit["summary"]["hashrate"] = 17394.8
    told = read({"summary": toolkit}, algorithm_hint="scrypt").telemetry
    assert told.hashrate_hs == pytest.approx(17.3948e9)
    assert told.algorithm is Algorithm.SCRYPT
    assert "unit_inferred" in told.quality_flags
    assert told.evidence["unit"] == "inventory.algorithm"


def test_each_board_and_chip_is_read_in_the_unit_that_it_carries(toolkit: dict[str, Any]) -> None:
    toolkit["chains"][0] |= {"hashrate": "50000 GH/s", "chips": 2}
    toolkit["chips"][1] |= {"hashrate": "900 GH/s", "status": "failed"}
    told = read({"summary": toolkit})
    assert told.telemetry.boards[0].hashrate_hs == pytest.approx(50e12)
    assert told.chips is not None
    (board,) = told.chips.boards
    assert (board.slot, board.grade) == (0, ("grey", "red"))
    assert board.hashrate_hs == pytest.approx((1.2e12, 0.9e12))


def test_chips_are_dealt_to_the_boards_in_order(toolkit: dict[str, Any]) -> None:
    chips = [{"id": at, "hashrate": "1 TH/s", "temperature": 60 + at} for at in range(5)]
    chains = [{"id": 0, "chips": 2}, {"id": 1, "chips": 0}, {"id": 2, "chips": 3}]
    told = read({"summary": toolkit, "chips": chips, "chains": {"chains": chains}}).chips
    assert told is not None
    assert [(board.slot, board.temp_c) for board in told.boards] == [
        (0, (60, 61)),
        (2, (62, 63, 64)),
    ]


def test_a_miner_cooled_by_water_tells_its_water(toolkit: dict[str, Any]) -> None:
    told = read({"summary": toolkit}).telemetry
    assert (told.inlet_temp_c, told.outlet_temp_c) == (20, 25)
    del toolkit["summary"]["temperature"]["water_inlet"]
    told = read({"summary": toolkit}).telemetry
    assert (told.inlet_temp_c, told.quality_flags) == (None, ())


def test_a_board_that_failed_is_an_error_and_not_healthy(toolkit: dict[str, Any]) -> None:
    toolkit["chains"].append({"id": 1, "chips": 0, "hashrate": "0 TH/s", "status": "failed"})
    told = read({"summary": toolkit}).telemetry
    assert (told.boards_total, told.boards_healthy) == (2, 1)
    assert told.error_codes == ("board_failure:1",)


@pytest.mark.parametrize(
    ("said", "status"),
    [("mining", MinerStatus.MINING), ("idle", MinerStatus.STOPPED), ("error", MinerStatus.FAILURE)],
)
def test_the_state_is_the_summarys_else_that_of_status(
    toolkit: dict[str, Any], said: str, status: MinerStatus
) -> None:
    toolkit["summary"]["status"] = said
    assert read({"summary": toolkit}).telemetry.status is status
    del toolkit["summary"]["status"]
    assert read({"summary": toolkit, "status": {"status": said}}).telemetry.status is status


def test_a_config_that_failed_costs_its_own_fields_alone() -> None:
    stats = recorded("seed1_stats_cgi")
    told = read({"stats": stats}, dialect="vnish-cgi").telemetry
    assert (told.hashrate_hs, told.frequency_mhz) == (104.5e12, None)
    assert told.boards_healthy is None  # it says nothing of whether they hash


def test_a_config_that_came_fills_them_in_and_shows_no_password() -> None:
    config = recorded("seed1_config_cgi_assembled")
    config["data"]["pools"][0]["pass"] = "hunter2"  # noqa: S105
    told = read({"stats": recorded("seed1_stats_cgi"), "config": config}).telemetry
    assert (told.frequency_mhz, told.preset) == (525, "normal")
    assert "hunter2" not in told.to_json().decode()


def test_an_upload_has_the_fields_of_the_document(upload: dict[str, Any]) -> None:
    assert len(upload) == FIELDS
    assert {len(board) for board in upload["boards"]} == {FIELDS_OF_A_BOARD}


def test_the_hottest_chip_of_an_upload_is_the_one_that_it_says_else_the_hottest_that_it_lists(
    upload: dict[str, Any],
) -> None:
    upload |= {"temperature_max": 75, "temperature_chips": [68, 71.5, 69]}
    assert read({"upload": upload}).telemetry.chip_temp_max_c == 75
    del upload["temperature_max"]
    assert read({"upload": upload}).telemetry.chip_temp_max_c == 71.5
    del upload["temperature_chips"]
    told = read({"upload": upload}).telemetry
    assert (told.chip_temp_max_c, told.quality_flags) == (None, ("field_missing:chip_temp_max_c",))


def test_an_upload_of_a_miner_that_is_not_online_has_no_false_zeros(
    upload: dict[str, Any],
) -> None:
    upload |= {"online": False, "hashrate_ghs": 0, "hashrate_5s_ghs": 0, "error_message": "gone"}
    told = read({"upload": upload}).telemetry
    assert (told.status, told.hashrate_hs, told.power_w) == (MinerStatus.OFFLINE, None, None)
    assert (told.error, told.model) == ("gone", "Antminer S19 Pro")


def test_gigahashes_of_an_upload_are_gigahashes_on_a_scrypt_miner(upload: dict[str, Any]) -> None:
    upload |= {"model": "Antminer L9", "boards": [], "frequency_avg": 1150}
    upload |= {"hashrate_ghs": 17.2, "hashrate_5s_ghs": 17.4, "hashrate_expected_ghs": 17.3}
    told = read({"upload": upload}).telemetry
    assert told.hashrate_hs == pytest.approx(17.4e9)


def test_an_upload_that_passes_megahashes_on_as_gigahashes_is_disputed(
    upload: dict[str, Any],
) -> None:
    upload |= {"model": "Antminer L7", "hashrate_expected_ghs": 9500}
    upload |= {"hashrate_ghs": 9510.0, "hashrate_5s_ghs": 9529.45}
    told = read({"upload": upload}).telemetry
    assert told.hashrate_hs is None
    assert "unit_disputed" in told.quality_flags


def test_a_board_with_75_of_76_chips_is_healthy_and_one_with_70_is_not(
    upload: dict[str, Any],
) -> None:
    assert read({"upload": upload}).telemetry.boards_healthy == 3
    upload["boards"][2]["chips_ok"] = 70
    told = read({"upload": upload}).telemetry
    assert upload["boards_healthy"] == 3  # what the document claims
    assert told.boards_healthy == 2


def test_without_boards_the_documents_own_totals_stand(upload: dict[str, Any]) -> None:
    del upload["boards"]
    told = read({"upload": upload}).telemetry
    assert (told.boards, told.boards_total, told.boards_healthy) == ((), 3, 3)


def test_health_that_is_not_healthy_is_an_error_code(upload: dict[str, Any]) -> None:
    upload["overall_health"] = "degraded"
    assert read({"upload": upload}).telemetry.error_codes == ("health:degraded",)

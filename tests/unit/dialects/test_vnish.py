"""What Vnish's versions say differently, and what is decided where they leave room."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from minestream_dialects import normalise
from minestream_schemas.raw import RawMiner
from minestream_schemas.telemetry import MinerStatus, MinerTelemetry
from minestream_schemas.units import Algorithm

BodyOf = Callable[[str], str]
Poll = Callable[..., RawMiner]
Read = Callable[..., MinerTelemetry]

L9_HS = 17_394_832_000.0


@pytest.fixture
def info(body_of: BodyOf) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(body_of("l9_1.2.7_info_assembled.json"))
    return loaded


@pytest.fixture
def summary(body_of: BodyOf) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(body_of("l9_1.2.7_summary_assembled.json"))
    return loaded


@pytest.fixture
def read(poll: Poll) -> Read:
    def build(bodies: dict[str, Any], **changes: Any) -> MinerTelemetry:
        texts = {name: json.dumps(body) for name, body in bodies.items()}
        return normalise(poll(texts, **changes)).telemetry

    return build


@pytest.mark.parametrize(
    ("version", "dialect"),
    [
        ("1.2.0-rc3", "vnish-1.2"),
        ("1.2.7", "vnish-1.2"),
        ("1.3.0-alpha", "vnish-1.3"),
        ("1.3.4", "vnish-1.3"),
        ("1.10.1", "vnish-1.3"),
    ],
)
def test_the_dialect_follows_the_firmwares_version(
    version: str, dialect: str, info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    telemetry = read({"info": info | {"fw_version": version}, "summary": summary})
    assert telemetry.dialect == dialect
    assert telemetry.evidence["dialect"] == "info.fw_version"
    assert telemetry.firmware == f"Vnish {version}"


def test_the_version_counts_whoever_sold_the_firmware(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    sold = info | {"fw_name": "7Miners", "fw_version": "1.3.4"}
    telemetry = read({"info": sold, "summary": summary}, dialect="auto")
    assert (telemetry.dialect, telemetry.firmware) == ("vnish-1.3", "7Miners 1.3.4")


@pytest.mark.parametrize(
    ("miner_type", "changes", "dialect", "evidence"),
    [
        ("Antminer L9 (Vnish 1.3.4)", {}, "vnish-1.3", "summary.miner_type"),
        ("Antminer L9", {"firmware": "1.3.1"}, "vnish-1.3", "raw.firmware"),
        ("Antminer L9", {}, "vnish-1.2", "summary.miner"),
        ("Antminer L9", {"dialect": "vnish-1.3"}, "vnish-1.3", "raw.dialect"),
        ("Antminer L9", {"dialect": "auto"}, "vnish-1.2", "summary.miner"),
    ],
)
def test_without_info_the_next_best_evidence_decides(
    *,
    miner_type: str,
    changes: dict[str, str],
    dialect: str,
    evidence: str,
    summary: dict[str, Any],
    read: Read,
) -> None:
    summary["miner"]["miner_type"] = miner_type
    telemetry = read({"summary": summary}, **changes)
    assert (telemetry.dialect, telemetry.evidence["dialect"]) == (dialect, evidence)


@pytest.mark.parametrize("field", ["restart_count", "throttled"])
def test_the_fields_of_1_3_give_it_away(field: str, summary: dict[str, Any], read: Read) -> None:
    summary["miner"]["miner_type"] = "Antminer L9"
    place = summary["miner"] if field == "restart_count" else summary["miner"]["miner_status"]
    place[field] = 100
    telemetry = read({"summary": summary})
    assert (telemetry.dialect, telemetry.evidence["dialect"]) == ("vnish-1.3", f"summary.{field}")


@pytest.mark.parametrize(
    ("said", "algorithm", "model", "evidence", "flags"),
    [
        ("MH/s", "scrypt", "Antminer L9", "info.hr_measure", ()),
        ("N/A", "scrypt", "Antminer L9", "algorithm", ("unit_inferred",)),
        ("", "unknown", "Antminer L7", "model", ("unit_inferred",)),
        (None, "unknown", "Antminer L3+", "model", ("unit_inferred",)),
        ("N/A", "unknown", "Box", "inventory.algorithm, chips x frequency", ("unit_inferred",)),
    ],
)
def test_the_unit_is_said_or_follows_from_algorithm_model_inventory(
    *,
    said: str | None,
    algorithm: str,
    model: str,
    evidence: str,
    flags: tuple[str, ...],
    info: dict[str, Any],
    summary: dict[str, Any],
    read: Read,
) -> None:
    info |= {"hr_measure": said, "algorithm": algorithm, "miner": model}
    telemetry = read({"info": info, "summary": summary}, algorithm_hint="scrypt")
    assert telemetry.hashrate_hs == pytest.approx(L9_HS, rel=1e-9)
    assert telemetry.evidence["unit"] == evidence
    assert telemetry.quality_flags == flags


def test_the_payloads_model_comes_before_the_inventorys_hint(
    summary: dict[str, Any], read: Read
) -> None:
    telemetry = read({"summary": summary}, model_hint="Antminer S19", algorithm_hint="sha256d")
    assert telemetry.algorithm is Algorithm.SCRYPT
    assert telemetry.hashrate_hs == pytest.approx(L9_HS, rel=1e-9)


def test_a_unit_that_nothing_tells_leaves_hashrates_unsaid(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    info |= {"hr_measure": "N/A", "algorithm": "unknown", "miner": "Box"}
    telemetry = read({"info": info, "summary": summary})
    assert telemetry.quality_flags == ("unit_unknown",)
    assert telemetry.hashrate_hs is None
    assert [board.hashrate_hs for board in telemetry.boards] == [None, None, None]
    assert telemetry.boards_healthy == 3


def test_a_scrypt_miner_a_thousand_times_too_fast_is_not_believed(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    telemetry = read({"info": info | {"hr_measure": "GH/s"}, "summary": summary})
    assert telemetry.hashrate_hs is None
    assert telemetry.quality_flags == ("unit_disputed",)
    assert telemetry.evidence["unit"] == "info.hr_measure, disputed by model"


@pytest.mark.parametrize(
    ("said", "hs", "evidence"),
    [
        ("MH/s", 17_394_832_000.0, "info.hr_measure"),
        ("GH/s", None, "info.hr_measure, disputed by chips x frequency"),
        ("kH/s", None, "info.hr_measure, disputed by chips x frequency"),
        ("N/A", 17_394_832_000.0, "algorithm, chips x frequency"),
    ],
)
def test_of_a_model_that_nobody_knows_chips_times_frequency_checks_the_unit(
    *,
    said: str,
    hs: float | None,
    evidence: str,
    info: dict[str, Any],
    summary: dict[str, Any],
    read: Read,
) -> None:
    info |= {"hr_measure": said, "miner": "Scrypter 5000"}
    telemetry = read({"info": info, "summary": summary})
    assert telemetry.hashrate_hs == pytest.approx(hs)
    assert telemetry.evidence["unit"] == evidence


def test_hashrate_falls_back_where_a_field_is_absent(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    del summary["miner"]["hr_realtime"]
    telemetry = read({"info": info, "summary": summary})
    assert telemetry.hashrate_hs == pytest.approx(17_222_453_000.0, rel=1e-9)
    assert telemetry.evidence["hashrate"] == "summary.hr_average"
    del summary["miner"]["hr_average"]
    telemetry = read({"info": info, "summary": summary})
    assert telemetry.hashrate_hs == pytest.approx(17_394_833_000.0, rel=1e-9)
    assert telemetry.hashrate_avg_hs == pytest.approx(17_222_454_000.0, rel=1e-9)
    assert telemetry.evidence["hashrate"] == "summary.instant_hashrate"


def test_the_firmwares_own_efficiency_is_never_read(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    summary["miner"]["power_efficiency"] = 1.0
    telemetry = read({"info": info, "summary": summary})
    assert telemetry.efficiency_j_per_th == pytest.approx(3421 / 0.017394832, rel=1e-9)


@pytest.mark.parametrize("state", ["stopped", "failure", "initializing", "restarting"])
def test_a_miner_that_stands_keeps_its_firmwares_numbers_but_gets_no_efficiency(
    state: str, info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    summary["miner"]["miner_status"]["miner_state"] = state
    telemetry = read({"info": info, "summary": summary})
    assert telemetry.status == state
    assert telemetry.hashrate_hs == pytest.approx(L9_HS, rel=1e-9)
    assert telemetry.efficiency_j_per_th is None


def test_a_state_that_we_do_not_know_is_unknown_and_flagged(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    summary["miner"]["miner_status"]["miner_state"] = "dancing"
    telemetry = read({"info": info, "summary": summary})
    assert telemetry.status is MinerStatus.UNKNOWN
    assert telemetry.quality_flags == ("field_invalid:status",)


def test_a_failure_says_its_code_and_what_is_broken(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    miner = summary["miner"]
    words = "Failed to parse miner configuration"
    miner["miner_status"] = {"miner_state": "failure", "failure_code": 1002, "description": words}
    miner["cooling"]["fans"][2] |= {"rpm": 0, "status": "lost"}
    miner["chains"][1]["status"]["state"] = "disconnected"
    telemetry = read({"info": info, "summary": summary})
    assert telemetry.error_codes == ("1002", "fan_lost:2", "board_disconnected:2")
    assert telemetry.error == words
    assert telemetry.fan_rpm == (5400, 5430, 0, 5400)
    assert telemetry.boards_healthy == 2


def test_why_a_board_is_broken_is_told_while_the_others_mine(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    chains = summary["miner"]["chains"]
    chains[0]["status"] = {"state": "mining", "description": "not a fault"}
    chains[1]["status"] = {"state": "failure", "description": "Failed to find chips 0/110"}
    chains[2]["status"] = {"state": "disconnected", "description": "No power"}
    telemetry = read({"info": info, "summary": summary})
    assert telemetry.error_codes == ("board_failure:2", "board_disconnected:3")
    assert telemetry.error == "board 2: Failed to find chips 0/110; board 3: No power"
    words = {"miner_state": "failure", "description": "All boards failed"}
    summary["miner"]["miner_status"] |= words
    assert read({"info": info, "summary": summary}).error == "All boards failed"


@pytest.mark.parametrize(("red", "healthy"), [(0, True), (5, True), (6, False), (110, False)])
def test_a_board_is_healthy_with_95_percent_of_its_chips(
    *, red: int, healthy: bool, info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    chips = {"red": red, "orange": 10 if red < 100 else 0, "grey": 100 - red if red < 100 else 0}
    summary["miner"]["chains"][0]["chip_statuses"] = chips
    telemetry = read({"info": info, "summary": summary})
    assert telemetry.boards[0].chips_total == 110
    assert telemetry.boards[0].chips_ok == 110 - red
    assert telemetry.boards_healthy == 2 + healthy


def test_a_board_that_stands_still_is_not_healthy_and_zero_stays_zero(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    summary["miner"]["chains"][0]["hashrate_rt"] = 0.0
    telemetry = read({"info": info, "summary": summary})
    assert telemetry.boards[0].hashrate_hs == 0.0
    assert telemetry.boards_healthy == 2


def test_shares_are_the_users_and_never_the_developers(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    pools = summary["miner"]["pools"]
    pools[1] |= {"accepted": 7, "status": "active"}
    pools[0]["status"] = "working"
    pools.append(pools[2] | {"pool_type": "Refund", "accepted": 999, "status": "active"})
    telemetry = read({"info": info, "summary": summary})
    assert telemetry.accepted_total == 48_211 + 7
    assert telemetry.pool_url == "eu.mining.prohashing.com:3333"


def test_boards_of_the_same_slot_are_told_apart(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    summary["miner"]["chains"][1]["id"] = 1
    telemetry = read({"info": info, "summary": summary})
    assert [board.slot for board in telemetry.boards] == [1, 2, 3]
    assert telemetry.quality_flags[0] == "field_invalid:boards.slot"


def test_water_is_read_from_a_hydro_miner(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    for chain, inlet, outlet in zip(
        summary["miner"]["chains"], (34, 35, None), (45, 0, 44), strict=True
    ):
        chain |= {"inlet_water_temp": inlet, "outlet_water_temp": outlet}
    summary["miner"]["cooling"] |= {"fans": [], "fan_num": 0, "fan_duty": 0}
    telemetry = read({"info": info, "summary": summary})
    assert (telemetry.inlet_temp_c, telemetry.outlet_temp_c) == (35.0, 45.0)
    assert (telemetry.fan_rpm, telemetry.fan_duty_ratio) == ((), 0.0)
    assert telemetry.quality_flags == ()


def test_boards_endpoint_fills_in_what_the_summary_leaves_out(
    poll: Poll, body_of: BodyOf, summary: dict[str, Any]
) -> None:
    summary["miner"] |= {"chains": [], "restart_count": 0, "miner_type": "Antminer L9"}
    bodies = {
        "summary": json.dumps(summary),
        "boards": body_of("l9_1.3.4_boards_assembled.json"),
    }
    telemetry = normalise(poll(bodies, dialect="vnish-1.3")).telemetry
    assert (telemetry.boards_total, telemetry.boards_healthy) == (3, 3)
    third = telemetry.boards[2]
    assert (third.chips_ok, third.chips_total) == (109, 110)
    assert third.hashrate_hs == pytest.approx(5_798_302_000.0, rel=1e-9)
    assert (third.chip_temp_max_c, third.pcb_temp_c) == (76.0, 61.0)
    assert third.frequency_mhz == 1150.0


def test_a_release_candidate_of_2023_is_read_in_its_old_shape(
    info: dict[str, Any], summary: dict[str, Any], read: Read
) -> None:
    miner = summary["miner"]
    for gone in ("hr_stock", "hr_nominal", "hr_realtime", "hr_average", "power_consumption"):
        del miner[gone]
    miner["miner_type"] = "Antminer L7 (Vnish 1.2.0-rc3)"
    miner["cooling"]["fans"] = [{"id": 0, "rpm": 5820}, {"id": 1, "rpm": 5880}]
    for chain in miner["chains"]:
        del chain["pcb_temp"], chain["chip_temp"]
        chain["power_usage"] = chain.pop("power_consumption")  # its betas' name for it
        chain["pcb_temp_sens"] = [
            {"status": "measure", "temp": 37},
            {"status": "error", "temp": 99},
        ]
        chain["chip_temp_sens"] = [
            {"status": "measure", "temp": 65},
            {"status": "measure", "temp": 51},
            {"status": "init", "temp": 0},
        ]
    old = {key: info[key] for key in ("fw_name", "miner", "model")} | {"fw_version": "1.2.0-rc3"}
    summary["system"] = info["system"] | {"uptime": " 1:00"}
    telemetry = read({"info": old, "summary": summary})
    assert telemetry.dialect == "vnish-1.2"
    assert telemetry.hashrate_hs == pytest.approx(17_394_833_000.0, rel=1e-9)
    assert telemetry.hashrate_expected_hs == pytest.approx(17_311_500_000.0, rel=1e-9)
    assert telemetry.power_w == 3421.0
    assert telemetry.fan_rpm == (5820, 5880)
    assert telemetry.uptime_s == 3600.0
    board = telemetry.boards[0]
    assert (board.chip_temp_max_c, board.chip_temp_min_c, board.pcb_temp_c) == (65.0, 51.0, 37.0)
    assert board.power_w == miner["chains"][0]["power_usage"]
    assert telemetry.quality_flags == ("unit_inferred",)


def test_chips_are_ordered_by_their_id_and_no_reading_is_none(poll: Poll, body_of: BodyOf) -> None:
    chips = [
        {"id": 1, "status": "blue", "hashrate": -1.0, "freq": 1150, "temp": 0, "errors": 0},
        {"id": 0, "status": "red", "hashrate": 9.8, "freq": None, "temp": 70, "errors": 5},
    ]
    bodies = {
        "info": body_of("l9_1.2.7_info_assembled.json"),
        "summary": body_of("l9_1.2.7_summary_assembled.json"),
        "chips": json.dumps({"chips_per_chain": 2, "chains": [{"id": 1, "chips": chips}]}),
    }
    told = normalise(poll(bodies))
    assert told.chips is not None
    board = told.chips.boards[0]
    assert board.hashrate_hs == (9.8 * 1e6, None)
    assert board.temp_c == (70.0, None)
    assert board.grade == ("red", None)
    assert board.voltage_v == ()
    assert told.chips.quality_flags == (
        "field_invalid:chips.grade",
        "field_invalid:chips.hashrate_hs",
        "field_missing:chips.frequency_mhz",
    )

"""Whatsminers: in MH/s or TH/s and never in between, whatever their firmware leaves out."""

import json
from copy import deepcopy
from typing import Any

import pytest
from tests.unit.dialects.table import FIXTURES, poll_of

from minestream_dialects import normalise
from minestream_schemas.telemetry import MinerStatus, MinerTelemetry
from minestream_schemas.units import Algorithm

DEVICE = "get.device.info"
SUMMARY = "get.miner.status:summary"


def recorded(name: str) -> Any:
    return json.loads((FIXTURES / "whatsminer" / f"{name}.json").read_text())


def read(bodies: dict[str, Any], dialect: str = "auto", **hints: Any) -> MinerTelemetry:
    encoded = {name: json.dumps(body).encode() for name, body in bodies.items()}
    return normalise(poll_of(encoded, dialect=dialect, **hints)).telemetry


@pytest.fixture
def m60s() -> dict[str, Any]:
    names = ("summary", "edevs", "devs", "pools", "status", "get_miner_info", "get_error_code")
    return {name: recorded(f"m60s_v2_{name}") for name in names}


@pytest.fixture
def v3() -> dict[str, Any]:
    return {
        DEVICE: recorded("v3_get_device_info"),
        SUMMARY: recorded("v3_get_miner_status_summary"),
        "get.miner.status:edevs": recorded("v3_get_miner_status_edevs"),
    }


def row(bodies: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bodies["summary"]["SUMMARY"][0]
    return found


@pytest.mark.parametrize("odd", [110.52, 110520000.0, 110.52e12, "110.52 TH/s", None])
def test_hs_rt_is_never_read_whatever_unit_it_is_in(m60s: dict[str, Any], odd: object) -> None:
    row(m60s)["HS RT"] = odd
    assert read(m60s).hashrate_hs == 110.52e12


def test_without_means_of_minutes_the_mean_since_the_start_counts(m60s: dict[str, Any]) -> None:
    for key in ("MHS 1m", "MHS 5m", "MHS 15m"):
        del row(m60s)[key]
    told = read(m60s)
    assert told.hashrate_hs == told.hashrate_avg_hs == 109.87e12
    assert told.evidence["hashrate"] == "summary.MHS av"


@pytest.mark.parametrize("times", [1000, 0.001])
def test_hashrates_a_thousand_times_off_are_disputed_not_believed(
    m60s: dict[str, Any], times: float
) -> None:
    for key in ("MHS av", "MHS 1m", "MHS 5m", "MHS 15m"):
        row(m60s)[key] *= times
    told = read(m60s)
    assert told.hashrate_hs is None
    assert told.boards[0].hashrate_hs is None
    assert "unit_disputed" in told.quality_flags
    assert "disputed" in told.evidence["unit"]


@pytest.mark.parametrize("times", [1000, 0.001])
def test_without_model_and_boards_the_nominal_rate_disputes(times: float) -> None:
    bodies = {"summary": recorded("v1_summary"), "get_version": recorded("v1_get_version")}
    for key in ("MHS av", "MHS 1m", "MHS 5m", "MHS 15m"):
        row(bodies)[key] *= times
    told = read(bodies)
    assert (told.hashrate_hs, told.model) == (None, None)
    assert told.evidence["unit"] == "summary.MHS av, disputed by Factory GHS"


def test_a_miner_that_has_just_started_is_slow_and_not_disputed(m60s: dict[str, Any]) -> None:
    few = dict.fromkeys(("MHS av", "MHS 1m", "MHS 5m", "MHS 15m"), 11_000.0)
    row(m60s).update(few, Elapsed=40)
    told = read(m60s)
    assert told.hashrate_hs == 11e9
    assert "unit_disputed" not in told.quality_flags


@pytest.mark.parametrize(
    ("listed", "codes"),
    [
        (["530"], ("530",)),
        ([530, "110", 530], ("530", "110")),
        ([{"218": "2024-06-15 10:30:00"}, {"110": ""}], ("218", "110")),
        ([{"264": "2026-05-23", "reason": "Power xfer error"}], ("264",)),
        ([], ()),
    ],
)
def test_error_codes_come_in_four_shapes(
    m60s: dict[str, Any], listed: list[Any], codes: tuple[str, ...]
) -> None:
    m60s["get_error_code"]["Msg"]["error_code"] = listed
    told = read(m60s)
    assert told.error_codes == codes
    assert "field_invalid:error_codes" not in told.quality_flags


@pytest.mark.parametrize("listed", [{"530": ""}, "530", [None], [{"x": 1}], [True], [["530"]]])
def test_error_codes_in_no_known_shape_are_flagged(m60s: dict[str, Any], listed: object) -> None:
    m60s["get_error_code"]["Msg"]["error_code"] = listed
    told = read(m60s)
    assert told.error_codes == ()
    assert "field_invalid:error_codes" in told.quality_flags


def test_mining_switched_off_is_a_stopped_miner_and_its_zero_a_zero(m60s: dict[str, Any]) -> None:
    m60s["status"]["Msg"] = {"mineroff": "true", "mineroff_reason": "by the operator"}
    for key in ("MHS av", "MHS 1m", "MHS 5m", "MHS 15m"):
        row(m60s)[key] = 0.0
    told = read(m60s)
    assert (told.status, told.hashrate_hs) == (MinerStatus.STOPPED, 0.0)
    assert told.error == "by the operator"
    assert told.efficiency_j_per_th is None


def test_a_miner_that_stands_still_and_names_errors_has_failed(m60s: dict[str, Any]) -> None:
    m60s["get_error_code"]["Msg"]["error_code"] = ["530"]
    for key in ("MHS av", "MHS 1m", "MHS 5m"):
        row(m60s)[key] = 0.0
    assert read(m60s).status is MinerStatus.FAILURE


def test_boards_that_still_look_for_their_clock_are_tuning(m60s: dict[str, Any]) -> None:
    m60s["edevs"]["DEVS"][1]["Upfreq Complete"] = 0
    assert read(m60s).status is MinerStatus.TUNING


def test_a_dead_board_is_a_failure_and_not_healthy(m60s: dict[str, Any]) -> None:
    m60s["edevs"]["DEVS"][1] |= {"Status": "Dead", "MHS 1m": 0.0, "MHS av": 0.0}
    told = read(m60s)
    assert (told.boards[1].status, told.boards[1].hashrate_hs) == ("failure", 0.0)
    assert (told.boards_total, told.boards_healthy) == (3, 2)


def test_what_edevs_leaves_out_is_taken_from_devs_by_slot(m60s: dict[str, Any]) -> None:
    m60s["devs"]["DEVS"].reverse()
    m60s["devs"]["DEVS"][0]["Hardware Errors"] = 9  # slot 2
    assert [board.hw_errors_total for board in read(m60s).boards] == [1, 1, 9]


@pytest.mark.parametrize("endpoint", ["edevs", "devs"])
def test_either_list_of_boards_will_do(m60s: dict[str, Any], endpoint: str) -> None:
    del m60s[endpoint]
    assert [board.hashrate_hs for board in read(m60s).boards] == [37e12, 36.5e12, 37.02e12]


@pytest.mark.parametrize("celsius", [28.5, 0.0, -12.0])
def test_the_air_may_freeze(m60s: dict[str, Any], celsius: float) -> None:
    row(m60s)["Env Temp"] = celsius
    assert read(m60s).ambient_temp_c == celsius


def test_a_refused_summary_is_garbage_with_the_miners_own_words() -> None:
    refused = {"STATUS": "E", "Code": 14, "Msg": "invalid cmd", "Description": "whatsminer v1.4.0"}
    told = read({"summary": refused, "get_version": recorded("v1_get_version")})
    assert (told.status, told.error) == (MinerStatus.GARBAGE, "summary: invalid cmd")
    assert told.firmware == "20210322.22.REL"


def test_a_refused_command_costs_its_own_fields_and_is_flagged(m60s: dict[str, Any]) -> None:
    m60s["pools"] = {"STATUS": [{"STATUS": "E", "Msg": "access denied"}]}
    told = read(m60s)
    assert "endpoint_missing:pools" in told.quality_flags
    assert (told.pool_url, told.accepted_total) == (None, 54321)
    assert told.hashrate_hs == 110.52e12


def test_api_3_reports_terahashes_by_its_document(v3: dict[str, Any]) -> None:
    told = read(v3)
    assert (told.hashrate_hs, told.evidence["unit"]) == (171.259e12, "whatsminer API 3")


@pytest.mark.parametrize("times", [1e3, 1e6, 1e-3])
def test_api_3_in_another_unit_than_documented_is_disputed(
    v3: dict[str, Any], times: float
) -> None:
    summary = v3[SUMMARY]["msg"]["summary"]
    for key in ("hash-realtime", "hash-1min", "hash-15min", "hash-average"):
        summary[key] *= times
    told = read(v3)
    assert told.hashrate_hs is None
    assert "unit_disputed" in told.quality_flags


def test_api_3_that_does_not_work_is_stopped(v3: dict[str, Any]) -> None:
    v3[DEVICE]["msg"]["miner"]["working"] = "false"
    assert read(v3).status is MinerStatus.STOPPED


def test_api_3_that_refuses_is_garbage_with_its_words(v3: dict[str, Any]) -> None:
    v3[SUMMARY] = {"code": -4, "desc": "get.miner.status", "msg": "permission denied"}
    told = read(v3)
    assert (told.status, told.error) == (MinerStatus.GARBAGE, f"{SUMMARY}: permission denied")


def test_temperatures_of_boards_are_given_to_boards_only_when_they_are_as_many(
    v3: dict[str, Any],
) -> None:
    fewer = deepcopy(v3)
    fewer[SUMMARY]["msg"]["summary"]["board-temperature"].pop()
    assert [board.pcb_temp_c for board in read(v3).boards] == [41.1, 40.1, 41.5]
    assert [board.pcb_temp_c for board in read(fewer).boards] == [None] * 3
    assert read(fewer).pcb_temp_max_c == 41.1


def test_a_later_api_on_the_old_port_is_read_as_api_2() -> None:
    version = {"STATUS": "S", "Msg": {"api_ver": "3.0.1", "fw_ver": "20250214"}}
    bodies = {"summary": recorded("v2_summary"), "get_version": version}
    told = read(bodies, dialect="whatsminer")
    assert (told.dialect, told.hashrate_hs) == ("whatsminer-v2", 125e12)
    assert told.evidence["dialect"] == "get_version.api_ver"


@pytest.mark.parametrize("inside", [False, True])
def test_a_summary_without_a_section_is_read_from_its_message(
    m60s: dict[str, Any],
    inside: bool,  # noqa: FBT001 # a parameter of the test
) -> None:
    whole = read(m60s)
    flat: dict[str, Any] = {"STATUS": "S", "When": 1783581545, "Code": 131, "Msg": row(m60s)}
    m60s["summary"] = {"STATUS": [flat]} if inside else flat | {"Description": ""}
    told = read(m60s)
    assert told == whole.model_copy(
        update={"event_id": told.event_id, "raw_event_id": told.raw_event_id}
    )
    assert told.hashrate_hs == 110.52e12


def test_a_summary_that_is_a_message_alone_tells_that_it_is_a_whatsminers() -> None:
    said: dict[str, object] = {
        "Elapsed": 228,
        "MHS av": 5444539.5,
        "MHS 1m": 897882.68,
        "Power": 938.12,
    }
    said |= {"Btminer Fast Boot": "enable", "Chip Temp Avg": 67.3}
    told = read({"summary": {"STATUS": "S", "Code": 131, "Msg": said, "Description": ""}})
    assert (told.dialect, told.status) == ("whatsminer-v2", MinerStatus.MINING)
    assert told.evidence["dialect"] == "summary.Btminer Fast Boot"
    assert (told.hashrate_hs, told.power_w, told.uptime_s) == (0.89788268e12, 938.12, 228.0)


def test_a_whatsminer_of_2019_that_calls_itself_cgminer_keeps_its_heat_and_fans() -> None:
    """Its summary has none of the later keys; the shape is check_cgminer's, of dmp1ce."""
    said = {"Elapsed": 1092753, "MHS av": 33964601.57, "MHS 1m": 34178901.11, "Uptime": 1093411}
    said |= {"Temperature": 75.0, "freq_avg": 539, "Fan Speed In": 6360, "Fan Speed Out": 6390}
    status = {"STATUS": "S", "Code": 11, "Msg": "Summary", "Description": "cgminer 4.9.2"}
    more = {"Accepted": 374583, "Rejected": 1269, "Stale": 0, "Chip Data": "T16Z214-1835BIN1"}
    told = read({"summary": {"STATUS": [status], "SUMMARY": [said | more]}})
    assert (told.dialect, told.algorithm) == ("whatsminer-v2", Algorithm.SHA256D)
    assert (told.hashrate_hs, told.pcb_temp_max_c) == (34.17890111e12, 75.0)
    assert (told.fan_rpm, told.uptime_s, told.frequency_mhz) == ((6360, 6390), 1093411.0, 539.0)


def test_devdetails_tells_the_model_where_miner_info_tells_the_network_alone() -> None:
    """As API 1 and 2 do; each board has a row of its own."""
    device = {"DEVDETAILS": 0, "Name": "SM", "ID": 0, "Driver": "bitmicro", "Model": "M50_VH75"}
    bodies = {
        "summary": recorded("v2_summary"),
        "get_version": recorded("v2_get_version"),
        "get_miner_info": {"STATUS": "S", "Msg": {"mac": "CA:0A:18:00:01:C7", "minersn": "H1"}},
    }
    assert read(bodies).model is None
    bodies["devdetails"] = {
        "STATUS": [{"STATUS": "S", "Msg": "Device Details"}],
        "DEVDETAILS": [device, device | {"DEVDETAILS": 1, "ID": 1}],
    }
    assert read(bodies).model == "M50_VH75"
    bodies["devdetails"] = {"STATUS": [{"STATUS": "E", "Msg": "invalid cmd"}]}
    assert "endpoint_missing:devdetails" in read(bodies).quality_flags


DOWN = "btminer process is down err"
"""What API 3 says in place of numbers and of error codes while the mining program stands."""


@pytest.mark.parametrize(
    ("working", "status"),
    [("false", MinerStatus.STOPPED), ("true", MinerStatus.FAILURE)],
)
def test_api_3_whose_program_is_down_is_no_garbage(
    v3: dict[str, Any], working: str, status: MinerStatus
) -> None:
    v3[SUMMARY] = {"code": -1, "desc": "get.miner.status", "msg": DOWN}
    v3[DEVICE]["msg"]["miner"]["working"] = working
    v3[DEVICE]["msg"]["error-code"] = DOWN
    del v3["get.miner.status:edevs"]
    told = read(v3)
    assert (told.status, told.error, told.hashrate_hs) == (status, DOWN, None)
    assert (told.model, told.error_codes) == ("M60S_VK40", ())
    assert "field_invalid:error_codes" not in told.quality_flags


@pytest.mark.parametrize(
    ("words", "off", "status"),
    [
        ("btminer process is down", "true", MinerStatus.STOPPED),
        ("btminer process is down", "false", MinerStatus.FAILURE),
        ("invalid cmd", "true", MinerStatus.STOPPED),
        ("invalid cmd", "false", MinerStatus.GARBAGE),
    ],
)
def test_a_refused_summary_of_a_miner_that_is_switched_off_is_no_garbage(
    m60s: dict[str, Any], words: str, off: str, status: MinerStatus
) -> None:
    m60s["summary"] = {"STATUS": "E", "Code": 14, "Msg": words, "Description": ""}
    m60s["status"]["Msg"]["mineroff"] = off
    told = read(m60s | {"get_version": recorded("v2_get_version")})
    assert (told.status, told.hashrate_hs) == (status, None)
    assert words in (told.error or "")

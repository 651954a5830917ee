"""What speaks CGMiner's language: its payloads, its quirks, its units, its chips."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.dialects.odd import JSON, ODD, check, places, put
from tests.unit.dialects.table import FIXTURES, cases, poll_of

from minestream_dialects import Normalised, normalise
from minestream_dialects.cgminer.answers import refusal, unquoted
from minestream_dialects.cgminer.chains import temperatures
from minestream_dialects.fields import Flags
from minestream_dialects.recorded import poll_of as recorded_poll_of
from minestream_schemas.telemetry import MinerStatus, MinerTelemetry
from minestream_schemas.units import Algorithm

FOLDER = FIXTURES / "cgminer"
CASES = {case.name: case for case in cases() if case.folder == "cgminer"}
FAMILIES = ("antminer", "vnish-3", "cgminer", "antminer-web", "auto")
ENDPOINTS = ("stats", "summary", "pools", "devs", "version", "chip-hr", "get_miner_status")
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
Change = Callable[[dict[str, Any]], None]


def body(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def stats_of(name: str) -> dict[str, Any]:
    """A recorded ``stats`` answer that is JSON but for its NUL."""
    decoded: dict[str, Any] = json.loads(body(name).replace("\0", ""))
    return decoded


def read(dialect: str, **bodies: object) -> MinerTelemetry:
    return told(dialect, **bodies).telemetry


def told(dialect: str, **bodies: object) -> Normalised:
    texts = {
        name: (each if isinstance(each, str) else json.dumps(each)).encode()
        for name, each in bodies.items()
    }
    return normalise(poll_of(texts, dialect=dialect))


def test_every_payload_belongs_to_a_reading_and_has_its_origin_and_licence() -> None:
    used = {name for case in CASES.values() for name in case.golden["poll"].values()}
    there = {path.name for path in FOLDER.iterdir() if path.is_file()} - {"SOURCES.md"}
    assert there - used == {"malformed_samples.json"}  # read by the test of mended bodies
    sources = body("SOURCES.md")
    assert {name for name in there if f"| {name} |" not in sources} == set()


@pytest.mark.parametrize("name", sorted(CASES))
def test_recorded_files_alone_tell_endpoints_and_dialect(name: str) -> None:
    files = [(FOLDER / file).resolve() for file in CASES[name].golden["poll"].values()]
    raw = recorded_poll_of(files, "auto")
    assert raw.endpoints.keys() == CASES[name].golden["poll"].keys()
    assert normalise(raw).telemetry.dialect == CASES[name].dialect


@pytest.mark.parametrize(
    ("name", "hs"),
    [
        *(("l3plus", 504.56e6), ("l3plus_vnish_3.9.0", 612.4e6), ("sgminer", 1.41e6)),
        *(("l7_stats_nul_terminated", 9.52945e9), ("l7_web", 9.52945e9)),
        *(("l9_stock", 16.02144e9), ("l9_vnish_1.2.7", 17.39483e9)),
    ],
)
def test_a_scrypt_miner_is_read_in_its_true_magnitude(name: str, hs: float) -> None:
    telemetry = normalise(CASES[name].poll()).telemetry
    assert telemetry.algorithm is Algorithm.SCRYPT
    assert telemetry.hashrate_hs == pytest.approx(hs)
    boards = [board.hashrate_hs for board in telemetry.boards if board.hashrate_hs is not None]
    assert sum(boards) == pytest.approx(hs, rel=0.01)


def test_a_summary_alone_tells_no_hashrate_of_a_miner_that_nobody_knows() -> None:
    summary = {"SUMMARY": [{"Elapsed": 60, "GHS 5s": 9529.45, "GHS av": 9510.0}]}
    for dialect in FAMILIES:
        telemetry = read(dialect, summary=summary)
        assert telemetry.hashrate_hs is None
        assert "unit_unknown" in telemetry.quality_flags


@pytest.mark.parametrize(("unit", "times"), [("GH", 1000), ("KH", 0.001), ("TH", 1e6)])
def test_a_rate_unit_that_this_model_cannot_do_is_disputed(unit: str, times: float) -> None:
    wrong = body("l7_stats_nul_terminated.bin").replace('"rate_unit":"MH"', f'"rate_unit":"{unit}"')
    telemetry = read("antminer", stats=wrong)
    assert telemetry.hashrate_hs is None, f"{times} times off"
    assert [board.hashrate_hs for board in telemetry.boards] == [None] * 3
    assert "unit_disputed" in telemetry.quality_flags
    assert telemetry.evidence["unit"] == "stats.rate_unit, disputed by model"
    assert telemetry.boards_healthy == 3


def test_the_word_of_a_unit_counts_only_beside_the_same_number() -> None:
    summary = json.loads(body("l9_stock_summary_assembled.json").replace("\0", ""))
    summary["SUMMARY"][0]["RT HASHRATE"] = "16.02 GH/s"
    telemetry = read("antminer", stats=body("l9_stock_stats_assembled.json"), summary=summary)
    assert telemetry.hashrate_hs == pytest.approx(16.02144e9)
    assert telemetry.evidence["unit"] == "model, chips x frequency"


@pytest.mark.parametrize(("rate", "hs"), [(16.0, 16e9), (16_000.0, None)])
def test_ghs_of_a_scrypt_miner_of_any_maker_is_believed_only_where_one_can_do_it(
    rate: float, hs: float | None
) -> None:
    summary = {"SUMMARY": [{"Elapsed": 60, "GHS 5s": rate, "GHS av": rate}]}
    pools = {"POOLS": [{"URL": "x", "User": "y", "Algorithm": "scrypt"}]}
    telemetry = read("cgminer", summary=summary, pools=pools)
    assert telemetry.hashrate_hs == hs
    doubt = "unit_inferred" if hs else "unit_disputed"
    assert doubt in telemetry.quality_flags


@pytest.mark.parametrize("accepted", [11_141_120.0, 11_141.12, 730_000_000.0])
def test_accepted_shares_prove_a_unit_or_leave_it_unknown(accepted: float) -> None:
    summary = json.loads(body("bmminer_summary_assembled.json").replace("\0", ""))
    summary["SUMMARY"][0]["Difficulty Accepted"] = accepted
    telemetry = read("cgminer", summary=summary)
    proven = accepted == 11_141_120.0
    assert (telemetry.hashrate_hs is not None) == proven
    assert ("unit_unknown" in telemetry.quality_flags) == (not proven)


def test_a_stock_miner_that_hashes_nothing_is_zero_and_not_mining() -> None:
    stats = stats_of("l9_stock_stats_assembled.json")
    row = stats["STATS"][1]
    row |= {"GHS 5s": "0.00"} | {f"chain_rate{slot}": "0.00" for slot in (1, 2, 3)}
    telemetry = read("antminer", stats=stats)
    assert (telemetry.hashrate_hs, telemetry.status) == (0.0, MinerStatus.UNKNOWN)
    assert (telemetry.boards_total, telemetry.boards_healthy) == (3, 0)


@pytest.mark.parametrize(("marks", "ok", "healthy"), [("x" * 5, 105, 3), ("x" * 6, 104, 2)])
def test_a_board_is_healthy_with_95_percent_of_the_chips_on_its_map(
    marks: str, ok: int, healthy: int
) -> None:
    stats = stats_of("l9_stock_stats_assembled.json")
    stats["STATS"][1]["chain_acs2"] = "o" * (110 - len(marks)) + marks
    telemetry = read("antminer", stats=stats)
    board = telemetry.boards[1]
    assert (board.chips_ok, board.chips_total, telemetry.boards_healthy) == (ok, 110, healthy)


def test_the_map_of_a_boards_chips_is_read_chip_by_chip() -> None:
    chips = normalise(CASES["s21_degraded"].poll()).chips
    assert chips is not None
    grades = {board.slot: board.grade for board in chips.boards}
    assert grades == {1: ("grey",) * 108, 2: ("grey",) * 99 + ("red",) * 9}


def test_chip_hr_gives_each_chips_hashrate_in_its_boards_unit() -> None:
    reading = normalise(CASES["s9_vnish_3.8.6"].poll())
    assert reading.chips is not None
    assert [board.slot for board in reading.chips.boards] == [6, 7, 8]
    first, second, _ = reading.chips.boards
    assert first.hashrate_hs == (68e9,) * 62 + (48e9,)
    assert second.hashrate_hs[-3:] == (72e9, 73e9, 74e9)
    assert first.grade == ("grey",) * 63


def test_chips_of_another_unit_than_their_boards_are_not_believed() -> None:
    hashrates = {"chiphr": [{f"Asic{chip:02}": "0.068" for chip in range(63)}]}
    poll = {"stats": body("s9_vnish_3.8.6_stats_assembled.txt"), "chip-hr": hashrates}
    reading = told("vnish-3", **poll)
    assert "field_invalid:chips.hashrate_hs" not in reading.telemetry.quality_flags
    three = {"chiphr": hashrates["chiphr"] * 3}
    reading = told("vnish-3", **(poll | {"chip-hr": three}))
    assert "field_invalid:chips.hashrate_hs" in reading.telemetry.quality_flags
    assert reading.chips is not None
    assert all(board.hashrate_hs == () for board in reading.chips.boards)


def test_without_pools_vnish_tells_no_shares_because_its_totals_count_the_makers() -> None:
    parts = {name: body(f"s9_vnish_3.8.6_{name}_assembled.json") for name in ("summary", "pools")}
    stats = body("s9_vnish_3.8.6_stats_assembled.txt")
    assert read("vnish-3", stats=stats, **parts).accepted_total == 135
    assert read("vnish-3", stats=stats, summary=parts["summary"]).accepted_total is None


@pytest.mark.parametrize(
    ("type_", "volts"), [("vnish 3.8.6", 9.2), ("Vnish 1.2.7", 0.92), ("vnish rc", None)]
)
def test_vnish_counts_voltage_in_hundredths_and_since_1_in_thousandths(
    type_: str, volts: float | None
) -> None:
    stats = body("s9_vnish_3.8.6_stats_assembled.txt").replace("vnish 3.8.6", type_)
    assert read("vnish-3", stats=stats).voltage_v == pytest.approx(volts)


def test_a_broken_board_of_vnish_is_an_error_code_and_not_healthy() -> None:
    stats = json.loads((FIXTURES / "vnish" / "l9_4028_stats_assembled.json").read_text())
    stats["STATS"][1] |= {"chain_state2": "failure", "chain_rate2": 0, "chain_acn2": 0}
    telemetry = read("vnish-3", stats=stats)
    assert telemetry.error_codes == ("board_failure:2",)
    assert (telemetry.boards_total, telemetry.boards_healthy) == (3, 2)


def test_a_miner_that_denies_its_commands_wants_a_right_that_we_lack() -> None:
    denied = body("s21_degraded_summary_assembled.json").replace("'summary'", "'stats'")
    telemetry = read("antminer", stats=denied)
    assert telemetry.status is MinerStatus.UNAUTHORISED
    assert telemetry.error == "stats: Access denied to 'stats' command"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"STATUS": [{"STATUS": "E", "Msg": "Invalid command"}]}, "Invalid command"),
        ({"STATUS": {"STATUS": "F", "Msg": "\0"}}, "refused"),
        ({"STATUS": "E", "Msg": "invalid cmd"}, "invalid cmd"),
        ({"STATUS": "S"}, None),
        ({"STATUS": [{"STATUS": "S"}]}, None),
        ({"STATUS": [[]]}, None),
        ({"STATUS": []}, None),
        ({"STATUS": 1}, None),
        (None, None),
        ([], None),
        ("E", None),
    ],
)
def test_a_refusal_is_told_in_every_shape(status: object, words: str | None) -> None:
    assert refusal(status) == words


@pytest.mark.parametrize("stats", [{"STATUS": "E", "Msg": "Invalid command"}, {"a": 1}, [], 1])
def test_an_answer_without_a_reading_in_it_is_garbage_and_says_why(stats: object) -> None:
    telemetry = read("antminer", stats=stats)
    assert telemetry.status is MinerStatus.GARBAGE
    refused = isinstance(stats, dict) and "Msg" in stats
    assert telemetry.error == f"stats: {'Invalid command' if refused else 'no STATS in it'}"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("504.56", 504.56), (" 41.0000 ", 41.0), ("57", 57), ("-5", -5), ("1e3", 1000)),
        *(("13,582.67", 13582.67), ("1,032,604", 1032604), ("", None), ("  ", None)),
        *(("1,2", "1,2"), ("0x10", "0x10"), ("nan", "nan"), ("1_000", "1_000"), ("٣", "٣")),
        *((True, True), (None, None), ([1], [1]), (1.5, 1.5)),
    ],
)
def test_a_number_that_is_a_text_is_a_number(text: object, number: object) -> None:
    found = unquoted(text)
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    ("value", "celsius", "flagged"),
    [
        ("78-50-69-70", [78, 50, 69, 70], False),
        ("-12--10-31-30", [-12, -10, 31, 30], False),
        ("0-0-0-0", [], False),
        ("65-0-0-64", [65, 64], False),
        ("255-60", [60], True),
        ("-55-60", [60], True),
        *(("78-", [], True), ("hot", [], True), ("1" * 300, [], True), (True, [], True)),
        *((61, [61], False), (0, [], False), ([55.0, "57", None, 0], [55, 57], False)),
        *((None, [], False), (float("nan"), [], True), ({}, [], True)),
    ],
)
def test_the_sensors_of_a_board_are_read_apart(
    value: object, celsius: list[float], *, flagged: bool
) -> None:
    flags = Flags()
    assert temperatures([value], "boards.1.chip", flags) == celsius
    assert bool(flags.sorted()) == flagged


def test_vnish_3_behind_bitmains_pages_is_called_vnish() -> None:
    info = json.loads(body("s9_web_get_system_info_assembled.json"))
    info["minertype"] = "Antminer S9 (vnish 3.9.0)"
    page = body("s9_web_get_miner_status_assembled.json")
    telemetry = read("auto", get_miner_status=page, get_system_info=info)
    assert (telemetry.dialect, telemetry.model) == ("antminer-web", "Antminer S9")
    assert telemetry.firmware == "Vnish 3.9.0"


def test_vnish_3_behind_bitmains_pages_tells_each_chips_hashrate() -> None:
    reading = told(
        "antminer-web",
        get_miner_status=body("s9_web_get_miner_status_assembled.json"),
        get_system_info=body("s9_web_get_system_info_assembled.json"),
        **{"chip-hr": body("s9_vnish_3.8.6_chip_hr_assembled.json")},
    )
    assert reading.chips is not None
    assert [board.slot for board in reading.chips.boards] == [6, 7, 8]
    assert reading.chips.boards[0].hashrate_hs == (68e9,) * 62 + (48e9,)
    assert reading.telemetry.quality_flags == ("unit_inferred",)


@pytest.mark.parametrize(
    ("fans", "rpm"),
    [
        ({"fan_num": 0}, ()),
        ({"fan_num": 2, "fan1": 0, "fan2": 0, "fan5": 4080, "fan6": 0}, (4080, 0)),
        ({"fan_num": 2, "fan1": 0, "fan2": 3000}, (0, 3000)),
        ({"fan1": "3000", "fan2": "hot"}, ()),
        ({}, ()),
    ],
)
def test_a_fan_that_stands_is_seen_wherever_it_is_plugged_in(
    fans: dict[str, object], rpm: tuple[int, ...]
) -> None:
    stats = {"STATS": [{"Type": "Antminer S9"}, {"Elapsed": 60, **fans}]}
    telemetry = read("antminer", stats=stats)
    assert telemetry.fan_rpm == rpm
    flagged = {"field_missing:fan_rpm", "field_invalid:fan_rpm"} & set(telemetry.quality_flags)
    assert bool(flagged) == (not rpm and "fan_num" not in fans)


def test_the_configured_pools_are_read_without_their_passwords() -> None:
    conf = json.loads(body("s19_web_get_miner_conf.json"))
    conf["pools"][0]["pass"] = "hunter2,d=9000"  # noqa: S105 # no secret: an example
    told_ = read("antminer-web", stats=body("s19_web_stats.json"), get_miner_conf=conf)
    assert (told_.pool_url, told_.worker) == ("stratum+tcp://pool.example.com:3333", "worker.001")
    assert b"hunter2" not in told_.to_json()


@FEW
@given(content=JSON, family=st.sampled_from(FAMILIES))
def test_any_json_from_any_endpoint(*, content: object, family: str) -> None:
    text = json.dumps(content).encode()
    check(poll_of(dict.fromkeys(ENDPOINTS, text), dialect=family))
    rows = json.dumps(
        {key: [content] for key in ("STATS", "SUMMARY", "POOLS", "DEVS", "VERSION", "devs")}
        | {"STATUS": content, "summary": content, "chiphr": content}
    )
    check(poll_of(dict.fromkeys(ENDPOINTS, rows.encode()), dialect=family))


@FEW
@given(data=st.data(), name=st.sampled_from(sorted(CASES)), family=st.sampled_from(FAMILIES))
def test_a_real_poll_with_fields_dropped_swapped_and_poisoned(
    *, data: st.DataObject, name: str, family: str
) -> None:
    bodies = {
        endpoint: json.loads(_plain(content)) for endpoint, content in CASES[name].bodies().items()
    }
    anywhere = st.sampled_from([path for path in places(bodies) if len(path) > 1])
    for path, odd in data.draw(st.lists(st.tuples(anywhere, ODD | st.just(...)), max_size=6)):
        put(bodies, path, odd)
    check(poll_of({key: json.dumps(each).encode() for key, each in bodies.items()}, dialect=family))


def _plain(content: bytes) -> str:
    """As JSON that needs no mending."""
    text = content.decode().replace("\0", "").replace("}{", "},{")
    return text.replace(":nan", ":NaN").replace(":inf", ":Infinity")


@FEW
@given(data=st.data(), name=st.sampled_from(sorted(CASES)))
def test_a_real_body_with_bytes_cut_and_changed(*, data: st.DataObject, name: str) -> None:
    bodies = CASES[name].bodies()
    endpoint = data.draw(st.sampled_from(sorted(bodies)))
    content = bodies[endpoint]
    at, gone = data.draw(st.integers(0, len(content))), data.draw(st.integers(0, 60))
    between = data.draw(st.binary(max_size=4) | st.sampled_from([b"}{", b",}", b'""', b"nan"]))
    bodies[endpoint] = content[:at] + between + content[at + gone :]
    check(poll_of(bodies))


def test_fixtures_stand_where_the_table_finds_them() -> None:
    assert Path(FOLDER, "golden").is_dir()
    assert len(CASES) == 16

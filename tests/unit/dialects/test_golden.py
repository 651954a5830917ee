"""Every recorded Vnish reading parses to the exact numbers of its payload."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minestream_dialects import normalise
from minestream_schemas.ids import derived_id
from minestream_schemas.raw import RawMiner
from minestream_schemas.telemetry import BoardChips

BodyOf = Callable[[str], str]
Poll = Callable[..., RawMiner]

READINGS = (
    "s21pro_1.2.7",
    "l9_1.2.7",
    "l9_1.3.4",
    "s19kpro_1.3.3",
    "s19kpro_1.3.3_stopped",
    "l9_reduced_1.2.7",
    "l9_reduced_1.2.6",
    "miner_null",
)
NO_READINGS = {
    "SOURCES.md": "origin and licence of the others",
    "privileged_mock_replies.json": "stub replies to commands, written by another project",
    "s21pro_1.2.7_autotune_presets.json": "a list of presets: configuration",
    "s21pro_1.2.7_manifest.json": "about the capture",
    "s21pro_1.2.7_root_head.html.txt": "the web page's head; the body of bad/html_login_page.json",
    "s21pro_1.2.7_settings.json": "configuration; needs credentials, gives no number",
    "s21pro_1.2.7_rpc4028_devdetails.json": "TCP 4028: the cgminer dialect's",
    "s21pro_1.2.7_rpc4028_pools.json": "TCP 4028: the cgminer dialect's",
    "s21pro_1.2.7_rpc4028_stats.json": "TCP 4028: the cgminer dialect's",
    "s21pro_1.2.7_rpc4028_summary.json": "TCP 4028: the cgminer dialect's",
    "s21pro_1.2.7_rpc4028_version.json": "TCP 4028: the cgminer dialect's",
    "l9_4028_stats_assembled.json": "TCP 4028: the cgminer dialect's",
    "xminer_api_1.2.7_openapi.json": "the schema; see test_schema.py",
    "xminer_api_1.3.4_openapi.json": "the schema; see test_schema.py",
}
OF_THE_POLL = {
    "event_id",
    "raw_event_id",
    "ts",
    "miner_id",
    "site_id",
    "latency_ms",
    "anomaly_scores",
}


def golden(payloads: Path, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((payloads / "golden" / f"{name}.json").read_text())
    return loaded


def assert_same(actual: object, expected: object, where: str = "") -> None:
    if isinstance(expected, dict) and isinstance(actual, dict):
        assert actual.keys() == expected.keys(), where
        for key, value in expected.items():
            assert_same(actual[key], value, f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        assert len(actual) == len(expected), where
        for place, value in enumerate(expected):
            assert_same(actual[place], value, f"{where}[{place}]")
    elif isinstance(expected, float | int) and isinstance(actual, float | int):
        assert actual == pytest.approx(expected, rel=1e-9, abs=0), where
    else:
        assert actual == expected, where


@pytest.mark.parametrize("name", READINGS)
def test_a_recorded_reading_parses_to_the_numbers_of_its_payload(
    name: str, payloads: Path, body_of: BodyOf, poll: Poll
) -> None:
    expected = golden(payloads, name)
    bodies = {endpoint: body_of(reference) for endpoint, reference in expected["poll"].items()}
    raw = poll(bodies)
    told = normalise(raw)
    wire = json.loads(told.telemetry.to_json())
    assert_same({key: wire[key] for key in wire.keys() - OF_THE_POLL}, expected["telemetry"])
    assert told.telemetry.event_id == derived_id("telemetry", raw.event_id)
    assert told.telemetry.ts == raw.polled_at
    assert (told.chips is None) == (expected["chips"] is None)
    if told.chips is not None:
        assert told.chips.event_id == derived_id("chips", raw.event_id)
        assert len(told.chips.boards) == len(expected["chips"])
        for board, said in zip(told.chips.boards, expected["chips"], strict=True):
            assert_board_chips(board, said)


def assert_board_chips(board: BoardChips, said: dict[str, Any]) -> None:
    assert board.slot == said["slot"]
    assert len(board.hashrate_hs) == len(board.temp_c) == len(board.grade) == said["count"]
    rates = [rate for rate in board.hashrate_hs if rate is not None]
    assert sum(rates) == pytest.approx(said["hashrate_sum_hs"], rel=1e-9)
    assert max(temp for temp in board.temp_c if temp is not None) == said["temp_max_c"]
    assert sum(errors for errors in board.errors_total if errors) == said["errors_sum"]
    assert sorted(set(board.voltage_v), key=str) == said["volts"]
    for place, chip in said["chips"].items():
        for field, value in chip.items():
            assert_same(getattr(board, field)[int(place)], value, f"chip {place}.{field}")
    odd = {place for place, grade in enumerate(board.grade) if grade != "grey"}
    assert odd == {int(place) for place, chip in said["chips"].items() if chip["grade"] != "grey"}


def test_every_golden_file_is_a_reading_of_the_list(payloads: Path) -> None:
    assert {path.stem for path in (payloads / "golden").iterdir()} == set(READINGS)


def test_every_payload_belongs_to_a_reading_or_says_why_not(payloads: Path) -> None:
    used = {
        reference.partition("#")[0]
        for name in READINGS
        for reference in golden(payloads, name)["poll"].values()
    }
    there = {path.name for path in payloads.iterdir() if path.is_file()}
    assert used.isdisjoint(NO_READINGS)
    assert there == used | NO_READINGS.keys()


def test_every_payload_has_its_origin_and_licence(payloads: Path) -> None:
    sources = (payloads / "SOURCES.md").read_text(encoding="utf-8")
    there = {path.name for path in payloads.iterdir() if path.is_file()} - {"SOURCES.md"}
    assert {name for name in there if f"| {name} |" not in sources} == set()


@pytest.mark.parametrize("name", ["l9_1.2.7", "l9_1.3.4", "l9_reduced_1.2.7", "l9_reduced_1.2.6"])
def test_an_l9_hashes_at_seventeen_gigahashes_not_terahashes(
    name: str, payloads: Path, body_of: BodyOf, poll: Poll
) -> None:
    parts = golden(payloads, name)["poll"]
    telemetry = normalise(poll({key: body_of(part) for key, part in parts.items()})).telemetry
    assert telemetry.hashrate_hs is not None
    assert 17.2e9 < telemetry.hashrate_hs < 17.4e9


def test_chips_add_up_to_their_board(payloads: Path, body_of: BodyOf, poll: Poll) -> None:
    parts = golden(payloads, "l9_1.2.7")["poll"]
    told = normalise(poll({key: body_of(part) for key, part in parts.items()}))
    assert told.chips is not None
    for board, chips in zip(told.telemetry.boards, told.chips.boards, strict=True):
        total = sum(rate for rate in chips.hashrate_hs if rate is not None)
        assert total == pytest.approx(board.hashrate_hs, rel=0.01)

"""What an answer says about itself, however its firmware words it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector_cgminer.domain.answers import (
    Told,
    Verdict,
    clock_of,
    firmware_of,
    reply_id_of,
    state_of,
    told,
    uptime_of,
)
from collector_cgminer.domain.families import FAMILIES
from minestream_runtime.devices.cgminer import READS, Wire

OK = {"STATUS": "S", "When": 1741500000, "Code": 11, "Msg": "Summary"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["STATUS", "When", "Code", "Msg", "SUMMARY", "STATS", "Elapsed", "msg",
                         "code", "when", "summary", "elapsed", "VERSION", "CompileTime"]),
        inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@pytest.mark.parametrize(
    ("command", "content", "verdict"),
    [
        ("summary", {"STATUS": [OK], "SUMMARY": [{"Elapsed": 1}]}, Verdict.OK),
        ("summary", {"STATUS": [{"STATUS": "W"}], "SUMMARY": [{}]}, Verdict.OK),
        ("summary", {"STATUS": "S", "SUMMARY": [{}]}, Verdict.OK),
        ("summary", {"SUMMARY": [{}]}, Verdict.OK),
        ("get_psu", {"STATUS": "S", "Msg": {"name": "P21"}}, Verdict.OK),
        ("summary", {"STATUS": "S", "Code": 131, "Msg": {"Elapsed": 7}}, Verdict.OK),
        ("summary", {"STATUS": [{"STATUS": "S", "Msg": {"Elapsed": 7}}]}, Verdict.OK),
        ("get.device.info", {"code": 0, "msg": {}}, Verdict.OK),
        ("version", {"STATUS": [{"STATUS": "E", "Code": 0, "Msg": "Invalid command"}]},
         Verdict.MISSING),
        ("edevs", {"STATUS": "E", "Code": 14, "Msg": "invalid cmd"}, Verdict.MISSING),
        ("edevs", {"STATUS": [{"STATUS": "E", "Code": 14, "Msg": None}]}, Verdict.MISSING),
        ("get.miner.status:edevs", {"code": -2, "msg": "unknown command"}, Verdict.MISSING),
        ("stats", {"STATUS": [{"STATUS": "E", "Code": 45,
                               "Msg": "Access denied to 'stats' command"}]}, Verdict.DENIED),
        ("get.device.info", {"code": -4, "msg": "permission denied"}, Verdict.DENIED),
        ("summary", {"STATUS": "E", "Code": 14, "Msg": "btminer process is down"}, Verdict.DOWN),
        ("get.miner.status:summary", {"code": -1, "msg": "btminer process is down err"},
         Verdict.DOWN),
        ("pools", {"STATUS": [{"STATUS": "F", "Code": 8, "Msg": "No pools"}]}, Verdict.ERROR),
        ("get.device.info", {"code": -1, "msg": None}, Verdict.ERROR),
        ("summary", {"STATUS": [OK]}, Verdict.SHAPE),
        ("summary", {"STATUS": "S", "Code": 131, "Msg": {}}, Verdict.SHAPE),
        ("stats", {"STATUS": "S", "Code": 131, "Msg": {"Elapsed": 7}}, Verdict.SHAPE),
        ("summary", {"STATUS": [OK], "SUMMARY": {}}, Verdict.SHAPE),
        ("stats", {"STATUS": [OK], "STATS": []}, Verdict.SHAPE),
        ("get.miner.status:summary", {"code": 0}, Verdict.SHAPE),
        ("summary", [], Verdict.SHAPE),
        ("summary", "Socket connect failed", Verdict.SHAPE),
    ],
)  # fmt: skip
def test_how_a_question_went_is_read_from_status(
    command: str, content: object, verdict: Verdict
) -> None:
    found = told(command, content)
    assert found.verdict is verdict
    assert (found.why is None) is (verdict is Verdict.OK)


def test_a_refusal_says_what_to_look_at() -> None:
    denied = told("stats", {"STATUS": [{"STATUS": "E", "Code": 45, "Msg": "Access denied"}]})
    assert denied == Told(Verdict.DENIED, "Access denied: is our address in its api-allow?")


@pytest.mark.parametrize(
    ("content", "uptime_s"),
    [
        ({"STATS": [{"Type": "Antminer S19"}, {"Elapsed": 4423}]}, 4423.0),
        ({"SUMMARY": [{"Elapsed": "17"}]}, 17.0),
        ({"msg": {"summary": {"elapsed": 9}}}, 9.0),
        ({"STATUS": "S", "Code": 131, "Msg": {"Elapsed": 228, "MHS av": 1.0}}, 228.0),
        ({"SUMMARY": [{"Elapsed": -1}]}, None),
        ({"SUMMARY": [{"Elapsed": True}]}, None),
        ({"SUMMARY": [{"Elapsed": float("nan")}]}, None),
        ({"SUMMARY": [{"Elapsed": 10**400}]}, None),
        ({"SUMMARY": "none"}, None),
        ([], None),
    ],
)
def test_how_long_it_runs(content: object, uptime_s: float | None) -> None:
    assert uptime_of(content) == uptime_s


def test_what_it_does_is_told_by_vnish_alone() -> None:
    assert state_of({"STATS": [{"Type": "Antminer L9"}, {"state": "auto-tuning"}]}) == "auto-tuning"
    assert state_of({"STATS": [{"state": 7}]}) is None
    assert state_of([]) is None


@pytest.mark.parametrize(
    ("content", "at"),
    [
        ({"STATUS": [{"When": 1741500000}]}, datetime(2025, 3, 9, 6, 0, tzinfo=UTC)),
        ({"STATUS": "S", "When": "1741500000"}, datetime(2025, 3, 9, 6, 0, tzinfo=UTC)),
        ({"code": 0, "when": 1741500000}, datetime(2025, 3, 9, 6, 0, tzinfo=UTC)),
        ({"STATUS": [{"When": 0}]}, None),
        ({"STATUS": [{"When": 1e300}]}, None),
        ({"STATUS": []}, None),
        (None, None),
    ],
)
def test_what_its_clock_says(content: object, at: datetime | None) -> None:
    assert clock_of(content) == at


@pytest.mark.parametrize(
    ("command", "content", "firmware"),
    [
        ("version", {"VERSION": [{"BMMiner": "1.0.0", "CompileTime": "Fri Nov 17 2023"}]},
         "Fri Nov 17 2023"),
        ("version", {"VERSION": [{"CGMiner": "4.11.1", "API": "3.7"}]}, "cgminer 4.11.1"),
        ("version", {"VERSION": [{"CompileTime": "x", "Type": "Antminer S9 (vnish 3.8.6)"}]},
         "3.8.6"),
        ("version", {"VERSION": [{"API": "3.7"}]}, None),
        ("version", {"VERSION": {}}, None),
        ("get_version", {"Msg": {"fw_ver": "20230911.12.REL"}}, "20230911.12.REL"),
        ("get_version", {"Msg": "none"}, None),
        ("get.device.info", {"msg": {"system": {"fwversion": "2024\x00\x07"}}}, "2024"),
        ("summary", {"VERSION": [{"CompileTime": "x"}]}, None),
        ("version", None, None),
    ],
)  # fmt: skip
def test_which_firmware_it_is(command: str, content: Any, firmware: str | None) -> None:
    assert firmware_of(command, content) == firmware


def test_a_reply_is_numbered_even_where_its_rest_is_cut() -> None:
    assert reply_id_of(b'{"X-Reply-Id":"17","STATUS":[') == "17"
    assert reply_id_of(b'{"STATUS":[],"X-Reply-Id":"17"}') is None
    assert reply_id_of(b"Socket connect failed") is None


@given(command=st.sampled_from(sorted(set().union(*READS.values()))), content=JSON)
def test_whatever_json_a_miner_sends_is_judged(command: str, content: object) -> None:
    told(command, content)
    uptime_of(content)
    clock_of(content)
    state_of(content)
    firmware_of(command, content)


@pytest.mark.parametrize("commands", FAMILIES, ids=lambda each: each.family)
def test_a_family_asks_only_what_its_port_may_be_asked(commands: Any) -> None:
    asked = {commands.main, *commands.cadence_s} - commands.pages.keys()
    assert asked <= READS[Wire(commands.wire)]
    assert commands.main not in commands.cadence_s
    assert {commands.identity, *commands.configuration} <= commands.cadence_s.keys()
    assert next(iter(commands.cadence_s)) == commands.identity, "what it is comes first"

"""normalise() never raises, gives the same twice, and what it gives survives the wire."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.dialects.odd import JSON, ODD, check, places, put

from minestream_dialects.draft import BOARD_NUMBERS, READING_NUMBERS
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner
from minestream_schemas.telemetry import MinerStatus

BodyOf = Callable[[str], str]
Poll = Callable[..., RawMiner]

ENDPOINTS = ("info", "summary", "status", "perf-summary", "chips", "chains", "boards", "settings")
FEW = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def whole(body_of: BodyOf) -> dict[str, Any]:
    """One poll with every endpoint, decoded."""
    chips = json.loads(body_of("l9_1.2.7_chips_assembled.json"))
    boards = json.loads(body_of("l9_1.3.4_boards_assembled.json"))
    for board in (*chips["chains"], *boards):
        board["chips"] = board["chips"][:3]
    return {
        "info": json.loads(body_of("l9_1.2.7_info_assembled.json")),
        "summary": json.loads(body_of("l9_1.3.4_summary_assembled.json")),
        "status": json.loads(body_of("l9_1.2.7_status_assembled.json")),
        "perf-summary": json.loads(body_of("l9_1.2.7_perf_summary_assembled.json")),
        "chips": chips,
        "boards": boards,
    }


@FEW
@given(body=st.text(), status=st.sampled_from(PollStatus), dialect=st.text(max_size=12))
def test_any_text_from_any_endpoint(
    poll: Poll, *, body: str, status: PollStatus, dialect: str
) -> None:
    check(poll(dict.fromkeys(ENDPOINTS, body), status=status))
    check(poll({"summary": body}, dialect=dialect))


@FEW
@given(body=JSON, miner=JSON)
def test_any_json_from_any_endpoint(poll: Poll, *, body: object, miner: object) -> None:
    bodies = dict.fromkeys(ENDPOINTS, json.dumps(body))
    for dialect in ("vnish", "vnish-1.2", "vnish-1.3", "auto"):
        check(poll(bodies, dialect=dialect))
        check(poll(bodies | {"summary": json.dumps({"miner": miner})}, dialect=dialect))


@FEW
@given(data=st.data(), version=st.sampled_from(["1.2.7", "1.3.4"]))
def test_a_real_poll_with_fields_dropped_swapped_and_poisoned(
    poll: Poll, whole: dict[str, Any], *, data: st.DataObject, version: str
) -> None:
    bodies = deepcopy(whole)
    bodies["info"]["fw_version"] = version
    anywhere = st.sampled_from([path for path in places(bodies) if len(path) > 1])
    changes = data.draw(st.lists(st.tuples(anywhere, ODD | st.just(...)), min_size=1, max_size=6))
    for path, odd in changes:
        put(bodies, path, odd)
    check(poll({name: json.dumps(body) for name, body in bodies.items()}))


@FEW
@given(data=st.data())
def test_a_real_body_with_bytes_cut_and_changed(
    poll: Poll, whole: dict[str, Any], *, data: st.DataObject
) -> None:
    text = json.dumps(whole["summary"])
    at = data.draw(st.integers(0, len(text)))
    gone = data.draw(st.integers(0, 40))
    between = data.draw(st.text(max_size=5) | st.sampled_from(["\0", "}{", ",}", "nan", '"']))
    check(poll({"summary": text[:at] + between + text[at + gone :]}))


@FEW
@given(seconds=st.integers(-(10**9), 10**9), status=st.sampled_from(PollStatus))
def test_any_clock_and_any_end_of_an_endpoint(
    poll: Poll, whole: dict[str, Any], *, seconds: int, status: PollStatus
) -> None:
    raw = poll({"info": json.dumps(whole["info"]), "summary": json.dumps(whole["summary"])})
    at = raw.polled_at - timedelta(seconds=seconds)
    odd = EndpointBody(
        status=status, fetched_at=at, body=raw.endpoints["info"].body, server_at=raw.polled_at
    )
    told = check(raw.model_copy(update={"endpoints": {**raw.endpoints, "info": odd}}))
    assert ("clock_skew" in told.telemetry.quality_flags) == (abs(seconds) > 60)


@FEW
@given(data=st.data())
def test_every_number_that_is_missing_while_mining_has_its_flag(
    poll: Poll, whole: dict[str, Any], *, data: st.DataObject
) -> None:
    bodies = {name: deepcopy(whole[name]) for name in ("info", "summary")}
    anywhere = st.sampled_from(
        [path for path in places(bodies) if path[:2] == ("summary", "miner") and len(path) > 2]
    )
    for path, odd in data.draw(st.lists(st.tuples(anywhere, ODD | st.just(...)), max_size=4)):
        put(bodies, path, odd)
    telemetry = check(poll({name: json.dumps(body) for name, body in bodies.items()})).telemetry
    boards = telemetry.boards
    absent = [name for name in READING_NUMBERS if getattr(telemetry, name) in (None, ())]
    absent += [name for board in boards for name in BOARD_NUMBERS if getattr(board, name) is None]
    quiet = any(board.status in ("failure", "stopped", "disabled") for board in boards)
    if absent and not quiet and telemetry.status in (MinerStatus.MINING, MinerStatus.UNKNOWN):
        cooling = bodies["summary"]["miner"].get("cooling")
        no_fans = absent == ["fan_rpm"] and isinstance(cooling, dict) and cooling.get("fans") == []
        assert telemetry.quality_flags or no_fans
    if not absent:
        assert telemetry.quality_score == 1.0

"""Which endpoints are due, for any firmware and any age."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector_vnish.adapters.vnish import PLAN
from collector_vnish.domain.endpoints import (
    Endpoint,
    chips_endpoint,
    life_of,
    wanted,
)
from collector_vnish.domain.web import ANTMINER_OLDER, FAMILIES, Web
from minestream_runtime.collecting import plan
from minestream_runtime.collecting.plan import Answer, Memory
from minestream_schemas.raw import EndpointBody, PollStatus

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
GOOD = Answer(EndpointBody(status=PollStatus.OK, fetched_at=AT, http_status=200, body="{}"))
MISSING = Answer(
    EndpointBody(status=PollStatus.ERROR, fetched_at=AT, http_status=404), missing=True
)
LATE = Answer(EndpointBody(status=PollStatus.TIMEOUT, fetched_at=AT))
REFUSED = Answer(EndpointBody(status=PollStatus.UNAUTHORISED, fetched_at=AT, http_status=401))
CROWDED = Answer(EndpointBody(status=PollStatus.ERROR, fetched_at=AT, http_status=429))


def due(memory: Memory, now_s: float, *, interval_s: float, box: str | None) -> list[str]:
    names = wanted(memory.firmware, memory.missing)
    return plan.due(PLAN, names, memory, now_s, interval_s=interval_s, box=box)


def remember(
    memory: Memory,
    endpoint: str,
    answer: Answer,
    now_s: float,
    *,
    firmware: str | None = None,
    box: str | None = None,
) -> Memory:
    told = answer._replace(firmware=firmware)
    return plan.remember(PLAN, memory, endpoint, told, now_s, box=box)


def after_silence(memory: Memory) -> Memory:
    return plan.after_silence(PLAN, memory)


def polled(memory: Memory, now_s: float, *, firmware: str, box: str | None = None) -> Memory:
    """A poll in which everything that is due answers."""
    for endpoint in due(memory, now_s, interval_s=60.0, box=box):
        memory = remember(memory, endpoint, GOOD, now_s, firmware=firmware, box=box)
    return memory


def test_the_first_poll_asks_for_everything_that_needs_no_credentials() -> None:
    assert due(Memory(), 0.0, interval_s=60.0, box=None) == [
        Endpoint.INFO,
        Endpoint.STATUS,
        Endpoint.PERF_SUMMARY,
        Endpoint.CHIPS,
    ]
    assert Endpoint.SETTINGS in due(Memory(), 0.0, interval_s=60.0, box="box")


def test_each_endpoint_keeps_its_cadence_over_a_day() -> None:
    memory, asked = Memory(), dict.fromkeys(map(str, Endpoint), 0)
    for minute in range(24 * 60):
        now_s = minute * 60.0
        for endpoint in due(memory, now_s, interval_s=60.0, box="box"):
            asked[endpoint] += 1
        memory = polled(memory, now_s, firmware="1.2.7", box="box")
    each_five_minutes = (Endpoint.STATUS, Endpoint.PERF_SUMMARY, Endpoint.CHIPS)
    assert {endpoint: asked[endpoint] for endpoint in each_five_minutes} == dict.fromkeys(
        each_five_minutes, 288
    )
    assert asked[Endpoint.INFO] == 24, "each hour"
    assert asked[Endpoint.SETTINGS] == 48, "each half hour"
    assert asked[Endpoint.BOARDS] == 0


def test_what_is_nearly_due_is_asked_now_and_not_a_poll_too_late() -> None:
    memory = polled(Memory(), 0.0, firmware="1.2.7")
    assert due(memory, 269.9, interval_s=60.0, box=None) == []
    assert Endpoint.STATUS in due(memory, 270.0, interval_s=60.0, box=None)


@pytest.mark.parametrize("family", [*FAMILIES, ANTMINER_OLDER], ids=lambda family: family.main)
def test_other_firmwares_tell_their_configuration_each_half_hour(family: Web) -> None:
    assert {family.cadence_s[name] for name in family.configuration} <= {1800.0}
    named = {"get_miner_conf", "config"} & family.cadence_s.keys()
    assert named == family.configuration, "else a restart would not have it read anew"


@pytest.mark.parametrize(
    ("firmware", "endpoint"),
    [
        ("1.2.7", Endpoint.CHIPS),
        ("1.2.0-rc3", Endpoint.CHIPS),
        ("1.3.0", Endpoint.BOARDS),
        ("1.3.4-alpha", Endpoint.BOARDS),
        ("1.10.0", Endpoint.BOARDS),
        ("2.0", Endpoint.BOARDS),
        (None, Endpoint.CHIPS),
        ("nightly", Endpoint.CHIPS),
    ],
)
def test_the_firmware_decides_where_chips_are_told(
    firmware: str | None, endpoint: Endpoint
) -> None:
    assert chips_endpoint(firmware, frozenset()) is endpoint


def test_where_chips_are_not_found_boards_are_asked_in_the_same_poll() -> None:
    memory = remember(Memory(firmware="1.2.9"), Endpoint.CHIPS, MISSING, 0.0)
    assert Endpoint.BOARDS in due(memory, 0.0, interval_s=60.0, box=None)


def test_an_endpoint_that_failed_is_asked_again_at_the_next_poll() -> None:
    memory = remember(Memory(), Endpoint.STATUS, LATE, 0.0)
    assert Endpoint.STATUS in due(memory, 60.0, interval_s=60.0, box=None)
    memory = remember(Memory(), Endpoint.SETTINGS, CROWDED, 0.0, box="box")
    assert Endpoint.SETTINGS not in due(memory, 60.0, interval_s=60.0, box="box")


def test_refused_credentials_are_not_tried_again_until_they_change() -> None:
    memory = remember(Memory(), Endpoint.SETTINGS, REFUSED, 0.0, box="old")
    for day in range(1, 30):
        assert Endpoint.SETTINGS not in due(memory, day * 86_400.0, interval_s=60.0, box="old")
    assert Endpoint.SETTINGS in due(memory, 60.0, interval_s=60.0, box="new")


def test_a_refusal_elsewhere_does_not_cost_the_settings() -> None:
    memory = remember(Memory(), Endpoint.STATUS, REFUSED, 0.0, box="box")
    assert Endpoint.SETTINGS in due(memory, 0.0, interval_s=60.0, box="box")


def test_a_new_firmware_begins_a_new_plan() -> None:
    memory = polled(Memory(), 0.0, firmware="1.2.7")
    memory = remember(memory, Endpoint.INFO, GOOD, 3600.0, firmware="1.3.3")
    wanted = due(memory, 3600.0, interval_s=60.0, box=None)
    assert set(wanted) == {Endpoint.STATUS, Endpoint.PERF_SUMMARY, Endpoint.BOARDS}


def test_who_was_silent_is_asked_who_it_is() -> None:
    memory = after_silence(polled(Memory(), 0.0, firmware="1.2.7"))
    assert due(memory, 60.0, interval_s=60.0, box=None) == [Endpoint.INFO]
    assert memory.firmware == "1.2.7"


def test_after_a_restart_the_configuration_is_read_at_once() -> None:
    memory = polled(Memory(), 0.0, firmware="1.2.7", box="box")
    assert due(memory, 60.0, interval_s=60.0, box="box") == []
    memory = plan.after_restart(PLAN, memory)
    assert due(memory, 60.0, interval_s=60.0, box="box") == [Endpoint.INFO, Endpoint.SETTINGS]


@pytest.mark.parametrize(
    ("status", "life"),
    [
        ({"miner_state": "mining", "miner_state_time": 12}, ("mining", 12.0)),
        ({"miner_state_time": -1}, (None, None)),
        ({"miner_state_time": float("nan")}, (None, None)),
        ({"miner_state": 3, "miner_state_time": "12"}, (None, None)),
        (None, (None, None)),
        ([], (None, None)),
    ],
)
def test_what_a_miner_does_and_since_when_is_read_or_not_known(
    status: object, life: tuple[str | None, float | None]
) -> None:
    assert life_of({"miner": {"miner_status": status}}) == life
    assert life_of({"miner": status}) == (None, None)
    assert life_of(status) == (None, None)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Endpoint)),
            st.sampled_from([GOOD, MISSING, LATE, REFUSED, CROWDED]),
            st.floats(0, 1e6),
        ),
        max_size=30,
    )
)
def test_no_history_makes_a_plan_endless(
    history: list[tuple[Endpoint, Answer, float]],
) -> None:
    memory = Memory()
    for endpoint, answer, now_s in history:
        memory = remember(memory, endpoint.value, answer, now_s, firmware="1.2.7", box="box")
    wanted = due(memory, 1e6, interval_s=60.0, box="box")
    assert len(set(wanted)) == len(wanted) <= 5
    assert Endpoint.SUMMARY not in wanted

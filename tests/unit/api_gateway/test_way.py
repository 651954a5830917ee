from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from api_gateway.domain.way import Mark, Stamps, instant_of, way_of
from minestream_runtime.clock import new_event_id

BEGAN = datetime(2026, 1, 31, 12, tzinfo=UTC)
RAW = new_event_id(BEGAN)


def after(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def test_a_whole_way_has_its_four_steps_with_seconds_since_the_poll_began() -> None:
    stamps = Stamps(
        RAW,
        "m-1",
        BEGAN,
        event_id=UUID(int=1),
        collector_id="collector-vnish-0",
        latency_ms=43.1,
        published_at=after(0.051),
        normalised_at=after(0.074),
        stored_at=after(0.19),
    )
    steps = [(step.step, step.after_s, step.service) for step in way_of(stamps)]
    assert steps == [
        (Mark.POLLED, 0.0431, "collector-vnish-0"),
        (Mark.PUBLISHED, 0.051, "collector-vnish-0"),
        (Mark.NORMALISED, 0.074, "processor"),
        (Mark.STORED, 0.19, "timescale-sink"),
    ]


def test_what_left_no_stamp_is_left_out_and_not_made_up() -> None:
    (polled,) = way_of(Stamps(RAW, "m-1", BEGAN))
    assert (polled.step, polled.at, polled.after_s) == (Mark.POLLED, BEGAN, 0.0)
    stored = way_of(Stamps(RAW, "m-1", BEGAN, latency_ms=5, stored_at=after(2)))
    assert [step.step for step in stored] == [Mark.POLLED, Mark.STORED]


def test_clocks_that_differ_are_shown_as_they_are() -> None:
    steps = way_of(Stamps(RAW, "m-1", BEGAN, published_at=after(-0.5)))
    assert [step.after_s for step in steps] == [0.0, -0.5]


@given(st.integers(0, 3_000_000_000_000_000))
def test_a_raw_events_id_says_when_its_poll_began(us: int) -> None:
    at = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    found = instant_of(new_event_id(at))
    assert found is not None
    assert abs(at - found) <= timedelta(milliseconds=1)


@given(st.uuids())
def test_any_other_id_says_nothing_and_none_is_too_strange(event_id: UUID) -> None:
    found = instant_of(event_id)
    assert found is None or event_id.version == 7
    assert instant_of(uuid5(event_id, "telemetry")) is None


def test_an_id_from_beyond_the_calendar_says_nothing() -> None:
    assert instant_of(UUID(int=(2**48 - 1) << 80 | 7 << 76 | 2 << 62)) is None

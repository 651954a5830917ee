from datetime import UTC, datetime, timedelta
from uuid import UUID

from api_gateway.domain.way import Mark, Stamps, way_of
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

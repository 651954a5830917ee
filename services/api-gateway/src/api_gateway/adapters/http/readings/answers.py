"""What the route of a reading's way answers: descriptions and examples."""

from typing import Any, Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from api_gateway.domain.way import Mark


class StepItem(BaseModel):
    """One step of the way, from a stamp in the database."""

    step: Mark = Field(
        description="polled: the miner had answered; published: the raw event lay on Kafka; "
        "normalised: the processor had sent the reading; stored: its row was committed"
    )
    at: AwareDatetime
    after_s: float = Field(description="seconds since the poll began")
    service: str = Field(description="which service did it; a collector by its id")


class SpanItem(BaseModel):
    """One span of the poll's trace."""

    name: str
    service: str
    began_at: AwareDatetime
    ended_at: AwareDatetime
    span_id: str
    parent_id: str | None = Field(description="null: the trace's first")
    error: str | None
    attributes: dict[str, Any] = Field(description="OpenTelemetry's names, and minestream.…")


class ReadingTrace(BaseModel):
    """The way of one reading."""

    event_id: UUID | None = Field(
        description="the reading's; null: only its raw event is stored, no reading came of it yet"
    )
    raw_event_id: UUID
    miner_id: str
    began_at: AwareDatetime = Field(description="when the poll began: the reading's ts")
    trace_id: str = Field(description="the raw event's id, as traces write it")
    sampled: bool = Field(description="were spans kept of this poll?")
    steps: list[StepItem] = Field(
        description="those whose instants are known: raw events leave before readings do"
    )
    spans: list[SpanItem] = Field(
        description="by their beginning; empty where none was kept, or none within our reach"
    )


_POLL: Final = {
    "name": "poll miner",
    "service": "collector-vnish",
    "began_at": "2026-01-31T12:00:00.000000Z",
    "ended_at": "2026-01-31T12:00:00.043100Z",
    "span_id": "1f0c7d5d0b4b0e6f",
    "parent_id": None,
    "error": None,
    "attributes": {"minestream.miner.id": "site-a-r01-s03"},
}
TRACE_EXAMPLE: Final[dict[str, Any]] = {
    "event_id": "0f3e6f5c-3a4b-5c6d-8e7f-9a0b1c2d3e4f",
    "raw_event_id": "0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11",
    "miner_id": "site-a-r01-s03",
    "began_at": "2026-01-31T12:00:00.000000Z",
    "trace_id": "0199d2a47c1e7b3a9f102f6d8c0a5e11",
    "sampled": True,
    "steps": [
        {
            "step": step,
            "at": f"2026-01-31T12:00:00.{after_us:06}Z",
            "after_s": after_us / 1e6,
            "service": service,
        }
        for step, after_us, service in (
            ("polled", 43_100, "collector-vnish-0"),
            ("published", 51_000, "collector-vnish-0"),
            ("normalised", 74_000, "processor"),
            ("stored", 190_521, "timescale-sink"),
        )
    ],
    "spans": [
        _POLL,
        _POLL
        | {
            "name": "send minestream.raw.miner.v1",
            "began_at": "2026-01-31T12:00:00.043400Z",
            "ended_at": "2026-01-31T12:00:00.052300Z",
            "span_id": "7c1e7b3a9f102f6d",
            "parent_id": "1f0c7d5d0b4b0e6f",
        },
    ],
}

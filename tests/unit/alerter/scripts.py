"""Series of readings, as short as a test can say them."""

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from alerter.domain.judging import Judged, judge_all
from alerter.domain.lifecycle import NEW, Flow, State, Transition, judge
from alerter.domain.reading import Reading
from alerter.domain.rules import Offline, Rule, Temperature
from minestream_schemas.alert import Severity

BEGAN = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOT = Temperature(
    limits_c={Severity.WARNING: 80.0, Severity.CRITICAL: 90.0},
    hysteresis_c=2.0,
    hold=timedelta(seconds=60),
    readings=2,
    resolve=timedelta(seconds=120),
)
SILENT = Offline(hold=timedelta(seconds=300), readings=2, slack=timedelta(seconds=15))


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def reading(
    seconds: float,
    temp_c: float | None = 60.0,
    *,
    answered: bool = True,
    late: bool = False,
    ahead: bool = False,
    subject: str = "site-a-m1",
) -> Reading:
    return Reading(
        subject=subject,
        site_id="site-a",
        rack_id="site-a-r01",
        ts=at(seconds),
        event_id=UUID(int=int(seconds * 1000) + 1),
        answered=answered,
        chip_temp_max_c=temp_c if answered else None,
        late=late,
        ahead=ahead,
        traceparent=f"trace-{seconds:g}",
    )


def temps(*values_c: float | None, every_s: float = 30, start_s: float = 0) -> list[Reading]:
    return [reading(start_s + every_s * place, each) for place, each in enumerate(values_c)]


def run(
    rule: Rule, readings: Iterable[Reading], state: State = NEW, flow: Flow | None = None
) -> tuple[State, list[Transition]]:
    told: list[Transition] = []
    for each in readings:
        state, now = judge(rule, state, each, flow=flow)
        told += now
    return state, told


def story(told: Sequence[Transition]) -> list[tuple[int, str, str, float]]:
    """Number, severity, phase and second of each transition."""
    return [
        (
            each.alert.number,
            each.alert.severity.value,
            each.alert.phase.value,
            (each.alert.changed_at - BEGAN).total_seconds(),
        )
        for each in told
    ]


def judged(readings: Sequence[Reading], cuts: Iterable[int] = ()) -> Judged:
    """A partition's readings in batches that end at the cuts."""
    states: dict[tuple[str, str], State] = {}
    flow: Flow | None = None
    told: list[Transition] = []
    edges = sorted({0, len(readings), *cuts})
    for start, stop in itertools.pairwise(edges):
        part = judge_all((HOT, SILENT), states, readings[start:stop], flow=flow, now=at(1e6))
        states |= part.states
        flow = part.flow
        told += part.transitions
    return Judged(states, told, flow)

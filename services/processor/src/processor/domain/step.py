"""One miner's event or tick, applied: the state after it, and what is to be told.

Everything told is either read off the event itself or kept in the state, so an event that comes
again (at least once means: sometimes twice) tells the same to the byte and changes nothing. Only
the opening of a gap that has closed since is told no more.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from minestream_schemas.anomaly import Anomaly
from minestream_schemas.feature import Feature
from minestream_schemas.gap import Gap, GapCause
from minestream_schemas.ids import derived_id
from minestream_schemas.telemetry import MinerTelemetry, QualityFlag
from minestream_schemas.window import TelemetryWindow
from processor.domain import anomaly, features, gaps, money, windows
from processor.domain.miner_state import (
    SECOND_US,
    MinerState,
    Seen,
    Silence,
    Sums,
    Told,
    Transition,
    Worth,
    to_us,
)

REMEMBERED: Final = 16
"""Events remembered even when their windows are closed: a backlog is dealt with in bursts."""


class Kind(StrEnum):
    """What an event is to its miner."""

    NEW = "new"
    REPEAT = "repeat"
    LATE = "late"
    """Older than the newest, or its window has been told."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that decide (see ``ProcessorSettings``)."""

    window_s: int = 300
    grace_s: int = 120
    publish_threshold: float = 0.5
    silent_polls: int = 2
    down_polls: float = 3.0
    feature_every_s: int = 300
    healthy_chips_ratio: float = 0.95


class Reading(NamedTuple):
    """A normalised event, and what of the poll is not in it.

    Args:
        telemetry: the normalised reading, not yet scored.
        interval_s: until the miner's next regular poll.
        worth: what its pool and the markets had said by then.
        tariff_usd_per_kwh: as the inventory had it then.
    """

    telemetry: MinerTelemetry
    interval_s: float
    worth: Worth = Worth()
    tariff_usd_per_kwh: float | None = None


class Outcome(NamedTuple):
    """The state to keep, and the events to send."""

    state: MinerState
    kind: Kind
    telemetry: MinerTelemetry
    anomaly: Anomaly | None = None
    windows: tuple[TelemetryWindow, ...] = ()
    gaps: tuple[Gap, ...] = ()
    feature: Feature | None = None


class TickOutcome(NamedTuple):
    """The state to keep, and the events to send; nothing of either when ``changed`` is False."""

    state: MinerState
    windows: tuple[TelemetryWindow, ...] = ()
    gaps: tuple[Gap, ...] = ()
    changed: bool = False
    closed: tuple[TelemetryWindow, ...] = ()
    """Those of the windows that are told for the first time."""


def step(state: MinerState | None, reading: Reading, rules: Rules) -> Outcome:
    """Advance one miner by one event.

    Args:
        state: before the event; None: the miner's first.
        reading: the event.
        rules: the settings that decide.
    """
    telemetry = reading.telemetry
    event_id, ts_us = telemetry.raw_event_id.bytes, to_us(telemetry.ts)
    known = state or MinerState(telemetry.miner_id, telemetry.site_id)
    for seen in known.seen:
        if seen.event_id == event_id:
            return _tell(known, Kind.REPEAT, reading, seen, rules)
    if ts_us < known.newest_us:
        return _tell_older(known, reading, event_id, ts_us, rules)
    after, seen = _advance(known, reading, event_id, ts_us, rules)
    return _tell(after, Kind.LATE if seen.late else Kind.NEW, reading, seen, rules)


def _tell_older(
    state: MinerState, reading: Reading, event_id: bytes, ts_us: int, rules: Rules
) -> Outcome:
    repeat = event_id in state.late_ids
    worth = reading.worth
    if repeat:
        back = len(state.late_ids) - state.late_ids.index(event_id)
        if back <= len(state.late_worths):
            worth = state.late_worths[-back]
    else:
        state = state._replace(
            late_ids=(*state.late_ids, event_id)[-REMEMBERED:],
            late_worths=(*state.late_worths, worth)[-REMEMBERED:],
        )
    hole, filled = gaps.held_up(state.hole, ts_us=ts_us)
    state = state._replace(hole=hole)
    seen = Seen(event_id, ts_us, late=True, gaps=filled, worth=worth)
    return _tell(state, Kind.REPEAT if repeat else Kind.LATE, reading, seen, rules)


def _advance(
    state: MinerState, reading: Reading, event_id: bytes, ts_us: int, rules: Rules
) -> tuple[MinerState, Seen]:
    telemetry = reading.telemetry
    said = windows.counts_of(telemetry)
    increase = windows.increases(state.counts, said)
    values = anomaly.values_of(telemetry, increase)
    judged = anomaly.judge(state.ewmas, values)
    score = anomaly.worst(judged.scores)
    late = ts_us < state.closed_until_us
    silence, silent = gaps.heard(
        state.silence,
        ts_us=ts_us,
        lack=gaps.lack_of(telemetry),
        silent_polls=rules.silent_polls,
    )
    # the poll before has said when this one would come; a changed inventory only this one says
    promised_s = max(state.interval_s, reading.interval_s)
    longest = gaps.longest_us(promised_s, rules.down_polls)
    polled = gaps.polled_again(state.down_us, ts_us=ts_us, longest=longest)
    filled = state.open
    if not late:
        start = windows.start_of(ts_us, rules.window_s)
        filled = windows.add_to(
            state.open, telemetry, start_us=start, increase=increase, score=score
        )
    closing, still_open = windows.split(
        filled, until_us=ts_us, window_s=rules.window_s, grace_s=rules.grace_s
    )
    bucket_us = windows.start_of(ts_us, rules.feature_every_s)
    published = score is not None and score >= rules.publish_threshold * 1000
    seen = Seen(
        event_id,
        ts_us,
        late,
        judged.scores,
        values if published else (),
        judged.expected if published else (),
        tuple(sums.start_us for sums in closing),
        (*polled, *silent),
        reading.worth,
        featured=bucket_us > state.featured_us,
    )
    after = MinerState(
        miner_id=state.miner_id,
        site_id=telemetry.site_id,
        interval_s=reading.interval_s,
        newest_us=ts_us,
        closed_until_us=_closed_until(state.closed_until_us, closing, rules),
        open=still_open,
        closed=state.closed + closing,
        counts=windows.latest(state.counts, said),
        ewmas=judged.ewmas,
        silence=silence,
        down_us=None,
        seen=_remember(state.seen, seen, still_open),
        late_ids=state.late_ids,
        told=state.told,
        late_worths=state.late_worths,
        featured_us=max(bucket_us, state.featured_us),
        hole=gaps.hole_of(polled, longest) or state.hole,
    )
    return _keep_closed(after), seen


def _closed_until(before_us: int, closing: tuple[Sums, ...], rules: Rules) -> int:
    return closing[-1].start_us + rules.window_s * SECOND_US if closing else before_us


def _remember(
    events: tuple[Seen, ...], seen: Seen, open_windows: tuple[Sums, ...]
) -> tuple[Seen, ...]:
    since_us = open_windows[0].start_us if open_windows else seen.ts_us
    forgettable = len(events) + 1 - REMEMBERED
    first = 0
    while first < forgettable and events[first].ts_us < since_us:
        first += 1
    return (*events[first:], seen)


def _keep_closed(state: MinerState) -> MinerState:
    if not state.closed:
        return state
    wanted = {start for seen in state.seen if seen.closed for start in seen.closed}
    wanted.update(start for told in state.told for start in told.closed)
    if all(sums.start_us in wanted for sums in state.closed):
        return state
    return state._replace(closed=tuple(sums for sums in state.closed if sums.start_us in wanted))


def _tell(state: MinerState, kind: Kind, reading: Reading, seen: Seen, rules: Rules) -> Outcome:
    telemetry = _completed(reading, seen)
    site_id = telemetry.site_id
    return Outcome(
        state,
        kind,
        telemetry,
        _anomaly(telemetry, seen, state) if seen.expected else None,
        _windows(state, seen.closed, site_id, rules),
        gaps.to_events(seen.gaps, state, site_id),
        features.of_reading(telemetry) if seen.featured else None,
    )


def _completed(reading: Reading, seen: Seen) -> MinerTelemetry:
    telemetry = reading.telemetry
    changes = money.worth_fields(telemetry, seen.worth, reading.tariff_usd_per_kwh)
    overall = anomaly.worst(seen.scores)
    if overall is not None:
        changes["anomaly_score"] = overall / 1000
        changes["anomaly_scores"] = _named(seen.scores, 1000)
    if seen.late:
        changes["quality_flags"] = (*telemetry.quality_flags, QualityFlag.LATE.value)
    return telemetry.model_copy(update=changes) if changes else telemetry


def _named(values: tuple[float | None, ...], scale: int = 1) -> dict[str, float]:
    return {
        name: value / scale
        for name, value in zip(anomaly.NAMES, values, strict=True)
        if value is not None
    }


def _anomaly(telemetry: MinerTelemetry, seen: Seen, state: MinerState) -> Anomaly:
    expected = _named(seen.expected)
    said = _named(seen.values)
    return Anomaly(
        event_id=derived_id("anomaly", telemetry.event_id, anomaly.DETECTOR),
        reading_id=telemetry.event_id,
        ts=telemetry.ts,
        miner_id=state.miner_id,
        site_id=telemetry.site_id,
        detector=anomaly.DETECTOR,
        score=telemetry.anomaly_score or 0.0,
        scores=telemetry.anomaly_scores,
        values={name: said[name] for name in expected},
        expected=expected,
    )


def _windows(
    state: MinerState, starts: tuple[int, ...], site_id: str, rules: Rules
) -> tuple[TelemetryWindow, ...]:
    return tuple(
        windows.to_event(sums, miner_id=state.miner_id, site_id=site_id, window_s=rules.window_s)
        for sums in state.closed
        if sums.start_us in starts
    )


def due_us(state: MinerState, rules: Rules) -> int:
    """When a tick first has something to do for this miner, µs.

    A window is left to the miner's own next reading for one interval longer than its grace, so
    that ticks write the state of silent miners and of no others.
    """
    patience = gaps.longest_us(state.interval_s, 1)
    due = [told.at_us + 1 for told in state.told if told.again_us is None]
    if state.open:
        span = (rules.window_s + rules.grace_s) * SECOND_US
        due.append(state.open[0].start_us + span + patience)
    if state.down_us is None and not state.removed:
        due.append(state.newest_us + gaps.longest_us(state.interval_s, rules.down_polls) + 1)
    return min(due, default=2**63)


def tick(state: MinerState, at_us: int, rules: Rules, *, removed: bool = False) -> TickOutcome:
    """Advance one miner by the clock: close what its silence leaves open.

    What a tick closes, it tells; a tick that comes again tells it again; and the next tick tells
    it once more, because a crash may lose what was told while the state that says so survives.

    Args:
        state: before the tick, with every event applied that was there when it was made.
        at_us: the instant of the tick.
        rules: the settings that decide.
        removed: has the inventory let the miner go? What gap it left open ends.
    """
    again = tuple(told for told in state.told if _tells_again(told, at_us))
    repeated = any(at_us == told.at_us for told in again)
    after = state._replace(told=tuple(_aged(state.told, at_us)))
    fresh = None
    if not repeated:
        after, fresh = _close_by_clock(after, at_us, rules, removed=removed)
    tellings = (*again, fresh) if fresh else again
    if not tellings and after == state:
        return TickOutcome(state)
    after = _keep_closed(after)
    starts = tuple(start for told in tellings for start in told.closed)
    # told from the sums before pruning: a telling may be the last that needs its window
    source = after._replace(closed=state.closed + after.closed)
    unique = {event.event_id: event for event in _windows(source, starts, state.site_id, rules)}
    transitions = tuple(one for told in tellings for one in told.gaps)
    return TickOutcome(
        after,
        tuple(unique.values()),
        gaps.to_events(transitions, after, state.site_id),
        changed=True,
        closed=_windows(source, fresh.closed, state.site_id, rules) if fresh else (),
    )


def _tells_again(told: Told, at_us: int) -> bool:
    return at_us in {told.at_us, told.again_us} or (told.again_us is None and at_us > told.at_us)


def _aged(tellings: tuple[Told, ...], at_us: int) -> list[Told]:
    kept = []
    for told in tellings:
        if told.again_us is None and at_us > told.at_us:
            kept.append(told._replace(again_us=at_us))
        elif told.again_us is None or at_us <= told.again_us:
            kept.append(told)
    return kept


def _close_by_clock(
    state: MinerState, at_us: int, rules: Rules, *, removed: bool
) -> tuple[MinerState, Told | None]:
    patience = gaps.longest_us(state.interval_s, 1)
    closing, still_open = windows.split(
        state.open,
        until_us=at_us - patience,
        window_s=rules.window_s,
        grace_s=rules.grace_s,
    )
    after, transitions = _left(state, at_us) if removed else _down(state, at_us, rules)
    if not closing and not transitions:
        return after, None
    told = Told(at_us, None, tuple(sums.start_us for sums in closing), transitions)
    after = after._replace(
        open=still_open,
        closed=state.closed + closing,
        closed_until_us=_closed_until(state.closed_until_us, closing, rules),
        told=(*state.told, told),
    )
    return after, told


def _down(state: MinerState, at_us: int, rules: Rules) -> tuple[MinerState, tuple[Transition, ...]]:
    longest = gaps.longest_us(state.interval_s, rules.down_polls)
    if state.removed or state.down_us is not None or at_us - state.newest_us <= longest:
        return state, ()
    opened = Transition(GapCause.COLLECTOR_DOWN, state.newest_us)
    return state._replace(down_us=state.newest_us), (opened,)


def _left(state: MinerState, at_us: int) -> tuple[MinerState, tuple[Transition, ...]]:
    ended = tuple(  # a collector's clock may be ahead
        Transition(cause, began_us, max(began_us, at_us))
        for cause, began_us in gaps.open_gaps(state)
    )
    return state._replace(removed=True, down_us=None, silence=Silence()), ended

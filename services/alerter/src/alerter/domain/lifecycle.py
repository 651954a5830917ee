"""When does a breach become an alert, how bad is it, and when is it over? All by event time.

Each level of a rule is a latch. While it is off, an unbroken run of breaches that lasts long
enough turns it on; while it is on, an unbroken run of clear readings turns it off. A reading
without the value breaks neither run. An alert is as bad as the worst latch that is on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from alerter.domain.reading import Reading, Said
from alerter.domain.rules import Level, Rule
from minestream_schemas.alert import Alert, AlertPhase, Severity
from minestream_schemas.ids import derived_id


@dataclass(frozen=True, slots=True)
class Run:
    """Readings in a row that say the contrary of how a latch stands."""

    since: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Latch:
    """One level: does it hold, and what speaks against that?"""

    on: bool = False
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Firing:
    """The alert that fires, as far as its next transition needs it."""

    alert_id: UUID
    number: int
    severity: Severity
    began_at: datetime
    fired_at: datetime


@dataclass(frozen=True, slots=True)
class State:
    """What one rule knows of one subject.

    Args:
        judged_at: time of the newest reading judged.
        clear_at: time of the newest reading that was clear of the lowest level.
        latches: by severity.
        firing: its alert, if there is one.
        last: the newest reading, where a hold may end without another.
        ahead_at: time of the newest reading that was too far ahead to be judged.
    """

    judged_at: datetime | None = None
    clear_at: datetime | None = None
    latches: Mapping[Severity, Latch] = field(default_factory=dict)
    firing: Firing | None = None
    last: Reading | None = None
    ahead_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """One transition, and the trace of the reading that led to it."""

    alert: Alert
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Flow:
    """How far a partition's readings have got, by event time, and since when without a break."""

    until: datetime
    since: datetime

    def passed(self, at: datetime, *, gap: timedelta) -> "Flow":
        """After a reading at ``at``; one that comes more than ``gap`` later begins anew."""
        if at <= self.until:
            return self
        return Flow(at, self.since if at - self.until <= gap else at)


Step = tuple[State, tuple[Transition, ...]]
NEW: Final = State()


def judge(rule: Rule, state: State, reading: Reading, *, flow: Flow | None = None) -> Step:
    """Advance a rule by one reading of a subject.

    Args:
        rule: which.
        state: before.
        reading: one that is late, or not newer than the newest, changes nothing; one that is
            ahead is not judged, and what counts as late only because of it, is.
        flow: how far readings of the partition had got before this one.

    Returns:
        the state after it, and what changed, in order.
    """
    if reading.ahead:
        return replace(state, ahead_at=max(reading.ts, state.ahead_at or reading.ts)), ()
    late = reading.late and (state.ahead_at is None or reading.ts >= state.ahead_at)
    if late or (state.judged_at is not None and reading.ts <= state.judged_at):
        return state, ()
    state, ripe = ripen(rule, state, flow)
    latches: dict[Severity, Latch] = {}
    began: list[datetime] = []
    said_of = rule.assess(reading)
    for level, said in zip(rule.levels, said_of, strict=True):
        before = state.latches.get(level.severity, Latch())
        run = _run(before, said, reading.ts, _began(rule, level, state, reading))
        latches[level.severity] = after = _settled(before, run, level, reading.ts)
        if after.on and not before.on and run is not None:
            began.append(run.since)
    after_state = replace(
        state,
        judged_at=reading.ts,
        clear_at=reading.ts if said_of[0] is Said.CLEAR else state.clear_at,
        latches=latches,
        last=reading if rule.slack is not None and _pending(latches) else None,
    )
    told = _tell(rule, after_state, reading, reading.ts, min(began, default=reading.ts))
    return told[0], (*ripe, *told[1])


def due_at(rule: Rule, state: State) -> datetime | None:
    """When it fires without another reading of its own; None: it does not."""
    if rule.slack is None or state.last is None:
        return None
    return min(
        (since + level.hold + rule.slack for level, since in _ripening(rule, state)), default=None
    )


def ripen(rule: Rule, state: State, flow: Flow | None) -> Step:
    """Fire what is due by time.

    Where readings of the whole partition were missing for long, nobody was polled: then the
    subject's own next reading counts, and not the time that passed.

    Args:
        rule: which.
        state: before.
        flow: how far readings of the partition have got.
    """
    due, last = due_at(rule, state), state.last
    if due is None or flow is None or last is None or rule.slack is None:
        return state, ()
    if flow.until < due or last.ts < flow.since:
        return state, ()
    latches = dict(state.latches)
    began: list[datetime] = []
    for level, since in _ripening(rule, state):
        if since + level.hold + rule.slack <= flow.until:
            latches[level.severity] = Latch(on=True)
            began.append(since)
    fired = replace(state, latches=latches, last=last if _pending(latches) else None)
    return _tell(rule, fired, last, due - rule.slack, min(began))


def retired(alert: Alert, at: datetime) -> Alert:
    """The end of an alert whose subject is no longer in the inventory.

    Args:
        alert: its newest transition.
        at: when that was noticed.
    """
    number = alert.number + 1
    return alert.model_copy(
        update={
            "event_id": derived_id("alert-transition", alert.alert_id, number),
            "number": number,
            "phase": AlertPhase.RESOLVED,
            "summary": f"{alert.subject}: no longer in the inventory",
            "value": None,
            "changed_at": at,
            "ended_at": at,
            "source_event_id": None,
        }
    )


def _ripening(rule: Rule, state: State) -> list[tuple[Level, datetime]]:
    found = []
    for level in rule.levels:
        latch = state.latches.get(level.severity, Latch())
        if not latch.on and latch.run is not None and latch.run.count >= level.readings:
            found.append((level, latch.run.since))
    return found


def _pending(latches: Mapping[Severity, Latch]) -> bool:
    return any(not latch.on and latch.run is not None for latch in latches.values())


def _began(rule: Rule, level: Level, state: State, reading: Reading) -> datetime:
    """Since when a run that this reading begins has lasted.

    A miner has been silent since its last answer, unless nobody asked for longer than the hold.
    """
    if not rule.counts_from_last_clear or state.clear_at is None:
        return reading.ts
    return state.clear_at if reading.ts - state.clear_at <= level.hold else reading.ts


def _run(latch: Latch, said: Said, at: datetime, began: datetime) -> Run | None:
    if said is Said.NOTHING:
        return latch.run
    if said is not (Said.CLEAR if latch.on else Said.BREACHED):
        return None
    if latch.run is None:
        return Run(at if latch.on else began, 1)
    return Run(latch.run.since, latch.run.count + 1)


def _settled(latch: Latch, run: Run | None, level: Level, at: datetime) -> Latch:
    if run is None or run == latch.run:
        return Latch(latch.on, run)
    hold: timedelta = level.resolve if latch.on else level.hold
    readings = level.resolve_readings if latch.on else level.readings
    if run.count >= readings and at - run.since >= hold:
        return Latch(on=not latch.on)
    return Latch(latch.on, run)


def _tell(rule: Rule, state: State, reading: Reading, at: datetime, began: datetime) -> Step:
    """What changed for people, if anything."""
    on = [level.severity for level in rule.levels if state.latches.get(level.severity, Latch()).on]
    before, severity = state.firing, on[-1] if on else None
    if severity == (before.severity if before else None):
        return state, ()
    firing = _next(before, severity) or _first(rule, severity, reading, at, began)
    phase = AlertPhase.RESOLVED if severity is None else AlertPhase.FIRING
    told = rule.tell(
        reading, severity=firing.severity, phase=phase, began_at=firing.began_at, at=at
    )
    alert = Alert(
        event_id=derived_id("alert-transition", firing.alert_id, firing.number),
        alert_id=firing.alert_id,
        number=firing.number,
        rule=rule.name,
        subject=reading.subject,
        miner_id=reading.subject,
        site_id=reading.site_id,
        rack_id=reading.rack_id,
        severity=firing.severity,
        phase=phase,
        summary=told.summary,
        value=told.value,
        limit=told.limit,
        unit=told.unit,
        began_at=firing.began_at,
        fired_at=firing.fired_at,
        changed_at=at,
        ended_at=at if severity is None else None,
        source_event_id=reading.event_id,
    )
    after = replace(state, firing=None if severity is None else firing)
    return after, (Transition(alert, reading.traceparent),)


def _next(before: Firing | None, severity: Severity | None) -> Firing | None:
    if before is None:
        return None
    return replace(before, number=before.number + 1, severity=severity or before.severity)


def _first(
    rule: Rule, severity: Severity | None, reading: Reading, at: datetime, began: datetime
) -> Firing:
    if severity is None:
        raise ValueError("what does not fire cannot be resolved")
    alert_id = derived_id("alert", rule.name, reading.subject, began.astimezone(UTC).isoformat())
    return Firing(alert_id, 1, severity, began, at)

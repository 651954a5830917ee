"""Judges the readings of one partition, in their order, by all rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerter.domain.lifecycle import NEW, Flow, State, Transition, judge, ripen
from alerter.domain.reading import Reading
from alerter.domain.rules import Rule

Key = tuple[str, str]
"""Rule and subject."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a batch came to.

    Args:
        states: those that changed.
        transitions: in order for each subject.
        flow: how far the partition's readings have got.
    """

    states: Mapping[Key, State]
    transitions: Sequence[Transition]
    flow: Flow | None


def judge_all(
    rules: Iterable[Rule],
    states: Mapping[Key, State],
    readings: Iterable[Reading],
    *,
    flow: Flow | None,
    now: datetime,
) -> Judged:
    """Judge a batch of one partition. How the stream is cut into batches changes no outcome.

    Args:
        rules: all of them.
        states: of the subjects in the batch, and of those due by time; a missing one is new.
        readings: in the partition's order.
        flow: how far its readings had got before.
        now: a reading from the future makes nobody else's time pass.
    """
    by_name = {rule.name: rule for rule in rules}
    gap = max(
        (
            level.hold
            for rule in by_name.values()
            if rule.slack is not None
            for level in rule.levels
        ),
        default=timedelta.max,
    )
    known, transitions = dict(states), list[Transition]()
    for reading in readings:
        for rule in by_name.values():
            key = rule.name, reading.subject
            known[key], told = judge(rule, known.get(key, NEW), reading, flow=flow)
            transitions += told
        if not reading.ahead:
            at = min(reading.ts, now)
            after = Flow(at, at) if flow is None else flow.passed(at, gap=gap)
            if flow is not None and after.since != flow.since:
                transitions += _ripen_all(by_name, known, flow)  # what was due before the break
            flow = after
    transitions += _ripen_all(by_name, known, flow)
    changed = {key: state for key, state in known.items() if state != states.get(key)}
    return Judged(changed, transitions, flow)


def _ripen_all(
    rules: Mapping[str, Rule], known: dict[Key, State], flow: Flow | None
) -> list[Transition]:
    """Fire what is due by how far the readings have got, in ``known`` itself."""
    transitions = list[Transition]()
    for key, state in known.items():
        rule = rules.get(key[0])
        if rule is not None:
            known[key], told = ripen(rule, state, flow)
            transitions += told
    return transitions

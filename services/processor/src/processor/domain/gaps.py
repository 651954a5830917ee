"""When does a miner give no readings, and when has nobody asked it? Silence is never zero."""

from typing import Final

from minestream_schemas.gap import Gap, GapCause, gap_of
from minestream_schemas.telemetry import MinerStatus, MinerTelemetry
from processor.domain.miner_state import SECOND_US, Hole, MinerState, Silence, Transition, from_us

REPORTER = "processor"
_LONGEST_S = 10 * 365 * 86_400.0
"""An edge site may promise any interval; what no instant can be added to, no poll keeps."""
_LACKS: Final = {
    MinerStatus.OFFLINE: GapCause.MINER_SILENT,
    MinerStatus.UNAUTHORISED: GapCause.MINER_UNAUTHORISED,
    MinerStatus.GARBAGE: GapCause.MINER_UNREADABLE,
}


def lack_of(reading: MinerTelemetry) -> GapCause | None:
    """Why a poll gave no reading; None: it gave one.

    A miner that refuses a part of what it is asked, and tells figures elsewhere, gives one.
    """
    cause = _LACKS.get(reading.status)
    return None if cause is GapCause.MINER_UNAUTHORISED and _has_figures(reading) else cause


def _has_figures(reading: MinerTelemetry) -> bool:
    said = (reading.hashrate_hs, reading.hashrate_avg_hs, reading.power_w, reading.chip_temp_max_c)
    return any(value is not None for value in said)


def heard(
    silence: Silence, *, ts_us: int, lack: GapCause | None, silent_polls: int
) -> tuple[Silence, tuple[Transition, ...]]:
    """Follow whether a polled miner gives readings.

    In a gap, another cause takes over once as many polls in a row have named it as make a gap:
    from the first of them on. So a miner that answers now with this fault and now with that has
    one gap, as long as no reading comes.

    Args:
        silence: what is known so far.
        ts_us: when it was polled; not older than any poll before.
        lack: why the poll gave no reading; None: it gave one.
        silent_polls: how many polls in a row without a reading make a gap.

    Returns:
        what is known now, and the gaps that opened or closed.
    """
    began = silence.gap_began_us
    if lack is None:
        closed = () if began is None else (Transition(cause_of(silence), began, ts_us),)
        return Silence(reading_us=ts_us), closed
    if began is not None:
        return _heard_in_gap(silence, began, ts_us, lack, silent_polls)
    first = ts_us if silence.lacking_us is None else silence.lacking_us
    now = silence._replace(lacking_us=first, lacking=silence.lacking + 1)
    if now.lacking < silent_polls:
        return now, ()
    return _opened(now, first if silence.reading_us is None else silence.reading_us, lack)


def _heard_in_gap(
    silence: Silence, began: int, ts_us: int, lack: GapCause, silent_polls: int
) -> tuple[Silence, tuple[Transition, ...]]:
    cause = cause_of(silence)
    if lack is cause:
        return silence._replace(lacking_us=None, lacking=0, other_cause=None), ()
    first, before = ts_us, 0
    if lack is silence.other_cause and silence.lacking_us is not None:
        first, before = silence.lacking_us, silence.lacking
    if before + 1 < silent_polls:
        now = silence._replace(lacking_us=first, lacking=before + 1, other_cause=lack)
        return now, ()
    now, opened = _opened(silence, first, lack)
    return now, (Transition(cause, began, first), *opened)


def _opened(
    silence: Silence, began: int, cause: GapCause
) -> tuple[Silence, tuple[Transition, ...]]:
    now = Silence(silence.reading_us, gap_began_us=began, gap_cause=cause)
    return now, (Transition(cause, began),)


def cause_of(silence: Silence) -> GapCause:
    """Why the open gap is one."""
    return silence.gap_cause or GapCause.MINER_SILENT


def longest_us(interval_s: float, polls: float) -> int:
    """How long a miner may go unpolled before that is a gap, µs.

    Args:
        interval_s: between its regular polls.
        polls: that many of them.
    """
    return int(min(interval_s * polls, _LONGEST_S) * SECOND_US)


def polled_again(down_us: int | None, *, ts_us: int, longest: int) -> tuple[Transition, ...]:
    """Close the gap of a miner that nobody polled, if one is open.

    Args:
        down_us: since when nobody did; None: no gap is open.
        ts_us: when it was polled now.
        longest: see ``longest_us``. A poll within it means that there was no hole: the readings
            were on their way (a collector's spool), so the gap is filled.
    """
    if down_us is None:
        return ()
    filled = ts_us - down_us <= longest
    return (Transition(GapCause.COLLECTOR_DOWN, down_us, ts_us, filled),)


def open_gaps(state: MinerState) -> tuple[tuple[GapCause, int], ...]:
    """Causes and beginnings of the gaps that a miner has now."""
    known = (
        (GapCause.COLLECTOR_DOWN, state.down_us),
        (cause_of(state.silence), state.silence.gap_began_us),
    )
    return tuple((cause, began) for cause, began in known if began is not None)


def hole_of(polled: tuple[Transition, ...], longest: int) -> Hole | None:
    """What a closed gap (see ``polled_again``) has left empty; None: nothing."""
    for one in polled:
        if one.ended_us is not None and not one.filled:
            return Hole(one.began_us, one.ended_us, one.began_us, longest)
    return None


def held_up(hole: Hole | None, *, ts_us: int) -> tuple[Hole | None, tuple[Transition, ...]]:
    """Fill a hole with a poll that came late, as out of the spool of a collector cut off.

    Args:
        hole: the newest; None: there is none.
        ts_us: when the miner was polled, as it turns out.

    Returns:
        what is left of it, and the gap once more where that is filled now: a poll that comes again
        tells it again.
    """
    if hole is None or not hole.began_us < ts_us < hole.ended_us:
        return hole, ()
    if hole.covered_us < ts_us <= hole.covered_us + hole.longest_us:
        hole = hole._replace(covered_us=ts_us)
    if hole.ended_us - hole.covered_us > hole.longest_us:
        return hole, ()
    return hole, (Transition(GapCause.COLLECTOR_DOWN, hole.began_us, hole.ended_us, filled=True),)


def to_events(
    transitions: tuple[Transition, ...], state: MinerState, site_id: str
) -> tuple[Gap, ...]:
    """The events that tell of gaps: the same at each telling.

    None of an opening that has been closed since: its end has been told, and who hears of the
    opening after that would take the gap for open.
    """
    if not transitions:
        return ()
    still = open_gaps(state)
    return tuple(
        _to_event(one, miner_id=state.miner_id, site_id=site_id)
        for one in transitions
        if one.ended_us is not None or (one.cause, one.began_us) in still
    )


def _to_event(transition: Transition, *, miner_id: str, site_id: str) -> Gap:
    return gap_of(
        miner_id,
        transition.cause,
        from_us(transition.began_us),
        None if transition.ended_us is None else from_us(transition.ended_us),
        reported_by=REPORTER,
        site_id=site_id,
        filled=transition.filled,
    )

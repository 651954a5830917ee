"""When is a miner silent, and when has nobody asked it? Silence is never zero."""

from minestream_schemas.gap import Gap, GapCause, gap_of
from processor.domain.miner_state import SECOND_US, Silence, Transition, from_us

REPORTER = "processor"
_LONGEST_S = 10 * 365 * 86_400.0
"""An edge site may promise any interval; what no instant can be added to, no poll keeps."""


def heard(
    silence: Silence, *, ts_us: int, answered: bool, silent_polls: int
) -> tuple[Silence, tuple[Transition, ...]]:
    """Follow whether a polled miner answers.

    Args:
        silence: what is known so far.
        ts_us: when it was polled; not older than any poll before.
        answered: did it answer, well or badly?
        silent_polls: how many unanswered polls in a row make a gap.

    Returns:
        what is known now, and the gap that opened or closed.
    """
    if answered:
        began = silence.gap_began_us
        closed = () if began is None else (Transition(GapCause.MINER_SILENT, began, ts_us),)
        return Silence(answered_us=ts_us), closed
    first = ts_us if silence.unanswered_us is None else silence.unanswered_us
    now = silence._replace(unanswered_us=first, unanswered=silence.unanswered + 1)
    if now.gap_began_us is not None or now.unanswered < silent_polls:
        return now, ()
    began = first if silence.answered_us is None else silence.answered_us
    return now._replace(gap_began_us=began), (Transition(GapCause.MINER_SILENT, began),)


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


def to_event(transition: Transition, *, miner_id: str, site_id: str) -> Gap:
    """The event that tells of a gap: the same at each telling."""
    return gap_of(
        miner_id,
        transition.cause,
        from_us(transition.began_us),
        None if transition.ended_us is None else from_us(transition.ended_us),
        reported_by=REPORTER,
        site_id=site_id,
        filled=transition.filled,
    )

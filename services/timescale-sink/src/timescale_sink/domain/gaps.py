"""One gap, told more than once and in any order: what is known of it in the end."""

from datetime import datetime

from minestream_schemas.gap import Gap


def merged(a: Gap, b: Gap) -> Gap:
    """What two tellings of one gap say together; the order does not matter.

    A closing wins over an opening, a later closing over an earlier one; what was filled stays
    filled, and losses are counted, never taken back.
    """
    later = max(a, b, key=_rank)
    return later.model_copy(
        update={"filled": a.filled or b.filled, "lost_total": max(a.lost_total, b.lost_total)}
    )


def _rank(gap: Gap) -> tuple[bool, datetime, str]:
    return gap.ended_at is not None, gap.ended_at or gap.began_at, str(gap.event_id)

"""What the processor remembers of one worker at its pool: for readings as of then, for features."""

from typing import Final, NamedTuple

KEPT: Final = 60
"""Things said that are remembered."""
_DENSE: Final = 8
"""Of these, the newest that are remembered however close they lie."""
_APART_US: Final = 60_000_000
"""How far the others lie apart: so an hour's backlog still finds what was said then."""
_ROWS: Final = 16


class PoolSaid(NamedTuple):
    """What a pool said of a worker at an instant."""

    at_us: int
    hashrate_hs: float | None = None
    coin: str | None = None
    pool: str = ""


class Row(NamedTuple):
    """A feature row that was told, and the rate in it that the worker's event does not say."""

    event_id: bytes
    bucket_us: int
    usd_per_hs_day: float | None = None


class PoolState(NamedTuple):
    """What was said of a worker, oldest first; the rows told of it, oldest first."""

    said: tuple[PoolSaid, ...] = ()
    rows: tuple[Row, ...] = ()


def remember(state: PoolState, said: PoolSaid) -> PoolState:
    """The state with one thing more that was said; the same again changes nothing.

    Args:
        state: before it.
        said: in any order. Of two of one instant (two workers of one miner in one snapshot) the
            one with the greater hashrate stays.
    """
    later = 0
    for one in reversed(state.said):
        if one.at_us <= said.at_us:
            break
        later += 1
    split = len(state.said) - later
    before, after = state.said[:split], state.said[split:]
    if before and before[-1].at_us == said.at_us:
        return state._replace(said=(*before[:-1], max(before[-1], said, key=_weight), *after))
    return state._replace(said=_thinned((*before, said, *after)))


def _weight(said: PoolSaid) -> tuple[float, str, str]:
    hashrate = -1.0 if said.hashrate_hs is None else said.hashrate_hs
    return hashrate, said.pool, said.coin or ""


def _thinned(said: tuple[PoolSaid, ...]) -> tuple[PoolSaid, ...]:
    leaving = len(said) - _DENSE - 1
    if leaving > 0 and said[leaving].at_us - said[leaving - 1].at_us < _APART_US:
        said = (*said[:leaving], *said[leaving + 1 :])
    return said[-KEPT:]


def said_at(state: PoolState, at_us: int, *, max_age_us: int) -> PoolSaid | None:
    """The newest that had been said by then; None: nothing, or it is too old.

    Args:
        state: of the worker.
        at_us: the instant.
        max_age_us: how old it may be at that instant.
    """
    for one in reversed(state.said):
        if one.at_us <= at_us:
            return one if at_us - one.at_us <= max_age_us else None
    return None


def row_of(
    state: PoolState,
    *,
    event_id: bytes,
    at_us: int,
    every_us: int,
    usd_per_hs_day: float | None,
) -> tuple[PoolState, Row | None]:
    """The feature row that an event leads to: the first of each bucket has one.

    Args:
        state: of the worker.
        event_id: of the event; one that had a row has the same again.
        at_us: when it was said.
        every_us: how long a bucket is.
        usd_per_hs_day: what the pool paid then.

    Returns:
        the state after it, and the row.
    """
    for row in state.rows:
        if row.event_id == event_id:
            return state, row
    bucket_us = at_us - at_us % every_us
    if state.rows and bucket_us <= state.rows[-1].bucket_us:
        return state, None
    row = Row(event_id, bucket_us, usd_per_hs_day)
    return state._replace(rows=(*state.rows, row)[-_ROWS:]), row

"""What the processor remembers of one miner between two of its events.

Knows no arithmetic. Instants are whole microseconds since 1970-01-01 UTC, so that they compare,
add and travel as integers. Scores are whole thousandths: short to keep, the same at each telling.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from minestream_schemas.gap import GapCause

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
SECOND_US: Final = 1_000_000

COUNTERS: Final = ("accepted_total", "rejected_total", "stale_total", "hw_errors_total")
"""The counters whose increase a window tells, in the order of ``Counts``."""

Counts = tuple[int | None, int | None, int | None, int | None]
NO_COUNTS: Final[Counts] = (None, None, None, None)


def to_us(at: datetime) -> int:
    """An aware instant as microseconds since 1970-01-01 UTC, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """The instant that ``to_us`` counted."""
    return _EPOCH + timedelta(microseconds=us)


class Mean(NamedTuple):
    """A running sum of the readings that said a field."""

    total: float = 0.0
    said: int = 0


class Sums(NamedTuple):
    """One window while it is being filled; what ``TelemetryWindow`` says follows from it."""

    start_us: int
    readings: int = 0
    answered: int = 0
    mining: int = 0
    hashrate: Mean = Mean()
    hashrate_min_hs: float | None = None
    hashrate_max_hs: float | None = None
    power: Mean = Mean()
    power_max_w: float | None = None
    chip_temp: Mean = Mean()
    chip_temp_max_c: float | None = None
    pcb_temp_max_c: float | None = None
    fan_rpm_min: int | None = None
    deltas: Counts = NO_COUNTS
    score_max: int | None = None


class Ewma(NamedTuple):
    """A metric's exponentially weighted history."""

    mean: float = 0.0
    variance: float = 0.0
    learnt: int = 0
    frozen: int = 0
    """How many readings in a row were too far off to learn from."""


class Transition(NamedTuple):
    """A gap that opened (``ended_us`` None) or closed."""

    cause: GapCause
    began_us: int
    ended_us: int | None = None
    filled: bool = False


class Worth(NamedTuple):
    """What pool and markets had said as of a reading: kept, so that a repeat says the same."""

    pool_us: int | None = None
    """When its pool said the next two."""
    pool_hashrate_hs: float | None = None
    pool_coin: str | None = None
    usd_per_hs_day: float | None = None
    by_pool: bool = False
    """Is that the pool's own rate, not the networks'?"""
    price_us: int | None = None
    """The oldest of what the rate rests on."""


class Seen(NamedTuple):
    """An event already dealt with, and what it led to that cannot be read off the event itself."""

    event_id: bytes
    ts_us: int
    late: bool = False
    scores: tuple[int | None, ...] = ()
    values: tuple[float | None, ...] = ()
    """What the metrics said, kept only where an anomaly was told."""
    expected: tuple[float | None, ...] = ()
    """Their means, likewise."""
    closed: tuple[int, ...] = ()
    """Starts of the windows that it closed."""
    gaps: tuple[Transition, ...] = ()
    worth: Worth = Worth()
    featured: bool = False
    """Did it lead to a feature row?"""


class Told(NamedTuple):
    """What a tick closed or opened. The tick after it tells it once more (see ``step.tick``)."""

    at_us: int
    again_us: int | None = None
    closed: tuple[int, ...] = ()
    gaps: tuple[Transition, ...] = ()


class Silence(NamedTuple):
    """Since when a miner that is polled gives no readings."""

    reading_us: int | None = None
    """When it last gave one."""
    lacking_us: int | None = None
    """The first poll of the present run without one; in a gap, of those of ``other_cause``."""
    lacking: int = 0
    """How many polls that run has."""
    gap_began_us: int | None = None
    gap_cause: GapCause | None = None
    """Of the open gap; None: no answer."""
    other_cause: GapCause | None = None
    """What the newest polls in the open gap name instead."""


class Hole(NamedTuple):
    """A gap in which nobody polled, closed; polls that were held up may fill it yet."""

    began_us: int
    ended_us: int
    covered_us: int
    """Up to here such polls have come."""
    longest_us: int
    """Between two polls, at most."""


class MinerState(NamedTuple):
    """All that the next event of one miner needs of the earlier ones."""

    miner_id: str
    site_id: str
    interval_s: float = 60.0
    newest_us: int = 0
    closed_until_us: int = 0
    """Readings before this instant belong to windows that have been told."""
    open: tuple[Sums, ...] = ()
    closed: tuple[Sums, ...] = ()
    """Told windows that an event in ``seen`` or a tick in ``told`` may have to tell again."""
    counts: Counts = NO_COUNTS
    """The last value that each counter said."""
    ewmas: tuple[Ewma, ...] = ()
    silence: Silence = Silence()
    down_us: int | None = None
    """Since when nobody has polled it, while that gap is open."""
    seen: tuple[Seen, ...] = ()
    late_ids: tuple[bytes, ...] = ()
    told: tuple[Told, ...] = ()
    late_worths: tuple[Worth, ...] = ()
    """Of the newest of ``late_ids``, in their order."""
    featured_us: int = -1
    """The start of the newest bucket that has a feature row."""
    removed: bool = False
    """Has the inventory let it go since its newest reading? Then its silence is no gap."""
    hole: Hole | None = None
    """The newest."""

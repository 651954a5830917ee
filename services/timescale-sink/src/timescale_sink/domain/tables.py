"""Which table keeps which event, under which columns: the event's own field names."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, get_origin

from minestream_schemas.anomaly import Anomaly
from minestream_schemas.gap import Gap
from minestream_schemas.raw import RawMiner
from minestream_schemas.telemetry import BoardChips, BoardReading, MinerChips, MinerTelemetry
from minestream_schemas.window import TelemetryWindow


@dataclass(frozen=True, slots=True)
class Table:
    """A table that grows with time.

    Args:
        name: within the schema.
        columns: those that a record fills.
        at: the column of its event time.
        stamped: does each row say when it was written, in ``stored_at``?
    """

    name: str
    columns: tuple[str, ...]
    at: str
    stamped: bool = False


_CHIP_ARRAYS: Final = tuple(name for name in BoardChips.model_fields if name != "slot")
_OF_READING: Final = ("event_id", "ts", "miner_id")
_OF_SAMPLE: Final = ("event_id", "raw_event_id", "ts", "miner_id", "site_id", "quality_flags")
_OF_RAW: Final = (
    *("event_id", "polled_at", "miner_id", "site_id", "collector_id"),
    *("dialect", "firmware", "status"),
)

READING_FIELDS: Final = tuple(name for name in MinerTelemetry.model_fields if name != "boards")
READING_ARRAYS: Final = tuple(
    index
    for index, name in enumerate(READING_FIELDS)
    if get_origin(MinerTelemetry.model_fields[name].annotation) is tuple
)
"""Where a reading's row has arrays."""
READING_COLUMNS: Final = (*READING_FIELDS, "published_at")
READING: Final = Table("reading", (*READING_COLUMNS, "boards"), "ts", stamped=True)
"""``boards`` is for the table ``latest``: only a miner's newest reading in a batch has them."""
BOARD: Final = Table("board", (*_OF_READING, *BoardReading.model_fields), "ts")
CHIP_SAMPLE: Final = Table("chip_sample", (*_OF_SAMPLE, "slot", *_CHIP_ARRAYS), "ts")
WINDOW: Final = Table("window", tuple(TelemetryWindow.model_fields), "window_start_at")
ANOMALY: Final = Table("anomaly", tuple(Anomaly.model_fields), "ts")
RAW_EVENT: Final = Table(
    "raw_event", (*_OF_RAW, "event", "published_at"), "polled_at", stamped=True
)
TABLES: Final = (READING, BOARD, CHIP_SAMPLE, WINDOW, ANOMALY, RAW_EVENT)

GAP_COLUMNS: Final = tuple(Gap.model_fields)
CHIP_ARRAYS: Final = _CHIP_ARRAYS
CHIP_SHARED: Final = _OF_SAMPLE
RAW_FIELDS: Final = _OF_RAW
BOARD_FIELDS: Final = tuple(BoardReading.model_fields)
EVENT_TABLE: Final[dict[type[object], Table]] = {
    MinerTelemetry: READING,
    MinerChips: CHIP_SAMPLE,
    TelemetryWindow: WINDOW,
    Anomaly: ANOMALY,
    RawMiner: RAW_EVENT,
}


@dataclass(frozen=True, slots=True)
class Keep:
    """How long each table's rows stay, and how far ahead of our clock an event may be."""

    table: dict[str, timedelta]
    ahead: timedelta = timedelta(days=1)

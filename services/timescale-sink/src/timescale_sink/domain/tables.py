"""Which table keeps which event, under which columns: the event's own field names."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, get_origin

from minestream_schemas.anomaly import Anomaly
from minestream_schemas.event import Event
from minestream_schemas.feature import Feature
from minestream_schemas.gap import Gap
from minestream_schemas.market import CoinIndicators, CoinPrice, NetworkState
from minestream_schemas.pool import (
    PoolBalance,
    PoolNotice,
    PoolRate,
    PoolReward,
    PoolStats,
    PoolWorker,
)
from minestream_schemas.raw import RawMiner
from minestream_schemas.telemetry import BoardChips, BoardReading, MinerChips, MinerTelemetry
from minestream_schemas.window import TelemetryWindow


@dataclass(frozen=True, slots=True)
class Latest:
    """The table beside another that keeps the newest row of each.

    Args:
        key: the columns that say of what.
        by: the newer row is the one with more in these columns, in this order.
    """

    key: tuple[str, ...]
    by: tuple[str, ...] = ("ts", "event_id")


@dataclass(frozen=True, slots=True)
class Table:
    """A table that grows with time.

    Args:
        name: within the schema.
        columns: those that a record fills.
        at: the column of its event time.
        stamped: does each row say when it was written, in ``stored_at``?
        latest: is the newest row of each kept beside it, in ``<name>_latest``?
        marks: the kind of mark that a new row puts on its hour of a rollup; none: it has no rollup.
        again: the columns that make a row, where a later message may tell the same row better.
    """

    name: str
    columns: tuple[str, ...]
    at: str
    stamped: bool = False
    latest: Latest | None = None
    marks: str | None = None
    again: tuple[str, ...] = ()


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
_FETCHED: Final = ("ts", "fetched_at", "event_id")
"""A source may say an old price again: what was fetched later counts."""
EVENTS: Final[dict[type[Event], Table]] = {
    TelemetryWindow: WINDOW,
    Anomaly: ANOMALY,
    PoolWorker: Table(
        "pool_worker",
        tuple(PoolWorker.model_fields),
        "ts",
        latest=Latest(("account_id", "worker", "worker_id")),
        marks="pool_hour",
    ),
    PoolRate: Table(
        "pool_rate",
        tuple(PoolRate.model_fields),
        "ts",
        latest=Latest(("account_id", "algorithm"), ("ts", "received_at", "event_id")),
    ),
    PoolBalance: Table(
        "pool_balance",
        tuple(PoolBalance.model_fields),
        "ts",
        latest=Latest(("account_id", "coin")),
    ),
    PoolStats: Table(
        "pool_stats", tuple(PoolStats.model_fields), "ts", latest=Latest(("subject",))
    ),
    PoolReward: Table(
        "pool_reward",
        tuple(PoolReward.model_fields),
        "ts",
        again=("subject", "ts", "event_id"),
    ),
    PoolNotice: Table("pool_notice", tuple(PoolNotice.model_fields), "ts"),
    CoinPrice: Table(
        "price", tuple(CoinPrice.model_fields), "ts", latest=Latest(("coin_id",), _FETCHED)
    ),
    CoinIndicators: Table(
        "indicators", tuple(CoinIndicators.model_fields), "ts", latest=Latest(("coin_id",))
    ),
    NetworkState: Table(
        "network", tuple(NetworkState.model_fields), "ts", latest=Latest(("coin_id",))
    ),
    Feature: Table("feature", tuple(Feature.model_fields), "ts"),
}
"""Events that become one row each, with their own fields for columns."""
TABLES: Final = (READING, BOARD, CHIP_SAMPLE, RAW_EVENT, *EVENTS.values())

GAP_COLUMNS: Final = tuple(Gap.model_fields)
CHIP_ARRAYS: Final = _CHIP_ARRAYS
CHIP_SHARED: Final = _OF_SAMPLE
RAW_FIELDS: Final = _OF_RAW
BOARD_FIELDS: Final = tuple(BoardReading.model_fields)
EVENT_TABLE: Final[dict[type[Event], Table]] = {
    MinerTelemetry: READING,
    MinerChips: CHIP_SAMPLE,
    RawMiner: RAW_EVENT,
    **EVENTS,
}


@dataclass(frozen=True, slots=True)
class Keep:
    """How long each table's rows stay, and how far ahead of our clock an event may be."""

    table: dict[str, timedelta]
    ahead: timedelta = timedelta(days=1)

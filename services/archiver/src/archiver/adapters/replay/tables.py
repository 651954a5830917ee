"""Which columns of which tables a poll itself says, and the rows that it becomes.

These are the physical columns: everything that ``normalise`` gives, and nothing else. What the
processor adds from other polls (anomaly scores, the flag ``late``), from pools and from markets
(rates, money) does not follow from the poll's own bytes, so a replay cannot say it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

from minestream_dialects import normalise
from minestream_dialects.normalise import Normalised
from minestream_schemas.ids import event_id_at
from minestream_schemas.raw import PollStatus, RawMiner
from minestream_schemas.telemetry import (
    BoardChips,
    BoardReading,
    MinerChips,
    MinerTelemetry,
    QualityFlag,
)

Row = tuple[Any, ...]
_BOARDS: Final = "boards"
"""Rows of a table of their own."""
_LEAST: Final = RawMiner(
    event_id=event_id_at(0, 0),
    site_id="site",
    miner_id="miner",
    collector_id="replay",
    dialect="auto",
    polled_at=datetime.fromtimestamp(0, tz=UTC),
    latency_ms=0.0,
    status=PollStatus.TIMEOUT,
    interval_s=1.0,
)
"""The least that a poll can say: whatever is set of its reading, the dialects have set."""
_SAID: Final = normalise(_LEAST).telemetry.model_fields_set
READING: Final = tuple(
    name for name in MinerTelemetry.model_fields if name in _SAID and name != _BOARDS
)
_OF_READING: Final = ("event_id", "ts", "miner_id")
_OF_CHIPS: Final = tuple(name for name in MinerChips.model_fields if name != _BOARDS)
BOARD: Final = (*_OF_READING, *BoardReading.model_fields)
CHIP_SAMPLE: Final = (*_OF_CHIPS, *BoardChips.model_fields)

NOT_SAID: Final = {"quality_flags": QualityFlag.LATE.value}
"""Of a column that is physical but for one entry: the entry, which the processor adds."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a replay; the contract's view of the same name is what it is compared with.

    Args:
        name: of table and view.
        columns: the physical ones.
        key: of these.
        rows: what a normalised poll becomes.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rows: Callable[[Normalised], Iterator[Row]]


_reading = attrgetter(*READING)
_board = attrgetter(*BoardReading.model_fields)
_shared = attrgetter(*_OF_CHIPS)
_chips = attrgetter(*BoardChips.model_fields)


def _readings(said: Normalised) -> Iterator[Row]:
    yield _listed(_reading(said.telemetry))


def _boards(said: Normalised) -> Iterator[Row]:
    reading = said.telemetry
    for board in reading.boards:
        yield (reading.event_id, reading.ts, reading.miner_id, *_board(board))


def _samples(said: Normalised) -> Iterator[Row]:
    if said.chips is not None:
        for board in said.chips.boards:
            yield _listed((*_shared(said.chips), *_chips(board)))


TABLES: Final = (
    Table("reading", READING, ("miner_id", "ts", "event_id"), _readings),
    Table("board", BOARD, ("miner_id", "ts", "slot", "event_id"), _boards),
    Table("chip_sample", CHIP_SAMPLE, ("miner_id", "ts", "slot", "event_id"), _samples),
)


def _listed(row: Row) -> Row:
    """The row with lists for tuples: what the database's driver takes for an array."""
    return tuple([list(value) if type(value) is tuple else value for value in row])

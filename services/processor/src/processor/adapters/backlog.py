"""After a start: readings wait until what pools and markets had said meanwhile is known.

Else a processor that was away would hold the readings of its absence against what was known
before it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from minestream_runtime.errors import BrokerUnavailableError
from minestream_runtime.kafka import Consumer, committed
from minestream_runtime.settings import Settings
from minestream_schemas.event import Topic
from minestream_schemas.market import RAW_MARKET
from minestream_schemas.pool import POOL_WORKER, RAW_POOL

STAGES: Final[tuple[tuple[Topic, ...], ...]] = ((RAW_POOL, RAW_MARKET), (POOL_WORKER,))
"""In this order: the first leads to the second. The group's commits tell, whoever deals with it."""
_LOOK_EVERY_S: Final = 0.2


async def dealt_with(
    settings: Settings, known: Callable[[], Awaitable[None]], *, within_s: float
) -> bool:
    """Wait until the group has dealt with what was on the topics of pools and markets.

    Args:
        settings: which broker and namespace.
        known: returns when what followed from it is known here.
        within_s: no longer.

    Returns:
        has it? Where it has not, a line in the log says so.
    """
    try:
        async with asyncio.timeout(within_s):
            for topics in STAGES:
                await _stage(settings, topics)
            await known()
    except (TimeoutError, BrokerUnavailableError) as exc:
        structlog.get_logger().warning(
            "backlog_not_waited_for", budget_s=within_s, error_type=type(exc).__name__
        )
        return False
    return True


async def _stage(settings: Settings, topics: Sequence[Topic]) -> None:
    async with Consumer(settings, topics) as consumer:
        owned = consumer.owned()
        consumer.pause(owned)
        ends = await consumer.ends(owned)
        begins = await consumer.beginnings(owned)
    for topic in topics:
        wanted = {
            where.number: end
            for where, end in ends.items()
            if where.topic == topic.name and end > begins[where]
        }
        while wanted and not await _committed(settings, topic, wanted):  # noqa: ASYNC110 - another process's fact
            await asyncio.sleep(_LOOK_EVERY_S)


async def _committed(settings: Settings, topic: Topic, wanted: dict[int, int]) -> bool:
    found = await committed(settings, "processor", topic)
    return all(found.get(number, 0) >= end for number, end in wanted.items())

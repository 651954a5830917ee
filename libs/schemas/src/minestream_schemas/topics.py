"""The registry: every topic there is. Topics are created from here and never by accident."""

from typing import Final

from minestream_schemas.alert import ALERT
from minestream_schemas.anomaly import ANOMALY
from minestream_schemas.dead_letter import DEAD_LETTERS
from minestream_schemas.event import Topic
from minestream_schemas.feature import FEATURE
from minestream_schemas.gap import GAP
from minestream_schemas.inventory import DETECTED, INVENTORY
from minestream_schemas.market import INDICATORS, NETWORK, PRICE, RAW_MARKET
from minestream_schemas.pool import (
    POOL_BALANCE,
    POOL_NOTICE,
    POOL_RATE,
    POOL_REWARD,
    POOL_STATS,
    POOL_WORKER,
    RAW_POOL,
)
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.telemetry import CHIPS, TELEMETRY
from minestream_schemas.tick import TICKS
from minestream_schemas.window import WINDOW

TOPICS: Final[tuple[Topic, ...]] = (
    INVENTORY,
    DETECTED,
    RAW_MINER,
    RAW_POOL,
    RAW_MARKET,
    TELEMETRY,
    CHIPS,
    WINDOW,
    ANOMALY,
    GAP,
    POOL_WORKER,
    POOL_RATE,
    POOL_BALANCE,
    POOL_STATS,
    POOL_REWARD,
    POOL_NOTICE,
    PRICE,
    INDICATORS,
    NETWORK,
    FEATURE,
    ALERT,
    TICKS,
    *DEAD_LETTERS,
)

BY_NAME: Final[dict[str, Topic]] = {topic.name: topic for topic in TOPICS}

CO_PARTITIONED: Final[tuple[Topic, ...]] = (RAW_MINER, POOL_WORKER, TICKS)
"""What the processor joins by miner: equal partition counts, Java's murmur2 partitioner."""

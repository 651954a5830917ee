"""How many records wait for us, by topic, measured again and again."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import structlog
from faust.transport.drivers.aiokafka import KafkaError  # type: ignore[attr-defined]

from minestream_runtime.metrics import gauge
from minestream_schemas.event import Topic

_ASKING_S: Final = 10.0
_AGAIN_S: Final = 1.0

Done = Callable[[int], int | None]


class Broker(Protocol):
    """What the measuring needs of Kafka."""

    def busy(self) -> bool:
        """Are partitions being moved or recovered?"""

    def owned(self, topic: Topic) -> frozenset[int]:
        """Our partitions of a topic."""

    async def ends(self, partitions: Iterable[int], topic: Topic) -> Mapping[int, int]:
        """The offset after the last record of each."""


class Lags:
    """Sets a gauge for each topic.

    Args:
        broker: whom to ask.
        done: each topic, and what says of a partition how far it has been dealt with.
        every_s: how often.
    """

    def __init__(
        self, broker: Broker, done: Sequence[tuple[Topic, Done]], *, every_s: float
    ) -> None:
        self._broker = broker
        self._every_s = every_s
        self._done = done
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Measure until cancelled; at once when there is something to measure."""
        while True:
            try:
                async with asyncio.timeout(_ASKING_S):
                    measured = await self.measure_once()
            except (TimeoutError, KafkaError) as exc:
                measured = True
                self._log.warning("lag_not_measured", error_type=type(exc).__name__)
            await asyncio.sleep(self._every_s if measured else _AGAIN_S)

    async def measure_once(self) -> bool:
        """Measure; not while partitions move, when nobody knows what is ours.

        Returns:
            was it measured?
        """
        if self._broker.busy():
            return False
        for topic, done in self._done:
            owned = self._broker.owned(topic)
            ends = await self._broker.ends(owned, topic) if owned else {}
            waiting = sum(max(0, end - (done(number) or 0)) for number, end in ends.items())
            gauge("minestream_consumer_lag_records").labels(topic.name).set(waiting)
        return True

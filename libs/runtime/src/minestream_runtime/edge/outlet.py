"""The way out of all of a site's collectors: one spool, one upload after the other."""

import asyncio
from collections.abc import Callable
from typing import Any

from minestream_runtime.edge.uploader import Uploader
from minestream_runtime.errors import BrokerUnavailableError
from minestream_runtime.outlet import fates
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.outlet.spool import Spooled
from minestream_schemas.event import Topic
from minestream_schemas.inventory import DETECTED, Detected


class SiteOutlet(Outlet):
    """An outlet that collectors share; what they find out stays at the site too.

    Args:
        uploader: sends, and keeps the order of what it is handed at once.
        learn: told what a miner was found to speak: no inventory brings it back here.
        parts: an outlet's others.
    """

    def __init__(
        self, uploader: Uploader, *parts: Any, learn: Callable[[Detected], None], **more: Any
    ) -> None:
        super().__init__(uploader, *parts, ordered=True, **more)
        self._uploader = uploader
        self._learn = learn
        self._age = fates.age()
        self._running = asyncio.Lock()

    async def publish(self, topic: Topic, event: Spooled) -> None:
        """See ``Outlet``."""
        if topic is DETECTED:
            self._learn(Detected.from_json(event.value))
        await super().publish(topic, event)

    async def run(self) -> None:
        """See ``Outlet``; each collector runs it, one at a time does."""
        async with self._running:
            await super().run()

    async def _send_all(self, wave: list[Spooled]) -> None:
        """Send what the spool gave, all of it at once and in its order.

        Raises:
            BrokerUnavailableError: at least one was not published.
        """
        events = [event for event in wave if event.event not in self._acked]
        failure: BrokerUnavailableError | None = None
        outcomes = await self._uploader.send_all(events)
        now_s = self._clock.now().timestamp()
        for event, outcome in zip(events, outcomes, strict=True):
            if isinstance(outcome, BrokerUnavailableError):
                failure = outcome
                continue
            if outcome is None:
                self._age.observe(now_s - event.at_s)
            else:
                self._drop(event, str(outcome))
            self._acked.add(event.event)
        if len(self._acked) > len(wave) - len(events):
            self._last_ack_at = self._clock.now()
        if failure is not None:
            raise failure

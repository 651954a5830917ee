"""The way out of all of a site's collectors: one spool, one upload after the other."""

import asyncio
from collections.abc import Callable
from typing import Any

from minestream_runtime.collecting.outlet import Outlet
from minestream_runtime.collecting.spool import Spooled
from minestream_runtime.edge.uploader import Uploader
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
        self._uploader.hurry()
        await super()._send_all(wave)

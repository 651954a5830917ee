"""How we stand with the pool: joined, down or refused. Told once at each change."""

import asyncio
from enum import StrEnum

import structlog

from minestream_runtime.metrics import counter, gauge


class State(StrEnum):
    """Of the feed."""

    JOINING = "joining"
    JOINED = "joined"
    DOWN = "down"
    REFUSED = "refused"


class Standing:
    """The state of one account's feed and key.

    Args:
        account: our name for it.
        grace_s: a feed that has been away for so long is ``down``, and is to be replaced.
    """

    def __init__(self, account: str, grace_s: float) -> None:
        self._account = account
        self._grace_s = grace_s
        self._log = structlog.get_logger().bind(account_id=account)
        self._timer: asyncio.TimerHandle | None = None
        self._key_refused = False
        self.state = State.JOINING
        self.why: str | None = None
        self.down = asyncio.Event()
        self._begin_grace()

    def joined(self) -> None:
        """The feed is there."""
        counter("minestream_source_joins_total").labels(self._account).inc()
        self._turn(State.JOINED, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.down.clear()
        self._log.info("feed_joined")

    def lost(self, why: str) -> bool:
        """The feed is not there; is that new?"""
        if self.state is State.DOWN:
            return False
        self._turn(State.DOWN, why)
        self._log.warning("feed_lost", error=why)
        return True

    def refused(self, why: str) -> bool:
        """The feed does not want us; is that new?"""
        if self.state is State.REFUSED:
            return False
        self._turn(State.REFUSED, why)
        self._log.error("feed_refused", error=why)
        return True

    def key_refused(self, why: str) -> None:
        """The account's key was refused."""
        if not self._key_refused:
            self._key_refused = True
            self._log.error("key_refused", error=why, hint="see MINESTREAM_POOL_API_KEY")

    def key_taken(self) -> None:
        """The account's key was taken."""
        if self._key_refused:
            self._key_refused = False
            self._log.info("key_taken")

    def note(self) -> str | None:
        """What is unusual, for whoever looks at our health."""
        if self._key_refused:
            return "the pool refuses the account's key"
        return None if self.state is State.JOINED else f"the feed is {self.state}: {self.why}"

    def _turn(self, state: State, why: str | None) -> None:
        self.state, self.why = state, why
        gauge("minestream_source_connected").labels(self._account).set(state is State.JOINED)
        if state is not State.JOINED:
            self._begin_grace()

    def _begin_grace(self) -> None:
        if self._timer is None and not self.down.is_set():
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._grace_s, self.down.set)

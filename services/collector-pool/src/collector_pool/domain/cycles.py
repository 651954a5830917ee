"""What one cycle of calls becomes: one event with every answer in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from minestream_schemas.pool import PoolMessage, RawPool
from minestream_schemas.raw import MAX_EVENT_BYTES, EndpointBody, PollStatus

ROOM: Final = 64 * 1024
"""Beside the event itself a record has a key, headers, and the broker's own overhead."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a call has brought.

    Args:
        name: the call's.
        endpoints: the answer, page by page; of one that failed what there is of it.
        asked: was the pool asked now? Else it is what is kept, within its time.
        stale: it is what is kept, beyond its time, as the pool gives nothing new.
        error: why it is stale, or failed.
        not_before: the pool wants no call before this instant.
    """

    name: str
    endpoints: Mapping[str, EndpointBody] = field(default_factory=dict)
    asked: bool = False
    stale: bool = False
    error: str | None = None
    not_before: datetime | None = None

    @property
    def why(self) -> str:
        """Its error where the call is named beside it."""
        return (self.error or self.status.value).removeprefix(f"{self.name}: ")

    @property
    def status(self) -> PollStatus:
        """Of the call as a whole."""
        statuses = [endpoint.status for endpoint in self.endpoints.values()]
        failed = [status for status in statuses if status is not PollStatus.OK]
        if not statuses:
            return PollStatus.ERROR
        return failed[0] if failed else PollStatus.OK


def status_of(given: Iterable[Given]) -> PollStatus:
    """Of the cycle: ``PARTIAL`` where some calls brought something and others did not."""
    statuses = [each.status for each in given]
    failed = [status for status in statuses if status is not PollStatus.OK]
    if not failed:
        return PollStatus.OK
    return PollStatus.PARTIAL if len(failed) < len(statuses) else failed[0]


def event_of(
    given: list[Given],
    event_id: UUID,
    *,
    account_id: str,
    pool: str,
    message: PoolMessage,
    collector_id: str,
    at: datetime,
    coin: str,
    payout_scheme: str | None,
) -> RawPool:
    """The event of one cycle; the largest answers are left out while it is too large.

    Args:
        given: what each call brought, at least one.
        event_id: fresh.
        account_id: whose.
        pool: at which; also the dialect.
        message: what about.
        collector_id: who asked.
        at: the end of the cycle.
        coin: that the account mines.
        payout_scheme: that its operator says; None: the pool's usual one.
    """
    endpoints = {name: body for each in given for name, body in each.endpoints.items()}
    errors = sorted({each.error for each in given if each.error})
    asked = [body for each in given if each.asked for body in each.endpoints.values()]
    while True:
        event = RawPool(
            event_id=event_id,
            account_id=account_id,
            subject=account_id,
            collector_id=collector_id,
            pool=pool,
            dialect=pool,
            message=message,
            received_at=at,
            latency_ms=sum(body.latency_ms for body in asked),
            status=status_of(given),
            error="; ".join(errors)[:500] or None,
            snapshot=message is PoolMessage.SNAPSHOT,
            endpoints=endpoints,
            stale_endpoints=tuple(each.name for each in given if each.stale),
            coin=coin,
            payout_scheme=payout_scheme,
        )
        largest = max(endpoints, key=lambda name: len(endpoints[name].body or ""), default=None)
        if len(event.to_json()) <= MAX_EVENT_BYTES - ROOM or largest is None:
            return event
        left_out = {"body": None, "status": PollStatus.GARBAGE, "error": "too large for one event"}
        endpoints[largest] = endpoints[largest].model_copy(update=left_out)

"""What happens when a record breaks our contract, or our code breaks at a record.

A record that no schema accepts is set aside at once. Where our own code raises, the process ends
before Faust can acknowledge the record, which therefore comes again; how often that happened is
kept on disk, and after the third time the record is set aside as a ``bug`` and the partition
goes on. Too many of those in an hour stop the service for good: a flood must not drain away.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog
from faust.exceptions import FaustError

from minestream_runtime import semconv, traces
from minestream_runtime.clock import Clock
from minestream_runtime.errors import Disposition, MinestreamError, RecordTooLargeError
from minestream_runtime.kafka import Producer
from minestream_runtime.metrics import counter
from minestream_schemas.dead_letter import (
    DeadLetterKind,
    dead_letter_headers,
    dead_letter_topic,
)
from minestream_schemas.raw import RAW_MINER
from processor.adapters.exits import EXIT_FAULT, exit_now

DEAD_LETTERS: Final = dead_letter_topic("processor")
_REASON_CHARACTERS: Final = 500
_CUT_BYTES: Final = 1024 * 1024
_KEY_BYTES: Final = 64
_PATIENCE_S: Final = 60.0
_KEPT_SPOTS: Final = 1000
_HOUR_S: Final = 3600.0
_OF_MINERS: Final = RAW_MINER.name.removeprefix("minestream")
"""How the topic ends whose keys are miners' ids, in any namespace."""


class Tries:
    """How often each record has failed, and when records were set aside for it; on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failures: dict[str, int] = {}
        self._bugs: list[float] = []
        if path.exists():
            kept = json.loads(path.read_bytes())
            self._failures, self._bugs = kept["failures"], kept["bugs"]

    def failed(self, spot: str) -> int:
        """Note a failure.

        Args:
            spot: the record: topic, partition, offset.

        Returns:
            how often it has failed by now.
        """
        times = self._failures.pop(spot, 0) + 1
        self._failures[spot] = times
        for oldest in list(self._failures)[:-_KEPT_SPOTS]:
            del self._failures[oldest]
        self._save()
        return times

    def set_aside(self, spot: str, at_s: float) -> int:
        """Note that a record was set aside for a bug.

        Args:
            spot: the record.
            at_s: when, seconds since 1970-01-01 UTC.

        Returns:
            how many were in the hour before.
        """
        self._failures.pop(spot, None)
        self._bugs = [*(bug for bug in self._bugs if bug > at_s - _HOUR_S), at_s]
        self._save()
        return len(self._bugs)

    def _save(self) -> None:
        beside = self._path.with_suffix(".new")
        with beside.open("w") as file:
            json.dump({"failures": self._failures, "bugs": self._bugs}, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)


def headers_of(message: Any) -> list[tuple[str, bytes]]:
    """A record's headers as they came, in order."""
    headers = message.headers or ()
    return list(headers.items() if isinstance(headers, Mapping) else headers)


class Guard:
    """Stands around the body of every agent: nothing escapes it into Faust."""

    def __init__(
        self, producer: Producer, tries: Tries, clock: Clock, *, most_tries: int, bug_limit: int
    ) -> None:
        self._producer = producer
        self._tries = tries
        self._clock = clock
        self._most_tries = most_tries
        self._bug_limit = bug_limit
        self._log = structlog.get_logger()

    async def around(
        self, message: Any, body: Callable[[Any], Awaitable[None]], subject: Any
    ) -> None:
        """Run a body; set its record aside, or end the process, where it raises.

        Args:
            message: the record that the body deals with.
            body: what to do.
            subject: what to do it with.
        """
        try:
            await self._try(message, body, subject)
        except BaseException as exc:  # noqa: BLE001 - whatever it is: Faust would acknowledge
            exit_now(EXIT_FAULT, "record_cut_off", error_type=type(exc).__name__, error=str(exc))

    async def _try(
        self, message: Any, body: Callable[[Any], Awaitable[None]], subject: Any
    ) -> None:
        try:
            await body(subject)
        except MinestreamError as exc:
            if exc.disposition is not Disposition.DEAD_LETTER:
                raise  # Kafka's fault, not the record's
            _trace(message, exc, exc.kind)
            await self._set_aside(message, DeadLetterKind.SCHEMA, str(exc))
        except FaustError:
            raise  # as above: a send that timed out, a changelog that is not as it was
        except Exception as exc:  # noqa: BLE001 - ours, so this record may never pass
            await self._failed(message, exc)

    async def patiently(self, send: Callable[[], Awaitable[None]]) -> None:
        """Repeat a send while Kafka is away, for a minute; then end the process.

        Raises:
            MinestreamError: whatever trying again does not mend.
        """
        give_up = self._clock.monotonic() + _PATIENCE_S
        while True:
            try:
                return await send()
            except MinestreamError as exc:
                if exc.disposition is not Disposition.RETRY:
                    raise
                if self._clock.monotonic() > give_up:
                    exit_now(EXIT_FAULT, "send_failed", error_type=exc.kind, error=str(exc))
            await asyncio.sleep(1)

    async def _failed(self, message: Any, exc: Exception) -> None:
        spot = f"{message.topic}/{message.partition}/{message.offset}"
        times = self._tries.failed(spot)
        _trace(message, exc, type(exc).__name__)
        self._log.error("record_failed", spot=spot, times=times, exc_info=exc)
        if times < self._most_tries:
            traces.flush()
            exit_now(EXIT_FAULT, "record_to_be_tried_again", spot=spot, times=times)
        reason = f"{type(exc).__name__}: {exc}"
        await self._set_aside(message, DeadLetterKind.BUG, reason)
        bugs = self._tries.set_aside(spot, self._clock.now().timestamp())
        if bugs > self._bug_limit:
            exit_now(EXIT_FAULT, "dead_letter_limit", set_aside=bugs, limit=self._bug_limit)

    async def _set_aside(self, message: Any, kind: DeadLetterKind, reason: str) -> None:
        reason = reason[:_REASON_CHARACTERS]
        ours = dead_letter_headers(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            kind=kind.value,
            reason=reason,
            at=self._clock.now(),
        )
        headers = [*headers_of(message), *ours.items()]

        async def send(value: bytes | None) -> None:
            await self._producer.send(DEAD_LETTERS, key=message.key, value=value, headers=headers)

        try:
            await self.patiently(lambda: send(message.value))
        except RecordTooLargeError:  # larger than what sets it aside: its beginning must do
            await self.patiently(lambda: send(message.value[:_CUT_BYTES]))
        counter("minestream_dead_letters_total").labels(kind.value).inc()
        self._log.warning(
            "record_set_aside",
            kind=kind.value,
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            reason=reason,
        )


def _trace(message: Any, exc: BaseException, kind: str) -> None:
    """A span for a record that cannot be dealt with; its trace's id is its event's."""
    context = traces.context_of(headers_of(message))
    about = semconv.place_of(message.topic, message.partition, message.offset)
    if message.key and message.topic.endswith(_OF_MINERS):
        about[semconv.MINER_ID] = message.key[:_KEY_BYTES].decode(errors="replace")
    if context is not None:
        about[semconv.EVENT_ID] = str(UUID(int=context.trace_id))
    traces.failed("process record", context, exc, kind=kind, attributes=about)

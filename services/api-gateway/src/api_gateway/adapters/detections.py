"""Takes up into the fleet what collectors found miners to speak."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from pydantic import ValidationError

from api_gateway.adapters.database import Writer
from api_gateway.adapters.database.fleet import take_up
from api_gateway.domain.inventory import unstorable
from api_gateway.settings import GatewaySettings
from minestream_runtime.backoff import Backoff
from minestream_runtime.cancelling import heed_cancellation
from minestream_runtime.clock import Clock
from minestream_runtime.errors import BrokerUnavailableError
from minestream_runtime.kafka import Consumer, Partition, Record
from minestream_runtime.kafka.setting_aside import Refused, SettingAside, what_is_wrong
from minestream_runtime.turns import Turns
from minestream_schemas.dead_letter import DeadLetterKind, Fault
from minestream_schemas.inventory import DETECTED, Detected

GROUP: Final = "api-gateway-detections"
_BATCH: Final = 1000


class Detections:
    """One member of the group that follows ``minestream.detected.v1``.

    A batch is committed to Kafka after the database has it: told twice, it changes nothing.

    Args:
        settings: where Kafka is.
        writer: of the fleet schema.
        letters: for what is no finding.
        clock: when it was set aside.
    """

    def __init__(
        self, settings: GatewaySettings, writer: Writer, letters: SettingAside, clock: Clock
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._letters = letters
        self._clock = clock
        self._turns = Turns(waits="detections_wait", works="detections_go_on")
        self._log = structlog.get_logger()

    def fault(self) -> str | None:
        """Why nothing is taken up just now; None when it is."""
        return self._turns.fault()

    async def run(self) -> None:
        """Follow the topic until cancelled; what is away is waited for."""
        backoff = Backoff()
        while True:
            heed_cancellation()
            try:
                async with Consumer(self._settings, [DETECTED], group=GROUP) as consumer:
                    backoff.reset()
                    await self._turns.go_on(lambda: self._turn(consumer))
            except BrokerUnavailableError as exc:
                self._log.debug("detections_wait_for_kafka", reason=str(exc))
            await asyncio.sleep(backoff.next_s())

    async def _turn(self, consumer: Consumer) -> bool:
        records = await consumer.records(wait_s=1.0, most=_BATCH)
        if not records:
            return True
        newest, refused = _sorted(records)
        taken = await take_up(self._writer, newest)
        if taken:
            self._log.info("detected", miners=len(taken), first=taken[0])
        await self._letters.publish(refused, at=self._clock.now())
        await consumer.commit(_ends(records))
        self._letters.count(refused)
        return True


def _sorted(records: Sequence[Record]) -> tuple[Mapping[str, Detected], Refused]:
    """The newest finding of each miner, and what is none."""
    found: dict[str, Detected] = {}
    refused: Refused = []
    for record in records:
        if record.value is None:
            continue
        try:
            each = Detected.from_json(record.value)
        except ValidationError as exc:
            refused.append((record, Fault(DeadLetterKind.SCHEMA, what_is_wrong(exc))))
            continue
        fault = unstorable(each)
        if fault is not None:
            refused.append((record, Fault(DeadLetterKind.SCHEMA, fault)))
            continue
        found[each.miner_id] = each
    return found, refused


def _ends(records: Sequence[Record]) -> dict[Partition, int]:
    return {record.partition: record.offset + 1 for record in records}

"""Polls of every recorded shape, sound and broken, as a collector would have published them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

from minestream_schemas.ids import event_id_at
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner

FIXTURES = Path(__file__).parents[2] / "fixtures"


def utc_now() -> datetime:
    """The instant."""
    return datetime.now(UTC)


NOW = utc_now().replace(microsecond=0)
"""The tests' present: a processor refuses what lies a day ahead."""
YESTERDAY_NIGHT = NOW.replace(hour=0, minute=0, second=0) - timedelta(seconds=30)
"""A fleet polled from here on is polled on two days."""


def _body(reference: str) -> str:
    name, _, pointer = reference.partition("#")
    text = (FIXTURES / "vnish" / name).read_text()
    if not pointer:
        return text
    part: Any = json.loads(text)
    for step in pointer.strip("/").split("/"):
        part = part[int(step) if isinstance(part, list) else step]
    return json.dumps(part)


@cache
def shapes() -> tuple[RawMiner, ...]:
    """One poll of each recorded firmware, and each poll that went wrong."""
    sound = []
    for path in sorted((FIXTURES / "vnish" / "golden").glob("*.json")):
        bodies = json.loads(path.read_text())["poll"]
        answers = {
            name: EndpointBody(status=PollStatus.OK, fetched_at=NOW, body=_body(reference))
            for name, reference in bodies.items()
        }
        sound.append(
            RawMiner(
                event_id=event_id_at(0, 0),
                site_id="site-a",
                miner_id="site-a-m000",
                collector_id="collector-vnish-0",
                dialect="vnish",
                polled_at=NOW,
                latency_ms=41.5,
                status=PollStatus.OK,
                interval_s=60,
                endpoints=answers,
                tariff_usd_per_kwh=0.06,
            )
        )
    broken = [
        RawMiner.from_json(path.read_bytes()) for path in sorted((FIXTURES / "bad").glob("*.json"))
    ]
    return (*sound, *broken)


def polls(
    count: int, *, miners: int = 20, start: datetime = YESTERDAY_NIGHT, every_s: float = 1.0
) -> Iterator[RawMiner]:
    """So many polls of a fleet, one miner after the other, each of the next shape."""
    for number, shape in zip(range(count), cycle(shapes()), strict=False):
        at = start + timedelta(seconds=number * every_s)
        shift = at - shape.polled_at
        yield shape.model_copy(
            update={
                "event_id": event_id_at(int(at.timestamp() * 1000), number),
                "miner_id": f"site-a-m{number % miners:03}",
                "polled_at": at,
                "endpoints": {
                    name: body.model_copy(update={"fetched_at": body.fetched_at + shift})
                    for name, body in shape.endpoints.items()
                },
            }
        )

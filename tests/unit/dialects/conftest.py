"""Polls made of recorded payloads."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner

FIXTURES = Path(__file__).parents[2] / "fixtures"
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def payloads() -> Path:
    """The folder of recorded Vnish payloads."""
    return FIXTURES / "vnish"


@pytest.fixture(scope="session")
def bad_polls() -> Path:
    """The folder of polls that went wrong."""
    return FIXTURES / "bad"


@pytest.fixture(scope="session")
def body_of(payloads: Path) -> Callable[[str], str]:
    """A payload as text: ``file.json``, or a part of one: ``file.json#/0/info``."""

    def read(reference: str) -> str:
        name, _, pointer = reference.partition("#")
        text = (payloads / name).read_text(encoding="utf-8")
        if not pointer:
            return text
        part: Any = json.loads(text)
        for step in pointer.strip("/").split("/"):
            part = part[int(step) if isinstance(part, list) else step]
        return json.dumps(part)

    return read


@pytest.fixture(scope="session")
def poll() -> Callable[..., RawMiner]:
    """Build one poll from endpoint bodies; ``None`` is an endpoint that timed out."""

    def build(bodies: dict[str, str | None], **changes: Any) -> RawMiner:
        endpoints = {
            name: EndpointBody(
                status=PollStatus.TIMEOUT if body is None else PollStatus.OK,
                fetched_at=AT,
                body=body,
            )
            for name, body in bodies.items()
        }
        plain: dict[str, Any] = {
            "event_id": UUID(int=1),
            "site_id": "site-a",
            "miner_id": "site-a-r01-s01",
            "collector_id": "collector-vnish-0",
            "dialect": "vnish",
            "polled_at": AT,
            "latency_ms": 5.0,
            "status": PollStatus.OK,
            "interval_s": 60.0,
            "endpoints": endpoints,
        }
        return RawMiner(**plain | changes)

    return build

"""Messages of the pool, as its collector publishes them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from minestream_schemas.pool import PoolMessage, RawPool
from minestream_schemas.raw import PollStatus

FIXTURES = Path(__file__).parents[2] / "fixtures" / "prohashing"
AT = datetime(2026, 11, 21, 14, 35, tzinfo=UTC)
RAW_ID = UUID("019aa6d6-d100-7c11-8e2a-5d0f6b7a8c90")


def recorded(name: str) -> Any:
    """A recorded payload, decoded."""
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def message(
    about: PoolMessage, content: object, *, dialect: str = "prohashing-wamp", **fields: Any
) -> RawPool:
    """One message with this content; text stands as it is."""
    values: dict[str, Any] = {
        "event_id": RAW_ID,
        "account_id": "prohashing-main",
        "subject": "prohashing-main",
        "collector_id": "collector-pool-0",
        "pool": "prohashing",
        "dialect": dialect,
        "message": about,
        "received_at": AT,
        "status": PollStatus.OK,
        "snapshot": True,
        "body": content if isinstance(content, str) else json.dumps(content),
    }
    return RawPool.model_validate(values | fields)

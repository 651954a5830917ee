"""Features for tests: rows of seven entities, one for each second."""

from datetime import UTC, datetime, timedelta
from typing import Any

from minestream_schemas.feature import Feature, FeatureGroup
from minestream_schemas.ids import derived_id

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def feature(
    number: int = 0,
    group: FeatureGroup = FeatureGroup.MINER_TELEMETRY,
    *,
    entity: str | None = None,
    **more: Any,
) -> Feature:
    """A row of one of seven entities, one for each second."""
    entity = entity or f"site-a-m{number % 7:02}"
    ts = NOW + timedelta(seconds=number)
    row_id = f"{entity}|{int(ts.timestamp() * 1000)}"
    numbers = {
        FeatureGroup.MINER_TELEMETRY: {"hashrate_th_s": 0.017, "power_consumption_w": 3421.0},
        FeatureGroup.POOL_PERFORMANCE: {"effective_hashrate_hs": 1.6e10, "accepted_shares": 812.0},
        FeatureGroup.MARKET_DATA: {"price_usd": 93.2},
    }[group]
    return Feature(
        **{
            "event_id": derived_id("feature", group, row_id),
            "source_event_id": derived_id("telemetry", row_id),
            "group": group,
            "entity_id": entity,
            "ts": ts,
            "row_id": row_id,
            "numbers": numbers,
            **more,
        }
    )

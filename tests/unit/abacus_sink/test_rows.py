from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from abacus_sink.domain.groups import DEFINITIONS, PRIMARY_KEY
from abacus_sink.domain.rows import row_of, size_of
from minestream_schemas.feature import Feature, FeatureGroup
from minestream_schemas.ids import derived_id

AT = datetime(2026, 11, 21, 12, 30, 1, 250_000, tzinfo=UTC)
ID = derived_id("feature", "x")


def feature(group: FeatureGroup = FeatureGroup.MINER_TELEMETRY, **more: Any) -> Feature:
    return Feature.model_construct(
        **{
            "event_id": ID,
            "source_event_id": ID,
            "group": group,
            "entity_id": "m-001",
            "ts": AT,
            "row_id": "m-001|1",
            "numbers": {"hashrate_th_s": 0.5},
            **more,
        }
    )


def test_a_row_has_key_entity_instant_and_what_is_known() -> None:
    row = row_of(feature(words={"model": "Antminer L9"}, site_id="site-a"))
    assert row == {
        "row_id": "m-001|1",
        "miner_id": "m-001",
        "timestamp": "2026-11-21T12:30:01.250+00:00",
        "definition": 1,
        "site_id": "site-a",
        "hashrate_th_s": 0.5,
        "model": "Antminer L9",
    }
    assert size_of(row) > 100


def test_the_instant_is_told_in_utc() -> None:
    there = AT.astimezone(timezone(timedelta(hours=5)))
    assert row_of(feature(ts=there))["timestamp"] == "2026-11-21T12:30:01.250+00:00"


@pytest.mark.parametrize(
    ("group", "entity"),
    [
        (FeatureGroup.MINER_TELEMETRY, "miner_id"),
        (FeatureGroup.POOL_PERFORMANCE, "worker_id"),
        (FeatureGroup.MARKET_DATA, "coin_id"),
    ],
)
def test_the_entity_stands_in_the_column_that_the_documents_name(
    group: FeatureGroup, entity: str
) -> None:
    assert row_of(feature(group, numbers={"other": 1.0}))[entity] == "m-001"


def test_a_name_with_a_dot_becomes_one_that_a_column_can_have() -> None:
    assert row_of(feature(numbers={"coin.id": 1.0}))["coin_id"] == 1.0


def test_the_pools_hashrate_has_the_name_of_the_documents_and_shares_are_whole() -> None:
    numbers = {"effective_hashrate_hs": 1.5e9, "accepted_shares": 12.0}
    row = row_of(feature(FeatureGroup.POOL_PERFORMANCE, numbers=numbers))
    assert row["effective_hashrate"] == 1.5e9
    assert row["accepted_shares"] == 12
    assert isinstance(row["accepted_shares"], int)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"row_id": ""}, "row_id is empty"),
        ({"row_id": "x" * 513}, "row_id is empty or over 512"),
        ({"numbers": {}}, "it has no features"),
        ({"numbers": {"1st": 1.0}}, "no column can be called '1st'"),
        ({"numbers": {"": 1.0}}, "no column can be called ''"),
        ({"numbers": {"a-b": 1.0}}, "no column can be called 'a-b'"),
        ({"numbers": {"timestamp": 1.0}}, "column timestamp is there twice"),
        ({"numbers": {"a.b": 1.0, "a_b": 1.0}}, "column a_b is there twice"),
        ({"numbers": {"a": 1.0}, "words": {"a": "x"}}, "column a is there twice"),
        ({"numbers": {"a": float("nan")}}, "column a is not finite"),
        ({"numbers": {"a": float("-inf")}}, "column a is not finite"),
        ({"words": {"hashrate_th_s": "x"}, "numbers": {}}, "is float and the feature is text"),
        ({"numbers": {"model": 9.0}}, "is string and the feature is a number"),
    ],
)
def test_what_cannot_be_a_row_says_which_column_and_why(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        row_of(feature(**wrong))


def test_half_a_share_is_refused() -> None:
    half = feature(FeatureGroup.POOL_PERFORMANCE, numbers={"accepted_shares": 0.5})
    with pytest.raises(ValueError, match="accepted_shares is integer and the feature is not whole"):
        row_of(half)


def test_every_group_is_defined_with_the_columns_that_the_documents_list() -> None:
    assert set(DEFINITIONS) == set(FeatureGroup)
    listed = {
        FeatureGroup.MINER_TELEMETRY: {
            *("miner_id", "hashrate_th_s", "power_consumption_w"),
            *("efficiency_j_th", "avg_temperature_c"),
        },
        FeatureGroup.POOL_PERFORMANCE: {
            *("worker_id", "effective_hashrate", "accepted_shares", "earnings_usd"),
        },
        FeatureGroup.MARKET_DATA: {"coin_id", "price_usd", "market_cap_usd", "volume_24h_usd"},
    }
    for group, definition in DEFINITIONS.items():
        columns = definition.columns
        assert listed[group] | {PRIMARY_KEY, "timestamp"} <= set(columns)
        assert next(iter(columns)) == PRIMARY_KEY
        assert [column["name"] for column in definition.schema] == list(columns)
        assert {column["dataType"] for column in definition.schema} <= {
            "string", "float", "integer", "datetime",
        }  # fmt: skip

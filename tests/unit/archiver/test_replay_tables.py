"""Physical is what the dialects say of a poll itself, and nothing that others add."""

from archiver.adapters.replay.tables import READING, TABLES
from minestream_schemas.telemetry import MinerTelemetry

ADDED = {
    "boards", "anomaly_score", "anomaly_scores", "pool_hashrate_hs", "pool_coin",
    "pool_at",
    "rate_usd_per_hs_day", "revenue_basis", "price_at", "tariff_usd_per_kwh",
    "revenue_usd_per_day", "power_cost_usd_per_day", "profit_usd_per_day",
}  # fmt: skip
"""Boards have a table of their own; the rest follows from other polls,
from pools and from markets."""


def test_every_field_of_a_reading_is_physical_or_known_to_be_added_by_others() -> None:
    assert set(READING) | ADDED == set(MinerTelemetry.model_fields)
    assert not set(READING) & ADDED


def test_a_tables_key_is_among_its_columns() -> None:
    for table in TABLES:
        assert set(table.key) <= set(table.columns)
        assert len(set(table.columns)) == len(table.columns)

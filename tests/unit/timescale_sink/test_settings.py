from datetime import timedelta

from timescale_sink.domain.tables import TABLES
from timescale_sink.settings import SinkSettings


def test_telemetry_is_kept_as_long_as_the_contract_says() -> None:
    kept = SinkSettings().keep.table
    days = {"reading": 30, "reading_hourly": 180, "reading_daily": 1095, "anomaly": 90}
    assert {table: kept[table] for table in days} == {
        table: timedelta(days=count) for table, count in days.items()
    }


def test_pools_and_markets_are_kept_as_long_as_the_contract_says() -> None:
    kept = SinkSettings().keep.table
    said = {"pool_worker": 90, "feature": 90}
    performance = dict.fromkeys(("pool_worker_hourly", "pool_rate", "earning_hourly"), 365)
    past = dict.fromkeys(("price", "indicators", "network", "earning_daily"), 1095)
    assert {table: kept[table].days for table in (*said, *performance, *past)} == (
        said | performance | past
    )


def test_whatever_an_event_becomes_has_a_time_that_it_is_kept() -> None:
    kept = SinkSettings().keep.table
    assert {table.name for table in TABLES} <= set(kept)

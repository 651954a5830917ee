from datetime import timedelta

from timescale_sink.settings import SinkSettings


def test_telemetry_is_kept_as_long_as_the_contract_says() -> None:
    kept = SinkSettings().keep.table
    days = {"reading": 30, "reading_hourly": 180, "reading_daily": 1095, "anomaly": 90}
    assert {table: kept[table] for table in days} == {
        table: timedelta(days=count) for table, count in days.items()
    }

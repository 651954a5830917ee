-- The contract: what other services may read. Columns are added here, never renamed or removed.

CREATE SCHEMA telemetry_v1;

CREATE VIEW telemetry_v1.reading AS SELECT * FROM telemetry.reading;
CREATE VIEW telemetry_v1.latest AS SELECT * FROM telemetry.latest;
CREATE VIEW telemetry_v1.board AS SELECT * FROM telemetry.board;
CREATE VIEW telemetry_v1.chip_sample AS SELECT * FROM telemetry.chip_sample;
CREATE VIEW telemetry_v1."window" AS SELECT * FROM telemetry."window";
CREATE VIEW telemetry_v1.anomaly AS SELECT * FROM telemetry.anomaly;
CREATE VIEW telemetry_v1.gap AS SELECT * FROM telemetry.gap;
CREATE VIEW telemetry_v1.raw_event AS SELECT * FROM telemetry.raw_event;
CREATE VIEW telemetry_v1.dead_letter AS SELECT * FROM telemetry.dead_letter;

-- Rollups, with the means that follow from their sums.
CREATE VIEW telemetry_v1.reading_hourly AS
SELECT *,
       hashrate_sum_hs / nullif(answered, 0) AS hashrate_mean_hs,
       hashrate_expected_sum_hs / nullif(hashrate_expected_n, 0) AS hashrate_expected_mean_hs,
       power_sum_w / nullif(power_n, 0) AS power_mean_w,
       chip_temp_sum_c / nullif(chip_temp_n, 0) AS chip_temp_mean_c,
       quality_sum / readings AS quality_mean
FROM telemetry.reading_hourly;
CREATE VIEW telemetry_v1.reading_daily AS
SELECT *,
       hashrate_sum_hs / nullif(answered, 0) AS hashrate_mean_hs,
       hashrate_expected_sum_hs / nullif(hashrate_expected_n, 0) AS hashrate_expected_mean_hs,
       power_sum_w / nullif(power_n, 0) AS power_mean_w,
       chip_temp_sum_c / nullif(chip_temp_n, 0) AS chip_temp_mean_c,
       quality_sum / readings AS quality_mean
FROM telemetry.reading_daily;

GRANT USAGE ON SCHEMA telemetry_v1 TO minestream_writer, minestream_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA telemetry_v1 TO minestream_writer, minestream_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA telemetry TO minestream_writer;
REVOKE ALL ON FUNCTION telemetry.ensure_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry.ensure_partitions TO minestream_writer;

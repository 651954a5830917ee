-- TimescaleDB: the rollups are continuous aggregates, days made from hours. They keep sums, counts
-- and extremes, never means. The policies look back far less than raw readings stay: refreshing
-- over dropped readings would erase the rollup.

CREATE MATERIALIZED VIEW telemetry.reading_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT miner_id, site_id, time_bucket(INTERVAL '1 hour', ts) AS bucket_at,
       count(*) AS readings,
       count(hashrate_hs) AS answered,
       count(*) FILTER (WHERE status IN ('mining', 'tuning')) AS mining,
       count(*) FILTER (WHERE status = 'offline') AS offline,
       sum(hashrate_hs) AS hashrate_sum_hs,
       min(hashrate_hs) AS hashrate_min_hs,
       max(hashrate_hs) AS hashrate_max_hs,
       count(hashrate_expected_hs) AS hashrate_expected_n,
       sum(hashrate_expected_hs) AS hashrate_expected_sum_hs,
       count(power_w) AS power_n,
       sum(power_w) AS power_sum_w,
       min(power_w) AS power_min_w,
       max(power_w) AS power_max_w,
       count(chip_temp_max_c) AS chip_temp_n,
       sum(chip_temp_max_c) AS chip_temp_sum_c,
       min(chip_temp_max_c) AS chip_temp_min_c,
       max(chip_temp_max_c) AS chip_temp_max_c,
       max(pcb_temp_max_c) AS pcb_temp_max_c,
       sum(quality_score) AS quality_sum,
       max(anomaly_score) AS anomaly_score_max
FROM telemetry.reading
GROUP BY 1, 2, 3
WITH NO DATA;

CREATE MATERIALIZED VIEW telemetry.reading_daily
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT miner_id, site_id, time_bucket(INTERVAL '1 day', bucket_at) AS bucket_at,
       sum(readings)::bigint AS readings,
       sum(answered)::bigint AS answered,
       sum(mining)::bigint AS mining,
       sum(offline)::bigint AS offline,
       sum(hashrate_sum_hs) AS hashrate_sum_hs,
       min(hashrate_min_hs) AS hashrate_min_hs,
       max(hashrate_max_hs) AS hashrate_max_hs,
       sum(hashrate_expected_n)::bigint AS hashrate_expected_n,
       sum(hashrate_expected_sum_hs) AS hashrate_expected_sum_hs,
       sum(power_n)::bigint AS power_n,
       sum(power_sum_w) AS power_sum_w,
       min(power_min_w) AS power_min_w,
       max(power_max_w) AS power_max_w,
       sum(chip_temp_n)::bigint AS chip_temp_n,
       sum(chip_temp_sum_c) AS chip_temp_sum_c,
       min(chip_temp_min_c) AS chip_temp_min_c,
       max(chip_temp_max_c) AS chip_temp_max_c,
       max(pcb_temp_max_c) AS pcb_temp_max_c,
       sum(quality_sum) AS quality_sum,
       max(anomaly_score_max) AS anomaly_score_max
FROM telemetry.reading_hourly
GROUP BY 1, 2, 3
WITH NO DATA;

SELECT add_continuous_aggregate_policy('telemetry.reading_hourly',
    start_offset => INTERVAL '3 days', end_offset => INTERVAL '5 minutes',
    schedule_interval => INTERVAL '5 minutes');
SELECT add_continuous_aggregate_policy('telemetry.reading_daily',
    start_offset => INTERVAL '7 days', end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour');

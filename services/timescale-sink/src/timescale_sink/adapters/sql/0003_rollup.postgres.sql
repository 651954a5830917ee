-- Plain PostgreSQL: the rollups are computed again for buckets that writers have marked.
-- A bucket is never touched once any of its rows may have been dropped, and never replaced by one
-- that knows fewer readings: rows are only ever added.

CREATE FUNCTION telemetry.refresh_hour(hour_at timestamptz) RETURNS bigint LANGUAGE sql AS $$
WITH computed AS (
    SELECT miner_id, site_id, hour_at AS bucket_at,
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
    WHERE ts >= hour_at AND ts < hour_at + interval '1 hour'
      AND hour_at >= (SELECT dropped_before FROM telemetry.storage WHERE relation = 'reading')
    GROUP BY miner_id, site_id
), written AS (
    INSERT INTO telemetry.reading_hourly AS kept
    SELECT * FROM computed
    ON CONFLICT (miner_id, bucket_at, site_id) DO UPDATE SET
        (readings, answered, mining, offline, hashrate_sum_hs, hashrate_min_hs, hashrate_max_hs,
         hashrate_expected_n, hashrate_expected_sum_hs, power_n, power_sum_w, power_min_w,
         power_max_w, chip_temp_n, chip_temp_sum_c, chip_temp_min_c, chip_temp_max_c,
         pcb_temp_max_c, quality_sum, anomaly_score_max)
      = (excluded.readings, excluded.answered, excluded.mining, excluded.offline,
         excluded.hashrate_sum_hs, excluded.hashrate_min_hs, excluded.hashrate_max_hs,
         excluded.hashrate_expected_n, excluded.hashrate_expected_sum_hs, excluded.power_n,
         excluded.power_sum_w, excluded.power_min_w, excluded.power_max_w, excluded.chip_temp_n,
         excluded.chip_temp_sum_c, excluded.chip_temp_min_c, excluded.chip_temp_max_c,
         excluded.pcb_temp_max_c, excluded.quality_sum, excluded.anomaly_score_max)
    WHERE excluded.readings > kept.readings
    RETURNING 1
)
SELECT count(*) FROM written
$$;

CREATE FUNCTION telemetry.refresh_day(day_at timestamptz) RETURNS bigint LANGUAGE sql AS $$
WITH computed AS (
    SELECT miner_id, site_id, day_at AS bucket_at,
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
    WHERE bucket_at >= day_at AND bucket_at < day_at + interval '1 day'
      AND day_at >= (SELECT dropped_before FROM telemetry.storage WHERE relation = 'reading_hourly')
    GROUP BY miner_id, site_id
), written AS (
    INSERT INTO telemetry.reading_daily AS kept
    SELECT * FROM computed
    ON CONFLICT (miner_id, bucket_at, site_id) DO UPDATE SET
        (readings, answered, mining, offline, hashrate_sum_hs, hashrate_min_hs, hashrate_max_hs,
         hashrate_expected_n, hashrate_expected_sum_hs, power_n, power_sum_w, power_min_w,
         power_max_w, chip_temp_n, chip_temp_sum_c, chip_temp_min_c, chip_temp_max_c,
         pcb_temp_max_c, quality_sum, anomaly_score_max)
      = (excluded.readings, excluded.answered, excluded.mining, excluded.offline,
         excluded.hashrate_sum_hs, excluded.hashrate_min_hs, excluded.hashrate_max_hs,
         excluded.hashrate_expected_n, excluded.hashrate_expected_sum_hs, excluded.power_n,
         excluded.power_sum_w, excluded.power_min_w, excluded.power_max_w, excluded.chip_temp_n,
         excluded.chip_temp_sum_c, excluded.chip_temp_min_c, excluded.chip_temp_max_c,
         excluded.pcb_temp_max_c, excluded.quality_sum, excluded.anomaly_score_max)
    WHERE excluded.readings > kept.readings
    RETURNING 1
)
SELECT count(*) FROM written
$$;

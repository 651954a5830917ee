-- The windows of the contract (minestream_schemas.window), computed from the rows: what late rows
-- are recomputed with, and what tests compare the processor's windows with.
--
-- Gives the windows with since <= window_start_at < until, of one miner or of all. A counter's
-- delta needs the reading before; it is looked up however far back it lies.
CREATE FUNCTION telemetry.window_from_rows(
    size_s integer, since timestamptz, until timestamptz, only_miner text DEFAULT NULL
) RETURNS TABLE (
    miner_id text,
    site_id text,
    window_start_at timestamptz,
    window_s integer,
    readings bigint,
    answered bigint,
    mining bigint,
    hashrate_mean_hs double precision,
    hashrate_min_hs double precision,
    hashrate_max_hs double precision,
    power_mean_w double precision,
    power_max_w double precision,
    chip_temp_mean_c double precision,
    chip_temp_max_c double precision,
    pcb_temp_max_c double precision,
    fan_rpm_min bigint,
    accepted_delta bigint,
    rejected_delta bigint,
    stale_delta bigint,
    hw_errors_delta bigint,
    anomaly_score_max double precision
) LANGUAGE sql STABLE AS $$
WITH bounds AS (
    SELECT size, date_bin(size, since + size - interval '1 microsecond', 'epoch') AS lower_at,
           date_bin(size, until + size - interval '1 microsecond', 'epoch') AS upper_at
    FROM (SELECT make_interval(secs => size_s) AS size) AS given
), inside AS (
    SELECT r.*, date_bin((SELECT size FROM bounds), r.ts, 'epoch') AS start_at
    FROM telemetry.reading AS r
    WHERE r.ts >= (SELECT lower_at FROM bounds) AND r.ts < (SELECT upper_at FROM bounds)
      AND (only_miner IS NULL OR r.miner_id = only_miner)
), said AS (
    SELECT i.miner_id, i.ts, i.event_id, i.start_at, c.counter, c.total
    FROM inside AS i CROSS JOIN LATERAL (VALUES
        ('accepted', i.accepted_total), ('rejected', i.rejected_total),
        ('stale', i.stale_total), ('hw_errors', i.hw_errors_total)) AS c (counter, total)
    WHERE c.total IS NOT NULL
), before AS (
    SELECT f.miner_id, b.ts, b.event_id, NULL::timestamptz AS start_at, f.counter, b.total
    FROM (SELECT DISTINCT s.miner_id, s.counter FROM said AS s) AS f CROSS JOIN LATERAL (
        SELECT r.ts, r.event_id, c.total
        FROM telemetry.reading AS r CROSS JOIN LATERAL (SELECT CASE f.counter
            WHEN 'accepted' THEN r.accepted_total WHEN 'rejected' THEN r.rejected_total
            WHEN 'stale' THEN r.stale_total ELSE r.hw_errors_total END AS total) AS c
        WHERE r.miner_id = f.miner_id AND r.ts < (SELECT lower_at FROM bounds)
          AND c.total IS NOT NULL
        ORDER BY r.ts DESC, r.event_id DESC LIMIT 1) AS b
), pairs AS (
    SELECT s.miner_id, s.start_at, s.counter, s.total,
           lag(s.total) OVER (
               PARTITION BY s.miner_id, s.counter ORDER BY s.ts, s.event_id) AS earlier
    FROM (SELECT * FROM said UNION ALL SELECT * FROM before) AS s
), deltas AS (
    SELECT p.miner_id, p.start_at,
           sum(p.rise) FILTER (WHERE p.counter = 'accepted') AS accepted,
           sum(p.rise) FILTER (WHERE p.counter = 'rejected') AS rejected,
           sum(p.rise) FILTER (WHERE p.counter = 'stale') AS stale,
           sum(p.rise) FILTER (WHERE p.counter = 'hw_errors') AS hw_errors
    FROM (
        SELECT *, CASE WHEN total >= earlier THEN total - earlier ELSE total END AS rise
        FROM pairs WHERE start_at IS NOT NULL AND earlier IS NOT NULL) AS p
    GROUP BY p.miner_id, p.start_at
), means AS (
    SELECT i.miner_id, i.start_at,
           (array_agg(i.site_id ORDER BY i.ts DESC, i.event_id DESC))[1] AS site_id,
           count(*) AS readings,
           count(i.hashrate_hs) AS answered,
           count(*) FILTER (WHERE i.status IN ('mining', 'tuning')) AS mining,
           avg(i.hashrate_hs) AS hashrate_mean_hs,
           min(i.hashrate_hs) AS hashrate_min_hs,
           max(i.hashrate_hs) AS hashrate_max_hs,
           avg(i.power_w) AS power_mean_w,
           max(i.power_w) AS power_max_w,
           avg(i.chip_temp_max_c) AS chip_temp_mean_c,
           max(i.chip_temp_max_c) AS chip_temp_max_c,
           max(i.pcb_temp_max_c) AS pcb_temp_max_c,
           min((SELECT min(rpm) FROM unnest(i.fan_rpm) AS fan (rpm)))::bigint AS fan_rpm_min,
           max(i.anomaly_score) AS anomaly_score_max
    FROM inside AS i
    GROUP BY i.miner_id, i.start_at
)
SELECT m.miner_id, m.site_id, m.start_at, size_s, m.readings, m.answered, m.mining,
       m.hashrate_mean_hs, m.hashrate_min_hs, m.hashrate_max_hs, m.power_mean_w, m.power_max_w,
       m.chip_temp_mean_c, m.chip_temp_max_c, m.pcb_temp_max_c, m.fan_rpm_min,
       d.accepted::bigint, d.rejected::bigint, d.stale::bigint, d.hw_errors::bigint,
       m.anomaly_score_max
FROM means AS m LEFT JOIN deltas AS d ON d.miner_id = m.miner_id AND d.start_at = m.start_at
$$;

-- Are two computed numbers the same, but for the order in which they were added up?
CREATE FUNCTION telemetry.same(a double precision, b double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN a IS NULL OR b IS NULL THEN a IS NULL AND b IS NULL
            ELSE abs(a - b) <= 1e-9 * greatest(abs(a), abs(b)) END
$$;

-- A sum of counters as a counter: the largest there is, where it is larger.
CREATE FUNCTION telemetry.clamped(total numeric) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT least(total, 9223372036854775807)::bigint $$;

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
           telemetry.clamped(sum(p.rise) FILTER (WHERE p.counter = 'accepted')) AS accepted,
           telemetry.clamped(sum(p.rise) FILTER (WHERE p.counter = 'rejected')) AS rejected,
           telemetry.clamped(sum(p.rise) FILTER (WHERE p.counter = 'stale')) AS stale,
           telemetry.clamped(sum(p.rise) FILTER (WHERE p.counter = 'hw_errors')) AS hw_errors
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
       d.accepted, d.rejected, d.stale, d.hw_errors,
       m.anomaly_score_max
FROM means AS m LEFT JOIN deltas AS d ON d.miner_id = m.miner_id AND d.start_at = m.start_at
$$;

-- Are two computed numbers the same, but for the order in which they were added up?
CREATE FUNCTION telemetry.same(a double precision, b double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN a IS NULL OR b IS NULL THEN a IS NULL AND b IS NULL
            ELSE abs(a - b) <= 1e-9 * greatest(abs(a), abs(b)) END
$$;

-- The windows that marked late readings touch: their own, and, as deltas are differences of
-- neighbours, that of the next reading which says one of the same counters.
--
-- closed: the processor has had its say on the window, or has had settle to have it.
-- resolved: of each counter that the reading says, the next saying is there too.
CREATE FUNCTION telemetry.touched_windows(
    usual_s integer, settle interval, at_now timestamptz, most integer
) RETURNS TABLE (
    mark bigint, miner_id text, window_start_at timestamptz, window_s integer,
    closed boolean, resolved boolean
) LANGUAGE sql STABLE AS $$
WITH marks AS (
    SELECT d.mark, d.miner_id, d.at, d.marked_at FROM telemetry.dirty_bucket AS d
    WHERE d.kind = 'window' ORDER BY d.mark LIMIT most
), said AS (
    SELECT DISTINCT m.mark, m.miner_id, m.at, c.counter
    FROM marks AS m JOIN telemetry.reading AS r ON r.miner_id = m.miner_id AND r.ts = m.at
    CROSS JOIN LATERAL (VALUES
        ('accepted', r.accepted_total), ('rejected', r.rejected_total),
        ('stale', r.stale_total), ('hw_errors', r.hw_errors_total)) AS c (counter, total)
    WHERE c.total IS NOT NULL
), nexts AS (
    SELECT s.mark, s.miner_id, n.ts
    FROM said AS s LEFT JOIN LATERAL (
        SELECT r.ts FROM telemetry.reading AS r
        WHERE r.miner_id = s.miner_id AND r.ts > s.at AND CASE s.counter
            WHEN 'accepted' THEN r.accepted_total WHEN 'rejected' THEN r.rejected_total
            WHEN 'stale' THEN r.stale_total ELSE r.hw_errors_total END IS NOT NULL
        ORDER BY r.ts LIMIT 1) AS n ON true
), touched AS (
    SELECT m.mark, m.miner_id, m.at FROM marks AS m
    UNION SELECT n.mark, n.miner_id, n.ts FROM nexts AS n WHERE n.ts IS NOT NULL
), sized AS (
    SELECT DISTINCT t.mark, t.miner_id, s.window_s,
           date_bin(make_interval(secs => s.window_s), t.at, 'epoch') AS window_start_at
    FROM touched AS t CROSS JOIN LATERAL (
        SELECT DISTINCT w.window_s FROM telemetry."window" AS w
        WHERE w.miner_id = t.miner_id AND w.window_start_at >= t.at - interval '1 day'
          AND w.window_start_at <= t.at + interval '1 day'
        UNION ALL SELECT usual_s WHERE NOT EXISTS (
            SELECT FROM telemetry."window" AS w
            WHERE w.miner_id = t.miner_id AND w.window_start_at >= t.at - interval '1 day'
              AND w.window_start_at <= t.at + interval '1 day')) AS s
)
SELECT z.mark, z.miner_id, z.window_start_at, z.window_s,
       e.end_at <= w.window_end_at IS TRUE OR e.end_at + settle <= at_now,
       m.marked_at + settle <= at_now
       OR NOT EXISTS (SELECT FROM nexts AS n WHERE n.mark = z.mark AND n.ts IS NULL)
FROM sized AS z JOIN marks AS m USING (mark)
CROSS JOIN LATERAL (SELECT z.window_start_at + make_interval(secs => z.window_s) AS end_at) AS e
LEFT JOIN telemetry.watermark AS w ON w.miner_id = z.miner_id
$$;

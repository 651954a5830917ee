-- A pool says its rates in one message and its fee in another, now the one, now the other: what it
-- pays now is the newest row with a rate in USD, with the newest fee beside it. Either may be a day
-- older than the newest row; a pool that never says USD shows its newest row.

CREATE OR REPLACE VIEW telemetry_v1.pool_rate_latest AS
SELECT rate.event_id, rate.raw_event_id, rate.subject, rate.ts, rate.account_id, rate.pool,
       rate.algorithm, rate.unit_hs, rate.usd_per_hs_day, rate.btc_per_hs_day,
       rate.max_usd_per_hs_day, rate.max_btc_per_hs_day, rate.percentile_usd_per_hs_day,
       rate.percentile_btc_per_hs_day, coalesce(rate.fee_ratio, newest.fee_ratio, fee.fee_ratio)
       AS fee_ratio, rate.received_at, rate.server_at, rate.server_id, rate.quality_flags
FROM telemetry.pool_rate_latest AS newest
CROSS JOIN LATERAL (
    SELECT said.* FROM (
        (SELECT 1 AS place, r.* FROM telemetry.pool_rate AS r
         WHERE r.subject = newest.subject AND r.account_id = newest.account_id
           AND r.ts <= newest.ts AND r.ts > newest.ts - interval '1 day'
           AND r.usd_per_hs_day IS NOT NULL
         ORDER BY r.ts DESC, r.received_at DESC, r.event_id DESC LIMIT 1)
        UNION ALL
        SELECT CASE WHEN newest.usd_per_hs_day IS NULL THEN 2 ELSE 0 END, newest.*) AS said
    ORDER BY said.place LIMIT 1) AS rate
LEFT JOIN LATERAL (
    SELECT r.fee_ratio FROM telemetry.pool_rate AS r
    WHERE r.subject = newest.subject AND r.account_id = newest.account_id
      AND r.ts <= newest.ts AND r.ts > newest.ts - interval '1 day' AND r.fee_ratio IS NOT NULL
    ORDER BY r.ts DESC, r.received_at DESC, r.event_id DESC LIMIT 1) AS fee
    ON newest.fee_ratio IS NULL;

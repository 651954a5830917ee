-- The contract's views of pools, markets and features, and one series of all of them by miner.

CREATE VIEW telemetry_v1.pool_worker AS SELECT * FROM telemetry.pool_worker;
CREATE VIEW telemetry_v1.pool_worker_latest AS SELECT * FROM telemetry.pool_worker_latest;
CREATE VIEW telemetry_v1.pool_rate AS SELECT * FROM telemetry.pool_rate;
CREATE VIEW telemetry_v1.pool_rate_latest AS SELECT * FROM telemetry.pool_rate_latest;
CREATE VIEW telemetry_v1.pool_balance AS SELECT * FROM telemetry.pool_balance;
CREATE VIEW telemetry_v1.pool_balance_latest AS SELECT * FROM telemetry.pool_balance_latest;
CREATE VIEW telemetry_v1.price AS SELECT * FROM telemetry.price;
CREATE VIEW telemetry_v1.price_latest AS SELECT * FROM telemetry.price_latest;
CREATE VIEW telemetry_v1.indicators AS SELECT * FROM telemetry.indicators;
CREATE VIEW telemetry_v1.indicators_latest AS SELECT * FROM telemetry.indicators_latest;
CREATE VIEW telemetry_v1.network AS SELECT * FROM telemetry.network;
CREATE VIEW telemetry_v1.network_latest AS SELECT * FROM telemetry.network_latest;
CREATE VIEW telemetry_v1.feature AS SELECT * FROM telemetry.feature;

-- Rollups, with the means that follow from their sums.
CREATE VIEW telemetry_v1.pool_worker_hourly AS
SELECT *, hashrate_sum_hs / nullif(hashrate_n, 0) AS hashrate_mean_hs
FROM telemetry.pool_worker_hourly;
CREATE VIEW telemetry_v1.earning_hourly AS
SELECT *,
       rate_sum_usd_per_hs_day / nullif(rate_n, 0) AS rate_mean_usd_per_hs_day,
       revenue_sum_usd_per_day / nullif(revenue_n, 0) AS revenue_mean_usd_per_day,
       power_cost_sum_usd_per_day / nullif(power_cost_n, 0) AS power_cost_mean_usd_per_day,
       profit_sum_usd_per_day / nullif(profit_n, 0) AS profit_mean_usd_per_day
FROM telemetry.earning_hourly;
CREATE VIEW telemetry_v1.earning_daily AS
SELECT *,
       rate_sum_usd_per_hs_day / nullif(rate_n, 0) AS rate_mean_usd_per_hs_day,
       revenue_sum_usd_per_day / nullif(revenue_n, 0) AS revenue_mean_usd_per_day,
       power_cost_sum_usd_per_day / nullif(power_cost_n, 0) AS power_cost_mean_usd_per_day,
       profit_sum_usd_per_day / nullif(profit_n, 0) AS profit_mean_usd_per_day
FROM telemetry.earning_daily;

-- One series of a miner, its pool and the market: a row for each step that begins before until,
-- from the step that since lies in.
--
-- Means are over the rows within the step that say the field; nothing is interpolated and nothing
-- carried on, so what nobody said is NULL. Prices are as of the step's end: the newest by then, no
-- older than price_age. The pool's hashrate is the sum over its workers of their means, by the
-- pool's own times. Steps under an hour are made from readings, under a day from hours, else from
-- days; from an hour on, a step is whole hours, from a day on whole days.
--
-- In SQL, and not STRICT, so that it becomes part of the query: what lies outside is not read.
CREATE FUNCTION telemetry_v1.unified(
    wanted text, since timestamptz, until timestamptz, step interval,
    price_age interval DEFAULT '2 hours'
) RETURNS TABLE (
    bucket_at timestamptz,
    readings bigint,
    answered bigint,
    hashrate_mean_hs double precision,
    power_mean_w double precision,
    chip_temp_mean_c double precision,
    chip_temp_max_c double precision,
    pool_hashrate_mean_hs double precision,
    rate_mean_usd_per_hs_day double precision,
    revenue_basis text,
    revenue_mean_usd_per_day double precision,
    power_cost_mean_usd_per_day double precision,
    profit_mean_usd_per_day double precision,
    litecoin_price_usd double precision,
    dogecoin_price_usd double precision,
    bitcoin_price_usd double precision
) LANGUAGE sql STABLE AS $$
WITH said AS (
    SELECT date_bin(step, r.ts, timestamptz '2000-01-03 00:00+00') AS at,
           count(*) AS readings,
           count(r.hashrate_hs) AS answered,
           sum(r.hashrate_hs) AS hashrate_hs,
           count(r.power_w) AS power_n,
           sum(r.power_w) AS power_w,
           count(r.chip_temp_max_c) AS chip_temp_n,
           sum(r.chip_temp_max_c) AS chip_temp_c,
           max(r.chip_temp_max_c) AS chip_temp_max_c,
           count(r.rate_usd_per_hs_day) AS rate_n,
           sum(r.rate_usd_per_hs_day) AS rate,
           count(r.revenue_usd_per_day) AS revenue_n,
           sum(r.revenue_usd_per_day) AS revenue,
           count(r.revenue_usd_per_day) FILTER (WHERE r.revenue_basis = 'pool_rate') AS pool_rate_n,
           count(r.power_cost_usd_per_day) AS power_cost_n,
           sum(r.power_cost_usd_per_day) AS power_cost,
           count(r.profit_usd_per_day) AS profit_n,
           sum(r.profit_usd_per_day) AS profit
    FROM telemetry_v1.reading AS r
    WHERE step < interval '1 hour' AND r.miner_id = wanted AND r.ts < until
      AND r.ts >= date_bin(step, since, timestamptz '2000-01-03 00:00+00')
    GROUP BY 1
), rolled AS (
    SELECT date_bin(step, h.bucket_at, timestamptz '2000-01-03 00:00+00') AS at, h.readings,
           h.answered, h.hashrate_sum_hs, h.power_n, h.power_sum_w, h.chip_temp_n,
           h.chip_temp_sum_c, h.chip_temp_max_c
    FROM telemetry_v1.reading_hourly AS h
    WHERE step >= interval '1 hour' AND step < interval '1 day' AND h.miner_id = wanted
      AND h.bucket_at >= date_bin(step, since, timestamptz '2000-01-03 00:00+00')
      AND h.bucket_at < until
    UNION ALL
    SELECT date_bin(step, d.bucket_at, timestamptz '2000-01-03 00:00+00'), d.readings,
           d.answered, d.hashrate_sum_hs, d.power_n, d.power_sum_w, d.chip_temp_n,
           d.chip_temp_sum_c, d.chip_temp_max_c
    FROM telemetry_v1.reading_daily AS d
    WHERE step >= interval '1 day' AND d.miner_id = wanted AND d.bucket_at < until
      AND d.bucket_at >= date_bin(step, since, timestamptz '2000-01-03 00:00+00')
), earned AS (
    SELECT date_bin(step, h.bucket_at, timestamptz '2000-01-03 00:00+00') AS at, h.rate_n,
           h.rate_sum_usd_per_hs_day, h.revenue_n, h.revenue_sum_usd_per_day, h.pool_rate_n,
           h.power_cost_n, h.power_cost_sum_usd_per_day, h.profit_n, h.profit_sum_usd_per_day
    FROM telemetry_v1.earning_hourly AS h
    WHERE step >= interval '1 hour' AND step < interval '1 day' AND h.miner_id = wanted
      AND h.bucket_at >= date_bin(step, since, timestamptz '2000-01-03 00:00+00')
      AND h.bucket_at < until
    UNION ALL
    SELECT date_bin(step, d.bucket_at, timestamptz '2000-01-03 00:00+00'), d.rate_n,
           d.rate_sum_usd_per_hs_day, d.revenue_n, d.revenue_sum_usd_per_day, d.pool_rate_n,
           d.power_cost_n, d.power_cost_sum_usd_per_day, d.profit_n, d.profit_sum_usd_per_day
    FROM telemetry_v1.earning_daily AS d
    WHERE step >= interval '1 day' AND d.miner_id = wanted AND d.bucket_at < until
      AND d.bucket_at >= date_bin(step, since, timestamptz '2000-01-03 00:00+00')
), miner AS (
    SELECT * FROM said
    UNION ALL
    SELECT r.at, r.readings, r.answered, r.hashrate_hs, r.power_n, r.power_w, r.chip_temp_n,
           r.chip_temp_c, r.chip_temp_max_c, e.rate_n, e.rate, e.revenue_n, e.revenue,
           e.pool_rate_n, e.power_cost_n, e.power_cost, e.profit_n, e.profit
    FROM (
        SELECT at, sum(readings)::bigint AS readings, sum(answered)::bigint AS answered,
               sum(hashrate_sum_hs) AS hashrate_hs, sum(power_n)::bigint AS power_n,
               sum(power_sum_w) AS power_w, sum(chip_temp_n)::bigint AS chip_temp_n,
               sum(chip_temp_sum_c) AS chip_temp_c, max(chip_temp_max_c) AS chip_temp_max_c
        FROM rolled GROUP BY at) AS r
    LEFT JOIN (
        SELECT at, sum(rate_n)::bigint AS rate_n, sum(rate_sum_usd_per_hs_day) AS rate,
               sum(revenue_n)::bigint AS revenue_n, sum(revenue_sum_usd_per_day) AS revenue,
               sum(pool_rate_n)::bigint AS pool_rate_n,
               sum(power_cost_n)::bigint AS power_cost_n,
               sum(power_cost_sum_usd_per_day) AS power_cost,
               sum(profit_n)::bigint AS profit_n, sum(profit_sum_usd_per_day) AS profit
        FROM earned GROUP BY at) AS e USING (at)
), pool AS (
    SELECT w.at, sum(w.hashrate_hs) AS hashrate_hs FROM (
        SELECT date_bin(step, p.ts, timestamptz '2000-01-03 00:00+00') AS at,
               p.account_id, p.worker, avg(p.hashrate_hs) AS hashrate_hs
        FROM telemetry_v1.pool_worker AS p
        WHERE step < interval '1 hour' AND p.subject = wanted AND p.ts < until
          AND p.ts >= date_bin(step, since, timestamptz '2000-01-03 00:00+00')
        GROUP BY 1, 2, 3
        UNION ALL
        SELECT date_bin(step, h.bucket_at, timestamptz '2000-01-03 00:00+00'), h.account_id,
               h.worker, sum(h.hashrate_sum_hs) / nullif(sum(h.hashrate_n), 0)
        FROM telemetry_v1.pool_worker_hourly AS h
        WHERE step >= interval '1 hour' AND h.subject = wanted AND h.bucket_at < until
          AND h.bucket_at >= date_bin(step, since, timestamptz '2000-01-03 00:00+00')
        GROUP BY 1, 2, 3) AS w
    GROUP BY w.at
)
SELECT b.at, coalesce(m.readings, 0), coalesce(m.answered, 0),
       m.hashrate_hs / nullif(m.answered, 0),
       m.power_w / nullif(m.power_n, 0),
       m.chip_temp_c / nullif(m.chip_temp_n, 0),
       m.chip_temp_max_c,
       pool.hashrate_hs,
       m.rate / nullif(m.rate_n, 0),
       CASE WHEN m.revenue_n > 0 THEN
           CASE m.pool_rate_n WHEN m.revenue_n THEN 'pool_rate' WHEN 0 THEN 'network'
           ELSE 'mixed' END END,
       m.revenue / nullif(m.revenue_n, 0),
       m.power_cost / nullif(m.power_cost_n, 0),
       m.profit / nullif(m.profit_n, 0),
       litecoin.price_usd, dogecoin.price_usd, bitcoin.price_usd
FROM generate_series(
    date_bin(step, since, timestamptz '2000-01-03 00:00+00'),
    until - interval '1 microsecond', step) AS b (at)
LEFT JOIN miner AS m ON m.at = b.at
LEFT JOIN pool ON pool.at = b.at
LEFT JOIN LATERAL (
    SELECT p.price_usd FROM telemetry_v1.price AS p
    WHERE p.coin_id = 'litecoin' AND p.ts <= b.at + step AND p.ts > b.at + step - price_age
    ORDER BY p.ts DESC, p.fetched_at DESC, p.event_id DESC LIMIT 1) AS litecoin ON true
LEFT JOIN LATERAL (
    SELECT p.price_usd FROM telemetry_v1.price AS p
    WHERE p.coin_id = 'dogecoin' AND p.ts <= b.at + step AND p.ts > b.at + step - price_age
    ORDER BY p.ts DESC, p.fetched_at DESC, p.event_id DESC LIMIT 1) AS dogecoin ON true
LEFT JOIN LATERAL (
    SELECT p.price_usd FROM telemetry_v1.price AS p
    WHERE p.coin_id = 'bitcoin' AND p.ts <= b.at + step AND p.ts > b.at + step - price_age
    ORDER BY p.ts DESC, p.fetched_at DESC, p.event_id DESC LIMIT 1) AS bitcoin ON true
ORDER BY b.at
$$;
REVOKE ALL ON FUNCTION telemetry_v1.unified FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry_v1.unified TO minestream_writer, minestream_reader;

GRANT SELECT ON ALL TABLES IN SCHEMA telemetry_v1 TO minestream_writer, minestream_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    telemetry.pool_worker, telemetry.pool_worker_latest, telemetry.pool_rate,
    telemetry.pool_rate_latest, telemetry.pool_balance, telemetry.pool_balance_latest,
    telemetry.price, telemetry.price_latest, telemetry.indicators, telemetry.indicators_latest,
    telemetry.network, telemetry.network_latest, telemetry.feature
    TO minestream_writer;

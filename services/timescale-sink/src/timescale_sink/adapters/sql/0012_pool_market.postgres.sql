-- Plain PostgreSQL: partitions, and rollups that are computed again where writers have marked them;
-- see 0002 and 0003.

CREATE TABLE telemetry.pool_worker_hourly_tpl (
    subject text NOT NULL,
    account_id text NOT NULL,
    worker text NOT NULL,
    bucket_at timestamptz NOT NULL,
    said bigint NOT NULL,
    hashrate_n bigint NOT NULL,
    hashrate_sum_hs double precision,
    hashrate_min_hs double precision,
    hashrate_max_hs double precision,
    shares_total_min bigint,
    shares_total_max bigint,
    PRIMARY KEY (subject, bucket_at, account_id, worker)
);

-- Of the readings that say what hashing paid, or what their power cost.
CREATE TABLE telemetry.earning_hourly_tpl (
    miner_id text NOT NULL,
    site_id text NOT NULL,
    bucket_at timestamptz NOT NULL,
    readings bigint NOT NULL,
    rate_n bigint NOT NULL,
    rate_sum_usd_per_hs_day double precision,
    revenue_n bigint NOT NULL,
    revenue_sum_usd_per_day double precision,
    pool_rate_n bigint NOT NULL,
    power_cost_n bigint NOT NULL,
    power_cost_sum_usd_per_day double precision,
    profit_n bigint NOT NULL,
    profit_sum_usd_per_day double precision,
    PRIMARY KEY (miner_id, bucket_at, site_id)
);
CREATE TABLE telemetry.earning_daily_tpl (LIKE telemetry.earning_hourly_tpl INCLUDING ALL);

DO $$
DECLARE cut record;
BEGIN
    FOR cut IN SELECT * FROM telemetry.storage WHERE relation IN (
        'pool_worker', 'pool_rate', 'pool_balance', 'price', 'indicators', 'network', 'feature',
        'pool_worker_hourly', 'earning_hourly', 'earning_daily')
    LOOP
        EXECUTE format(
            'CREATE TABLE telemetry.%1$I (LIKE telemetry.%2$I INCLUDING ALL) PARTITION BY RANGE (%3$I)',
            cut.relation, cut.relation || '_tpl', cut.on_column);
        EXECUTE format('DROP TABLE telemetry.%I', cut.relation || '_tpl');
    END LOOP;
END $$;

CREATE FUNCTION telemetry.refresh_pool_hour(hour_at timestamptz) RETURNS bigint LANGUAGE sql AS $$
WITH computed AS (
    SELECT subject, account_id, worker, hour_at AS bucket_at,
           count(*) AS said,
           count(hashrate_hs) AS hashrate_n,
           sum(hashrate_hs) AS hashrate_sum_hs,
           min(hashrate_hs) AS hashrate_min_hs,
           max(hashrate_hs) AS hashrate_max_hs,
           min(shares_total) AS shares_total_min,
           max(shares_total) AS shares_total_max
    FROM telemetry.pool_worker
    WHERE ts >= hour_at AND ts < hour_at + interval '1 hour'
      AND hour_at >= (SELECT dropped_before FROM telemetry.storage WHERE relation = 'pool_worker')
    GROUP BY subject, account_id, worker
), written AS (
    INSERT INTO telemetry.pool_worker_hourly AS kept
    SELECT * FROM computed
    ON CONFLICT (subject, bucket_at, account_id, worker) DO UPDATE SET
        (said, hashrate_n, hashrate_sum_hs, hashrate_min_hs, hashrate_max_hs,
         shares_total_min, shares_total_max)
      = (excluded.said, excluded.hashrate_n, excluded.hashrate_sum_hs, excluded.hashrate_min_hs,
         excluded.hashrate_max_hs, excluded.shares_total_min, excluded.shares_total_max)
    WHERE excluded.said > kept.said
    RETURNING 1
)
SELECT count(*) FROM written
$$;

CREATE FUNCTION telemetry.refresh_earning_hour(hour_at timestamptz) RETURNS bigint
LANGUAGE sql AS $$
WITH computed AS (
    SELECT miner_id, site_id, hour_at AS bucket_at,
           count(*) AS readings,
           count(rate_usd_per_hs_day) AS rate_n,
           sum(rate_usd_per_hs_day) AS rate_sum_usd_per_hs_day,
           count(revenue_usd_per_day) AS revenue_n,
           sum(revenue_usd_per_day) AS revenue_sum_usd_per_day,
           count(revenue_usd_per_day) FILTER (WHERE revenue_basis = 'pool_rate') AS pool_rate_n,
           count(power_cost_usd_per_day) AS power_cost_n,
           sum(power_cost_usd_per_day) AS power_cost_sum_usd_per_day,
           count(profit_usd_per_day) AS profit_n,
           sum(profit_usd_per_day) AS profit_sum_usd_per_day
    FROM telemetry.reading
    WHERE ts >= hour_at AND ts < hour_at + interval '1 hour'
      AND (rate_usd_per_hs_day IS NOT NULL OR power_cost_usd_per_day IS NOT NULL)
      AND hour_at >= (SELECT dropped_before FROM telemetry.storage WHERE relation = 'reading')
    GROUP BY miner_id, site_id
), written AS (
    INSERT INTO telemetry.earning_hourly AS kept
    SELECT * FROM computed
    ON CONFLICT (miner_id, bucket_at, site_id) DO UPDATE SET
        (readings, rate_n, rate_sum_usd_per_hs_day, revenue_n, revenue_sum_usd_per_day, pool_rate_n,
         power_cost_n, power_cost_sum_usd_per_day, profit_n, profit_sum_usd_per_day)
      = (excluded.readings, excluded.rate_n, excluded.rate_sum_usd_per_hs_day, excluded.revenue_n,
         excluded.revenue_sum_usd_per_day, excluded.pool_rate_n, excluded.power_cost_n,
         excluded.power_cost_sum_usd_per_day, excluded.profit_n, excluded.profit_sum_usd_per_day)
    WHERE excluded.readings > kept.readings
    RETURNING 1
)
SELECT count(*) FROM written
$$;

CREATE FUNCTION telemetry.refresh_earning_day(day_at timestamptz) RETURNS bigint
LANGUAGE sql AS $$
WITH computed AS (
    SELECT miner_id, site_id, day_at AS bucket_at,
           sum(readings)::bigint AS readings,
           sum(rate_n)::bigint AS rate_n,
           sum(rate_sum_usd_per_hs_day) AS rate_sum_usd_per_hs_day,
           sum(revenue_n)::bigint AS revenue_n,
           sum(revenue_sum_usd_per_day) AS revenue_sum_usd_per_day,
           sum(pool_rate_n)::bigint AS pool_rate_n,
           sum(power_cost_n)::bigint AS power_cost_n,
           sum(power_cost_sum_usd_per_day) AS power_cost_sum_usd_per_day,
           sum(profit_n)::bigint AS profit_n,
           sum(profit_sum_usd_per_day) AS profit_sum_usd_per_day
    FROM telemetry.earning_hourly
    WHERE bucket_at >= day_at AND bucket_at < day_at + interval '1 day'
      AND day_at >= (SELECT dropped_before FROM telemetry.storage WHERE relation = 'earning_hourly')
    GROUP BY miner_id, site_id
), written AS (
    INSERT INTO telemetry.earning_daily AS kept
    SELECT * FROM computed
    ON CONFLICT (miner_id, bucket_at, site_id) DO UPDATE SET
        (readings, rate_n, rate_sum_usd_per_hs_day, revenue_n, revenue_sum_usd_per_day, pool_rate_n,
         power_cost_n, power_cost_sum_usd_per_day, profit_n, profit_sum_usd_per_day)
      = (excluded.readings, excluded.rate_n, excluded.rate_sum_usd_per_hs_day, excluded.revenue_n,
         excluded.revenue_sum_usd_per_day, excluded.pool_rate_n, excluded.power_cost_n,
         excluded.power_cost_sum_usd_per_day, excluded.profit_n, excluded.profit_sum_usd_per_day)
    WHERE excluded.readings > kept.readings
    RETURNING 1
)
SELECT count(*) FROM written
$$;

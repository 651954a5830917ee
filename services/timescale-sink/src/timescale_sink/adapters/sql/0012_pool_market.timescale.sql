-- TimescaleDB: hypertables, and rollups as continuous aggregates; see 0002 and 0003.

DO $$
DECLARE
    cut record;
    segment text;
BEGIN
    FOR cut IN SELECT * FROM telemetry.storage WHERE relation IN (
        'pool_worker', 'pool_rate', 'pool_balance', 'price', 'indicators', 'network', 'feature')
    LOOP
        segment := CASE
            WHEN cut.relation LIKE 'pool\_%' THEN 'subject'
            WHEN cut.relation = 'feature' THEN 'entity_id'
            ELSE 'coin_id' END;
        EXECUTE format(
            'CREATE TABLE telemetry.%I (LIKE telemetry.%I INCLUDING ALL)',
            cut.relation, cut.relation || '_tpl');
        EXECUTE format('DROP TABLE telemetry.%I', cut.relation || '_tpl');
        PERFORM create_hypertable(
            format('telemetry.%I', cut.relation)::regclass, by_range(cut.on_column, cut.step),
            create_default_indexes => false);
        EXECUTE format(
            'ALTER TABLE telemetry.%I SET (timescaledb.enable_columnstore, '
            'timescaledb.segmentby = %L, timescaledb.orderby = %L)',
            cut.relation, segment, cut.on_column || ' DESC');
    END LOOP;
END $$;

CALL add_columnstore_policy('telemetry.pool_worker', after => INTERVAL '3 days');
CALL add_columnstore_policy('telemetry.feature', after => INTERVAL '3 days');
CALL add_columnstore_policy('telemetry.pool_rate', after => INTERVAL '28 days');
CALL add_columnstore_policy('telemetry.pool_balance', after => INTERVAL '28 days');
CALL add_columnstore_policy('telemetry.price', after => INTERVAL '28 days');
CALL add_columnstore_policy('telemetry.indicators', after => INTERVAL '28 days');
CALL add_columnstore_policy('telemetry.network', after => INTERVAL '28 days');

CREATE MATERIALIZED VIEW telemetry.pool_worker_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT subject, account_id, worker, time_bucket(INTERVAL '1 hour', ts) AS bucket_at,
       count(*) AS said,
       count(hashrate_hs) AS hashrate_n,
       sum(hashrate_hs) AS hashrate_sum_hs,
       min(hashrate_hs) AS hashrate_min_hs,
       max(hashrate_hs) AS hashrate_max_hs,
       min(shares_total) AS shares_total_min,
       max(shares_total) AS shares_total_max
FROM telemetry.pool_worker
GROUP BY 1, 2, 3, 4
WITH NO DATA;

CREATE MATERIALIZED VIEW telemetry.earning_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT miner_id, site_id, time_bucket(INTERVAL '1 hour', ts) AS bucket_at,
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
WHERE rate_usd_per_hs_day IS NOT NULL OR power_cost_usd_per_day IS NOT NULL
GROUP BY 1, 2, 3
WITH NO DATA;

CREATE MATERIALIZED VIEW telemetry.earning_daily
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT miner_id, site_id, time_bucket(INTERVAL '1 day', bucket_at) AS bucket_at,
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
GROUP BY 1, 2, 3
WITH NO DATA;

SELECT add_continuous_aggregate_policy('telemetry.pool_worker_hourly',
    start_offset => INTERVAL '3 days', end_offset => INTERVAL '5 minutes',
    schedule_interval => INTERVAL '5 minutes');
SELECT add_continuous_aggregate_policy('telemetry.earning_hourly',
    start_offset => INTERVAL '3 days', end_offset => INTERVAL '5 minutes',
    schedule_interval => INTERVAL '5 minutes');
SELECT add_continuous_aggregate_policy('telemetry.earning_daily',
    start_offset => INTERVAL '7 days', end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '1 hour');

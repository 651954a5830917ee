INSERT INTO fleet.site (site_id) VALUES ('bench');
INSERT INTO fleet.rack (site_id, rack_id)
SELECT 'bench', 'bench-r' || lpad(n::text, 2, '0') FROM generate_series(0, 25) AS n;
INSERT INTO fleet.miner (miner_id, site_id, rack_id, slot, address, transport, algorithm, workers)
SELECT 'bench-' || lpad(n::text, 5, '0'), 'bench', 'bench-r' || lpad((n / 40)::text, 2, '0'),
    n % 40, 'bench-' || n || ':80', 'http', CASE WHEN n % 2 = 0 THEN 'scrypt' ELSE 'sha256d' END,
    ARRAY['worker-' || n]
FROM generate_series(1, 1000) AS n;
INSERT INTO telemetry.latest (event_id, raw_event_id, ts, miner_id, site_id, rack_id, dialect,
    model, firmware, algorithm, status, hashrate_hs, hashrate_avg_hs, hashrate_expected_hs, power_w,
    voltage_v, efficiency_j_per_th, frequency_mhz, chip_temp_max_c, pcb_temp_max_c, fan_rpm,
    accepted_total, rejected_total, uptime_s, pool_url, worker, boards_total, boards_healthy, boards,
    answered_at)
SELECT gen_random_uuid(), gen_random_uuid(), now(), miner_id, 'bench', rack_id, 'vnish-1.2',
    'Antminer L9', '1.2.7', algorithm, 'mining', random() * 2e14, 1e14, 2e14, 3000 + random(),
    14.5, 15.5, 1225, 70 + random(), 60, '{4000,4100,4200,4300}', 100000, 12, 86400.5,
    'stratum+tcp://pool.example:3333', workers[1], 3, 3,
    (SELECT jsonb_agg(jsonb_build_object('slot', s, 'hashrate_hs', 5e13, 'chip_temp_max_c', 70.5,
        'frequency_mhz', 1225.0, 'chips_total', 110)) FROM generate_series(0, 2) AS s), now()
FROM fleet.miner;
SELECT telemetry.ensure_partitions(relation, now() - interval '2 days', now() + interval '1 day')
FROM telemetry.storage;
INSERT INTO telemetry.reading (event_id, raw_event_id, ts, miner_id, site_id, rack_id, dialect,
    model, firmware, algorithm, status, hashrate_hs, hashrate_avg_hs, hashrate_expected_hs, power_w,
    voltage_v, efficiency_j_per_th, frequency_mhz, chip_temp_max_c, pcb_temp_max_c, fan_rpm,
    accepted_total, rejected_total, uptime_s, pool_url, worker, boards_total, boards_healthy,
    latency_ms, evidence, published_at, stored_at)
SELECT gen_random_uuid(), CASE WHEN n = 20 THEN current_setting('bench.raw_id')::uuid
        ELSE gen_random_uuid() END, now() - n * interval '30 s', 'bench-00001', 'bench',
    'bench-r00', 'vnish-1.2', 'Antminer L9', '1.2.7', 'sha256d', 'mining', random() * 2e14, 1e14,
    2e14, 3000 + random(), 14.5, 15.5, 1225, 70 + random(), 60, '{4000,4100,4200,4300}', 100000 + n,
    12, 86400.5 + n, 'stratum+tcp://pool.example:3333', 'worker-1', 3, 3, 43.5,
    '{"hashrate_hs": "summary.miner.hr_realtime"}', now() - n * interval '30 s', now()
FROM generate_series(1, 2880) AS n;
UPDATE telemetry.reading SET ts = (SELECT to_timestamp(('x' || translate(left(
    current_setting('bench.raw_id'), 13), '-', ''))::bit(48)::bigint / 1000.0))
WHERE raw_event_id = current_setting('bench.raw_id')::uuid;
INSERT INTO telemetry.raw_event (event_id, polled_at, miner_id, site_id, collector_id, dialect,
    status, event, published_at, stored_at)
SELECT CASE WHEN n = 20 THEN r.raw_event_id ELSE gen_random_uuid() END, CASE WHEN n = 20 THEN r.ts
        ELSE now() - n * interval '30 s' END, 'bench-00001', 'bench', 'collector-vnish-0', 'vnish',
    'ok', repeat('{"summary": "body"}', 300), now(), now()
FROM generate_series(1, 2880) AS n, telemetry.reading AS r
WHERE r.raw_event_id = current_setting('bench.raw_id')::uuid;
INSERT INTO telemetry."window" (event_id, miner_id, site_id, window_start_at, window_s, readings,
    answered, mining, hashrate_mean_hs, hashrate_min_hs, hashrate_max_hs, power_mean_w, power_max_w,
    chip_temp_mean_c, chip_temp_max_c, accepted_delta)
SELECT gen_random_uuid(), 'bench-00001', 'bench',
    date_bin('60 s', now(), 'epoch') - n * interval '60 s', 60, 2, 2, 2, 1e14 * random(), 9e13,
    1.1e14, 3000, 3100, 70, 71, 12
FROM generate_series(1, 1440) AS n;
SELECT telemetry.refresh_hour(hour) FROM generate_series(
    date_trunc('hour', now() - interval '25 hours'), now(), interval '1 hour') AS hour;
INSERT INTO telemetry.chip_sample (event_id, raw_event_id, ts, miner_id, site_id, slot, hashrate_hs,
    temp_c, frequency_mhz, voltage_v, errors_total, grade, quality_flags)
SELECT e, gen_random_uuid(), now() - n * interval '5 minutes', 'bench-00001', 'bench', slot,
    array_fill(4.5e11::float8, ARRAY[110]), array_fill(70.5::float8, ARRAY[110]),
    array_fill(1225.0::float8, ARRAY[110]), array_fill(0.33::float8, ARRAY[110]),
    array_fill(3::bigint, ARRAY[110]), array_fill('A'::text, ARRAY[110]), '{}'
FROM generate_series(1, 24) AS n, generate_series(0, 2) AS slot,
    LATERAL (SELECT md5('chips' || n)::uuid AS e) AS one;
INSERT INTO telemetry.gap (gap_id, event_id, subject, site_id, cause, began_at, ended_at, reported_by)
SELECT gen_random_uuid(), gen_random_uuid(), 'bench-' || lpad(n::text, 5, '0'), 'bench',
    'miner_silent', now() - n * interval '1 minute', now() - (n - 1) * interval '1 minute',
    'processor'
FROM generate_series(1, 1000) AS n;
UPDATE telemetry.reading SET rate_usd_per_hs_day = 4.5e-10, revenue_basis = 'pool_rate',
    revenue_usd_per_day = 7.2, power_cost_usd_per_day = 4.0, profit_usd_per_day = 3.2;
SELECT telemetry.ensure_partitions('price', now() - interval '31 days', now());
INSERT INTO telemetry.price (event_id, raw_event_id, ts, coin_id, symbol, source, fetched_at,
    price_usd)
SELECT gen_random_uuid(), gen_random_uuid(), now() - n * interval '60 s', coin, upper(left(coin, 3)),
    'coingecko', now() - n * interval '60 s', 82.1
FROM generate_series(1, 43200) AS n, unnest('{litecoin,dogecoin,bitcoin}'::text[]) AS coin;
INSERT INTO telemetry.price_latest SELECT DISTINCT ON (coin_id) * FROM telemetry.price
ORDER BY coin_id, ts DESC;
INSERT INTO telemetry.network_latest (event_id, raw_event_id, ts, coin_id, algorithm, source,
    difficulty, block_reward_coins, block_time_s)
SELECT gen_random_uuid(), gen_random_uuid(), now(), coin_id, 'scrypt', 'litecoinspace', 9.7e7, 6.25,
    150 FROM telemetry.price_latest;
INSERT INTO telemetry.pool_worker (event_id, raw_event_id, subject, ts, account_id, pool, worker,
    worker_id, miner_id, site_id, algorithm, coin, hashrate_hs, shares_total)
SELECT gen_random_uuid(), gen_random_uuid(), 'bench-00001', now() - n * interval '60 s',
    'prohashing-main', 'prohashing', 'worker-1', 'c-1', 'bench-00001', 'bench', 'sha256d', 'Bitcoin',
    1.9e14, 1000 + n
FROM generate_series(1, 1440) AS n;
INSERT INTO telemetry.pool_worker_latest (event_id, raw_event_id, subject, ts, account_id, pool,
    worker, worker_id, miner_id, site_id, algorithm, coin, hashrate_hs, shares_total)
SELECT gen_random_uuid(), gen_random_uuid(), miner_id, now() - random() * interval '60 s',
    'prohashing-main', 'prohashing', workers[1], 'c-' || miner_id, miner_id, 'bench', algorithm,
    'Litecoin', 1.6e10, 1000
FROM fleet.miner;
INSERT INTO telemetry.pool_rate_latest (event_id, raw_event_id, subject, ts, account_id, pool,
    algorithm, unit_hs, usd_per_hs_day, received_at)
SELECT gen_random_uuid(), gen_random_uuid(), 'prohashing/scrypt', now(), 'prohashing-main',
    'prohashing', 'scrypt', 1e6, 4.5e-10, now();
ANALYZE

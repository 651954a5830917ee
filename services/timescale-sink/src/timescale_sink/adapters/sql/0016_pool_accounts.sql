-- What pools say of accounts, single incomes, and what they tell unasked; more words of workers.
-- Reading views name their columns at creation: those that gain some are made again.

ALTER TABLE telemetry.pool_worker
    ADD COLUMN merged_coins text[],
    ADD COLUMN payout_scheme text,
    ADD COLUMN state text,
    ADD COLUMN hashrate_1h_hs double precision,
    ADD COLUMN hashrate_24h_hs double precision,
    ADD COLUMN last_share_at timestamptz,
    ADD COLUMN stale_total bigint,
    ADD COLUMN rejected_total bigint;
ALTER TABLE telemetry.pool_worker_latest
    ADD COLUMN merged_coins text[],
    ADD COLUMN payout_scheme text,
    ADD COLUMN state text,
    ADD COLUMN hashrate_1h_hs double precision,
    ADD COLUMN hashrate_24h_hs double precision,
    ADD COLUMN last_share_at timestamptz,
    ADD COLUMN stale_total bigint,
    ADD COLUMN rejected_total bigint;
ALTER TABLE telemetry.pool_rate ADD COLUMN payout_scheme text;
ALTER TABLE telemetry.pool_rate_latest ADD COLUMN payout_scheme text;

CREATE OR REPLACE VIEW telemetry_v1.pool_worker AS SELECT * FROM telemetry.pool_worker;
CREATE OR REPLACE VIEW telemetry_v1.pool_worker_latest AS
    SELECT * FROM telemetry.pool_worker_latest;
CREATE OR REPLACE VIEW telemetry_v1.pool_rate AS SELECT * FROM telemetry.pool_rate;
CREATE OR REPLACE VIEW telemetry_v1.pool_rate_latest AS
SELECT rate.event_id, rate.raw_event_id, rate.subject, rate.ts, rate.account_id, rate.pool,
       rate.algorithm, rate.unit_hs, rate.usd_per_hs_day, rate.btc_per_hs_day,
       rate.max_usd_per_hs_day, rate.max_btc_per_hs_day, rate.percentile_usd_per_hs_day,
       rate.percentile_btc_per_hs_day, coalesce(rate.fee_ratio, newest.fee_ratio, fee.fee_ratio)
       AS fee_ratio, rate.received_at, rate.server_at, rate.server_id, rate.quality_flags,
       coalesce(rate.payout_scheme, newest.payout_scheme, fee.payout_scheme) AS payout_scheme
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
    SELECT r.fee_ratio, r.payout_scheme FROM telemetry.pool_rate AS r
    WHERE r.subject = newest.subject AND r.account_id = newest.account_id
      AND r.ts <= newest.ts AND r.ts > newest.ts - interval '1 day' AND r.fee_ratio IS NOT NULL
    ORDER BY r.ts DESC, r.received_at DESC, r.event_id DESC LIMIT 1) AS fee
    ON newest.fee_ratio IS NULL;

CREATE TABLE telemetry.pool_stats_tpl (
    event_id uuid NOT NULL,
    raw_event_id uuid NOT NULL,
    subject text NOT NULL,
    ts timestamptz NOT NULL,
    account_id text NOT NULL,
    pool text NOT NULL,
    algorithm text NOT NULL,
    coin text,
    merged_coins text[],
    hashrate_hs double precision,
    hashrate_1h_hs double precision,
    hashrate_24h_hs double precision,
    hashrate_7d_hs double precision,
    workers_total bigint,
    workers_active bigint,
    last_share_at timestamptz,
    unpaid_coins double precision,
    paid_coins double precision,
    payout_scheme text,
    payout_kind text,
    payout_threshold_coins double precision,
    next_payout_at timestamptz,
    next_payout_coins double precision,
    stale boolean NOT NULL,
    quality_flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (subject, ts, event_id)
);
CREATE TABLE telemetry.pool_stats_latest (
    LIKE telemetry.pool_stats_tpl INCLUDING DEFAULTS,
    PRIMARY KEY (subject)
) WITH (fillfactor = 70);

-- The same income told again has the same id and instant: it is the same row.
CREATE TABLE telemetry.pool_reward_tpl (
    event_id uuid NOT NULL,
    raw_event_id uuid NOT NULL,
    subject text NOT NULL,
    ts timestamptz NOT NULL,
    account_id text NOT NULL,
    pool text NOT NULL,
    kind text NOT NULL,
    coin text NOT NULL,
    amount_coins double precision NOT NULL,
    fee_coins double precision,
    period_s double precision,
    payout_scheme text,
    reference text,
    quality_flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (subject, ts, event_id)
);

CREATE TABLE telemetry.pool_notice_tpl (
    event_id uuid NOT NULL,
    raw_event_id uuid NOT NULL,
    subject text NOT NULL,
    ts timestamptz NOT NULL,
    account_id text NOT NULL,
    pool text NOT NULL,
    kind text NOT NULL,
    algorithm text NOT NULL,
    coin text,
    worker text,
    miner_id text,
    amount_coins double precision,
    reference text,
    text text,
    quality_flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (subject, ts, event_id)
);

INSERT INTO telemetry.storage (relation, on_column, step) VALUES
    ('pool_stats', 'ts', '28 days'),
    ('pool_reward', 'ts', '28 days'),
    ('pool_notice', 'ts', '28 days');

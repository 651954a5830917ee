-- What pools, markets and networks say, and rows for feature stores. A column is named after the
-- event's field that it keeps. The same event again is the same row.

CREATE TABLE telemetry.pool_worker_tpl (
    event_id uuid NOT NULL,
    raw_event_id uuid NOT NULL,
    subject text NOT NULL,
    ts timestamptz NOT NULL,
    account_id text NOT NULL,
    pool text NOT NULL,
    worker text NOT NULL,
    worker_id text,
    miner_id text,
    site_id text,
    algorithm text NOT NULL,
    coin text,
    hashrate_hs double precision,
    difficulty double precision,
    shares_total bigint,
    shares_recent bigint,
    hardware text,
    quality_flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (subject, ts, event_id)
);
CREATE INDEX ON telemetry.pool_worker_tpl USING brin (ts);

CREATE TABLE telemetry.pool_rate_tpl (
    event_id uuid NOT NULL,
    raw_event_id uuid NOT NULL,
    subject text NOT NULL,
    ts timestamptz NOT NULL,
    account_id text NOT NULL,
    pool text NOT NULL,
    algorithm text NOT NULL,
    unit_hs double precision NOT NULL,
    usd_per_hs_day double precision,
    btc_per_hs_day double precision,
    max_usd_per_hs_day double precision,
    max_btc_per_hs_day double precision,
    percentile_usd_per_hs_day double precision,
    percentile_btc_per_hs_day double precision,
    fee_ratio double precision,
    received_at timestamptz NOT NULL,
    server_at timestamptz,
    server_id bigint,
    quality_flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (subject, ts, event_id)
);

CREATE TABLE telemetry.pool_balance_tpl (
    event_id uuid NOT NULL,
    raw_event_id uuid NOT NULL,
    subject text NOT NULL,
    ts timestamptz NOT NULL,
    account_id text NOT NULL,
    pool text NOT NULL,
    coin text NOT NULL,
    balance_coins double precision NOT NULL,
    unpaid_coins double precision,
    paid_coins double precision,
    PRIMARY KEY (subject, ts, event_id)
);

CREATE TABLE telemetry.price_tpl (
    event_id uuid NOT NULL,
    raw_event_id uuid NOT NULL,
    ts timestamptz NOT NULL,
    coin_id text NOT NULL,
    symbol text,
    source text NOT NULL,
    fetched_at timestamptz NOT NULL,
    price_usd double precision NOT NULL,
    price_btc double precision,
    market_cap_usd double precision,
    volume_24h_usd double precision,
    change_1h_ratio double precision,
    change_24h_ratio double precision,
    change_7d_ratio double precision,
    quality_flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (coin_id, ts, event_id)
);

CREATE TABLE telemetry.indicators_tpl (
    event_id uuid NOT NULL,
    raw_event_id uuid NOT NULL,
    ts timestamptz NOT NULL,
    coin_id text NOT NULL,
    source text NOT NULL,
    step_s double precision NOT NULL,
    points bigint NOT NULL,
    rsi_14 double precision,
    ma_50_usd double precision,
    ma_200_usd double precision,
    volatility_30d_ratio double precision,
    PRIMARY KEY (coin_id, ts, event_id)
);

CREATE TABLE telemetry.network_tpl (
    event_id uuid NOT NULL,
    raw_event_id uuid NOT NULL,
    ts timestamptz NOT NULL,
    coin_id text NOT NULL,
    symbol text,
    algorithm text NOT NULL,
    source text NOT NULL,
    difficulty double precision NOT NULL,
    hashrate_hs double precision,
    block_reward_coins double precision NOT NULL,
    block_time_s double precision NOT NULL,
    height bigint,
    quality_flags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (coin_id, ts, event_id)
);

CREATE TABLE telemetry.feature_tpl (
    event_id uuid NOT NULL,
    source_event_id uuid NOT NULL,
    "group" text NOT NULL,
    entity_id text NOT NULL,
    site_id text,
    ts timestamptz NOT NULL,
    row_id text NOT NULL,
    definition integer NOT NULL,
    numbers jsonb NOT NULL,
    words jsonb NOT NULL,
    PRIMARY KEY (entity_id, ts, event_id)
);
CREATE INDEX ON telemetry.feature_tpl USING brin (ts);

-- The newest of each. Several connections may share a worker's name at a pool: each has its id.
CREATE TABLE telemetry.pool_worker_latest (
    LIKE telemetry.pool_worker_tpl INCLUDING DEFAULTS,
    UNIQUE NULLS NOT DISTINCT (account_id, worker, worker_id)
) WITH (fillfactor = 70);
CREATE TABLE telemetry.pool_rate_latest (
    LIKE telemetry.pool_rate_tpl INCLUDING DEFAULTS,
    PRIMARY KEY (account_id, algorithm)
) WITH (fillfactor = 70);
CREATE TABLE telemetry.pool_balance_latest (
    LIKE telemetry.pool_balance_tpl INCLUDING DEFAULTS,
    PRIMARY KEY (account_id, coin)
) WITH (fillfactor = 70);
CREATE TABLE telemetry.price_latest (
    LIKE telemetry.price_tpl INCLUDING DEFAULTS,
    PRIMARY KEY (coin_id)
) WITH (fillfactor = 70);
CREATE TABLE telemetry.indicators_latest (
    LIKE telemetry.indicators_tpl INCLUDING DEFAULTS,
    PRIMARY KEY (coin_id)
) WITH (fillfactor = 70);
CREATE TABLE telemetry.network_latest (
    LIKE telemetry.network_tpl INCLUDING DEFAULTS,
    PRIMARY KEY (coin_id)
) WITH (fillfactor = 70);

INSERT INTO telemetry.storage (relation, on_column, step) VALUES
    ('pool_worker', 'ts', '1 day'),
    ('pool_rate', 'ts', '28 days'),
    ('pool_balance', 'ts', '28 days'),
    ('price', 'ts', '28 days'),
    ('indicators', 'ts', '28 days'),
    ('network', 'ts', '28 days'),
    ('feature', 'ts', '1 day'),
    ('pool_worker_hourly', 'bucket_at', '28 days'),
    ('earning_hourly', 'bucket_at', '28 days'),
    ('earning_daily', 'bucket_at', '182 days');

-- pool_hour: this hour of pool_worker_hourly is to be computed again.
ALTER TABLE telemetry.dirty_bucket
    DROP CONSTRAINT dirty_bucket_kind_check,
    ADD CONSTRAINT dirty_bucket_kind_check CHECK (kind IN ('hour', 'day', 'window', 'pool_hour'));

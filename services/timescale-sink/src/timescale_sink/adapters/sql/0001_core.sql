-- Tables of the telemetry schema. A column is named after the event's field that it keeps, unit and
-- all. Tables that grow with time begin as "…_tpl": 0002 makes them hypertables or partitions.

CREATE SCHEMA telemetry;
GRANT USAGE ON SCHEMA telemetry TO minestream_writer;

-- One row per poll. NULL: the firmware did not say; 0: it said zero. Append only.
CREATE TABLE telemetry.reading_tpl (
    event_id uuid NOT NULL,
    raw_event_id uuid NOT NULL,
    ts timestamptz NOT NULL,
    miner_id text NOT NULL,
    site_id text NOT NULL,
    rack_id text,
    dialect text NOT NULL,
    model text,
    firmware text,
    algorithm text NOT NULL,
    status text NOT NULL,
    hashrate_hs double precision,
    hashrate_avg_hs double precision,
    hashrate_expected_hs double precision,
    power_w double precision,
    voltage_v double precision,
    efficiency_j_per_th double precision,
    frequency_mhz double precision,
    chip_temp_max_c double precision,
    pcb_temp_max_c double precision,
    inlet_temp_c double precision,
    outlet_temp_c double precision,
    ambient_temp_c double precision,
    fan_rpm integer[] NOT NULL DEFAULT '{}',
    fan_duty_ratio double precision,
    accepted_total bigint,
    rejected_total bigint,
    stale_total bigint,
    hw_errors_total bigint,
    uptime_s double precision,
    pool_url text,
    worker text,
    preset text,
    boards_total bigint,
    boards_healthy bigint,
    error_codes text[] NOT NULL DEFAULT '{}',
    quality_flags text[] NOT NULL DEFAULT '{}',
    quality_score double precision NOT NULL DEFAULT 1,
    evidence jsonb NOT NULL DEFAULT '{}',
    latency_ms double precision,
    error text,
    anomaly_score double precision,
    anomaly_scores jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (miner_id, ts, event_id)
);
CREATE INDEX ON telemetry.reading_tpl USING brin (ts);

-- The newest reading of each miner, its boards, and when it last said numbers.
CREATE TABLE telemetry.latest (
    LIKE telemetry.reading_tpl INCLUDING DEFAULTS,
    boards jsonb NOT NULL DEFAULT '[]',
    answered_at timestamptz,
    PRIMARY KEY (miner_id)
) WITH (fillfactor = 70);
CREATE INDEX ON telemetry.latest (site_id);

CREATE TABLE telemetry.board_tpl (
    event_id uuid NOT NULL,
    ts timestamptz NOT NULL,
    miner_id text NOT NULL,
    slot smallint NOT NULL,
    status text,
    hashrate_hs double precision,
    hashrate_expected_hs double precision,
    chips_ok bigint,
    chips_total bigint,
    chip_temp_max_c double precision,
    chip_temp_min_c double precision,
    pcb_temp_c double precision,
    frequency_mhz double precision,
    voltage_v double precision,
    power_w double precision,
    hw_errors_total bigint,
    PRIMARY KEY (miner_id, ts, slot, event_id)
);
CREATE INDEX ON telemetry.board_tpl USING brin (ts);

-- The chips of one board in one sample: arrays by position.
CREATE TABLE telemetry.chip_sample_tpl (
    event_id uuid NOT NULL,
    raw_event_id uuid NOT NULL,
    ts timestamptz NOT NULL,
    miner_id text NOT NULL,
    site_id text NOT NULL,
    slot smallint NOT NULL,
    hashrate_hs double precision[] NOT NULL,
    temp_c double precision[] NOT NULL,
    frequency_mhz double precision[] NOT NULL,
    voltage_v double precision[] NOT NULL,
    errors_total bigint[] NOT NULL,
    grade text[] NOT NULL,
    quality_flags text[] NOT NULL,
    PRIMARY KEY (miner_id, ts, slot, event_id)
);
CREATE INDEX ON telemetry.chip_sample_tpl USING brin (ts);

-- One row per miner and window; a higher revision takes the place of a lower one.
CREATE TABLE telemetry.window_tpl (
    event_id uuid NOT NULL,
    miner_id text NOT NULL,
    site_id text NOT NULL,
    window_start_at timestamptz NOT NULL,
    window_s integer NOT NULL CHECK (window_s > 0),
    revision integer NOT NULL DEFAULT 0 CHECK (revision >= 0),
    readings bigint NOT NULL,
    answered bigint NOT NULL,
    mining bigint NOT NULL,
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
    anomaly_score_max double precision,
    PRIMARY KEY (miner_id, window_start_at, window_s)
);
CREATE INDEX ON telemetry.window_tpl USING brin (window_start_at);

CREATE TABLE telemetry.anomaly_tpl (
    event_id uuid NOT NULL,
    reading_id uuid NOT NULL,
    ts timestamptz NOT NULL,
    miner_id text NOT NULL,
    site_id text NOT NULL,
    detector text NOT NULL,
    score double precision NOT NULL,
    scores jsonb NOT NULL,
    "values" jsonb NOT NULL,
    expected jsonb NOT NULL,
    PRIMARY KEY (miner_id, ts, detector, event_id)
);
CREATE INDEX ON telemetry.anomaly_tpl USING brin (ts);

-- What a poll brought, byte for byte as it lay on the topic (UTF-8 JSON); long values are
-- compressed by TOAST, with lz4 where the server has it.
CREATE TABLE telemetry.raw_event_tpl (
    event_id uuid NOT NULL,
    polled_at timestamptz NOT NULL,
    miner_id text NOT NULL,
    site_id text NOT NULL,
    collector_id text NOT NULL,
    dialect text NOT NULL,
    firmware text,
    status text NOT NULL,
    event text NOT NULL,
    PRIMARY KEY (miner_id, polled_at, event_id)
);
CREATE INDEX ON telemetry.raw_event_tpl USING brin (polled_at);
DO $$ BEGIN
    ALTER TABLE telemetry.raw_event_tpl ALTER COLUMN event SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL; -- a server built without lz4 keeps pglz
END $$;

-- Missing data: from when, to when, why. Open while ended_at is NULL.
CREATE TABLE telemetry.gap (
    gap_id uuid PRIMARY KEY,
    event_id uuid NOT NULL,
    subject text NOT NULL,
    site_id text,
    cause text NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    filled boolean NOT NULL DEFAULT false,
    lost_total bigint NOT NULL DEFAULT 0,
    reported_by text NOT NULL
);
CREATE INDEX ON telemetry.gap (subject, began_at);

-- Records that broke our contract, untouched; named by where they lay.
CREATE TABLE telemetry.dead_letter (
    service text NOT NULL,
    source_topic text NOT NULL,
    source_partition integer NOT NULL,
    source_offset bigint NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL,
    key bytea,
    value bytea,
    headers jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (service, source_topic, source_partition, source_offset)
);
CREATE INDEX ON telemetry.dead_letter (at);

-- How far each consumer group has got: the truth about offsets, moved by compare-and-set.
CREATE TABLE telemetry.kafka_offset (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer_group, topic, partition)
) WITH (fillfactor = 50);

-- The end of each miner's newest window: a reading older than that came too late for it.
CREATE TABLE telemetry.watermark (
    miner_id text PRIMARY KEY,
    window_end_at timestamptz NOT NULL
) WITH (fillfactor = 70);

-- Marks: this hour (or day) of the rollup, or the windows that this late reading touches, are to
-- be computed again. Only ever added by writers, so that they never wait for the upkeep.
CREATE TABLE telemetry.dirty_bucket (
    mark bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('hour', 'day', 'window')),
    at timestamptz NOT NULL,
    miner_id text,
    marked_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((kind = 'window') = (miner_id IS NOT NULL))
);

-- How each growing table is cut, and up to when its data have been dropped for good.
CREATE TABLE telemetry.storage (
    relation text PRIMARY KEY,
    on_column text NOT NULL,
    step interval NOT NULL,
    dropped_before timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO telemetry.storage (relation, on_column, step) VALUES
    ('reading', 'ts', '1 day'),
    ('board', 'ts', '1 day'),
    ('chip_sample', 'ts', '1 day'),
    ('raw_event', 'polled_at', '1 day'),
    ('window', 'window_start_at', '7 days'),
    ('anomaly', 'ts', '7 days'),
    ('reading_hourly', 'bucket_at', '28 days'),
    ('reading_daily', 'bucket_at', '182 days');

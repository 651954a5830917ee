-- Plain PostgreSQL: range partitions, made ahead of time and on demand, dropped whole.

-- The rollups are tables here, with the columns of TimescaleDB's continuous aggregates. They keep
-- sums, counts and extremes, never means, so that a day is the sum of its hours.
CREATE TABLE telemetry.reading_hourly_tpl (
    miner_id text NOT NULL,
    site_id text NOT NULL,
    bucket_at timestamptz NOT NULL,
    readings bigint NOT NULL,
    answered bigint NOT NULL,
    mining bigint NOT NULL,
    offline bigint NOT NULL,
    hashrate_sum_hs double precision,
    hashrate_min_hs double precision,
    hashrate_max_hs double precision,
    hashrate_expected_n bigint NOT NULL,
    hashrate_expected_sum_hs double precision,
    power_n bigint NOT NULL,
    power_sum_w double precision,
    power_min_w double precision,
    power_max_w double precision,
    chip_temp_n bigint NOT NULL,
    chip_temp_sum_c double precision,
    chip_temp_min_c double precision,
    chip_temp_max_c double precision,
    pcb_temp_max_c double precision,
    quality_sum double precision NOT NULL,
    anomaly_score_max double precision,
    PRIMARY KEY (miner_id, bucket_at, site_id)
);
CREATE INDEX ON telemetry.reading_hourly_tpl (bucket_at);
CREATE TABLE telemetry.reading_daily_tpl (LIKE telemetry.reading_hourly_tpl INCLUDING ALL);

DO $$
DECLARE cut record;
BEGIN
    FOR cut IN SELECT * FROM telemetry.storage LOOP
        EXECUTE format(
            'CREATE TABLE telemetry.%1$I (LIKE telemetry.%2$I INCLUDING ALL) PARTITION BY RANGE (%3$I)',
            cut.relation, cut.relation || '_tpl', cut.on_column);
        EXECUTE format('DROP TABLE telemetry.%I', cut.relation || '_tpl');
    END LOOP;
END $$;

-- Makes the partitions of one table that hold [since, until). Builds each on its own and attaches
-- it, which other writers do not notice. There is no default partition: a row outside is refused.
CREATE FUNCTION telemetry.ensure_partitions(
    wanted text, since timestamptz, until timestamptz
) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cut telemetry.storage;
    lower_at timestamptz;
    upper_at timestamptz;
    partition text;
    made integer := 0;
BEGIN
    SELECT * INTO STRICT cut FROM telemetry.storage WHERE relation = wanted;
    IF until - since > 400 * cut.step THEN
        RAISE EXCEPTION 'too many partitions of % at once: % to %', wanted, since, until;
    END IF;
    lower_at := date_bin(cut.step, since, '2000-01-03 00:00+00');
    WHILE lower_at < until LOOP
        upper_at := lower_at + cut.step;
        partition := wanted || '_p' || to_char(lower_at AT TIME ZONE 'UTC', 'YYYYMMDD');
        IF to_regclass(format('telemetry.%I', partition)) IS NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('telemetry.ensure_partitions'));
            -- asked as rows: after the wait for the lock, to_regclass may answer from its cache
            IF NOT EXISTS (SELECT FROM pg_class AS c WHERE c.relname = partition
                           AND c.relnamespace = 'telemetry'::regnamespace) THEN
                EXECUTE format(
                    'CREATE TABLE telemetry.%I (LIKE telemetry.%I INCLUDING ALL)',
                    partition, wanted);
                EXECUTE format(
                    'ALTER TABLE telemetry.%I ATTACH PARTITION telemetry.%I '
                    'FOR VALUES FROM (%L) TO (%L)',
                    wanted, partition, lower_at, upper_at);
                made := made + 1;
            END IF;
        END IF;
        lower_at := upper_at;
    END LOOP;
    RETURN made;
END $$;

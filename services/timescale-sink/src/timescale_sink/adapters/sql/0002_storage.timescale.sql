-- TimescaleDB: hypertables, made columns after a while. How long data stay is a setting, so chunks
-- are dropped by the sink's upkeep and not by a policy that stands here.

DO $$
DECLARE cut record;
BEGIN
    FOR cut IN SELECT * FROM telemetry.storage WHERE relation NOT LIKE 'reading\_%' LOOP
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
            cut.relation, 'miner_id', cut.on_column || ' DESC');
    END LOOP;
END $$;

CALL add_columnstore_policy('telemetry.reading', after => INTERVAL '3 days');
CALL add_columnstore_policy('telemetry.board', after => INTERVAL '3 days');
CALL add_columnstore_policy('telemetry.chip_sample', after => INTERVAL '3 days');
CALL add_columnstore_policy('telemetry.raw_event', after => INTERVAL '1 day');
CALL add_columnstore_policy('telemetry.window', after => INTERVAL '14 days');
CALL add_columnstore_policy('telemetry.anomaly', after => INTERVAL '14 days');

-- Chunks make themselves.
CREATE FUNCTION telemetry.ensure_partitions(
    wanted text, since timestamptz, until timestamptz
) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 0';

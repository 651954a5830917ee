-- TimescaleDB: hypertables; see 0012.

DO $$
DECLARE cut record;
BEGIN
    FOR cut IN SELECT * FROM telemetry.storage
        WHERE relation IN ('pool_stats', 'pool_reward', 'pool_notice')
    LOOP
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
            cut.relation, 'subject', cut.on_column || ' DESC');
    END LOOP;
END $$;

CALL add_columnstore_policy('telemetry.pool_stats', after => INTERVAL '28 days');
CALL add_columnstore_policy('telemetry.pool_reward', after => INTERVAL '28 days');
CALL add_columnstore_policy('telemetry.pool_notice', after => INTERVAL '28 days');

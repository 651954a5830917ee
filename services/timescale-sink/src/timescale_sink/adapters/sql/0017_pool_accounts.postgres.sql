-- Plain PostgreSQL: partitions; see 0012.

DO $$
DECLARE cut record;
BEGIN
    FOR cut IN SELECT * FROM telemetry.storage
        WHERE relation IN ('pool_stats', 'pool_reward', 'pool_notice')
    LOOP
        EXECUTE format(
            'CREATE TABLE telemetry.%1$I (LIKE telemetry.%2$I INCLUDING ALL) PARTITION BY RANGE (%3$I)',
            cut.relation, cut.relation || '_tpl', cut.on_column);
        EXECUTE format('DROP TABLE telemetry.%I', cut.relation || '_tpl');
    END LOOP;
END $$;

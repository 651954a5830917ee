-- The contract's views of pools' accounts, incomes and notices.

CREATE VIEW telemetry_v1.pool_stats AS SELECT * FROM telemetry.pool_stats;
CREATE VIEW telemetry_v1.pool_stats_latest AS SELECT * FROM telemetry.pool_stats_latest;
CREATE VIEW telemetry_v1.pool_reward AS SELECT * FROM telemetry.pool_reward;
CREATE VIEW telemetry_v1.pool_notice AS SELECT * FROM telemetry.pool_notice;

GRANT SELECT ON ALL TABLES IN SCHEMA telemetry_v1 TO minestream_writer, minestream_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    telemetry.pool_stats, telemetry.pool_stats_latest, telemetry.pool_reward, telemetry.pool_notice
    TO minestream_writer;

-- Indicators say what of their chart was doubtful.

ALTER TABLE telemetry.indicators ADD COLUMN quality_flags text[] NOT NULL DEFAULT '{}';
ALTER TABLE telemetry.indicators_latest ADD COLUMN quality_flags text[] NOT NULL DEFAULT '{}';

CREATE OR REPLACE VIEW telemetry_v1.indicators AS SELECT * FROM telemetry.indicators;
CREATE OR REPLACE VIEW telemetry_v1.indicators_latest AS SELECT * FROM telemetry.indicators_latest;

-- When each hop let go of a reading: Kafka's record (when its sender published it), and the row
-- (just before its transaction was committed). Rows from before have none; a repeat keeps the first.

ALTER TABLE telemetry.reading
    ADD COLUMN published_at timestamptz, ADD COLUMN stored_at timestamptz;
ALTER TABLE telemetry.latest
    ADD COLUMN published_at timestamptz, ADD COLUMN stored_at timestamptz;
ALTER TABLE telemetry.raw_event
    ADD COLUMN published_at timestamptz, ADD COLUMN stored_at timestamptz;

CREATE OR REPLACE VIEW telemetry_v1.reading AS SELECT * FROM telemetry.reading;
CREATE OR REPLACE VIEW telemetry_v1.latest AS SELECT * FROM telemetry.latest;
CREATE OR REPLACE VIEW telemetry_v1.raw_event AS SELECT * FROM telemetry.raw_event;

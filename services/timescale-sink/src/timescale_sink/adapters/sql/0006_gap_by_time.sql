-- Gaps are asked for by time alone too, and leave with the rollups that they explain.

CREATE INDEX ON telemetry.gap (began_at, gap_id);

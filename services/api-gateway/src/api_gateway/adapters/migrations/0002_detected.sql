-- How urgent a miner is, and what its collector found it to speak.

ALTER TABLE fleet.miner
    ADD COLUMN priority integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN -10 AND 10),
    ADD COLUMN detected jsonb; -- as minestream.detected.v1 has it; of the present address only

CREATE OR REPLACE VIEW fleet_v1.miner AS
    SELECT miner_id, site_id, rack_id, slot, address, transport, dialect, model, algorithm, workers,
           tariff_usd_per_kwh, interval_s, sealed IS NOT NULL AS has_credentials,
           created_at, updated_at, revision, priority,
           detected ->> 'dialect' AS detected_dialect,
           detected ->> 'evidence' AS detected_by,
           (detected ->> 'detected_at')::timestamptz AS detected_at
    FROM fleet.miner;

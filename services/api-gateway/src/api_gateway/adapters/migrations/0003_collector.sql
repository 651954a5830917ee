-- Collectors at other sites: their keys, whose names they may speak for, and what they uploaded.

CREATE TABLE fleet.collector_key (
    key_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- no reference to fleet.site: a site may upload before its miners are entered here
    site_id text NOT NULL CHECK (site_id ~ '^[a-z0-9][a-z0-9-]{1,62}$'),
    name text NOT NULL,
    sha256 bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    last_used_at timestamptz
);
CREATE UNIQUE INDEX collector_key_name ON fleet.collector_key (site_id, name)
    WHERE revoked_at IS NULL;

-- A miner (or a collector, in its gaps) that the inventory lacks is the site's that told it first.
CREATE TABLE fleet.collector_claim (
    name text PRIMARY KEY,
    site_id text NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE fleet.collector_upload (
    upload_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    key_id bigint NOT NULL REFERENCES fleet.collector_key ON DELETE CASCADE,
    site_id text NOT NULL,
    outcome text NOT NULL,
    wire_bytes integer NOT NULL,
    processed integer NOT NULL,
    refused integer NOT NULL,
    waiting integer NOT NULL,
    online integer NOT NULL,
    offline integer NOT NULL,
    took_ms integer NOT NULL
);
CREATE INDEX collector_upload_at ON fleet.collector_upload (at);
CREATE INDEX collector_upload_site ON fleet.collector_upload (site_id, at);

CREATE VIEW fleet_v1.collector_key AS
    SELECT key_id, site_id, name, created_at, revoked_at, last_used_at FROM fleet.collector_key;

CREATE VIEW fleet_v1.collector_upload AS
    SELECT upload_id, at, key_id, site_id, outcome, wire_bytes, processed, refused, waiting,
           online, offline, took_ms
    FROM fleet.collector_upload;

GRANT SELECT, INSERT, UPDATE, DELETE
    ON fleet.collector_key, fleet.collector_claim, fleet.collector_upload TO minestream_writer;
GRANT SELECT ON fleet_v1.collector_key, fleet_v1.collector_upload
    TO minestream_reader, minestream_writer;

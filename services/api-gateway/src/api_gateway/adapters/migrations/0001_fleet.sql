-- The fleet as its operators entered it (fleet), what others may read of it (fleet_v1),
-- and the outbox whose rows become minestream.inventory.v1.

CREATE SCHEMA fleet;
CREATE SCHEMA fleet_v1;

CREATE TABLE fleet.site (
    site_id text PRIMARY KEY,
    name text,
    tariff_usd_per_kwh double precision CHECK (tariff_usd_per_kwh >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE fleet.rack (
    site_id text NOT NULL REFERENCES fleet.site,
    rack_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, rack_id)
);

CREATE TABLE fleet.miner (
    miner_id text PRIMARY KEY,
    site_id text NOT NULL REFERENCES fleet.site,
    rack_id text,
    slot integer CHECK (slot >= 0),
    address text NOT NULL,
    transport text NOT NULL CHECK (transport IN ('http', 'tcp', 'auto')),
    dialect text,
    model text,
    algorithm text,
    workers text[] NOT NULL DEFAULT '{}',
    tariff_usd_per_kwh double precision CHECK (tariff_usd_per_kwh >= 0),
    interval_s double precision CHECK (interval_s > 0),
    sealed jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    revision integer NOT NULL DEFAULT 1,
    FOREIGN KEY (site_id, rack_id) REFERENCES fleet.rack,
    -- private networks repeat from site to site, so an address is one miner's within its site;
    -- deferred, because one import may swap the addresses of two miners
    CONSTRAINT miner_address UNIQUE (site_id, address) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX miner_site ON fleet.miner (site_id, rack_id);

CREATE TABLE fleet.outbox (
    id bigserial PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    value text, -- JSON; null is a tombstone
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    fault text -- why Kafka will never take this row; it is kept, and no longer tried
);
CREATE INDEX outbox_waiting ON fleet.outbox (id) WHERE sent_at IS NULL AND fault IS NULL;
CREATE INDEX outbox_sent ON fleet.outbox (sent_at) WHERE sent_at IS NOT NULL;

CREATE VIEW fleet_v1.site AS
    SELECT site_id, name, tariff_usd_per_kwh, created_at, updated_at FROM fleet.site;

CREATE VIEW fleet_v1.rack AS
    SELECT site_id, rack_id, created_at FROM fleet.rack;

-- without the sealed box: whoever may open it gets it from the topic
CREATE VIEW fleet_v1.miner AS
    SELECT miner_id, site_id, rack_id, slot, address, transport, dialect, model, algorithm, workers,
           tariff_usd_per_kwh, interval_s, sealed IS NOT NULL AS has_credentials,
           created_at, updated_at, revision
    FROM fleet.miner;

GRANT USAGE ON SCHEMA fleet, fleet_v1 TO minestream_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA fleet TO minestream_writer;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA fleet TO minestream_writer;
GRANT USAGE ON SCHEMA fleet_v1 TO minestream_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA fleet_v1 TO minestream_reader, minestream_writer;

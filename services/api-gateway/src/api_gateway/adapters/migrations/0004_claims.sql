-- A claim of a name ends: with the key that told it last, or when nobody has told it for long.

ALTER TABLE fleet.collector_claim
    ADD COLUMN told_at timestamptz NOT NULL DEFAULT now(), -- infinity: an operator gave it
    ADD COLUMN key_id bigint REFERENCES fleet.collector_key ON DELETE SET NULL;
CREATE INDEX collector_claim_site ON fleet.collector_claim (site_id);

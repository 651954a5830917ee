-- What pool and market say of a reading, as of its time: never filled in later, so that a row says
-- what was known then.

ALTER TABLE telemetry.reading
    ADD COLUMN pool_hashrate_hs double precision,
    ADD COLUMN pool_coin text,
    ADD COLUMN pool_at timestamptz,
    ADD COLUMN rate_usd_per_hs_day double precision,
    ADD COLUMN revenue_basis text,
    ADD COLUMN price_at timestamptz,
    ADD COLUMN tariff_usd_per_kwh double precision,
    ADD COLUMN revenue_usd_per_day double precision,
    ADD COLUMN power_cost_usd_per_day double precision,
    ADD COLUMN profit_usd_per_day double precision;
ALTER TABLE telemetry.latest
    ADD COLUMN pool_hashrate_hs double precision,
    ADD COLUMN pool_coin text,
    ADD COLUMN pool_at timestamptz,
    ADD COLUMN rate_usd_per_hs_day double precision,
    ADD COLUMN revenue_basis text,
    ADD COLUMN price_at timestamptz,
    ADD COLUMN tariff_usd_per_kwh double precision,
    ADD COLUMN revenue_usd_per_day double precision,
    ADD COLUMN power_cost_usd_per_day double precision,
    ADD COLUMN profit_usd_per_day double precision;

CREATE OR REPLACE VIEW telemetry_v1.reading AS SELECT * FROM telemetry.reading;
CREATE OR REPLACE VIEW telemetry_v1.latest AS SELECT * FROM telemetry.latest;

-- Which gaps an instant lies in: by their beginnings alone all before it had to be looked through.

CREATE INDEX gap_span ON telemetry.gap
    USING gist (tstzrange(began_at, greatest(began_at, coalesce(ended_at, 'infinity'))));

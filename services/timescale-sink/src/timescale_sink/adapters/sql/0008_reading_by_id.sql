-- Finding one reading by an id alone. A raw event's id (UUIDv7) holds its instant, so time bounds
-- it. A reading's own id (UUIDv5) does not: each MB of the table has a Bloom filter of its ids,
-- which costs inserts 1 % and 3 bytes a row (a B-tree: 20 % and 43 bytes).

CREATE INDEX ON telemetry.reading USING brin
    (event_id uuid_bloom_ops (n_distinct_per_range = 4000, false_positive_rate = 0.001))
    WITH (autosummarize = on);

-- The instant that a UUIDv7 holds; NULL for any other.
CREATE FUNCTION telemetry_v1.instant_of(event_id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT AS $$
SELECT CASE WHEN substr(event_id::text, 15, 1) = '7' THEN 'epoch'::timestamptz
    + ('x' || substr(replace(event_id::text, '-', ''), 1, 12))::bit(48)::bigint
    * interval '1 millisecond' END
$$;

-- The readings (one, or none) that have this id, or came of the raw event that has it.
-- The planner does not know what Bloom filters are worth, hence its narrowed choice.
CREATE FUNCTION telemetry_v1.reading_by_id(wanted uuid) RETURNS SETOF telemetry_v1.reading
LANGUAGE plpgsql STABLE STRICT SET enable_seqscan = off SET enable_indexscan = off AS $$
DECLARE
    polled_at timestamptz := telemetry_v1.instant_of(wanted);
BEGIN
    IF polled_at IS NOT NULL THEN
        RETURN QUERY SELECT r.* FROM telemetry_v1.reading AS r
        WHERE r.ts >= polled_at - interval '1 second' AND r.ts < polled_at + interval '1 second'
          AND r.raw_event_id = wanted;
    ELSE
        RETURN QUERY SELECT r.* FROM telemetry_v1.reading AS r WHERE r.event_id = wanted;
    END IF;
END $$;

REVOKE ALL ON FUNCTION telemetry_v1.instant_of, telemetry_v1.reading_by_id FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry_v1.instant_of, telemetry_v1.reading_by_id
    TO minestream_writer, minestream_reader;

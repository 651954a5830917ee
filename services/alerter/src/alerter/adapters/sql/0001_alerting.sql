-- Alerts: what the rules know of each subject, what fired and when it ended, whom it was told to
-- (alerting), and what others may read of it (alerting_v1).

CREATE SCHEMA alerting;
CREATE SCHEMA alerting_v1;

-- What one rule knows of one subject: exactly as far as its partition's offset.
CREATE TABLE alerting.rule_state (
    rule text NOT NULL,
    subject text NOT NULL,
    partition integer NOT NULL,
    state jsonb NOT NULL,
    due_at timestamptz, -- fires when its partition's readings have got so far; NULL: by a reading
    PRIMARY KEY (rule, subject)
) WITH (fillfactor = 60);
CREATE INDEX rule_state_due ON alerting.rule_state (partition, due_at) WHERE due_at IS NOT NULL;

-- One trouble of one subject by one rule, from its first firing on.
CREATE TABLE alerting.alert (
    alert_id uuid PRIMARY KEY,
    number integer NOT NULL, -- of its newest transition
    rule text NOT NULL,
    subject text NOT NULL,
    phase text NOT NULL,
    began_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX alert_changed ON alerting.alert (changed_at);
CREATE INDEX alert_subject ON alerting.alert (subject, changed_at);
CREATE INDEX alert_firing ON alerting.alert (changed_at) WHERE phase = 'firing';

-- It fired, its severity changed, it was resolved. Append only.
CREATE TABLE alerting.transition (
    alert_id uuid NOT NULL REFERENCES alerting.alert ON DELETE CASCADE,
    number integer NOT NULL CHECK (number >= 1),
    event_id uuid NOT NULL UNIQUE,
    rule text NOT NULL,
    subject text NOT NULL,
    miner_id text,
    site_id text,
    rack_id text,
    severity text NOT NULL,
    phase text NOT NULL,
    summary text NOT NULL,
    value double precision,
    "limit" double precision,
    unit text,
    began_at timestamptz NOT NULL,
    fired_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    ended_at timestamptz,
    source_event_id uuid,
    traceparent text,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (alert_id, number)
);

-- The ledger: each transition, once for each channel that was configured then.
-- held:    it came out of a backlog and is told when its partition has been read to the end
-- pending: to be sent
-- sent:    the far side has taken it
-- failed:  the far side will never take it, or has not for too long; ``error`` says why
-- skipped: overtaken while it was held; nobody was told, so nobody is told of the end either
CREATE TABLE alerting.notification (
    notification_id uuid PRIMARY KEY,
    turn bigint GENERATED ALWAYS AS IDENTITY,
    alert_id uuid NOT NULL,
    number integer NOT NULL,
    channel text NOT NULL,
    state text NOT NULL CHECK (state IN ('held', 'pending', 'sent', 'failed', 'skipped')),
    partition integer NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    tried_at timestamptz,
    sent_at timestamptz,
    error text,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (alert_id, channel, number),
    FOREIGN KEY (alert_id, number) REFERENCES alerting.transition ON DELETE CASCADE
);
CREATE INDEX notification_waiting ON alerting.notification (channel, turn)
    WHERE state = 'pending';
CREATE INDEX notification_held ON alerting.notification (partition) WHERE state = 'held';

CREATE TABLE alerting.outbox (
    id bigserial PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    fault text -- why Kafka will never take this row; it is kept, and no longer tried
);
CREATE INDEX outbox_waiting ON alerting.outbox (id) WHERE sent_at IS NULL AND fault IS NULL;
CREATE INDEX outbox_sent ON alerting.outbox (sent_at) WHERE sent_at IS NOT NULL;

-- How far each consumer group has got, moved by compare-and-set; and by event time, up to when and
-- since when without a break.
CREATE TABLE alerting.kafka_offset (
    consumer_group text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    flow_until timestamptz,
    flow_since timestamptz,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer_group, topic, partition)
) WITH (fillfactor = 50);

-- The contract: columns are added here, never renamed or removed.

CREATE VIEW alerting_v1.transition AS
SELECT event_id, alert_id, number, rule, subject, miner_id, site_id, rack_id, severity, phase,
       summary, value, "limit", unit, began_at, fired_at, changed_at, ended_at, source_event_id,
       traceparent, recorded_at
FROM alerting.transition;

CREATE VIEW alerting_v1.notification AS
SELECT notification_id, alert_id, number, channel, state, attempts, due_at, tried_at, sent_at,
       error, traceparent, created_at
FROM alerting.notification;

-- One row for each alert: its newest transition, and what became of telling it.
CREATE VIEW alerting_v1.alert AS
SELECT t.event_id, t.alert_id, t.number, t.rule, t.subject, t.miner_id, t.site_id, t.rack_id,
       t.severity, t.phase, t.summary, t.value, t."limit", t.unit, t.began_at, t.fired_at,
       t.changed_at, t.ended_at, t.source_event_id, t.traceparent, t.recorded_at,
       told.notified_at, told.notified_channels, told.waiting, told.failed, told.error
FROM alerting.alert AS a
JOIN alerting.transition AS t USING (alert_id, number)
CROSS JOIN LATERAL (
    SELECT max(n.sent_at) AS notified_at,
           coalesce(array_agg(DISTINCT n.channel ORDER BY n.channel)
                        FILTER (WHERE n.state = 'sent'), '{}') AS notified_channels,
           count(*) FILTER (WHERE n.state IN ('held', 'pending')) AS waiting,
           count(*) FILTER (WHERE n.state = 'failed') AS failed,
           (array_agg(n.channel || ': ' || n.error ORDER BY n.tried_at DESC)
                FILTER (WHERE n.error IS NOT NULL AND n.state IN ('pending', 'failed')))[1] AS error
    FROM alerting.notification AS n
    WHERE n.alert_id = a.alert_id
) AS told;

GRANT USAGE ON SCHEMA alerting, alerting_v1 TO minestream_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA alerting TO minestream_writer;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA alerting TO minestream_writer;
GRANT USAGE ON SCHEMA alerting_v1 TO minestream_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA alerting_v1 TO minestream_reader, minestream_writer;

"""The SQL of the alerting schema's write path."""

from typing import Final, LiteralString

from psycopg import sql

from minestream_schemas.alert import Alert

_FIELDS: Final = tuple(Alert.model_fields)
"""What a transition keeps of its event, under the same names."""


def _columns(prefix: LiteralString = "") -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(prefix) + sql.Identifier(name) for name in _FIELDS)


READ_STATES: Final = """
SELECT s.rule, s.subject, s.partition, s.state FROM alerting.rule_state AS s
WHERE s.subject = ANY(%s)
UNION
SELECT s.rule, s.subject, s.partition, s.state FROM alerting.rule_state AS s
JOIN unnest(%s::int[], %s::timestamptz[]) AS ours (partition, until)
  ON s.partition = ours.partition AND s.due_at <= ours.until
"""
PUT_STATES: Final = """
INSERT INTO alerting.rule_state (rule, subject, partition, state, due_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::int[], %s::jsonb[], %s::timestamptz[])
ON CONFLICT (rule, subject) DO UPDATE
SET partition = excluded.partition, state = excluded.state, due_at = excluded.due_at
"""
PUT_ALERT: Final = """
INSERT INTO alerting.alert (alert_id, number, rule, subject, phase, began_at, changed_at)
VALUES (%(alert_id)s, %(number)s, %(rule)s, %(subject)s, %(phase)s, %(began_at)s, %(changed_at)s)
ON CONFLICT (alert_id) DO UPDATE
SET number = excluded.number, phase = excluded.phase, changed_at = excluded.changed_at
"""
PUT_TRANSITION: Final = sql.SQL(
    "INSERT INTO alerting.transition ({columns}, traceparent) VALUES ({values}, %(traceparent)s)"
).format(columns=_columns(), values=sql.SQL(", ").join(map(sql.Placeholder, _FIELDS)))
OVERTAKE_HELD: Final = """
UPDATE alerting.notification SET state = 'skipped', error = 'overtaken in a backlog'
WHERE alert_id = %(alert_id)s AND channel = %(channel)s AND state = 'held'
"""
PUT_NOTIFICATION: Final = """
INSERT INTO alerting.notification (notification_id, alert_id, number, channel, state, error,
    partition, traceparent)
SELECT %(notification_id)s, %(alert_id)s, %(number)s, %(channel)s,
       CASE WHEN untold THEN 'skipped' WHEN %(stale)s THEN 'held' ELSE 'pending' END,
       CASE WHEN untold THEN 'over before anybody was told' END,
       %(partition)s, %(traceparent)s
FROM (SELECT %(phase)s = 'resolved' AND NOT EXISTS (
          SELECT FROM alerting.notification
          WHERE alert_id = %(alert_id)s AND channel = %(channel)s
            AND state IN ('pending', 'sent', 'failed'))) AS so_far (untold)
"""
PUT_OUTBOX: Final = """
INSERT INTO alerting.outbox (topic, key, value, traceparent) VALUES (%s, %s, %s, %s)
"""
RELEASE_HELD: Final = """
UPDATE alerting.notification SET state = 'pending', due_at = now()
WHERE state = 'held' AND partition = ANY(%s)
"""
HELD_PARTITIONS: Final = """
SELECT DISTINCT partition FROM alerting.notification WHERE state = 'held' AND partition = ANY(%s)
"""
FIRING_OF_NOBODY: Final = sql.SQL(
    """
SELECT s.partition, {columns}, t.traceparent
FROM alerting.alert AS a
JOIN alerting.transition AS t USING (alert_id, number)
JOIN alerting.rule_state AS s ON s.rule = a.rule AND s.subject = a.subject
WHERE a.phase = 'firing' AND s.partition = ANY(%(partitions)s)
  AND (s.state ->> 'judged_at')::timestamptz < %(before)s
  AND NOT EXISTS (SELECT FROM fleet_v1.miner AS m WHERE m.miner_id = a.subject)
"""
).format(columns=_columns("t."))
FORGET_STATE: Final = "DELETE FROM alerting.rule_state WHERE rule = %s AND subject = %s"
FIRING: Final = "SELECT rule, count(*) FROM alerting.alert WHERE phase = 'firing' GROUP BY rule"

CLAIM: Final = """
SELECT n.notification_id, n.attempts, n.created_at, n.traceparent, n.alert_id, n.number,
       n.created_at <= now() - make_interval(secs => %(give_up_s)s)
FROM alerting.notification AS n
WHERE n.state = 'pending' AND n.channel = %(channel)s AND n.due_at <= now()
  AND NOT EXISTS (
      SELECT FROM alerting.notification AS earlier
      WHERE earlier.alert_id = n.alert_id AND earlier.channel = n.channel
        AND earlier.number < n.number AND earlier.state = 'pending')
ORDER BY n.turn
LIMIT 1
FOR UPDATE OF n SKIP LOCKED
"""
GIVE_UP: Final = """
UPDATE alerting.notification
SET state = 'failed', error = concat_ws(': ', 'not told for too long', error)
WHERE notification_id IN (
    SELECT notification_id FROM alerting.notification
    WHERE state = 'pending' AND channel = %(channel)s
      AND created_at <= now() - make_interval(secs => %(give_up_s)s)
    FOR UPDATE SKIP LOCKED)
"""
READ_TRANSITION: Final = sql.SQL(
    "SELECT {columns} FROM alerting.transition WHERE alert_id = %s AND number = %s"
).format(columns=_columns())
MARK_SENT: Final = """
UPDATE alerting.notification
SET state = 'sent', attempts = attempts + 1, tried_at = now(), sent_at = now(), error = %(note)s
WHERE notification_id = %(notification_id)s
"""
MARK_FAILED: Final = """
UPDATE alerting.notification
SET state = 'failed', attempts = attempts + 1, tried_at = now(), error = %(error)s
WHERE notification_id = %(notification_id)s
"""
MARK_DELAYED: Final = """
UPDATE alerting.notification
SET attempts = attempts + 1, tried_at = now(), error = %(error)s,
    due_at = now() + make_interval(secs => %(wait_s)s)
WHERE notification_id = %(notification_id)s
"""
COUNT_WAITING: Final = """
SELECT count(*) FROM alerting.notification WHERE state = 'pending' AND channel = %s
"""

FORGET_ALERTS: Final = """
DELETE FROM alerting.alert AS a
WHERE a.phase = 'resolved' AND a.changed_at < now() - make_interval(days => %s)
  AND NOT EXISTS (SELECT FROM alerting.notification AS n
                  WHERE n.alert_id = a.alert_id AND n.state IN ('held', 'pending'))
"""

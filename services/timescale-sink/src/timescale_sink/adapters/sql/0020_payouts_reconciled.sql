-- A pool that tells what it has paid in all: each rise of that sum is a payout, at the first telling
-- that has it, unless the pool's own list has what it is made of. That list may begin later, end
-- sooner (its key lost a permission) or date a payout otherwise, so each rise is looked for by
-- itself: any payout while the sum rose or half a day beside it, or the same amount within three
-- days. A sum that fell and came back (a pool's hiccup) paid nothing.
-- Of a reward that was told again with another instant the last telling counts.

CREATE INDEX pool_reward_told ON telemetry.pool_reward (event_id);

CREATE OR REPLACE VIEW telemetry_v1.pool_reward AS
    SELECT event_id, raw_event_id, subject, ts, account_id, pool, kind, coin, amount_coins,
           fee_coins, period_s, payout_scheme, reference, quality_flags
    FROM telemetry.pool_reward AS told
    WHERE NOT EXISTS (
        SELECT FROM telemetry.pool_reward AS again
        WHERE again.event_id = told.event_id
          AND (again.raw_event_id, again.ts) > (told.raw_event_id, told.ts))
    UNION ALL
    SELECT event_id, raw_event_id, subject, ts, account_id, pool, 'payout', coin, rise,
           NULL, NULL, NULL, NULL, ARRAY['seen_in_balance']
    FROM (
        SELECT *,
               -- as decimals: 1.1 - 1.0 is 0.1
               (paid_coins::numeric - before::numeric)::double precision AS rise
        FROM (
            SELECT *, CASE WHEN top <= paid_coins THEN top ELSE last END AS before
            FROM (
                SELECT event_id, raw_event_id, subject, ts, account_id, pool, coin, paid_coins,
                       lag(paid_coins) OVER told AS last, lag(ts) OVER told AS since,
                       max(paid_coins) OVER (
                           told ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS top
                FROM telemetry.pool_balance WHERE paid_coins IS NOT NULL
                WINDOW told AS (PARTITION BY account_id, subject ORDER BY ts, event_id)
            ) AS sums
        ) AS compared
        -- a sum of floats: what is less than a part in a billion of it is no payout
        WHERE paid_coins > before * (1 + 1e-9)
    ) AS seen
    WHERE NOT EXISTS (
        SELECT FROM telemetry.pool_reward AS own
        WHERE own.subject = seen.subject AND own.kind = 'payout'
          AND own.ts > seen.since - interval '3 days' AND own.ts < seen.ts + interval '3 days'
          AND (own.ts > seen.since - interval '12 hours' AND own.ts < seen.ts + interval '12 hours'
               OR abs(own.amount_coins - seen.rise)
                  <= coalesce(own.fee_coins, 0) + 1e-6 * seen.rise));

-- What was paid in all falls in two ways. A hiccup: the next sum that is told is the earlier one
-- again, or above it; then only what is above it was paid. A reset (the pool counts anew): the sum
-- grows from where it fell to, and each rise from there is a payout, also the one that passes what
-- the sum once was. A fall by itself pays nothing.

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
            SELECT *, CASE WHEN fell_before AND top <= paid_coins * (1 + 1e-9)
                           THEN top ELSE last END AS before
            FROM (
                -- the first step of each fall begins a part, and has the sum before it: the top
                SELECT *, first_value(last) OVER (
                           PARTITION BY account_id, subject, part ORDER BY ts, event_id) AS top
                FROM (
                    SELECT *, count(*) FILTER (WHERE paid_coins < last AND NOT fell_before) OVER (
                               PARTITION BY account_id, subject ORDER BY ts, event_id) AS part
                    FROM (
                        SELECT *, coalesce(lag(paid_coins < last) OVER (
                                   PARTITION BY account_id, subject ORDER BY ts, event_id),
                                   false) AS fell_before
                        FROM (
                            SELECT event_id, raw_event_id, subject, ts, account_id, pool, coin,
                                   paid_coins,
                                   lag(paid_coins) OVER told AS last, lag(ts) OVER told AS since
                            FROM telemetry.pool_balance WHERE paid_coins IS NOT NULL
                            WINDOW told AS (
                                PARTITION BY account_id, subject ORDER BY ts, event_id)
                        ) AS sums
                        -- a sum of floats: less than a part in a billion of it is no change
                        WHERE abs(paid_coins - last) > 1e-9 * last
                    ) AS changes
                ) AS parted
            ) AS topped
        ) AS compared
        WHERE paid_coins > before * (1 + 1e-9)
    ) AS seen
    WHERE NOT EXISTS (
        SELECT FROM telemetry.pool_reward AS own
        WHERE own.subject = seen.subject AND own.kind = 'payout'
          AND own.ts > seen.since - interval '3 days' AND own.ts < seen.ts + interval '3 days'
          AND (own.ts > seen.since - interval '12 hours' AND own.ts < seen.ts + interval '12 hours'
               OR abs(own.amount_coins - seen.rise)
                  <= coalesce(own.fee_coins, 0) + 1e-6 * seen.rise));

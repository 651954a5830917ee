-- A pool that tells what it has paid in all, and no single payout (Prohashing): each rise of that
-- sum is a payout, at the first telling that has it. What a pool tells itself stands as it is.

CREATE INDEX pool_balance_paid ON telemetry.pool_balance (subject, ts) WHERE paid_coins IS NOT NULL;

CREATE OR REPLACE VIEW telemetry_v1.pool_reward AS
    SELECT event_id, raw_event_id, subject, ts, account_id, pool, kind, coin, amount_coins,
           fee_coins, period_s, payout_scheme, reference, quality_flags
    FROM telemetry.pool_reward
    UNION ALL
    SELECT event_id, raw_event_id, subject, ts, account_id, pool, 'payout', coin,
           paid_coins - before, NULL, NULL, NULL, NULL, ARRAY['seen_in_balance']
    FROM (
        SELECT event_id, raw_event_id, subject, ts, account_id, pool, coin, paid_coins,
               lag(paid_coins) OVER (PARTITION BY account_id, subject ORDER BY ts, event_id) AS before
        FROM telemetry.pool_balance WHERE paid_coins IS NOT NULL
    ) AS told
    -- a sum of floats: what is less than a part in a billion of it is no payout
    WHERE paid_coins > before * (1 + 1e-9)
      AND NOT EXISTS (
          SELECT FROM telemetry.pool_reward AS own
          WHERE own.subject = told.subject AND own.kind = 'payout');

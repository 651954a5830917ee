/** Rows for tests. */

import type { Gap, Reading, StatusRow } from "../api/types";

export const NOON = Date.parse("2026-01-31T12:00:00Z");

export function at(seconds: number): string {
  return new Date(NOON + seconds * 1_000).toISOString();
}

export function row(change: Partial<StatusRow> = {}): StatusRow {
  return {
    miner_id: "m1",
    site_id: "site-a",
    ts: at(0),
    status: "mining",
    algorithm: "scrypt",
    hashrate_hs: 16e9,
    hashrate_expected_hs: 16e9,
    power_w: 3_360,
    chip_temp_max_c: 71,
    ...change,
  };
}

export function reading(change: Partial<Reading> = {}): Reading {
  return { ...row(), event_id: `event-${change.ts ?? at(0)}`, ...change };
}

export function gap(change: Partial<Gap> = {}): Gap {
  return { gap_id: "g1", subject: "m1", cause: "miner_silent", began_at: at(0), ...change };
}

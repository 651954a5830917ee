/** Rows for tests. */

import type { Alert, AlertItem, Gap, Reading, StatusRow } from "../api/types";

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

export function alert(change: Partial<Alert> = {}): Alert {
  return {
    alert_id: "a1",
    number: 1,
    rule: "temperature",
    subject: "m1",
    miner_id: "m1",
    site_id: "site-a",
    severity: "warning",
    phase: "firing",
    summary: "m1: a chip at 85.0 °C, warning above 80 °C",
    value: 85,
    limit: 80,
    unit: "°C",
    began_at: at(-60),
    fired_at: at(0),
    changed_at: at(0),
    ...change,
  };
}

export function alertItem(change: Partial<AlertItem> = {}): AlertItem {
  const told = { notified_at: null, notified_channels: [], waiting: 0, failed: 0, error: null };
  return { ...alert(), ...told, ...change };
}

/** Many changes made one, so that a frame draws once however much came. */

import type { Gap, StatusRow } from "../api/types";
import type { Payload } from "./messages";

function newest(before: StatusRow[], after: StatusRow[]): StatusRow[] {
  const byMiner = new Map<string, StatusRow>();
  for (const row of [...before, ...after]) {
    const known = byMiner.get(row.miner_id);
    if (known === undefined || Date.parse(row.ts) >= Date.parse(known.ts)) {
      byMiner.set(row.miner_id, row);
    }
  }
  return [...byMiner.values()];
}

function lastTold(before: Gap[], after: Gap[]): Gap[] {
  const byId = new Map<string, Gap>();
  for (const gap of [...before, ...after]) byId.set(gap.gap_id, gap);
  return [...byId.values()];
}

/** Changes of one subscription, the earlier first. Of status the newest stays, of readings and alerts all. */
export function mergePayloads(before: Payload, after: Payload): Payload {
  const merged: Payload = {};
  if (before.status !== undefined || after.status !== undefined) {
    merged.status = newest(before.status ?? [], after.status ?? []);
  }
  if (before.reading !== undefined || after.reading !== undefined) {
    merged.reading = [...(before.reading ?? []), ...(after.reading ?? [])];
  }
  if (before.gap !== undefined || after.gap !== undefined) {
    merged.gap = lastTold(before.gap ?? [], after.gap ?? []);
  }
  if (before.alert !== undefined || after.alert !== undefined) {
    merged.alert = [...(before.alert ?? []), ...(after.alert ?? [])];
  }
  return merged;
}

/** The newest instant of any reading in a payload, ms since 1970; null: there is none. */
export function newestInstant(payload: Payload): number | null {
  let newestAt: number | null = null;
  for (const row of [...(payload.status ?? []), ...(payload.reading ?? [])]) {
    const at = Date.parse(row.ts);
    if (!Number.isNaN(at) && (newestAt === null || at > newestAt)) newestAt = at;
  }
  return newestAt;
}

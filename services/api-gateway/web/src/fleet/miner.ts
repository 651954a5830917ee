/** A miner as the table knows it: the inventory's facts and the newest figures. */

import type { MinerItem, StatusRow } from "../api/types";

export interface Miner extends Omit<StatusRow, "ts"> {
  /** when it was last polled; null: never heard of */
  ts: string | null;
  address?: string;
  slot?: number | null;
  interval_s?: number | null;
  /** what it should make, by what it said last of that: also while it says nothing */
  hashrate_nominal_hs?: number | null;
  /** when its status changed, of those changes that this page saw */
  changedAt?: string;
  /** an alert about it fires, a warning at least */
  fires?: boolean;
}

/** A reading older than this says nothing of now, nor one older than three intervals: as the gateway's summaries have it. */
const STALE_AFTER_MS = 300_000;
const STALE_INTERVALS = 3;

export function staleAfterMs(intervalS: number | null | undefined): number {
  return Math.max(STALE_AFTER_MS, STALE_INTERVALS * (intervalS ?? 0) * 1_000);
}

/** The same, as an instant; null: never. */
export function heardAt(miner: Miner): number | null {
  if (miner.ts === null) return null;
  const at = Date.parse(miner.ts);
  return Number.isNaN(at) ? null : at;
}

/** How long ago it was polled, ms; null: never. Never negative: clocks differ a little. */
export function ageMs(miner: Miner, now: number): number | null {
  const at = heardAt(miner);
  return at === null ? null : Math.max(0, now - at);
}

export function isStale(miner: Miner, now: number): boolean {
  const age = ageMs(miner, now);
  return age !== null && age > staleAfterMs(miner.interval_s);
}

/** Does it hash, by what it says? */
export function isHashing(miner: Miner): boolean {
  return miner.status === "mining" || miner.status === "tuning";
}

export function algorithmOf(miner: Pick<Miner, "algorithm">): string {
  return miner.algorithm ?? "unknown";
}

/** What it should make; null: it has not said that yet, or too long ago to be known. */
export function nominalOf(miner: Miner): number | null {
  return miner.hashrate_expected_hs ?? miner.hashrate_nominal_hs ?? null;
}

/** Hashrate as a share of what the miner should make; null: either is not said. */
export function shareOfExpected(miner: Pick<Miner, "hashrate_hs" | "hashrate_expected_hs">) {
  const { hashrate_hs: is, hashrate_expected_hs: should } = miner;
  if (is == null || should == null || should <= 0) return null;
  return is / should;
}

/** Inventory and stream disagree about the past only: the later reading's figures count. */
export function mergeItem(known: Miner | undefined, item: MinerItem): Miner {
  if (known?.ts == null || (item.ts !== null && Date.parse(item.ts) > Date.parse(known.ts))) {
    const hashrate_nominal_hs = item.hashrate_nominal_hs ?? (known ? nominalOf(known) : null);
    return { ...known, ...item, hashrate_nominal_hs };
  }
  const { address, slot, rack_id, interval_s } = item;
  const fan_rpm = known.fan_rpm ?? item.fan_rpm;
  const hashrate_nominal_hs = nominalOf(known) ?? item.hashrate_nominal_hs ?? null;
  const lasting = { address, slot, interval_s, rack_id: known.rack_id ?? rack_id };
  return { ...known, ...lasting, fan_rpm, hashrate_nominal_hs };
}

/** A later row of the stream; what only the inventory knows stays, and so do fans. */
export function mergeRow(known: Miner | undefined, row: StatusRow): Miner {
  if (known === undefined) return row;
  if (known.ts !== null && Date.parse(row.ts) < Date.parse(known.ts)) return known;
  const { address, slot, interval_s, rack_id, algorithm, model, fan_rpm } = known;
  const hashrate_nominal_hs = nominalOf(known);
  const lasting = { address, slot, interval_s, rack_id, algorithm, model, hashrate_nominal_hs };
  // a row without fans comes from a gateway that leaves them out; one that is silent has none
  const kept = row.status === "offline" ? lasting : { ...lasting, fan_rpm };
  const changedAt = known.ts !== null && known.status !== row.status ? row.ts : known.changedAt;
  return { ...definedOnly(kept), ...row, ...(changedAt === undefined ? {} : { changedAt }) };
}

function definedOnly<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, field]) => field !== undefined),
  ) as Partial<T>;
}

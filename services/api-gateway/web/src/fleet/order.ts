/** Which miners the table shows, and in which order. */

import { STATUSES } from "../api/types";
import { needsAttention } from "./attention";
import { algorithmOf, heardAt, shareOfExpected, type Miner } from "./miner";
import { standingOf, type Standing } from "./totals";

export const SORT_KEYS = [
  "miner_id",
  "site_id",
  "status",
  "model",
  "hashrate",
  "share",
  "chip_temp",
  "fans",
  "power",
  "efficiency",
  "revenue",
  "power_cost",
  "profit",
  "boards",
  "pool",
  "anomaly",
  "heard",
] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export interface Sorting {
  key: SortKey;
  descending: boolean;
}

export interface Filter {
  /** every word must be found somewhere */
  text: string;
  /** only those that need somebody */
  attention: boolean;
  standings: ReadonlySet<Standing>;
  sites: ReadonlySet<string>;
  algorithms: ReadonlySet<string>;
}

export const NO_FILTER: Filter = {
  text: "",
  attention: false,
  standings: new Set(),
  sites: new Set(),
  algorithms: new Set(),
};

/** What needs a person first: failures before silence, silence before all that is well. */
const URGENCY: readonly Standing[] = [
  "failure",
  "offline",
  "unauthorised",
  "garbage",
  "stale",
  "unknown",
  "stopped",
  "stopping",
  "restarting",
  "starting",
  "initializing",
  "tuning",
  "mining",
];

export function urgency(standing: Standing): number {
  return URGENCY.indexOf(standing);
}

/** All standings, the most urgent first. */
export const STANDINGS: readonly Standing[] = [...STATUSES, "stale" as const].sort(
  (a, b) => urgency(a) - urgency(b),
);

type Value = string | number | null | undefined;

function slowestFan(miner: Miner): number | null {
  const fans = miner.fan_rpm ?? [];
  return fans.length === 0 ? null : Math.min(...fans);
}

function boardShare({ boards_healthy: healthy, boards_total: total }: Miner): number | null {
  return healthy == null || total == null || total === 0 ? null : healthy / total;
}

const VALUES: Readonly<Record<SortKey, (miner: Miner, now: number) => Value>> = {
  miner_id: (miner) => miner.miner_id,
  site_id: (miner) => miner.site_id,
  status: (miner, now) => urgency(standingOf(miner, now)),
  model: (miner) => miner.model,
  hashrate: (miner) => miner.hashrate_hs,
  share: shareOfExpected,
  chip_temp: (miner) => miner.chip_temp_max_c,
  fans: slowestFan,
  power: (miner) => miner.power_w,
  efficiency: (miner) => miner.efficiency_j_per_th,
  revenue: (miner) => miner.revenue_usd_per_day,
  power_cost: (miner) => miner.power_cost_usd_per_day,
  profit: (miner) => miner.profit_usd_per_day,
  boards: boardShare,
  pool: (miner) => miner.worker ?? miner.pool_url,
  anomaly: (miner) => miner.anomaly_score,
  heard: heardAt,
};

const keys = new Map<string, string>();

/** A text that compares as people count: s3 before s12. Kept, for tables sort often. */
function naturalKey(text: string): string {
  let key = keys.get(text);
  if (key === undefined) {
    key = text.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, "0"));
    keys.set(text, key);
  }
  return key;
}

function compare(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [naturalKey(`${a}`), naturalKey(`${b}`)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Sorted anew; what is not said comes last in either direction, equals go by id. */
export function sortMiners(miners: readonly Miner[], sorting: Sorting, now: number): Miner[] {
  const valueOf = VALUES[sorting.key];
  const direction = sorting.descending ? -1 : 1;
  // read each value once, not at each of n log n comparisons
  const keyed = miners.map((miner) => ({ miner, value: valueOf(miner, now) }));
  keyed.sort((a, b) => {
    if (a.value == null || b.value == null) {
      if (a.value != null) return -1;
      if (b.value != null) return 1;
    } else {
      const by = compare(a.value, b.value) * direction;
      if (by !== 0) return by;
    }
    return compare(a.miner.miner_id, b.miner.miner_id);
  });
  return keyed.map(({ miner }) => miner);
}

function textOf(miner: Miner): string {
  const { miner_id, site_id, rack_id, address, model, worker, firmware, pool_url } = miner;
  const said = [miner_id, site_id, rack_id, address, model, worker, firmware, pool_url];
  return said.filter((each) => each != null).join("\n").toLowerCase();
}

/** Those that every part of a filter lets through; an empty part lets all through. */
export function filterMiners(miners: readonly Miner[], filter: Filter, now: number): Miner[] {
  const wanted = filter.text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return miners.filter((miner) => {
    if (filter.attention && !needsAttention(miner, now)) return false;
    if (filter.standings.size > 0 && !filter.standings.has(standingOf(miner, now))) return false;
    if (filter.sites.size > 0 && !filter.sites.has(miner.site_id)) return false;
    if (filter.algorithms.size > 0 && !filter.algorithms.has(algorithmOf(miner))) return false;
    if (wanted.length === 0) return true;
    const text = textOf(miner);
    return wanted.every((word) => text.includes(word));
  });
}

export function isFiltering({ text, attention, standings, sites, algorithms }: Filter): boolean {
  return attention || text.trim() !== "" || standings.size + sites.size + algorithms.size > 0;
}

/**
 * The fleet's figures, added up: only of miners that say them and whose reading is fresh. What the
 * fleet should make is of all miners: one that is dark or silent makes none of its share.
 */

import type { MinerStatus } from "../api/types";
import { algorithmOf, isHashing, isStale, nominalOf, type Miner } from "./miner";

/** What a miner is counted as: its status, or stale when that is too old to be true of now. */
export type Standing = MinerStatus | "stale";

export function standingOf(miner: Miner, now: number): Standing {
  return isStale(miner, now) ? "stale" : miner.status;
}

export interface AlgorithmTotal {
  algorithm: string;
  miners: number;
  hashing: number;
  hashrateHs: number;
  /** of what they should make, those that are dark or silent too; null: nobody knows of any */
  share: number | null;
  /** how many miners the share is of: of the others nobody knows what they should make */
  nominals: number;
}

export interface Hottest {
  minerId: string;
  celsius: number;
}

export interface Totals {
  miners: number;
  hashing: number;
  standings: ReadonlyMap<Standing, number>;
  algorithms: readonly AlgorithmTotal[];
  powerW: number;
  /** how many miners the power is of */
  powerSaid: number;
  hottest: Hottest | null;
  revenue: Dollars;
  powerCost: Dollars;
  profit: Dollars;
}

/** US dollars a day, and how many miners they are of. */
export interface Dollars {
  usd: number;
  said: number;
}

function addDollars(sum: Dollars, usd: number | null | undefined): void {
  if (usd == null) return;
  sum.usd += usd;
  sum.said += 1;
}

interface Sum extends Omit<AlgorithmTotal, "share"> {
  comparedHs: number;
  expectedHs: number;
}

function emptySum(algorithm: string): Sum {
  return {
    algorithm,
    miners: 0,
    hashing: 0,
    hashrateHs: 0,
    nominals: 0,
    comparedHs: 0,
    expectedHs: 0,
  };
}

function addHashrate(sum: Sum, miner: Miner): void {
  if (isHashing(miner)) sum.hashing += 1;
  sum.hashrateHs += miner.hashrate_hs ?? 0;
  if (nominalOf(miner) !== null) sum.comparedHs += miner.hashrate_hs ?? 0;
}

function addNominal(sum: Sum, miner: Miner): void {
  const nominal = nominalOf(miner);
  if (nominal === null) return;
  sum.expectedHs += nominal;
  sum.nominals += 1;
}

function hotter(hottest: Hottest | null, miner: Miner): Hottest | null {
  const celsius = miner.chip_temp_max_c;
  if (celsius == null || (hottest !== null && hottest.celsius >= celsius)) return hottest;
  return { minerId: miner.miner_id, celsius };
}

/** Add a fleet up, as it is at `now` (ms since 1970, the server's clock). */
export function addUp(miners: readonly Miner[], now: number): Totals {
  const sums = new Map<string, Sum>();
  const standings = new Map<Standing, number>();
  let hashing = 0;
  let powerW = 0;
  let powerSaid = 0;
  let hottest: Hottest | null = null;
  const revenue: Dollars = { usd: 0, said: 0 };
  const powerCost: Dollars = { usd: 0, said: 0 };
  const profit: Dollars = { usd: 0, said: 0 };
  for (const miner of miners) {
    const standing = standingOf(miner, now);
    standings.set(standing, (standings.get(standing) ?? 0) + 1);
    const algorithm = algorithmOf(miner);
    const sum = sums.get(algorithm) ?? emptySum(algorithm);
    sums.set(algorithm, sum);
    sum.miners += 1;
    addNominal(sum, miner);
    if (standing === "stale" || miner.ts === null) continue;
    addHashrate(sum, miner);
    if (isHashing(miner)) hashing += 1;
    if (miner.power_w != null) {
      powerW += miner.power_w;
      powerSaid += 1;
    }
    hottest = hotter(hottest, miner);
    addDollars(revenue, miner.revenue_usd_per_day);
    addDollars(powerCost, miner.power_cost_usd_per_day);
    addDollars(profit, miner.profit_usd_per_day);
  }
  const algorithms = [...sums.values()]
    .map(({ comparedHs, expectedHs, ...sum }) => ({
      ...sum,
      share: expectedHs > 0 ? comparedHs / expectedHs : null,
    }))
    .filter((sum) => sum.algorithm !== "unknown" || sum.hashrateHs > 0)
    .sort((a, b) => b.miners - a.miners || a.algorithm.localeCompare(b.algorithm));
  return {
    miners: miners.length,
    hashing,
    standings,
    algorithms,
    powerW,
    powerSaid,
    hottest,
    revenue,
    powerCost,
    profit,
  };
}

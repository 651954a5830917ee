/** The gateway's routes that the page uses. */

import { get } from "./client";
import type {
  AlertDetail,
  AlertPage,
  Coin,
  History,
  MinerDetail,
  MinerItem,
  MinerPage,
  PoolAccount,
  SystemAnswer,
  Trace,
} from "./types";

const PAGE = 500;
/** A fleet of 50,000; more is not read, and the table says how many there are. */
const MAX_PAGES = 100;

/** The whole fleet, page by page. */
export async function listMiners(signal?: AbortSignal): Promise<MinerItem[]> {
  const miners: MinerItem[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer: MinerPage = await get("/api/v1/miners", { limit: PAGE, cursor }, signal);
    miners.push(...answer.items);
    cursor = answer.next;
    if (cursor === null) break;
  }
  return miners;
}

/** How long the gateway may wait for what the stream told of and the database has not yet, s. */
export const PATIENCE_S = 10;

/** @param wait_s - of a miner that was heard of, till it is stored */
export function getMiner(id: string, wait_s: number, signal?: AbortSignal): Promise<MinerDetail> {
  return get(`/api/v1/miners/${encodeURIComponent(id)}`, { wait_s }, signal);
}

const HISTORY_PAGE = 5_000;
const MAX_HISTORY_PAGES = 6;

/** What a miner said between two instants (ms since 1970), all pages as one. */
export async function getHistory(
  id: string,
  from: number,
  to: number,
  wait_s: number,
  signal?: AbortSignal,
): Promise<History> {
  const path = `/api/v1/miners/${encodeURIComponent(id)}/telemetry`;
  const range = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  const first: History = await get(path, { ...range, wait_s, limit: HISTORY_PAGE }, signal);
  const items = [...first.items];
  let cursor = first.next;
  for (let page = 1; page < MAX_HISTORY_PAGES && cursor !== null; page += 1) {
    const answer: History = await get(path, { cursor, limit: HISTORY_PAGE }, signal);
    items.push(...answer.items);
    cursor = answer.next;
  }
  return { ...first, items, next: cursor };
}

export function getTrace(eventId: string, signal?: AbortSignal): Promise<Trace> {
  const path = `/api/v1/readings/${encodeURIComponent(eventId)}/trace`;
  return get(path, { wait_s: PATIENCE_S }, signal);
}

export function getSystem(signal?: AbortSignal): Promise<SystemAnswer> {
  return get("/api/v1/system", {}, signal);
}

export interface AlertQuery {
  firing?: boolean;
  severity?: readonly string[];
  rule?: readonly string[];
  site?: readonly string[];
  miner?: readonly string[];
  limit: number;
}

/** Alerts by when they fired, the newest first. */
export function listAlerts(
  { firing, ...rest }: AlertQuery,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<AlertPage> {
  const asked = { ...rest, firing: firing === undefined ? null : String(firing), cursor };
  return get("/api/v1/alerts", asked, signal);
}

export function getAlert(id: string, signal?: AbortSignal): Promise<AlertDetail> {
  return get(`/api/v1/alerts/${encodeURIComponent(id)}`, {}, signal);
}

export async function listCoins(signal?: AbortSignal): Promise<Coin[]> {
  const answer: { items: Coin[] } = await get("/api/v1/market", {}, signal);
  return answer.items;
}

export async function listPools(signal?: AbortSignal): Promise<PoolAccount[]> {
  const answer: { items: PoolAccount[] } = await get("/api/v1/pools", {}, signal);
  return answer.items;
}

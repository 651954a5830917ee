/** Filter and order as the page's address says them, so that a view can be kept and shared. */

import { NO_FILTER, SORT_KEYS, STANDINGS, type Filter, type Sorting } from "./order";

export const DEFAULT_SORTING: Sorting = { key: "miner_id", descending: false };

export interface FleetView {
  filter: Filter;
  sorting: Sorting;
}

function parseSorting(text: string | null): Sorting {
  const descending = text?.startsWith("-") ?? false;
  const key = SORT_KEYS.find((each) => each === text?.replace(/^-/, ""));
  return key === undefined ? DEFAULT_SORTING : { key, descending };
}

/** What an address says; what it says wrongly is as if not said. */
export function parseView(query: URLSearchParams): FleetView {
  const said = new Set(query.getAll("status"));
  return {
    filter: {
      text: query.get("q") ?? NO_FILTER.text,
      attention: query.has("attention"),
      standings: new Set(STANDINGS.filter((standing) => said.has(standing))),
      sites: new Set(query.getAll("site")),
      algorithms: new Set(query.getAll("algorithm")),
    },
    sorting: parseSorting(query.get("sort")),
  };
}

export function formatView({ filter, sorting }: FleetView): URLSearchParams {
  const query = new URLSearchParams();
  if (filter.text !== "") query.set("q", filter.text);
  if (filter.attention) query.set("attention", "");
  for (const standing of filter.standings) query.append("status", standing);
  for (const site of filter.sites) query.append("site", site);
  for (const algorithm of filter.algorithms) query.append("algorithm", algorithm);
  if (sorting.key !== DEFAULT_SORTING.key || sorting.descending) {
    query.set("sort", `${sorting.descending ? "-" : ""}${sorting.key}`);
  }
  return query;
}

/** A set with a value put in, or taken out where it was. */
export function toggled<T>(values: ReadonlySet<T>, value: T): ReadonlySet<T> {
  const next = new Set(values);
  if (!next.delete(value)) next.add(value);
  return next;
}

/** The next order after a column's head was pressed: its best first, then the other way round. */
export function pressed(sorting: Sorting, key: Sorting["key"]): Sorting {
  if (sorting.key === key) return { key, descending: !sorting.descending };
  return { key, descending: LARGE_FIRST.has(key) };
}

const LARGE_FIRST: ReadonlySet<Sorting["key"]> = new Set([
  "hashrate",
  "chip_temp",
  "power",
  "efficiency",
  "revenue",
  "power_cost",
  "profit",
  "anomaly",
]);

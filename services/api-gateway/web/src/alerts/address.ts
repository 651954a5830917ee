/** Which alerts the page shows, as its address says it, so that a view can be kept and shared. */

import { SEVERITIES, type Alert, type Severity } from "../api/types";

export interface AlertFilter {
  severities: ReadonlySet<Severity>;
  rules: ReadonlySet<string>;
  sites: ReadonlySet<string>;
  miners: ReadonlySet<string>;
}

/** What an address says; what it says wrongly is as if not said. */
export function parseFilter(query: URLSearchParams): AlertFilter {
  const said = new Set(query.getAll("severity"));
  return {
    severities: new Set(SEVERITIES.filter((severity) => said.has(severity))),
    rules: new Set(query.getAll("rule")),
    sites: new Set(query.getAll("site")),
    miners: new Set(query.getAll("miner")),
  };
}

export function formatFilter({ severities, rules, sites, miners }: AlertFilter): URLSearchParams {
  const query = new URLSearchParams();
  for (const severity of severities) query.append("severity", severity);
  for (const rule of rules) query.append("rule", rule);
  for (const site of sites) query.append("site", site);
  for (const miner of miners) query.append("miner", miner);
  return query;
}

export function isFilteringAlerts({ severities, rules, sites, miners }: AlertFilter): boolean {
  return severities.size + rules.size + sites.size + miners.size > 0;
}

function lets(values: ReadonlySet<string>, value: string | null | undefined): boolean {
  return values.size === 0 || (value != null && values.has(value));
}

/** Those that every part of a filter lets through; an empty part lets all through. */
export function filterAlerts<T extends Alert>(alerts: readonly T[], filter: AlertFilter): T[] {
  return alerts.filter(
    (alert) =>
      lets(filter.severities, alert.severity) &&
      lets(filter.rules, alert.rule) &&
      lets(filter.sites, alert.site_id) &&
      lets(filter.miners, alert.miner_id),
  );
}

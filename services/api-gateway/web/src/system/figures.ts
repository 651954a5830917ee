/** Which figures the system's page shows, in which groups, and what each amounts to. */

import type { Sample, Service, SystemAnswer } from "../api/types";

export const GROUPS = {
  polling: [
    "minestream_targets",
    "miner_poll_total",
    "miner_poll_errors_total",
    "miner_poll_latency_ms",
    "minestream_poll_lateness_seconds",
    "minestream_polls_in_flight",
    "minestream_polls_skipped_total",
  ],
  processing: [
    "minestream_events_processed_total",
    "minestream_consumer_lag_records",
    "minestream_dead_letters_total",
    "minestream_fence_dropped_total",
    "minestream_events_late_total",
    "minestream_events_repeated_total",
    "minestream_events_rerouted_total",
    "minestream_windows_closed_total",
    "minestream_window_lateness_seconds",
  ],
  spool: [
    "minestream_events_published_total",
    "minestream_spool_events",
    "minestream_spool_age_seconds",
    "minestream_spool_bytes",
    "minestream_spool_dropped_total",
    "collector_upload_total",
    "collector_upload_latency_ms",
    "minestream_outbox_waiting",
  ],
  database: [
    "minestream_batch_rows",
    "minestream_batch_seconds",
    "minestream_database_seconds",
    "minestream_rows_written_total",
    "minestream_maintenance_seconds",
  ],
  stream: [
    "minestream_stream_clients",
    "minestream_stream_subscriptions",
    "minestream_stream_sent_total",
    "minestream_stream_coalesced_total",
    "minestream_stream_closed_total",
    "minestream_http_request_seconds",
  ],
} as const;
export type Group = keyof typeof GROUPS;
export type MetricName = (typeof GROUPS)[Group][number];

export const AGE = "minestream_event_age_seconds";

/** The way of an event through the services; hops that we do not know come after. */
const HOPS: readonly string[] = ["published", "processor", "normalised", "stored", "pushed", "judged"];

export type Unit = "s" | "ms" | "bytes" | "count";

export type Amount =
  | { kind: "gauge"; value: number }
  | { kind: "counter"; value: number; perSecond: number | null }
  | { kind: "spread"; p50: number | null; p99: number | null; count: number };

export interface Line {
  service: string;
  labels: string;
  amount: Amount;
}

export interface Row {
  metric: MetricName;
  unit: Unit;
  lines: Line[];
  /** a person should look */
  alarming: boolean;
}

/** Anything above is worth a look; of counters, what came since the last answer. */
const ALARMS: Partial<Record<MetricName, number>> = {
  minestream_spool_dropped_total: 0,
  minestream_dead_letters_total: 0,
  minestream_fence_dropped_total: 0,
  minestream_spool_events: 0,
  minestream_consumer_lag_records: 1_000,
};

function unitOf(metric: string, said: string | undefined): Unit {
  if (said === "s" || said === "ms" || said === "bytes") return said;
  if (metric.endsWith("_seconds")) return "s";
  if (metric.endsWith("_ms")) return "ms";
  return metric.endsWith("_bytes") ? "bytes" : "count";
}

/** Labels as people read them: values only, topics without what all have. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.values(labels)
    .map((value) => value.replace(/^minestream\./, "").replace(/\.v\d+$/, ""))
    .join(" ");
}

function sameLabels(a: Sample, b: Sample): boolean {
  const keys = Object.keys(a.labels);
  return (
    keys.length === Object.keys(b.labels).length &&
    keys.every((key) => a.labels[key] === b.labels[key])
  );
}

function amountOf(sample: Sample, counter: boolean, before: Sample | undefined, seconds: number): Amount | null {
  if (sample.count != null) {
    return { kind: "spread", p50: sample.p50 ?? null, p99: sample.p99 ?? null, count: sample.count };
  }
  if (sample.value == null) return null;
  if (!counter) return { kind: "gauge", value: sample.value };
  const since = before?.value == null ? null : sample.value - before.value;
  // a service that began anew counts from zero
  const perSecond = since === null || since < 0 || seconds <= 0 ? null : since / seconds;
  return { kind: "counter", value: sample.value, perSecond };
}

/** One of each: a gateway that is told of itself would be listed twice. */
export function distinctServices(services: readonly Service[]): Service[] {
  const byPlace = new Map(services.map((service) => [`${service.name} ${service.address}`, service]));
  return [...byPlace.values()];
}

function linesOf(metric: string, answer: SystemAnswer, before: SystemAnswer | null): Line[] {
  const counter = answer.meanings[metric]?.kind === "counter" || metric.endsWith("_total");
  const seconds = before === null ? 0 : (Date.parse(answer.at) - Date.parse(before.at)) / 1_000;
  return distinctServices(answer.services).flatMap((service) => {
    const past = before?.services.find(
      (each) => each.name === service.name && each.address === service.address,
    );
    return (service.metrics[metric] ?? []).flatMap((sample) => {
      const then = past?.metrics[metric]?.find((each) => sameLabels(each, sample));
      const amount = amountOf(sample, counter, then, seconds);
      if (amount === null) return [];
      return [{ service: service.name, labels: labelText(sample.labels), amount }];
    });
  });
}

/** How much of it there is, to put the most telling first. */
export function weight(amount: Amount): number {
  switch (amount.kind) {
    case "gauge":
      return amount.value;
    case "counter":
      return amount.perSecond ?? amount.value;
    case "spread":
      return amount.count;
  }
}

/** A group's rows: metrics that any service has, their series the weightiest first. */
export function rowsOf(group: Group, answer: SystemAnswer, before: SystemAnswer | null): Row[] {
  return GROUPS[group].flatMap((metric) => {
    const lines = linesOf(metric, answer, before).sort((a, b) => weight(b.amount) - weight(a.amount));
    if (lines.length === 0) return [];
    const bound = ALARMS[metric];
    const alarming =
      bound !== undefined &&
      lines.some(({ amount }) => amount.kind !== "spread" && amount.value > bound);
    return [{ metric, unit: unitOf(metric, answer.meanings[metric]?.unit), lines, alarming }];
  });
}

/** How old events are where one service has them; seconds. */
export interface Spread {
  service: string;
  p50: number | null;
  p99: number | null;
}

export interface Hop {
  hop: string;
  /** the slowest first */
  spreads: [Spread, ...Spread[]];
}

/** How old events are at each hop of their way, in its order. */
export function hopsOf(answer: SystemAnswer): Hop[] {
  const place = (hop: string) => (HOPS.includes(hop) ? HOPS.indexOf(hop) : HOPS.length);
  const byHop = new Map<string, Hop>();
  for (const { service, labels, amount } of linesOf(AGE, answer, null)) {
    if (amount.kind !== "spread") continue;
    const spread = { service, p50: amount.p50, p99: amount.p99 };
    const known = byHop.get(labels);
    if (known === undefined) byHop.set(labels, { hop: labels, spreads: [spread] });
    else known.spreads.push(spread);
  }
  for (const { spreads } of byHop.values()) spreads.sort((a, b) => (b.p50 ?? 0) - (a.p50 ?? 0));
  return [...byHop.values()].sort((a, b) => place(a.hop) - place(b.hop));
}

/** Share of one core between two answers; null: the service does not say, or began anew. */
export function cpuShare(service: Service, answer: SystemAnswer, before: SystemAnswer | null): number | null {
  const past = before?.services.find(
    (each) => each.name === service.name && each.address === service.address,
  );
  if (before === null || past?.cpu_s == null || service.cpu_s == null) return null;
  const seconds = (Date.parse(answer.at) - Date.parse(before.at)) / 1_000;
  const used = service.cpu_s - past.cpu_s;
  return seconds <= 0 || used < 0 ? null : used / seconds;
}

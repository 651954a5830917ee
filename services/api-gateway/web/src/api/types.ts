/** What the gateway says, by its contract's names. Absent and null: not said. */

export const STATUSES = [
  "mining",
  "tuning",
  "initializing",
  "starting",
  "restarting",
  "stopping",
  "stopped",
  "failure",
  "offline",
  "unauthorised",
  "garbage",
  "unknown",
] as const;
export type MinerStatus = (typeof STATUSES)[number];

export const GAP_CAUSES = [
  "miner_silent",
  "miner_unauthorised",
  "miner_unreadable",
  "collector_down",
  "link_down",
  "spool_overflow",
  "source_silent",
] as const;
export type GapCause = (typeof GAP_CAUSES)[number];

export const SEVERITIES = ["critical", "warning", "info"] as const;
export type Severity = (typeof SEVERITIES)[number];

type Said<T> = T | null | undefined;

/** What a reading is worth, and what that rests on; nothing of it is filled in later. */
export interface Money {
  pool_hashrate_hs?: Said<number>;
  pool_coin?: Said<string>;
  pool_at?: Said<string>;
  rate_usd_per_hs_day?: Said<number>;
  revenue_basis?: Said<string>;
  price_at?: Said<string>;
  tariff_usd_per_kwh?: Said<number>;
  revenue_usd_per_day?: Said<number>;
  power_cost_usd_per_day?: Said<number>;
  profit_usd_per_day?: Said<number>;
}

/** One miner's newest figures: a row of the stream's kind `status`. */
export interface StatusRow extends Money {
  miner_id: string;
  site_id: string;
  ts: string;
  status: MinerStatus;
  event_id?: Said<string>;
  raw_event_id?: Said<string>;
  rack_id?: Said<string>;
  model?: Said<string>;
  firmware?: Said<string>;
  dialect?: Said<string>;
  algorithm?: Said<string>;
  hashrate_hs?: Said<number>;
  hashrate_avg_hs?: Said<number>;
  hashrate_expected_hs?: Said<number>;
  power_w?: Said<number>;
  voltage_v?: Said<number>;
  efficiency_j_per_th?: Said<number>;
  frequency_mhz?: Said<number>;
  chip_temp_max_c?: Said<number>;
  pcb_temp_max_c?: Said<number>;
  uptime_s?: Said<number>;
  pool_url?: Said<string>;
  worker?: Said<string>;
  preset?: Said<string>;
  boards_total?: Said<number>;
  boards_healthy?: Said<number>;
  fan_rpm?: Said<readonly number[]>;
  error_codes?: Said<readonly string[]>;
  quality_flags?: Said<readonly string[]>;
  quality_score?: Said<number>;
  anomaly_score?: Said<number>;
  latency_ms?: Said<number>;
  error?: Said<string>;
}

export interface Board {
  slot: number;
  status?: Said<string>;
  hashrate_hs?: Said<number>;
  hashrate_expected_hs?: Said<number>;
  chips_ok?: Said<number>;
  chips_total?: Said<number>;
  chip_temp_max_c?: Said<number>;
  chip_temp_min_c?: Said<number>;
  pcb_temp_c?: Said<number>;
  frequency_mhz?: Said<number>;
  voltage_v?: Said<number>;
  power_w?: Said<number>;
  hw_errors_total?: Said<number>;
}

/** A whole telemetry event: the stream's kind `reading`, and REST's newest. */
export interface Reading extends StatusRow {
  event_id: string;
  inlet_temp_c?: Said<number>;
  outlet_temp_c?: Said<number>;
  ambient_temp_c?: Said<number>;
  fan_duty_ratio?: Said<number>;
  accepted_total?: Said<number>;
  rejected_total?: Said<number>;
  stale_total?: Said<number>;
  hw_errors_total?: Said<number>;
  boards?: Said<readonly Board[]>;
  anomaly_scores?: Said<Readonly<Record<string, number>>>;
  /** what dialect, unit and more were decided by */
  evidence?: Said<Readonly<Record<string, string>>>;
}

export interface Gap {
  gap_id: string;
  subject: string;
  cause: GapCause;
  began_at: string;
  site_id?: Said<string>;
  ended_at?: Said<string>;
  filled?: Said<boolean>;
  lost_total?: Said<number>;
}

/** One transition of one alert: the stream's kind `alert`. */
export interface Alert {
  alert_id: string;
  /** of the transition, from 1 */
  number: number;
  rule: string;
  subject: string;
  severity: Severity;
  phase: "firing" | "resolved";
  summary: string;
  began_at: string;
  fired_at: string;
  changed_at: string;
  event_id?: Said<string>;
  miner_id?: Said<string>;
  site_id?: Said<string>;
  rack_id?: Said<string>;
  value?: Said<number>;
  limit?: Said<number>;
  unit?: Said<string>;
  ended_at?: Said<string>;
  source_event_id?: Said<string>;
}

/** An alert as REST lists it: its newest transition, and whom that was told to. */
export interface AlertItem extends Alert {
  notified_at: string | null;
  notified_channels: string[];
  /** notifications that are yet to be sent */
  waiting: number;
  /** notifications that nobody will get */
  failed: number;
  error: string | null;
}

export interface AlertPage {
  items: AlertItem[];
  next: string | null;
}

export const NOTIFICATION_STATES = ["held", "pending", "sent", "failed", "skipped"] as const;
export type NotificationState = (typeof NOTIFICATION_STATES)[number];

export interface Notification {
  notification_id: string;
  number: number;
  channel: string;
  state: NotificationState;
  attempts: number;
  created_at: string;
  sent_at: string | null;
  error: string | null;
}

export interface AlertDetail extends AlertItem {
  transitions: Alert[];
  notifications: Notification[];
}

export interface CoinPrice {
  ts: string;
  source: string;
  price_usd: number;
  change_24h_ratio: number | null;
}

export interface Coin {
  coin_id: string;
  symbol: string | null;
  price: CoinPrice | null;
}

/** An account at a pool, and what the pool said last. */
export interface PoolAccount {
  account_id: string;
  pool: string;
  ts: string;
  workers_total: number;
  workers_fresh: number;
  workers_unmatched: number;
}

/** A row of GET /api/v1/miners: the inventory's facts and the newest figures. */
export interface MinerItem extends Omit<StatusRow, "ts"> {
  ts: string | null;
  address: string;
  slot: number | null;
  /** its own poll interval; null: the usual one */
  interval_s: number | null;
  /** what it should make: as it says, or said when it last told a hashrate */
  hashrate_nominal_hs?: Said<number>;
}

export interface MinerPage {
  items: MinerItem[];
  next: string | null;
}

export interface Entry {
  miner_id: string;
  site_id: string;
  rack_id?: Said<string>;
  slot?: Said<number>;
  address: string;
  transport?: Said<string>;
  dialect?: Said<string>;
  model?: Said<string>;
  algorithm?: Said<string>;
  workers?: Said<readonly string[]>;
  interval_s?: Said<number>;
}

export interface MinerDetail {
  miner_id: string;
  status: MinerStatus;
  entry: Entry | null;
  latest: Reading | null;
  gaps: Gap[];
}

/** One row of a history, at any resolution: each has its own names for instant and means. */
export interface HistoryItem {
  ts?: string;
  window_start_at?: string;
  bucket_at?: string;
  hashrate_hs?: Said<number>;
  hashrate_expected_hs?: Said<number>;
  power_w?: Said<number>;
  chip_temp_max_c?: Said<number>;
  hashrate_mean_hs?: Said<number>;
  hashrate_min_hs?: Said<number>;
  hashrate_max_hs?: Said<number>;
  hashrate_expected_mean_hs?: Said<number>;
  power_mean_w?: Said<number>;
  chip_temp_mean_c?: Said<number>;
}

export type Resolution = "raw" | "window" | "hour" | "day";

export interface History {
  miner_id: string;
  resolution: Resolution;
  from: string;
  to: string;
  items: HistoryItem[];
  gaps: Gap[];
  next: string | null;
}

export interface TraceStep {
  step: string;
  at: string;
  after_s: number;
  service?: Said<string>;
}

export interface TraceSpan {
  name: string;
  service: string;
  began_at: string;
  ended_at: string;
  span_id: string;
  parent_id: string | null;
  error: string | null;
}

export interface Trace {
  /** null: no reading has come of the poll yet */
  event_id: string | null;
  raw_event_id: string;
  miner_id: string;
  began_at: string;
  trace_id: string;
  sampled: boolean;
  steps: TraceStep[];
  spans: TraceSpan[];
}

export interface Sample {
  labels: Readonly<Record<string, string>>;
  value?: Said<number>;
  count?: Said<number>;
  sum?: Said<number>;
  p50?: Said<number>;
  p99?: Said<number>;
}

export interface Service {
  name: string;
  address: string;
  ready: boolean;
  faults: Readonly<Record<string, string>>;
  notes?: Readonly<Record<string, string>>;
  up_s: number | null;
  memory_bytes: number | null;
  cpu_s: number | null;
  metrics: Readonly<Record<string, readonly Sample[]>>;
}

export interface Meaning {
  kind: string;
  meaning: string;
  unit: string;
}

export interface SystemAnswer {
  at: string;
  services: Service[];
  meanings: Readonly<Record<string, Meaning>>;
}

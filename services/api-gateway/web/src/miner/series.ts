/** A history and the readings since, as the series of a chart: nothing drawn where nothing is known. */

import type { Gap, GapCause, History, HistoryItem, Resolution } from "../api/types";

export const SERIES = ["hashrate", "chipTemp", "power"] as const;
export type SeriesName = (typeof SERIES)[number];

export const RANGES = { m15: 0.25, h1: 1, h6: 6, h24: 24, d7: 168 } as const;
export type Range = keyof typeof RANGES;

const HOUR_MS = 3_600_000;

export function rangeMs(range: Range): number {
  return RANGES[range] * HOUR_MS;
}

/** A shorter span would make noise look large. */
const LEAST_S = 300;
/** So small a part of the range without anything known is no reason to show less of it. */
const SLACK = 0.05;

/**
 * Where the chart begins: at its range's beginning, or, where nothing is known of that, later.
 *
 * @param to - the chart's end; this and the others in s since 1970
 * @param known - the first instant that anything is known of: a reading, or a gap
 */
export function fittedFrom(range: Range, to: number, known: number | null): number {
  const whole = rangeMs(range) / 1_000;
  const from = to - whole;
  if (known === null || known - from < whole * SLACK) return from;
  return Math.max(from, Math.min(known, to - LEAST_S));
}

type Values = (number | null)[];

/** Columns of one length; times in s since 1970, rising. null: not known. */
export interface ChartData {
  times: number[];
  hashrate: Values;
  expected: Values;
  chipTemp: Values;
  power: Values;
}

export interface ChartGap {
  id: string;
  cause: GapCause;
  /** s since 1970 */
  from: number;
  /** null: open */
  to: number | null;
  filled: boolean;
}

interface Point {
  at: number;
  hashrate: number | null;
  expected: number | null;
  chipTemp: number | null;
  power: number | null;
}

function instantOf(item: HistoryItem): number {
  return Date.parse(item.ts ?? item.window_start_at ?? item.bucket_at ?? "") / 1_000;
}

function pointOf(item: HistoryItem): Point {
  return {
    at: instantOf(item),
    hashrate: item.hashrate_hs ?? item.hashrate_mean_hs ?? null,
    expected: item.hashrate_expected_hs ?? item.hashrate_expected_mean_hs ?? null,
    chipTemp: item.chip_temp_max_c ?? item.chip_temp_mean_c ?? null,
    power: item.power_w ?? item.power_mean_w ?? null,
  };
}

/** Twice and a half the usual distance is a reading that did not come. */
const MISSED = 2.5;

/** The usual distance between neighbours: the median, which gaps do not move. */
export function usualDistance(times: readonly number[]): number | null {
  const distances = times
    .slice(1)
    .map((at, index) => at - (times[index] ?? at))
    .sort((a, b) => a - b);
  return distances[Math.floor(distances.length / 2)] ?? null;
}

function emptyPoint(at: number): Point {
  return { at, hashrate: null, expected: null, chipTemp: null, power: null };
}

/** With an empty point wherever a reading is missing, so that no line leads across. */
function broken(points: readonly Point[]): Point[] {
  const usual = usualDistance(points.map(({ at }) => at));
  if (usual === null) return [...points];
  const out: Point[] = [];
  for (const point of points) {
    const before = out.at(-1);
    if (before !== undefined && point.at - before.at > usual * MISSED) {
      out.push(emptyPoint(before.at + usual));
    }
    out.push(point);
  }
  return out;
}

/** The instants at which gaps lie between points that are near, too: an empty point in each. */
function cut(points: readonly Point[], gaps: readonly ChartGap[]): Point[] {
  const shut = gaps.filter((gap) => !gap.filled);
  const within = shut
    .map(({ from, to }) => from + ((to ?? from + 2) - from) / 2)
    .filter((at) => !points.some((point) => point.at === at));
  return [...points, ...within.map(emptyPoint)].sort((a, b) => a.at - b.at);
}

/**
 * Columns for the chart.
 *
 * @param recent - readings of the stream; those that the history has already are left out
 */
export function chartData(
  history: Pick<History, "items" | "resolution">,
  recent: readonly HistoryItem[],
  gaps: readonly ChartGap[],
): ChartData {
  const past = history.items.map(pointOf);
  const seconds = bucketSeconds(history);
  const pastEnd = (past.at(-1)?.at ?? 0) + seconds;
  const since = recent.map(pointOf).filter(({ at }) => at > pastEnd);
  const points = cut([...broken(past), ...broken(since)], gaps);
  const last = past.at(-1);
  const next = since[0];
  if (last !== undefined && next !== undefined) {
    const usual = Math.max(seconds, usualDistance(past.map(({ at }) => at)) ?? 0);
    if (next.at - last.at > usual * MISSED) {
      points.push(emptyPoint(last.at + usual));
      points.sort((a, b) => a.at - b.at);
    }
  }
  return {
    times: points.map(({ at }) => at),
    hashrate: points.map(({ hashrate }) => hashrate),
    expected: points.map(({ expected }) => expected),
    chipTemp: points.map(({ chipTemp }) => chipTemp),
    power: points.map(({ power }) => power),
  };
}

const BUCKET_S: Readonly<Record<Resolution, number>> = { raw: 0, window: 300, hour: 3_600, day: 86_400 };

/** How long an item of a history stands for, s. */
function bucketSeconds({ resolution }: Pick<History, "resolution">): number {
  return BUCKET_S[resolution];
}

/** The gaps of a history and of the stream, which knows better, by their beginnings. */
export function chartGaps(past: readonly Gap[], live: ReadonlyMap<string, Gap>): ChartGap[] {
  const byId = new Map(past.map((gap) => [gap.gap_id, gap]));
  for (const [id, gap] of live) byId.set(id, gap);
  return [...byId.values()]
    .map((gap) => ({
      id: gap.gap_id,
      cause: gap.cause,
      from: Date.parse(gap.began_at) / 1_000,
      to: gap.ended_at == null ? null : Date.parse(gap.ended_at) / 1_000,
      filled: gap.filled ?? false,
    }))
    .sort((a, b) => a.from - b.from);
}

/** Those that a range of the chart meets. */
export function gapsWithin(gaps: readonly ChartGap[], from: number, to: number): ChartGap[] {
  return gaps.filter((gap) => gap.from < to && (gap.to ?? Infinity) > from);
}

/** Those of some series that any point knows a value of; where none does, the first stands for all. */
export function toldSeries(chosen: readonly SeriesName[], data: ChartData): SeriesName[] {
  const told = chosen.filter((series) => data[series].some((value) => value !== null));
  return told.length > 0 ? told : chosen.slice(0, 1);
}

/** Where values stand alone: no line would show them. */
export function lonely(values: readonly (number | null | undefined)[]): number[] {
  const alone: number[] = [];
  values.forEach((value, at) => {
    if (value != null && values[at - 1] == null && values[at + 1] == null) alone.push(at);
  });
  return alone;
}

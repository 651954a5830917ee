/** What colours mean, and the status that has them. Every status has a shape of its own beside. */

import type { Standing } from "../fleet/totals";

export type Tone = "ok" | "info" | "warn" | "bad" | "idle";

const TONES: Readonly<Record<Standing, Tone>> = {
  mining: "ok",
  tuning: "info",
  initializing: "info",
  starting: "info",
  restarting: "info",
  stopping: "idle",
  stopped: "idle",
  failure: "bad",
  offline: "bad",
  unauthorised: "warn",
  garbage: "warn",
  unknown: "idle",
  stale: "warn",
};

export function toneOf(standing: Standing): Tone {
  return TONES[standing];
}

export const INK: Readonly<Record<Tone, string>> = {
  ok: "text-ok",
  info: "text-info",
  warn: "text-warn",
  bad: "text-bad",
  idle: "text-idle",
};

export const FILL: Readonly<Record<Tone, string>> = {
  ok: "bg-ok-fill",
  info: "bg-info-fill",
  warn: "bg-warn-fill",
  bad: "bg-bad-fill",
  idle: "bg-idle-fill",
};

/** How a share of what is expected reads: 95 % is well, under 80 % is not. */
export function toneOfShare(share: number): Tone {
  if (share >= 0.95) return "ok";
  return share >= 0.8 ? "warn" : "bad";
}

/** Chips throttle from about 85 °C on and stop at about 95 °C. */
export function toneOfChip(celsius: number): Tone {
  if (celsius >= 95) return "bad";
  return celsius >= 85 ? "warn" : "ok";
}

/** An anomaly is told from 0.8 on. */
export function toneOfAnomaly(score: number): Tone {
  if (score >= 0.8) return "bad";
  return score >= 0.5 ? "warn" : "ok";
}

/** What a severity looks like, and how many alerts of each there are. */

import { SEVERITIES, type Alert, type Severity } from "../api/types";
import type { Tone } from "../ui/tone";

const TONES: Readonly<Record<Severity, Tone>> = { critical: "bad", warning: "warn", info: "info" };

export function toneOfSeverity(severity: Severity): Tone {
  return TONES[severity];
}

export interface SeverityCount {
  severity: Severity;
  n: number;
}

/** How many of each severity, the worst first; those of which there are none are left out. */
export function countBySeverity(alerts: readonly Alert[]): SeverityCount[] {
  return SEVERITIES.map((severity) => ({
    severity,
    n: alerts.filter((alert) => alert.severity === severity).length,
  })).filter(({ n }) => n > 0);
}

export type Step = "firing" | "rose" | "fell" | "resolved";

/** What a transition is, after the one before it. */
export function severityStep(before: Alert | undefined, now: Alert): Step {
  if (now.phase === "resolved") return "resolved";
  if (before === undefined || before.phase === "resolved") return "firing";
  const worse = SEVERITIES.indexOf(now.severity) < SEVERITIES.indexOf(before.severity);
  return worse ? "rose" : "fell";
}

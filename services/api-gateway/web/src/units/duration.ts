/** How long something is, in words' parts: which unit, how many. */

export type DurationUnit = "ms" | "s" | "min" | "h" | "d";

export interface DurationPart {
  unit: DurationUnit;
  n: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** One part, rounded down: an age of 119 s is 1 min, not 2. From two of a unit on for days. */
export function ageParts(ms: number): DurationPart {
  if (ms < MINUTE) return { unit: "s", n: Math.floor(Math.max(0, ms) / SECOND) };
  if (ms < HOUR) return { unit: "min", n: Math.floor(ms / MINUTE) };
  if (ms < 2 * DAY) return { unit: "h", n: Math.floor(ms / HOUR) };
  return { unit: "d", n: Math.floor(ms / DAY) };
}

/** Up to two parts, for what lasts: 3 d 4 h, 12 min 5 s. */
export function lengthParts(ms: number): DurationPart[] {
  const whole = Math.max(0, Math.floor(ms));
  const parts: DurationPart[] = [
    { unit: "d", n: Math.floor(whole / DAY) },
    { unit: "h", n: Math.floor((whole % DAY) / HOUR) },
    { unit: "min", n: Math.floor((whole % HOUR) / MINUTE) },
    { unit: "s", n: Math.floor((whole % MINUTE) / SECOND) },
  ];
  const first = parts.findIndex((part) => part.n > 0);
  if (first === -1) return [{ unit: "s", n: 0 }];
  return parts.slice(first, first + 2).filter((part) => part.n > 0);
}

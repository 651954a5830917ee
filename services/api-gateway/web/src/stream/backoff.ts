/** How long to wait before the next attempt, and what the end of a connection means for that. */

export type Reason =
  | "restart"
  | "silent"
  | "slow"
  | "refused"
  | "too_much"
  | "no_source"
  | "unreachable";

const FIRST_MS = 500;
const LONGEST_MS = 15_000;
/** Where trying again soon would only repeat what was wrong. */
const PATIENT_MS = 30_000;

const REASONS: Readonly<Record<number, Reason>> = {
  1001: "restart",
  1009: "refused",
  1012: "restart",
  4400: "refused",
  4408: "silent",
  4413: "slow",
  4429: "too_much",
  4503: "no_source",
};

/** What a websocket's close code says; 1006 and the rest: nobody answered. */
export function reasonOf(code: number): Reason {
  return REASONS[code] ?? "unreachable";
}

/**
 * Milliseconds until the next attempt: doubling, half of it by chance, so that the browsers of a
 * whole farm do not come back at the same instant.
 *
 * @param attempt - how many have failed since data last came, from 0
 * @param chance - from 0 to 1
 */
export function delayMs(reason: Reason, attempt: number, chance: number): number {
  const longest =
    reason === "refused" || reason === "too_much"
      ? PATIENT_MS
      : Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return longest / 2 + (chance * longest) / 2;
}

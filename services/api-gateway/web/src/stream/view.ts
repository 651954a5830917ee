/** What the state of the connection means to whoever looks at the data. */

import type { ConnectionState } from "./client";

export type Condition = "connecting" | "live" | "behind" | "reconnecting";

export interface ConnectionView {
  condition: Condition;
  /** how old the newest reading is, ms; null: none has come */
  ageMs: number | null;
}

/** A fleet is polled each minute at least: data older than this hang somewhere behind the gateway. */
export const BEHIND_MS = 90_000;

/**
 * @param now - by the server's clock, ms since 1970
 */
export function viewConnection(state: ConnectionState, now: number): ConnectionView {
  const ageMs = state.dataAt === null ? null : Math.max(0, now - state.dataAt);
  if (state.phase === "live") {
    return { condition: ageMs !== null && ageMs > BEHIND_MS ? "behind" : "live", ageMs };
  }
  const first = state.phase === "connecting" && state.reason === null;
  return { condition: first ? "connecting" : "reconnecting", ageMs };
}

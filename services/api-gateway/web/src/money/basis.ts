/** What an amount rests on, and when that is too old to trust. */

import type { TFunction } from "i18next";

/** A pool's word or a price older than this is told to be stale; the processor drops it later. */
export const STALE_MS = 15 * 60_000;

export function basisName(basis: string | null | undefined, t: TFunction): string {
  return basis === "pool_rate" || basis === "network"
    ? t(`money.basisName.${basis}`)
    : t("money.basisName.unknown");
}

/** How old something is at `now`; null: it says no instant. */
export function ageOf(at: string | null | undefined, now: number): number | null {
  const since = Date.parse(at ?? "");
  return Number.isNaN(since) ? null : Math.max(0, now - since);
}

/** Which miners a person should look at: also those that mine, and are not well. */

import type { Alert } from "../api/types";
import { toneOf, toneOfAnomaly, toneOfChip } from "../ui/tone";
import { shareOfExpected, type Miner } from "./miner";
import { standingOf } from "./totals";

/** Under this share of what is expected a miner is not well, whatever it says of itself. */
const POOR_SHARE = 0.8;

const DOUBTS = ["unit_unknown", "unit_disputed"] as const;

export function fansStopped({ fan_rpm: fans, status }: Pick<Miner, "fan_rpm" | "status">): number {
  return status === "mining" ? (fans ?? []).filter((rpm) => rpm === 0).length : 0;
}

export function lacksBoards({ boards_healthy: healthy, boards_total: total }: Miner): boolean {
  return healthy != null && total != null && healthy < total;
}

/** It hashes, but nobody can tell how fast: what it says fits no unit. */
export function doubtOfUnit({ hashrate_hs: hashrate, quality_flags: flags }: Miner) {
  if (hashrate != null) return null;
  return DOUBTS.find((doubt) => flags?.includes(doubt)) ?? null;
}

/** With a mark on each that an alert fires about; one that only informs is none. */
export function withAlerts(miners: readonly Miner[], firing: readonly Alert[]): readonly Miner[] {
  const grave = firing.filter(({ severity }) => severity !== "info");
  const about = new Set(grave.map((alert) => alert.miner_id));
  if (about.size === 0) return miners;
  return miners.map((miner) => (about.has(miner.miner_id) ? { ...miner, fires: true } : miner));
}

/** Does somebody have to do something about it? */
export function needsAttention(miner: Miner, now: number): boolean {
  const tone = toneOf(standingOf(miner, now));
  if (tone === "bad" || tone === "warn") return true;
  const share = shareOfExpected(miner);
  return (
    fansStopped(miner) > 0 ||
    lacksBoards(miner) ||
    doubtOfUnit(miner) !== null ||
    miner.fires === true ||
    (share !== null && share < POOR_SHARE && miner.status === "mining") ||
    (miner.chip_temp_max_c != null && toneOfChip(miner.chip_temp_max_c) === "bad") ||
    (miner.anomaly_score != null && toneOfAnomaly(miner.anomaly_score) === "bad")
  );
}

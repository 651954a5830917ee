/** One miner as the stream tells it: its newest reading, those of late, and its gaps. */

import type { Gap, Reading } from "../api/types";
import type { Payload } from "../stream/messages";

export interface MinerSnapshot {
  latest: Reading | null;
  /** in order of time, since the page was opened */
  recent: readonly Reading[];
  /** by id; those that closed meanwhile have an end */
  gaps: ReadonlyMap<string, Gap>;
}

/** A day of a reading each 10 s; older ones are in the history. */
const MOST = 8_640;

export class MinerStore {
  private snapshot: MinerSnapshot = { latest: null, recent: [], gaps: new Map() };
  private readonly listeners = new Set<() => void>();

  constructor(private readonly minerId: string) {}

  getSnapshot = (): MinerSnapshot => this.snapshot;

  onChange = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  take(payload: Payload): void {
    const gaps = new Map(this.snapshot.gaps);
    for (const gap of payload.gap ?? []) {
      if (gap.subject === this.minerId) gaps.set(gap.gap_id, gap);
    }
    const recent = insertReadings(
      this.snapshot.recent,
      (payload.reading ?? []).filter((reading) => reading.miner_id === this.minerId),
    );
    this.snapshot = { recent, gaps, latest: recent.at(-1) ?? null };
    for (const listener of this.listeners) listener();
  }
}

/** Readings in order of time, each once; a reading told twice has the same event id. */
export function insertReadings(known: readonly Reading[], more: readonly Reading[]): Reading[] {
  const all = [...known];
  for (const reading of more) {
    const at = Date.parse(reading.ts);
    let place = all.length;
    while (place > 0 && Date.parse(all[place - 1]?.ts ?? "") > at) place -= 1;
    const twin = all[place - 1];
    if (twin?.ts === reading.ts) all[place - 1] = reading;
    else all.splice(place, 0, reading);
  }
  return all.slice(-MOST);
}

/** The fleet as the page knows it: inventory by REST, figures by the stream, drawn when told. */

import type { Gap, MinerItem } from "../api/types";
import type { Payload } from "../stream/messages";
import { heardAt, mergeItem, mergeRow, type Miner } from "./miner";

export interface FleetSnapshot {
  miners: readonly Miner[];
  /** miners, and collectors, that have gaps open */
  gaps: readonly Gap[];
  /** is anything known at all? false: still waiting for the first answer */
  known: boolean;
}

export class FleetStore {
  private readonly miners = new Map<string, Miner>();
  private readonly gaps = new Map<string, Gap>();
  private readonly listeners = new Set<() => void>();
  private seenGaps: Set<string> | null = null;
  private inventory: { listed: ReadonlySet<string>; askedAt: number } | null = null;
  private snapshot: FleetSnapshot = { miners: [], gaps: [], known: false };

  getSnapshot = (): FleetSnapshot => this.snapshot;

  /** Has it been heard of, or read in the inventory? */
  has(id: string): boolean {
    return this.miners.has(id);
  }

  onChange = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** A part of the stream's snapshot. */
  takeSnapshot(payload: Payload, part: { first: boolean; last: boolean }): void {
    if (part.first) this.seenGaps = new Set();
    for (const gap of payload.gap ?? []) this.seenGaps?.add(gap.gap_id);
    this.apply(payload);
    if (part.last) this.forgetUnseenGaps();
    this.publish();
  }

  takeChanges(payload: Payload): void {
    this.apply(payload);
    this.publish();
  }

  /**
   * The whole inventory, newly read.
   *
   * @param askedAt - when it was asked for, by the server's clock: a miner that it lacks is shown
   *   only if it was heard of later (it was added meanwhile)
   */
  takeInventory(items: readonly MinerItem[], askedAt: number): void {
    this.inventory = { listed: new Set(items.map((item) => item.miner_id)), askedAt };
    for (const item of items) {
      this.miners.set(item.miner_id, mergeItem(this.miners.get(item.miner_id), item));
    }
    this.publish();
  }

  private apply(payload: Payload): void {
    for (const row of payload.status ?? []) {
      this.miners.set(row.miner_id, mergeRow(this.miners.get(row.miner_id), row));
    }
    for (const gap of payload.gap ?? []) {
      if (gap.ended_at == null) this.gaps.set(gap.gap_id, gap);
      else this.gaps.delete(gap.gap_id);
    }
  }

  private forgetUnseenGaps(): void {
    for (const id of this.gaps.keys()) {
      if (this.seenGaps?.has(id) === false) this.gaps.delete(id);
    }
    this.seenGaps = null;
  }

  /** The stream still tells of a miner that was removed: its last reading, a gap that stays open. */
  private isRemoved(miner: Miner): boolean {
    if (this.inventory === null || this.inventory.listed.has(miner.miner_id)) return false;
    return (heardAt(miner) ?? 0) < this.inventory.askedAt;
  }

  private publish(): void {
    const miners: Miner[] = [];
    const removed = new Set<string>();
    for (const miner of this.miners.values()) {
      if (this.isRemoved(miner)) removed.add(miner.miner_id);
      else miners.push(miner);
    }
    this.snapshot = {
      miners,
      gaps: [...this.gaps.values()].filter(({ subject }) => !removed.has(subject)),
      known: true,
    };
    for (const listener of this.listeners) listener();
  }
}

/** The alerts that fire, as the stream tells them. */

import { SEVERITIES, type Alert } from "../api/types";
import type { Payload } from "../stream/messages";

export interface AlertSnapshot {
  /** the worst first, of those the newest */
  firing: readonly Alert[];
  /** has the stream told? false: nothing is known yet */
  known: boolean;
  /** grows with each transition: what was read elsewhere is to be read anew */
  revision: number;
}

/** Of alerts that are over the last numbers are kept, so that one told late does not fire again. */
const MOST_OVER = 1_000;

export class AlertStore {
  private readonly firing = new Map<string, Alert>();
  private readonly over = new Map<string, number>();
  private readonly listeners = new Set<() => void>();
  private readonly firedListeners = new Set<(alert: Alert) => void>();
  private seen: Set<string> | null = null;
  private snapshot: AlertSnapshot = { firing: [], known: false, revision: 0 };

  getSnapshot = (): AlertSnapshot => this.snapshot;

  onChange = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Called with each alert that begins to fire while the page looks. */
  onFired = (listener: (alert: Alert) => void): (() => void) => {
    this.firedListeners.add(listener);
    return () => this.firedListeners.delete(listener);
  };

  /** A part of the stream's snapshot: all that fire. */
  takeSnapshot(payload: Payload, part: { first: boolean; last: boolean }): void {
    if (part.first) this.seen = new Set();
    for (const alert of payload.alert ?? []) {
      // the gateway's word: whatever was told before, this is how it stands
      this.seen?.add(alert.alert_id);
      this.over.delete(alert.alert_id);
      this.firing.set(alert.alert_id, alert);
    }
    if (part.last) {
      for (const id of this.firing.keys()) {
        if (this.seen?.has(id) === false) this.firing.delete(id);
      }
      this.seen = null;
    }
    this.publish(part.last || this.snapshot.known);
  }

  takeChanges(payload: Payload): void {
    const began = (payload.alert ?? []).filter((alert) => this.note(alert));
    this.publish(this.snapshot.known);
    // one that was over again within a frame is no news
    for (const { alert_id: id } of began) {
      const alert = this.firing.get(id);
      if (alert !== undefined) for (const listener of this.firedListeners) listener(alert);
    }
  }

  /** Take a transition; @returns whether an alert that was not known begins to fire. */
  private note(alert: Alert): boolean {
    const { alert_id: id, number, phase } = alert;
    const fires = this.firing.get(id);
    if (number <= (fires?.number ?? this.over.get(id) ?? 0)) return false;
    this.over.delete(id);
    if (phase === "firing") {
      this.firing.set(id, alert);
      return fires === undefined;
    }
    this.firing.delete(id);
    this.over.set(id, number);
    if (this.over.size > MOST_OVER) {
      const [oldest] = this.over.keys();
      if (oldest !== undefined) this.over.delete(oldest);
    }
    return false;
  }

  private publish(known: boolean): void {
    const firing = [...this.firing.values()].sort(byUrgency);
    this.snapshot = { firing, known, revision: this.snapshot.revision + 1 };
    for (const listener of this.listeners) listener();
  }
}

/** The worst first, then the newest, then by id. */
export function byUrgency(a: Alert, b: Alert): number {
  return (
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    Date.parse(b.fired_at) - Date.parse(a.fired_at) ||
    a.alert_id.localeCompare(b.alert_id)
  );
}

/** What lives as long as the page: the stream, and the fleet that it feeds. */

import { createContext, useContext, useEffect, useSyncExternalStore } from "react";

import { AlertStore, type AlertSnapshot } from "./alerts/store";
import { FleetStore, type FleetSnapshot } from "./fleet/store";
import { StreamClient, type ConnectionState } from "./stream/client";
import { withFrames } from "./stream/frames";
import { useNow } from "./ui/now";

export class Live {
  readonly fleet = new FleetStore();
  readonly alerts = new AlertStore();
  private watching = false;
  private watchingAlerts = false;

  constructor(readonly stream: StreamClient) {}

  /** Have the fleet follow the stream, from the first page that shows it on. */
  watchFleet(): void {
    if (this.watching) return;
    this.watching = true;
    this.stream.subscribe(
      { kinds: ["status", "gap"] },
      {
        snapshot: (payload, part) => this.fleet.takeSnapshot(payload, part),
        changes: (payload) => this.fleet.takeChanges(payload),
      },
    );
  }

  /** Have the alerts follow the stream, as long as the page lives. */
  watchAlerts(): void {
    if (this.watchingAlerts) return;
    this.watchingAlerts = true;
    this.stream.subscribe(
      { kinds: ["alert"] },
      {
        snapshot: (payload, part) => this.alerts.takeSnapshot(payload, part),
        changes: (payload) => this.alerts.takeChanges(payload),
      },
    );
  }
}

function streamAddress({ protocol, host }: Location): string {
  return `${protocol === "https:" ? "wss:" : "ws:"}//${host}/api/v1/stream`;
}

/** The stream of this page's own origin, awake when the page or the network is. */
export function goLive(): Live {
  const stream = new StreamClient({ url: streamAddress(location), schedule: withFrames });
  addEventListener("online", () => stream.nudge());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) stream.nudge();
  });
  stream.start();
  return new Live(stream);
}

const Context = createContext<Live | null>(null);

export const LiveProvider = Context.Provider;

export function useLive(): Live {
  const live = useContext(Context);
  if (live === null) throw new Error("no LiveProvider above");
  return live;
}

export function useConnection(): ConnectionState {
  const { stream } = useLive();
  return useSyncExternalStore(stream.onState, stream.getState);
}

export function useFleet(): FleetSnapshot {
  const live = useLive();
  useEffect(() => live.watchFleet(), [live]);
  return useSyncExternalStore(live.fleet.onChange, live.fleet.getSnapshot);
}

export function useAlerts(): AlertSnapshot {
  const live = useLive();
  useEffect(() => live.watchAlerts(), [live]);
  return useSyncExternalStore(live.alerts.onChange, live.alerts.getSnapshot);
}

/** The server's clock, ms since 1970, once a second: what ages are counted by. */
export function useServerNow(): number {
  const { stream } = useLive();
  const offset = useSyncExternalStore(stream.onState, () => stream.getState().clockOffset);
  return useNow() + offset;
}

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";

import { getHistory, getMiner, getTrace, PATIENCE_S } from "../api/gateway";
import { useLive } from "../live";
import { rangeMs, type Range } from "./series";
import { MinerStore } from "./store";

/** One miner's readings and gaps, as they come. */
export function useLiveMiner(id: string) {
  const { stream } = useLive();
  const store = useMemo(() => new MinerStore(id), [id]);
  useEffect(
    () =>
      stream.subscribe(
        { kinds: ["reading", "gap"], miners: [id] },
        { snapshot: (payload) => store.take(payload), changes: (payload) => store.take(payload) },
      ),
    [stream, store, id],
  );
  return useSyncExternalStore(store.onChange, store.getSnapshot);
}

/** How long to wait for a miner's rows: one that was heard of has some soon; a stranger has none. */
function useWaitS(id: string): () => number {
  const { fleet } = useLive();
  return () => (fleet.has(id) ? PATIENCE_S : 0);
}

const DETAIL_MS = 30_000;

/** What the gateway's database knows of it: its entry, its newest reading, open gaps. */
export function useMinerDetail(id: string) {
  const waitS = useWaitS(id);
  return useQuery({
    queryKey: ["miner", id],
    queryFn: ({ signal }) => getMiner(id, waitS(), signal),
    refetchInterval: DETAIL_MS,
  });
}

const HISTORY_MS = 60_000;

/** Its past, read anew now and then: windows close late, gaps get filled. */
export function useHistory(id: string, range: Range) {
  const { stream } = useLive();
  const waitS = useWaitS(id);
  return useQuery({
    queryKey: ["history", id, range],
    queryFn: ({ signal }) => {
      const to = Date.now() + stream.getState().clockOffset;
      return getHistory(id, to - rangeMs(range), to, waitS(), signal);
    },
    refetchInterval: HISTORY_MS,
    placeholderData: keepPreviousData,
  });
}

/**
 * The way of one reading.
 *
 * @param eventId - one that the gateway still waits for is not given up when this changes: where
 *   rows come later than the next reading, none would ever be shown
 */
export function useWay(eventId: string | null) {
  const [asked, setAsked] = useState(eventId);
  const way = useQuery({
    queryKey: ["way", asked],
    queryFn: ({ signal }) => getTrace(asked ?? "", signal),
    enabled: asked !== null,
    staleTime: Infinity,
    placeholderData: keepPreviousData,
  });
  if (asked !== eventId && !way.isFetching) setAsked(eventId);
  return way;
}

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useSyncExternalStore } from "react";

import { getHistory, getMiner, getTrace } from "../api/gateway";
import { ApiError } from "../api/client";
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

const DETAIL_MS = 30_000;

/** What the gateway's database knows of it: its entry, its newest reading, open gaps. */
export function useMinerDetail(id: string) {
  return useQuery({
    queryKey: ["miner", id],
    queryFn: ({ signal }) => getMiner(id, signal),
    refetchInterval: DETAIL_MS,
  });
}

const HISTORY_MS = 60_000;

/** Its past, read anew now and then: windows close late, gaps get filled. */
export function useHistory(id: string, range: Range) {
  const { stream } = useLive();
  return useQuery({
    queryKey: ["history", id, range],
    queryFn: ({ signal }) => {
      const to = Date.now() + stream.getState().clockOffset;
      return getHistory(id, to - rangeMs(range), to, signal);
    },
    refetchInterval: HISTORY_MS,
    placeholderData: keepPreviousData,
  });
}

const ON_ITS_WAY_MS = 1_000;
const ATTEMPTS = 5;

/** The way of one reading; one that is not stored by then is asked for again. */
export function useWay(eventId: string | null) {
  return useQuery({
    queryKey: ["way", eventId],
    queryFn: ({ signal }) => getTrace(eventId ?? "", signal),
    enabled: eventId !== null,
    staleTime: Infinity,
    placeholderData: keepPreviousData,
    retry: (count, error) =>
      count < ATTEMPTS && error instanceof ApiError && (error.passing || error.status === 404),
    retryDelay: ON_ITS_WAY_MS,
  });
}

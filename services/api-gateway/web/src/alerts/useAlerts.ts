import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { getAlert, listAlerts, type AlertQuery } from "../api/gateway";
import type { AlertItem } from "../api/types";
import { useAlerts } from "../live";

export type AlertChoice = Omit<AlertQuery, "firing" | "limit">;

const KEY = "alerts";
/** As many firing ones as are told with their notifications. */
const MOST_FIRING = 500;
const PAGE = 50;
/** A notification takes a moment, and no stream tells of it: this often it is looked for. */
const EACH_MS = 15_000;
/** Transitions come in bursts; what they change is read once for all of a moment. */
const SETTLE_MS = 400;

/** Have what is read of alerts be read anew soon after the stream told of one. */
export function useFreshAlerts(): void {
  const client = useQueryClient();
  const { revision } = useAlerts();
  const read = useRef(revision);
  useEffect(() => {
    if (read.current === revision) return;
    read.current = revision;
    const timer = setTimeout(() => void client.invalidateQueries({ queryKey: [KEY] }), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [client, revision]);
}

/** Those that fire, by id, with whom they were told to. */
export function useFiringDetails() {
  return useQuery({
    queryKey: [KEY, "firing"],
    queryFn: async ({ signal }) => {
      const { items } = await listAlerts({ firing: true, limit: MOST_FIRING }, null, signal);
      return new Map(items.map((item): [string, AlertItem] => [item.alert_id, item]));
    },
    refetchInterval: EACH_MS,
  });
}

/** Those that are over, page by page. */
export function useResolved(choice: AlertChoice, limit = PAGE) {
  return useInfiniteQuery({
    queryKey: [KEY, "resolved", choice, limit],
    queryFn: ({ pageParam, signal }) => listAlerts({ ...choice, firing: false, limit }, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
}

/** One alert with its transitions and notifications. */
export function useAlertDetail(id: string) {
  return useQuery({
    queryKey: [KEY, "one", id],
    queryFn: ({ signal }) => getAlert(id, signal),
    refetchInterval: EACH_MS,
  });
}

import { useQuery } from "@tanstack/react-query";

import { listCoins, listPools } from "../api/gateway";

const EACH_MS = 30_000;

/** The coins' newest prices. */
export function useCoins() {
  return useQuery({
    queryKey: ["coins"],
    queryFn: ({ signal }) => listCoins(signal),
    refetchInterval: EACH_MS,
  });
}

/** The accounts at pools, and when they were heard of last. */
export function usePools() {
  return useQuery({
    queryKey: ["pools"],
    queryFn: ({ signal }) => listPools(signal),
    refetchInterval: EACH_MS,
  });
}

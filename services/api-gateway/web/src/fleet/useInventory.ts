import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";

import { listMiners } from "../api/gateway";
import { useLive } from "../live";

const EACH_MS = 30_000;

/** Reads the inventory now and then, into the fleet: addresses, and miners never heard of. */
export function useInventory() {
  const { fleet, stream } = useLive();
  const query = useQuery({
    queryKey: ["inventory"],
    queryFn: async ({ signal }) => {
      const askedAt = Date.now() + stream.getState().clockOffset;
      return { items: await listMiners(signal), askedAt };
    },
    refetchInterval: EACH_MS,
  });
  const { data } = query;
  useEffect(() => {
    if (data !== undefined) fleet.takeInventory(data.items, data.askedAt);
  }, [data, fleet]);
  return query;
}

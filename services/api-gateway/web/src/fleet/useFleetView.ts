import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";

import { formatView, parseView, type FleetView } from "./address";

/** Filter and order of the fleet's table, kept in the page's address. */
export function useFleetView(): [FleetView, (change: Partial<FleetView>) => void] {
  const [query, setQuery] = useSearchParams();
  const view = useMemo(() => parseView(query), [query]);
  const change = useCallback(
    (part: Partial<FleetView>) => setQuery(formatView({ ...view, ...part }), { replace: true }),
    [view, setQuery],
  );
  return [view, change];
}

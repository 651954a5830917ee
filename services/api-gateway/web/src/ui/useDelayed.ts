import { useEffect, useState } from "react";

/** A value as it was `ms` ago; null until then. */
export function useDelayed<T>(value: T, ms: number): T | null {
  const [shown, setShown] = useState<T | null>(null);
  useEffect(() => {
    // not cleared when the value changes: one that changes all the time would never be shown
    setTimeout(() => setShown(value), ms);
  }, [value, ms]);
  return shown;
}

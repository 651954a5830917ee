import { useEffect, useRef, useState } from "react";

/** A value that changes often, at most once each `ms`; the last one always comes. */
export function useThrottled<T>(value: T, ms: number): T {
  const [shown, setShown] = useState(value);
  const newest = useRef(value);
  const shownAt = useRef(-Infinity);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    newest.current = value;
    // a change while one waits does not begin the wait anew: it is shown when that one would be
    if (timer.current !== undefined) return;
    const wait = Math.max(0, shownAt.current + ms - performance.now());
    timer.current = setTimeout(() => {
      timer.current = undefined;
      shownAt.current = performance.now();
      setShown(newest.current);
    }, wait);
  }, [value, ms]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
  return shown;
}

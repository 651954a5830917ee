import { useSyncExternalStore } from "react";

/** Does the window fit a media query, now and later? */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    () => matchMedia(query).matches,
  );
}

/** Wide enough for tables. */
export const WIDE = "(min-width: 48rem)";

import type { ReactNode } from "react";

import type { Standing } from "../fleet/totals";
import { INK, toneOf } from "./tone";

const ring = { fill: "none", stroke: "currentColor", strokeWidth: 1.6 } as const;

const spin: ReactNode = (
  <path d="M10.2 6A4.2 4.2 0 1 1 8 2.3" {...ring} strokeLinecap="round" />
);

/** A shape for each: round mines, broken rings change, squares rest, corners need a person. */
const SHAPES: Readonly<Record<Standing, ReactNode>> = {
  mining: <circle cx="6" cy="6" r="3.6" fill="currentColor" />,
  tuning: (
    <>
      <circle cx="6" cy="6" r="4.2" {...ring} />
      <path d="M6 1.8a4.2 4.2 0 0 1 0 8.4Z" fill="currentColor" />
    </>
  ),
  initializing: spin,
  starting: spin,
  restarting: spin,
  stopping: <rect x="2.4" y="2.4" width="7.2" height="7.2" rx="1" {...ring} />,
  stopped: <rect x="2" y="2" width="8" height="8" rx="1.4" fill="currentColor" />,
  failure: <path d="M6 .9 11.6 10.8H.4Z" fill="currentColor" />,
  offline: (
    <>
      <circle cx="6" cy="6" r="4.2" {...ring} />
      <path d="M3.2 8.8l5.6-5.6" {...ring} />
    </>
  ),
  unauthorised: <path d="M6 .8 11.2 6 6 11.2.8 6Z" fill="currentColor" />,
  garbage: <path d="M2 2l8 8M10 2l-8 8" {...ring} strokeWidth={2} strokeLinecap="round" />,
  unknown: <circle cx="6" cy="6" r="4.2" {...ring} strokeDasharray="1.6 1.7" />,
  stale: (
    <>
      <circle cx="6" cy="6" r="4.6" {...ring} />
      <path d="M6 3.4V6l1.8 1.2" {...ring} strokeLinecap="round" />
    </>
  ),
};

/** A status as a shape; what it means must stand beside it as text. */
export function StatusGlyph({ standing, size = 12 }: { standing: Standing; size?: number }) {
  return (
    <svg
      aria-hidden
      viewBox="0 0 12 12"
      width={size}
      height={size}
      className={`shrink-0 ${INK[toneOf(standing)]}`}
    >
      {SHAPES[standing]}
    </svg>
  );
}

import { clsx } from "clsx";
import type { ReactNode } from "react";

import type { Quantity } from "../units/format";
import { QuantityText } from "./Quantity";
import { INK, type Tone } from "./tone";

/** A row of figures; two a line on phones, where an odd one leads, over the whole line. */
export function Figures({ children }: { children: ReactNode }) {
  return (
    <dl className="grid grid-cols-2 overflow-hidden md:grid-flow-col md:auto-cols-fr md:grid-cols-none">
      {children}
    </dl>
  );
}

interface FigureProps {
  label: string;
  value: Quantity | null;
  /** what the value is of, standing back */
  of?: string | undefined;
  children?: ReactNode;
  tone?: Tone | undefined;
}

/** One figure, and a line about it. */
export function Figure({ label, value, of, children, tone }: FigureProps) {
  return (
    <div className="-mt-px -ml-px min-w-0 border-t border-l border-line px-3.5 py-2.5 not-md:first:nth-last-[odd]:col-span-2 md:px-4 md:py-3">
      <dt className="truncate text-xs text-ink-3">{label}</dt>
      <dd
        className={clsx(
          "text-[1.25rem] leading-7 font-semibold tracking-tight whitespace-nowrap md:mt-0.5 md:text-[1.375rem]",
          tone === undefined ? "text-ink" : INK[tone],
        )}
      >
        <QuantityText of={value} />
        {of === undefined ? null : (
          <span className="ml-[0.3em] text-[0.72em] font-medium text-ink-3">{of}</span>
        )}
      </dd>
      <dd className="truncate text-xs text-ink-2 md:mt-0.5">{children}</dd>
    </div>
  );
}

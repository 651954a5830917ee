import { clsx } from "clsx";
import type { ReactNode } from "react";

import type { Quantity } from "../units/format";
import { QuantityText } from "./Quantity";
import { INK, type Tone } from "./tone";

/** A row of figures; two a line on phones. */
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
  children?: ReactNode;
  tone?: Tone | undefined;
}

/** One figure, and a line about it. */
export function Figure({ label, value, children, tone }: FigureProps) {
  return (
    <div className="-mt-px -ml-px min-w-0 border-t border-l border-line px-4 py-3 not-md:last:odd:col-span-2">
      <dt className="truncate text-xs text-ink-3">{label}</dt>
      <dd
        className={clsx(
          "mt-0.5 text-[1.375rem] leading-7 font-semibold tracking-tight whitespace-nowrap",
          tone === undefined ? "text-ink" : INK[tone],
        )}
      >
        <QuantityText of={value} />
      </dd>
      <dd className="mt-0.5 truncate text-xs text-ink-2">{children}</dd>
    </div>
  );
}

import type { Quantity } from "../units/format";

/** A figure with its unit standing back. */
export function QuantityText({ of, className }: { of: Quantity | null; className?: string }) {
  if (of === null) return <span className="text-ink-3">–</span>;
  return (
    <span className={className}>
      {of.text}
      {of.unit === "" ? null : <span className="ml-[0.22em] text-[0.82em] text-ink-3">{of.unit}</span>}
    </span>
  );
}

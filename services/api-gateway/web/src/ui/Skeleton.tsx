import { clsx } from "clsx";

/** A place that something will take; say beside it, to those who cannot see it, what loads. */
export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden className={clsx("block animate-wait rounded bg-raised", className)} />;
}

/** Some lines of it. */
export function SkeletonLines({ label, lines = 4 }: { label: string; lines?: number }) {
  return (
    <div role="status" className="space-y-3 p-4">
      <span className="sr-only">{label}</span>
      {Array.from({ length: lines }, (_, line) => (
        <Skeleton key={line} className={line % 3 === 2 ? "h-4 w-2/3" : "h-4 w-full"} />
      ))}
    </div>
  );
}

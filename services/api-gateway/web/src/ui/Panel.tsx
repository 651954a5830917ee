import { clsx } from "clsx";
import { useId, type ReactNode } from "react";

interface PanelProps {
  title: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
  /** the content reaches the edges */
  flush?: boolean;
}

/** A part of a page under its own heading. */
export function Panel({ title, aside, children, className, flush = false }: PanelProps) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      className={clsx("min-w-0 rounded-lg border border-line bg-panel", className)}
    >
      <header className="flex min-h-11 flex-wrap items-center justify-between gap-x-4 gap-y-1.5 border-b border-line px-4 py-2">
        <h2 id={id} className="text-sm font-semibold text-ink">
          {title}
        </h2>
        {aside}
      </header>
      <div className={flush ? undefined : "p-4"}>{children}</div>
    </section>
  );
}

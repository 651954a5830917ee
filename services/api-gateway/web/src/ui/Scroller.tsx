import type { ReactNode } from "react";

interface ScrollerProps {
  readonly label: string;
  readonly children: ReactNode;
}

/** What may be wider than the page: it scrolls by itself, by keys too. */
export function Scroller({ label, children }: ScrollerProps) {
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keys
    <div tabIndex={0} role="region" aria-label={label} className="overflow-x-auto">
      {children}
    </div>
  );
}

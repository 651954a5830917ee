import { Tooltip } from "radix-ui";
import type { ReactNode } from "react";

/** More about something, on hover and on focus. The child must be focusable. */
export function Hint({ text, children }: { text: ReactNode; children: ReactNode }) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content
          sideOffset={6}
          collisionPadding={8}
          className="z-50 max-w-72 animate-arrive rounded-md border border-line-strong bg-panel px-2.5 py-1.5 text-xs text-ink-2 shadow-float"
        >
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}

import { clsx } from "clsx";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Severity } from "../api/types";
import { INK } from "../ui/tone";
import { toneOfSeverity } from "./severity";

/** A shape for each, so that colour alone says nothing: corners are worse than rounds. */
const SHAPES: Readonly<Record<Severity, ReactNode>> = {
  critical: <path d="M6 .9 11.6 10.8H.4Z" fill="currentColor" />,
  warning: <path d="M6 .8 11.2 6 6 11.2.8 6Z" fill="currentColor" />,
  info: <circle cx="6" cy="6" r="4.4" fill="currentColor" />,
};

/** A severity as a shape; what it means must stand beside it as text. */
export function SeverityGlyph({ severity, over = false }: { severity: Severity; over?: boolean }) {
  return (
    <svg
      aria-hidden
      viewBox="0 0 12 12"
      width={12}
      height={12}
      className={clsx("shrink-0", over ? "text-ink-3" : INK[toneOfSeverity(severity)])}
    >
      {SHAPES[severity]}
    </svg>
  );
}

/** How bad it is, by shape, word and colour; what is over keeps quiet. */
export function SeverityBadge({ severity, over = false }: { severity: Severity; over?: boolean }) {
  const { t } = useTranslation();
  return (
    <span
      className={clsx(
        "inline-flex items-center gap-1.5 whitespace-nowrap",
        over ? "text-ink-2" : `font-medium ${INK[toneOfSeverity(severity)]}`,
      )}
    >
      <SeverityGlyph severity={severity} over={over} />
      {t(`alerts.severity.${severity}`)}
    </span>
  );
}

import { clsx } from "clsx";
import { useTranslation } from "react-i18next";

import { useAlerts } from "../live";
import { useFormat } from "../ui/useFormat";
import { countBySeverity } from "./severity";
import { SeverityGlyph } from "./Severity";

/** How many alerts fire, by severity; nothing where none does. */
export function FiringBadge({ compact = false }: { compact?: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const counts = countBySeverity(useAlerts().firing);
  if (counts.length === 0) return null;
  // little room: the worst alone
  const shown = compact ? counts.slice(0, 1) : counts;
  const words = counts.map(({ severity, n }) =>
    t("pair", { name: t(`alerts.severity.${severity}`), value: format.count(n) }),
  );
  return (
    <span
      data-firing={counts.reduce((sum, { n }) => sum + n, 0)}
      className={clsx(
        "flex items-center gap-1.5",
        compact
          ? "absolute -top-1.5 left-full -ml-1 rounded-full bg-panel px-1 leading-4 ring-1 ring-line-strong"
          : "ml-auto",
      )}
    >
      {shown.map(({ severity, n }) => (
        <span
          key={severity}
          aria-hidden
          className="flex items-center gap-0.5 text-2xs font-semibold text-ink"
        >
          <SeverityGlyph severity={severity} />
          {format.count(n)}
        </span>
      ))}
      <span className="sr-only">{words.join(", ")}</span>
    </span>
  );
}

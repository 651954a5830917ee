import { clsx } from "clsx";
import { useTranslation } from "react-i18next";

import type { Standing } from "../fleet/totals";
import { StatusGlyph } from "./StatusGlyph";
import { INK, toneOf } from "./tone";

/** What a miner does, by shape, word and colour; health keeps quiet. */
export function StatusBadge({ standing, quiet = true }: { standing: Standing; quiet?: boolean }) {
  const { t } = useTranslation();
  const plain = quiet && (standing === "mining" || standing === "stopped");
  return (
    <span
      className={clsx(
        "inline-flex items-center gap-1.5 whitespace-nowrap",
        plain ? "text-ink-2" : `font-medium ${INK[toneOf(standing)]}`,
      )}
      title={t(`statusMeaning.${standing}`)}
    >
      <StatusGlyph standing={standing} />
      {t(`status.${standing}`)}
    </span>
  );
}

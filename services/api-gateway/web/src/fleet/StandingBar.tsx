import { clsx } from "clsx";
import { TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";

import { StatusGlyph } from "../ui/StatusGlyph";
import { FILL, toneOf } from "../ui/tone";
import { useFormat } from "../ui/useFormat";
import { STANDINGS } from "./order";
import type { Standing, Totals } from "./totals";

interface StandingBarProps {
  totals: Totals;
  chosen: ReadonlySet<Standing>;
  onToggle: (standing: Standing) => void;
  /** how many need somebody */
  attention: number;
  onlyAttention: boolean;
  onAttention: () => void;
}

/** The fleet by status: as shares of a bar, and as buttons that filter. */
export function StandingBar(props: StandingBarProps) {
  const { totals, chosen, onToggle, attention, onlyAttention, onAttention } = props;
  const { t } = useTranslation();
  const format = useFormat();
  const present = STANDINGS.filter(
    (standing) => (totals.standings.get(standing) ?? 0) > 0 || chosen.has(standing),
  ).reverse();
  return (
    <div className="space-y-2">
      <div aria-hidden className="flex h-1.5 gap-px overflow-hidden rounded-full bg-raised">
        {present.map((standing) => (
          <span
            key={standing}
            className={clsx("min-w-1 transition-[flex-grow] duration-500", FILL[toneOf(standing)])}
            style={{ flexGrow: totals.standings.get(standing) ?? 0 }}
          />
        ))}
      </div>
      <ul aria-label={t("fleet.standings")} className="flex flex-wrap gap-1">
        {present.map((standing) => {
          const on = chosen.has(standing);
          return (
            <li key={standing}>
              <button
                type="button"
                aria-pressed={on}
                onClick={() => onToggle(standing)}
                title={t(`statusMeaning.${standing}`)}
                className={clsx(
                  "inline-flex h-7 items-center gap-1.5 rounded-md border px-2 text-xs",
                  on
                    ? "border-accent bg-accent-soft text-ink"
                    : "border-transparent text-ink-2 hover:bg-raised hover:text-ink",
                )}
              >
                <StatusGlyph standing={standing} />
                {t(`status.${standing}`)}
                <span className="font-semibold text-ink">
                  {format.count(totals.standings.get(standing) ?? 0)}
                </span>
              </button>
            </li>
          );
        })}
        {attention === 0 && !onlyAttention ? null : (
          <li className="md:ml-auto">
            <button
              type="button"
              aria-pressed={onlyAttention}
              onClick={onAttention}
              title={t("fleet.attentionMeaning")}
              className={clsx(
                "inline-flex h-7 items-center gap-1.5 rounded-md border px-2 text-xs",
                onlyAttention
                  ? "border-accent bg-accent-soft text-ink"
                  : "border-bad/35 bg-bad-soft text-ink hover:border-bad/70",
              )}
            >
              <TriangleAlert aria-hidden size={13} className="text-bad" />
              {t("fleet.attention")}
              <span className="font-semibold">{format.count(attention)}</span>
            </button>
          </li>
        )}
      </ul>
    </div>
  );
}

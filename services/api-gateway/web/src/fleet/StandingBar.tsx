import { clsx } from "clsx";
import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
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

interface ChipProps {
  pressed: boolean;
  title: string;
  /** how it looks while it does not filter */
  idle: string;
  onPress: () => void;
  children: ReactNode;
}

/** A filter with its count; large enough for a thumb. */
function Chip({ pressed, title, idle, onPress, children }: ChipProps) {
  return (
    <button
      type="button"
      aria-pressed={pressed}
      onClick={onPress}
      title={title}
      className={clsx(
        "inline-flex h-9 w-full items-center gap-1.5 rounded-md border px-2.5 text-xs md:h-7 md:px-2",
        pressed ? "border-accent bg-accent-soft text-ink" : idle,
      )}
    >
      {children}
    </button>
  );
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
    <div className="space-y-2.5">
      <div aria-hidden className="flex h-1.5 gap-px overflow-hidden rounded-full bg-raised">
        {present.map((standing) => (
          <span
            key={standing}
            className={clsx("min-w-1 transition-[flex-grow] duration-500", FILL[toneOf(standing)])}
            style={{ flexGrow: totals.standings.get(standing) ?? 0 }}
          />
        ))}
      </div>
      <ul aria-label={t("fleet.standings")} className="flex flex-wrap gap-1.5">
        {attention === 0 && !onlyAttention ? null : (
          // what somebody came for at night: on a phone the first, and a line of its own
          <li className="max-md:w-full md:order-last md:ml-auto">
            <Chip
              pressed={onlyAttention}
              title={t("fleet.attentionMeaning")}
              idle="border-bad/35 bg-bad-soft text-ink hover:border-bad/70"
              onPress={onAttention}
            >
              <TriangleAlert aria-hidden size={14} className="text-bad" />
              {t("fleet.attention")}
              <span className="font-semibold max-md:ml-auto max-md:text-sm">
                {format.count(attention)}
              </span>
            </Chip>
          </li>
        )}
        {present.map((standing) => (
          <li key={standing}>
            <Chip
              pressed={chosen.has(standing)}
              title={t(`statusMeaning.${standing}`)}
              idle="border-line bg-panel text-ink-2 hover:border-line-strong hover:text-ink"
              onPress={() => onToggle(standing)}
            >
              <StatusGlyph standing={standing} />
              {t(`status.${standing}`)}
              <span className="font-semibold text-ink">
                {format.count(totals.standings.get(standing) ?? 0)}
              </span>
            </Chip>
          </li>
        ))}
      </ul>
    </div>
  );
}

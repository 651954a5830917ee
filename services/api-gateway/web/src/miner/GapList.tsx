import { clsx } from "clsx";
import { useTranslation } from "react-i18next";

import { useNow } from "../ui/now";
import { useFormat } from "../ui/useFormat";
import type { ChartGap } from "./series";

const MOST = 6;

function GapItem({ gap }: { gap: ChartGap }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = new Date(useNow());
  const instant = (seconds: number) => format.instant(new Date(seconds * 1_000), now);
  return (
    <li className="flex items-center gap-2" title={t(`causeMeaning.${gap.cause}`)}>
      <span
        aria-hidden
        className={clsx(
          "h-3 w-2 shrink-0 rounded-[2px] border",
          gap.filled ? "border-line-strong" : "border-bad/60 bg-bad/25",
        )}
      />
      <span className={gap.to === null ? "font-medium text-bad" : "text-ink-2"}>
        {gap.to === null
          ? t("chart.gapOpen", { cause: t(`cause.${gap.cause}`), from: instant(gap.from) })
          : t("chart.gapClosed", {
              cause: t(`cause.${gap.cause}`),
              from: instant(gap.from),
              to: instant(gap.to),
              length: format.length((gap.to - gap.from) * 1_000),
            })}
      </span>
    </li>
  );
}

function Gaps({ gaps }: { gaps: readonly ChartGap[] }) {
  const { t } = useTranslation();
  return (
    <ul className="flex flex-wrap gap-x-5 gap-y-1">
      {gaps
        .slice(-MOST)
        .reverse()
        .map((gap) => (
          <GapItem key={gap.id} gap={gap} />
        ))}
      {gaps.length > MOST ? (
        <li className="text-ink-3">{t("chart.more", { n: gaps.length - MOST })}</li>
      ) : null}
    </ul>
  );
}

/** The gaps of the chart in words: why there is nothing where there is nothing. */
export function GapList({ gaps }: { gaps: readonly ChartGap[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (gaps.length === 0) return null;
  const lasting = gaps.filter((gap) => !gap.filled);
  const filled = gaps.filter((gap) => gap.filled);
  return (
    <section
      aria-label={t("chart.gaps")}
      className="space-y-1.5 border-t border-line px-4 py-2.5 text-xs"
    >
      {lasting.length === 0 ? null : <Gaps gaps={lasting} />}
      {filled.length === 0 ? null : (
        // nothing is missing of these: who wonders may look
        <details>
          <summary className="w-fit cursor-pointer rounded py-1 text-ink-3 hover:text-ink md:py-0">
            {t("chart.gapsFilled", { n: format.count(filled.length) })}
          </summary>
          <div className="mt-1.5">
            <Gaps gaps={filled} />
          </div>
        </details>
      )}
    </section>
  );
}

import { clsx } from "clsx";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";

import type { Gap } from "../api/types";
import { Meter } from "../ui/Meter";
import { QuantityText } from "../ui/Quantity";
import { INK, toneOfChip, toneOfShare, type Tone } from "../ui/tone";
import { useFormat } from "../ui/useFormat";
import type { Quantity } from "../units/format";
import type { AlgorithmTotal, Totals } from "./totals";

interface FigureProps {
  label: string;
  value: Quantity | null;
  children?: ReactNode;
  tone?: Tone | undefined;
}

/** One figure of the fleet's head. */
function Figure({ label, value, children, tone }: FigureProps) {
  return (
    <div className="min-w-0 border-line px-4 py-3 not-md:[&:nth-child(n+3)]:border-t not-md:even:border-l md:border-l md:px-5 md:first:border-l-0">
      <dt className="truncate text-xs text-ink-3">{label}</dt>
      <dd className={clsx("mt-0.5 text-[1.375rem] leading-7 font-semibold tracking-tight whitespace-nowrap", tone === undefined ? "text-ink" : INK[tone])}>
        <QuantityText of={value} />
      </dd>
      <dd className="mt-0.5 truncate text-xs text-ink-2">{children}</dd>
    </div>
  );
}

function Hashrate({ total }: { total: AlgorithmTotal }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { algorithm, hashrateHs, share } = total;
  const name =
    algorithm === "sha256d" || algorithm === "scrypt" || algorithm === "unknown"
      ? t(`algorithm.${algorithm}`)
      : algorithm;
  return (
    <Figure
      label={t("figure.hashrate", { algorithm: name })}
      value={format.hashrate(hashrateHs, algorithm)}
    >
      {share === null ? (
        t("figure.expectedUnknown")
      ) : (
        <>
          <span className="block truncate">
            {t("figure.ofExpected", { share: format.share(share) })}
          </span>
          <Meter share={share} tone={toneOfShare(share)} />
        </>
      )}
    </Figure>
  );
}

function OpenGaps({ gaps }: { gaps: readonly Gap[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const counts = new Map<Gap["cause"], number>();
  for (const { cause } of gaps) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  const causes = [...counts].map(([cause, n]) => `${t(`cause.${cause}`)}: ${format.count(n)}`);
  return (
    <Figure
      label={t("figure.gaps")}
      value={{ text: format.count(gaps.length), unit: "" }}
      tone={gaps.length > 0 ? "bad" : undefined}
    >
      {causes.length === 0 ? t("figure.gapsNone") : causes.join(" · ")}
    </Figure>
  );
}

interface FleetFiguresProps {
  totals: Totals;
  gaps: readonly Gap[];
  sites: number;
}

/** What the fleet does now, in figures. */
export function FleetFigures({ totals, gaps, sites }: FleetFiguresProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const { miners, hashing, hottest } = totals;
  const count = (n: number) => ({ text: format.count(n), unit: "" });
  return (
    <dl className="grid grid-cols-2 md:grid-flow-col md:auto-cols-fr md:grid-cols-none">
      <Figure label={t("figure.miners")} value={count(miners)}>
        {t("figure.minersSites", { n: format.count(sites) })}
      </Figure>
      <Figure label={t("figure.hashing")} value={count(hashing)}>
        {hashing === miners
          ? t("figure.hashingAll")
          : t("figure.hashingNot", { n: format.count(miners - hashing) })}
      </Figure>
      {totals.algorithms.map((total) => (
        <Hashrate key={total.algorithm} total={total} />
      ))}
      <Figure
        label={t("figure.power")}
        value={totals.powerSaid === 0 ? null : format.power(totals.powerW)}
      >
        {t("figure.powerOf", {
          n: format.count(totals.powerSaid),
          total: format.count(miners),
        })}
      </Figure>
      <Figure
        label={t("figure.hottest")}
        value={hottest === null ? null : format.celsius(hottest.celsius)}
        tone={
          hottest === null || toneOfChip(hottest.celsius) === "ok"
            ? undefined
            : toneOfChip(hottest.celsius)
        }
      >
        {hottest === null ? (
          t("figure.hottestNone")
        ) : (
          <Link
            href={`/miners/${hottest.minerId}`}
            className="rounded underline decoration-line-strong underline-offset-2 hover:text-ink"
          >
            {hottest.minerId}
          </Link>
        )}
      </Figure>
      <OpenGaps gaps={gaps} />
    </dl>
  );
}

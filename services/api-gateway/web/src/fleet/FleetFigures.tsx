import { useTranslation } from "react-i18next";
import { Link } from "wouter";

import type { Gap } from "../api/types";
import { Figure, Figures } from "../ui/Figure";
import { OfExpected } from "../ui/OfExpected";
import { toneOfChip } from "../ui/tone";
import { useFormat } from "../ui/useFormat";
import type { AlgorithmTotal, Totals } from "./totals";

function Hashrate({ total }: { total: AlgorithmTotal }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { algorithm, hashrateHs, share, miners, nominals } = total;
  const name =
    algorithm === "sha256d" || algorithm === "scrypt" || algorithm === "unknown"
      ? t(`algorithm.${algorithm}`)
      : algorithm;
  const n = format.count(nominals);
  const all = format.count(miners);
  return (
    <Figure
      label={t("figure.hashrate", { algorithm: name })}
      value={format.hashrate(hashrateHs, algorithm)}
    >
      <OfExpected
        share={share}
        of={nominals === miners ? undefined : `${n}/${all}`}
        title={t("figure.expectedOf", { n, total: all })}
      />
    </Figure>
  );
}

function OpenGaps({ gaps }: { gaps: readonly Gap[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const counts = new Map<Gap["cause"], number>();
  for (const { cause } of gaps) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  const causes = [...counts].map(([cause, n]) =>
    t("pair", { name: t(`cause.${cause}`), value: format.count(n) }),
  );
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
  const still = miners - hashing;
  const about = [
    still === 0 ? t("figure.hashingAll") : t("figure.hashingNot", { n: format.count(still) }),
    ...(sites > 1 ? [t("figure.sites", { n: format.count(sites) })] : []),
  ];
  return (
    <Figures>
      <Figure
        label={t("figure.hashing")}
        value={{ text: format.count(hashing), unit: "" }}
        of={t("figure.ofMiners", { n: format.count(miners) })}
      >
        {about.join(" · ")}
      </Figure>
      <OpenGaps gaps={gaps} />
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
    </Figures>
  );
}

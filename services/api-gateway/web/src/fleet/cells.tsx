import { useTranslation } from "react-i18next";

import { useServerNow } from "../live";
import { Meter } from "../ui/Meter";
import { QuantityText } from "../ui/Quantity";
import { StatusBadge } from "../ui/StatusBadge";
import { INK, toneOfAnomaly, toneOfChip, toneOfShare } from "../ui/tone";
import { useFormat } from "../ui/useFormat";
import { withoutScheme } from "../units/format";
import { doubtOfUnit, fansStopped } from "./attention";
import { ageMs, algorithmOf, isStale, shareOfExpected, type Miner } from "./miner";
import { standingOf } from "./totals";

interface CellProps {
  miner: Miner;
}

const nothing = <span className="text-ink-3">–</span>;

export function StatusCell({ miner }: CellProps) {
  const standing = standingOf(miner, useServerNow());
  // a key that changes with the status starts the animation anew, once
  return (
    <span
      key={miner.changedAt ?? "first"}
      className={miner.changedAt === undefined ? "rounded" : "animate-changed rounded"}
    >
      <StatusBadge standing={standing} />
    </span>
  );
}

export function HashrateCell({ miner }: CellProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const share = shareOfExpected(miner);
  const doubt = doubtOfUnit(miner);
  if (doubt !== null) {
    return (
      <span className="font-medium text-warn" title={t(`miner.flag.${doubt}`)}>
        {t("fleet.unitUnclear")}
      </span>
    );
  }
  if (miner.hashrate_hs == null) return nothing;
  return (
    <span className="block w-full">
      <span className="flex items-baseline justify-end gap-2">
        {share === null ? null : (
          <span
            className={`text-2xs ${toneOfShare(share) === "ok" ? "text-ink-3" : INK[toneOfShare(share)]}`}
          >
            {format.share(share)}
          </span>
        )}
        <QuantityText of={format.hashrate(miner.hashrate_hs, algorithmOf(miner))} />
      </span>
      {share === null ? null : <Meter share={share} tone={toneOfShare(share)} />}
    </span>
  );
}

export function ChipCell({ miner }: CellProps) {
  const format = useFormat();
  if (miner.chip_temp_max_c == null) return nothing;
  const tone = toneOfChip(miner.chip_temp_max_c);
  return (
    <QuantityText
      of={format.celsius(miner.chip_temp_max_c)}
      className={tone === "ok" ? "" : `font-medium ${INK[tone]}`}
    />
  );
}

/** The slowest fan's speed; how many stand still, where any does. */
export function FansCell({ miner }: CellProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const fans = miner.fan_rpm ?? [];
  if (fans.length === 0) return nothing;
  const title = t("fleet.fansTitle", { rpm: fans.map((rpm) => format.count(rpm)).join(" · ") });
  const stopped = fansStopped(miner);
  if (stopped > 0) {
    return (
      <span className="font-medium text-bad" title={title}>
        {t("fleet.fansStopped", { n: stopped })}
      </span>
    );
  }
  return (
    <span title={title}>
      <QuantityText of={{ text: format.count(Math.min(...fans)), unit: "rpm" }} />
    </span>
  );
}

export function PowerCell({ miner }: CellProps) {
  const format = useFormat();
  return <QuantityText of={miner.power_w == null ? null : format.power(miner.power_w)} />;
}

export function EfficiencyCell({ miner }: CellProps) {
  const format = useFormat();
  const said = miner.efficiency_j_per_th;
  return <QuantityText of={said == null ? null : format.efficiency(said, algorithmOf(miner))} />;
}

export function BoardsCell({ miner }: CellProps) {
  const { t } = useTranslation();
  const { boards_healthy: healthy, boards_total: total } = miner;
  if (healthy == null || total == null) return nothing;
  return (
    <span
      className={healthy < total ? "font-medium text-bad" : ""}
      title={t("fleet.boardsOf", { healthy, total })}
    >
      {healthy}
      <span className="text-ink-3">{`/${total}`}</span>
    </span>
  );
}

/** Where it mines to, without scheme and port. */
export function poolHost(url: string): string {
  return withoutScheme(url).replace(/[:/].*$/, "");
}

export function PoolCell({ miner }: CellProps) {
  const { worker, pool_url: pool } = miner;
  if (worker == null && pool == null) return <span className="pl-2">{nothing}</span>;
  return (
    <span className="block min-w-0 pl-2" title={[worker, pool].filter((each) => each != null).join("\n")}>
      <span className="block truncate">{worker ?? "–"}</span>
      {pool == null ? null : (
        <span className="block truncate text-2xs leading-4 text-ink-3">{poolHost(pool)}</span>
      )}
    </span>
  );
}

export function AnomalyCell({ miner }: CellProps) {
  const format = useFormat();
  const score = miner.anomaly_score;
  if (score == null) return nothing;
  const tone = toneOfAnomaly(score);
  return (
    <span className={tone === "ok" ? "text-ink-2" : `font-medium ${INK[tone]}`}>
      {format.number(score, 2)}
    </span>
  );
}

/** @param ago - where no head above says what it is */
export function HeardCell({ miner, ago = false }: CellProps & { ago?: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useServerNow();
  const age = ageMs(miner, now);
  if (age === null) return <span className="text-ink-3">{t("age.never")}</span>;
  return (
    <span className={isStale(miner, now) ? "font-medium text-warn" : "text-ink-2"}>
      {ago ? t("age.ago", { age: format.age(age) }) : format.age(age)}
    </span>
  );
}

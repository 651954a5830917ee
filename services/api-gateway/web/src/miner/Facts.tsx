import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Entry, Reading } from "../api/types";
import { useFormat } from "../ui/useFormat";
import { joined, withoutScheme } from "../units/format";

interface FactsProps {
  entry: Entry | null;
  reading: Reading | null;
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  if (children == null || children === "") return null;
  return (
    <div className="flex items-baseline justify-between gap-4 py-1">
      <dt className="shrink-0 text-ink-3">{label}</dt>
      <dd className="min-w-0 text-right break-words">{children}</dd>
    </div>
  );
}

/** What the inventory and the firmware say of a miner that does not change from poll to poll. */
export function Facts({ entry, reading }: FactsProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const algorithm = reading?.algorithm ?? entry?.algorithm;
  const rack = reading?.rack_id ?? entry?.rack_id;
  const algorithms = ["sha256d", "scrypt", "unknown"] as const;
  const known = algorithms.find((each) => each === algorithm);
  const dialect = reading?.dialect ?? entry?.dialect;
  const pool = reading?.pool_url;
  const latency = reading?.latency_ms;
  const quality = reading?.quality_score;
  const uptime = reading?.uptime_s;
  const interval = entry?.interval_s;
  return (
    <dl className="divide-y divide-line/70">
      <Fact label={t("miner.site")}>{entry?.site_id ?? reading?.site_id}</Fact>
      <Fact label={t("miner.rack")}>
        {rack != null && entry?.slot != null
          ? t("miner.rackSlot", { rack, slot: entry.slot })
          : rack}
      </Fact>
      <Fact label={t("miner.address")}>
        {entry === null ? null : <span className="font-mono text-xs">{entry.address}</span>}
      </Fact>
      <Fact label={t("miner.model")}>{reading?.model ?? entry?.model}</Fact>
      <Fact label={t("miner.firmware")}>{reading?.firmware}</Fact>
      <Fact label={t("miner.algorithm")}>{known === undefined ? algorithm : t(`algorithm.${known}`)}</Fact>
      <Fact label={t("miner.worker")}>{reading?.worker ?? entry?.workers?.join(", ")}</Fact>
      <Fact label={t("miner.pool")}>{pool == null ? null : <span title={pool}>{withoutScheme(pool)}</span>}</Fact>
      <Fact label={t("miner.preset")}>{reading?.preset}</Fact>
      <Fact label={t("miner.dialect")}>{dialect === "auto" ? t("miner.dialectAuto") : dialect}</Fact>
      <Fact label={t("miner.uptime")}>{uptime == null ? null : format.length(uptime * 1_000)}</Fact>
      <Fact label={t("miner.latency")}>{latency == null ? null : joined(format.brief(latency))}</Fact>
      <Fact label={t("miner.interval")}>
        {interval == null ? null : format.length(interval * 1_000)}
      </Fact>
      <Fact label={t("miner.quality")}>{quality == null ? null : format.share(quality)}</Fact>
    </dl>
  );
}

import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";

import { useAlerts } from "../live";
import { Failure } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { AlertList, type Listed } from "./AlertList";
import { useFiringDetails, useFreshAlerts, useResolved } from "./useAlerts";

const MOST = 5;

/** A miner's alerts: those that fire, and the last that are over. */
export function MinerAlerts({ id }: { id: string }) {
  const { t } = useTranslation();
  useFreshAlerts();
  const { firing } = useAlerts();
  const details = useFiringDetails();
  const choice = useMemo(() => ({ miner: [id] }), [id]);
  const over = useResolved(choice, MOST);
  const mine: Listed[] = firing
    .filter((alert) => alert.miner_id === id)
    .map((alert) => ({ ...details.data?.get(alert.alert_id), ...alert }));
  const past = over.data?.pages[0]?.items ?? [];
  const alerts = [...mine, ...past.filter((each) => !mine.some((one) => one.alert_id === each.alert_id))];
  return (
    <Panel
      title={t("alerts.ofMiner")}
      aside={
        <Link
          href={`/alerts?miner=${encodeURIComponent(id)}`}
          className="rounded text-xs text-ink-2 underline decoration-line-strong underline-offset-2 hover:text-ink"
        >
          {t("alerts.all")}
        </Link>
      }
      flush
    >
      {over.error !== null && alerts.length === 0 ? (
        <Failure title={t("alerts.failed")} error={over.error} />
      ) : null}
      {alerts.length === 0 && over.error === null ? (
        <p className="px-4 py-3 text-ink-2">{t("alerts.ofMinerNone")}</p>
      ) : null}
      <AlertList label={t("alerts.ofMiner")} alerts={alerts} named={false} narrow />
    </Panel>
  );
}

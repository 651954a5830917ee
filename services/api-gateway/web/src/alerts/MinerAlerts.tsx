import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";

import { useAlerts } from "../live";
import { Failure } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { SkeletonLines } from "../ui/Skeleton";
import { AlertList, type Listed } from "./AlertList";
import { useFiringDetails, useFreshAlerts, useResolved } from "./useAlerts";

const MOST = 5;

/** Why there is no alert to show: not read yet, not to be read, or there is none. */
function Nothing({ over }: { over: ReturnType<typeof useResolved> }) {
  const { t } = useTranslation();
  if (over.data !== undefined) return <p className="px-4 py-3 text-ink-2">{t("alerts.ofMinerNone")}</p>;
  if (over.error === null) return <SkeletonLines label={t("alerts.resolvedLoading")} lines={2} />;
  const retry = () => void over.refetch();
  return <Failure title={t("alerts.failed")} error={over.error} retry={retry} />;
}

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
      {alerts.length === 0 ? (
        <Nothing over={over} />
      ) : (
        <AlertList label={t("alerts.ofMiner")} alerts={alerts} named={false} narrow />
      )}
    </Panel>
  );
}

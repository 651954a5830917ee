import { useTranslation } from "react-i18next";
import { Link } from "wouter";

import type { Alert } from "../api/types";
import { useAlerts, useServerNow } from "../live";
import { useFormat } from "../ui/useFormat";
import { SeverityBadge } from "./Severity";
import { gist } from "./words";

/** More would push the fleet out of sight. */
const MOST = 3;

function Subject({ alert }: { alert: Alert }) {
  if (alert.miner_id == null) return <span className="font-medium">{alert.subject}</span>;
  return (
    <Link
      href={`/miners/${alert.miner_id}`}
      className="rounded font-medium underline decoration-line-strong underline-offset-2 hover:decoration-ink"
    >
      {alert.miner_id}
    </Link>
  );
}

function Line({ alert, named }: { alert: Alert; named: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const length = format.length(useServerNow() - Date.parse(alert.began_at));
  return (
    <li className="flex flex-wrap items-center gap-x-3">
      <span className="w-20 shrink-0">
        <SeverityBadge severity={alert.severity} />
      </span>
      {named ? <Subject alert={alert} /> : null}
      <span className="text-ink-2">{gist(alert, t, format)}</span>
      <span className="text-ink-3">{t("alerts.for", { length })}</span>
    </li>
  );
}

/** The worst that fires, of the fleet or of one miner; nothing where nothing does. */
export function FiringBanner({ miner }: { miner?: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const all = useAlerts().firing;
  const firing = miner === undefined ? all : all.filter((alert) => alert.miner_id === miner);
  const [worst] = firing;
  if (worst === undefined) return null;
  const more = firing.length - MOST;
  return (
    <section
      aria-label={t("alerts.firing")}
      className={`shrink-0 rounded-lg border px-4 py-2.5 text-xs ${
        worst.severity === "critical" ? "border-bad/40 bg-bad-soft" : "border-warn/40 bg-warn-soft"
      }`}
    >
      <div className="flex items-start gap-4">
        <ul className="min-w-0 flex-1 space-y-1">
          {firing.slice(0, MOST).map((alert) => (
            <Line key={alert.alert_id} alert={alert} named={miner === undefined} />
          ))}
        </ul>
        <Link
          href={miner === undefined ? "/alerts" : `/alerts?miner=${encodeURIComponent(miner)}`}
          className="shrink-0 rounded font-medium underline decoration-line-strong underline-offset-2 hover:decoration-ink"
        >
          {more > 0 ? t("alerts.andMore", { n: format.count(more) }) : t("alerts.all")}
        </Link>
      </div>
    </section>
  );
}

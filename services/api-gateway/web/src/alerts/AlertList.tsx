import { clsx } from "clsx";
import { Check, ChevronDown, Clock3, X } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";

import type { Alert, AlertItem } from "../api/types";
import { useServerNow } from "../live";
import { useFormat } from "../ui/useFormat";
import { AlertDetails } from "./AlertDetails";
import { SeverityBadge } from "./Severity";
import { measured, passed, ruleName } from "./words";

/** An alert as it is told live; whom it was told to is known once it was read. */
export type Listed = Alert & Partial<Omit<AlertItem, keyof Alert>>;

function isOver({ phase }: Alert): boolean {
  return phase === "resolved";
}

function Lasting({ alert }: { alert: Listed }) {
  const { t } = useTranslation();
  const format = useFormat();
  const nowMs = useServerNow();
  const now = new Date(nowMs);
  const began = new Date(alert.began_at);
  const ended = alert.ended_at == null ? null : new Date(alert.ended_at);
  const instant = format.instant(ended ?? began, now);
  const length = format.length((ended?.getTime() ?? nowMs) - began.getTime());
  return (
    <span className="block min-w-0">
      <span className={clsx("block truncate", ended === null ? "font-medium" : "text-ink-2")}>
        {t(ended === null ? "alerts.for" : "alerts.lasted", { length })}
      </span>
      <time dateTime={(ended ?? began).toISOString()} className="block truncate text-2xs text-ink-3">
        {ended === null ? t("alerts.since", { time: instant }) : instant}
      </time>
    </span>
  );
}

function Told({ alert }: { alert: Listed }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { notified_channels: channels, waiting = 0, failed = 0, error } = alert;
  if (channels === undefined) return <span className="text-ink-3">–</span>;
  const nobody = channels.length + waiting + failed === 0;
  return (
    <span className="flex min-w-0 flex-wrap gap-x-2.5 text-ink-2">
      {channels.length === 0 ? null : (
        <span className="flex items-center gap-1" title={t("alerts.toldOn", { channels: channels.join(", ") })}>
          <Check aria-hidden size={13} className="shrink-0 text-ok" />
          {channels.join(", ")}
        </span>
      )}
      {waiting === 0 ? null : (
        <span className="flex items-center gap-1" title={error ?? undefined}>
          <Clock3 aria-hidden size={13} className="shrink-0" />
          {t("alerts.toldWaiting", { n: format.count(waiting) })}
        </span>
      )}
      {failed === 0 ? null : (
        <span className="flex items-center gap-1 font-medium text-bad" title={error ?? undefined}>
          <X aria-hidden size={13} className="shrink-0" />
          {t("alerts.toldFailed", { n: format.count(failed) })}
        </span>
      )}
      {nobody ? <span className="text-ink-3">{t("alerts.toldNone")}</span> : null}
    </span>
  );
}

function Value({ alert }: { alert: Listed }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [value, limit] = [measured(alert, format), passed(alert, format)];
  return (
    <span className="block min-w-0">
      <span className={clsx("block truncate", !isOver(alert) && "font-medium")}>{value ?? "–"}</span>
      {limit === null ? null : (
        <span className="block truncate text-2xs text-ink-3">{t("alerts.limit", { limit })}</span>
      )}
    </span>
  );
}

function Subject({ alert, named }: { alert: Listed; named: boolean }) {
  const { t } = useTranslation();
  const rule = ruleName(alert.rule, t);
  if (!named) return <span className="block truncate font-medium">{rule}</span>;
  return (
    <span className="block min-w-0">
      {alert.miner_id == null ? (
        <span className="block truncate font-medium">{alert.subject}</span>
      ) : (
        <Link
          href={`/miners/${alert.miner_id}`}
          className="block truncate rounded font-medium underline decoration-line-strong underline-offset-2 hover:decoration-ink"
        >
          {alert.miner_id}
        </Link>
      )}
      <span className="block truncate text-2xs text-ink-3" title={alert.summary}>
        {[rule, alert.site_id].filter((each) => each != null).join(" · ")}
      </span>
    </span>
  );
}

interface RowProps {
  alert: Listed;
  /** does it say whose it is? */
  named: boolean;
  /** little room, however wide the window is */
  narrow: boolean;
}

function Row({ alert, named, narrow }: RowProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const id = useId();
  const over = isOver(alert);
  return (
    <li data-alert={alert.alert_id} className="border-b border-line/70 last:border-b-0">
      <div
        className={clsx(
          "relative grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1.5 py-2.5 pr-12 pl-4",
          !narrow && "md:grid-cols-[6.25rem_minmax(9rem,1.3fr)_minmax(7rem,0.8fr)_minmax(8.5rem,0.9fr)_minmax(8rem,1fr)]",
          !over && alert.severity === "critical" && "shadow-[inset_3px_0_0_var(--bad-fill)]",
          !over && alert.severity === "warning" && "shadow-[inset_3px_0_0_var(--warn-fill)]",
        )}
      >
        <SeverityBadge severity={alert.severity} over={over} />
        <span className={clsx("max-md:order-first max-md:col-span-2", narrow && "order-first col-span-2")}>
          <Subject alert={alert} named={named} />
        </span>
        <Value alert={alert} />
        <Lasting alert={alert} />
        <span className="min-w-0 text-xs">
          <Told alert={alert} />
        </span>
        <button
          type="button"
          aria-expanded={open}
          aria-controls={id}
          aria-label={t("pair", { name: alert.subject, value: t("alerts.details") })}
          title={t("alerts.details")}
          onClick={() => setOpen(!open)}
          className="absolute top-1.5 right-2 grid size-9 place-items-center rounded-md text-ink-3 hover:bg-raised hover:text-ink md:top-2 md:size-8"
        >
          <ChevronDown aria-hidden size={16} className={clsx("transition-transform", open && "rotate-180")} />
        </button>
      </div>
      <div id={id}>{open ? <AlertDetails id={alert.alert_id} /> : null}</div>
    </li>
  );
}

interface AlertListProps {
  label: string;
  alerts: readonly Listed[];
  named?: boolean;
  narrow?: boolean;
}

/** Alerts, a row each; on phones a row folds. */
export function AlertList({ label, alerts, named = true, narrow = false }: AlertListProps) {
  return (
    <ul aria-label={label}>
      {alerts.map((alert) => (
        <Row key={alert.alert_id} alert={alert} named={named} narrow={narrow} />
      ))}
    </ul>
  );
}

import { useTranslation } from "react-i18next";

import type { Alert, AlertDetail, Notification } from "../api/types";
import { useServerNow } from "../live";
import { Failure } from "../ui/Notice";
import { Scroller } from "../ui/Scroller";
import { SkeletonLines } from "../ui/Skeleton";
import { useFormat } from "../ui/useFormat";
import { SeverityBadge } from "./Severity";
import { severityStep } from "./severity";
import { useAlertDetail } from "./useAlerts";
import { gist } from "./words";

const HEADS = ["step", "channel", "state", "attempts", "sent"] as const;

function Steps({ steps }: { steps: readonly Alert[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = new Date(useServerNow());
  return (
    <ol className="space-y-1">
      {steps.map((step, at) => (
        <li key={step.number} className="flex flex-wrap items-center gap-x-3">
          <time dateTime={step.changed_at} className="w-16 shrink-0 text-ink-3 md:w-28">
            {format.instant(new Date(step.changed_at), now)}
          </time>
          <span className="w-16 shrink-0 font-medium">
            {t(`alerts.step.${severityStep(steps[at - 1], step)}`)}
          </span>
          <SeverityBadge severity={step.severity} over={step.phase === "resolved"} />
          <span className="min-w-0 text-ink-2">{gist(step, t, format)}</span>
        </li>
      ))}
    </ol>
  );
}

function NotificationRow({ told, steps }: { told: Notification; steps: readonly Alert[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = new Date(useServerNow());
  const at = steps.findIndex(({ number }) => number === told.number);
  const step = steps[at];
  return (
    <tr className="border-t border-line/70 align-top">
      <td>{step === undefined ? told.number : t(`alerts.step.${severityStep(steps[at - 1], step)}`)}</td>
      <td className="font-medium">{told.channel}</td>
      <td title={t(`alerts.stateMeaning.${told.state}`)}>
        <span className={told.state === "failed" ? "font-medium text-bad" : ""}>
          {t(`alerts.state.${told.state}`)}
        </span>
        {told.error === null ? null : (
          <span className="block max-w-96 break-words whitespace-normal text-ink-3">{told.error}</span>
        )}
      </td>
      <td className="text-right">{format.count(told.attempts)}</td>
      <td className="text-right">
        {told.sent_at === null ? "–" : format.instant(new Date(told.sent_at), now)}
      </td>
    </tr>
  );
}

function Notifications({ detail }: { detail: AlertDetail }) {
  const { t } = useTranslation();
  if (detail.notifications.length === 0) {
    return <p className="text-ink-2">{t("alerts.notificationsNone")}</p>;
  }
  return (
    <Scroller label={t("alerts.notifications")}>
      <table className="w-full max-w-3xl text-left whitespace-nowrap [&_td]:py-1 [&_td]:pr-4 [&_th]:pr-4">
        <thead>
          <tr className="text-ink-3">
            {HEADS.map((head) => (
              <th
                key={head}
                scope="col"
                className={`pb-1 font-medium ${head === "attempts" || head === "sent" ? "text-right" : ""}`}
              >
                {t(`alerts.head.${head}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {detail.notifications.map((told) => (
            <NotificationRow key={told.notification_id} told={told} steps={detail.transitions} />
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}

/** How an alert came to what it is, and whom that was told to. */
export function AlertDetails({ id }: { id: string }) {
  const { t } = useTranslation();
  const detail = useAlertDetail(id);
  if (detail.data === undefined) {
    if (detail.error !== null) return <Failure title={t("alerts.failed")} error={detail.error} />;
    return <SkeletonLines label={t("alerts.details")} lines={2} />;
  }
  return (
    <div className="space-y-3 px-4 pt-1 pb-4 text-xs md:pl-[8.25rem]">
      <section>
        <h3 className="mb-1 font-medium text-ink-3">{t("alerts.steps")}</h3>
        <Steps steps={detail.data.transitions} />
      </section>
      <section>
        <h3 className="mb-1 font-medium text-ink-3">{t("alerts.notifications")}</h3>
        <Notifications detail={detail.data} />
      </section>
    </div>
  );
}

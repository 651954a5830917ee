import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { useLive } from "../live";
import { toast } from "../ui/toaster";
import { useFormat } from "../ui/useFormat";
import { toneOfSeverity } from "./severity";
import { gist } from "./words";

/** Tells of each alert that begins to fire, whatever page is open. */
export function AlertToasts() {
  const { alerts } = useLive();
  const { t } = useTranslation();
  const format = useFormat();
  useEffect(
    () =>
      alerts.onFired((alert) => {
        const severity = t(`alerts.severity.${alert.severity}`);
        const title = t("pair", { name: severity, value: alert.subject });
        toast({ tone: toneOfSeverity(alert.severity), title, body: gist(alert, t, format) });
      }),
    [alerts, t, format],
  );
  return null;
}

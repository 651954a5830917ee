import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { useLive } from "../live";
import type { ConnectionState } from "../stream/client";
import { toast } from "../ui/toaster";
import { useFormat } from "../ui/useFormat";

/** A break shorter than this is nobody's business: the pill has shown it. */
const WORTH_A_WORD_MS = 2_000;

/** Tells that the connection went, and that it came back; each once a break. */
export function ConnectionToasts() {
  const { stream } = useLive();
  const { t } = useTranslation();
  const format = useFormat();
  useEffect(() => {
    let wasLive = stream.getState().phase === "live";
    let told = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const lost = (state: ConnectionState) => {
      told = true;
      const time = format.instant(new Date(state.dataAt ?? Date.now()), new Date());
      const body = t("connection.lostBody", { time });
      toast({ tone: "bad", title: t("connection.lost"), body });
    };
    const unsubscribe = stream.onState(() => {
      const state = stream.getState();
      const live = state.phase === "live";
      if (wasLive && !live) timer = setTimeout(() => lost(state), WORTH_A_WORD_MS);
      if (!wasLive && live) {
        clearTimeout(timer);
        if (told) toast({ tone: "ok", title: t("connection.back"), body: t("connection.backBody") });
        told = false;
      }
      wasLive = live;
    });
    return () => {
      clearTimeout(timer);
      unsubscribe();
    };
  }, [stream, t, format]);
  return null;
}

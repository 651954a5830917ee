import { clsx } from "clsx";
import type { TFunction } from "i18next";
import { Popover } from "radix-ui";
import { useTranslation } from "react-i18next";

import { useConnection, useLive, useServerNow } from "../live";
import { viewConnection, type Condition, type ConnectionView } from "../stream/view";
import { useNow } from "../ui/now";
import { INK, type Tone } from "../ui/tone";
import { useFormat } from "../ui/useFormat";
import type { Format } from "../units/format";

const TONES: Readonly<Record<Condition, Tone>> = {
  live: "ok",
  behind: "warn",
  connecting: "info",
  reconnecting: "bad",
};

function words(view: ConnectionView, t: TFunction, format: Format): string {
  const age = view.ageMs === null ? null : format.age(view.ageMs);
  switch (view.condition) {
    case "connecting":
      return t("connection.connecting");
    case "live":
      return age === null ? t("connection.live") : `${t("connection.live")} · ${age}`;
    case "behind":
      return t("connection.behind", { age });
    case "reconnecting":
      return age === null
        ? t("connection.reconnectingEmpty")
        : t("connection.reconnecting", { age });
  }
}

function Dot({ condition }: { condition: Condition }) {
  const shape = {
    live: <circle cx="5" cy="5" r="3.4" fill="currentColor" />,
    behind: <path d="M5 .9 9.6 9H.4Z" fill="currentColor" />,
    connecting: <circle cx="5" cy="5" r="3.4" fill="none" stroke="currentColor" strokeWidth="1.8" />,
    reconnecting: <path d="M1.5 1.5l7 7M8.5 1.5l-7 7" stroke="currentColor" strokeWidth="2" />,
  }[condition];
  const waits = condition === "connecting" || condition === "reconnecting";
  return (
    <svg
      aria-hidden
      viewBox="0 0 10 10"
      className={clsx("size-2.5 shrink-0", INK[TONES[condition]], waits && "animate-wait")}
    >
      {shape}
    </svg>
  );
}

/** Off by more than this, somebody's clock is worth a word. */
const CLOCK_MS = 2_000;

function Details() {
  const { t } = useTranslation();
  const format = useFormat();
  const { stream } = useLive();
  const state = useConnection();
  const now = useNow();
  const seconds = state.retryAt === null ? 0 : Math.max(0, Math.ceil((state.retryAt - now) / 1_000));
  const newest =
    state.dataAt === null
      ? t("connection.never")
      : format.instant(new Date(state.dataAt), new Date(now));
  return (
    <div className="space-y-2">
      {state.reason === null ? null : (
        <p className="text-ink">{t(`connection.reason.${state.reason}`)}</p>
      )}
      {state.problem === null ? null : <p className="text-bad">{state.problem}</p>}
      <dl className="grid grid-cols-[auto_auto] gap-x-4 gap-y-1">
        <dt className="text-ink-3">{t("connection.newest")}</dt>
        <dd className="text-right">{newest}</dd>
        {state.coalesced === 0 ? null : (
          <>
            <dt className="text-ink-3">{t("connection.coalesced")}</dt>
            <dd className="text-right">{format.count(state.coalesced)}</dd>
          </>
        )}
      </dl>
      {Math.abs(state.clockOffset) < CLOCK_MS ? null : (
        <p>{t("connection.clock", { difference: format.length(Math.abs(state.clockOffset)) })}</p>
      )}
      {state.phase !== "waiting" ? null : (
        <p className="flex items-center justify-between gap-3">
          {t("connection.retry", { seconds })}
          <button
            type="button"
            onClick={() => stream.nudge()}
            className="rounded-md border border-line-strong px-2.5 py-1 font-medium text-ink hover:bg-raised"
          >
            {t("connection.now")}
          </button>
        </p>
      )}
    </div>
  );
}

/** Whether what is shown is live, and how old it is; never silent about either. */
export function ConnectionPill() {
  const { t } = useTranslation();
  const format = useFormat();
  const state = useConnection();
  const view = viewConnection(state, useServerNow());
  const trouble = view.condition === "behind" || view.condition === "reconnecting";
  return (
    <Popover.Root>
      <Popover.Trigger
        className={clsx(
          "inline-flex h-7 items-center gap-2 rounded-full border px-3 text-xs font-medium",
          view.condition === "reconnecting" && "border-bad/40 bg-bad-soft text-ink",
          view.condition === "behind" && "border-warn/40 bg-warn-soft text-ink",
          !trouble && "border-line bg-panel text-ink-2 hover:border-line-strong",
        )}
        aria-label={t("pair", { name: t("connection.label"), value: words(view, t, format) })}
        data-condition={view.condition}
      >
        <Dot condition={view.condition} />
        <span className="whitespace-nowrap">{words(view, t, format)}</span>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="end"
          sideOffset={8}
          collisionPadding={8}
          aria-label={t("connection.details")}
          className="z-50 w-72 animate-arrive rounded-lg border border-line-strong bg-panel p-3 text-xs text-ink-2 shadow-float"
        >
          <Details />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

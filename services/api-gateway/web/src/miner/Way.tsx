import { Pin, PinOff } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../api/client";
import type { Trace } from "../api/types";
import { Failure } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { SkeletonLines } from "../ui/Skeleton";
import { useDelayed } from "../ui/useDelayed";
import { useFormat } from "../ui/useFormat";
import { joined } from "../units/format";
import { useWay } from "./useMiner";
import { spanBars, stepBars, type Bar } from "./waterfall";

/** By then a reading is in the database, as a rule. */
const SETTLED_MS = 1_500;

const STEPS = ["polled", "published", "normalised", "stored"] as const;

function Track({ bar, tone }: { bar: Bar; tone: string }) {
  return (
    <span aria-hidden className="relative block h-2 rounded-full bg-raised">
      <span
        className={`absolute inset-y-0 rounded-full ${tone}`}
        style={{ left: `${bar.from * 100}%`, width: `${bar.width * 100}%` }}
      />
    </span>
  );
}

function Steps({ trace }: { trace: Trace }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { bars } = stepBars(trace);
  return (
    <ol className="space-y-2">
      {bars.map((bar) => {
        const step = STEPS.find((each) => each === bar.step);
        return (
          <li key={bar.step} className="grid grid-cols-[8rem_1fr_4.5rem] md:grid-cols-[11rem_1fr_5rem] items-center gap-3">
            <span className="min-w-0">
              <span className="block truncate">
                {step === undefined ? bar.step : t(`way.step.${step}`)}
              </span>
              <span className="block truncate text-2xs leading-4 text-ink-3">{bar.service}</span>
            </span>
            <Track bar={bar} tone="bg-accent" />
            <span className="text-right" title={format.instant(new Date(bar.at), new Date(bar.at))}>
              {joined(format.took(bar.tookMs))}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function Spans({ trace }: { trace: Trace }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <details className="border-t border-line pt-2">
      <summary className="cursor-pointer text-xs font-medium text-ink-2 hover:text-ink">
        {`${t("way.spans")} · ${format.count(trace.spans.length)}`}
      </summary>
      <ol className="mt-2 space-y-1 text-xs">
        {spanBars(trace).map(({ span, depth, tookMs, ...bar }) => (
          <li key={span.span_id} className="grid grid-cols-[minmax(0,1fr)_30%_4rem] items-center gap-3">
            <span
              className="min-w-0 truncate"
              style={{ paddingLeft: `${depth * 0.75}rem` }}
              title={`${span.service}: ${span.name}`}
            >
              <span className={span.error === null ? "" : "font-medium text-bad"}>{span.name}</span>
              <span className="ml-2 text-2xs text-ink-3">
                {span.error === null ? span.service : t("way.errorIn", { error: span.error })}
              </span>
            </span>
            <Track bar={bar} tone={span.error === null ? "bg-chart-3" : "bg-bad-fill"} />
            <span className="text-right text-ink-2">{joined(format.took(tookMs))}</span>
          </li>
        ))}
      </ol>
    </details>
  );
}

function Ids({ trace }: { trace: Trace }) {
  const { t } = useTranslation();
  return (
    <dl className="space-y-0.5 border-t border-line pt-2 text-2xs text-ink-3">
      <div className="flex gap-2">
        <dt className="shrink-0">{t("way.trace")}</dt>
        <dd className="truncate font-mono text-ink-2 select-all">{trace.trace_id}</dd>
        <dd className="ml-auto shrink-0">
          {t(trace.sampled ? "way.sampled" : "way.unsampled")}
        </dd>
      </div>
      <div className="flex gap-2">
        <dt className="shrink-0">{t("way.event")}</dt>
        <dd className="truncate font-mono text-ink-2 select-all">
          {trace.event_id ?? trace.raw_event_id}
        </dd>
      </div>
    </dl>
  );
}

function WayError({ error, retry }: { error: Error; retry: () => void }) {
  const { t } = useTranslation();
  if (error instanceof ApiError && error.status === 404) {
    return <p className="text-ink-2">{t("way.pending")}</p>;
  }
  return <Failure title={t("way.failed")} error={error} retry={retry} />;
}

/** How one reading came from the miner into the database, and how long each step took. */
export function Way({ newest }: { newest: string | null }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [held, setHeld] = useState<string | null>(null);
  const settled = useDelayed(newest, SETTLED_MS);
  const way = useWay(held ?? settled);
  const trace = way.data;
  const Icon = held === null ? Pin : PinOff;
  const hold = (
    <button
      type="button"
      disabled={trace?.event_id == null}
      aria-pressed={held !== null}
      onClick={() => setHeld(held === null ? (trace?.event_id ?? null) : null)}
      className="-mr-2 inline-flex h-9 items-center gap-1.5 rounded-md px-2 text-xs md:h-7 text-ink-2 hover:bg-raised hover:text-ink disabled:opacity-50"
    >
      <Icon aria-hidden size={13} />
      {t(held === null ? "way.hold" : "way.follow")}
    </button>
  );
  return (
    <Panel title={t("way.title")} aside={hold}>
      {trace === undefined && way.error === null ? (
        <SkeletonLines label={t("way.title")} lines={3} />
      ) : null}
      {trace === undefined && way.error !== null ? (
        <WayError error={way.error} retry={() => void way.refetch()} />
      ) : null}
      {trace === undefined ? null : (
        <div className="space-y-3">
          <p className="text-xs text-ink-2">
            {t("way.total", { time: joined(format.brief(stepBars(trace).wholeMs)) })}
          </p>
          <Steps trace={trace} />
          {trace.spans.length === 0 ? null : <Spans trace={trace} />}
          <Ids trace={trace} />
        </div>
      )}
    </Panel>
  );
}

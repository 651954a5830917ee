import { Archive, ChevronLeft, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";

import { FiringBanner } from "../alerts/FiringBanner";
import { MinerAlerts } from "../alerts/MinerAlerts";
import { ApiError } from "../api/client";
import type { Gap, Reading } from "../api/types";
import { algorithmOf } from "../fleet/miner";
import { standingOf } from "../fleet/totals";
import { useServerNow } from "../live";
import { Calculation, hasEarnings } from "../money/Calculation";
import { PageHeader } from "../shell/PageHeader";
import { Empty, Failure } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { Skeleton } from "../ui/Skeleton";
import { StatusBadge } from "../ui/StatusBadge";
import { useFormat } from "../ui/useFormat";
import { BoardsTable } from "./BoardsTable";
import { Evidence } from "./Evidence";
import { Facts } from "./Facts";
import { FlagList } from "./FlagList";
import { HistoryChart } from "./HistoryChart";
import { hasFigures, KeyFigures } from "./KeyFigures";
import type { MinerSnapshot } from "./store";
import { useLiveMiner, useMinerDetail } from "./useMiner";
import { Way } from "./Way";

/** The later of what the stream and the database say. */
function later(live: Reading | null, stored: Reading | null): Reading | null {
  if (live === null || stored === null) return live ?? stored;
  return Date.parse(stored.ts) > Date.parse(live.ts) ? stored : live;
}

function openGap(live: MinerSnapshot, stored: readonly Gap[]): Gap | null {
  const all = new Map(stored.map((gap) => [gap.gap_id, gap]));
  for (const [id, gap] of live.gaps) all.set(id, gap);
  return [...all.values()].find((gap) => gap.ended_at == null) ?? null;
}

function GapNotice({ gap }: { gap: Gap }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = new Date(useServerNow());
  return (
    <p role="status" className="flex items-center gap-2.5 rounded-lg border border-bad/40 bg-bad-soft px-4 py-2.5">
      <TriangleAlert aria-hidden size={16} className="shrink-0 text-bad" />
      <span className="flex flex-wrap gap-x-2">
        <strong className="font-medium">
          {t("miner.openGap", {
            time: format.instant(new Date(gap.began_at), now),
            cause: t(`cause.${gap.cause}`),
          })}
        </strong>
        <span className="text-ink-2">{t(`causeMeaning.${gap.cause}`)}</span>
      </span>
    </p>
  );
}

function RemovedNotice() {
  const { t } = useTranslation();
  return (
    <p
      role="status"
      className="flex items-center gap-2.5 rounded-lg border border-line-strong bg-raised px-4 py-2.5"
    >
      <Archive aria-hidden size={16} className="shrink-0 text-ink-3" />
      {t("miner.removed")}
    </p>
  );
}

interface HeadingProps {
  id: string;
  reading: Reading | null;
  intervalS: number | null;
  removed: boolean;
}

function Heading({ id, reading, intervalS, removed }: HeadingProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useServerNow();
  const standing =
    reading === null ? "unknown" : standingOf({ ...reading, interval_s: intervalS }, now);
  const age = reading === null ? null : Math.max(0, now - Date.parse(reading.ts));
  return (
    <div className="flex items-center gap-x-2">
      <Link
        href="/"
        className="-ml-2 flex h-9 shrink-0 items-center gap-0.5 rounded px-1 text-ink-3 hover:text-ink md:-ml-1"
      >
        <ChevronLeft aria-hidden size={18} />
        <span className="max-md:sr-only">{t("miner.back")}</span>
      </Link>
      <div className="flex min-w-0 flex-wrap items-center gap-x-3">
        <h1 className="text-base max-md:line-clamp-2 max-md:break-all md:truncate font-semibold tracking-tight">{id}</h1>
        <span className="flex items-center gap-x-2.5 max-md:w-full">
          {removed ? (
            <span className="text-ink-2">{t("miner.removedShort")}</span>
          ) : (
            <StatusBadge standing={standing} quiet={false} />
          )}
          <span className="text-xs whitespace-nowrap text-ink-3">
            {age === null ? t("miner.neverHeard") : t("age.ago", { age: format.age(age) })}
          </span>
        </span>
      </div>
    </div>
  );
}

function Loading() {
  const { t } = useTranslation();
  return (
    <div role="status" className="space-y-4 p-4 md:p-6">
      <span className="sr-only">{t("miner.loading")}</span>
      <Skeleton className="h-24 w-full" />
      <Skeleton className="h-96 w-full" />
    </div>
  );
}

function NoReading() {
  const { t } = useTranslation();
  return (
    <div className="rounded-lg border border-line bg-panel">
      <Empty title={t("miner.neverHeard")}>{t("miner.neverHeardBody")}</Empty>
    </div>
  );
}

/** What it says now; where it says nothing, why. */
function Now({ reading }: { reading: Reading | null }) {
  const { t } = useTranslation();
  if (reading === null) return <NoReading />;
  if (!hasFigures(reading)) {
    return (
      <Panel title={t("miner.lastPoll")}>
        <FlagList reading={reading} />
      </Panel>
    );
  }
  return (
    <div className="rounded-lg border border-line bg-panel">
      <KeyFigures reading={reading} />
    </div>
  );
}

function Content({ id, live, detail }: { id: string; live: MinerSnapshot; detail: ReturnType<typeof useMinerDetail> }) {
  const { t } = useTranslation();
  const reading = later(live.latest, detail.data?.latest ?? null);
  const entry = detail.data?.entry ?? null;
  const removed = detail.data?.entry === null;
  const gap = openGap(live, detail.data?.gaps ?? []);
  const algorithm = reading === null ? (entry?.algorithm ?? "unknown") : algorithmOf(reading);

  if (detail.isPending && reading === null) return <Loading />;
  if (detail.error instanceof ApiError && detail.error.status === 404 && reading === null) {
    return <Empty title={t("miner.notFound", { id })}>{t("miner.notFoundBody")}</Empty>;
  }
  if (detail.error !== null && reading === null) {
    const retry = () => void detail.refetch();
    return <Failure title={t("error.title")} error={detail.error} retry={retry} />;
  }
  return (
    <div className="space-y-4 px-4 pt-4 pb-20 md:px-6 md:pb-6">
      {removed ? <RemovedNotice /> : null}
      {/* that nobody polls what was removed is no news */}
      {gap === null || removed ? null : <GapNotice gap={gap} />}
      <FiringBanner miner={id} />
      <Now reading={reading} />
      <div className="grid gap-4 xl:grid-cols-[minmax(0,1fr)_21rem]">
        <div className="min-w-0 space-y-4">
          <HistoryChart id={id} algorithm={algorithm} live={live} />
          {reading !== null && hasEarnings(reading) ? <Calculation reading={reading} /> : null}
          {reading !== null && hasFigures(reading) ? (
            <Panel title={t("miner.boards")} flush>
              <BoardsTable boards={reading.boards ?? []} algorithm={algorithm} />
            </Panel>
          ) : null}
          <Way newest={reading?.event_id ?? null} />
        </div>
        <div className="min-w-0 space-y-4">
          <MinerAlerts id={id} />
          <Panel title={t("miner.facts")}>
            <Facts entry={entry} reading={reading} />
            <Evidence reading={reading} />
          </Panel>
          {reading !== null && hasFigures(reading) ? (
            <Panel title={t("miner.flags")}>
              <FlagList reading={reading} />
            </Panel>
          ) : null}
        </div>
      </div>
    </div>
  );
}

/** One miner: what it does now, what it did, and how we know. */
export default function MinerPage({ id }: { id: string }) {
  const live = useLiveMiner(id);
  const detail = useMinerDetail(id);
  return (
    <>
      <PageHeader title={id} deep>
        <Heading
          id={id}
          reading={later(live.latest, detail.data?.latest ?? null)}
          intervalS={detail.data?.entry?.interval_s ?? null}
          removed={detail.data?.entry === null}
        />
      </PageHeader>
      <Content id={id} live={live} detail={detail} />
    </>
  );
}

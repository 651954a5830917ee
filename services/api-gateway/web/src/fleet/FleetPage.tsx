import { CircleAlert } from "lucide-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { FiringBanner } from "../alerts/FiringBanner";
import { ApiError } from "../api/client";
import { useAlerts, useFleet, useServerNow } from "../live";
import { MoneyFigures } from "../money/MoneyFigures";
import { useEarningsShown } from "../money/useEarningsShown";
import { PageHeader } from "../shell/PageHeader";
import { useMedia, WIDE } from "../ui/media";
import { Empty, Failure } from "../ui/Notice";
import { Skeleton, SkeletonLines } from "../ui/Skeleton";
import { useThrottled } from "../ui/useThrottled";
import { toggled, type FleetView } from "./address";
import { needsAttention, withAlerts } from "./attention";
import { FleetCards } from "./FleetCards";
import { FleetFigures } from "./FleetFigures";
import { FleetTable } from "./FleetTable";
import { FleetToolbar } from "./FleetToolbar";
import { algorithmOf, type Miner } from "./miner";
import { filterMiners, isFiltering, NO_FILTER, sortMiners } from "./order";
import { StandingBar } from "./StandingBar";
import { addUp } from "./totals";
import { useFleetView } from "./useFleetView";
import { useInventory } from "./useInventory";

/** Often enough to be live; a large fleet is sorted at more leisure. */
const DRAW_MS = 500;
const DRAW_LARGE_MS = 1_000;
const LARGE = 2_000;
/** Standings grow stale by the clock alone; that shows after this long. */
const AGE_MS = 5_000;

function distinct(miners: readonly Miner[], of: (miner: Miner) => string): string[] {
  return [...new Set(miners.map(of))].sort();
}

function NothingHere({ view, onClear }: { view: FleetView; onClear: () => void }) {
  const { t } = useTranslation();
  if (isFiltering(view.filter)) {
    return (
      <Empty title={t("fleet.none")}>
        <p>{t("fleet.noneBody")}</p>
        <button
          type="button"
          onClick={onClear}
          className="mt-3 rounded-md border border-line-strong bg-panel px-3 py-1.5 font-medium text-ink hover:bg-raised"
        >
          {t("fleet.clear")}
        </button>
      </Empty>
    );
  }
  return (
    <Empty title={t("fleet.empty")}>
      <p>{t("fleet.emptyBody")}</p>
      <code className="mt-3 block rounded-md bg-raised px-3 py-2 text-left font-mono text-xs text-ink">
        {"minestream inventory import fleet.yaml"}
      </code>
    </Empty>
  );
}

function Loading() {
  const { t } = useTranslation();
  return (
    <div className="flex-1 space-y-4 p-4 md:p-6">
      <Skeleton className="h-22 w-full" />
      <Skeleton className="h-8 w-2/3" />
      <div className="rounded-lg border border-line bg-panel">
        <SkeletonLines label={t("fleet.loading")} lines={9} />
      </div>
    </div>
  );
}

function StaleInventory({ error }: { error: Error }) {
  const { t } = useTranslation();
  const id = error instanceof ApiError ? error.requestId : null;
  return (
    <p
      role="status"
      className="flex items-center gap-2 rounded-md border border-warn/40 bg-warn-soft px-3 py-2 text-xs text-ink-2"
    >
      <CircleAlert aria-hidden size={14} className="shrink-0 text-warn" />
      <span>
        <strong className="font-medium text-ink">{t("fleet.failed")}</strong>
        {`: ${error.message}${id === null ? "" : ` (${t("error.request", { id })})`}. `}
        {t("fleet.failedBody")}
      </span>
    </p>
  );
}

function Content() {
  const newest = useFleet();
  const fleet = useThrottled(newest, newest.miners.length > LARGE ? DRAW_LARGE_MS : DRAW_MS);
  const inventory = useInventory();
  const now = Math.floor(useServerNow() / AGE_MS) * AGE_MS;
  const wide = useMedia(WIDE);
  const [view, change] = useFleetView();
  const [earnings, showEarnings] = useEarningsShown();
  const { t } = useTranslation();
  const { firing } = useAlerts();
  const miners = useMemo(() => withAlerts(fleet.miners, firing), [fleet.miners, firing]);
  const attention = useMemo(
    () => miners.filter((miner) => needsAttention(miner, now)).length,
    [miners, now],
  );
  const totals = useMemo(() => addUp(miners, now), [miners, now]);
  const shown = useMemo(
    () => sortMiners(filterMiners(miners, view.filter, now), view.sorting, now),
    [miners, view, now],
  );
  const sites = useMemo(() => distinct(miners, (miner) => miner.site_id), [miners]);
  const algorithms = useMemo(() => distinct(miners, algorithmOf), [miners]);

  if (miners.length === 0 && inventory.isPending) return <Loading />;
  if (miners.length === 0 && inventory.error !== null) {
    const retry = () => void inventory.refetch();
    return <Failure title={t("fleet.failed")} error={inventory.error} retry={retry} />;
  }
  const empty = <NothingHere view={view} onClear={() => change({ filter: NO_FILTER })} />;
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-3 px-4 pt-4 pb-20 md:px-6 md:pb-5">
      <FiringBanner />
      {/* who needs somebody comes first where there is little room */}
      <div className="shrink-0 rounded-lg border border-line bg-panel max-md:order-1">
        <FleetFigures totals={totals} gaps={fleet.gaps} sites={sites.length} />
        <MoneyFigures totals={totals} />
      </div>
      {inventory.error === null ? null : <StaleInventory error={inventory.error} />}
      <StandingBar
        totals={totals}
        chosen={view.filter.standings}
        attention={attention}
        onlyAttention={view.filter.attention}
        onAttention={() =>
          change({ filter: { ...view.filter, attention: !view.filter.attention } })
        }
        onToggle={(standing) => {
          const standings = toggled(view.filter.standings, standing);
          change({ filter: { ...view.filter, standings } });
        }}
      />
      <div className="max-md:order-2">
        <FleetToolbar
          view={view}
          onChange={change}
          sites={sites}
          algorithms={algorithms}
          shown={shown.length}
          total={miners.length}
          withSort={!wide}
          earnings={earnings}
          onEarnings={showEarnings}
        />
      </div>
      {wide ? (
        <FleetTable
          miners={shown}
          sorting={view.sorting}
          wanted={{ sites: sites.length > 1, earnings }}
          onSort={(sorting) => change({ sorting })}
          now={now}
          empty={empty}
        />
      ) : (
        <div className="max-md:order-3">
          <FleetCards
            key={String(earnings)}
            miners={shown}
            now={now}
            withEarnings={earnings}
            empty={empty}
          />
        </div>
      )}
    </div>
  );
}

/** The whole fleet, live. */
export function FleetPage() {
  const { t } = useTranslation();
  return (
    <>
      <PageHeader title={t("fleet.title")}>
        <h1 className="text-base font-semibold tracking-tight">{t("fleet.title")}</h1>
      </PageHeader>
      <Content />
    </>
  );
}

import { useCallback, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "wouter";

import type { AlertItem } from "../api/types";
import { useAlerts } from "../live";
import { PageHeader } from "../shell/PageHeader";
import { Empty, Failure } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { SkeletonLines } from "../ui/Skeleton";
import { useFormat } from "../ui/useFormat";
import { filterAlerts, formatFilter, isFilteringAlerts, parseFilter, type AlertFilter } from "./address";
import { AlertFilters } from "./AlertFilters";
import { AlertList, type Listed } from "./AlertList";
import { useFiringDetails, useFreshAlerts, useResolved } from "./useAlerts";
import { byUrgency } from "./store";

const KNOWN_RULES = ["temperature", "offline"];

/** What fires, as the stream says; where it does not yet, as the database does; told to whom. */
function useFiring(): { firing: Listed[]; known: boolean; error: Error | null; retry: () => void } {
  const live = useAlerts();
  const { data, error, refetch } = useFiringDetails();
  const firing = useMemo((): Listed[] => {
    if (!live.known) return [...(data?.values() ?? [])].sort(byUrgency);
    return live.firing.map((alert) => {
      const read: Partial<AlertItem> = data?.get(alert.alert_id) ?? {};
      return { ...read, ...alert };
    });
  }, [live, data]);
  const known = live.known || data !== undefined;
  return { firing, known, error: known ? null : error, retry: () => void refetch() };
}

function Firing({ filter, all }: { filter: AlertFilter; all: ReturnType<typeof useFiring> }) {
  const { t } = useTranslation();
  const shown = filterAlerts(all.firing, filter);
  if (all.error !== null) {
    return <Failure title={t("alerts.failed")} error={all.error} retry={all.retry} />;
  }
  if (!all.known) return <SkeletonLines label={t("alerts.firingLoading")} lines={3} />;
  if (shown.length > 0) return <AlertList label={t("alerts.firing")} alerts={shown} />;
  if (all.firing.length > 0) return <Empty title={t("alerts.none")}>{t("fleet.noneBody")}</Empty>;
  return <Empty title={t("alerts.firingNone")}>{t("alerts.firingNoneBody")}</Empty>;
}

function Resolved({ filter, query }: { filter: AlertFilter; query: ReturnType<typeof useResolved> }) {
  const { t } = useTranslation();
  const items = (query.data?.pages ?? []).flatMap((page) => page.items);
  if (query.data === undefined) {
    if (query.error === null) return <SkeletonLines label={t("alerts.resolvedLoading")} lines={3} />;
    const retry = () => void query.refetch();
    return <Failure title={t("alerts.failed")} error={query.error} retry={retry} />;
  }
  if (items.length === 0) {
    const filtering = isFilteringAlerts(filter);
    return (
      <Empty title={t(filtering ? "alerts.none" : "alerts.resolvedNone")}>
        {t(filtering ? "fleet.noneBody" : "alerts.resolvedNoneBody")}
      </Empty>
    );
  }
  return (
    <>
      <AlertList label={t("alerts.resolved")} alerts={items} />
      {query.hasNextPage ? (
        <div className="border-t border-line p-2 text-center">
          <button
            type="button"
            disabled={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
            className="h-9 rounded-md px-3 font-medium text-ink-2 hover:bg-raised hover:text-ink disabled:opacity-60 md:h-8"
          >
            {t("alerts.more")}
          </button>
        </div>
      ) : null}
    </>
  );
}

function distinct(values: readonly (string | null | undefined)[]): string[] {
  return [...new Set(values.filter((value) => value != null))].sort();
}

function Content() {
  const { t } = useTranslation();
  const format = useFormat();
  const [query, setQuery] = useSearchParams();
  const filter = useMemo(() => parseFilter(query), [query]);
  const change = useCallback(
    (next: AlertFilter) => setQuery(formatFilter(next), { replace: true }),
    [setQuery],
  );
  useFreshAlerts();
  const all = useFiring();
  const choice = useMemo(
    () => ({
      severity: [...filter.severities],
      rule: [...filter.rules],
      site: [...filter.sites],
      miner: [...filter.miners],
    }),
    [filter],
  );
  const resolved = useResolved(choice);
  const seen = [...all.firing, ...(resolved.data?.pages ?? []).flatMap((page) => page.items)];
  return (
    <div className="space-y-4 px-4 pt-4 pb-20 md:px-6 md:pb-6">
      <AlertFilters
        filter={filter}
        onChange={change}
        rules={distinct([...KNOWN_RULES, ...seen.map(({ rule }) => rule), ...filter.rules])}
        sites={distinct([...seen.map(({ site_id }) => site_id), ...filter.sites])}
      />
      <Panel
        title={t("alerts.firing")}
        aside={<output className="text-xs text-ink-3">{format.count(all.firing.length)}</output>}
        flush
      >
        <Firing filter={filter} all={all} />
      </Panel>
      <Panel title={t("alerts.resolved")} flush>
        <Resolved filter={filter} query={resolved} />
      </Panel>
    </div>
  );
}

/** What is wrong with the fleet, and what was. */
export default function AlertsPage() {
  const { t } = useTranslation();
  return (
    <>
      <PageHeader title={t("alerts.title")}>
        <h1 className="text-base font-semibold tracking-tight">{t("alerts.title")}</h1>
      </PageHeader>
      <Content />
    </>
  );
}

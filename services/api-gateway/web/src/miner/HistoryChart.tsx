import "uplot/dist/uPlot.min.css";

import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { useServerNow } from "../live";
import { recall, remember } from "../ui/memory";
import { useMedia, WIDE } from "../ui/media";
import { Empty, Failure } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { OneSegment, SomeSegments } from "../ui/Segments";
import { SkeletonLines } from "../ui/Skeleton";
import { SWATCH } from "./colours";
import { ChartPane } from "./ChartPane";
import { GapList } from "./GapList";
import { TIMES } from "./plot";
import {
  chartData,
  chartGaps,
  fittedFrom,
  gapsWithin,
  rangeMs,
  RANGES,
  SERIES,
  toldSeries,
  type Range,
  type SeriesName,
} from "./series";
import type { MinerSnapshot } from "./store";
import { useHistory } from "./useMiner";

interface HistoryChartProps {
  id: string;
  algorithm: string;
  live: MinerSnapshot;
}

const RANGE_NAMES = Object.keys(RANGES) as Range[];
/** Long ranges need not crawl on every second. */
const STEPS_A_RANGE = 720;

function recalledRange(): Range {
  return RANGE_NAMES.find((range) => range === recall("range")) ?? "h1";
}

function recalledSeries(wide: boolean): SeriesName[] {
  const kept = recall("series")?.split(",") ?? [];
  const found = SERIES.filter((series) => kept.includes(series));
  if (found.length > 0) return found;
  return wide ? [...SERIES] : ["hashrate"];
}

function heightOf(panes: number, wide: boolean): number {
  if (panes === 1) return wide ? 280 : 220;
  return panes === 2 ? 168 : 128;
}

type Span = readonly [number, number];

/** One clock for all panes: now, at steps that suit the range; fitted to what is known. */
function useWindow(range: Range, zoom: Span | null, known: number | null): Span {
  const step = Math.max(1_000, rangeMs(range) / STEPS_A_RANGE);
  const to = (Math.ceil(useServerNow() / step) * step) / 1_000;
  const from = fittedFrom(range, to, known);
  return useMemo<Span>(() => zoom ?? [from, to], [zoom, from, to]);
}

/** Closer than this there is nothing more to see. */
const LEAST_ZOOM_S = 20;

function zoomed(from: number, to: number): Span {
  const more = Math.max(0, LEAST_ZOOM_S - (to - from)) / 2;
  return [from - more, to + more];
}

/** What the miner did: history, then live, gaps as gaps. */
export function HistoryChart({ id, algorithm, live }: HistoryChartProps) {
  const { t } = useTranslation();
  const wide = useMedia(WIDE);
  const [range, setRange] = useState(recalledRange);
  const [series, setSeries] = useState(() => recalledSeries(wide));
  const [zoom, setZoom] = useState<Span | null>(null);
  const history = useHistory(id, range);
  const { data: past } = history;
  const gaps = useMemo(() => chartGaps(past?.gaps ?? [], live.gaps), [past, live.gaps]);
  const data = useMemo(
    () => chartData(past ?? { items: [], resolution: "raw" }, live.recent, gaps),
    [past, live.recent, gaps],
  );
  const first = Math.min(data.times[0] ?? Infinity, gaps[0]?.from ?? Infinity);
  // what is known of another range says nothing of this one
  const known = history.isPlaceholderData || first === Infinity ? null : first;
  const shown = useWindow(range, zoom, known);
  const isFitted = zoom === null && shown[1] - shown[0] < rangeMs(range) / 1_000 - 1;
  const drawn = useMemo(() => toldSeries(series, data), [series, data]);
  const untold = series.filter((each) => !drawn.includes(each));
  const height = heightOf(drawn.length, wide);

  const controls = (
    <div className="flex flex-wrap items-center gap-2">
      {zoom === null ? null : (
        <button
          type="button"
          onClick={() => setZoom(null)}
          className="h-9 rounded-md border border-accent md:h-8 bg-accent-soft px-2.5 text-xs font-medium"
        >
          {t("chart.zoomed")}
        </button>
      )}
      <SomeSegments
        label={t("chart.series")}
        values={series}
        onChoose={(chosen) => {
          setSeries(chosen);
          remember("series", chosen.join(","));
        }}
        segments={SERIES.map((value) => ({
          value,
          label: (
            <>
              <span aria-hidden className={`size-2 rounded-[2px] ${SWATCH[value]}`} />
              {t(`chart.${value}`)}
            </>
          ),
        }))}
      />
      <OneSegment
        label={t("chart.range")}
        value={range}
        onChoose={(chosen) => {
          setZoom(null);
          setRange(chosen);
          remember("range", chosen);
        }}
        segments={RANGE_NAMES.map((value) => ({ value, label: t(`chart.ranges.${value}`) }))}
      />
    </div>
  );
  return (
    <Panel title={t("chart.title")} aside={controls} flush>
      {history.error !== null && past === undefined ? (
        <Failure
          title={t("chart.failed")}
          error={history.error}
          retry={() => void history.refetch()}
        />
      ) : null}
      {history.isPending ? <SkeletonLines label={t("chart.loading")} lines={6} /> : null}
      {past !== undefined && data.times.length === 0 ? (
        <Empty title={t("chart.empty")}>{t("chart.emptyBody")}</Empty>
      ) : null}
      {past !== undefined && data.times.length > 0 ? (
        <div className="space-y-2 px-3 pt-3 pb-2">
          {series.length === 0 ? (
            <p className="py-10 text-center text-ink-2">{t("chart.noSeries")}</p>
          ) : null}
          {drawn.map((each, at) => (
            <ChartPane
              key={each}
              series={each}
              data={data}
              gaps={gaps}
              range={shown}
              algorithm={algorithm}
              height={height + (at === drawn.length - 1 ? TIMES : 0)}
              withTimes={at === drawn.length - 1}
              onZoom={(from, to) => setZoom(zoomed(from, to))}
            />
          ))}
          <p className="px-1 text-2xs text-ink-3">
            {t(`chart.resolution.${past.resolution}`)}
            {past.next === null ? "" : ` · ${t("chart.cut")}`}
            {isFitted ? ` · ${t("chart.fitted")}` : ""}
            {untold.length === 0
              ? ""
              : ` · ${t("chart.untold", { series: untold.map((each) => t(`chart.${each}`)).join(", ") })}`}
          </p>
        </div>
      ) : null}
      <GapList gaps={gapsWithin(gaps, shown[0], shown[1])} />
    </Panel>
  );
}

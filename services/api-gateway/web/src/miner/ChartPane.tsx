import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import uPlot from "uplot";

import { useFormat } from "../ui/useFormat";
import { usePainted } from "../ui/theme";
import { QuantityText } from "../ui/Quantity";
import { digitsAfterPoint, hashrateStep } from "../units/scale";
import { joined, type Format, type Quantity } from "../units/format";
import { SWATCH } from "./colours";
import { paneOptions } from "./plot";
import type { ChartData, ChartGap, SeriesName } from "./series";

interface ChartPaneProps {
  series: SeriesName;
  data: ChartData;
  gaps: readonly ChartGap[];
  range: readonly [number, number];
  algorithm: string;
  height: number;
  withTimes: boolean;
  onZoom: (from: number, to: number) => void;
}

function largest(values: readonly (number | null)[]): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
}

interface Scale {
  factor: number;
  unit: string;
}

/** The one unit of a pane, by its largest value. */
function scaleOf(series: SeriesName, data: ChartData, algorithm: string): Scale {
  switch (series) {
    case "hashrate":
      return hashrateStep(algorithm, largest(data.hashrate));
    case "chipTemp":
      return { factor: 1, unit: "°C" };
    case "power":
      return { factor: 1, unit: "W" };
  }
}

function quantity(value: number | null | undefined, scale: Scale, format: Format): Quantity | null {
  if (value == null) return null;
  const shown = value / scale.factor;
  if (scale.unit === "°C") return format.celsius(shown);
  const digits = scale.unit === "W" ? 0 : Math.min(2, digitsAfterPoint(shown));
  return { text: format.number(shown, digits), unit: scale.unit };
}

/** One series over time. */
export function ChartPane(props: ChartPaneProps) {
  const { series, data, gaps, range, algorithm, height, withTimes, onZoom } = props;
  const { t } = useTranslation();
  const format = useFormat();
  const painted = usePainted();
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = useRef({ data, gaps, range, onZoom });
  const [cursor, setCursor] = useState<number | null>(null);
  const { factor, unit } = scaleOf(series, data, algorithm);

  useEffect(() => {
    shown.current = { data, gaps, range, onZoom };
    plot.current?.setData(columns(series, data), false);
    plot.current?.setScale("x", { min: range[0], max: range[1] });
    plot.current?.redraw(true);
  }, [series, data, gaps, range, onZoom]);

  useEffect(() => {
    const element = holder.current;
    if (element === null) return undefined;
    const made = new uPlot(
      paneOptions({
        series,
        height,
        width: element.clientWidth,
        factor,
        withTimes,
        formatValue: (value, digits) => format.number(value, digits),
        formatTime: (instant, withSeconds) => {
          const at = new Date(instant * 1_000);
          // only midnights say their date: labels stay short
          const midnight = at.getHours() + at.getMinutes() + at.getSeconds() === 0;
          return midnight ? format.date(at) : format.instant(at, at, { seconds: withSeconds });
        },
        gaps: () => shown.current.gaps,
        range: () => [shown.current.range[0], shown.current.range[1]],
        onCursor: setCursor,
        onZoom: (from, to) => shown.current.onZoom(from, to),
      }),
      columns(series, shown.current.data),
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current = null;
      made.destroy();
    };
  }, [series, height, factor, withTimes, format, painted]);

  const values = data[series];
  // of a miner that is silent now the last figure would read as if it were of now
  const newest = values.at(-1) ?? null;
  const at = cursor === null ? null : data.times[cursor];
  const value = quantity(cursor === null ? newest : values[cursor], { factor, unit }, format);
  const expected =
    series === "hashrate"
      ? quantity(
          cursor === null ? data.expected.at(-1) : data.expected[cursor],
          { factor, unit },
          format,
        )
      : null;
  const label = t("chart.label", {
    series: t(`chart.${series}`),
    value: value === null ? "–" : joined(value),
  });
  return (
    <figure className="min-w-0">
      <figcaption className="flex items-baseline gap-2 px-1 text-xs">
        <span aria-hidden className={`size-2 self-center rounded-[2px] ${SWATCH[series]}`} />
        <span className="text-ink-2">{t(`chart.${series}`)}</span>
        <span className="text-sm font-semibold">
          <QuantityText of={value} />
        </span>
        {expected === null ? null : (
          <span className="text-ink-3">{`${t("chart.expected")} ${joined(expected)}`}</span>
        )}
        {at == null ? null : (
          <time className="ml-auto text-ink-3">{format.instant(new Date(at * 1_000), new Date())}</time>
        )}
      </figcaption>
      <div ref={holder} role="img" aria-label={label} className="w-full" style={{ height }} />
    </figure>
  );
}

function columns(series: SeriesName, data: ChartData): uPlot.AlignedData {
  return series === "hashrate"
    ? [data.times, data.hashrate, data.expected]
    : [data.times, data[series]];
}

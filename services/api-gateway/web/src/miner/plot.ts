/** One pane of the chart as uPlot takes it: lines in the theme's colours, gaps shaded. */

import uPlot from "uplot";

import { lonely, type ChartGap, type SeriesName } from "./series";

export interface PaneLook {
  series: SeriesName;
  height: number;
  width: number;
  /** what a value is divided by to be shown */
  factor: number;
  /** the times' axis is under the last pane only */
  withTimes: boolean;
  formatValue: (value: number, digits: number) => string;
  /** @param withSeconds - labels stand less than a minute apart */
  formatTime: (at: number, withSeconds: boolean) => string;
  gaps: () => readonly ChartGap[];
  range: () => [number, number];
  onCursor: (index: number | null) => void;
  onZoom: (from: number, to: number) => void;
}

export const AXIS = 46;
export const TIMES = 26;
const FONT = '11px "Inter", sans-serif';

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const COLOURS: Readonly<Record<SeriesName, string>> = {
  hashrate: "--chart-1",
  chipTemp: "--chart-2",
  power: "--chart-3",
};

function faded(of: string, share: number): string {
  return `color-mix(in srgb, ${of} ${share}%, transparent)`;
}

/** From zero, so that a drop looks as large as it is; temperatures around what they are. */
export function valueRange(series: SeriesName, least: number | null, most: number | null): [number, number] {
  if (series === "chipTemp") {
    return [Math.floor(((least ?? 30) - 6) / 5) * 5, Math.ceil(((most ?? 80) + 4) / 5) * 5];
  }
  const top = most ?? 0;
  return [0, top > 0 ? top * 1.12 : 1];
}

function shadeGaps(plot: uPlot, look: PaneLook): void {
  const { ctx, bbox } = plot;
  const [from, to] = look.range();
  const shade = colour("--gap");
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const gap of look.gaps()) {
    if (gap.filled) continue;
    const left = plot.valToPos(Math.max(gap.from, from), "x", true);
    const right = plot.valToPos(Math.min(gap.to ?? to, to), "x", true);
    const width = Math.max(right - left, 2 * devicePixelRatio);
    ctx.fillStyle = faded(shade, 11);
    ctx.fillRect(left, bbox.top, width, bbox.height);
    hatch(ctx, { left, top: bbox.top, width, height: bbox.height }, faded(shade, 26));
  }
  ctx.restore();
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Lines across: shade alone would be lost on whoever sees no colours. */
function hatch(ctx: CanvasRenderingContext2D, box: Box, stroke: string): void {
  const step = 7 * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top, box.width, box.height);
  ctx.clip();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  for (let x = box.left - box.height; x < box.left + box.width; x += step) {
    ctx.moveTo(x, box.top + box.height);
    ctx.lineTo(x + box.height, box.top);
  }
  ctx.stroke();
  ctx.restore();
}

const MINUTE = 60;
/** How far labels of times may stand apart, s: what a clock's face would have. */
const INCREMENTS = [
  ...[1, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 60 * MINUTE),
  ...[1, 2, 7].map((days) => days * 24 * 60 * MINUTE),
];

function axes(look: PaneLook): uPlot.Axis[] {
  const ink = colour("--ink-3");
  const grid = { stroke: colour("--line"), width: 1 };
  return [
    {
      stroke: ink,
      font: FONT,
      grid,
      ticks: { show: false },
      size: look.withTimes ? TIMES : 0,
      gap: 6,
      space: 72,
      incrs: INCREMENTS,
      values: (_, splits, __, ___, apart) =>
        splits.map((at) => (look.withTimes ? look.formatTime(at, apart < MINUTE) : "")),
    },
    {
      stroke: ink,
      font: FONT,
      grid,
      ticks: { show: false },
      size: AXIS,
      gap: 6,
      space: 34,
      values: (plot, splits) => labels(plot, splits, look),
      // steps that are round in the unit that is shown
      splits: (_, __, least, most) => roundSplits(least / look.factor, most / look.factor).map((each) => each * look.factor),
    },
  ];
}

/** As exact as the steps are; of an axis on which there is nothing, none. */
function labels({ data }: uPlot, splits: readonly number[], look: PaneLook): string[] {
  const told = data.slice(1).some((values) => [...values].some((value) => value != null));
  if (!told) return splits.map(() => "");
  const values = splits.map((split) => split / look.factor);
  const digits = digitsOf(values);
  return values.map((value) => look.formatValue(value, digits));
}

/** How many digits after the point tell round values apart. */
export function digitsOf(values: readonly number[]): number {
  const exact = (digits: number) => values.every((each) => Math.abs(each - Number(each.toFixed(digits))) < 1e-6);
  return [0, 1, 2].find(exact) ?? 3;
}

/** Four or so round values between two. */
export function roundSplits(least: number, most: number): number[] {
  const rough = (most - least) / 4;
  if (!(rough > 0)) return [least];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  const splits: number[] = [];
  for (let value = Math.ceil(least / step) * step; value <= most + step * 1e-6; value += step) {
    splits.push(Number(value.toPrecision(12)));
  }
  return splits;
}

function line(look: PaneLook): uPlot.Series {
  const stroke = colour(COLOURS[look.series]);
  return {
    stroke,
    width: 1.6,
    fill: faded(stroke, look.series === "chipTemp" ? 0 : 9),
    spanGaps: false,
    points: { show: true, size: 5, fill: stroke, filter: (plot, at) => lonely([...(plot.data[at] ?? [])]) },
  };
}

function expectedLine(): uPlot.Series {
  return {
    stroke: colour("--ink-3"),
    width: 1,
    dash: [4, 4],
    spanGaps: false,
    points: { show: false },
  };
}

/** Options of one pane; the second line, where there is one, is what is expected. */
export function paneOptions(look: PaneLook): uPlot.Options {
  return {
    width: look.width,
    height: look.height,
    // half of the longest label of a time fits beside the last instant
    padding: [8, 28, look.withTimes ? 0 : 6, 0],
    legend: { show: false },
    cursor: {
      sync: { key: "miner" },
      drag: { x: true, y: false, setScale: false },
      y: false,
      points: { size: 7, width: 2 },
    },
    scales: {
      x: { time: true, range: () => look.range() },
      y: { range: (_, least, most) => valueRange(look.series, least, most) },
    },
    axes: axes(look),
    series: [{}, line(look), ...(look.series === "hashrate" ? [expectedLine()] : [])],
    hooks: {
      drawClear: [(plot) => shadeGaps(plot, look)],
      setCursor: [(plot) => look.onCursor(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          look.onZoom(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

import type { SeriesName } from "./series";

/** A series' colour as a patch beside its name. */
export const SWATCH: Readonly<Record<SeriesName, string>> = {
  hashrate: "bg-chart-1",
  chipTemp: "bg-chart-2",
  power: "bg-chart-3",
};

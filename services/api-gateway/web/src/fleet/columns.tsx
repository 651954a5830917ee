/** The columns of the fleet's table. */

import { createColumnHelper, rowSortingFeature, tableFeatures } from "@tanstack/react-table";
import { memo, useMemo, type ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";

import {
  AnomalyCell,
  BoardsCell,
  ChipCell,
  EfficiencyCell,
  FansCell,
  HashrateCell,
  HeardCell,
  PoolCell,
  PowerCell,
  StatusCell,
} from "./cells";
import { PowerCostCell, ProfitCell, RevenueCell } from "../money/cells";
import type { Miner } from "./miner";
import type { SortKey } from "./order";

interface ColumnLook {
  numeric: boolean;
}

// rows come sorted, filtered and cut to what is in sight: only the order's state is the table's
export const features = tableFeatures({ rowSortingFeature, columnMeta: {} as ColumnLook });

const helper = createColumnHelper<typeof features, Miner>();

function MinerCell({ miner }: { miner: Miner }) {
  return (
    <span className="block min-w-0">
      <Link
        href={`/miners/${miner.miner_id}`}
        data-miner={miner.miner_id}
        title={miner.miner_id}
        className="block truncate font-medium text-ink outline-none after:absolute after:inset-0 after:content-[''] focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
      >
        {miner.miner_id}
      </Link>
      <span className="block truncate text-2xs leading-4 text-ink-3">
        {miner.model ?? miner.address ?? "–"}
      </span>
    </span>
  );
}

function SiteCell({ miner }: { miner: Miner }) {
  return (
    <span className="block truncate text-ink-2" title={miner.site_id}>
      {miner.site_id}
    </span>
  );
}

interface Look extends ColumnLook {
  key: SortKey;
  /** a track of the grid */
  width: string;
  Cell: ComponentType<{ miner: Miner }>;
}

const LOOKS: readonly Look[] = [
  { key: "miner_id", Cell: MinerCell, width: "minmax(8.5rem,1.1fr)", numeric: false },
  { key: "site_id", Cell: SiteCell, width: "minmax(3.75rem,0.6fr)", numeric: false },
  { key: "status", Cell: StatusCell, width: "6.75rem", numeric: false },
  { key: "hashrate", Cell: HashrateCell, width: "8rem", numeric: true },
  { key: "chip_temp", Cell: ChipCell, width: "4.25rem", numeric: true },
  { key: "fans", Cell: FansCell, width: "5rem", numeric: true },
  { key: "power", Cell: PowerCell, width: "4.75rem", numeric: true },
  { key: "efficiency", Cell: EfficiencyCell, width: "5.5rem", numeric: true },
  { key: "revenue", Cell: RevenueCell, width: "5.5rem", numeric: true },
  { key: "power_cost", Cell: PowerCostCell, width: "5rem", numeric: true },
  { key: "profit", Cell: ProfitCell, width: "5rem", numeric: true },
  { key: "boards", Cell: BoardsCell, width: "4rem", numeric: true },
  { key: "pool", Cell: PoolCell, width: "minmax(8.5rem,1.2fr)", numeric: false },
  { key: "anomaly", Cell: AnomalyCell, width: "4.5rem", numeric: true },
  { key: "heard", Cell: HeardCell, width: "4.75rem", numeric: true },
];

/** A miner that did not change is not drawn again while others do, or while the table scrolls. */
const LASTING: ReadonlyMap<SortKey, ComponentType<{ miner: Miner }>> = new Map(
  LOOKS.map(({ key, Cell }) => [key, memo(Cell)]),
);

const EARNINGS: ReadonlySet<SortKey> = new Set(["revenue", "power_cost", "profit"]);

/** What is shown of the columns that not everybody needs. */
export interface Wanted {
  /** one site needs no column */
  sites: boolean;
  earnings: boolean;
}

function looks(wanted: Wanted): Look[] {
  return LOOKS.filter(({ key }) => {
    if (key === "site_id") return wanted.sites;
    return wanted.earnings || !EARNINGS.has(key);
  });
}

/** The grid's tracks, which head and rows share. */
export function tracks(wanted: Wanted): string {
  return looks(wanted)
    .map(({ width }) => width)
    .join(" ");
}

/** Beside the columns: between them, and at either end of a row. */
const GAP_REM = 0.5;
const ENDS_REM = 2;

/** So narrow that the columns have just the room they need, rem: rows end where the head does. */
export function leastWidth(wanted: Wanted): number {
  const widths = looks(wanted).map(({ width }) => Number(/[\d.]+(?=rem)/.exec(width)?.[0] ?? 0));
  return widths.reduce((sum, width) => sum + width + GAP_REM, ENDS_REM - GAP_REM);
}

export function useColumns({ sites, earnings }: Wanted) {
  const { t } = useTranslation();
  return useMemo(
    () =>
      helper.columns(
        looks({ sites, earnings }).map(({ key, Cell, numeric }) => {
          const Lasting = LASTING.get(key) ?? Cell;
          return helper.display({
            id: key,
            header: t(`fleet.columns.${key}`),
            cell: ({ row }) => <Lasting miner={row.original} />,
            meta: { numeric },
          });
        }),
      ),
    [t, sites, earnings],
  );
}

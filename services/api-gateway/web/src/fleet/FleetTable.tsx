import { useTable } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { clsx } from "clsx";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useRef, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { pressed } from "./address";
import { needsAttention } from "./attention";
import { features, leastWidth, tracks, useColumns, type Wanted } from "./columns";
import type { Miner } from "./miner";
import { SORT_KEYS, type Sorting } from "./order";

const ROW = 44;
const HEAD = 34;
/** Who needs somebody is found at a glance along the edge. */
const MARKED = "shadow-[inset_3px_0_0_var(--bad-fill)]";

interface FleetTableProps {
  miners: readonly Miner[];
  sorting: Sorting;
  wanted: Wanted;
  onSort: (sorting: Sorting) => void;
  /** ms since 1970, the server's clock */
  now: number;
  empty: ReactNode;
}

/** The head's order, for ears and eyes. */
function ariaSort(sorted: boolean, descending: boolean) {
  if (!sorted) return "none";
  return descending ? "descending" : "ascending";
}

interface HeadProps {
  id: string;
  label: ReactNode;
  numeric: boolean;
  sorting: Sorting;
  onSort: (sorting: Sorting) => void;
}

function Head({ id, label, numeric, sorting, onSort }: HeadProps) {
  const key = SORT_KEYS.find((each) => each === id);
  const sorted = sorting.key === id;
  const Arrow = sorting.descending ? ArrowDown : ArrowUp;
  return (
    <div
      role="columnheader"
      aria-sort={ariaSort(sorted, sorting.descending)}
      className={clsx("flex min-w-0", numeric ? "justify-end" : "justify-start", id === "pool" && "pl-2")}
    >
      <button
        type="button"
        onClick={() => {
          if (key !== undefined) onSort(pressed(sorting, key));
        }}
        className={clsx(
          "flex min-w-0 items-center gap-1 text-xs font-medium hover:text-ink",
          numeric && "flex-row-reverse",
          sorted ? "text-ink" : "text-ink-3",
        )}
      >
        <span className="truncate">{label}</span>
        {sorted ? <Arrow aria-hidden size={12} className="shrink-0 text-accent" /> : null}
      </button>
    </div>
  );
}

/** The fleet, a row each; however many there are, only those in sight are drawn. */
export function FleetTable({ miners, sorting, wanted, onSort, now, empty }: FleetTableProps) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- it reads the scroller while rendering, which is what it is for
  const virtualizer = useVirtualizer({
    count: miners.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    paddingStart: HEAD,
    scrollPaddingStart: HEAD,
    overscan: 8,
  });
  const inSight = virtualizer.getVirtualItems();
  const first = inSight[0]?.index ?? 0;
  const columns = useColumns(wanted);
  const table = useTable({
    features,
    columns,
    data: miners.slice(first, first + inSight.length),
    getRowId: (miner) => miner.miner_id,
    manualSorting: true,
    state: { sorting: [{ id: sorting.key, desc: sorting.descending }] },
  });

  const focusRow = (index: number) => {
    const miner = miners[index];
    if (miner === undefined) return;
    const focus = (): boolean => {
      const id = CSS.escape(miner.miner_id);
      const link = scroller.current?.querySelector<HTMLElement>(`[data-miner="${id}"]`);
      link?.focus({ preventScroll: true });
      return link != null;
    };
    virtualizer.scrollToIndex(index);
    // at once where it is drawn already: keys may come faster than frames
    if (!focus()) requestAnimationFrame(focus);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    const id = event.target instanceof HTMLElement ? event.target.dataset.miner : undefined;
    if (step === undefined || id === undefined) return;
    event.preventDefault();
    focusRow(miners.findIndex((miner) => miner.miner_id === id) + step);
  };

  const grid = { gridTemplateColumns: tracks(wanted) };
  return (
    <div
      ref={scroller}
      className="relative min-h-80 flex-1 overflow-auto rounded-lg border border-line bg-panel"
    >
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- keys that bubble from the rows' links */}
      <div
        role="table"
        aria-label={t("fleet.table")}
        aria-rowcount={miners.length + 1}
        onKeyDown={onKeyDown}
        className="relative"
        style={{ height: virtualizer.getTotalSize(), minWidth: `${leastWidth(wanted)}rem` }}
      >
        <div role="rowgroup" className="sticky top-0 z-20">
          {table.getHeaderGroups().map((group) => (
            <div
              key={group.id}
              role="row"
              aria-rowindex={1}
              className="grid items-center gap-x-2 border-b border-line bg-panel px-4"
              style={{ ...grid, height: HEAD }}
            >
              {group.headers.map((header) => (
                <Head
                  key={header.id}
                  id={header.column.id}
                  label={<table.FlexRender header={header} />}
                  numeric={header.column.columnDef.meta?.numeric ?? false}
                  sorting={sorting}
                  onSort={onSort}
                />
              ))}
            </div>
          ))}
        </div>
        <div role="rowgroup">
          {table.getRowModel().rows.map((row, at) => (
            <div
              key={row.id}
              role="row"
              aria-rowindex={first + at + 2}
              className={clsx(
                "absolute inset-x-0 top-0 grid items-center gap-x-2 border-b border-line/70 px-4 hover:bg-raised/50",
                needsAttention(row.original, now) && MARKED,
              )}
              style={{ ...grid, height: ROW, transform: `translateY(${inSight[at]?.start ?? 0}px)` }}
            >
              {row.getAllCells().map((cell) => (
                <div
                  key={cell.id}
                  role="cell"
                  className={clsx(
                    "min-w-0",
                    cell.column.columnDef.meta?.numeric === true && "text-right",
                  )}
                >
                  <table.FlexRender cell={cell} />
                </div>
              ))}
            </div>
          ))}
        </div>
      </div>
      {miners.length === 0 ? <div className="sticky left-0">{empty}</div> : null}
    </div>
  );
}

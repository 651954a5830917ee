import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { clsx } from "clsx";
import { useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";

import { Dollars } from "../money/Dollars";
import { QuantityText } from "../ui/Quantity";
import { useFormat } from "../ui/useFormat";
import { needsAttention } from "./attention";
import { BoardsCell, ChipCell, FansCell, HashrateCell, HeardCell, StatusCell } from "./cells";
import type { Miner } from "./miner";

const CARD = 122;
const EARNINGS = 40;
const BETWEEN = 8;

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="truncate text-2xs text-ink-3">{label}</dt>
      <dd className="truncate">{children}</dd>
    </div>
  );
}

interface CardProps {
  miner: Miner;
  marked: boolean;
  withEarnings: boolean;
}

function Card({ miner, marked, withEarnings }: CardProps) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <article
      className={clsx(
        "relative h-full overflow-hidden rounded-lg border border-line bg-panel px-3.5 py-2.5",
        marked && "shadow-[inset_3px_0_0_var(--bad-fill)]",
      )}
    >
      <div className="flex items-center justify-between gap-3">
        <Link
          href={`/miners/${miner.miner_id}`}
          className="truncate font-medium after:absolute after:inset-0 after:content-['']"
        >
          {miner.miner_id}
        </Link>
        <StatusCell miner={miner} />
      </div>
      <div className="mt-1 flex items-end justify-between gap-4">
        <span className="min-w-0 text-2xs text-ink-3">
          <span className="block truncate">
            {[miner.model, miner.site_id].filter((each) => each != null).join(" · ")}
          </span>
          <HeardCell miner={miner} ago />
        </span>
        <div className="w-36 shrink-0 text-right">
          <HashrateCell miner={miner} />
        </div>
      </div>
      <dl className="mt-2 grid grid-cols-4 gap-3">
        <Fact label={t("fleet.columns.chip_temp")}>
          <ChipCell miner={miner} />
        </Fact>
        <Fact label={t("fleet.columns.power")}>
          <QuantityText of={miner.power_w == null ? null : format.power(miner.power_w)} />
        </Fact>
        <Fact label={t("fleet.columns.fans")}>
          <FansCell miner={miner} />
        </Fact>
        <Fact label={t("fleet.columns.boards")}>
          <BoardsCell miner={miner} />
        </Fact>
      </dl>
      {withEarnings ? (
        <dl className="mt-2 grid grid-cols-3 gap-3">
          <Fact label={t("fleet.columns.revenue")}>
            <Dollars usd={miner.revenue_usd_per_day} />
          </Fact>
          <Fact label={t("fleet.columns.power_cost")}>
            <Dollars usd={miner.power_cost_usd_per_day} />
          </Fact>
          <Fact label={t("fleet.columns.profit")}>
            <Dollars usd={miner.profit_usd_per_day} signed />
          </Fact>
        </dl>
      ) : null}
    </article>
  );
}

interface FleetCardsProps {
  miners: readonly Miner[];
  /** ms since 1970, the server's clock */
  now: number;
  withEarnings: boolean;
  empty: ReactNode;
}

/** The fleet on a phone: a card each, drawn as they come into sight. */
export function FleetCards({ miners, now, withEarnings, empty }: FleetCardsProps) {
  const { t } = useTranslation();
  const list = useRef<HTMLUListElement>(null);
  const [top, setTop] = useState(0);
  // what stands above changes its height with the fleet's statuses
  useLayoutEffect(() => {
    const measure = () => setTop(list.current?.offsetTop ?? 0);
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    measure();
    return () => observer.disconnect();
  }, []);
  const height = CARD + (withEarnings ? EARNINGS : 0);
  const virtualizer = useWindowVirtualizer({
    count: miners.length,
    estimateSize: () => height,
    gap: BETWEEN,
    overscan: 6,
    scrollMargin: top,
  });
  if (miners.length === 0) return empty;
  return (
    <ul
      ref={list}
      aria-label={t("fleet.table")}
      className="relative"
      style={{ height: virtualizer.getTotalSize() }}
    >
      {virtualizer.getVirtualItems().map((item) => {
        const miner = miners[item.index];
        return miner === undefined ? null : (
          <li
            key={miner.miner_id}
            aria-setsize={miners.length}
            aria-posinset={item.index + 1}
            className="absolute inset-x-0 top-0"
            style={{ height, transform: `translateY(${item.start - top}px)` }}
          >
            <Card
              miner={miner}
              marked={needsAttention(miner, now)}
              withEarnings={withEarnings}
            />
          </li>
        );
      })}
    </ul>
  );
}

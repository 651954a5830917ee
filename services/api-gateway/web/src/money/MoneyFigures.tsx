import { ChevronDown, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Coin, PoolAccount } from "../api/types";
import type { Dollars, Totals } from "../fleet/totals";
import { useServerNow } from "../live";
import { Figure, Figures } from "../ui/Figure";
import { useMedia, WIDE } from "../ui/media";
import { useFormat } from "../ui/useFormat";
import { ageOf, STALE_MS } from "./basis";
import { useCoins, usePools } from "./useMarket";

interface SumProps {
  label: string;
  sum: Dollars;
  total: number;
  signed?: boolean;
}

function Sum({ label, sum, total, signed = false }: SumProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const known = sum.said > 0;
  return (
    <Figure
      label={label}
      value={known ? format.usd(sum.usd) : null}
      tone={signed && known && sum.usd < 0 ? "bad" : undefined}
    >
      {known
        ? t("money.of", { n: format.count(sum.said), total: format.count(total) })
        : t("money.ofNone")}
    </Figure>
  );
}

/** How old, and that it is too old. */
function Age({ at }: { at: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const age = ageOf(at, useServerNow());
  if (age === null) return null;
  const ago = t("age.ago", { age: format.age(age) });
  if (age <= STALE_MS) return ago;
  return (
    <span className="inline-flex items-center gap-1 font-medium text-warn">
      <TriangleAlert aria-hidden size={12} />
      {`${t("money.stale")}, ${ago}`}
    </span>
  );
}

function Price({ coin, price }: { coin: Coin; price: NonNullable<Coin["price"]> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { price_usd: usd, change_24h_ratio: change, ts } = price;
  const name = coin.symbol ?? coin.coin_id;
  return (
    <Figure
      label={change === null ? name : t("money.change", { coin: name, change: format.change(change) })}
      value={format.price(usd)}
    >
      <Age at={ts} />
    </Figure>
  );
}

function Pools({ pools }: { pools: readonly PoolAccount[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const newest = pools.map(({ ts }) => ts).sort((a, b) => Date.parse(b) - Date.parse(a))[0];
  const fresh = pools.reduce((sum, pool) => sum + pool.workers_fresh, 0);
  const workers = pools.reduce((sum, pool) => sum + pool.workers_total, 0);
  if (newest === undefined) return null;
  return (
    <Figure
      label={t("money.pools")}
      value={{ text: format.count(fresh), unit: "" }}
      of={t("figure.ofMiners", { n: format.count(workers) })}
    >
      <Age at={newest} />
    </Figure>
  );
}

/** What the fleet earns, what coins cost, and whether the pools are heard of; nothing where nothing is known. */
export function MoneyFigures({ totals }: { totals: Totals }) {
  const { t } = useTranslation();
  const coins = useCoins().data ?? [];
  const pools = usePools().data ?? [];
  const { revenue, powerCost, profit, miners } = totals;
  const wide = useMedia(WIDE);
  const [open, setOpen] = useState(false);
  const earns = revenue.said + powerCost.said > 0;
  const priced = coins.filter((coin) => coin.price !== null);
  if (!earns && priced.length === 0 && pools.length === 0) return null;
  // on a phone the miners come first, and what coins cost when asked for
  const whole = wide || open;
  return (
    <section aria-label={t("money.market")} className="border-t border-line">
      <Figures>
        {earns ? <Sum label={t("money.profit")} sum={profit} total={miners} signed /> : null}
        {earns && whole ? (
          <>
            <Sum label={t("money.revenue")} sum={revenue} total={miners} />
            <Sum label={t("money.powerCost")} sum={powerCost} total={miners} />
          </>
        ) : null}
        {whole
          ? priced.map((coin) =>
              coin.price === null ? null : <Price key={coin.coin_id} coin={coin} price={coin.price} />,
            )
          : null}
        {pools.length === 0 ? null : <Pools pools={pools} />}
      </Figures>
      {wide ? null : (
        <button
          type="button"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
          className="flex h-9 w-full items-center justify-between border-t border-line px-3.5 text-xs text-ink-2"
        >
          {t("money.more")}
          <ChevronDown aria-hidden size={14} className={open ? "rotate-180" : ""} />
        </button>
      )}
    </section>
  );
}

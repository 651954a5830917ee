import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Reading } from "../api/types";
import { algorithmOf } from "../fleet/miner";
import { Panel } from "../ui/Panel";
import { QuantityText } from "../ui/Quantity";
import { Scroller } from "../ui/Scroller";
import { useFormat } from "../ui/useFormat";
import { joined } from "../units/format";
import { hashrateStep } from "../units/scale";
import { AsOf } from "./AsOf";
import { basisName } from "./basis";

/** Digits after the point of what somebody reckons anew. */
const DIGITS = 4;

interface LineProps {
  name: string;
  how: string;
  usd: number | null | undefined;
  last?: boolean;
}

function Line({ name, how, usd, last = false }: LineProps) {
  const format = useFormat();
  return (
    <tr className={last ? "border-t border-line-strong font-medium" : "border-t border-line/70 first:border-t-0"}>
      <th scope="row" className="py-2 pr-4 pl-4 text-left font-medium whitespace-nowrap">
        {name}
      </th>
      <td className="py-2 pr-4 text-ink-2 md:whitespace-nowrap">{how}</td>
      <td className={`py-2 pr-4 text-right whitespace-nowrap ${last && usd != null && usd < 0 ? "text-bad" : ""}`}>
        {usd == null ? <span className="text-ink-3">–</span> : format.usd(usd, DIGITS).text}
      </td>
    </tr>
  );
}

/** How revenue comes about, with digits enough to reckon it anew; or what is missing. */
function useHow(reading: Reading): { revenue: string; power: string; profit: string } {
  const { t } = useTranslation();
  const format = useFormat();
  const { hashrate_hs: hashrate, rate_usd_per_hs_day: rate } = reading;
  const { power_w: power, tariff_usd_per_kwh: tariff } = reading;
  const known = reading.revenue_usd_per_day != null && reading.power_cost_usd_per_day != null;
  const { unit, factor } = hashrateStep(algorithmOf(reading), hashrate ?? 0);
  const revenue = () => {
    if (rate == null) return t("money.missing.rate");
    if (hashrate == null) return t("money.missing.hashrate");
    const said = joined({ text: format.precise(hashrate / factor, 6), unit });
    return t("money.howRevenue", { hashrate: said, rate: format.usdPrecise(rate * factor, 6), unit });
  };
  const cost = () => {
    if (tariff == null) return t("money.missing.tariff");
    if (power == null) return t("money.missing.power");
    const said = format.precise(power / 1_000, 6);
    return t("money.howPower", { power: said, tariff: format.usdPrecise(tariff, 6) });
  };
  return {
    revenue: revenue(),
    power: cost(),
    profit: t(known ? "money.howProfit" : "money.missing.profit"),
  };
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="flex min-w-0 items-baseline justify-between gap-4 py-1 md:block md:py-0">
      <dt className="shrink-0 text-xs text-ink-3">{label}</dt>
      <dd className="min-w-0 text-right md:text-left">{children}</dd>
    </div>
  );
}

/** What the pool sees of the hashrate, and how far that is from what the miner says. */
function AtPool({ reading }: { reading: Reading }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { pool_hashrate_hs: pool, hashrate_hs: own } = reading;
  if (pool == null) return <span className="text-ink-3">–</span>;
  const against = own == null || own === 0 ? null : pool / own - 1;
  return (
    <>
      <QuantityText of={format.hashrate(pool, algorithmOf(reading))} />
      {against === null ? null : (
        <span className="block text-xs text-ink-2">
          {Math.abs(against) < 0.0005
            ? t("money.poolSame")
            : t("money.poolAgainst", { share: format.change(against) })}
        </span>
      )}
    </>
  );
}

/** Is anything known of what a miner earns or of what its pool says? */
export function hasEarnings(reading: Reading): boolean {
  const { revenue_usd_per_day, power_cost_usd_per_day, pool_hashrate_hs, rate_usd_per_hs_day } = reading;
  return [revenue_usd_per_day, power_cost_usd_per_day, pool_hashrate_hs, rate_usd_per_hs_day].some(
    (each) => each != null,
  );
}

/** What a miner earns a day, step by step, so that it can be reckoned anew. */
export function Calculation({ reading }: { reading: Reading }) {
  const { t } = useTranslation();
  const how = useHow(reading);
  return (
    <Panel title={t("money.title")} flush>
      <Scroller label={t("money.head.how")}>
        <table className="w-full">
          <thead className="sr-only">
            <tr>
              <th scope="col">{t("money.head.figure")}</th>
              <th scope="col">{t("money.head.how")}</th>
              <th scope="col">{t("money.head.amount")}</th>
            </tr>
          </thead>
          <tbody>
            <Line name={t("money.rowRevenue")} how={how.revenue} usd={reading.revenue_usd_per_day} />
            <Line name={t("money.rowPower")} how={how.power} usd={reading.power_cost_usd_per_day} />
            <Line name={t("money.rowProfit")} how={how.profit} usd={reading.profit_usd_per_day} last />
          </tbody>
        </table>
      </Scroller>
      <dl className="gap-x-6 gap-y-3 border-t border-line px-4 py-2.5 md:grid md:grid-cols-3 md:py-3 2xl:grid-cols-5">
        <Fact label={t("money.basis")}>{basisName(reading.revenue_basis, t)}</Fact>
        <Fact label={t("money.priced")}>
          <AsOf at={reading.price_at} />
        </Fact>
        <Fact label={t("money.pool")}>
          <AtPool reading={reading} />
        </Fact>
        <Fact label={t("money.coin")}>{reading.pool_coin ?? "–"}</Fact>
        <Fact label={t("money.poolAt")}>
          <AsOf at={reading.pool_at} />
        </Fact>
      </dl>
    </Panel>
  );
}

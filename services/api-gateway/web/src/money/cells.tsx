import { useTranslation } from "react-i18next";
import { Link } from "wouter";

import type { Miner } from "../fleet/miner";
import { Hint } from "../ui/Hint";
import { AsOf } from "./AsOf";
import { basisName } from "./basis";
import { Dollars } from "./Dollars";

/** What the amounts rest on; the miner's own page has the same for those without a pointer. */
function Basis({ miner }: { miner: Miner }) {
  const { t } = useTranslation();
  if (miner.revenue_usd_per_day == null && miner.power_cost_usd_per_day == null) {
    return t("money.unknown");
  }
  return (
    <span className="block space-y-0.5">
      <span className="block">
        {t("pair", { name: t("money.basis"), value: basisName(miner.revenue_basis, t) })}
      </span>
      {miner.price_at == null ? null : (
        <span className="block">
          {t("money.priced")} <AsOf at={miner.price_at} />
        </span>
      )}
      {miner.pool_at == null ? null : (
        <span className="block">
          {t("money.poolAt")} <AsOf at={miner.pool_at} />
        </span>
      )}
    </span>
  );
}

interface AmountProps {
  miner: Miner;
  usd: number | null | undefined;
  signed?: boolean;
}

function Amount({ miner, usd, signed = false }: AmountProps) {
  return (
    <Hint text={<Basis miner={miner} />}>
      {/* above the row's own link, so that a pointer finds the hint; keys have the row's */}
      <Link href={`/miners/${miner.miner_id}`} tabIndex={-1} className="relative z-10 block truncate">
        <Dollars usd={usd} signed={signed} />
      </Link>
    </Hint>
  );
}

export function RevenueCell({ miner }: { miner: Miner }) {
  return <Amount miner={miner} usd={miner.revenue_usd_per_day} />;
}

export function PowerCostCell({ miner }: { miner: Miner }) {
  return <Amount miner={miner} usd={miner.power_cost_usd_per_day} />;
}

export function ProfitCell({ miner }: { miner: Miner }) {
  return <Amount miner={miner} usd={miner.profit_usd_per_day} signed />;
}

import { useTranslation } from "react-i18next";

import { QuantityText } from "../ui/Quantity";
import { useFormat } from "../ui/useFormat";
import type { Format, Quantity } from "../units/format";
import type { Amount, Unit } from "./figures";

/** A figure of a metric, in what it is counted in. */
export function quantityOf(value: number, unit: Unit, format: Format): Quantity {
  switch (unit) {
    case "s":
      return format.brief(value * 1_000);
    case "ms":
      return format.brief(value);
    case "bytes":
      return format.bytes(value);
    case "count":
      return { text: format.number(value, Number.isInteger(value) ? 0 : 1), unit: "" };
  }
}

/** A gauge's value, a counter's rate and total, a histogram's p50 and p99. */
export function AmountText({ amount, unit }: { amount: Amount; unit: Unit }) {
  const { t } = useTranslation();
  const format = useFormat();
  switch (amount.kind) {
    case "gauge":
      return <QuantityText of={quantityOf(amount.value, unit, format)} />;
    case "counter":
      return (
        <span>
          {amount.perSecond === null || amount.perSecond === 0 ? null : (
            <span className="mr-2 text-ink-3">
              {t("system.perSecond", {
                n: format.number(amount.perSecond, amount.perSecond < 10 ? 1 : 0),
              })}
            </span>
          )}
          {format.count(amount.value)}
        </span>
      );
    case "spread":
      return (
        <span className="inline-grid grid-cols-[auto_minmax(4.25rem,auto)] gap-x-3 whitespace-nowrap">
          <QuantityText of={amount.p50 === null ? null : quantityOf(amount.p50, unit, format)} />
          <QuantityText of={amount.p99 === null ? null : quantityOf(amount.p99, unit, format)} />
        </span>
      );
  }
}

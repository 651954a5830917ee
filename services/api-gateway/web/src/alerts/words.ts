/** What an alert says, in the reader's own language where its rule is one that we know. */

import type { TFunction } from "i18next";

import type { Alert } from "../api/types";
import { joined, type Format } from "../units/format";

const RULES = ["temperature", "offline"] as const;

/** The rule's name; of a rule that we do not know its own word. */
export function ruleName(rule: string, t: TFunction): string {
  const known = RULES.find((each) => each === rule);
  return known === undefined ? rule : t(`alerts.rule.${known}`);
}

function figure(value: number, unit: string | null | undefined, format: Format): string {
  if (unit === "°C") return joined(format.celsius(value));
  if (unit === "s") return format.length(value * 1_000);
  return joined({ text: format.number(value), unit: unit ?? "" });
}

/** What was measured; null: the alert does not say. */
export function measured({ value, unit }: Alert, format: Format): string | null {
  return value == null ? null : figure(value, unit, format);
}

/** What it passed; null: the alert does not say. */
export function passed({ limit, unit }: Alert, format: Format): string | null {
  return limit == null ? null : figure(limit, unit, format);
}

/** What is wrong, in a line: of a rule that we do not know the alerter's own words. */
export function gist(alert: Alert, t: TFunction, format: Format): string {
  const [value, limit] = [measured(alert, format), passed(alert, format)];
  if (value === null || limit === null || !RULES.some((rule) => rule === alert.rule)) {
    return alert.summary;
  }
  // how long it lasts is told beside it, and goes on
  if (alert.unit === "s") return t("alerts.gistLasting", { rule: ruleName(alert.rule, t), limit });
  return t("alerts.gist", { rule: ruleName(alert.rule, t), value, limit });
}

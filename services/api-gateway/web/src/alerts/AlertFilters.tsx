import { X } from "lucide-react";
import { useTranslation } from "react-i18next";

import { SEVERITIES } from "../api/types";
import { toggled } from "../fleet/address";
import { MenuButton, SomeMenu } from "../ui/Menu";
import { SomeSegments } from "../ui/Segments";
import { isFilteringAlerts, type AlertFilter } from "./address";
import { SeverityGlyph } from "./Severity";
import { ruleName } from "./words";

const NOTHING: ReadonlySet<never> = new Set();
const CLEAR: AlertFilter = { severities: NOTHING, rules: NOTHING, sites: NOTHING, miners: NOTHING };

interface AlertFiltersProps {
  filter: AlertFilter;
  onChange: (filter: AlertFilter) => void;
  /** those that there are, or that are chosen */
  rules: readonly string[];
  sites: readonly string[];
}

/** Which alerts are shown: how bad, by which rule, where, whose. */
export function AlertFilters({ filter, onChange, rules, sites }: AlertFiltersProps) {
  const { t } = useTranslation();
  const labelled = (label: string, values: readonly string[]) =>
    values.length === 0 ? label : t("pair", { name: label, value: values.join(", ") });
  return (
    <div className="flex flex-wrap items-center gap-2">
      <SomeSegments
        label={t("alerts.bySeverity")}
        values={[...filter.severities]}
        onChoose={(chosen) => onChange({ ...filter, severities: new Set(chosen) })}
        segments={SEVERITIES.map((value) => ({
          value,
          label: (
            <>
              <SeverityGlyph severity={value} />
              {t(`alerts.severity.${value}`)}
            </>
          ),
        }))}
      />
      <SomeMenu
        options={rules.map((value) => ({ value, label: ruleName(value, t) }))}
        values={filter.rules}
        onToggle={(rule) => onChange({ ...filter, rules: toggled(filter.rules, rule) })}
        trigger={
          <MenuButton active={filter.rules.size > 0}>
            {labelled(t("alerts.byRule"), [...filter.rules].map((rule) => ruleName(rule, t)))}
          </MenuButton>
        }
      />
      {sites.length < 2 && filter.sites.size === 0 ? null : (
        <SomeMenu
          options={sites.map((value) => ({ value, label: value }))}
          values={filter.sites}
          onToggle={(site) => onChange({ ...filter, sites: toggled(filter.sites, site) })}
          trigger={
            <MenuButton active={filter.sites.size > 0}>
              {labelled(t("fleet.site"), [...filter.sites])}
            </MenuButton>
          }
        />
      )}
      {[...filter.miners].map((miner) => (
        <button
          key={miner}
          type="button"
          aria-pressed
          onClick={() => onChange({ ...filter, miners: toggled(filter.miners, miner) })}
          className="inline-flex h-9 items-center gap-1.5 rounded-md border border-accent bg-accent-soft px-2.5 text-ink md:h-8"
        >
          {t("alerts.onlyMiner", { miner })}
          <X aria-hidden size={14} className="text-ink-3" />
        </button>
      ))}
      {isFilteringAlerts(filter) ? (
        <button
          type="button"
          onClick={() => onChange(CLEAR)}
          className="inline-flex h-9 items-center gap-1 rounded-md px-2 text-ink-2 md:h-8 hover:bg-raised hover:text-ink"
        >
          <X aria-hidden size={14} />
          {t("fleet.clear")}
        </button>
      ) : null}
    </div>
  );
}

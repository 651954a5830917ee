import { ArrowDownUp, ArrowDown, ArrowUp, CircleDollarSign, Search, X } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import { ChoiceMenu, MenuButton, SomeMenu } from "../ui/Menu";
import { useFormat } from "../ui/useFormat";
import { pressed, toggled, type FleetView } from "./address";
import { isFiltering, NO_FILTER, SORT_KEYS } from "./order";

interface FleetToolbarProps {
  view: FleetView;
  onChange: (change: Partial<FleetView>) => void;
  sites: readonly string[];
  algorithms: readonly string[];
  shown: number;
  total: number;
  /** no columns whose heads could sort */
  withSort: boolean;
  /** are revenue, power cost and profit shown of each miner? */
  earnings: boolean;
  onEarnings: (shown: boolean) => void;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

function SearchField({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  const { t } = useTranslation();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);
  return (
    <div className="relative min-w-40 flex-1 basis-full md:max-w-72 md:basis-0">
      <Search
        aria-hidden
        size={15}
        className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-ink-3"
      />
      <input
        ref={input}
        type="search"
        aria-label={t("fleet.search")}
        aria-keyshortcuts="/"
        placeholder={t("fleet.searchHint")}
        value={text}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onChange("");
        }}
        className="h-10 w-full rounded-md border border-line bg-panel pr-7 pl-8 text-base md:h-8 md:text-sm placeholder:text-ink-3 hover:border-line-strong [&::-webkit-search-cancel-button]:hidden"
      />
      {text === "" ? (
        <kbd
          aria-hidden
          className="pointer-events-none absolute top-1/2 right-2 hidden -translate-y-1/2 rounded border border-line px-1 font-sans text-2xs text-ink-3 md:block"
        >
          {"/"}
        </kbd>
      ) : null}
    </div>
  );
}

function SortMenu({ view, onChange }: Pick<FleetToolbarProps, "view" | "onChange">) {
  const { t } = useTranslation();
  const { sorting } = view;
  const Arrow = sorting.descending ? ArrowDown : ArrowUp;
  const order = t(sorting.descending ? "fleet.descending" : "fleet.ascending");
  return (
    <div className="flex gap-1.5">
      <ChoiceMenu
        value={sorting.key}
        onChoose={(key) => onChange({ sorting: pressed({ ...sorting, key: "site_id" }, key) })}
        options={SORT_KEYS.map((value) => ({ value, label: t(`fleet.columns.${value}`) }))}
        trigger={
          <MenuButton aria-label={t("pair", { name: t("fleet.sort"), value: t(`fleet.columns.${sorting.key}`) })}>
            <ArrowDownUp aria-hidden size={14} />
            {t(`fleet.columns.${sorting.key}`)}
          </MenuButton>
        }
      />
      <button
        type="button"
        aria-label={t("pair", { name: t("fleet.reverse"), value: order })}
        onClick={() => onChange({ sorting: { ...sorting, descending: !sorting.descending } })}
        className="grid size-9 place-items-center rounded-md border border-line bg-panel text-ink-2 md:size-8"
      >
        <Arrow aria-hidden size={14} />
      </button>
    </div>
  );
}

/** Search and filters, and how many miners they leave. */
export function FleetToolbar(props: FleetToolbarProps) {
  const { view, onChange, sites, algorithms, shown, total, withSort, earnings, onEarnings } = props;
  const { t } = useTranslation();
  const format = useFormat();
  const { filter } = view;
  const names: Readonly<Record<string, string>> = {
    sha256d: t("algorithm.sha256d"),
    scrypt: t("algorithm.scrypt"),
    unknown: t("algorithm.unknown"),
  };
  const labelled = (label: string, values: ReadonlySet<string>) =>
    values.size === 0
      ? label
      : t("pair", { name: label, value: [...values].map((each) => names[each] ?? each).join(", ") });
  return (
    <div className="flex flex-wrap items-center gap-2">
      <SearchField
        text={filter.text}
        onChange={(text) => onChange({ filter: { ...filter, text } })}
      />
      {sites.length < 2 && filter.sites.size === 0 ? null : (
        <SomeMenu
          options={sites.map((value) => ({ value, label: value }))}
          values={filter.sites}
          onToggle={(site) =>
            onChange({ filter: { ...filter, sites: toggled(filter.sites, site) } })
          }
          trigger={
            <MenuButton active={filter.sites.size > 0}>
              {labelled(t("fleet.site"), filter.sites)}
            </MenuButton>
          }
        />
      )}
      {algorithms.length < 2 && filter.algorithms.size === 0 ? null : (
        <SomeMenu
          options={algorithms.map((value) => ({ value, label: names[value] ?? value }))}
          values={filter.algorithms}
          onToggle={(algorithm) =>
            onChange({ filter: { ...filter, algorithms: toggled(filter.algorithms, algorithm) } })
          }
          trigger={
            <MenuButton active={filter.algorithms.size > 0}>
              {labelled(t("fleet.algorithm"), filter.algorithms)}
            </MenuButton>
          }
        />
      )}
      {withSort ? <SortMenu view={view} onChange={onChange} /> : null}
      <button
        type="button"
        aria-pressed={earnings}
        onClick={() => onEarnings(!earnings)}
        className={`inline-flex h-9 items-center gap-1.5 rounded-md border px-2.5 whitespace-nowrap md:h-8 ${
          earnings
            ? "border-accent bg-accent-soft text-ink"
            : "border-line bg-panel text-ink-2 hover:border-line-strong hover:text-ink"
        }`}
      >
        <CircleDollarSign aria-hidden size={14} />
        {t("money.show")}
      </button>
      <div className="ml-auto flex items-center gap-3">
        {isFiltering(filter) ? (
          <button
            type="button"
            onClick={() => onChange({ filter: NO_FILTER })}
            className="inline-flex h-9 items-center gap-1 rounded-md px-2 text-ink-2 md:h-8 hover:bg-raised hover:text-ink"
          >
            <X aria-hidden size={14} />
            {t("fleet.clear")}
          </button>
        ) : null}
        <output className="text-xs text-ink-3">
          {t("fleet.shown", { n: format.count(shown), total: format.count(total) })}
        </output>
      </div>
    </div>
  );
}

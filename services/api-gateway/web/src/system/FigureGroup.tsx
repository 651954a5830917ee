import { clsx } from "clsx";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { Panel } from "../ui/Panel";
import { useFormat } from "../ui/useFormat";
import { AmountText } from "./AmountText";
import { rowsOf, type Group, type Line, type Row } from "./figures";
import type { SystemLook } from "./useSystem";

const MOST = 4;

function Lines({ row, several }: { row: Row; several: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [all, setAll] = useState(false);
  const shown = all ? row.lines : row.lines.slice(0, MOST);
  const labelled = (line: Line) =>
    [line.labels, several ? line.service : ""].filter((each) => each !== "").join(" · ");
  return (
    <ul className="space-y-0.5">
      {shown.map((line) => (
        <li
          key={`${line.service} ${line.labels}`}
          className="flex items-baseline justify-end gap-3 text-right"
        >
          <span className="min-w-0 flex-1 truncate text-xs text-ink-3" title={labelled(line)}>
            {labelled(line)}
          </span>
          <span className={clsx("shrink-0", row.alarming && "font-medium text-warn")}>
            <AmountText amount={line.amount} unit={row.unit} />
          </span>
        </li>
      ))}
      {row.lines.length > MOST ? (
        <li className="text-right">
          <button
            type="button"
            aria-expanded={all}
            onClick={() => setAll(!all)}
            className="rounded text-xs text-ink-3 underline underline-offset-2 hover:text-ink"
          >
            {all ? t("system.fewer") : t("system.more", { n: format.count(row.lines.length - MOST) })}
          </button>
        </li>
      ) : null}
    </ul>
  );
}

function isPlain({ lines }: Row): boolean {
  return lines.length === 1 && lines[0]?.labels === "";
}

/** Figures of one kind, each with what it means. */
export function FigureGroup({ group, look }: { group: Group; look: SystemLook }) {
  const { t } = useTranslation();
  const rows = rowsOf(group, look.answer, look.before);
  if (rows.length === 0) return null;
  const spreads = rows.some((row) => row.lines.some((line) => line.amount.kind === "spread"));
  return (
    <Panel
      title={t(`system.group.${group}`)}
      aside={
        spreads ? (
          <span aria-hidden className="inline-grid grid-cols-[auto_4.25rem] gap-x-3 text-right text-2xs text-ink-3">
            <span>{t("system.p50")}</span>
            <span>{t("system.p99")}</span>
          </span>
        ) : null
      }
      className="break-inside-avoid"
      flush
    >
      <p className="sr-only">{t(`system.groupMeaning.${group}`)}</p>
      <dl className="divide-y divide-line/70">
        {rows.map((row) => (
          <div
            key={row.metric}
            className={clsx(
              "grid gap-x-4 gap-y-1 px-4 py-2 sm:grid-cols-[minmax(0,1fr)_minmax(0,1.25fr)]",
              // one figure without a name of its own fits beside
              isPlain(row) && "max-sm:grid-cols-[minmax(0,1fr)_auto]",
            )}
          >
            <dt className="min-w-0">
              <span className="block">{t(`system.metric.${row.metric}`)}</span>
              <span className="block text-2xs leading-4 text-ink-3">
                {t(`system.meaning.${row.metric}`)}
              </span>
            </dt>
            <dd className="min-w-0">
              <Lines
                row={row}
                several={new Set(row.lines.map((line) => line.service)).size > 1}
              />
            </dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

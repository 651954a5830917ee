import { useTranslation } from "react-i18next";

import type { Reading } from "../api/types";

const KNOWN = [
  "detected",
  "dialect",
  "algorithm",
  "unit",
  "hashrate",
  "hashrate_avg",
  "boards",
  "power",
  "uptime",
] as const;

/** By what in its answers the dialect, the unit and more were decided; the firmware's own names. */
export function Evidence({ reading }: { reading: Reading | null }) {
  const { t } = useTranslation();
  const said = Object.entries(reading?.evidence ?? {});
  if (said.length === 0) return null;
  const place = (name: string) => (KNOWN.findIndex((each) => each === name) + 1 || KNOWN.length + 1);
  said.sort(([a], [b]) => place(a) - place(b));
  return (
    <details className="mt-2 border-t border-line pt-2 text-xs">
      <summary className="w-fit cursor-pointer rounded font-medium text-ink-2 hover:text-ink">
        {t("miner.evidence")}
      </summary>
      <dl className="mt-2 space-y-1.5">
        {said.map(([name, by]) => (
          <div key={name}>
            <dt className="text-ink-3">
              {t(`miner.evidenceOf.${KNOWN.find((each) => each === name) ?? "other"}`, { name })}
            </dt>
            <dd className="font-mono text-2xs leading-4 break-words">{by}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

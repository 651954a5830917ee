import { useTranslation } from "react-i18next";

import type { Reading } from "../api/types";
import { readFlag } from "./flags";

/** What is doubtful about a reading, in words; the poll's error and the firmware's codes with it. */
export function FlagList({ reading }: { reading: Reading }) {
  const { t } = useTranslation();
  const flags = (reading.quality_flags ?? []).map(readFlag);
  const codes = reading.error_codes ?? [];
  if (flags.length === 0 && codes.length === 0 && reading.error == null) {
    return <p className="text-ink-2">{t("miner.flagsNone")}</p>;
  }
  return (
    <ul className="space-y-1.5">
      {reading.error == null ? null : (
        <li>
          <span className="text-ink-3">{t("pair", { name: t("miner.error"), value: "" })}</span>
          <span className="break-words text-bad">{reading.error}</span>
        </li>
      )}
      {codes.length === 0 ? null : (
        <li>
          <span className="text-ink-3">{t("pair", { name: t("miner.errorCodes"), value: "" })}</span>
          <span className="font-medium text-bad">{codes.join(", ")}</span>
        </li>
      )}
      {flags.map(({ flag, field, said }) => (
        <li key={said} className="text-ink-2">
          {t(`miner.flag.${flag}`, { flag: said })}
          {field === null || flag === "other" ? null : (
            <code className="ml-1.5 rounded bg-raised px-1 font-mono text-2xs">{field}</code>
          )}
        </li>
      ))}
    </ul>
  );
}

import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { Format } from "../units/format";

/** Numbers and instants as the chosen language writes them. */
export function useFormat(): Format {
  const { t, i18n } = useTranslation();
  const language = i18n.language;
  return useMemo(() => new Format(language, t), [language, t]);
}

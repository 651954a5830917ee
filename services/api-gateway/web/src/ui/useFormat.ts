import i18next from "i18next";
import { useTranslation } from "react-i18next";

import { Format } from "../units/format";

/** One for each language: what it is made of is dear, and every cell of a table asks for it. */
const formats = new Map<string, Format>();

/** Numbers and instants as the chosen language writes them. */
export function useFormat(): Format {
  const language = useTranslation().i18n.language;
  let format = formats.get(language);
  if (format === undefined) {
    format = new Format(language, i18next.getFixedT(language));
    formats.set(language, format);
  }
  return format;
}

/** Sets the languages up: the one chosen before, else the browser's, else English. */

import i18next from "i18next";
import { initReactI18next } from "react-i18next";

import { recall, remember } from "../ui/memory";
import { en } from "./en";
import { zh } from "./zh";

export const LANGUAGES = ["en", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];

/** The first of somebody's languages that we speak. */
export function chooseLanguage(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const language = LANGUAGES.find((each) => tag.toLowerCase().split("-")[0] === each);
    if (language !== undefined) return language;
  }
  return "en";
}

function mark(language: string): void {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}

export async function setUpLanguages(): Promise<void> {
  const chosen = recall("language");
  i18next.on("languageChanged", mark);
  await i18next.use(initReactI18next).init({
    resources: { en: { translation: en }, zh: { translation: zh } },
    lng: chooseLanguage(chosen === null ? navigator.languages : [chosen, ...navigator.languages]),
    fallbackLng: "en",
    interpolation: { escapeValue: false },
  });
}

export function chooseLanguageForGood(language: Language): void {
  remember("language", language);
  void i18next.changeLanguage(language);
}

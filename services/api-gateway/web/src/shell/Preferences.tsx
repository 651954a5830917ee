import { Languages, Monitor, Moon, Sun } from "lucide-react";
import { useTranslation } from "react-i18next";

import { chooseLanguageForGood, LANGUAGES } from "../i18n";
import { ChoiceMenu } from "../ui/Menu";
import { chooseTheme, THEMES, useTheme } from "../ui/theme";

const BUTTON =
  "inline-grid size-9 place-items-center md:size-8 rounded-md text-ink-2 hover:bg-raised hover:text-ink data-[state=open]:bg-raised";

const ICONS = { system: Monitor, light: Sun, dark: Moon };

/** Theme and language. */
export function Preferences({ side = "top" }: { side?: "top" | "bottom" }) {
  const { t, i18n } = useTranslation();
  const theme = useTheme();
  const Icon = ICONS[theme];
  const language = LANGUAGES.find((each) => each === i18n.language) ?? "en";
  return (
    <div className="flex items-center gap-1">
      <ChoiceMenu
        side={side}
        align="end"
        value={theme}
        onChoose={chooseTheme}
        options={THEMES.map((value) => ({ value, label: t(`theme.${value}`) }))}
        trigger={
          <button
            type="button"
            className={BUTTON}
            aria-label={t("pair", { name: t("theme.label"), value: t(`theme.${theme}`) })}
          >
            <Icon aria-hidden size={16} />
          </button>
        }
      />
      <ChoiceMenu
        side={side}
        align="end"
        value={language}
        onChoose={chooseLanguageForGood}
        options={LANGUAGES.map((value) => ({ value, label: t(`language.${value}`) }))}
        trigger={
          <button
            type="button"
            className={BUTTON}
            aria-label={t("pair", { name: t("language.label"), value: t(`language.${language}`) })}
          >
            <Languages aria-hidden size={16} />
          </button>
        }
      />
    </div>
  );
}

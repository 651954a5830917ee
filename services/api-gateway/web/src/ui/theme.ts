/** Dark or light: the system's unless chosen. `public/assets/theme-1.js` does the first paint. */

import { useSyncExternalStore } from "react";

import { recall, remember } from "./memory";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const system = () => matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function chosen(): Theme {
  const kept = recall("theme");
  return THEMES.find((theme) => theme === kept) ?? "system";
}

let theme: Theme = "system";

function paint(): void {
  const dark = theme === "dark" || (theme === "system" && system().matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  for (const listener of listeners) listener();
}

export function setUpTheme(): void {
  theme = chosen();
  system().addEventListener("change", paint);
  paint();
}

export function chooseTheme(wanted: Theme): void {
  theme = wanted;
  remember("theme", wanted === "system" ? null : wanted);
  paint();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, () => theme);
}

/** What is painted, for what draws by itself. */
export function usePainted(): "dark" | "light" {
  return useSyncExternalStore(subscribe, () =>
    document.documentElement.dataset.theme === "dark" ? "dark" : "light",
  );
}

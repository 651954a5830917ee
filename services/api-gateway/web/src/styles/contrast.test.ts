import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

const sheet = readFileSync(join(import.meta.dirname, "index.css"), "utf8");

function colours(theme: "light" | "dark"): Map<string, string> {
  const block = new RegExp(`\\[data-theme="${theme}"\\] \\{([^}]*)\\}`).exec(sheet)?.[1] ?? "";
  return new Map([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = "", value = ""]) => [name, value]));
}

/** Relative luminance, as WCAG 2 defines it. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

const INKS = ["ink", "ink-2", "ink-3", "ok", "warn", "bad", "info", "idle", "accent"];
const GROUNDS = ["ground", "panel", "raised"];
/** Notices and pressed filters: what is written on them. */
const SOFT: [string, string][] = ["bad-soft", "warn-soft", "accent-soft"].flatMap((ground) =>
  ["ink", "ink-2", "ink-3"].map((ink): [string, string] => [ink, ground]),
);
const TEXTS: [string, string][] = [
  ...INKS.flatMap((ink) => GROUNDS.map((ground): [string, string] => [ink, ground])),
  ...SOFT,
  ["bad", "bad-soft"],
  ["warn", "warn-soft"],
  ["warn", "bad-soft"],
  ["info", "warn-soft"],
  ["info", "bad-soft"],
];
const SHAPES: [string, string][] = ["chart-1", "chart-2", "chart-3"].flatMap((shape) =>
  ["ground", "panel"].map((ground): [string, string] => [shape, ground]),
);

function poor(theme: "light" | "dark", pairs: [string, string][], wanted: number): string[] {
  const known = colours(theme);
  return pairs
    .map(([ink, ground]) => ({ ink, ground, is: contrast(known.get(ink) ?? "", known.get(ground) ?? "") }))
    .filter(({ is }) => !(is >= wanted))
    .map(({ ink, ground, is }) => `${ink} on ${ground}: ${is.toFixed(2)}`);
}

describe.each(["light", "dark"] as const)("the %s theme", (theme) => {
  it("can be read: each ink on each ground, 4.5 to 1", () => {
    expect(poor(theme, TEXTS, 4.5)).toEqual([]);
  });

  it("has lines that can be seen, 3 to 1", () => {
    expect(poor(theme, SHAPES, 3)).toEqual([]);
  });
});

it("contrast is reckoned as WCAG does", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
});

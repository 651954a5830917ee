import { createInstance } from "i18next";
import { describe, expect, it } from "vitest";

import { en } from "../i18n/en";
import { zh } from "../i18n/zh";
import { ageParts, lengthParts } from "./duration";
import { Format, joined } from "./format";

async function formatOf(language: "en" | "zh"): Promise<Format> {
  const i18n = createInstance();
  await i18n.init({
    lng: language,
    resources: { en: { translation: en }, zh: { translation: zh } },
    interpolation: { escapeValue: false },
  });
  return new Format(language, i18n.t);
}

const [english, chinese] = [await formatOf("en"), await formatOf("zh")];
const plain = (text: string) => text.replace(/\u00a0/g, " ");

describe("an age", () => {
  it.each([
    [400, "0 s", "0 秒"],
    [12_900, "12 s", "12 秒"],
    [119_000, "1 min", "1 分钟"],
    [3 * 3_600_000, "3 h", "3 小时"],
    [47.9 * 3_600_000, "47 h", "47 小时"],
    [50 * 3_600_000, "2 d", "2 天"],
    [-5, "0 s", "0 秒"],
  ])("of %d ms is %s", (ms, inEnglish, inChinese) => {
    expect(english.age(ms)).toBe(inEnglish);
    expect(chinese.age(ms)).toBe(inChinese);
  });

  it("is rounded down, never up", () => {
    expect(ageParts(59_999)).toEqual({ unit: "s", n: 59 });
  });
});

describe("a length", () => {
  it.each([
    [(3 * 24 + 4) * 3_600_000, "3 d 4 h"],
    [725_000, "12 min 5 s"],
    [3_600_000, "1 h"],
    [3_605_000, "1 h"],
    [0, "0 s"],
  ])("of %d ms is %s", (ms, text) => {
    expect(english.length(ms)).toBe(text);
  });

  it("has two parts at most", () => {
    expect(lengthParts(1e12)).toHaveLength(2);
  });
});

describe("figures", () => {
  it("have digits that count and the unit of their size", () => {
    expect(plain(joined(english.hashrate(16.02e9, "scrypt")))).toBe("16.0 GH/s");
    expect(plain(joined(english.hashrate(1_234e12, "sha256d")))).toBe("1,234 TH/s");
    expect(plain(joined(english.power(3_360)))).toBe("3,360 W");
    expect(plain(joined(english.power(78_240)))).toBe("78.2 kW");
    expect(plain(joined(english.brief(3.21)))).toBe("3.2 ms");
    expect(plain(joined(english.brief(1_240)))).toBe("1.24 s");
    expect(plain(joined(english.celsius(71)))).toBe("71 °C");
    expect(plain(joined(english.took(0)))).toBe("<0.1 ms");
    expect(plain(joined(english.took(12)))).toBe("12 ms");
  });

  it("of shares are percents", () => {
    expect([0, 0.0012, 0.987, 0.9999, 1.02].map((share) => english.share(share))).toEqual([
      "0%",
      "0.1%",
      "98.7%",
      "100%",
      "102%",
    ]);
  });
});

it("an instant of another day says which", () => {
  const noon = new Date(2026, 0, 31, 12, 0, 5);
  expect(english.instant(noon, noon)).toBe("12:00:05");
  expect(english.instant(noon, new Date(2026, 1, 1))).toBe("Jan 31 12:00:05");
  expect(chinese.instant(noon, new Date(2026, 1, 1), { seconds: false })).toBe("1月31日 12:00");
});

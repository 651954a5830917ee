import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import ts from "typescript";
import { describe, expect, it } from "vitest";

import { chooseLanguage } from ".";
import { GAP_CAUSES, STATUSES } from "../api/types";
import { en } from "./en";
import { zh } from "./zh";

interface Tree {
  readonly [key: string]: string | Tree;
}

function flat(tree: Tree, path = ""): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    const here = path === "" ? key : `${path}.${key}`;
    if (typeof value === "string") texts.set(here, value);
    else for (const [inner, text] of flat(value, here)) texts.set(inner, text);
  }
  return texts;
}

const [english, chinese] = [flat(en), flat(zh)];
const placeholders = (text: string) => [...text.matchAll(/{{(\w+)}}/g)].map(([, name]) => name).sort();

describe("the languages", () => {
  it("have the same keys", () => {
    expect([...chinese.keys()]).toEqual([...english.keys()]);
  });

  it("fill the same places of each text", () => {
    for (const [key, text] of english) {
      expect([key, placeholders(chinese.get(key) ?? "")]).toEqual([key, placeholders(text)]);
    }
  });

  it("are translated: Chinese has Chinese in it, but for names and formulas", () => {
    const same = /^(pair$|app\.name|app\.title|language\.|algorithm\.|fleet\.shown|system\.cpu$|system\.p\d|miner\.flag\.other|miner\.evidenceOf\.other|miner\.pcbTemp|miner\.board\.pcb)/;
    const untranslated = [...chinese]
      .filter(([key, text]) => !same.test(key) && !/[\u4e00-\u9fff]/.test(text))
      .map(([key]) => key);
    expect(untranslated).toEqual([]);
  });

  it("know every status and every cause of a gap", () => {
    expect(Object.keys(en.status)).toEqual(expect.arrayContaining([...STATUSES]));
    expect(Object.keys(en.cause)).toEqual([...GAP_CAUSES]);
  });

  it("are chosen by what somebody prefers and we speak", () => {
    expect(chooseLanguage(["zh-CN", "en"])).toBe("zh");
    expect(chooseLanguage(["de", "zh-TW"])).toBe("zh");
    expect(chooseLanguage(["de", "fr"])).toBe("en");
    expect(chooseLanguage(["ZH"])).toBe("zh");
  });
});

const SOURCES = join(import.meta.dirname, "..");
const SPOKEN = new Set(["aria-label", "title", "placeholder", "alt", "label", "description"]);

function components(): string[] {
  return readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".tsx") && !path.endsWith(".test.tsx"))
    .map((path) => join(SOURCES, path));
}

const hasWords = (text: string) => /\p{L}{2}/u.test(text);

/** Texts that a component says by itself, in no language's file. */
function ownTexts(path: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node) && hasWords(node.text)) found.push(node.text.trim());
    if (
      ts.isJsxAttribute(node) &&
      SPOKEN.has(node.name.getText()) &&
      node.initializer !== undefined &&
      ts.isStringLiteral(node.initializer) &&
      hasWords(node.initializer.text)
    ) {
      found.push(node.initializer.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe("the components", () => {
  it("are found", () => {
    expect(components().length).toBeGreaterThan(20);
  });

  it("say nothing that is in no language's file", () => {
    expect(components().flatMap((path) => ownTexts(path).map((text) => `${path}: ${text}`))).toEqual([]);
  });

  it("use every text that the languages have", () => {
    const sources = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.tsx?$/.test(path) && !path.startsWith("i18n"))
      .map((path) => readFileSync(join(SOURCES, path), "utf8"))
      .join("\n");
    const used = (key: string): boolean => {
      if (sources.includes(`"${key}"`)) return true;
      // a key whose last part is filled in: t(`status.${standing}`)
      const family = key.slice(0, key.lastIndexOf("."));
      return sources.includes(`\`${family}.\${`);
    };
    expect([...english.keys()].filter((key) => !used(key))).toEqual([]);
  });
});

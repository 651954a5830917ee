import { expect, it } from "vitest";

import type { TraceSpan } from "../api/types";
import { at } from "../testing/rows";
import { readFlag } from "./flags";
import { spanBars, stepBars } from "./waterfall";

const step = (name: string, after_s: number) => ({ step: name, at: at(after_s), after_s });

it("each step of a reading's way begins where the one before ended", () => {
  const { bars, wholeMs } = stepBars({
    steps: [step("polled", 0.04), step("published", 0.05), step("stored", 0.2)],
  });
  expect(wholeMs).toBe(200);
  expect(bars.map(({ tookMs }) => Math.round(tookMs))).toEqual([40, 10, 150]);
  expect(bars.map(({ from, width }) => [from, width].map((each) => Number(each.toFixed(3))))).toEqual([
    [0, 0.2],
    [0.2, 0.05],
    [0.25, 0.75],
  ]);
});

it("a step that clocks put before its cause takes no time and stays in the picture", () => {
  const { bars } = stepBars({
    steps: [step("polled", 0.1), step("published", -0.02), step("stored", 0.2)],
  });
  expect(bars.map(({ tookMs }) => Math.round(tookMs))).toEqual([100, 0, 100]);
  for (const { from, width } of bars) {
    expect(from).toBeGreaterThanOrEqual(0);
    expect(width).toBeGreaterThan(0);
    expect(from + width).toBeLessThanOrEqual(1.0001);
  }
});

function span(span_id: string, parent_id: string | null, from: number, to: number): TraceSpan {
  const [began_at, ended_at] = [at(from), at(to)];
  return { name: span_id, service: "s", began_at, ended_at, span_id, parent_id, error: null };
}

it("spans stand under their parents; one whose parent is unknown stands at the left", () => {
  const bars = spanBars({
    spans: [span("b", "a", 1, 2), span("a", null, 0, 4), span("c", "b", 1, 1.5), span("x", "lost", 3, 4)],
  });
  expect(bars.map(({ span: { name }, depth }) => [name, depth])).toEqual([
    ["a", 0],
    ["b", 1],
    ["c", 2],
    ["x", 0],
  ]);
  expect(bars[1]).toMatchObject({ from: 0.25, width: 0.25, tookMs: 1_000 });
});

it("spans that name each other as parents do not go round for ever", () => {
  expect(spanBars({ spans: [span("a", "b", 0, 1), span("b", "a", 0, 1)] })).toEqual([]);
});

it("a flag is read with its field, and one of tomorrow as it is", () => {
  expect(readFlag("field_missing:power_w")).toMatchObject({ flag: "field_missing", field: "power_w" });
  expect(readFlag("late")).toMatchObject({ flag: "late", field: null });
  expect(readFlag("lunar:x")).toMatchObject({ flag: "other", said: "lunar:x" });
});

import { describe, expect, it } from "vitest";

import { at, gap, NOON, reading } from "../testing/rows";
import { digitsOf, roundSplits, valueRange } from "./plot";
import { chartData, chartGaps, fittedFrom, gapsWithin, lonely, usualDistance } from "./series";
import { insertReadings } from "./store";

const noon = NOON / 1_000;
const every10 = (...seconds: number[]) =>
  seconds.map((second) => reading({ ts: at(second), hashrate_hs: second }));

describe("a chart's beginning", () => {
  const from = (known: number | null) => fittedFrom("h1", noon, known === null ? null : noon + known) - noon;

  it("is its range's where that is known, and where nothing is", () => {
    expect(from(-4_000)).toBe(-3_600);
    expect(from(null)).toBe(-3_600);
  });

  it("does not move for the little that the first reading comes after it", () => {
    expect(from(-3_590)).toBe(-3_600);
  });

  it("is the first reading's where that came late, and never within five minutes", () => {
    expect(from(-1_200)).toBe(-1_200);
    expect(from(-30)).toBe(-300);
  });
});

describe("a chart's columns", () => {
  it("go on from the history into the live readings, each once", () => {
    const data = chartData({ items: every10(0, 10, 20), resolution: "raw" }, every10(20, 30), []);
    expect(data.times).toEqual([0, 10, 20, 30].map((second) => noon + second));
    expect(data.hashrate).toEqual([0, 10, 20, 30]);
  });

  it("break where a reading is missing", () => {
    const data = chartData({ items: every10(0, 10, 20, 90, 100), resolution: "raw" }, [], []);
    expect(data.hashrate).toEqual([0, 10, 20, null, 90, 100]);
    expect(data.times[3]).toBe(noon + 30);
  });

  it("break between the history's end and the first live reading, too", () => {
    const data = chartData({ items: every10(0, 10, 20), resolution: "raw" }, every10(90, 100), []);
    expect(data.hashrate).toEqual([0, 10, 20, null, 90, 100]);
  });

  it("say nothing where a reading says nothing, and zero where it says zero", () => {
    const items = [
      reading({ ts: at(0) }),
      reading({ ts: at(10), status: "offline", hashrate_hs: null, power_w: null }),
      reading({ ts: at(20), hashrate_hs: 0, power_w: 0 }),
    ];
    const data = chartData({ items, resolution: "raw" }, [], []);
    expect(data.hashrate).toEqual([16e9, null, 0]);
    expect(data.power).toEqual([3_360, null, 0]);
  });

  it("break within a gap, even one shorter than two readings", () => {
    const gaps = chartGaps([gap({ began_at: at(10), ended_at: at(20) })], new Map());
    const data = chartData({ items: every10(0, 10, 20), resolution: "raw" }, [], gaps);
    expect(data.hashrate).toEqual([0, 10, null, 20]);
  });

  it("do not break where a gap was filled later", () => {
    const gaps = chartGaps([gap({ began_at: at(10), ended_at: at(20), filled: true })], new Map());
    const data = chartData({ items: every10(0, 10, 20), resolution: "raw" }, [], gaps);
    expect(data.hashrate).toEqual([0, 10, 20]);
  });

  it("take means of windows and hours by their own names", () => {
    const items = [0, 300].map((second) => ({
      window_start_at: at(second),
      hashrate_mean_hs: 16e9,
      power_mean_w: 3_000,
      chip_temp_mean_c: 70,
    }));
    const data = chartData({ items, resolution: "window" }, every10(310, 605, 615), []);
    expect(data.times).toEqual([0, 300, 605, 615].map((second) => noon + second));
    expect(data.chipTemp.slice(0, 2)).toEqual([70, 70]);
  });

  it("are empty for a miner never heard of", () => {
    expect(chartData({ items: [], resolution: "raw" }, [], []).times).toEqual([]);
  });
});

describe("gaps", () => {
  it("are those of the history and of the stream, which knows when one closed", () => {
    const past = [gap({ gap_id: "a" }), gap({ gap_id: "b", began_at: at(-50), ended_at: at(-40) })];
    const live = new Map([["a", gap({ gap_id: "a", ended_at: at(60) })]]);
    expect(chartGaps(past, live).map(({ id, to }) => [id, to])).toEqual([
      ["b", noon - 40],
      ["a", noon + 60],
    ]);
  });

  it("meet a range when they reach into it; an open one reaches to now", () => {
    const gaps = chartGaps(
      [gap({ gap_id: "before", ended_at: at(10) }), gap({ gap_id: "open", began_at: at(5) })],
      new Map(),
    );
    expect(gapsWithin(gaps, noon + 20, noon + 30).map(({ id }) => id)).toEqual(["open"]);
  });
});

it("the usual distance is not moved by a gap", () => {
  expect(usualDistance([0, 10, 20, 500, 510])).toBe(10);
  expect(usualDistance([5])).toBeNull();
});

it("a value alone between nothings is found, to be drawn as a point", () => {
  expect(lonely([null, 5, null, 1, 2, undefined, 7])).toEqual([1, 6]);
});

it("hashrate and power begin at zero, temperatures do not", () => {
  expect(valueRange("hashrate", 90, 100)).toEqual([0, 112.00000000000001]);
  expect(valueRange("power", null, null)).toEqual([0, 1]);
  expect(valueRange("chipTemp", 68, 72)).toEqual([60, 80]);
});

it("an axis is marked at round values", () => {
  expect(roundSplits(0, 263)).toEqual([0, 100, 200]);
  expect(roundSplits(0, 18)).toEqual([0, 5, 10, 15]);
  expect(roundSplits(60, 80)).toEqual([60, 65, 70, 75, 80]);
  expect(roundSplits(5, 5)).toEqual([5]);
  // a quarter is no 0.3
  expect(digitsOf(roundSplits(0, 1))).toBe(2);
  expect(digitsOf(roundSplits(0, 18))).toBe(0);
  expect(digitsOf([0, 0.1, 0.2])).toBe(1);
});

it("readings stand in order of time, each once, however they come", () => {
  const times = (list: readonly { ts: string }[]) => list.map(({ ts }) => Date.parse(ts) - NOON);
  const some = insertReadings([], every10(10, 30));
  expect(times(insertReadings(some, every10(20, 30, 5)))).toEqual([5_000, 10_000, 20_000, 30_000]);
});

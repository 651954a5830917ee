import { expect, it } from "vitest";

import type { Service, SystemAnswer } from "../api/types";
import { at } from "../testing/rows";
import { en } from "../i18n/en";
import { cpuShare, distinctServices, GROUPS, hopsOf, labelText, rowsOf } from "./figures";

function service(change: Partial<Service>): Service {
  return {
    name: "processor",
    address: "127.0.0.1:1",
    ready: true,
    faults: {},
    up_s: 10,
    memory_bytes: 1,
    cpu_s: 1,
    metrics: {},
    ...change,
  };
}

function answer(seconds: number, services: Service[]): SystemAnswer {
  return {
    at: at(seconds),
    services,
    meanings: { miner_poll_total: { kind: "counter", meaning: "", unit: "polls" } },
  };
}

const polls = (value: number) =>
  service({ metrics: { miner_poll_total: [{ labels: { status: "ok" }, value }] }, cpu_s: value / 100 });

it("a counter has a rate from the second answer on, and none after a new beginning", () => {
  const rate = (before: SystemAnswer | null, now: SystemAnswer) => rowsOf("polling", now, before)[0]?.lines[0]?.amount;
  expect(rate(null, answer(0, [polls(100)]))).toEqual({ kind: "counter", value: 100, perSecond: null });
  expect(rate(answer(0, [polls(100)]), answer(5, [polls(150)]))).toEqual({ kind: "counter", value: 150, perSecond: 10 });
  expect(rate(answer(0, [polls(100)]), answer(5, [polls(7)]))).toEqual({ kind: "counter", value: 7, perSecond: null });
});

it("CPU is a share of one core between two answers", () => {
  const [before, now] = [answer(0, [polls(100)]), answer(5, [polls(150)])];
  expect(cpuShare(polls(150), now, before)).toBeCloseTo(0.1);
  expect(cpuShare(polls(150), now, null)).toBeNull();
  expect(cpuShare(service({ cpu_s: null }), now, before)).toBeNull();
});

it("what was lost or set aside is alarming, what waits is so from a thousand on", () => {
  const row = (name: string, value: number) =>
    rowsOf("processing", answer(0, [service({ metrics: { [name]: [{ labels: {}, value }] } })]), null)[0];
  expect(row("minestream_dead_letters_total", 0)?.alarming).toBe(false);
  expect(row("minestream_dead_letters_total", 1)?.alarming).toBe(true);
  expect(row("minestream_consumer_lag_records", 900)?.alarming).toBe(false);
  expect(row("minestream_consumer_lag_records", 1_001)?.alarming).toBe(true);
});

it("hops stand in the order of an event's way", () => {
  const age = (hop: string) =>
    service({ name: hop, metrics: { minestream_event_age_seconds: [{ labels: { hop }, count: 1, p50: 0.1, p99: 1 }] } });
  const hops = hopsOf(answer(0, ["pushed", "lunar", "stored", "published", "processor"].map(age)));
  expect(hops.map(({ hop }) => hop)).toEqual(["published", "processor", "stored", "pushed", "lunar"]);
});

it("a gateway that is told of itself is listed once", () => {
  expect(distinctServices([service({}), service({}), service({ address: "127.0.0.1:2" })])).toHaveLength(2);
});

it("topics are read without what all of them have", () => {
  expect(labelText({ topic: "minestream.raw.miner.v1" })).toBe("raw.miner");
});

it("every figure has a name and a meaning", () => {
  const shown = Object.values(GROUPS).flat();
  expect(Object.keys(en.system.metric)).toEqual(expect.arrayContaining(shown));
  expect(Object.keys(en.system.meaning)).toEqual(expect.arrayContaining(shown));
});

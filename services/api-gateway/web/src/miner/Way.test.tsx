// @vitest-environment jsdom
import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it } from "vitest";

import type { Trace } from "../api/types";
import { ok, TestPage } from "../testing/page";
import { until } from "../testing/gateway";
import { reading, row } from "../testing/rows";

const SOON = { timeout: 10_000 };
const NOW = Date.now();
const ago = (seconds: number) => new Date(NOW - seconds * 1_000).toISOString();

const HISTORY = { miner_id: "m1", resolution: "raw", from: ago(3_600), to: ago(0), items: [], gaps: [], next: null };

function trace(eventId: string): Trace {
  const steps = [{ step: "stored", at: ago(0), after_s: 0.2, service: "timescale-sink" }];
  return {
    event_id: eventId,
    raw_event_id: `raw-${eventId}`,
    miner_id: "m1",
    began_at: ago(1),
    trace_id: "f00d",
    sampled: false,
    steps,
    spans: [],
  };
}

let page: TestPage;
afterEach(() => page.close());

const asked = (part: string) => page.asked.filter((path) => path.includes(part));

it("has the gateway wait for the reading's rows, and gives none up for the next", async () => {
  const storing = new AbortController();
  const stored = new Promise((resolve) => storing.signal.addEventListener("abort", resolve));
  page = await TestPage.open("/miners/m1", {
    "/api/v1/miners/m1": ok({ miner_id: "m1", status: "mining", entry: null, latest: null, gaps: [] }),
    "/api/v1/miners/m1/telemetry": ok(HISTORY),
    "/api/v1/readings/one/trace": { ...ok(trace("one")), after: stored },
    "/api/v1/readings/two/trace": { status: 404, body: { title: "Not found", status: 404 } },
  });
  const { visit, id } = await page.joined("reading");
  const says = (eventId: string, seconds: number) =>
    visit.send({ type: "changes", id, cursor: eventId, reading: [reading({ event_id: eventId, ts: ago(seconds) })] });
  says("one", 5);
  await until("the first is asked for", () => asked("/readings/one/").length > 0);
  expect(asked("/readings/one/")).toEqual(["/api/v1/readings/one/trace?wait_s=10"]);
  says("two", 0);
  await new Promise((resolve) => setTimeout(resolve, 1_700));
  expect(asked("/readings/two/")).toEqual([]);
  storing.abort();
  expect(await screen.findByText("one", {}, SOON)).toBeDefined();
  await until("then the next", () => asked("/readings/two/").length > 0);
});

it("waits for the rows of a miner that was heard of, and not for a stranger's", async () => {
  page = await TestPage.open("/", {
    "/api/v1/miners?": ok({ items: [], next: null }),
    "/api/v1/miners/m1": ok({ miner_id: "m1", status: "mining", entry: null, latest: null, gaps: [] }),
    "/api/v1/miners/m1/telemetry": ok(HISTORY),
  });
  const { visit, id } = await page.joined("status");
  // later than the inventory, which lacks it
  const rows = [row({ miner_id: "m1", ts: ago(-60) })];
  visit.send({ type: "snapshot", id, cursor: "1", more: false, status: rows });
  for (const link of (await screen.findAllByRole("link", { name: "m1" }, SOON)).slice(0, 1)) await userEvent.click(link);
  await until("its history is asked for", () => asked("/miners/m1/telemetry").length > 0);
  expect(asked("/miners/m1").every((path) => path.includes("wait_s=10"))).toBe(true);
  await page.close();
  page = await TestPage.open("/miners/m2", {});
  await until("the stranger is asked for", () => asked("/miners/m2").length > 0);
  expect(asked("/miners/m2").every((path) => path.includes("wait_s=0"))).toBe(true);
});

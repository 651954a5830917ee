// @vitest-environment jsdom
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it } from "vitest";

import type { Sample, Service } from "../api/types";
import { ok, TestPage, type Answer } from "../testing/page";

const SOON = { timeout: 10_000 };

function service(change: Partial<Service> = {}): Service {
  const { metrics = {}, ...rest } = change;
  const usual = { name: "processor", address: "127.0.0.1:1", ready: true, faults: {} };
  return { ...usual, up_s: 3_725, memory_bytes: 104_857_600, cpu_s: 1, metrics, ...rest };
}

const told = (services: Service[], at = new Date().toISOString()) => ok({ at, services, meanings: {} });

let page: TestPage;
const open = async (answer: Answer) => {
  page = await TestPage.open("/system", { "/api/v1/system": answer });
};
afterEach(() => page.close());

const rowOf = async (name: string) =>
  within(await screen.findByRole("row", { name: new RegExp(`^${name}`) }, SOON));

it("tells of each service whether it is ready, why not, and since when it is up", async () => {
  await open(told([service(), service({ name: "api-gateway", ready: false, faults: { kafka: "no broker" } })]));
  const well = await rowOf("processor");
  expect(well.getAllByText("Ready")).not.toHaveLength(0);
  expect(well.getByText("1 h 2 min")).toBeDefined();
  const ill = await rowOf("api-gateway");
  expect(ill.getAllByText("Not ready")).not.toHaveLength(0);
  expect(ill.getAllByText("kafka: no broker")).not.toHaveLength(0);
});

it("shows how old data are at each hop: the half, and all but one in a hundred", async () => {
  const hop = (name: string, p50: number, p99: number): Sample => ({ labels: { hop: name }, count: 9, p50, p99 });
  await open(told([service({ metrics: { minestream_event_age_seconds: [hop("stored", 0.12, 0.48)] } })]));
  const tile = (await screen.findByText("In the database after", {}, SOON)).parentElement;
  expect(tile?.textContent).toBe("In the database after120msmedian · p99 480\u00a0ms");
});

it("tells a hop once, by its slowest service, and of each service how it fares there", async () => {
  const hop = (p50: number): Sample => ({ labels: { hop: "published" }, count: 9, p50, p99: 4 * p50 });
  const collector = (name: string, p50: number) =>
    service({ name, address: name, metrics: { minestream_event_age_seconds: [hop(p50)] } });
  const judged: Sample = { labels: { hop: "judged" }, count: 9, p50: 0.3, p99: 0.5 };
  const alerter = service({ name: "alerter", metrics: { minestream_event_age_seconds: [judged] } });
  await open(told([collector("collector-vnish", 0.1), collector("collector-pool", 0.2), alerter]));
  const tile = (await screen.findByText("In Kafka after", {}, SOON)).parentElement;
  expect(tile?.textContent).toBe(
    "In Kafka after200msmedian · p99 800\u00a0mscollector-pool200\u00a0mscollector-vnish100\u00a0ms",
  );
  expect(screen.getByText("Judged for alerts after")).toBeDefined();
});

it("shows a few lines of a figure, and all when asked", async () => {
  const metrics = {
    miner_poll_total: ["ok", "slow", "refused", "garbage", "timeout", "other"].map((status, at) => ({
      labels: { status },
      value: 100 - at,
    })),
  };
  await open(told([service({ metrics })]));
  const polling = within(await screen.findByRole("region", { name: "Polling" }, SOON));
  expect(polling.queryByText("other")).toBeNull();
  await userEvent.click(polling.getByRole("button", { name: "and 2 more" }));
  expect(polling.getByText("other")).toBeDefined();
  await userEvent.click(polling.getByRole("button", { name: "fewer" }));
  expect(polling.queryByText("other")).toBeNull();
});

it("colours what was lost, and only that", async () => {
  const metrics = {
    minestream_dead_letters_total: [{ labels: {}, value: 3 }],
    minestream_events_processed_total: [{ labels: {}, value: 5_000 }],
  };
  await open(told([service({ metrics })]));
  const lost = await screen.findByText("3", {}, SOON);
  expect(lost.closest(".text-warn")).not.toBeNull();
  expect(screen.getByText("5,000").closest(".text-warn")).toBeNull();
});

it("says what to do where no services are configured", async () => {
  await open(told([]));
  expect(await screen.findByText("No services are configured", {}, SOON)).toBeDefined();
});

it("says that an older gateway has no such page, and what the gateway said where it failed", async () => {
  await open({ status: 404, body: { title: "Not found", status: 404 } });
  expect(await screen.findByText("This gateway does not tell of the system yet", {}, SOON)).toBeDefined();
  await page.close();
  await open({ status: 422, body: { title: "Wrong", status: 422, detail: "not today", request_id: "r-1" } });
  const alert = await screen.findByRole("alert", {}, SOON);
  expect(alert.textContent).toContain("not today");
  expect(alert.textContent).toContain("r-1");
});

// @vitest-environment jsdom
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import i18next from "i18next";
import { afterEach, expect, it } from "vitest";

import type { AlertDetail, AlertItem } from "../api/types";
import { ok, TestPage, type Answers } from "../testing/page";
import { alert, alertItem } from "../testing/rows";

const SOON = { timeout: 10_000 };
const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();

let page: TestPage;
afterEach(() => page.close());

function answers(firing: AlertItem[], over: AlertItem[] = []): Answers {
  return {
    "/api/v1/alerts?limit=500&firing=true": ok({ items: firing, next: null }),
    "/api/v1/alerts?": ok({ items: over, next: null }),
  };
}

const HOT = alertItem({
  alert_id: "hot",
  severity: "critical",
  value: 93,
  limit: 90,
  began_at: ago(185),
  fired_at: ago(125),
  notified_channels: ["email", "webhook"],
});

async function firing() {
  return within(await screen.findByRole("list", { name: "Firing now" }, SOON));
}

it("shows what fires: how bad, whose, what was measured, for how long, and who was told", async () => {
  page = await TestPage.open("/alerts", answers([HOT]));
  const { visit, id } = await page.joined("alert");
  visit.send({ type: "snapshot", id, alert: [alert(HOT)], more: false, cursor: "1" });
  const list = await firing();
  expect(list.getByText("Critical")).toBeDefined();
  expect(list.getByRole("link", { name: "m1" }).getAttribute("href")).toBe("/miners/m1");
  expect(list.getByText("93 °C")).toBeDefined();
  expect(list.getByText("limit 90 °C")).toBeDefined();
  expect(list.getByText(/^for 3 min \d+ s$/)).toBeDefined();
  expect(await list.findByText("email, webhook", {}, SOON)).toBeDefined();
});

it("an alert comes, is counted in the navigation, told of, and leaves, all by itself", async () => {
  page = await TestPage.open("/alerts", answers([]));
  const { visit, id } = await page.joined("alert");
  visit.send({ type: "snapshot", id, alert: [], more: false, cursor: "1" });
  expect(await screen.findByText("Nothing fires", {}, SOON)).toBeDefined();
  visit.send({ type: "changes", id, cursor: "2", alert: [alert({ rule: "offline", value: 330, limit: 300, unit: "s", severity: "critical" })] });
  const list = await firing();
  expect(list.getByText("5 min 30 s")).toBeDefined();
  expect(screen.getByRole("link", { name: /^Alerts\s*Critical: 1$/ })).toBeDefined();
  expect(await screen.findByText("Critical: m1", {}, SOON)).toBeDefined();
  expect(screen.getByText("Offline, limit 5 min")).toBeDefined();
  page.answers["/api/v1/alerts?"] = ok({ items: [alertItem({ number: 2, phase: "resolved", ended_at: ago(1) })], next: null });
  visit.send({ type: "changes", id, cursor: "3", alert: [alert({ number: 2, phase: "resolved", ended_at: ago(1) })] });
  expect(await screen.findByText("Nothing fires", {}, SOON)).toBeDefined();
  expect(screen.getByRole("link", { name: "Alerts" })).toBeDefined();
  const over = within(await screen.findByRole("list", { name: "Resolved" }, SOON));
  expect(over.getByText(/^lasted /)).toBeDefined();
});

it("leaves those that fit the filters, and keeps them in the address", async () => {
  const cold = alertItem({ alert_id: "cold", subject: "m2", miner_id: "m2" });
  page = await TestPage.open("/alerts?miner=m1", answers([HOT, cold]));
  const list = await firing();
  expect(list.queryByRole("link", { name: "m2" })).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: "Only m1" }));
  await list.findByRole("link", { name: "m2" }, SOON);
  expect(location.search).toBe("");
  await userEvent.click(screen.getByRole("button", { name: "Warning" }));
  await waitFor(() => expect(list.queryByRole("link", { name: "m1" })).toBeNull());
  expect(location.search).toBe("?severity=warning");
  await userEvent.click(screen.getByRole("button", { name: "Warning" }));
  await userEvent.click(screen.getByRole("button", { name: "Notice" }));
  expect((await screen.findAllByText("No alert fits the filters", {}, SOON)).length).toBeGreaterThan(0);
});

it("tells when asked how it came to that, and each try to tell somebody", async () => {
  const detail: AlertDetail = {
    ...HOT,
    number: 2,
    transitions: [alert({ ...HOT, number: 1, severity: "warning", value: 85, limit: 80 }), alert({ ...HOT, number: 2 })],
    notifications: [
      { notification_id: "n1", number: 1, channel: "webhook", state: "sent", attempts: 3, created_at: ago(100), sent_at: ago(90), error: null },
      { notification_id: "n2", number: 2, channel: "email", state: "failed", attempts: 9, created_at: ago(80), sent_at: null, error: "550 no such user" },
    ],
  };
  page = await TestPage.open("/alerts", { ...answers([HOT]), "/api/v1/alerts/hot": ok(detail) });
  const list = await firing();
  const button = list.getByRole("button", { name: "m1: Steps and notifications" });
  expect(button.getAttribute("aria-expanded")).toBe("false");
  await userEvent.click(button);
  expect(button.getAttribute("aria-expanded")).toBe("true");
  const table = within(await list.findByRole("table", {}, SOON));
  const rows = table.getAllByRole("row").map((row) => row.textContent);
  expect(rows[1]).toMatch(/^Firedwebhooksent3/);
  expect(rows[2]).toBe("Roseemailfailed550 no such user9–");
  expect(list.getByText("Chip too hot: 85 °C, limit 80 °C")).toBeDefined();
});

it("reads older ones when asked", async () => {
  const past = (n: number) => alertItem({ alert_id: `over-${n}`, subject: `m${n}`, miner_id: `m${n}`, phase: "resolved", ended_at: ago(60 * n) });
  page = await TestPage.open("/alerts", {
    ...answers([]),
    "/api/v1/alerts?limit=50&firing=false": ok({ items: [past(1)], next: "older" }),
    "/api/v1/alerts?limit=50&firing=false&cursor=older": ok({ items: [past(2)], next: null }),
  });
  const over = within(await screen.findByRole("list", { name: "Resolved" }, SOON));
  await userEvent.click(screen.getByRole("button", { name: "Show older ones" }));
  expect(await over.findByRole("link", { name: "m2" }, SOON)).toBeDefined();
  expect(screen.queryByRole("button", { name: "Show older ones" })).toBeNull();
});

it("says what the gateway said where no alerter has run, and still what the stream tells", async () => {
  const detail = "relation alerting_v1.alert does not exist: run minestream migrate";
  const body = { title: "The database is away", status: 422, detail };
  page = await TestPage.open("/alerts", { "/api/v1/alerts": { status: 422, body } });
  const { visit, id } = await page.joined("alert");
  visit.send({ type: "snapshot", id, alert: [alert()], more: false, cursor: "1" });
  await firing();
  const [said] = await screen.findAllByRole("alert", {}, SOON);
  expect(said?.textContent).toContain("minestream migrate");
});

it("names a rule that it does not know by its own word, and says what the alerter said", async () => {
  const odd = alertItem({ rule: "humidity", value: 91, limit: 80, unit: "%", summary: "m1: too damp" });
  page = await TestPage.open("/", { ...answers([odd]), "/api/v1/miners": ok({ items: [], next: null }) });
  const { visit, id } = await page.joined("alert");
  visit.send({ type: "snapshot", id, alert: [odd], more: false, cursor: "1" });
  await i18next.changeLanguage("zh");
  expect(await screen.findByRole("link", { name: /告警\s*警告：1/ }, SOON)).toBeDefined();
});

it("stands on the miner's own page, above its figures and among its past", async () => {
  const over = alertItem({ alert_id: "over", rule: "offline", phase: "resolved", ended_at: ago(60) });
  const entry = { miner_id: "m1", site_id: "site-a", address: "10.0.0.1:80" };
  page = await TestPage.open("/miners/m1", {
    ...answers([HOT], [over]),
    "/api/v1/miners/m1": ok({ miner_id: "m1", status: "unknown", entry, latest: null, gaps: [] }),
  });
  const { visit, id } = await page.joined("alert");
  const other = alert({ alert_id: "other", miner_id: "m2", subject: "m2" });
  visit.send({ type: "snapshot", id, alert: [alert(HOT), other], more: false, cursor: "1" });
  const banner = await screen.findByRole("region", { name: "Firing now" }, SOON);
  expect(banner.textContent).toMatch(/^CriticalChip too hot: 93\s°C, limit 90\s°Cfor 3 min/);
  const list = within(screen.getByRole("list", { name: "Alerts" }));
  expect(await list.findByText("Offline", {}, SOON)).toBeDefined();
  expect(list.getAllByRole("listitem")).toHaveLength(2);
  const [all] = screen.getAllByRole("link", { name: "All alerts" });
  expect(all?.getAttribute("href")).toBe("/alerts?miner=m1");
});

it("does not say that a miner never had an alert before that is known", async () => {
  const entry = { miner_id: "m1", site_id: "site-a", address: "10.0.0.1:80" };
  page = await TestPage.open("/miners/m1", {
    ...answers([]),
    "/api/v1/miners/m1": ok({ miner_id: "m1", status: "unknown", entry, latest: null, gaps: [] }),
  });
  expect(await screen.findByText("Loading what was resolved", {}, SOON)).toBeDefined();
  expect(screen.queryByText("None so far.")).toBeNull();
  expect(await screen.findByText("None so far.", {}, SOON)).toBeDefined();
  expect(screen.queryByRole("list", { name: "Alerts" })).toBeNull();
});

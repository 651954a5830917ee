// @vitest-environment jsdom
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it } from "vitest";

import type { Coin, MinerItem, Money, PoolAccount, Reading } from "../api/types";
import { addUp } from "../fleet/totals";
import { ok, TestPage } from "../testing/page";
import { at, NOON, reading, row } from "../testing/rows";

const SOON = { timeout: 10_000 };
const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();

let page: TestPage | null = null;
afterEach(async () => {
  await page?.close();
  page = null;
  localStorage.clear();
});

const MONEY: Money = {
  pool_hashrate_hs: 15.7e9,
  pool_coin: "Litecoin",
  pool_at: ago(29),
  rate_usd_per_hs_day: 4.5e-10,
  revenue_basis: "pool_rate",
  price_at: ago(70),
  tariff_usd_per_kwh: 0.05,
  revenue_usd_per_day: 7.209,
  power_cost_usd_per_day: 4.032,
  profit_usd_per_day: 3.177,
};

function miner(change: Partial<MinerItem> = {}): MinerItem {
  return { ...row({ ts: ago(5) }), ...MONEY, address: "10.0.0.1:80", slot: 1, interval_s: null, ...change };
}

const LTC: Coin = {
  coin_id: "litecoin",
  symbol: "LTC",
  price: { ts: ago(20), source: "coingecko", price_usd: 82.1, change_24h_ratio: 0.0125 },
};
const POOL: PoolAccount = {
  account_id: "prohashing-main",
  pool: "prohashing",
  ts: ago(12),
  workers_total: 24,
  workers_fresh: 23,
  workers_unmatched: 2,
};

async function fleet(items: MinerItem[], coins: Coin[] = [], pools: PoolAccount[] = []): Promise<void> {
  page = await TestPage.open("/", {
    "/api/v1/miners": ok({ items, next: null }),
    "/api/v1/market": ok({ items: coins }),
    "/api/v1/pools": ok({ items: pools }),
  });
}

const tile = async (label: string) => (await screen.findByText(label, {}, SOON)).parentElement?.textContent;

it("adds up what the fleet earns, and says of how many miners", async () => {
  const [silent, lost] = [
    miner({ miner_id: "m2", revenue_usd_per_day: null, profit_usd_per_day: null }),
    miner({ miner_id: "m3", profit_usd_per_day: -10, revenue_usd_per_day: 1, power_cost_usd_per_day: 11 }),
  ];
  await fleet([miner(), silent, lost]);
  expect(await tile("Profit per day")).toBe("Profit per day-$6.82of 2 of 3 miners");
  expect(await tile("Revenue per day")).toBe("Revenue per day$8.21of 2 of 3 miners");
  expect(await tile("Power cost per day")).toBe("Power cost per day$19.06of 3 of 3 miners");
});

it("counts no reading that is too old", () => {
  const miners = [row({ ...MONEY }), row({ miner_id: "old", ts: at(-3_600), ...MONEY })];
  expect(addUp(miners, NOON).profit).toEqual({ usd: 3.177, said: 1 });
});

it("says nothing of money where nothing is known", async () => {
  const none = { revenue_usd_per_day: null, power_cost_usd_per_day: null, profit_usd_per_day: null };
  await fleet([miner(none)]);
  await screen.findAllByText("m1", {}, SOON);
  expect(screen.queryByRole("region", { name: "Earnings, market and pools" })).toBeNull();
});

it("shows what coins cost and whether pools are heard of; what is stale says so", async () => {
  const doge: Coin = { coin_id: "dogecoin", symbol: "DOGE", price: { ts: ago(3_600), source: "coingecko", price_usd: 0.08215, change_24h_ratio: -0.2 } };
  await fleet([miner()], [LTC, doge, { coin_id: "bitcoin", symbol: null, price: null }], [POOL]);
  expect(await tile("LTC · +1.3% in 24 h")).toMatch(/24 h\$82.102\d s ago$/);
  expect(await tile("DOGE · \u221220.0% in 24 h")).toMatch(/24 h\$0.0822stale, 1 h ago$/);
  expect(await tile("Workers at pools")).toMatch(/^Workers at pools23of 241\d s ago$/);
  expect(screen.queryByText("bitcoin")).toBeNull();
});

it("shows a miner's earnings as columns to those who ask, a dash where they are not known", async () => {
  await fleet([miner(), miner({ miner_id: "m2", profit_usd_per_day: null })]);
  const toggle = await screen.findByRole("button", { name: "Earnings" }, SOON);
  if (toggle.getAttribute("aria-pressed") === "true") await userEvent.click(toggle);
  expect(screen.queryByRole("columnheader", { name: "Profit/day" })).toBeNull();
  await userEvent.click(toggle);
  const heads = screen.getAllByRole("columnheader").map((head) => head.textContent);
  const at = heads.indexOf("Profit/day");
  expect(at).toBeGreaterThan(0);
  const cells = (id: string) => {
    const found = document.querySelector(`[data-miner="${id}"]`)?.closest('[role="row"]');
    return [...(found?.querySelectorAll('[role="cell"]') ?? [])];
  };
  // rows are drawn as they come into sight
  await waitFor(() => expect(cells("m1")[at]?.textContent).toBe("$3.18"), SOON);
  expect(cells("m2")[at]?.textContent).toBe("–");
  await userEvent.hover(screen.getByRole("link", { name: "$3.18" }));
  const tip = await screen.findByRole("tooltip", {}, SOON);
  expect(tip.textContent).toContain("Rate: the pool's own, less its fee");
  expect(tip.textContent).toMatch(/1 min ago.*ago/);
});

async function miners(latest: Reading): Promise<void> {
  const entry = { miner_id: "m1", site_id: "site-a", address: "10.0.0.1:80" };
  page = await TestPage.open("/miners/m1", {
    "/api/v1/miners/m1": ok({ miner_id: "m1", status: "mining", entry, latest, gaps: [] }),
  });
}

const earnings = async () => within(await screen.findByRole("region", { name: "Earnings" }, SOON));

it("shows the calculation with all that somebody needs to reckon it anew", async () => {
  await miners(reading({ ts: ago(5), ...MONEY, hashrate_hs: 16.02e9, power_w: 3_360 }));
  const rows = (await earnings()).getAllByRole("row").map((each) => each.textContent);
  expect(rows[1]).toBe("Revenue16.02\u00a0GH/s × $0.45 per GH/s and day$7.2090");
  expect(rows[2]).toBe("Power cost3.36 kW × 24 h × $0.05 per kWh$4.0320");
  expect(rows[3]).toBe("Profitrevenue − power cost$3.1770");
  expect(16.02 * 0.45).toBeCloseTo(7.209, 10);
  expect(3.36 * 24 * 0.05).toBeCloseTo(4.032, 10);
});

it("sets the pool's hashrate beside the miner's own, with the difference and the coin", async () => {
  await miners(reading({ ts: ago(5), ...MONEY, hashrate_hs: 16.02e9, pool_at: ago(1_300) }));
  const panel = (await screen.findByText("At the pool", {}, SOON)).closest("section");
  expect(panel?.textContent).toContain("15.7GH/s\u22122.0% against its own");
  expect(panel?.textContent).toContain("Litecoin");
  expect(panel?.textContent).toMatch(/21 min ago · stale$/);
});

it("says what is missing where an amount is not known", async () => {
  await miners(reading({ ts: ago(5), power_cost_usd_per_day: 4.032, tariff_usd_per_kwh: 0.05, power_w: 3_360 }));
  const panel = (await earnings()).getByText("what hashing pays is not known").closest("section");
  expect(panel?.textContent).toContain("Profitneeds both of the above–");
});

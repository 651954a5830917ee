// @vitest-environment jsdom
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import i18next from "i18next";
import { afterEach, expect, it } from "vitest";

import type { Board, Entry, Gap, History, Reading } from "../api/types";
import { ok, TestPage, type Answers } from "../testing/page";
import { gap, reading } from "../testing/rows";

const SOON = { timeout: 10_000 };
const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();

const BOARD: Board = {
  slot: 1,
  status: "mining",
  hashrate_hs: 5.3e9,
  chips_ok: 109,
  chips_total: 110,
  chip_temp_min_c: 60,
  chip_temp_max_c: 71,
  pcb_temp_c: 58,
  frequency_mhz: 1_150,
};
const ENTRY: Entry = { miner_id: "m1", site_id: "site-a", rack_id: "r1", slot: 3, address: "10.0.0.1:80" };

interface Said {
  entry?: Entry | null;
  latest?: Reading | null;
  open?: Gap[];
  past?: Partial<History>;
}

function answers({ entry = ENTRY, latest = null, open = [], past = {} }: Said): Answers {
  const history = { miner_id: "m1", resolution: "raw", from: ago(3_600), to: ago(0), items: [], gaps: [], next: null };
  return {
    "/api/v1/miners/m1": ok({ miner_id: "m1", status: latest?.status ?? "unknown", entry, latest, gaps: open }),
    "/api/v1/miners/m1/telemetry": ok({ ...history, ...past }),
  };
}

let page: TestPage;
const open = async (said: Said) => {
  page = await TestPage.open("/miners/m1", answers(said));
};
afterEach(() => page.close());

it("shows what a miner says now, and the next reading as it comes", async () => {
  await open({ latest: reading({ ts: ago(5), boards: [BOARD], accepted_total: 990, rejected_total: 10 }) });
  expect(await screen.findByText("1.0% rejected", {}, SOON)).toBeDefined();
  const { visit, id } = await page.joined();
  visit.send({ type: "changes", id, cursor: "1", reading: [reading({ ts: ago(0), hashrate_hs: 12.3e9 })] });
  expect(await screen.findAllByText("12.3", {}, SOON)).not.toHaveLength(0);
});

it("names a board's slot and its temperature apart, in both languages", async () => {
  await open({ latest: reading({ ts: ago(5), boards: [BOARD] }) });
  const boards = within(await screen.findByRole("table", {}, SOON));
  const heads = () => boards.getAllByRole("columnheader").map((head) => head.textContent);
  expect(heads().slice(0, 6)).toEqual(["Board", "Status", "Hashrate", "Chips OK", "Chip temp.", "PCB temp."]);
  expect(boards.getByText("109").parentElement?.textContent).toBe("109/110");
  await i18next.changeLanguage("zh");
  await waitFor(() => expect(heads().slice(0, 6)).toEqual(["板号", "状态", "算力", "正常芯片", "芯片温度", "PCB 温度"]));
  expect(new Set(heads()).size).toBe(heads().length);
});

it("of a silent miner it says since when and why, and no figures without a value", async () => {
  const silent: Reading = { event_id: "e1", miner_id: "m1", site_id: "s", ts: ago(5), status: "offline", error: "connection refused" };
  await open({ latest: silent, open: [gap({ began_at: ago(90) })] });
  expect(await screen.findByText(/^No data since .*: Miner silent$/, {}, SOON)).toBeDefined();
  expect(screen.getByText("connection refused")).toBeDefined();
  expect(screen.queryByText("Shares")).toBeNull();
  expect(screen.queryByText("accepted")).toBeNull();
});

it("says nothing about shares that the miner does not count", async () => {
  await open({ latest: reading({ ts: ago(5) }) });
  const tile = (await screen.findByText("Shares", {}, SOON)).parentElement;
  expect(tile?.textContent).toBe("Shares–");
});

it("folds away gaps that were filled later, and shows those that last", async () => {
  const closed = (id: string, change: Partial<Gap>) =>
    gap({ gap_id: id, began_at: ago(600), ended_at: ago(590), cause: "collector_down", ...change });
  const gaps = [closed("a", { filled: true }), closed("b", { filled: true }), closed("c", { cause: "miner_silent" })];
  const items = [{ ts: ago(700), hashrate_hs: 1 }, { ts: ago(10), hashrate_hs: 1 }];
  await open({ latest: reading({ ts: ago(5) }), past: { gaps, items } });
  const list = within(await screen.findByRole("region", { name: "Gaps in this range" }, SOON));
  expect(list.getByText(/^Miner silent, /)).toBeDefined();
  const folded = list.getByRole("group");
  expect(folded).toHaveProperty("open", false);
  expect(within(folded).getAllByText(/^Collector down, /)).toHaveLength(2);
  await userEvent.click(list.getByText("Gaps filled later: 2"));
  expect(folded).toHaveProperty("open", true);
});

it("fits the chart to what is known, says so, and takes another range", async () => {
  const items = [400, 390].map((seconds) => ({ ts: ago(seconds), hashrate_hs: 16e9, chip_temp_max_c: 70, power_w: 3_400 }));
  await open({ latest: reading({ ts: ago(5) }), past: { items } });
  expect(await screen.findByText("every reading · nothing is known from before", {}, SOON)).toBeDefined();
  const fifteen = screen.getByRole("radio", { name: "15 min" });
  await userEvent.click(fifteen);
  expect(fifteen.getAttribute("aria-checked")).toBe("true");
  expect(screen.getByRole("img", { name: /^Power over time/ })).toBeDefined();
  await userEvent.click(screen.getByRole("button", { name: "Power" }));
  expect(screen.queryByRole("img", { name: /^Power over time/ })).toBeNull();
  expect(screen.getByRole("img", { name: /^Hashrate over time; newest: 16.0/ })).toBeDefined();
});

it("draws no axis of what a miner does not tell, and says so", async () => {
  const items = [400, 390].map((seconds) => ({ ts: ago(seconds), hashrate_hs: 16e9, chip_temp_max_c: 70 }));
  localStorage.clear();
  await open({ latest: reading({ ts: ago(5), power_w: null }), past: { items } });
  expect(await screen.findByText(/ · not told in this range: Power$/, {}, SOON)).toBeDefined();
  expect(screen.getByRole("img", { name: /^Hottest chip over time/ })).toBeDefined();
  expect(screen.queryByRole("img", { name: /^Power over time/ })).toBeNull();
});

it("explains a disputed unit and by what dialect and unit were decided, in both languages", async () => {
  const evidence = { unit: "info.hr_measure", detected: "4028 version: BMMiner", chip_bin: "eeprom" };
  await open({ latest: reading({ ts: ago(5), quality_flags: ["unit_disputed"], evidence }) });
  expect(await screen.findByText(/^The unit that the firmware names fits neither/, {}, SOON)).toBeDefined();
  await userEvent.click(screen.getByText("How we know"));
  const terms = () => screen.getAllByRole("term").map((term) => term.textContent);
  expect(terms().slice(-3)).toEqual(["Dialect chosen by", "Unit of hashrate", "chip_bin"]);
  expect(screen.getByText("4028 version: BMMiner")).toBeDefined();
  await i18next.changeLanguage("zh");
  expect(await screen.findByText(/^固件所报的算力单位/, {}, SOON)).toBeDefined();
  expect(terms().slice(-3)).toEqual(["协议选定依据", "算力单位", "chip_bin"]);
});

it("says of a miner that is yet to be found out that it is, in both languages", async () => {
  const entry = { ...ENTRY, dialect: "auto" };
  const pool_url = "stratum+tcp://pool.example.com:3333";
  const unknown = reading({ ts: ago(5), algorithm: "unknown", dialect: "auto", hashrate_hs: null, pool_url });
  await open({ entry, latest: unknown });
  expect(await screen.findByText("not found out yet", {}, SOON)).toBeDefined();
  expect(screen.getByText("Unknown algorithm")).toBeDefined();
  expect(screen.getByText("pool.example.com:3333").title).toBe(pool_url);
  await i18next.changeLanguage("zh");
  expect(await screen.findByText("尚未识别", {}, SOON)).toBeDefined();
  expect(screen.getByText("未知算法")).toBeDefined();
});

it("of a miner that the inventory lacks its history stays, and nothing about it is alarming", async () => {
  const unpolled = gap({ began_at: ago(20), cause: "collector_down" });
  await open({ entry: null, latest: reading({ ts: ago(26) }), open: [unpolled] });
  expect(await screen.findByText(/^The inventory does not have it: it was removed, or an edge site/, {}, SOON)).toBeDefined();
  expect(screen.getByText("Not in the inventory")).toBeDefined();
  expect(screen.queryByText("Mining")).toBeNull();
  expect(screen.queryByText(/^No data since/)).toBeNull();
});

it("takes a reading for stale after five minutes where no interval says otherwise", async () => {
  await open({ latest: reading({ ts: ago(301) }) });
  expect(await screen.findByText("Stale", {}, SOON)).toBeDefined();
});

it("holds a reading for good as long as three of the miner's own intervals", async () => {
  await open({ entry: { ...ENTRY, interval_s: 600 }, latest: reading({ ts: ago(500) }) });
  expect(await screen.findByText("Mining", {}, SOON)).toBeDefined();
  expect(screen.queryByText("Stale")).toBeNull();
});

it("a miner that nobody knows is said to be none", async () => {
  page = await TestPage.open("/miners/nosuch", {});
  expect(await screen.findByText("There is no miner nosuch", {}, SOON)).toBeDefined();
});

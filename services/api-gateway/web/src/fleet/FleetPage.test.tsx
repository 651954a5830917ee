// @vitest-environment jsdom
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import i18next from "i18next";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { MinerItem } from "../api/types";
import { App, makeQueries } from "../App";
import { setUpLanguages } from "../i18n";
import { Live } from "../live";
import { StreamClient } from "../stream/client";
import { setUpBrowser } from "../testing/browser";
import { TestGateway } from "../testing/gateway";
import { row } from "../testing/rows";

const SOON = { timeout: 10_000 };

let gateway: TestGateway;
let rest: Server;
let answer: { status: number; body: unknown };
/** of other routes than the inventory's, by path */
let others: Record<string, { status: number; body: unknown }>;
let stream: StreamClient;

function miner(change: Partial<MinerItem> = {}): MinerItem {
  return { ...row({ ts: new Date().toISOString() }), address: "10.0.0.1:80", slot: 1, interval_s: null, ...change };
}

async function show(): Promise<void> {
  const origin = `http://127.0.0.1:${(rest.address() as AddressInfo).port}`;
  setUpBrowser(origin);
  await setUpLanguages();
  await i18next.changeLanguage("en");
  // frames are not what is tested here
  stream = new StreamClient({ url: gateway.url, schedule: (draw) => setTimeout(draw, 0), chance: () => 0 });
  stream.start();
  render(<App live={new Live(stream)} queries={makeQueries()} />);
}

async function joined() {
  const visit = await gateway.visit(0);
  visit.hello();
  const { id } = await visit.subscription();
  return { visit, id };
}

const rowOf = async (id: string) => {
  const link = await waitFor(() => {
    const found = document.querySelector(`[data-miner="${id}"]`);
    if (found === null) throw new Error(`${id} is in no row`);
    return found;
  }, SOON);
  const found = link.closest<HTMLElement>('[role="row"]');
  if (found === null) throw new Error(`${id} is in no row`);
  return within(found);
};

beforeEach(async () => {
  gateway = await TestGateway.start();
  answer = { status: 200, body: { items: [], next: null } };
  others = {};
  rest = createServer(({ url = "" }, response) => {
    const path = url.split("?")[0] ?? "";
    const found = path === "/api/v1/miners" ? answer : (others[path] ?? { status: 404, body: { title: "Not found" } });
    response.writeHead(found.status, { "Content-Type": "application/json" });
    response.end(JSON.stringify(found.body));
  });
  await new Promise<void>((resolve) => rest.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  cleanup();
  stream.stop();
  await gateway.stop();
  rest.closeAllConnections();
  rest.close();
  vi.unstubAllGlobals();
  history.replaceState(null, "", "/");
});

describe("the fleet's page", () => {
  it("shows the inventory, then each change of the stream as it comes", async () => {
    answer.body = {
      items: [
        miner({ miner_id: "m1" }),
        miner({ miner_id: "m2", algorithm: "sha256d", hashrate_hs: 234e12, hashrate_expected_hs: 236e12 }),
        miner({ miner_id: "m3", status: "unknown", ts: null, hashrate_hs: null }),
      ],
      next: null,
    };
    await show();
    expect((await rowOf("m2")).getByText("234")).toBeDefined();
    expect((await rowOf("m3")).getByText("never")).toBeDefined();
    const { visit, id } = await joined();
    const ts = new Date(Date.now() + 1_000).toISOString();
    visit.send({ type: "changes", id, cursor: "1", status: [row({ miner_id: "m1", ts, status: "failure" })] });
    const first = await rowOf("m1");
    expect(await first.findByText("Failure", {}, SOON)).toBeDefined();
    expect(await screen.findByRole("button", { name: /^Failure\s*1$/ }, SOON)).toBeDefined();
  });

  it("says what share of the farm hashes, and of how many miners that is known", async () => {
    const nothing = { hashrate_hs: null, hashrate_expected_hs: null };
    const dark = { ...nothing, status: "offline", hashrate_nominal_hs: 16e9 } as const;
    const items = [miner({ miner_id: "m1" }), miner({ miner_id: "m2", ...dark })];
    answer.body = { items: [...items, miner({ miner_id: "m3", ...nothing })], next: null };
    await show();
    expect(await screen.findByText(/^50.*% of expected$/)).toBeDefined();
    expect(screen.getByTitle("2 of 3 miners").textContent).toMatch(/2\/3$/);
  });

  it("leaves those that fit the search, says how many, and keeps it in the address", async () => {
    answer.body = { items: [miner({ miner_id: "m1" }), miner({ miner_id: "m2", worker: "alpha" })], next: null };
    await show();
    await rowOf("m1");
    await userEvent.type(screen.getByRole("searchbox"), "ALPHA");
    expect(await screen.findByText("1 of 2")).toBeDefined();
    expect(document.querySelector('[data-miner="m1"]')).toBeNull();
    expect(location.search).toBe("?q=ALPHA");
    await userEvent.clear(screen.getByRole("searchbox"));
    await userEvent.type(screen.getByRole("searchbox"), "nobody");
    expect(await screen.findByText("No miner fits the filters")).toBeDefined();
  });

  it("says of a hashrate in an unclear unit that it is that, and asks for attention", async () => {
    const unclear = miner({ miner_id: "m1", hashrate_hs: null, quality_flags: ["unit_unknown"] });
    answer.body = { items: [unclear, miner({ miner_id: "m2", power_w: null })], next: null };
    await show();
    const cell = (await rowOf("m1")).getByText("unit unclear");
    expect(cell.getAttribute("title")).toMatch(/^The unit of the hashrate is unknown/);
    expect((await rowOf("m2")).queryByText("unit unclear")).toBeNull();
    expect(screen.getByRole("button", { name: /^Needs attention\s*1$/ })).toBeDefined();
  });

  it("says what to do where there are no miners yet", async () => {
    await show();
    expect(await screen.findByText("No miners yet", {}, SOON)).toBeDefined();
    expect(screen.getByText("minestream inventory import fleet.yaml")).toBeDefined();
  });

  it("says what the gateway said went wrong, and the request's id", async () => {
    const detail = "wrong: limit";
    answer = {
      status: 422,
      body: { title: "The request does not fit", status: 422, detail, request_id: "6f1c0c7d" },
    };
    await show();
    const alert = await screen.findByRole("alert", {}, SOON);
    expect(alert.textContent).toContain(detail);
    expect(alert.textContent).toContain("6f1c0c7d");
  });

  it("is never silent about a lost connection: it says so, and how old its data is", async () => {
    answer.body = { items: [miner()], next: null };
    await show();
    const { visit, id } = await joined();
    const ts = new Date(Date.now() - 12_000).toISOString();
    visit.send({ type: "snapshot", id, status: [row({ ts })], more: false, cursor: "1" });
    expect(await screen.findByText(/^Live · 1[23] s$/, {}, SOON)).toBeDefined();
    const { port } = gateway;
    await gateway.stop();
    expect(await screen.findByText(/^Reconnecting… data is 1\d s old$/, {}, SOON)).toBeDefined();
    await rowOf("m1");
    gateway = await TestGateway.start(port);
  });

  it("speaks Chinese when asked to", async () => {
    answer.body = { items: [miner()], next: null };
    await show();
    await rowOf("m1");
    await i18next.changeLanguage("zh");
    expect(await screen.findByRole("heading", { name: "矿机" })).toBeDefined();
    expect(screen.getByRole("columnheader", { name: "算力板" })).toBeDefined();
    expect(document.documentElement.lang).toBe("zh-CN");
  });

  it("sorts by a column's head, and says so to those who cannot see", async () => {
    answer.body = {
      items: [miner({ miner_id: "m1", power_w: 10 }), miner({ miner_id: "m2", power_w: 20 })],
      next: null,
    };
    await show();
    await rowOf("m1");
    const head = screen.getByRole("columnheader", { name: "Power" });
    expect(head.getAttribute("aria-sort")).toBe("none");
    await userEvent.click(within(head).getByRole("button"));
    expect(head.getAttribute("aria-sort")).toBe("descending");
    const links = screen.getAllByRole("link", { name: /^m\d$/ }).filter((link) => link.closest('[role="row"]'));
    expect(links.map((link) => link.textContent)).toEqual(["m2", "m1"]);
  });
});

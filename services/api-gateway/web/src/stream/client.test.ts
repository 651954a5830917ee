import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { TestGateway, until } from "../testing/gateway";
import { at, NOON, row } from "../testing/rows";
import { StreamClient, type Handler } from "./client";
import type { Payload } from "./messages";

class Taker implements Handler {
  snapshots: { payload: Payload; first: boolean; last: boolean }[] = [];
  changed: Payload[] = [];

  snapshot(payload: Payload, part: { first: boolean; last: boolean }): void {
    this.snapshots.push({ payload, ...part });
  }

  changes(payload: Payload): void {
    this.changed.push(payload);
  }
}

let gateway: TestGateway;
let client: StreamClient;
let frames: (() => void)[];

/** Draw what waits, as a frame would. */
function draw(): void {
  for (const frame of frames.splice(0)) frame();
}

function makeClient(url: string, options: { now?: () => number } = {}): StreamClient {
  // chance 0: the shortest wait
  return new StreamClient({ url, schedule: (frame) => frames.push(frame), chance: () => 0, ...options });
}

beforeEach(async () => {
  frames = [];
  gateway = await TestGateway.start();
  client = makeClient(gateway.url);
});

afterEach(async () => {
  client.stop();
  await gateway.stop();
});

async function live(taker: Taker) {
  client.subscribe({ kinds: ["status", "gap"] }, taker);
  client.start();
  const visit = await gateway.visit(0);
  visit.hello();
  const { id } = await visit.subscription();
  return { visit, id };
}

async function drawnWhen(what: string, found: () => boolean): Promise<void> {
  await until(what, () => {
    draw();
    return found();
  });
}

describe("a stream", () => {
  it("subscribes after hello and hands a snapshot on in its parts", async () => {
    const taker = new Taker();
    const { visit, id } = await live(taker);
    visit.send({ type: "snapshot", id, status: [row()], more: true });
    visit.send({ type: "snapshot", id, status: [row({ miner_id: "m2" })], more: false, cursor: "c" });
    await drawnWhen("both parts", () => taker.snapshots.length === 2);
    expect(taker.snapshots.map(({ first, last }) => [first, last])).toEqual([
      [true, false],
      [false, true],
    ]);
    expect(client.getState().phase).toBe("live");
    expect(client.getState().dataAt).toBe(Date.parse(at(0)));
  });

  it("makes the changes between two frames one, the newest of each miner", async () => {
    const taker = new Taker();
    const { visit, id } = await live(taker);
    visit.send({ type: "changes", id, cursor: "1", status: [row({ ts: at(1), hashrate_hs: 1 })] });
    visit.send({ type: "changes", id, cursor: "2", status: [row({ ts: at(3), hashrate_hs: 3 })] });
    visit.send({ type: "changes", id, cursor: "3", status: [row({ ts: at(2), hashrate_hs: 2 })] });
    visit.send({ type: "pong", server_at: at(0) });
    await until("the pong, after all three", () => Math.abs(client.getState().clockOffset) > 1_000);
    expect(taker.changed).toEqual([]);
    draw();
    expect(taker.changed).toHaveLength(1);
    expect(taker.changed[0]?.status?.map((each) => each.hashrate_hs)).toEqual([3]);
  });

  it("comes back after a restart and resumes where it has drawn, not where it has heard", async () => {
    const taker = new Taker();
    const { visit, id } = await live(taker);
    visit.send({ type: "snapshot", id, status: [row()], more: false, cursor: "drawn" });
    await drawnWhen("the snapshot", () => taker.snapshots.length === 1);
    visit.send({ type: "changes", id, cursor: "heard", status: [row({ ts: at(9) })] });
    await until("a frame to wait", () => frames.length > 0);
    visit.close(1001);
    const again = await gateway.visit(1);
    expect(client.getState().reason).toBe("restart");
    expect(client.getState().dataAt).toBe(Date.parse(at(0)));
    again.hello();
    expect(await again.subscription()).toMatchObject({ id, cursor: "drawn" });
    draw();
    expect(taker.changed).toEqual([]);
    again.send({ type: "resumed", id, cursor: "drawn" });
    again.send({ type: "changes", id, cursor: "later", status: [row({ ts: at(9) })] });
    await drawnWhen("what was missed", () => taker.changed.length === 1);
    expect(client.getState()).toMatchObject({ phase: "live", reason: null });
  });

  it("forgets its cursor at a reset and takes the snapshot that follows as a new beginning", async () => {
    const taker = new Taker();
    const { visit, id } = await live(taker);
    visit.send({ type: "snapshot", id, status: [row()], more: true });
    await drawnWhen("half a snapshot", () => taker.snapshots.length === 1);
    visit.vanish();
    const again = await gateway.visit(1);
    again.hello();
    expect((await again.subscription()).cursor).toBeUndefined();
    again.send({ type: "reset", id, reason: "another life" });
    again.send({ type: "snapshot", id, status: [], more: false, cursor: "new" });
    await drawnWhen("the new snapshot", () => taker.snapshots.length === 2);
    expect(taker.snapshots[1]).toMatchObject({ first: true, last: true });
  });

  it("does not come back with a cursor that was reset, though no snapshot was drawn since", async () => {
    const taker = new Taker();
    const { visit, id } = await live(taker);
    visit.send({ type: "snapshot", id, status: [row()], more: false, cursor: "old" });
    await drawnWhen("the snapshot", () => taker.snapshots.length === 1);
    visit.send({ type: "reset", id, reason: "too old" });
    visit.send({ type: "pong", server_at: at(0) });
    await until("the pong, after the reset", () => Math.abs(client.getState().clockOffset) > 1_000);
    visit.vanish();
    const again = await gateway.visit(1);
    again.hello();
    expect((await again.subscription()).cursor).toBeUndefined();
  });

  it("waits longer each time that nothing came, and begins anew once something did", async () => {
    // by a clock that stands still, so that waits are exact
    client = makeClient(gateway.url, { now: () => NOON });
    const taker = new Taker();
    client.subscribe({ kinds: ["status"] }, taker);
    client.start();
    const waitAfter = async (visits: number, says: "nothing" | "heartbeat" | "snapshot"): Promise<number> => {
      const visit = await gateway.visit(visits);
      visit.hello();
      await until("to be live", () => client.getState().phase === "live");
      if (says === "heartbeat") {
        visit.send({ type: "heartbeat", server_at: at(5), data_at: null });
        await until("the heartbeat", () => client.getState().clockOffset === 5_000);
      }
      if (says === "snapshot") {
        const { id } = await visit.subscription();
        visit.send({ type: "snapshot", id, status: [row()], more: false, cursor: "1" });
        await drawnWhen("the snapshot", () => taker.snapshots.length === 1);
      }
      visit.vanish();
      await until("to wait", () => client.getState().phase === "waiting");
      return (client.getState().retryAt ?? 0) - NOON;
    };
    const first = await waitAfter(0, "nothing");
    expect(await waitAfter(1, "nothing")).toBe(2 * first);
    expect(await waitAfter(2, "heartbeat")).toBe(first);
    expect(await waitAfter(3, "nothing")).toBe(2 * first);
    expect(await waitAfter(4, "snapshot")).toBe(first);
  });

  it("never takes its data for older than they were", async () => {
    const { visit } = await live(new Taker());
    visit.send({ type: "heartbeat", server_at: at(0), data_at: at(9) });
    visit.send({ type: "heartbeat", server_at: at(-60), data_at: at(5) });
    await until("both", () => client.getState().dataAt !== null && client.getState().clockOffset < NOON - Date.now() - 30_000);
    expect(client.getState().dataAt).toBe(Date.parse(at(9)));
  });

  it("tries at once when nudged, however long it would have waited", async () => {
    client.start();
    const visit = await gateway.visit(0);
    visit.hello();
    visit.close(4429);
    await until("to wait", () => client.getState().phase === "waiting");
    expect(client.getState().retryAt).toBeGreaterThan(Date.now() + 4_000);
    client.nudge();
    (await gateway.visit(1)).hello();
    await until("to be live", () => client.getState().phase === "live");
  });

  it("asks for a sign of life when nudged while live", async () => {
    const { visit } = await live(new Taker());
    client.nudge();
    await until("the ping", () => visit.said.some((said) => said.type === "ping"));
  });

  it("once stopped it does not come back", async () => {
    client.start();
    const visit = await gateway.visit(0);
    visit.hello();
    visit.vanish();
    await until("to wait", () => client.getState().phase === "waiting");
    const { retryAt } = client.getState();
    client.stop();
    await until("the next attempt's time to pass", () => Date.now() > (retryAt ?? 0) + 100);
    expect(gateway.visits).toHaveLength(1);
    expect(client.getState().phase).toBe("waiting");
  });

  it("takes a line for dead that says nothing for some heartbeats", async () => {
    client.start();
    const visit = await gateway.visit(0);
    visit.hello(0.04);
    await until("the end", () => client.getState().reason === "silent");
    // that the line which was given up ends, too, is no news
    const reasons = new Set<string | null>();
    client.onState(() => reasons.add(client.getState().reason));
    const again = await gateway.visit(1);
    again.hello();
    await until("to be live", () => client.getState().phase === "live");
    expect([...reasons]).not.toContain("unreachable");
  });

  it("keeps trying while nobody listens, and says how old its data is meanwhile", async () => {
    const { port } = gateway;
    const taker = new Taker();
    const { visit, id } = await live(taker);
    visit.send({ type: "heartbeat", server_at: at(0), data_at: at(-4) });
    await until("its age", () => client.getState().dataAt === Date.parse(at(-4)));
    await gateway.stop();
    await until("to wait", () => client.getState().phase === "waiting");
    expect(client.getState()).toMatchObject({ reason: "unreachable", dataAt: Date.parse(at(-4)) });
    gateway = await TestGateway.start(port);
    client.nudge();
    const again = await gateway.visit(0);
    again.hello();
    expect((await again.subscription()).id).toBe(id);
  });

  it.each([
    [4408, "silent"],
    [4413, "slow"],
    [4429, "too_much"],
    [4400, "refused"],
    [4503, "no_source"],
  ])("knows what %d means", async (code, reason) => {
    client.start();
    const visit = await gateway.visit(0);
    visit.hello();
    visit.close(code);
    await until("the reason", () => client.getState().reason === reason);
    expect(client.getState().retryAt).toBeGreaterThan(Date.now());
  });

  it("shows a problem and outlives what it does not understand", async () => {
    const taker = new Taker();
    const { visit, id } = await live(taker);
    for (const bad of ["no json", "[]", { type: "tomorrow" }, { type: "changes", id }, "null"]) {
      visit.send(bad);
    }
    visit.send({ type: "problem", kind: "unknown_kind", detail: "no kind weather", id });
    await until("the problem", () => client.getState().problem === "no kind weather");
    expect(client.getState().phase).toBe("live");
    expect(taker.changed).toEqual([]);
  });

  it("subscribes at once while live, and ends what is not wanted any more", async () => {
    const { visit } = await live(new Taker());
    const late = new Taker();
    const end = client.subscribe({ kinds: ["reading"], miners: ["m1"] }, late);
    const asked = await visit.subscription(1);
    expect(asked).toMatchObject({ kinds: ["reading"], miners: ["m1"] });
    visit.send({ type: "changes", id: asked.id, cursor: "1", reading: [row()] });
    await until("a frame", () => frames.length > 0);
    end();
    draw();
    expect(late.changed).toEqual([]);
    await until("the farewell", () =>
      visit.said.some((said) => said.type === "unsubscribe" && said.id === asked.id),
    );
  });

  it("counts what newer readings overtook", async () => {
    const { visit, id } = await live(new Taker());
    visit.send({ type: "changes", id, cursor: "1", status: [row()], coalesced: 7 });
    visit.send({ type: "changes", id, cursor: "2", status: [row()], coalesced: 2 });
    await until("both", () => client.getState().coalesced === 9);
  });
});

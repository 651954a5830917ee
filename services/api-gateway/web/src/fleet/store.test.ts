import { beforeEach, describe, expect, it } from "vitest";

import type { MinerItem } from "../api/types";
import { at, gap, NOON, row } from "../testing/rows";
import { FleetStore } from "./store";
import { addUp } from "./totals";

function item(change: Partial<MinerItem> = {}): MinerItem {
  return { ...row(), address: "10.0.0.1:80", slot: 1, interval_s: null, ...change };
}

let store: FleetStore;
beforeEach(() => {
  store = new FleetStore();
});
const miner = (id = "m1") => store.getSnapshot().miners.find((each) => each.miner_id === id);
const whole = { first: true, last: true };

describe("the fleet", () => {
  it("knows the inventory's facts and the stream's figures, whichever comes first", () => {
    store.takeSnapshot({ status: [row({ ts: at(5), hashrate_hs: 5 })] }, whole);
    store.takeInventory([item({ ts: at(0), hashrate_hs: 1 })], NOON);
    expect(miner()).toMatchObject({ hashrate_hs: 5, address: "10.0.0.1:80", ts: at(5) });
    store.takeChanges({ status: [row({ ts: at(9), hashrate_hs: 9 })] });
    expect(miner()).toMatchObject({ hashrate_hs: 9, address: "10.0.0.1:80" });
  });

  it("never goes back in time, as when a change comes twice", () => {
    store.takeChanges({ status: [row({ ts: at(9), hashrate_hs: 9 })] });
    store.takeChanges({ status: [row({ ts: at(5), hashrate_hs: 5 })] });
    expect(miner()?.hashrate_hs).toBe(9);
  });

  it("lets figures go that the newest reading does not say", () => {
    store.takeChanges({ status: [row({ ts: at(0), power_w: 3_000, fan_rpm: [4_000] })] });
    store.takeInventory([item({ power_w: 3_000, fan_rpm: [4_000] })], NOON);
    store.takeChanges({
      status: [{ miner_id: "m1", site_id: "site-a", ts: at(5), status: "offline" }],
    });
    expect(miner()?.power_w).toBeUndefined();
    expect(miner()?.fan_rpm).toBeUndefined();
    expect(miner()?.algorithm).toBe("scrypt");
  });

  it("marks a status that changed before our eyes, and only such", () => {
    store.takeChanges({ status: [row({ ts: at(0) })] });
    expect(miner()?.changedAt).toBeUndefined();
    store.takeChanges({ status: [row({ ts: at(5), status: "failure" })] });
    expect(miner()?.changedAt).toBe(at(5));
    store.takeChanges({ status: [row({ ts: at(9), status: "failure" })] });
    expect(miner()?.changedAt).toBe(at(5));
  });

  it("drops who left the inventory, and keeps who came since it was asked", () => {
    store.takeChanges({ status: [row({ miner_id: "left" }), row({ miner_id: "new", ts: at(60) })] });
    store.takeInventory([item()], NOON + 30_000);
    expect(miner("left")).toBeUndefined();
    expect(miner("new")).toBeDefined();
    expect(miner("m1")).toBeDefined();
  });

  it("keeps who was removed away though the stream still tells of them, and shows them when they come back", () => {
    store.takeInventory([item()], NOON + 30_000);
    const told = { status: [row(), row({ miner_id: "left" })], gap: [gap({ subject: "left" })] };
    store.takeSnapshot(told, whole);
    expect(store.getSnapshot().miners.map((each) => each.miner_id)).toEqual(["m1"]);
    expect(store.getSnapshot().gaps).toEqual([]);
    store.takeInventory([item(), item({ miner_id: "left" })], NOON + 60_000);
    expect(miner("left")).toBeDefined();
    expect(store.getSnapshot().gaps).toHaveLength(1);
  });

  it("holds a reading for stale after five minutes, or three of the miner's own intervals", () => {
    store.takeInventory([item(), item({ miner_id: "slow", interval_s: 600 })], NOON);
    const standings = (seconds: number) => addUp(store.getSnapshot().miners, NOON + seconds * 1_000).standings;
    expect(standings(299).get("stale")).toBeUndefined();
    expect(standings(301).get("stale")).toBe(1);
    store.takeChanges({ status: [row({ miner_id: "slow", ts: at(1) })] });
    expect(standings(1_799).get("stale")).toBe(1);
    expect(standings(1_802).get("stale")).toBe(2);
  });

  it("counts the open gaps: those that closed while we were away are gone with the snapshot", () => {
    store.takeSnapshot({ gap: [gap({ gap_id: "a" }), gap({ gap_id: "b" })] }, whole);
    store.takeChanges({ gap: [gap({ gap_id: "a", ended_at: at(60) })] });
    expect(store.getSnapshot().gaps.map((each) => each.gap_id)).toEqual(["b"]);
    store.takeSnapshot({ gap: [gap({ gap_id: "c" })] }, { first: true, last: false });
    expect(store.getSnapshot().gaps).toHaveLength(2);
    store.takeSnapshot({}, { first: false, last: true });
    expect(store.getSnapshot().gaps.map((each) => each.gap_id)).toEqual(["c"]);
  });
});

describe("the fleet's figures", () => {
  it("are a share of what all miners should make, also of those that are dark or not heard of", () => {
    store.takeInventory(
      [
        item({ miner_id: "dark", status: "offline", hashrate_hs: null, hashrate_expected_hs: null, hashrate_nominal_hs: 20e9 }),
        item({ miner_id: "new", status: "unknown", ts: null, hashrate_hs: null, hashrate_expected_hs: null }),
        item({ miner_id: "old", ts: at(-3_600), hashrate_hs: 20e9, hashrate_expected_hs: 20e9 }),
      ],
      NOON,
    );
    const says = { hashrate_hs: 20e9, hashrate_expected_hs: 20e9 };
    const silent = { status: "offline", hashrate_hs: null, hashrate_expected_hs: null } as const;
    store.takeChanges({ status: [row({ miner_id: "well", ...says })] });
    store.takeChanges({ status: [row({ miner_id: "dies", ts: at(-60), ...says })] });
    store.takeChanges({ status: [row({ miner_id: "dies", ...silent })] });
    store.takeChanges({ status: [row({ miner_id: "dark", ...silent })] });
    const [scrypt] = addUp(store.getSnapshot().miners, NOON).algorithms;
    expect(scrypt).toMatchObject({ hashrateHs: 20e9, miners: 5, nominals: 4, share: 0.25 });
  });

  it("add hashrates of one algorithm only, and only what is fresh and said", () => {
    const totals = addUp(
      [
        row({ miner_id: "a", hashrate_hs: 16e9, hashrate_expected_hs: 20e9 }),
        row({ miner_id: "b", hashrate_hs: 4e9, hashrate_expected_hs: null, power_w: null }),
        row({ miner_id: "c", algorithm: "sha256d", hashrate_hs: 200e12, hashrate_expected_hs: 200e12, chip_temp_max_c: 80 }),
        row({ miner_id: "old", ts: at(-3_600), chip_temp_max_c: 120 }),
        { ...row({ miner_id: "never", status: "unknown", hashrate_expected_hs: null }), ts: null },
      ],
      NOON,
    );
    expect(totals).toMatchObject({ miners: 5, hashing: 3, powerW: 6_720, powerSaid: 2 });
    expect(totals.hottest).toEqual({ minerId: "c", celsius: 80 });
    expect(totals.algorithms.map(({ algorithm, hashrateHs, share }) => [algorithm, hashrateHs, share])).toEqual([
      ["scrypt", 20e9, 16 / 36],
      ["sha256d", 200e12, 1],
    ]);
    expect(Object.fromEntries(totals.standings)).toEqual({ mining: 3, stale: 1, unknown: 1 });
  });
});

import { describe, expect, it } from "vitest";

import { alert, at, NOON, row } from "../testing/rows";
import { formatView, parseView, pressed, toggled } from "./address";
import { withAlerts } from "./attention";
import type { Miner } from "./miner";
import { filterMiners, NO_FILTER, sortMiners, STANDINGS, type Sorting } from "./order";

const ids = (miners: readonly Miner[]) => miners.map((miner) => miner.miner_id);

function sorted(miners: Miner[], key: Sorting["key"], descending = false): string[] {
  return ids(sortMiners(miners, { key, descending }, NOON));
}

describe("the order of miners", () => {
  it("counts as people do", () => {
    const miners = ["m10", "m9", "M2", "m1"].map((miner_id) => row({ miner_id }));
    expect(sorted(miners, "miner_id")).toEqual(["m1", "M2", "m9", "m10"]);
    expect(sorted(miners, "miner_id", true)).toEqual(["m10", "m9", "M2", "m1"]);
  });

  it("puts what is not said last in either direction, and zero is said", () => {
    const miners = [
      row({ miner_id: "silent", power_w: null }),
      row({ miner_id: "zero", power_w: 0 }),
      row({ miner_id: "much", power_w: 3_000 }),
    ];
    expect(sorted(miners, "power")).toEqual(["zero", "much", "silent"]);
    expect(sorted(miners, "power", true)).toEqual(["much", "zero", "silent"]);
  });

  it("puts what needs somebody first, and a reading that is too old before all that is well", () => {
    const miners = [
      row({ miner_id: "well" }),
      row({ miner_id: "old", ts: at(-3_600) }),
      row({ miner_id: "gone", status: "offline" }),
      row({ miner_id: "broken", status: "failure" }),
    ];
    expect(sorted(miners, "status")).toEqual(["broken", "gone", "old", "well"]);
  });

  it("goes by id where values are equal, so that rows do not dance", () => {
    const miners = ["c", "a", "b"].map((miner_id) => row({ miner_id, chip_temp_max_c: 70 }));
    expect(sorted(miners, "chip_temp")).toEqual(["a", "b", "c"]);
    expect(sorted(miners, "chip_temp", true)).toEqual(["a", "b", "c"]);
  });

  it("is that of 10,000 miners, too", () => {
    const miners = Array.from({ length: 10_000 }, (_, n) => row({ miner_id: `m${n}` }));
    expect(sortMiners(miners, { key: "miner_id", descending: true }, NOON)[0]?.miner_id).toBe("m9999");
  });
});

describe("the filter", () => {
  const miners: Miner[] = [
    { ...row({ miner_id: "a1", worker: "Alpha" }), address: "10.0.0.1:80" },
    row({ miner_id: "b1", site_id: "site-b", algorithm: "sha256d", model: "Antminer S21" }),
    row({ miner_id: "c1", status: "offline", algorithm: null }),
    row({ miner_id: "d1", ts: at(-3_600) }),
  ];
  const found = (change: Partial<typeof NO_FILTER>) =>
    ids(filterMiners(miners, { ...NO_FILTER, ...change }, NOON));

  it("lets all through while nothing is asked", () => {
    expect(found({})).toEqual(["a1", "b1", "c1", "d1"]);
  });

  it("finds every word anywhere, in any case", () => {
    expect(found({ text: "ALPHA 10.0" })).toEqual(["a1"]);
    expect(found({ text: " s21 " })).toEqual(["b1"]);
    expect(found({ text: "alpha s21" })).toEqual([]);
  });

  it("takes an old reading for stale, not for what it says", () => {
    expect(found({ standings: new Set(["mining"]) })).toEqual(["a1", "b1"]);
    expect(found({ standings: new Set(["stale", "offline"]) })).toEqual(["c1", "d1"]);
  });

  it("joins its parts", () => {
    expect(found({ sites: new Set(["site-b"]), algorithms: new Set(["scrypt"]) })).toEqual([]);
    expect(found({ algorithms: new Set(["unknown"]) })).toEqual(["c1"]);
  });

  it("leaves those that need somebody, also some that mine", () => {
    const unwell: Miner[] = [
      row({ miner_id: "well", fan_rpm: [4_000, 4_100], boards_total: 3, boards_healthy: 3 }),
      row({ miner_id: "fan", fan_rpm: [4_000, 0] }),
      row({ miner_id: "board", boards_total: 3, boards_healthy: 2 }),
      row({ miner_id: "hot", chip_temp_max_c: 97 }),
      row({ miner_id: "weak", hashrate_hs: 12e9 }),
      row({ miner_id: "strange", anomaly_score: 0.9 }),
      row({ miner_id: "unclear", hashrate_hs: null, quality_flags: ["unit_disputed"] }),
      row({ miner_id: "mute", hashrate_hs: null, quality_flags: ["endpoint_missing"] }),
      row({ miner_id: "resting", status: "stopped", fan_rpm: [0, 0], hashrate_hs: 0 }),
      row({ miner_id: "gone", status: "offline" }),
    ];
    expect(ids(filterMiners(unwell, { ...NO_FILTER, attention: true }, NOON))).toEqual([
      "fan", "board", "hot", "weak", "strange", "unclear", "gone",
    ]);
  });
});

it("a miner that an alert fires about needs somebody, one that only informs none", () => {
  const miners = [row({ miner_id: "m1" }), row({ miner_id: "m2" }), row({ miner_id: "m3" })];
  const firing = [
    alert({ alert_id: "a", miner_id: "m2" }),
    alert({ alert_id: "b", miner_id: "m3", severity: "info" }),
    alert({ alert_id: "c", miner_id: null }),
  ];
  const found = filterMiners(withAlerts(miners, firing), { ...NO_FILTER, attention: true }, NOON);
  expect(ids(found)).toEqual(["m2"]);
  expect(withAlerts(miners, [])).toBe(miners);
});

describe("a view in an address", () => {
  it("comes back as it was", () => {
    const view = {
      filter: {
        text: "s21 a&b",
        attention: true,
        standings: new Set(STANDINGS.slice(0, 2)),
        sites: new Set(["site-a", "site-b"]),
        algorithms: new Set(["scrypt"]),
      },
      sorting: { key: "hashrate", descending: true } as const,
    };
    expect(parseView(new URLSearchParams(formatView(view).toString()))).toEqual(view);
  });

  it("is empty for what is usual, and wrong words are as if not said", () => {
    const usual = parseView(new URLSearchParams("status=lunar&sort=-moon"));
    expect(usual.filter).toEqual(NO_FILTER);
    expect(formatView(usual).toString()).toBe("");
  });
});

it("a column's head sorts large first where large matters, then the other way round", () => {
  const first = pressed({ key: "miner_id", descending: false }, "hashrate");
  expect(first).toEqual({ key: "hashrate", descending: true });
  expect(pressed(first, "hashrate")).toEqual({ key: "hashrate", descending: false });
  expect(pressed(first, "site_id")).toEqual({ key: "site_id", descending: false });
});

it("a value is put into a set, and taken out again", () => {
  const once = toggled(new Set<string>(), "a");
  expect([...once]).toEqual(["a"]);
  expect([...toggled(once, "a")]).toEqual([]);
});

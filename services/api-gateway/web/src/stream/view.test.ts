import { expect, it } from "vitest";

import { NOON } from "../testing/rows";
import type { ConnectionState } from "./client";
import { viewConnection } from "./view";

const state: ConnectionState = {
  phase: "live",
  reason: null,
  retryAt: null,
  dataAt: NOON,
  clockOffset: 0,
  problem: null,
  coalesced: 0,
};

it.each([
  ["live while data is fresh", {}, 2_000, "live", 2_000],
  ["behind when data hangs behind the gateway", {}, 120_000, "behind", 120_000],
  ["live before any data came", { dataAt: null }, 0, "live", null],
  ["connecting at first", { phase: "connecting", dataAt: null } as const, 0, "connecting", null],
  ["reconnecting, and how old data is", { phase: "waiting", reason: "restart" } as const, 12_000, "reconnecting", 12_000],
  ["still reconnecting at the next attempt", { phase: "connecting", reason: "restart" } as const, 12_000, "reconnecting", 12_000],
  ["not of the future where clocks differ", {}, -500, "live", 0],
] as const)("is %s", (_, change, later, condition, ageMs) => {
  expect(viewConnection({ ...state, ...change }, NOON + later)).toEqual({ condition, ageMs });
});

import { describe, expect, it } from "vitest";

import {
  digitsAfterPoint,
  scaleBytes,
  scaleEfficiency,
  scaleHashrate,
  scalePower,
} from "./scale";

describe("a hashrate's unit", () => {
  it.each([
    [16.02e9, "scrypt", 16.02, "GH/s"],
    [0.4e9, "scrypt", 0.4, "GH/s"],
    [352e9, "scrypt", 352, "GH/s"],
    [160e12, "scrypt", 160, "TH/s"],
    [234e12, "sha256d", 234, "TH/s"],
    [9_999e12, "sha256d", 9_999, "TH/s"],
    [10_000e12, "sha256d", 10, "PH/s"],
    [23e18, "sha256d", 23, "EH/s"],
    [420e6, "unknown", 420, "MH/s"],
  ])("%d H/s of %s is %d %s", (hs, algorithm, value, unit) => {
    const scaled = scaleHashrate(hs, algorithm);
    expect(scaled.unit).toBe(unit);
    expect(scaled.value).toBeCloseTo(value, 9);
  });

  it("stays a miner's own unit at standstill", () => {
    expect(scaleHashrate(0, "sha256d")).toEqual({ value: 0, unit: "TH/s" });
    expect(scaleHashrate(0, "unknown")).toEqual({ value: 0, unit: "H/s" });
  });
});

describe("an efficiency's unit", () => {
  it("is J/TH for sha256d", () => {
    expect(scaleEfficiency(15, "sha256d")).toEqual({ value: 15, unit: "J/TH" });
  });

  it("is J/GH for scrypt: watts over the GH/s that stand beside it", () => {
    const jPerTh = 3360 / (16.02e9 / 1e12);
    const scaled = scaleEfficiency(jPerTh, "scrypt");
    expect(scaled.unit).toBe("J/GH");
    expect(scaled.value).toBeCloseTo(3360 / 16.02, 9);
  });
});

describe("power and memory", () => {
  it("climb as they grow", () => {
    expect(scalePower(3360)).toEqual({ value: 3360, unit: "W" });
    expect(scalePower(73_920)).toEqual({ value: 73.92, unit: "kW" });
    expect(scalePower(35_000_000)).toEqual({ value: 35, unit: "MW" });
    expect(scaleBytes(150 * 1024 ** 2)).toEqual({ value: 150, unit: "MiB" });
    expect(scaleBytes(0)).toEqual({ value: 0, unit: "B" });
  });
});

it("about three digits count", () => {
  expect([0, 1.234, 12.34, 123.4, -45].map(digitsAfterPoint)).toEqual([0, 2, 1, 0, 1]);
});

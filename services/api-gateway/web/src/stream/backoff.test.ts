import { expect, it } from "vitest";

import { delayMs, reasonOf } from "./backoff";

it("waits twice as long each time, up to fifteen seconds", () => {
  const waits = [0, 1, 2, 3, 4, 5, 50].map((attempt) => delayMs("unreachable", attempt, 1));
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
});

it("leaves half of the wait to chance", () => {
  expect(delayMs("restart", 2, 0)).toBe(1_000);
  expect(delayMs("restart", 2, 0.5)).toBe(1_500);
});

it("is patient where trying again soon would only repeat what was wrong", () => {
  expect(delayMs("refused", 0, 1)).toBe(30_000);
  expect(delayMs("too_much", 0, 0)).toBe(15_000);
});

it("takes a code that it does not know for nobody there", () => {
  expect(reasonOf(1006)).toBe("unreachable");
  expect(reasonOf(1001)).toBe("restart");
});

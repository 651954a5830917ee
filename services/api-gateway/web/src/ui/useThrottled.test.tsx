// @vitest-environment jsdom
import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { useThrottled } from "./useThrottled";

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function throttled(ms: number) {
  const hook = renderHook(({ value }) => useThrottled(value, ms), { initialProps: { value: 0 } });
  return {
    shown: () => hook.result.current,
    change: (value: number) => hook.rerender({ value }),
    pass: (time: number) => {
      act(() => {
        vi.advanceTimersByTime(time);
      });
    },
  };
}

it("a value that never rests is drawn at its interval, and no change begins the wait anew", () => {
  const { shown, change, pass } = throttled(100);
  const waits = vi.spyOn(globalThis, "setTimeout");
  const seen = new Set<number>();
  for (let value = 1; value <= 100; value += 1) {
    change(value);
    // nothing may come due between two changes that come at once
    if (value % 2 === 0) pass(10);
    seen.add(shown());
  }
  // half a second: each 100 ms one, and the first
  expect(seen.size).toBeGreaterThanOrEqual(5);
  expect(seen.size).toBeLessThanOrEqual(7);
  expect(waits.mock.calls.length).toBeLessThanOrEqual(7);
});

it("a clock that is set back by an hour stops nothing", () => {
  const { shown, change, pass } = throttled(100);
  change(1);
  pass(0);
  vi.setSystemTime(Date.now() - 3_600_000);
  change(2);
  pass(100);
  expect(shown()).toBe(2);
});

it("the first change is not kept waiting by those on its heels", () => {
  const { shown, change, pass } = throttled(100);
  change(1);
  pass(0);
  expect(shown()).toBe(1);
});

it("the last value always comes, and no sooner than its interval", () => {
  const { shown, change, pass } = throttled(100);
  change(1);
  pass(0);
  change(2);
  change(3);
  pass(99);
  expect(shown()).toBe(1);
  pass(1);
  expect(shown()).toBe(3);
});

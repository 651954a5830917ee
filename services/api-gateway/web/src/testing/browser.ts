/** What a browser has and jsdom lacks: a size, media, and fetch by paths. */

import { vi } from "vitest";

class NoObserver implements ResizeObserver {
  observe(): void {
    return undefined;
  }

  unobserve(): void {
    return undefined;
  }

  disconnect(): void {
    return undefined;
  }
}

/**
 * @param origin - of the gateway that paths lead to
 */
export function setUpBrowser(origin: string): void {
  vi.stubGlobal("ResizeObserver", NoObserver);
  vi.stubGlobal("matchMedia", (query: string) => ({
    matches: query.includes("min-width"),
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));
  // what is in sight is reckoned from sizes, which jsdom does not have
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(1_200);
  const real = globalThis.fetch;
  vi.stubGlobal("fetch", (path: string) => real(new URL(path, origin)));
}

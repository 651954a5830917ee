/** What a browser has and jsdom lacks: a size, media, canvases, and fetch by paths. */

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

class NoPath {
  moveTo(): void {
    return undefined;
  }

  lineTo(): void {
    return undefined;
  }

  rect(): void {
    return undefined;
  }

  arc(): void {
    return undefined;
  }

  closePath(): void {
    return undefined;
  }
}

/** A canvas's context that takes every call and draws nothing. */
function blankContext(canvas: HTMLCanvasElement): object {
  return new Proxy<Record<string | symbol, unknown>>(
    { canvas },
    {
      get: (kept, name) => (name in kept ? kept[name] : () => ({ width: 20 })),
      set: (kept, name, value) => {
        kept[name] = value;
        return true;
      },
    },
  );
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
  const getContext = function (this: HTMLCanvasElement) {
    return blankContext(this) as CanvasRenderingContext2D;
  };
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(getContext as never);
  vi.stubGlobal("Path2D", NoPath);
  const real = globalThis.fetch;
  vi.stubGlobal("fetch", (path: string) => real(new URL(path, origin)));
}

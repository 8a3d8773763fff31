import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { isLostAsset, reloadOnce } from "./lost_assets";

const assign = vi.fn<(address: string) => void>();

beforeEach(() => {
  sessionStorage.clear();
  assign.mockReset();
  vi.stubGlobal("location", { assign });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a page whose code is gone", () => {
  it.each([
    "Failed to fetch dynamically imported module: http://x/a.js",
    "error loading dynamically imported module: http://x/a.js",
    "Importing a module script failed.",
    "Unable to preload CSS for /a.css",
  ])("is told by %s", (message) => {
    expect(isLostAsset(new TypeError(message))).toBe(true);
    expect(isLostAsset(new TypeError("x is not a function"))).toBe(false);
  });

  it("is loaded again once, and not in a loop", () => {
    expect(reloadOnce("/tasks", 100_000)).toBe(true);
    expect(reloadOnce("/tasks", 101_000)).toBe(false);
    expect(reloadOnce("/tasks", 200_000)).toBe(true);
    expect(assign).toHaveBeenCalledTimes(2);
  });

  it("is not loaded again where nothing can be remembered", () => {
    vi.stubGlobal("sessionStorage", {
      getItem: () => {
        throw new Error("refused");
      },
    });
    expect(reloadOnce("/tasks")).toBe(false);
  });
});

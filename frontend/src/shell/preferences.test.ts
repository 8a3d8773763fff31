import { createPinia, setActivePinia } from "pinia";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import * as core from "@/api/core";
import { ApiError } from "@/api/errors";

import { usePreferences } from "./preferences";

vi.mock("@/api/core", () => ({ replacePreferences: vi.fn<() => Promise<object>>() }));

let systemChanges: ((event: { matches: boolean }) => void) | null = null;
const page = document.documentElement;

beforeEach(() => {
  localStorage.clear();
  setActivePinia(createPinia());
  vi.stubGlobal("matchMedia", () => ({
    matches: false,
    addEventListener: (_: string, listen: typeof systemChanges) => {
      systemChanges = listen;
    },
  }));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe("preferences", () => {
  it("apply at once, and are there for the next first paint", async () => {
    vi.mocked(core.replacePreferences).mockResolvedValueOnce({} as never);
    const preferences = usePreferences();
    await preferences.set({ theme: "dark", density: "compact", language: "de" });
    expect(page.dataset["theme"]).toBe("dark");
    expect(page.dataset["density"]).toBe("compact");
    expect(page.lang).toBe("de");
    expect(JSON.parse(localStorage.getItem("headrace-preferences") ?? "")).toMatchObject({ theme: "dark", language: "de" });
  });

  it("follow the system while the theme is left to it", () => {
    usePreferences();
    expect(page.dataset["theme"]).toBe("light");
    systemChanges?.({ matches: true });
    expect(page.dataset["theme"]).toBe("dark");
  });

  it("are as before when the account does not keep them", async () => {
    vi.mocked(core.replacePreferences).mockRejectedValueOnce(new ApiError(422, "invalid", "no"));
    const preferences = usePreferences();
    await expect(preferences.set({ theme: "dark" })).rejects.toBeInstanceOf(ApiError);
    expect(preferences.theme).toBe("system");
    expect(page.dataset["theme"]).toBe("light");
  });

  it("hold in this browser while nobody is signed in or nothing answers", async () => {
    for (const error of [new ApiError(401, "x", "y"), new ApiError(0, "unreachable", "y")]) {
      vi.mocked(core.replacePreferences).mockRejectedValueOnce(error);
      await usePreferences().set({ theme: "dark" });
    }
    expect(usePreferences().theme).toBe("dark");
  });

  it.each(["{", "null", "[]", '{"theme": "pink", "time_zone": "Nowhere/Never", "hours": 12}'])(
    "that nobody can read, %s, are the defaults",
    (kept) => {
      localStorage.setItem("headrace-preferences", kept);
      const preferences = usePreferences();
      expect([preferences.theme, preferences.time_zone, preferences.hours, preferences.density]).toEqual([
        "system",
        null,
        null,
        "comfortable",
      ]);
    },
  );
});

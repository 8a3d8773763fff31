import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { toInstant, toLocal } from "./local_time";

const ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"];

describe("a field of a local date and time", () => {
  it("shows an instant in its zone", () => {
    expect(toLocal("2026-03-02T09:15:30Z", "Europe/Berlin")).toBe("2026-03-02T10:15");
    expect(toLocal("2026-07-02T09:15:30Z", "America/New_York")).toBe("2026-07-02T05:15");
    expect(toLocal(null, "UTC")).toBe("");
    expect(toLocal("yesterday", "UTC")).toBe("");
  });

  it("is the instant at which the clocks of its zone show it", () => {
    expect(toInstant("2026-03-02T10:15", "Europe/Berlin")).toBe("2026-03-02T09:15:00.000Z");
    expect(toInstant("", "UTC")).toBeNull();
    expect(toInstant("soon", "UTC")).toBeNull();
  });

  it("is the first of two instants in autumn, and after the skip in spring", () => {
    expect(toInstant("2026-10-25T02:30", "Europe/Berlin")).toBe("2026-10-25T00:30:00.000Z");
    expect(toInstant("2026-03-29T02:30", "Europe/Berlin")).toBe("2026-03-29T01:30:00.000Z");
  });

  it("shows again what was written into it, unless the clocks skip that", () => {
    const minutes = fc.integer({ min: Date.UTC(2020, 0) / 60_000, max: Date.UTC(2035, 0) / 60_000 });
    fc.assert(
      fc.property(minutes, fc.constantFrom(...ZONES), (minute, zone) => {
        const local = toLocal(new Date(minute * 60_000).toISOString(), zone);
        expect(toLocal(toInstant(local, zone), zone)).toBe(local);
      }),
    );
  });
});

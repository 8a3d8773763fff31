import { describe, expect, it } from "vitest";

import { findZones, timeZones } from "./zones";

describe("the time zones", () => {
  it("are found by parts of their names, in any case", () => {
    expect(findZones(timeZones(), "new york")).toContain("America/New_York");
    expect(findZones(timeZones(), "BERLIN")).toEqual(["Europe/Berlin"]);
    expect(findZones(timeZones(), "nowhere")).toEqual([]);
  });

  it("are each there once", () => {
    expect(new Set(timeZones()).size).toBe(timeZones().length);
    expect(timeZones()).toContain("UTC");
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatBytes, formatPercent } from "./numbers";
import { type TimeStyle, formatClock, formatDuration, formatExact, formatRelative } from "./time";

const ENGLISH: TimeStyle = { locale: "en", zone: "UTC", hours: null };
const GERMAN: TimeStyle = { locale: "de", zone: "Europe/Berlin", hours: "24" };
const NOW = Date.parse("2026-03-02T09:15:00Z");

function plain(text: string): string {
  return text.replaceAll("\u00a0", " ");
}

describe("durations", () => {
  it.each([
    [0.0004, "0 ms"],
    [0.004, "4 ms"],
    [0.05, "0.05 s"],
    [0.4, "0.4 s"],
    [9.94, "9.9 s"],
    [9.96, "9 s"],
    [59.9, "59 s"],
    [252, "4 min 12 s"],
    [7500, "2 h 5 min"],
    [273_600, "3 d 4 h"],
  ])("%d s are %s", (seconds, text) => {
    expect(plain(formatDuration(seconds, "en"))).toBe(text);
  });

  it("have a comma in German", () => {
    expect(plain(formatDuration(1.5, "de"))).toBe("1,5 s");
  });

  it("stay in one line", () => {
    expect(formatDuration(252, "en")).not.toContain(" ");
    expect(formatRelative(NOW - 240_000, NOW, ENGLISH)).toBe("4\u00a0min ago");
  });

  it("never name sixty of a unit", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e7, noNaN: true }), (seconds) => !/\b60\s(s|min)\b/.test(formatDuration(seconds, "en"))),
    );
  });

  it("run as a clock whose width stays from one second to the next", () => {
    expect([14, 249, 3765].map(formatClock)).toEqual(["0:14", "4:09", "1:02:45"]);
  });
});

describe("times", () => {
  it.each([
    [0, "now"],
    [1_400, "now"],
    [-14_000, "14 s ago"],
    [-59_000, "59 s ago"],
    [-240_000, "4 min ago"],
    [-7_200_000, "2 h ago"],
    [90_000, "in 1 min"],
    [-86_400_000 * 2, "28 Feb, 09:15"],
  ])("%d ms away is %s", (distance, text) => {
    expect(plain(formatRelative(NOW + distance, NOW, ENGLISH))).toBe(text);
  });

  it("name the year of another year only", () => {
    expect(formatRelative(NOW - 86_400_000 * 90, NOW, ENGLISH)).toContain("2025");
  });

  it("are in the zone and the hours of the user, and in UTC beside it", () => {
    expect(formatRelative(NOW - 86_400_000 * 2, NOW, GERMAN)).toBe("28. Feb., 10:15");
    expect(formatExact(NOW, GERMAN)).toContain("2026-03-02T09:15:00.000Z");
    expect(formatExact(NOW, GERMAN)).toContain("10:15:00");
  });

  it("are never am or pm for a German", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4e12 }),
        (at) => !/[ap]\.?m/i.test(formatExact(at, { ...GERMAN, hours: null }).split("·")[0] ?? ""),
      ),
    );
  });
});

describe("numbers", () => {
  it("say 100 % only when nothing is left, and 0 % only when nothing is done", () => {
    expect(formatPercent(0.999, "en")).toBe("99%");
    expect([formatPercent(0.001, "en"), formatPercent(0.01, "en")]).toEqual(["<1%", "1%"]);
    expect([formatPercent(1, "en"), formatPercent(0, "en")]).toEqual(["100%", "0%"]);
  });

  it("have units", () => {
    expect([0, 999, 1000, 1234567, 5e15].map((bytes) => plain(formatBytes(bytes, "en")))).toEqual([
      "0 B",
      "999 B",
      "1 KB",
      "1.2 MB",
      "5,000 TB",
    ]);
  });
});

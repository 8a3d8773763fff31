import * as fc from "fast-check";
import { expect, test } from "vitest";

import type { Series } from "@/api/member";

import { advanceSeries, roundTop, sumOf } from "./series";

const FROM = Date.parse("2026-03-02T08:16:00Z");
const LAST = FROM + 59 * 60_000;

function series(succeeded: number[], failed: number[] = succeeded.map(() => 0)): Series {
  return { from: "2026-03-02T08:16:00Z", step: 60, succeeded, failed };
}

const numbers = fc.array(fc.nat(1000), { minLength: 60, maxLength: 60 });

test("within the current minute, what ended is added to the last bar", () => {
  const after = advanceSeries(series(Array.from({ length: 60 }, () => 1)), LAST + 59_000, { succeeded: 3, failed: 1 });
  expect(after.from).toBe("2026-03-02T08:16:00Z");
  expect([after.succeeded.at(-2), after.succeeded.at(-1), after.failed.at(-1)]).toEqual([1, 4, 1]);
});

test("in the next minute the bars move by one, and the newest begins", () => {
  const after = advanceSeries(series([9, ...Array.from({ length: 59 }, () => 1)]), LAST + 60_000, { succeeded: 2, failed: 0 });
  expect(Date.parse(after.from)).toBe(FROM + 60_000);
  expect([after.succeeded.at(0), after.succeeded.at(-1)]).toEqual([1, 2]);
});

test("a series that nobody looked at for two hours is empty", () => {
  const after = advanceSeries(series(Array.from({ length: 60 }, () => 7)), LAST + 7_200_000);
  expect(sumOf(after)).toEqual({ succeeded: 0, failed: 0 });
});

test("nothing new leaves the series as it is, the same object", () => {
  const before = series(Array.from({ length: 60 }, () => 1));
  expect(advanceSeries(before, LAST - 3_600_000)).toBe(before);
});

test("there are always as many minutes, the last of which is the present one, and nothing ends that did not", () => {
  fc.assert(
    fc.property(numbers, numbers, fc.integer({ min: -7200, max: 7200 }), fc.nat(50), (succeeded, failed, seconds, more) => {
      const before = series(succeeded, failed);
      const now = LAST + seconds * 1000;
      const after = advanceSeries(before, now, { succeeded: more, failed: 0 });
      expect(after.succeeded).toHaveLength(60);
      expect(after.failed).toHaveLength(60);
      expect((Date.parse(after.from) - FROM) % 60_000).toBe(0);
      const last = Date.parse(after.from) + 59 * 60_000;
      expect(last + 60_000).toBeGreaterThan(now);
      expect(sumOf(after).succeeded).toBeLessThanOrEqual(sumOf(before).succeeded + more);
    }),
  );
});

test("an axis ends above its largest value, with a whole number in its middle", () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), (max) => {
      const top = roundTop(max);
      expect(top).toBeGreaterThanOrEqual(max);
      expect(top).toBeLessThanOrEqual(Math.max(4, max * 2));
      expect(Number.isInteger(top / 2)).toBe(true);
    }),
  );
});

import { array, assert, constantFrom, integer, nat, property } from "fast-check";
import { expect, test } from "vitest";

import type { Series } from "@/api/member";

import { addEnd, advanceSeries, roundTop, sumOf } from "./series";

const FROM = Date.parse("2026-03-02T08:16:00Z");
const LAST = FROM + 59 * 60_000;

function series(succeeded: number[], failed: number[] = succeeded.map(() => 0)): Series {
  return { from: "2026-03-02T08:16:00Z", step: 60, succeeded, failed };
}

function each(value: number): number[] {
  return Array.from({ length: 60 }, () => value);
}

const numbers = array(nat(1000), { minLength: 60, maxLength: 60 });

test("what ended in the current minute is added to the last bar", () => {
  const after = addEnd(addEnd(series(each(1)), LAST + 59_000, "succeeded"), LAST, "failed");
  expect(after.from).toBe("2026-03-02T08:16:00Z");
  expect([after.succeeded.at(-2), after.succeeded.at(-1), after.failed.at(-1)]).toEqual([1, 2, 1]);
});

test("the first end of the next minute moves the bars by one", () => {
  const after = addEnd(series([9, ...each(1).slice(1)]), LAST + 60_000, "succeeded");
  expect(Date.parse(after.from)).toBe(FROM + 60_000);
  expect([after.succeeded.at(0), after.succeeded.at(-1)]).toEqual([1, 1]);
});

test("an end that is told late is added to its own minute, and one from before the first minute to none", () => {
  const after = addEnd(series(each(0)), FROM + 61_000, "failed");
  expect(after.failed.indexOf(1)).toBe(1);
  expect(sumOf(addEnd(after, FROM - 1, "failed")).failed).toBe(1);
});

test("a series that nobody looked at for two hours is empty", () => {
  expect(sumOf(advanceSeries(series(each(7)), LAST + 7_200_000))).toEqual({ succeeded: 0, failed: 0 });
});

test("within its last minute a series stays the same object", () => {
  const before = series(each(1));
  expect(advanceSeries(before, LAST + 59_999)).toBe(before);
  expect(advanceSeries(before, LAST - 3_600_000)).toBe(before);
});

test("there are always as many minutes, the last of which is the present one, and only what ended is added", () => {
  assert(
    property(
      numbers,
      integer({ min: -7200, max: 7200 }),
      constantFrom("succeeded" as const, "failed" as const),
      (values, seconds, outcome) => {
        const before = series(values, values);
        const now = LAST + seconds * 1000;
        const after = addEnd(before, now, outcome);
        expect([after.succeeded.length, after.failed.length]).toEqual([60, 60]);
        expect((Date.parse(after.from) - FROM) % 60_000).toBe(0);
        expect(Date.parse(after.from) + 60 * 60_000).toBeGreaterThan(now);
        const other = outcome === "failed" ? "succeeded" : "failed";
        expect(sumOf(after)[outcome] - sumOf(after)[other]).toBe(now < FROM ? 0 : 1);
      },
    ),
  );
});

test("an axis ends above its largest value, with a whole number in its middle", () => {
  assert(
    property(nat(1_000_000), (max) => {
      const top = roundTop(max);
      expect(top).toBeGreaterThanOrEqual(max);
      expect(top).toBeLessThanOrEqual(Math.max(4, max * 2));
      expect(Number.isInteger(top / 2)).toBe(true);
    }),
  );
});

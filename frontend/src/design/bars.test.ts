import { array, assert, nat, property } from "fast-check";
import { expect, test } from "vitest";

import type { Series } from "@/api/member";

import { columns, reach, timeTicks } from "./bars";

function series(succeeded: number[], failed: number[]): Series {
  return { from: "2026-03-02T08:16:00Z", step: 60, succeeded, failed };
}

test("what succeeded stands on the line and what failed hangs from it, so that greyscale tells them apart", () => {
  const [times, up, down] = columns(series([10, 0], [2, 5]));
  expect(times).toEqual([1772439360, 1772439420]);
  expect(up).toEqual([10, null]);
  expect(down?.map((value) => value ?? 0).every((value) => value < 0)).toBe(true);
});

test("one failure beside ten thousand can be seen", () => {
  const [, , down] = columns(series([10_000], [1]));
  expect(Math.abs(down?.[0] ?? 0)).toBeGreaterThan(200);
});

test("the line keeps its place when the first task fails", () => {
  expect(reach(series([100], [0]))).toEqual(reach(series([100], [1])));
});

test("every bar is within the chart", () => {
  const counts = array(nat(5_000), { minLength: 60, maxLength: 60 });
  assert(
    property(counts, counts, (succeeded, failed) => {
      const shown = series(succeeded, failed);
      const { up, down } = reach(shown);
      const [, above, below] = columns(shown);
      expect(Math.max(...(above ?? []).map((value) => value ?? 0))).toBeLessThanOrEqual(up);
      expect(Math.min(...(below ?? []).map((value) => value ?? 0))).toBeGreaterThanOrEqual(-down);
    }),
  );
});

test("times below the bars are round, and fewer where there is less room", () => {
  expect(timeTicks(0, 3600, 640)).toEqual([600, 1200, 1800, 2400, 3000]);
  expect(timeTicks(0, 3600, 260)).toEqual([1200, 2400]);
});

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { addSample, rateOf, type Sample } from "./rate";

const steady = (per_second: number, seconds: number): Sample[] =>
  Array.from({ length: seconds * 4 + 1 }, (_, quarter) => ({ at: quarter * 250, done: (per_second * quarter) / 4 }));

describe("the rate of a batch", () => {
  it("is what ends in a second, and says when the rest is done", () => {
    const samples = steady(8, 30).reduce<Sample[]>(addSample, []);
    expect(rateOf(samples, 500, 30_000)).toEqual({ per_second: 8, eta_seconds: (500 - 240) / 8 });
  });

  it("is not known in the first five seconds", () => {
    expect(rateOf(steady(8, 4), 500, 4_000)).toBeNull();
  });

  it("says no end while nothing ends", () => {
    const samples = [
      { at: 0, done: 10 },
      { at: 1_000, done: 10 },
    ];
    expect(rateOf(samples, 500, 20_000)).toEqual({ per_second: 0, eta_seconds: null });
  });

  it("falls while nothing ends any more", () => {
    const samples = steady(8, 10).reduce<Sample[]>(addSample, []);
    const before = rateOf(samples, 500, 10_000);
    const after = rateOf(samples, 500, 40_000);
    expect(after?.per_second).toBeLessThan(before?.per_second ?? 0);
  });

  it("begins anew when tasks run again", () => {
    const samples = [...steady(8, 30), { at: 31_000, done: 100 }].reduce<Sample[]>(addSample, []);
    expect(samples).toEqual([{ at: 31_000, done: 100 }]);
  });

  it("keeps no more than the samples of a minute, and is never negative", () => {
    const steps = fc.array(fc.record({ after: fc.integer({ min: 0, max: 5_000 }), more: fc.integer({ min: -50, max: 50 }) }), {
      maxLength: 400,
    });
    fc.assert(
      fc.property(steps, (all) => {
        let samples: Sample[] = [];
        let [at, done] = [0, 100];
        for (const { after, more } of all) {
          at += after;
          done = Math.max(0, done + more);
          samples = addSample(samples, { at, done });
          expect(samples.length).toBeLessThanOrEqual(256);
          expect(rateOf(samples, 1000, at)?.per_second ?? 0).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 30 },
    );
  });
});

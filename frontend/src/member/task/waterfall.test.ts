import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Attempt } from "@/api/member";

import { layOut } from "./waterfall";

const BEGIN = Date.parse("2030-01-01T00:00:00Z");
const at = (seconds: number): string => new Date(BEGIN + seconds * 1000).toISOString();

function attempt(fields: Partial<Attempt>): Attempt {
  const nothing = {
    started_at: null,
    ended_at: null,
    worker: null,
    wait_seconds: null,
    run_seconds: null,
    end: null,
    error: null,
    next_at: null,
  };
  return { run: 1, number: 1, queued_at: at(0), given: 0, ...nothing, ...fields };
}

describe("the waterfall of attempts", () => {
  it("shows how long each waited, ran, and paused before the next", () => {
    const [run] = layOut(
      [
        attempt({ started_at: at(10), ended_at: at(40), end: "retried", next_at: at(60) }),
        attempt({ number: 2, queued_at: at(60), started_at: at(60) }),
      ],
      BEGIN + 100_000,
    );
    expect(run?.bars.map((bar) => bar.how)).toEqual(["retried", "running"]);
    expect(run?.bars[0]?.segments).toEqual([
      { what: "queued", left: 0, width: 10 },
      { what: "ran", left: 10, width: 30 },
      { what: "pause", left: 40, width: 20 },
    ]);
    expect(run?.bars[1]?.segments).toEqual([
      { what: "queued", left: 60, width: 0 },
      { what: "ran", left: 60, width: 40 },
    ]);
  });

  it("gives each run an axis of its own, the newest first", () => {
    const runs = layOut(
      [
        attempt({ started_at: at(1), ended_at: at(2), end: "failed" }),
        attempt({ run: 2, queued_at: at(90_000), started_at: at(90_001), ended_at: at(90_002), end: "succeeded" }),
      ],
      BEGIN + 100_000_000,
    );
    expect(runs.map((run) => run.run)).toEqual([2, 1]);
    expect(runs.map((run) => run.bars[0]?.segments[1])).toEqual([
      { what: "ran", left: 50, width: 50 },
      { what: "ran", left: 50, width: 50 },
    ]);
  });

  it("leaves out all but the newest twenty of a run, and says how many", () => {
    const many = Array.from({ length: 25 }, (_, index) =>
      attempt({ number: index + 1, queued_at: at(index), ended_at: at(index), end: "retried" }),
    );
    const [run] = layOut(many, BEGIN);
    expect([run?.bars.length, run?.earlier, run?.bars[0]?.attempt.number]).toEqual([20, 5, 6]);
  });

  it("never draws outside of its axis, whatever the clocks say", () => {
    const time = fc.integer({ min: -50, max: 50 });
    const one = fc.record({ queued: time, started: fc.option(time), ended: fc.option(time), next: fc.option(time), now: time });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 5 }), (all) => {
        const attempts = all.map((each, index) =>
          attempt({
            number: index + 1,
            queued_at: at(each.queued),
            started_at: each.started === null ? null : at(each.started),
            ended_at: each.ended === null ? null : at(each.ended),
            next_at: each.next === null ? null : at(each.next),
          }),
        );
        for (const { bars } of layOut(attempts, BEGIN + (all[0]?.now ?? 0) * 1000)) {
          for (const { left, width } of bars.flatMap((bar) => bar.segments)) {
            expect(left).toBeGreaterThanOrEqual(0);
            expect(width).toBeGreaterThanOrEqual(0);
            expect(left + width).toBeLessThanOrEqual(100 + 1e-9);
          }
        }
      }),
    );
  });
});

import { expect, test } from "vitest";

import type { Gauges, LaneGauge, OperationsV1 } from "@/api/admin";

import golden from "../../../../tests/bff/golden/OperationsV1.json";
import { changesOperations, reduceOperations } from "./reduce";

const FULL = golden.full as OperationsV1;
const LANE: LaneGauge = {
  kind: "table_profile",
  priority: "low",
  queued: 30,
  oldest_seconds: 4,
  running: 2,
  redelivered: 0,
  pulls: 1,
  paused: false,
};

function gauges(...lanes: LaneGauge[]): Gauges {
  return { at: FULL.at, lanes, behind: 7, log_bytes: 1, log_bytes_max: 2, replicas_wanted: 1, replicas_current: 1, streams: 1 };
}

function after(...lanes: LaneGauge[]): OperationsV1 {
  return reduceOperations(FULL, { event: "gauges", position: null, hint: gauges(...lanes) });
}

test("gauges say what waits by priority, how long the oldest has, and what runs", () => {
  const [kind] = after(LANE, { ...LANE, priority: "high", queued: 2, oldest_seconds: 9, running: 1 }).kinds ?? [];
  expect(kind).toMatchObject({ waiting: { high: 2, normal: 0, low: 30 }, oldest_waiting_seconds: 9, in_flight: 3 });
});

test("the one queue of a kind with a limit is under normal", () => {
  expect(after({ ...LANE, priority: null }).kinds?.[0]?.waiting).toEqual({ high: 0, normal: 30, low: 0 });
});

test("a kind that the gauges do not name stays as it is, and still says who paused it", () => {
  expect(after(LANE).kinds?.[1]).toBe(FULL.kinds?.[1]);
});

test("a kind that was paused just now is paused, whoever did it", () => {
  expect(after({ ...LANE, paused: true }).kinds?.[0]?.paused).toEqual({ by: null, at: null });
});

test("the projector is as far behind as the gauges say", () => {
  expect(after(LANE).readers?.[0]?.waiting).toBe(7);
});

test("what ends counts in the hour of its kind and of all", () => {
  const screen = reduceOperations(FULL, {
    event: "finished",
    task: "a",
    kind: "table_profile",
    at: FULL.at,
    outcome: "failed",
    position: "1-1",
  });
  expect(screen.last_hour).toEqual({ succeeded: 21, failed: 2 });
  expect(screen.kinds?.[0]?.failed_last_hour).toBe(2);
  expect(screen.kinds?.[1]).toBe(FULL.kinds?.[1]);
});

test("only a kind that changed makes the screen be asked for again", () => {
  const hint = { kind: "k", change: "paused" as const, has_workers: true, paused: true, announced_at: FULL.at };
  expect(changesOperations({ event: "kind", position: null, hint })).toBe(true);
  expect(changesOperations({ event: "gauges", position: null, hint: gauges() })).toBe(false);
});

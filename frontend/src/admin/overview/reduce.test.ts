import { expect, test } from "vitest";

import type { Gauges, OverviewV1 } from "@/api/admin";

import golden from "../../../../tests/bff/golden/OverviewV1.json";
import { changesOverview, reduceOverview } from "./reduce";

const FULL = golden.full as OverviewV1;
const GAUGES: Gauges = {
  at: "2026-03-02T09:15:02Z",
  lanes: [],
  behind: 0,
  log_bytes: 900,
  log_bytes_max: 1000,
  replicas_wanted: 3,
  replicas_current: 3,
  streams: 1,
};

test("gauges replace what is known of the log and of the lists", () => {
  const { health } = reduceOverview(FULL, { event: "gauges", position: null, hint: GAUGES });
  expect(health?.log).toMatchObject({ bytes: 900, bytes_max: 1000, messages: 4_100_000, replicas: { wanted: 3, current: 3 } });
  expect(health?.read_model).toEqual({ behind: 0, behind_seconds: 0 });
});

test("a health that could not be read stays unknown", () => {
  const missing: OverviewV1 = { ...FULL, health: null };
  expect(reduceOverview(missing, { event: "gauges", position: null, hint: GAUGES })).toBe(missing);
});

test("what ends is in its minute, but for what was cancelled", () => {
  const end = { event: "finished", task: "a", kind: "k", at: FULL.at, position: "1-1" } as const;
  const before = FULL.throughput?.succeeded.at(-1) ?? 0;
  expect(reduceOverview(FULL, { ...end, outcome: "succeeded" }).throughput?.succeeded.at(-1)).toBe(before + 1);
  expect(reduceOverview(FULL, { ...end, outcome: "cancelled" })).toBe(FULL);
});

test("an account that registers makes the overview be asked for again", () => {
  expect(changesOverview({ event: "users", position: null, hint: { user: "u", change: "registered", state: "pending" } })).toBe(true);
  expect(changesOverview({ event: "gauges", position: null, hint: GAUGES })).toBe(false);
});
